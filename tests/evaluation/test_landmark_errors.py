from dataclasses import astuple

import numpy as np
import pytest
from face_material import made_up_mesh, turned

from portrait_alive.evaluation.landmark_errors import (
    angle_deg,
    gaze_offsets,
    interocular_distance,
    landmark_errors,
    lid_openings,
    turn_between,
)


def test_nothing_is_wrong_with_the_truth_itself():
    mesh = made_up_mesh(jaw=10)
    assert astuple(landmark_errors(mesh, mesh)) == pytest.approx((0,) * 5, abs=1e-3)


def test_errors_are_percent_of_the_interocular_distance():
    truth = made_up_mesh()
    iod = interocular_distance(truth)
    assert iod == pytest.approx(85)
    shifted = truth + np.array([0.03 * iod, 0.04 * iod, 0], np.float32)
    errors = landmark_errors(shifted, truth)
    assert errors.landmarks == pytest.approx(5, abs=1e-3)
    assert (errors.mouth_opening, errors.lids, errors.gaze) == pytest.approx((0, 0, 0), abs=1e-3)
    assert landmark_errors(made_up_mesh(jaw=8.5), truth).mouth_opening == pytest.approx(10, abs=1e-3)
    assert landmark_errors(made_up_mesh(lids=8 + 1.7), truth).lids == pytest.approx(2, abs=1e-3)
    assert landmark_errors(made_up_mesh(gaze=(5.1, 6.8)), truth).gaze == pytest.approx(10, abs=1e-3)


def test_errors_do_not_depend_on_the_picture_size():
    output, truth = made_up_mesh(jaw=9, gaze=(2, 1)), made_up_mesh()
    small, large = landmark_errors(output, truth), landmark_errors(output * 4 + 100, truth * 4 + 100)
    assert astuple(small) == pytest.approx(astuple(large), rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("angle", [0.02, 0.3, 0.9])
def test_pose_error_is_the_angle_between_the_heads(angle):
    truth = turned(made_up_mesh(), yaw=0.2, pitch=0.1)
    output = turned(truth, yaw=angle) + np.array([40, -7, 0], np.float32)
    assert landmark_errors(output, truth).pose_deg == pytest.approx(np.degrees(angle), rel=1e-3)
    assert angle_deg(turn_between(truth, output)) == pytest.approx(np.degrees(angle), rel=1e-3)


def test_gaze_is_seen_from_the_head_not_from_the_picture():
    straight = gaze_offsets(made_up_mesh(gaze=(6, -3)))
    tilted = gaze_offsets(turned(made_up_mesh(gaze=(6, -3)), roll=0.5))
    assert straight == pytest.approx(np.array([[6, -3], [6, -3]]), abs=1e-3)
    assert tilted == pytest.approx(straight, abs=1e-3)


def test_the_lids_are_told_apart():
    mesh = made_up_mesh(lids=10)
    mesh[159] = mesh[145]
    assert lid_openings(mesh) == pytest.approx((0, 10))
