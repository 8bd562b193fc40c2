from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from portrait_alive.errors import UsageError
from portrait_alive.motion import editing
from portrait_alive.motion.plot import plot_motion
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.tracks import TRACK_NAMES

MOVING = ("rotation", "translation", "expression", "lids", "gaze", "mouth")


def same(one, other, atol=0.0):
    for name in TRACK_NAMES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=atol, err_msg=name)


def fastest(track):
    return np.abs(np.diff(track.astype(np.float64), axis=0)).max()


def test_mirrored_twice_is_the_motion_and_once_is_not(lively):
    once = editing.mirrored(lively)
    same(editing.mirrored(once), lively)
    np.testing.assert_array_equal(once.lids[:, 0], lively.lids[:, 1])
    np.testing.assert_array_equal(once.rotation[:, 0], -lively.rotation[:, 0])
    smile = lively.expression_names.index
    np.testing.assert_array_equal(
        once.expression[:, smile("mouthSmile_R")], lively.expression[:, smile("mouthSmile_L")]
    )


def test_retimed_keeps_the_path_and_divides_the_duration(lively):
    slow = editing.retimed(lively, 0.5)
    assert slow.duration_s == pytest.approx(2 * lively.duration_s, abs=0.05)
    np.testing.assert_allclose(slow.rotation[::2], lively.rotation, atol=1e-6)
    assert editing.retimed(slow, 2.0).frame_count == lively.frame_count
    with pytest.raises(UsageError, match=r"0\.1 to 10"):
        editing.retimed(lively, 0)


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(60), Fraction(12), Fraction(25)])
def test_resampling_keeps_duration_and_curve(lively, fps):
    there = lively.resampled(fps)
    assert abs(there.duration_s - lively.duration_s) <= 0.5 / float(fps) + 1e-9
    assert there.fps == fps
    times = np.arange(there.frame_count) / float(fps)
    inside = times <= 2.95
    wanted = 0.2 * np.sin(2 * np.pi * 0.5 * times)
    np.testing.assert_allclose(there.rotation[inside, 0], wanted[inside], atol=2e-3)
    assert there.lids.min() >= lively.lids.min()
    assert there.lids.max() <= lively.lids.max()  # no overshoot


def test_trimmed_is_a_part_and_an_empty_part_is_refused(lively):
    part = editing.trimmed(lively, 1.0, 2.0)
    assert part.frame_count == 25
    np.testing.assert_array_equal(part.rotation, lively.rotation[25:50])
    for start, end in ((4.0, None), (2.0, 1.0), (-1.0, 1.0)):
        with pytest.raises(UsageError):
            editing.trimmed(lively, start, end)


def test_joined_has_no_jump_at_the_seam(lively):
    other = replace(editing.mirrored(lively), neutral=editing.mirrored(lively).neutral).resampled(Fraction(30))
    whole = editing.joined([lively, other], seam_s=0.4)
    assert whole.fps == lively.fps
    assert whole.frame_count == 2 * lively.frame_count - 10
    for name in MOVING:
        assert fastest(getattr(whole, name)) < 3 * fastest(getattr(lively, name)), name


def test_joined_motions_share_one_neutral(lively):
    shifted = replace(
        lively,
        rotation=lively.rotation + 0.3,
        neutral=replace(lively.neutral, rotation=lively.neutral.rotation + np.float32(0.3)),
    )
    whole = editing.joined([lively, shifted], seam_s=0.2)
    np.testing.assert_allclose(whole.rotation[-60:], lively.rotation[-60:], atol=1e-5)


def test_scaling_a_part_to_zero_rests_it_and_leaves_the_others(lively):
    still = editing.scaled(lively, "pose", 0.0)
    assert np.abs(still.rotation - lively.neutral.rotation).max() < 1e-7
    np.testing.assert_array_equal(still.lids, lively.lids)
    brows = editing.scaled(lively, "brows", 2.0)
    inner = lively.expression_names.index("browInnerUp_R")
    np.testing.assert_allclose(brows.expression[:, inner], 2 * lively.expression[:, inner], atol=1e-6)
    np.testing.assert_array_equal(brows.mouth, lively.mouth)
    with pytest.raises(UsageError, match="choose one of"):
        editing.scaled(lively, "nose", 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("close", [editing.looped, editing.ping_pong])
def test_a_loop_closes_as_smoothly_as_it_runs(lively, close):
    loop = close(lively)
    for name in MOVING:
        track = getattr(loop, name).astype(np.float64)
        around = np.concatenate([track[-3:], track[:3]])
        assert np.abs(np.diff(around, axis=0)).max() <= 2.5 * fastest(getattr(lively, name)) + 1e-6, name


def test_a_loop_turned_once_more_is_the_same_loop(lively):
    loop = editing.looped(lively, seam_s=0.4)
    assert loop.frame_count == lively.frame_count - 10
    np.testing.assert_array_equal(loop.rotation[10:], lively.rotation[10 : loop.frame_count])


def test_eased_in_begins_at_rest_and_ends_at_the_state(lively, source, basis):
    one = editing.trimmed(lively, 1.0, 1.04)
    eased = editing.eased_in(one, 2.0, 1.0)
    assert eased.duration_s == pytest.approx(3.0)
    driven = retarget(source, eased, basis)
    assert np.abs(driven[0].points - source.points).max() < 0.5
    np.testing.assert_allclose(eased.lids[-1], one.lids[0], atol=1e-6)
    np.testing.assert_allclose(eased.rotation[60:], np.broadcast_to(one.rotation, (15, 3)), atol=1e-6)


@pytest.mark.parametrize("seam", [-1.0, float("nan"), 11.0])
def test_a_seam_of_no_length_is_refused(lively, seam):
    with pytest.raises(UsageError, match="--seam"):
        editing.joined([lively, lively], seam_s=seam)
    with pytest.raises(UsageError, match="--seam"):
        editing.looped(lively, seam_s=seam)
    with pytest.raises(UsageError, match="number of seconds"):
        editing.trimmed(lively, float("nan"), 1.0)


def test_edits_are_written_down(lively):
    assert editing.mirrored(editing.trimmed(lively, 0, 1)).provenance["edits"] == "trimmed, mirrored"


def test_a_plot_shows_every_panel_and_the_bridged_frames(lively):
    picture = plot_motion(lively, width=640)
    assert picture.shape[1:] == (640, 3)
    assert picture.dtype == np.uint8
    gap = replace(lively, bridged=np.arange(75) > 60)
    different = (plot_motion(gap, width=640) != picture).any(2)
    assert different[:, 520:].mean() > 0.2
    assert not different[:, 80:480].any()


def test_a_plot_of_a_single_frame(lively):
    assert plot_motion(editing.trimmed(lively, 0, 0.04), width=400).shape[1] == 400
