"""`--retarget absolute`: face, hair and shoulders go where the driver's frames show them."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from warp_heads import Head, driven_by, paint_head

from portrait_alive.aligning import Aligner, aligned
from portrait_alive.driving import Drive
from portrait_alive.events import Event, Note
from portrait_alive.film import Film, film_of, room_of
from portrait_alive.media.clips import open_clip
from portrait_alive.media.outputs import OutputOptions, open_output
from portrait_alive.motion.absolute import mesh_track
from portrait_alive.options import AnimateOptions
from portrait_alive.shape import topology
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.tracking.matte import Matter
from portrait_alive.types import Bytes, DrivenFace, Float, Picture
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.warper import Warper

SHIFT_PX = 6.0
FPS = Fraction(25)


@pytest.fixture(scope="module")
def head() -> Head:
    """A painted head with something to see everywhere."""
    return _textured(paint_head(320), seed=1)


@pytest.fixture(scope="module")
def rest(head) -> DrivenFace:
    return driven_by(head, head.face.points.copy())


@pytest.fixture(scope="module")
def aligner(head, rest) -> Aligner:
    return Aligner.of(head.picture, head.face, head.basis, room_of([rest], head.basis), Matter.load())


def test_shoulders_go_where_the_driver_has_them(head, rest, aligner):
    driver = _with_shoulders_moved(head, SHIFT_PX)
    (state,) = _aligned(aligner, [rest], [driver])
    warper = _warper(head, rest)
    left, top, right, bottom = warper.box
    shoulders = _shoulders(head)[top:bottom, left:right] > 0.99
    truth = driver[top:bottom, left:right][shoulders]
    before, after = (_difference(warper.render(each)[shoulders], truth) for each in (rest, state))
    assert after < 0.08 * before


def test_what_is_in_place_stays(head, rest, aligner):
    (state,) = _aligned(aligner, [rest], [head.picture.pixels])
    assert np.abs(state.points - rest.points)[:, :2].max() < 0.1
    assert np.abs(state.alignment.flow).max() < 0.1


def test_landmarks_that_are_off_are_put_right(head, rest, aligner):
    off = replace(rest, points=rest.points + np.array([3, -2, 0], np.float32))
    (state,) = _aligned(aligner, [off], [head.picture.pixels])
    middle = list(topology.LIPS_OUTER) + list(topology.GROUPS["brows"])
    left = np.linalg.norm((state.points - rest.points)[middle, :2], axis=1)
    assert np.median(left) < 1.2  # of 3.6


@pytest.mark.parametrize(("size", "stay"), [(320, True), (640, False)])
def test_eyes_follow_the_pictures_only_where_they_are_large_enough(size: int, stay: bool) -> None:
    head = _textured(paint_head(size), seed=1)
    off = driven_by(head, head.face.points + np.array([3, -2, 0], np.float32))
    aligner = Aligner.of(head.picture, head.face, head.basis, room_of([off], head.basis), Matter.load())
    (state,) = _aligned(aligner, [off], [head.picture.pixels])
    eyes = list(topology.GROUPS["eyes"] + topology.GROUPS["irises"])
    assert np.array_equal(state.points[eyes], off.points[eyes]) == stay


def test_a_stranger_is_not_followed(head, rest, aligner):
    assert aligned(aligner, [rest], [_textured(paint_head(320, yaw=0.2), seed=2).picture.pixels]) is None


def test_the_last_frame_holds(head, rest, aligner):
    states = _aligned(aligner, [rest] * 3, [_with_shoulders_moved(head, SHIFT_PX)])
    assert len(states) == 3
    assert np.array_equal(states[0].alignment.flow, states[2].alignment.flow)


def test_threads_do_not_matter(head, rest, aligner):
    frames = [_with_shoulders_moved(head, shift) for shift in (2.0, 4.0, 6.0)]
    one, two = (aligned(aligner, [rest] * 3, frames, threads=count) for count in (1, 2))
    for first, second in zip(one, two, strict=True):
        assert np.array_equal(first.points, second.points)
        assert np.array_equal(first.alignment.flow, second.alignment.flow)


def test_the_film_follows_the_clip(head, tmp_path):
    film, notes = _film(head, [_with_shoulders_moved(head, shift) for shift in (0.0, 3.0, 6.0)], tmp_path)
    flows = [np.abs(film.faces_at(frame)[0].alignment.flow).max() for frame in range(3)]
    assert flows[0] < 1.5 < flows[1] < flows[2]
    assert not notes


def test_of_a_stranger_the_film_follows_the_landmarks_and_says_so(head, tmp_path):
    film, notes = _film(head, [_textured(paint_head(320), seed=3).picture.pixels] * 3, tmp_path)
    assert film.faces_at(1)[0].alignment is None
    assert [note.code for note in notes] == ["not-aligned"]


def _film(head: Head, frames: list[Bytes], folder: Path) -> tuple[Film, list[Note]]:
    path = folder / "driver.mp4"
    with open_output(path, size=frames[0].shape[:2], fps=FPS, options=OutputOptions(), overwrite=False) as output:
        for frame in frames:
            output.write(frame)
    track = mesh_track([(frame, head.face.landmarks) for frame in frames], HeadFitter.of(head.basis), fps=FPS)
    drive = Drive(path.name, FPS, track, path, clip=open_clip(path), tracked_size=head.picture.size)
    told: list[Event] = []
    options = AnimateOptions(retarget="absolute")
    film = film_of(head.picture, [head.face], [drive], head.basis, options, matter=Matter.load(), on_event=told.append)
    return film, [event for event in told if isinstance(event, Note)]


def _aligned(aligner: Aligner, states: list[DrivenFace], frames: list[Bytes]):
    found = aligned(aligner, states, frames)
    assert found is not None
    return found


def _warper(head: Head, rest: DrivenFace) -> Warper:
    return Warper(take_apart(head.picture, head.face, head.basis, room=room_of([rest], head.basis)))


def _textured(head: Head, *, seed: int) -> Head:
    blots = np.random.default_rng(seed).normal(0, 30, (40, 40)).astype(np.float32)
    blots = cv2.resize(blots, head.picture.size[::-1], interpolation=cv2.INTER_CUBIC)
    pixels = np.clip(head.picture.pixels + blots[..., None], 0, 255).astype(np.uint8)
    return replace(head, picture=Picture(pixels))


def _shoulders(head: Head) -> Float:
    """(H, W) in [0, 1]: 1 from a little below the chin on, away from the picture's edges."""
    height, width = head.picture.size
    chin = head.face.points[topology.CHIN, 1]
    rows = np.clip((np.arange(height) - chin - 20) / 30, 0, 1) * np.clip((height - 12 - np.arange(height)) / 30, 0, 1)
    columns = np.clip((np.minimum(np.arange(width), np.arange(width)[::-1]) - 40) / 30, 0, 1)
    return (rows[:, None] * columns).astype(np.float32)


def _with_shoulders_moved(head: Head, shift: float) -> Bytes:
    height, width = head.picture.size
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(head.picture.pixels, x - np.float32(shift) * _shoulders(head), y, cv2.INTER_LINEAR)


def _difference(one: Bytes, other: Bytes) -> float:
    return float(np.abs(one.astype(np.float32) - other).mean())
