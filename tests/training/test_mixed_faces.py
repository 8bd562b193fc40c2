"""Faces between two taught ones: nobody new where nothing is mixed, the other's paint and mesh where all is."""

import cv2
import numpy as np
import pytest

from portrait_alive.shape import topology
from portrait_alive.training.tracker.mixed_faces import mixed

SIZE = 128
BROWN, PINK = np.array([120, 80, 60]), np.array([230, 180, 170])


def face(colour: np.ndarray, chin: float) -> tuple[np.ndarray, np.ndarray]:
    """A disc of one colour with texture, and mesh points over it; the lower half is `chin` times as long."""
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    reach = 38 * np.sqrt(rng.uniform(0.02, 1, 478))
    points = np.stack([64 + reach * np.cos(angle), 60 + reach * np.sin(angle), np.zeros(478)], 1)
    for index, place in zip(topology.EYE_CORNERS, ((44, 50), (56, 50), (72, 50), (84, 50)), strict=True):
        points[index, :2] = place
    points[topology.NOSE_TIP, :2] = (64, 60)
    below = points[:, 1] > 62
    points[below, 1] = 62 + (points[below, 1] - 62) * chin
    pixels = np.full((SIZE, SIZE, 3), 40, np.uint8)
    cv2.circle(pixels, (64, 60), 40, colour.tolist(), -1)
    return pixels, points.astype(np.float32)


@pytest.fixture
def pair():
    return face(BROWN, 1.0), face(PINK, 1.3)


def test_nothing_mixed_is_the_first_face(pair):
    pixels, points = mixed(*pair, shape=0.0, skin=0.0)
    np.testing.assert_allclose(points, pair[0][1], atol=1e-4)
    assert np.abs(pixels.astype(int) - pair[0][0]).mean() < 1


def test_the_other_s_skin_on_the_other_s_mesh(pair):
    pixels, points = mixed(*pair, shape=1.0, skin=1.0)
    assert np.linalg.norm(points - pair[1][1], axis=1).mean() < 1
    np.testing.assert_allclose(pixels[60, 64], PINK, atol=3)
    np.testing.assert_array_equal(pixels[3, 3], pair[0][0][3, 3])


def test_halfway_is_between(pair):
    pixels, points = mixed(*pair, shape=0.5, skin=0.5)
    long = [face_points[:, 1].max() for face_points in (pair[0][1], points, pair[1][1])]
    assert long[0] + 2 < long[1] < long[2] - 2
    np.testing.assert_allclose(pixels[60, 64], (BROWN + PINK) / 2, atol=3)
