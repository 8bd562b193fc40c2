"""Foreseen crops: steady motion is met, a resting face's noise is not followed, a jump is followed at once."""

import math

import numpy as np
import pytest

from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.crop_path import CropPath, distance

SIDE = 200.0


def crop_at(x: float, y: float, side: float = SIDE, angle: float = 0.0) -> FaceCrop:
    return FaceCrop((x, y), side, angle, 128)


def test_a_resting_face_stays_in_its_crop_whatever_the_noise() -> None:
    rng = np.random.default_rng(0)
    path = CropPath(crop_at(100, 100))
    crops = []
    for _ in range(60):
        x, y = 100 + rng.normal(0, 1.0, 2)
        path = path.led_to(crop_at(float(x), float(y)), 1)
        crops.append(path.crop.centre)
    assert np.diff(np.array(crops), axis=0).std() < 0.25


@pytest.mark.parametrize("step", [2.0, 6.0, 20.0])
def test_steady_motion_is_kept_up_with(step: float) -> None:
    path = CropPath(crop_at(0, 0))
    for frame in range(1, 30):
        path = path.led_to(crop_at(step * frame, 0), 1)
    assert distance(path.after(1), crop_at(step * 30, 0)) < 0.05


def test_a_jump_is_followed_at_once() -> None:
    there = crop_at(160, 80, side=260, angle=0.5)
    path = CropPath(crop_at(100, 100)).led_to(there, 1)
    assert distance(path.crop, there) < 1e-6


def test_roll_goes_the_short_way_round() -> None:
    path = CropPath(crop_at(0, 0, angle=math.pi - 0.05)).led_to(crop_at(0, 0, angle=-math.pi + 0.05), 1)
    assert abs(path.turn) < 0.2
    assert distance(path.crop, crop_at(0, 0, angle=math.pi + 0.05)) < 1e-6


def test_distance_is_the_worst_of_shift_zoom_and_roll() -> None:
    here = crop_at(0, 0)
    assert distance(here, crop_at(20, 0)) == pytest.approx(0.1)
    assert distance(here, crop_at(0, 0, side=SIDE * 1.2)) == pytest.approx(math.log(1.2))
    assert distance(here, crop_at(1, 0, angle=0.3)) == pytest.approx(0.3)
