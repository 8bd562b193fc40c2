"""What every tracker promises, held to those that can run here."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from portrait_alive.errors import PortraitAliveError, UsageError
from portrait_alive.shape import topology
from portrait_alive.tracking.following import BetweenFace, FollowedFace
from portrait_alive.tracking.native import NativeTracker
from portrait_alive.tracking.tracker import Tracker, load_tracker
from portrait_alive.tracking.two_steps import TwoStepTracker
from portrait_alive.types import Box, Bytes, Landmarks

PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.jpg"


@pytest.fixture(scope="module", params=["native", "mediapipe"])
def tracker(request: pytest.FixtureRequest) -> Tracker:
    if request.param == "native":
        return load_tracker("native")
    try:
        return load_tracker(request.param)
    except PortraitAliveError as error:
        pytest.skip(f"not installed here: {error}")


@pytest.fixture(scope="module")
def picture() -> Bytes:
    """The example portrait, its longer side 600 px."""
    pixels = cv2.cvtColor(cv2.imread(str(PORTRAIT)), cv2.COLOR_BGR2RGB)
    scale = 600 / max(pixels.shape[:2])
    return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def face(tracker: Tracker, picture: Bytes) -> Landmarks:
    found = tracker.detect(picture)
    assert len(found) == 1
    return found[0]


def distance(a: Landmarks, points: np.ndarray) -> float:
    """Mean distance of a face's points from others, over the interocular distance."""
    apart = np.linalg.norm(a.points[468, :2] - a.points[473, :2])
    return float(np.linalg.norm(a.points[:, :2] - points[:, :2], axis=1).mean() / apart)


def test_is_a_tracker(tracker: Tracker) -> None:
    assert isinstance(tracker, Tracker)


def test_shapes_and_ranges(face: Landmarks, picture: Bytes) -> None:
    assert face.points.shape == (478, 3)
    assert face.points.dtype == np.float32
    assert face.confidence.shape == (478,)
    assert ((face.confidence >= 0) & (face.confidence <= 1)).all()
    assert 0.5 <= face.presence <= 1
    assert face.box.overlap(Box(0, 0, picture.shape[1], picture.shape[0])) > 0.02


def test_the_subjects_right_eye_is_on_the_viewers_left_and_features_are_in_order(face: Landmarks) -> None:
    right, left = (face.points[list(eye), :2].mean(0) for eye in (topology.RIGHT_EYE, topology.LEFT_EYE))
    mouth = face.points[list(topology.LIPS), :2].mean(0)
    assert right[0] < left[0]
    assert max(right[1], left[1]) < face.points[topology.NOSE_TIP, 1] < mouth[1] < face.points[topology.CHIN, 1]


def test_the_nose_is_nearer_than_the_ears_side(face: Landmarks) -> None:
    assert face.points[topology.NOSE_TIP, 2] < face.points[[234, 454], 2].min()


def test_a_shifted_picture_shifts_the_points(tracker: Tracker, picture: Bytes, face: Landmarks) -> None:
    moved = cv2.copyMakeBorder(picture, 40, 0, 64, 0, cv2.BORDER_REPLICATE)
    found = max(tracker.detect(moved), key=lambda f: f.box.area)
    assert distance(face, found.points - np.array([64, 40, 0])) < 0.02


def test_an_enlarged_picture_enlarges_the_points(tracker: Tracker, picture: Bytes, face: Landmarks) -> None:
    found = max(tracker.detect(cv2.resize(picture, None, fx=2, fy=2)), key=lambda f: f.box.area)
    assert distance(face, found.points / 2) < 0.02


def test_a_mirrored_picture_mirrors_the_points(tracker: Tracker, picture: Bytes, face: Landmarks) -> None:
    found = max(tracker.detect(np.ascontiguousarray(picture[:, ::-1])), key=lambda f: f.box.area)
    mirrored = found.points[list(topology.MIRROR)] * np.array([-1, 1, 1]) + np.array([picture.shape[1], 0, 0])
    assert distance(face, mirrored) < 0.05


def test_native_detects_the_same_in_a_mirror(picture: Bytes) -> None:
    """Its last look is at the mirror image; where it only looks near a box, it has none."""
    tracker, mirrored = load_tracker("native"), np.ascontiguousarray(picture[:, ::-1])

    def apart(here: Landmarks, there: Landmarks) -> float:
        points = there.points[list(topology.MIRROR)] * np.array([-1, 1, 1]) + np.array([picture.shape[1], 0, 0])
        return distance(here, points)

    here, there = tracker.detect(picture)[0], tracker.detect(mirrored)[0]
    one, other = tracker.refine(picture, here.box), tracker.refine(mirrored, there.box)
    assert one is not None
    assert other is not None
    assert apart(here, there) < 0.7 * apart(one, other)


def test_two_faces_come_from_left_to_right(tracker: Tracker, picture: Bytes) -> None:
    found = tracker.detect(np.concatenate([picture, picture], 1))
    assert len(found) == 2
    assert found[0].box.centre[0] < picture.shape[1] < found[1].box.centre[0]


def test_refining_from_a_rough_box_finds_the_same_face(tracker: Tracker, picture: Bytes, face: Landmarks) -> None:
    rough = Box(face.box.x - 12, face.box.y + 8, face.box.width * 1.15, face.box.height * 0.95)
    found = tracker.refine(picture, rough)
    assert found is not None
    assert distance(face, found.points) < 0.03


