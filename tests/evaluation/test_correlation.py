import numpy as np
import pytest
from face_material import made_up_mesh, turned

from portrait_alive.evaluation.correlation import agreement, agreements, head_axes, motion_tracks

T = np.linspace(0, 4 * np.pi, 60)


def _clip(amount: float = 1.0, scale: float = 1.0, tilt: float = 0.0):
    """A head that does everything at once, each thing at its own pace; `amount` scales all movements."""
    frames = []
    for t in T:
        mesh = made_up_mesh(
            jaw=amount * 12 * (1 + np.sin(3 * t)),
            lids=12 - amount * 5 * (1 + np.cos(5 * t)),
            gaze=(amount * 4 * np.sin(2 * t), amount * 3 * np.cos(2 * t)),
            smile=amount * 8 * np.sin(t),
        )
        mesh = turned(
            mesh, yaw=amount * 0.3 * np.sin(t), pitch=amount * 0.2 * np.cos(t), roll=amount * 0.1 * np.sin(2 * t)
        )
        frames.append(turned(scale * mesh, roll=tilt) + np.array([300 + 5 * t, 200, 0], np.float32))
    return np.stack(frames).astype(np.float32)


def test_a_clip_agrees_with_itself():
    found = agreements(_clip(), _clip())
    assert {"yaw", "pitch", "roll", "jaw", "right lid", "left lid", "smile", "gaze x", "gaze y"} <= set(found)
    for one in found.values():
        assert one.correlation == pytest.approx(1, abs=1e-5)
        assert one.gain == pytest.approx(1, abs=1e-5)


def test_size_place_and_tilt_of_the_head_do_not_matter():
    for name, one in agreements(_clip(), _clip(scale=0.4, tilt=0.5)).items():
        assert one.correlation == pytest.approx(1, abs=2e-3), name
        assert one.gain == pytest.approx(1, abs=2e-2), name


def test_half_the_movement_is_half_the_gain_and_full_correlation():
    found = agreements(_clip(), _clip(amount=0.5))
    for name in ("yaw", "pitch", "roll", "jaw", "gaze x", "gaze y"):
        assert found[name].gain == pytest.approx(0.5, abs=0.05), name
        assert found[name].correlation > 0.98, name


def test_only_what_the_driver_moves_is_judged():
    resting = np.stack([made_up_mesh() + 300] * 20)
    assert agreements(resting, _clip()[:20]) == {}
    nodding = np.stack([turned(made_up_mesh(), pitch=0.2 * np.sin(t)) for t in T])
    assert set(agreements(nodding, _clip())) == {"pitch"}


def test_an_output_that_does_not_move_has_no_gain():
    dead = agreement(np.sin(T).astype(np.float32), np.full(60, 3, np.float32))
    assert (dead.correlation, dead.gain) == (0, 0)


def test_frames_without_a_face_are_left_out():
    driver, output = _clip(), _clip()
    output[10:15] = np.nan
    assert agreements(driver, output)["yaw"].correlation == pytest.approx(1, abs=1e-3)
    assert np.isnan(motion_tracks(output)["yaw"][10:15]).all()


def test_signs_of_the_turns():
    # right-handed about y (down), x (to the subject's left) and z (away)
    mesh = made_up_mesh()
    clip = np.stack([mesh, turned(mesh, yaw=0.3), turned(mesh, pitch=0.2), turned(mesh, roll=0.25), mesh, mesh])
    tracks = motion_tracks(clip)
    assert tracks["yaw"] == pytest.approx([0, 0.3, 0, 0, 0, 0], abs=1e-3)
    assert tracks["pitch"] == pytest.approx([0, 0, 0.2, 0, 0, 0], abs=1e-3)
    assert tracks["roll"] == pytest.approx([0, 0, 0, 0.25, 0, 0], abs=1e-3)


def test_head_axes_are_orthonormal_and_turn_with_the_head():
    mesh = made_up_mesh()
    axes = head_axes(mesh)
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-5)
    assert np.linalg.det(axes) == pytest.approx(1, abs=1e-5)
    rotation = turned(np.eye(3, dtype=np.float32), yaw=0.4, roll=0.2).T
    assert head_axes(turned(mesh, yaw=0.4, roll=0.2)) == pytest.approx(axes @ rotation.T, abs=1e-4)
