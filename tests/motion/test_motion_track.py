"""From frames to motion: turned back into what was put in, through gaps, cuts and crowds."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from motion_material import FPS, ScriptedTracker, driver_meshes, numbered_frames, posed_source

from portrait_alive.errors import NoFaceError
from portrait_alive.motion.absolute import retarget_absolute, track_meshes
from portrait_alive.motion.bridging import bridged
from portrait_alive.motion.neutral import found_neutral
from portrait_alive.motion.track import _conjugate, _relaxed, _without_slips, track_driver
from portrait_alive.shape import topology
from portrait_alive.types import MESH_POINTS

COUNT = 80


@pytest.fixture(scope="module")
def turning():
    time = np.arange(COUNT) / 25.0
    rotation = np.zeros((COUNT, 3))
    rotation[:, 0] = 0.35 * np.sin(2 * np.pi * 0.5 * time) * (time > 1.0)
    rotation[:, 1] = 0.1 * np.sin(2 * np.pi * 0.8 * time) * (time > 1.0)
    return rotation


@pytest.fixture(scope="module")
def expression():
    time = np.arange(COUNT) / 25.0
    blink = np.zeros(COUNT)
    for start in (15, 40, 62):
        blink[start : start + 4] = (0.6, 1.0, 1.0, 0.5)
    jaw = 0.45 * np.clip(np.sin(2 * np.pi * 1.0 * time), 0, None)
    return {"eyeBlink_L": blink, "eyeBlink_R": blink, "jawOpen": jaw}


@pytest.fixture(scope="module")
def meshes(basis, turning, expression):
    return driver_meshes(basis, turning, expression=expression)


@pytest.fixture(scope="module")
def tracked(meshes, fitter):
    return track_driver(numbered_frames(COUNT), ScriptedTracker([[m] for m in meshes]), fitter, fps=FPS)


def test_the_head_is_found_as_it_turned(tracked, turning):
    change = tracked.rotation - tracked.neutral.rotation
    assert np.abs(change[:, :2] - turning[:, :2]).max() < 0.06
    assert np.abs(tracked.scale - 1).max() < 0.06


def test_a_nod_is_found_while_contour_and_jaw_mislead(basis, fitter):
    """A tracker's outline of the face slides and the jaw drops while the head nods; the nose tells the nod."""
    time = np.arange(COUNT) / 25.0
    nod = 0.15 * np.sin(2 * np.pi * 0.8 * time)
    rotation = np.zeros((COUNT, 3))
    rotation[:, 1] = nod
    wavering = np.clip(np.sin(2 * np.pi * 1.3 * time), 0, None)
    meshes = driver_meshes(basis, rotation, expression={"jawOpen": 0.4 * wavering})
    for mesh, amount in zip(meshes, wavering, strict=True):
        mesh[list(topology.GROUPS["contour"]), 1] += 12.0 * amount
    motion = track_driver(numbered_frames(COUNT), ScriptedTracker([[m] for m in meshes]), fitter, fps=FPS)
    slope, _ = np.polyfit(nod, motion.rotation[:, 1], 1)
    assert np.corrcoef(nod, motion.rotation[:, 1])[0, 1] > 0.99
    assert 0.95 < slope < 1.05


def test_blinks_are_full_and_as_long_as_they_were(tracked, expression):
    shut = tracked.lids.max(1) < 0.35
    assert (tracked.lids[expression["eyeBlink_L"] == 1.0] < 0.1).all()
    assert abs(int(shut.sum()) - int((expression["eyeBlink_L"] > 0.7).sum())) <= 6
    assert tracked.lids[expression["eyeBlink_L"] == 0].mean() == pytest.approx(1.0, abs=0.08)


def test_the_jaw_and_closed_lips_are_found(tracked, expression):
    jaw = expression["jawOpen"]
    assert np.corrcoef(tracked.mouth, jaw)[0, 1] > 0.98
    assert tracked.mouth[jaw == 0].max() < 0.03
    assert tracked.neutral.mouth < 0.05


def test_nothing_was_bridged_and_the_tracks_are_bounded(tracked):
    assert tracked.bridged_count == 0
    assert tracked.frame_count == COUNT
    assert (tracked.confidence == 1).all()


def test_lost_frames_are_bridged_counted_and_not_jumped(meshes, fitter, tracked):
    script = [[] if 30 <= i < 38 or i >= 70 else [m] for i, m in enumerate(meshes)]
    motion = track_driver(numbered_frames(COUNT), ScriptedTracker(script), fitter, fps=FPS)
    assert motion.frame_count == COUNT
    assert 18 <= motion.bridged_count <= 22
    assert (motion.confidence[30:38] == 0).all()
    assert "18 without the face" in motion.provenance["bridged"]
    assert "bridged" not in tracked.provenance
    steps = np.abs(np.diff(motion.rotation[:, 0]))
    assert steps.max() < 1.6 * np.abs(np.diff(tracked.rotation[:, 0])).max()


