"""A similarity is found again from points it moved, and noise moves it little."""

import numpy as np
import pytest

from portrait_alive.tracking.similarity import Similarity


@pytest.mark.parametrize(("zoom", "turn"), [(1.0, 0.0), (1.3, 0.4), (0.5, -2.0)])
def test_is_found_from_points_it_moved(zoom: float, turn: float) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0, 50, (6, 2)).astype(np.float32)
    true = Similarity(zoom * complex(np.cos(turn), np.sin(turn)), complex(30, -7))
    found = Similarity.between(points, true(points))
    others = rng.normal(0, 50, (9, 2)).astype(np.float32)
    np.testing.assert_allclose(found(others), true(others), atol=1e-3)


def test_x_to_the_right_turns_towards_y_down_and_depth_is_zoomed() -> None:
    moved = Similarity(2j, 0j)(np.array([[1.0, 0.0, 3.0]], np.float32))
    np.testing.assert_allclose(moved, [[0.0, 2.0, 6.0]])
    assert moved.dtype == np.float32


def test_points_in_one_place_are_only_shifted() -> None:
    found = Similarity.between(np.ones((3, 2), np.float32), np.full((3, 2), 5, np.float32))
    np.testing.assert_allclose(found(np.ones((1, 2), np.float32)), [[5, 5]], atol=1e-5)
