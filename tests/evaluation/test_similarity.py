import numpy as np
import pytest

from portrait_alive.evaluation.similarity import fit_similarity


def _rotation(dimensions: int, seed: int) -> np.ndarray:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimensions, dimensions)))
    q = q * np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] *= -1
    return q


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_finds_the_similarity_that_made_the_target(dimensions, seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(12, dimensions)).astype(np.float32)
    rotation, shift = _rotation(dimensions, seed), rng.normal(size=dimensions)
    scale, found, moved = fit_similarity(points, 2.5 * points @ rotation.T + shift)
    assert scale == pytest.approx(2.5, rel=1e-5)
    assert found == pytest.approx(rotation, abs=1e-5)
    assert moved == pytest.approx(shift, abs=1e-4)


def test_a_mirror_image_is_still_met_by_a_proper_rotation():
    points = np.random.default_rng(0).normal(size=(10, 3))
    _, rotation, _ = fit_similarity(points, points * np.array([-1, 1, 1]))
    assert np.linalg.det(rotation) == pytest.approx(1)