class TwoStepScript(ScriptedTracker):
    """First says roughly where the faces are; `finish` puts the points right."""

    def find(self, pixels, known=()):
        rough = [self._rough(face) for face in self.detect(pixels)]
        return [*known, *(face for face in rough if all(face.box.overlap(one.box) < 0.3 for one in known))]

    def keep_up(self, frames, last):
        return [face and self._rough(face) for face in self.follow(frames, last)]

    def finish(self, pictures, faces):
        right = [
            max(self.detect(p), key=lambda f: f.box.overlap(rough.box))
            for p, rough in zip(pictures, faces, strict=True)
        ]
        assert all((rough.points != face.points).any() for rough, face in zip(faces, right, strict=True))
        return right

    def _rough(self, face):
        return replace(face, points=face.points + np.float32(0.3))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_tracker_of_two_steps_gives_finished_faces_whatever_the_threads(basis, fitter, threads):
    script = [faces if i < 12 else faces[1:] for i, faces in enumerate(two_people(basis))]
    expected = track_driver(numbered_frames(24, cuts=[9]), ScriptedTracker(script), fitter, fps=FPS)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        motion = track_driver(numbered_frames(24, cuts=[9]), TwoStepScript(script), fitter, fps=FPS)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for name in ("rotation", "translation", "expression", "lids", "gaze", "mouth", "bridged"):
        np.testing.assert_array_equal(getattr(motion, name), getattr(expected, name))


def test_a_cut_is_eased_over(basis, fitter):
    """The second scene frames the same face elsewhere and twice as large: its place must not jump."""
    one = driver_meshes(basis, np.zeros((40, 3)), place=(200, 200), scale=8)
    two = driver_meshes(basis, np.zeros((40, 3)), place=(400, 330), scale=16)
    script = [[m] for m in one + two]
    motion = track_driver(numbered_frames(80, cuts=[40]), ScriptedTracker(script), fitter, fps=FPS)
    assert 2 <= motion.bridged_count <= 8
    assert motion.provenance["bridged"] == f"{motion.bridged_count} beside a cut"
    assert np.abs(np.diff(motion.translation, axis=0)).max() < 0.3
    assert np.abs(np.diff(motion.scale)).max() < 0.05


def test_a_face_behind_a_hand_is_bridged_and_counted(meshes, fitter):
    """What hides a face leaves a mesh that no face has."""
    scattered = np.random.default_rng(3).normal(size=(MESH_POINTS, 3)).astype(np.float32) * [18, 18, 0]
    script = [[m + scattered.astype(np.float32) * (30 <= i < 36)] for i, m in enumerate(meshes)]
    motion = track_driver(numbered_frames(COUNT), ScriptedTracker(script), fitter, fps=FPS)
    assert motion.bridged[30:36].all()
    assert motion.bridged_count <= 8
    assert motion.provenance["bridged"] == f"{motion.bridged_count} with the face hidden"


def two_people(basis):
    left = driver_meshes(basis, np.tile([0.3, 0, 0], (24, 1)), place=(150, 200), scale=7, seed=1)
    right = driver_meshes(basis, np.tile([-0.3, 0, 0], (24, 1)), place=(430, 220), scale=11, seed=2)
    return [[a, b] for a, b in zip(left, right, strict=True)]


def test_of_two_people_the_larger_is_followed_or_the_one_asked_for(basis, fitter):
    script = two_people(basis)
    for asked, yaw in ((None, -0.3), (1, 0.3), (2, -0.3)):
        motion = track_driver(numbered_frames(24), ScriptedTracker(script), fitter, fps=FPS, driver_face=asked)
        assert motion.rotation[:, 0].mean() == pytest.approx(yaw, abs=0.08)
    with pytest.raises(NoFaceError, match="--driver-face 3"):
        track_driver(numbered_frames(24), ScriptedTracker(script), fitter, fps=FPS, driver_face=3)


def test_the_longer_seen_wins_over_the_briefly_larger(basis, fitter):
    script = [faces if i < 8 else faces[:1] for i, faces in enumerate(two_people(basis))]
    motion = track_driver(numbered_frames(24), ScriptedTracker(script), fitter, fps=FPS)
    assert motion.rotation[:, 0].mean() == pytest.approx(0.3, abs=0.08)


def test_a_clip_without_a_face_says_so(fitter):
    with pytest.raises(NoFaceError, match=r"me\.mp4"):
        track_driver(numbered_frames(20), ScriptedTracker([[]] * 20), fitter, fps=FPS, name="me.mp4")


