"""One face through consecutive frames: in which frames to look, in which crops, and what lies between two looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from portrait_alive.shape import topology
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.crop_path import CropPath, between, distance
from portrait_alive.tracking.similarity import Similarity
from portrait_alive.types import Box, Bytes, Float, Landmarks

STILL_PRESENT, STILL_CERTAIN = 0.45, 0.6
"""Under which a followed face is lost: lower than for a new one, so that a hand before the face does not lose it."""
AHEAD: Final = 4
"""Looks that are taken together at most, at every second frame, where the face moves as foreseen: with four of them
convolutions take five sixths of the time that they take with twice two."""
ASTRAY: Final = 0.08
"""How far off its crop the face may be in a look ahead; otherwise that frame is looked at anew. So far off, points
err by a thirtieth more."""
_FIRST: Final = 0.5
"""Looks that are taken together where no look came before: one, at the very next frame."""
_SHY: Final = 0.25
"""Looks that are taken together after one that was astray; each success doubles them, but adds one at most: what moves
like this is foreseen for two looks more often than for four."""
_SAME_SHAPE: Final = 0.14
"""Over the interocular distance: how far nine points in ten may differ in two looks, once the eyes lie on each other,
for the frame between them to be their mean. Noise alone makes 0.02."""
_NEAR: Final = 0.2
"""How far the face may have moved between them, so that the patches of its eyes hold them in the frame between."""
_SAME_LIGHT: Final = 20.0
"""Mean absolute difference, of 255, by which the face may look different there: not so a flash, a cut or a hand."""
_THUMBNAIL: Final = 24
_CORNERS: Final = list(topology.EYE_CORNERS)
_SKIN: Final = 468

Look = Callable[[Sequence[FaceCrop], Sequence[Bytes]], list[Landmarks]]
"""Faces in crops, one of each picture."""
Search = Callable[[Bytes], Landmarks | None]
"""The face to follow in a picture, from nothing."""


@dataclass(frozen=True, eq=False)
class FollowedFace(Landmarks):
    """A face that goes on being followed in the crop where it was seen, also in the next call."""

    path: CropPath
    looked: Float
    """(478, 3) the points before eyes, brows and mouth were placed anew."""
    boldness: float
    """How many looks may be taken together from here on."""


@dataclass(frozen=True, eq=False)
class BetweenFace(FollowedFace):
    """A face in a frame that was not looked at: the mean of the looks before and after it."""

    before: FollowedFace
    after: FollowedFace

    @staticmethod
    def of(before: FollowedFace, after: FollowedFace) -> "BetweenFace":
        """Halfway."""
        points = np.float32(0.5) * (before.looked + after.looked)
        return BetweenFace(
            points,
            np.float32(0.5) * (before.confidence + after.confidence),
            (before.presence + after.presence) / 2,
            path=replace(after.path, crop=between(before.path.crop, after.path.crop, 0.5)),
            looked=points,
            boldness=after.boldness,
            before=before,
            after=after,
        )


@dataclass(frozen=True, eq=False)
class FaceFollower:
    """Looks at every second frame of a calm face, at every frame of one that moves."""

    look: Look
    search: Search
    size: int
    """Side of the crops that `look` takes, in pixels."""

    def keep_up(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        """One face through consecutive frames; searched for where it was lost.

        Args:
            last: the face just before the first frame, where it is known.
        """
        followed: list[Landmarks | None] = []
        path = None if last is None else self._path_of(last)
        before = last if isinstance(last, FollowedFace) else None
        while len(followed) < len(frames):
            boldness = _FIRST if before is None else before.boldness
            coming = frames[len(followed) : len(followed) + max(int(2 * boldness), 1)]
            looks, foreseen = ([], False) if path is None else self._looks_ahead(path, coming)
            if path is not None and looks:
                bolder = min(2 * boldness, boldness + 1, AHEAD) if foreseen else _SHY
                kept = [(at, _followed(face, path.led_to(self._around(face), 1 + at), bolder)) for at, face in looks]
                followed += self._with_those_between(before, kept, coming)
                before, path = kept[-1][1], kept[-1][1].path
                continue
            face = self.search(coming[0])
            path = None if face is None else CropPath(self._around(face))
            before = None if face is None or path is None else _followed(face, path, 1.0)
            followed.append(before)
        return followed

    def _around(self, face: Landmarks) -> FaceCrop:
        return FaceCrop.around_points(face.points, self.size)

    def _path_of(self, face: Landmarks) -> CropPath:
        around = self._around(face)
        if isinstance(face, FollowedFace) and distance(face.path.crop, around) <= ASTRAY:
            return face.path
        return CropPath(around)

    def _looks_ahead(self, path: CropPath, frames: Sequence[Bytes]) -> tuple[list[tuple[int, Landmarks]], bool]:
        """Looks at every second frame, the last among them, up to where the face leaves the path, with their places.

        Also whether it was on the path in all of them.
        """
        offsets = range((len(frames) + 1) % 2, len(frames), 2)
        crops = [path.after(1 + offset) for offset in offsets]
        kept: list[tuple[int, Landmarks]] = []
        for offset, crop, face in zip(offsets, crops, self.look(crops, [frames[o] for o in offsets]), strict=True):
            if not _is_there(face):
                return kept, False
            around = self._around(face)
            if offset and distance(crop, around) > ASTRAY:
                again = [] if kept else self.look([around], [frames[offset]])
                return kept + [(offset, face) for face in again if _is_there(face)], False
            kept.append((offset, face))
        return kept, True

    def _with_those_between(
        self, before: FollowedFace | None, kept: Sequence[tuple[int, FollowedFace]], frames: Sequence[Bytes]
    ) -> list[Landmarks | None]:
        """The face in all frames up to the last look; a frame between two looks that differ is looked at as well."""
        faces: list[Landmarks | None] = []
        unlike: dict[int, BetweenFace] = {}
        for offset, face in kept:
            if before is not None and offset > len(faces):
                middle = BetweenFace.of(before, face)
                if not alike(before.looked, face.looked) or not lit_alike(frames[offset - 1], frames[offset], face.box):
                    unlike[offset - 1] = middle
                faces.append(middle)
            faces.append(face)
            before = face
        crops = [middle.path.crop for middle in unlike.values()]
        looks = self.look(crops, [frames[offset] for offset in unlike]) if unlike else []
        for (offset, middle), look in zip(unlike.items(), looks, strict=True):
            faces[offset] = _followed(look, middle.path, middle.boldness) if _is_there(look) else None
        return faces


def alike(first: Float, second: Float) -> bool:
    """Whether the frame between two looks need not be looked at: the face hardly moved, and its shape less.

    Args:
        first: (478, 2 or more) points of a look, picture pixels.
        second: of the look two frames later.
    """
    apart = max(float(np.linalg.norm(second[468, :2] - second[473, :2])), 1e-6)
    one, other = first[:_SKIN, :2], second[:_SKIN, :2]
    if float(np.linalg.norm(other[_CORNERS].mean(0) - one[_CORNERS].mean(0))) > _NEAR * apart:
        return False
    aligned = Similarity.between(one[_CORNERS], other[_CORNERS])(one)
    off = np.hypot(*(aligned - other).T)
    return bool(np.partition(off, _SKIN * 9 // 10)[_SKIN * 9 // 10] <= _SAME_SHAPE * apart)


def lit_alike(first: Bytes, second: Bytes, box: Box) -> bool:
    """Whether two pictures (H, W, 3) of one size look about the same in a box."""
    height, width = first.shape[:2]
    left, right = (min(max(int(x), 0), width - 1) for x in (box.x, box.x + box.width))
    top, bottom = (min(max(int(y), 0), height - 1) for y in (box.y, box.y + box.height))
    step = max(max(right - left, bottom - top) // _THUMBNAIL, 1)
    one, other = (
        picture[top : bottom + 1 : step, left : right + 1 : step].astype(np.int16) for picture in (first, second)
    )
    return bool(np.abs(one - other).mean() <= _SAME_LIGHT)


def _followed(face: Landmarks, path: CropPath, boldness: float) -> FollowedFace:
    return FollowedFace(face.points, face.confidence, face.presence, path=path, looked=face.points, boldness=boldness)


def _is_there(face: Landmarks) -> bool:
    return bool(face.presence >= STILL_PRESENT and face.confidence.mean() >= STILL_CERTAIN)
