"""Everybody in a clip, each followed as one person through cuts, crossings and absences."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.rendering import ahead
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.tracking.two_steps import TwoStepTracker, shared_threads, take_threads
from portrait_alive.types import Bytes, Landmarks

CHUNK: Final = 8
"""Frames that are handed to the tracker at a time."""
_LOOK_EVERY: Final = 24
"""Frames between two looks at the whole picture for people who came in ..."""
_LOOK_SELDOM: Final = 48
"""... and while nobody does and nobody is missing."""
_MOST_PEOPLE: Final = 4
_SMALLEST_SHARE: Final = 0.4
"""Faces below this share of the largest face's height are bystanders."""
_SAME_OVERLAP: Final = 0.25
_FARTHEST_STEP: Final = 0.5
"""A face does not move further in a frame than this share of its size; what does is somebody else."""
_CUT_DIFFERENCE: Final = 34.0
"""Mean absolute difference of two 24 x 24 grey thumbnails, of 255, that only another scene makes ..."""
_CUT_RATIO: Final = 4.0
"""... when it is also so many times the clip's usual difference: hand-held cameras and flashes are no cuts."""


@dataclass(frozen=True, eq=False)
class Glimpse:
    """What one frame shows."""

    frame: int
    pixels: Bytes
    """(H, W, 3) the frame itself; not to be kept."""
    faces: dict[int, Landmarks]
    """By person, from 0 in order of appearance, left to right where several appear at once."""
    cut: bool
    """The scene changed before this frame."""


_Sighting = tuple[list[Bytes], list[Glimpse]]
"""Consecutive frames of one scene, and what they show."""
_Find = Callable[[Bytes, list[Landmarks]], list[Landmarks]]
"""Faces of a frame: those known from the frame before, as they were or as they are, and all others."""
_Follow = Callable[[Sequence[Bytes], Landmarks | None], list[Landmarks | None]]


@dataclass(eq=False)
class _Person:
    number: int
    last: Landmarks | None
    size: float = 1.0
    seen: int = 0


