import math

import numpy as np
import pytest
from face_material import smooth_picture

from portrait_alive.evaluation.flicker import flicker, restlessness


def _noisy(count: int, level: float, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    base = smooth_picture(40, 40).astype(np.float32) / 2 + 60
    return [np.clip(base + level * rng.normal(size=base.shape), 0, 255).astype(np.uint8) for _ in range(count)]


def test_a_still_and_a_steady_fade_do_not_flicker():
    still = [smooth_picture(40, 40)] * 5
    fade = [np.full((20, 20, 3), 50 + 4 * t, np.uint8) for t in range(8)]
    assert restlessness(still) == 0
    assert restlessness(fade) == pytest.approx(0, abs=1e-4)


def test_jumping_there_and_back_is_measured_in_grey_levels():
    blinking = [np.full((20, 20, 3), 100 + 6 * (t % 2), np.uint8) for t in range(9)]
    assert restlessness(blinking) == pytest.approx(6, abs=1e-3)


def test_against_the_truths_own():
    truth = _noisy(12, 3)
    assert flicker(truth, truth) == 1
    assert flicker(_noisy(12, 3, seed=9), truth) == pytest.approx(1, abs=0.1)
    assert flicker(_noisy(12, 9, seed=9), truth) > 2
    assert flicker([truth[0]] * 12, truth) == 0


def test_what_cannot_be_said_is_not_said():
    assert math.isnan(flicker(_noisy(5, 3), [smooth_picture(40, 40)] * 5))
    assert math.isnan(restlessness(_noisy(2, 3)))