def test_following_a_still_stays(tracker: Tracker, picture: Bytes, face: Landmarks) -> None:
    followed = tracker.follow([picture] * 6, None)
    assert len(followed) == 6
    assert all(f is not None and distance(face, f.points) < 0.02 for f in followed)


def test_a_lost_face_is_none_and_is_found_again(tracker: Tracker, picture: Bytes) -> None:
    empty = np.full_like(picture, 90)
    before, gone, after = tracker.follow([picture, empty, picture], None)
    assert gone is None
    assert before is not None
    assert after is not None


def test_noise_and_flat_pictures_hold_no_face(tracker: Tracker) -> None:
    rng = np.random.default_rng(0)
    assert tracker.detect(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)) == []
    assert tracker.detect(np.full((120, 90, 3), 200, np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (40, 40)])
def test_tiny_and_thin_pictures_are_survived(tracker: Tracker, size: tuple[int, int]) -> None:
    assert tracker.detect(np.zeros((*size, 3), np.uint8)) == []


def test_native_finds_a_face_lying_on_its_side(picture: Bytes) -> None:
    found = load_tracker("native").detect(np.ascontiguousarray(np.rot90(picture)))
    assert found
    face = max(found, key=lambda f: f.box.area)
    right, left = (face.points[list(eye), :2].mean(0) for eye in (topology.RIGHT_EYE, topology.LEFT_EYE))
    assert abs(right[1] - left[1]) > 2 * abs(right[0] - left[0])


def test_native_finds_the_eyes_of_a_frame_between_two_looks_that_is_not_halfway(picture: Bytes) -> None:
    tracker = NativeTracker.load()
    first, last = tracker.keep_up([picture] * 2, None)
    assert isinstance(first, FollowedFace)
    assert isinstance(last, FollowedFace)
    apart = np.linalg.norm(first.points[468, :2] - first.points[473, :2])
    between = BetweenFace.of(first, last)
    aside = replace(between, points=between.points + np.float32(0.15 * apart) * np.array([1, 0.5, 0], np.float32))
    true, found, _ = tracker.finish([picture] * 3, [first, aside, last])
    eyes = list(topology.RIGHT_EYE + topology.LEFT_EYE)
    assert np.linalg.norm((found.points - true.points)[eyes, :2], axis=1).mean() < 0.008 * apart


def test_native_follows_a_resting_face_without_trembling_across_calls(picture: Bytes) -> None:
    rng = np.random.default_rng(0)
    frames = [np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    tracker = load_tracker("native")
    first = tracker.follow(frames[:4], None)
    faces = [*first, *tracker.follow(frames[4:8], first[-1])]
    faces += tracker.follow(frames[8:], faces[-1])
    points = np.stack([face.points[:, :2] for face in faces if face is not None])
    assert len(points) == len(frames)
    apart = np.linalg.norm(points[0, 468] - points[0, 473])
    assert np.linalg.norm(np.diff(points[1:], axis=0), axis=2).mean() / apart < 0.008


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError, match="native, mediapipe or face-alignment"):
        load_tracker("dlib")  # type: ignore[arg-type]


def test_native_looks_only_for_faces_that_are_not_known(picture: Bytes) -> None:
    two = np.concatenate([picture, picture], 1)
    tracker = load_tracker("native")
    assert isinstance(tracker, TwoStepTracker)
    left, right = tracker.find(two)
    again = tracker.find(two, [right])
    assert again[1] is right
    assert distance(left, again[0].points) < 0.005
    assert [one is other for one, other in zip(tracker.find(two, [left, right]), (left, right), strict=True)] == [
        True
    ] * 2


def test_native_is_as_exact_in_two_steps_as_in_one(picture: Bytes) -> None:
    tracker = load_tracker("native")
    assert isinstance(tracker, TwoStepTracker)
    frames = [np.roll(picture, 2 * step, 1) for step in range(6)]
    rough = [face for face in tracker.keep_up(frames, None) if face is not None]
    finished = tracker.finish(frames, rough)
    for face, expected, before in zip(finished, tracker.follow(frames, None), rough, strict=True):
        assert expected is not None
        np.testing.assert_array_equal(face.points, expected.points)
        assert (face.points != before.points).any()


def test_native_sees_a_mouth_whole_that_lay_aside(picture: Bytes) -> None:
    tracker = NativeTracker.load()
    (face,) = tracker.detect(picture)
    lips = list(topology.LIPS)
    apart = float(np.linalg.norm(face.points[468, :2] - face.points[473, :2]))
    aside = face.points.copy()
    aside[lips, :2] += np.array([0.3, 0.4], np.float32) * apart
    astray = replace(face, points=aside)
    (once,) = tracker.finish([picture], [astray])

    (twice,) = tracker.parts.with_mouths_seen_whole([picture], [once], [astray])

    off = [np.linalg.norm((one.points - face.points)[lips, :2], axis=1).mean() / apart for one in (once, twice)]
    assert off[1] < min(0.7 * off[0], 0.05)


def test_native_leaves_a_mouth_alone_that_hardly_moved(picture: Bytes) -> None:
    tracker = NativeTracker.load()
    (face,) = tracker.detect(picture)
    (once,) = tracker.finish([picture], [face])

    (twice,) = tracker.parts.with_mouths_seen_whole([picture], [once], [face])

    assert twice is once
