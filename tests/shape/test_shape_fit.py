"""One face, explained by the shape basis."""

import numpy as np
import pytest

from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.types import MESH_POINTS, Float, HeadFit, HeadPose, Landmarks
from portrait_alive.weights import SHAPE_BASIS, weight_path


@pytest.fixture(scope="module")
def fitter() -> HeadFitter:
    return HeadFitter.of(load_basis(weight_path(SHAPE_BASIS)))


def _head(basis: ShapeBasis, *, yaw: float = 0.4, **expressions: float) -> HeadFit:
    identity = np.zeros(len(basis.identity), np.float32)
    identity[:4] = (1.2, -0.9, 0.7, -0.5)
    expression = np.zeros(len(basis.expression), np.float32)
    for name, weight in expressions.items():
        expression[basis.expression_index(name)] = weight
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
    return HeadFit(HeadPose(turn, np.array([160, 150, 0], np.float32), 14.0), identity, expression)


def _fitted(fitter: HeadFitter, points: Float) -> HeadFit:
    return fitter.fit(Landmarks(points[:MESH_POINTS], np.ones(MESH_POINTS, np.float32), 1.0))


@pytest.mark.parametrize("expressions", [{}, {"jawOpen": 0.6}, {"mouthSmile_L": 0.8, "mouthSmile_R": 0.8}])
def test_a_head_of_the_basis_is_found(fitter: HeadFitter, expressions: dict[str, float]) -> None:
    truth = _head(fitter.basis, **expressions)
    points = fitter.basis.project(truth)

    found = _fitted(fitter, points)

    off = np.linalg.norm((fitter.basis.project(found) - points)[:MESH_POINTS, :2], axis=1)
    assert off.mean() < 1.0  # of some 87 px between the eyes: ridges hold it back
    assert np.degrees(np.arccos((np.trace(found.pose.rotation @ truth.pose.rotation.T) - 1) / 2)) < 3
    for name, weight in expressions.items():
        assert found.expression[fitter.basis.expression_index(name)] == pytest.approx(weight, abs=0.25)


def test_no_expression_is_negative_or_far_beyond_a_full_one(fitter: HeadFitter) -> None:
    points = fitter.basis.project(_head(fitter.basis))
    points[:, :2] += np.random.default_rng(2).normal(0, 4.0, (len(points), 2)).astype(np.float32)

    expression = _fitted(fitter, points).expression

    assert (expression >= 0).all()
    assert (expression <= 1.5).all()


def test_size_and_place_in_the_picture_change_the_pose_alone(fitter: HeadFitter) -> None:
    points = fitter.basis.project(_head(fitter.basis, jawOpen=0.5))
    small = _fitted(fitter, points)
    large = _fitted(fitter, 3 * points + np.array([1000, 400, 0], np.float32))

    np.testing.assert_allclose(large.identity, small.identity, atol=2e-3)
    np.testing.assert_allclose(large.expression, small.expression, atol=2e-3)
    np.testing.assert_allclose(large.pose.rotation, small.pose.rotation, atol=1e-4)
    assert large.pose.scale == pytest.approx(3 * small.pose.scale, rel=1e-4)
