"""The teacher's word counts on rendered heads where it is about right, the renderer's elsewhere."""

import numpy as np
import pytest

from portrait_alive.shape import topology
from portrait_alive.training.tracker.taught_heads import taught_points
from portrait_alive.types import Float, Landmarks

LIPS, BROWS, EYES, IRISES, CONTOUR = (
    list(topology.GROUPS[name]) for name in ("mouth", "brows", "eyes", "irises", "contour")
)


@pytest.fixture
def exact() -> Float:
    points = np.random.default_rng(0).uniform(60, 140, (478, 3)).astype(np.float32)
    right, left = topology.EYE_CORNERS[0], topology.EYE_CORNERS[3]
    points[right, :2], points[left, :2] = (55, 90), (145, 90)  # the unit is 60 px
    upper, lower = list(topology.UPPER_LIP_INNER), list(topology.LOWER_LIP_INNER)
    points[lower] = points[upper]
    return points


def taught(exact: Float, *faces: Float) -> Float | None:
    seen = [Landmarks(points, np.ones(len(points), np.float32), 1.0) for points in faces]
    return taught_points(seen, exact)


def test_what_agrees_is_the_teachers_but_for_eyes_and_depth(exact: Float) -> None:
    seen = exact + np.float32(2)
    points = taught(exact, exact + np.float32(90), seen)
    assert points is not None
    np.testing.assert_array_equal(points[:, 2], exact[:, 2])
    np.testing.assert_array_equal(points[EYES + IRISES], exact[EYES + IRISES])
    for part in (LIPS, BROWS, CONTOUR, [topology.NOSE_TIP]):
        np.testing.assert_array_equal(points[part, :2], seen[part, :2])


def test_a_part_that_the_teacher_puts_elsewhere_is_the_renderers(exact: Float) -> None:
    seen = exact + np.float32(2)
    seen[BROWS] += 12
    points = taught(exact, seen)
    assert points is not None
    np.testing.assert_array_equal(points[BROWS], exact[BROWS])
    np.testing.assert_array_equal(points[LIPS, :2], seen[LIPS, :2])


def test_the_outline_may_be_allowed_to_lie_farther_off(exact: Float) -> None:
    seen = exact.copy()
    seen[CONTOUR, 0] += 10  # a sixth of the unit
    faces = [Landmarks(seen, np.ones(len(seen), np.float32), 1.0)]
    own, teachers = taught_points(faces, exact), taught_points(faces, exact, outline_agreed=0.3)
    assert own is not None
    assert teachers is not None
    np.testing.assert_array_equal(own[CONTOUR], exact[CONTOUR])
    np.testing.assert_array_equal(teachers[CONTOUR, :2], seen[CONTOUR, :2])


def test_lips_part_as_they_were_rendered(exact: Float) -> None:
    seen = exact.copy()
    seen[list(topology.LOWER_LIP_INNER), 1] += 5
    points = taught(exact, seen)
    assert points is not None
    np.testing.assert_array_equal(points[LIPS], exact[LIPS])


def test_another_face_is_no_witness(exact: Float) -> None:
    assert taught(exact) is None
    assert taught(exact, exact + np.float32(30)) is None