def test_a_late_face_begins_at_its_rest(meshes, fitter):
    script = [[] if i < 20 else [m] for i, m in enumerate(meshes)]
    motion = track_driver(numbered_frames(COUNT), ScriptedTracker(script), fitter, fps=FPS)
    assert np.abs(motion.rotation[0] - motion.neutral.rotation).max() < 0.02
    assert motion.bridged[:20].all()


def test_progress_is_told(meshes, fitter):
    told = []
    script = [[m] for m in meshes[:20]]
    track_driver(numbered_frames(20), ScriptedTracker(script), fitter, fps=FPS, on_frame=told.append)
    assert told == list(range(1, 21))


def test_a_still_driver_is_measured_against_the_head_models_rest(basis, fitter):
    script = [[m] for m in driver_meshes(basis, np.tile([0.25, 0, 0], (1, 1)))]
    motion = track_driver(numbered_frames(1), ScriptedTracker(script), fitter, fps=Fraction(25))
    assert (motion.neutral.rotation == 0).all()
    assert (motion.neutral.expression == 0).all()
    assert motion.rotation[0, 0] == pytest.approx(0.25, abs=0.08)


def test_the_neutral_is_where_the_subject_rests_not_the_first_frame(lively):
    rest = np.zeros((75, 3), np.float32)
    rest[:15, 0] = 0.6  # begins turned away and smiling
    expression = np.zeros_like(lively.expression)
    expression[:15, lively.expression_names.index("mouthSmile_L")] = 0.9
    expression += np.random.default_rng(0).normal(size=expression.shape).astype(np.float32) * 0.01
    rest += np.random.default_rng(1).normal(size=rest.shape).astype(np.float32) * 0.01
    motion = replace(lively, rotation=rest, expression=expression, mouth=0 * lively.mouth, lids=1 + 0 * lively.lids)
    neutral = found_neutral(motion)
    assert np.abs(neutral.rotation).max() < 0.03
    assert np.abs(neutral.expression).max() < 0.1


@pytest.mark.parametrize("shape", ["browDown_L", "browOuterUp_R", "cheekSquint_L", "cheekRaiser_R"])
def test_brows_that_are_set_low_or_high_are_worn_not_held(lively, shape):
    """Or a portrait would scowl, or be surprised, for as long as the driver's face is like that: all the time. In
    lively speech which brow state is most frequent is chance."""
    worn = np.zeros_like(lively.expression)
    column = lively.expression_names.index(shape)
    worn[:, column] = np.linspace(1.0, 2.0, len(worn))
    worn[-15:, column] = 1.9
    resting = replace(lively, expression=worn, mouth=0 * lively.mouth, lids=1 + 0 * lively.lids)
    assert found_neutral(resting).expression[column] == pytest.approx(1.4, abs=0.05)


def test_a_smile_that_is_held_all_through_is_left_to_the_portrait(lively):
    smiles = np.zeros_like(lively.expression)
    column = lively.expression_names.index("mouthSmile_L")
    smiles[:, column] = 1.0
    smiling = replace(lively, expression=smiles, mouth=0 * lively.mouth, lids=1 + 0 * lively.lids)
    assert found_neutral(smiling).expression[column] < 0.5


def test_who_looks_aside_most_of_the_time_does_not_rest_there(lively):
    aside = np.full((75, 2, 2), (0.0, -0.22), np.float32)
    aside[25:, :, 0] = 0.5
    neutral = found_neutral(replace(lively, gaze=aside))
    np.testing.assert_allclose(neutral.gaze, np.full((2, 2), (0.0, -0.22)), atol=0.04)


def test_lips_that_are_mostly_apart_rest_where_they_are_closest(lively):
    """Or a portrait's mouth would stay shut until the driver's opens further than usual."""
    apart = np.full(len(lively.mouth), 0.16, np.float32)
    apart[::8] = 0.03
    assert found_neutral(replace(lively, mouth=apart)).mouth == pytest.approx(0.03, abs=0.005)


def test_who_talks_all_through_rests_in_the_same_place_whichever_frames_are_seen(lively):
    """Of speech no frame is more at rest than many others; which of them is best is chance."""
    rng = np.random.default_rng(3)
    shapes = rng.normal(size=(3, lively.expression.shape[1])) / np.sqrt(lively.expression.shape[1])
    spoken = (0.8 * rng.normal(size=(len(lively.expression), 3)) @ shapes).astype(np.float32)
    talk = replace(lively, expression=spoken, rotation=0.02 * rng.normal(size=lively.rotation.shape).astype(np.float32))

    def rest_without(left_out: int) -> np.ndarray:
        bridged_too = np.zeros_like(talk.bridged)
        bridged_too[left_out::3] = True
        return found_neutral(replace(talk, bridged=bridged_too)).expression

    rests = np.stack([rest_without(left_out) for left_out in range(3)])
    spread = np.linalg.norm(spoken - spoken.mean(0), axis=1).mean()
    assert np.linalg.norm(rests - rests.mean(0), axis=1).max() < 0.35 * spread


