"""One known face through frames: what was put in comes out, alone or with other frames."""

import numpy as np
import pytest
from motion_material import driver_meshes

from portrait_alive.motion.angles import angles_of
from portrait_alive.motion.following import Follower, meet_subject
from portrait_alive.motion.measures import measured, measured_all
from portrait_alive.types import Landmarks

COUNT = 30


@pytest.fixture(scope="module")
def rotation():
    time = np.arange(COUNT) / 25.0
    return np.stack([0.4 * np.sin(3 * time), 0.1 * np.cos(4 * time), 0.05 * np.sin(5 * time)], 1)


@pytest.fixture(scope="module")
def jaw():
    return np.clip(np.sin(np.arange(COUNT) / 4.0), 0, None)


@pytest.fixture(scope="module")
def meshes(basis, rotation, jaw):
    return np.stack(driver_meshes(basis, rotation, expression={"jawOpen": jaw}))


@pytest.fixture(scope="module")
def follower(meshes, fitter):
    frames = [Landmarks(mesh, np.ones(len(mesh), np.float32), 1.0) for mesh in meshes]
    return Follower.of(fitter, meet_subject(frames, fitter))


def test_pose_and_expression_are_those_of_the_meshes(follower, meshes, rotation, jaw):
    followed = follower.follow_all(meshes, None)
    turned = angles_of(np.stack([frame.pose.rotation for frame in followed]))
    assert np.abs((turned - turned[0]) - (rotation - rotation[0])).max() < 0.06
    opened = [frame.expression[follower.fitter.basis.expression_names.index("jawOpen")] for frame in followed]
    assert np.corrcoef(opened, jaw)[0, 1] > 0.95
    assert max(frame.residual for frame in followed) < 0.02


def test_frames_together_are_explained_like_one_after_another(follower, meshes):
    together = follower.follow_all(meshes, None)
    before = None
    for frame, mesh in zip(together, meshes, strict=True):
        before = follower.follow(mesh, before)
        np.testing.assert_allclose(frame.expression, before.expression, atol=1e-6)
        np.testing.assert_allclose(frame.pose.rotation, before.pose.rotation, atol=1e-6)
        assert frame.residual == pytest.approx(before.residual, abs=1e-9)


def test_explained_shapes_lie_on_the_points(follower, meshes):
    followed = follower.follow_all(meshes, None)
    for frame, shape, mesh in zip(followed, follower.shapes_of(followed), meshes, strict=True):
        np.testing.assert_allclose(shape, follower.shape(frame))
        explained = frame.pose.scale * shape @ frame.pose.rotation[:2].T + frame.pose.translation[:2]
        off = np.linalg.norm(explained - mesh[:, :2], axis=1)[:468].mean()
        assert off == pytest.approx(frame.residual * frame.pose.scale * np.linalg.norm(_eyes_apart(follower)), rel=1e-3)


def _eyes_apart(follower):
    rest = follower.subject.rest[:, :2]
    return rest[[362, 263]].mean(0) - rest[[33, 133]].mean(0)


def test_measures_of_many_are_those_of_each(follower, meshes):
    shapes = follower.shapes_of(follower.follow_all(meshes, None))
    for one, many in zip(map(measured, shapes), measured_all(shapes), strict=True):
        np.testing.assert_array_equal(one.gaze, many.gaze)
        np.testing.assert_array_equal(one.lid_heights, many.lid_heights)
        np.testing.assert_allclose(one.lid_opening, np.maximum(one.lid_heights[:, 1] - one.lid_heights[:, 0], 0) / 2)
        assert one.mouth == many.mouth