@dataclass(eq=False)
class _Scene:
    """Notices cuts from tiny grey thumbnails."""

    before: NDArray[np.float32] | None = None
    usual: float = 4.0

    def changes(self, frame: Bytes) -> bool:
        step = max(min(frame.shape[:2]) // 48, 1)
        small = cv2.resize(np.ascontiguousarray(frame[::step, ::step]), (24, 24), interpolation=cv2.INTER_AREA)
        now = small.mean(2, dtype=np.float32)
        difference = 0.0 if self.before is None else float(np.abs(now - self.before).mean())
        self.before = now
        cut = difference > max(_CUT_DIFFERENCE, _CUT_RATIO * self.usual)
        if not cut:
            self.usual += 0.1 * (difference - self.usual)
        return cut


def watch(frames: Iterable[Bytes], tracker: Tracker) -> Generator[Glimpse, None, None]:
    """The faces in each frame by person, streamed: some 30 frames are held.

    A tracker that works in two steps finds the faces of the next frames while, in the caller's thread, those of the
    present ones are finished; what comes out does not depend on the number of threads.

    Args:
        frames: (H, W, 3) uint8 sRGB, in order; may be taken in another thread.
        tracker: follows one face; asked for all faces about once a second.
    """
    if not isinstance(tracker, TwoStepTracker):
        for _, glimpses in _sightings(frames, lambda pixels, _: tracker.detect(pixels), tracker.follow):
            yield from glimpses
        return
    sightings = _sightings(frames, tracker.find, tracker.keep_up)
    with (
        shared_threads() as threads,
        closing(ahead(sightings, at_start=partial(take_threads, threads)) if threads else sightings) as coming,
    ):
        for pictures, glimpses in coming:
            yield from _finished(pictures, glimpses, tracker)


def _sightings(frames: Iterable[Bytes], find: _Find, follow: _Follow) -> Generator[_Sighting, None, None]:
    people: list[_Person] = []
    scene = _Scene()
    source = iter(frames)
    first, looked, pause = 0, 0, 0
    while chunk := list(islice(source, CHUNK)):
        cuts = [scene.changes(frame) for frame in chunk]
        starts = [0, *(at for at, cut in enumerate(cuts) if cut and at > 0), len(chunk)]
        for start, end in pairwise(starts):
            if cuts[start]:
                for person in people:
                    person.last = None
            if cuts[start] or first + start - looked >= pause or not any(p.last for p in people):
                known = [person.last for person in people if person.last is not None]
                _recognise(find(chunk[start], known), people)
                pause = _LOOK_SELDOM if len(known) == len(people) else _LOOK_EVERY
                looked = first + start
            seen = _followed(chunk[start:end], people, follow)
            yield (
                chunk[start:end],
                [
                    Glimpse(first + start + offset, chunk[start + offset], faces, cuts[start] and offset == 0)
                    for offset, faces in enumerate(seen)
                ],
            )
        first += len(chunk)


def _finished(pictures: list[Bytes], glimpses: list[Glimpse], tracker: TwoStepTracker) -> Iterator[Glimpse]:
    """The glimpses with all their faces finished together."""
    where = [(at, person) for at, glimpse in enumerate(glimpses) for person in glimpse.faces]
    faces = tracker.finish([pictures[at] for at, _ in where], [glimpses[at].faces[person] for at, person in where])
    for (at, person), face in zip(where, faces, strict=True):
        glimpses[at].faces[person] = face
    yield from glimpses


def _recognise(found: list[Landmarks], people: list[_Person]) -> None:
    """Match the faces of one frame with the people known, and greet the new ones."""
    unmatched = list(found)
    for person in people:
        if person.last is None or not unmatched:
            continue
        nearest = max(unmatched, key=lambda face: face.box.overlap(person.last.box))  # type: ignore[union-attr]
        if nearest.box.overlap(person.last.box) > _SAME_OVERLAP:
            unmatched.remove(nearest)
    largest = max((face.box.height for face in found), default=0.0)
    unmatched = [face for face in unmatched if face.box.height >= _SMALLEST_SHARE * largest]
    # somebody who was lost is the likelier explanation of a face than somebody new
    for person in sorted((p for p in people if p.last is None), key=lambda p: -p.seen):
        if unmatched:
            face = max(unmatched, key=lambda f: -abs(np.log(max(f.box.height, 1.0) / person.size)))
            person.last = face
            unmatched.remove(face)
    for face in unmatched:
        if len(people) < _MOST_PEOPLE:
            people.append(_Person(len(people), face, face.box.height))


def _followed(frames: list[Bytes], people: list[_Person], follow: _Follow) -> list[dict[int, Landmarks]]:
    """Follow everyone who is in sight through consecutive frames of one scene."""
    seen: list[dict[int, Landmarks]] = [{} for _ in frames]
    for person in sorted(people, key=lambda p: -p.seen):
        if person.last is None:
            continue
        last = person.last
        lost = 0
        for faces, face in zip(seen, follow(frames, last), strict=True):
            if face is None or not _plausible(face, last, 1 + lost) or _taken(face, faces):
                lost += 1
                continue
            faces[person.number] = last = face
            lost = 0
            person.seen += 1
            person.size = face.box.height
        person.last = None if lost >= min(len(frames), CHUNK // 2) else last
    return seen


def _plausible(face: Landmarks, before: Landmarks, frames: int) -> bool:
    size = max(before.box.width, before.box.height, 1.0)
    (x, y), (x0, y0) = face.box.centre, before.box.centre
    near = np.hypot(x - x0, y - y0) < _FARTHEST_STEP * size * min(frames, 3)
    return bool(near and 0.55 < face.box.height / max(before.box.height, 1.0) < 1.8)


def _taken(face: Landmarks, faces: dict[int, Landmarks]) -> bool:
    return any(face.box.overlap(other.box) > 0.6 for other in faces.values())
