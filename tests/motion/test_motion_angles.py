import numpy as np

from portrait_alive.motion.angles import angles_of, matrix_of, scaled_rotation
from portrait_alive.motion.limits import softly


def test_angles_survive_the_way_through_a_matrix():
    angles = np.random.default_rng(0).uniform(-1.2, 1.2, (50, 3)).astype(np.float32)
    np.testing.assert_allclose(angles_of(matrix_of(angles)), angles, atol=1e-5)


def test_signs_are_as_the_viewer_sees_them():
    nose, right = np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0])
    assert (matrix_of(np.array([0.3, 0, 0])) @ nose)[0] > 0  # yaw: to the viewer's right
    assert (matrix_of(np.array([0, 0.3, 0])) @ nose)[1] < 0  # pitch: up
    assert (matrix_of(np.array([0, 0, 0.3])) @ right)[1] > 0  # roll: clockwise


def test_half_a_rotation_twice_is_the_rotation():
    rotation = matrix_of(np.array([0.4, -0.3, 0.2]))
    half = scaled_rotation(rotation, 0.5)
    np.testing.assert_allclose(half @ half, rotation, atol=1e-9)
    np.testing.assert_allclose(scaled_rotation(rotation, 0.0), np.eye(3), atol=1e-12)


def test_a_soft_limit_is_straight_inside_monotonic_and_never_passed():
    values = np.linspace(-5, 5, 401)
    kept = np.array([softly(v, -0.5, 1.0) for v in values])
    assert (np.diff(kept) >= 0).all()
    assert kept.min() >= -0.5
    assert kept.max() <= 1.0
    inside = (values > -0.25) & (values < 0.5)
    np.testing.assert_array_equal(kept[inside], values[inside])
