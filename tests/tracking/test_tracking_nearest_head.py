"""Faces seen once are drawn towards what heads look like."""

import numpy as np
import pytest

from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis, load_basis, place
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.tracking.nearest_head import drawn_to_nearest_head
from portrait_alive.types import MESH_POINTS, Float, HeadPose, Landmarks
from portrait_alive.weights import SHAPE_BASIS, weight_path

_SKIN = sorted(
    set(range(MESH_POINTS))
    - set(topology.GROUPS["eyes"] + topology.GROUPS["irises"] + topology.GROUPS["contour"] + topology.GROUPS["mouth"])
)


@pytest.fixture(scope="module")
def fitter() -> HeadFitter:
    return HeadFitter.of(load_basis(weight_path(SHAPE_BASIS)))


def _head(basis: ShapeBasis, yaw: float) -> Float:
    """(478, 3) a head of the basis, turned, some 200 px wide."""
    identity = np.zeros(len(basis.identity), np.float32)
    identity[:3] = (1.0, -0.8, 0.6)
    shape = basis.shape(identity, np.zeros(len(basis.expression), np.float32))[:MESH_POINTS]
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]], np.float32)
    return place(shape, HeadPose(turn, np.array([160, 150, 0], np.float32), 14.0))


def _seen(points: Float) -> Landmarks:
    return Landmarks(points, np.ones(MESH_POINTS, np.float32), 1.0)


@pytest.mark.parametrize("yaw", [0.0, 0.6])
def test_points_that_no_head_has_come_nearer_to_the_truth(fitter: HeadFitter, yaw: float) -> None:
    truth = _head(fitter.basis, yaw)
    wrong = truth.copy()
    wrong[:, :2] += np.random.default_rng(3).normal(0, 3.0, (MESH_POINTS, 2)).astype(np.float32)
    drawn = drawn_to_nearest_head(_seen(wrong), fitter).points

    before, after = (np.linalg.norm((p - truth)[_SKIN, :2], axis=1).mean() for p in (wrong, drawn))

    assert after < 0.65 * before


def test_a_head_of_the_basis_stays_where_it_is(fitter: HeadFitter) -> None:
    truth = _head(fitter.basis, 0.3)

    drawn = drawn_to_nearest_head(_seen(truth), fitter).points

    assert np.linalg.norm((drawn - truth)[:, :2], axis=1).max() < 0.8  # of 87 px between the eyes


def test_lids_irises_and_the_gap_between_the_lips_are_kept(fitter: HeadFitter) -> None:
    points = _head(fitter.basis, 0.4)
    points[:, :2] += np.random.default_rng(5).normal(0, 2.0, (MESH_POINTS, 2)).astype(np.float32)

    drawn = drawn_to_nearest_head(_seen(points), fitter).points

    kept = list(topology.GROUPS["eyes"] + topology.GROUPS["irises"])
    upper, lower = list(topology.UPPER_LIP_INNER), list(topology.LOWER_LIP_INNER)
    np.testing.assert_array_equal(drawn[kept], points[kept])
    np.testing.assert_allclose((drawn[lower] - drawn[upper]), (points[lower] - points[upper]), atol=1e-4)
    np.testing.assert_array_equal(drawn[:, 2], points[:, 2])