def test_a_still_that_looks_straight_keeps_the_portraits_gaze(basis, fitter):
    mesh = driver_meshes(basis, np.zeros((1, 3)))
    motion = track_driver(numbered_frames(1), ScriptedTracker([[m] for m in mesh]), fitter, fps=FPS)
    assert np.abs(motion.gaze - motion.neutral.gaze).max() < 0.1


def tracked_gaze(gaze, lids):
    """(N, 2, 2) the gaze track of a head that keeps still."""
    rows = len(gaze)
    return _conjugate(
        np.repeat(gaze[:, None], 2, 1).astype(np.float32),
        np.zeros((rows, 3), np.float32),
        np.repeat(lids[:, None], 2, 1).astype(np.float32),
        25.0,
    )


def test_a_blink_moves_no_gaze_but_a_look_down_does():
    lids, gaze = np.ones(60), np.zeros((60, 2))
    lids[20:24], gaze[19:25, 1] = 0.05, 0.3  # the iris seems to sink with the lid
    assert np.abs(tracked_gaze(gaze, lids)).max() < 0.05
    lids[:], gaze[:] = 1.0, 0.0
    lids[20:45], gaze[20:45, 1] = 0.45, 0.3  # a second of looking down: the lids are low all along
    np.testing.assert_allclose(tracked_gaze(gaze, lids)[22:43, :, 1], 0.3, atol=0.02)


def test_lids_slip_in_no_single_frame_but_short_blinks_stay():
    lids = np.ones((40, 2), np.float32)
    lids[8] = 0.3  # both, between wide open eyes
    lids[16:19, 0] = 0.6, 0.1, 0.6  # one eye, of whose frames the others are half open
    lids[28:31] = np.array([0.7, 0.2, 0.7])[:, None]  # a blink of three frames
    cleared = _without_slips(lids, np.arange(40), 25.0)
    np.testing.assert_allclose(cleared[8], 1.0)
    np.testing.assert_allclose(cleared[17, 0], 0.6)
    np.testing.assert_array_equal(cleared[20:], lids[20:])
    np.testing.assert_array_equal(_without_slips(lids, np.arange(40), 15.0), lids)


def test_relaxed_is_what_eyes_usually_are_not_what_they_are_longest():
    opening = np.concatenate([np.full(40, 0.30), np.full(60, 0.14)])  # a smile that narrows them for most of the clip
    narrow = np.full(100, 0.19)
    noise = np.random.default_rng(0).normal(size=100) * 0.004
    for given, wanted in ((opening, 0.30), (narrow, 0.19)):
        both = np.repeat((given + noise)[:, None], 2, axis=1).astype(np.float32)
        assert _relaxed(both) == pytest.approx((wanted, wanted), abs=0.02)


def test_both_eyes_rest_in_the_same_frames():
    """Most of the clip one eye is narrower, by more or less; where it most often is as wide as the other at rest, the
    other is wider still."""
    opening = np.concatenate(
        [
            np.stack([np.full(60, 0.30), np.linspace(0.14, 0.24, 60)], 1),
            np.stack([np.linspace(0.34, 0.46, 40), np.full(40, 0.28)], 1),
            [[0.30, 0.28]],
        ]
    )
    assert _relaxed(opening.astype(np.float32)) == pytest.approx((0.30, 0.215), abs=0.015)


def test_bridging_keeps_what_was_seen():
    frames = np.array([2, 3, 10, 11])
    values = np.array([[1.0], [1.2], [5.0], [5.5]], np.float32)
    full = bridged(values, frames, 80, np.zeros(1, np.float32), 25.0)
    np.testing.assert_array_equal(full[frames], values)
    assert (np.diff(full[3:11, 0]) > 0).all()
    assert full[-1, 0] == 0.0
    assert np.abs(np.diff(full[:, 0])).max() < 1.0


def test_absolute_puts_the_mesh_where_it_is(basis, fitter, meshes):
    script = [[] if i == 5 else [m] for i, m in enumerate(meshes[:24])]
    track = track_meshes(numbered_frames(24), ScriptedTracker(script), fitter, fps=FPS)
    source = posed_source(basis)
    driven = retarget_absolute(source, track, basis)
    assert len(driven) == 24
    assert track.bridged.tolist() == [i == 5 for i in range(24)]
    for frame in (0, 11, 23):
        np.testing.assert_allclose(driven[frame].points[:MESH_POINTS, :2], meshes[frame][:, :2], atol=0.02)
    assert max(driven[17].lid_closure) > 0.9  # frame 17 is a blink
    low = basis.beyond["neck"][basis.mean[basis.beyond["neck"], 1] > 16.0]
    np.testing.assert_array_equal(driven[11].points[low], source.points[low])
