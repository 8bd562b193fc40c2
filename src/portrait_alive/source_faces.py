"""Which faces of the source are animated, and what about them limits the result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import degrees, inf, sqrt

import cv2
import numpy as np

from portrait_alive.errors import NoFaceError
from portrait_alive.events import Note
from portrait_alive.glasses import wears_glasses
from portrait_alive.option_kinds import FaceChoice
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face, yaw_of
from portrait_alive.shape.topology import MIRROR
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.types import Box, Bytes, Landmarks, Picture, SourceFace
from portrait_alive.warp.glasses_rims import glasses_rims

SMALL_FACE_PX = 100
TURNED_DEG = 25.0
PROFILE_DEG = 50.0
UNSURE = 0.01
"""Mean distance, over the face's size, of its points from those in the mirrored picture from which the user is asked to
look. Of 49 pictures three differ by more, 0.011 to 0.018, those that err most; the next has 0.009. What the network
says of its own errors tells nothing of them."""
COVERED = 0.05
"""Share of a face that is covered from which the user is told."""
_SAME_IN_MIRROR = 0.04
"""Mean distance, over the face's size, within which a face's points are the same in the mirrored picture: a face has
0.003 to 0.018 (49 pictures), what only resembles one has more or is not found again."""
_SAME_FACE = 0.5
"""Overlap of a face's box with the one that is looked at below which another face was found near it."""


@dataclass(frozen=True, eq=False)
class Sitter:
    """A face of the source that is to be animated."""

    number: int
    """From 1, left to right among all faces that were found."""
    face: SourceFace


def find_sitters(
    picture: Picture, tracker: Tracker, fitter: HeadFitter, *, face: FaceChoice | None, everyone: bool
) -> list[Sitter]:
    """The faces to animate: the largest, the chosen one, or all from left to right.

    Raises:
        NoFaceError: there is none, or not the one that was chosen; says what to do.
    """
    if isinstance(face, tuple):
        box, pixels = Box(*face), picture.pixels
        found = tracker.refine(pixels, box) or _largest_within(box, tracker.detect(pixels))
        if found is None:
            raise NoFaceError(
                f"{_name(picture)}: no face in or near --face {','.join(f'{side:g}' for side in face)}; "
                "draw the box around brows and chin, or give points with --landmarks"
            )
        return [Sitter(1, source_face(found, fitter))]
    faces = tracker.detect(picture.pixels)
    if not faces:
        raise NoFaceError(
            f"{_name(picture)}: no face found; say where it is with --face x,y,w,h (pixels, around brows and chin), "
            "give points with --landmarks points.json, or try another --tracker"
        )
    if everyone:
        return [Sitter(number, source_face(each, fitter)) for number, each in enumerate(faces, start=1)]
    number = _largest(picture, faces, tracker) if face is None else face
    if number > len(faces):
        raise NoFaceError(
            f"{_name(picture)}: there is no face {number}; {len(faces)} found, from left to right: "
            f"{'; '.join(_place(each) for each in faces)}. Choose with --face N or --face x,y,w,h"
        )
    return [Sitter(number, source_face(faces[number - 1], fitter))]


def limits(sitter: Sitter, picture: Picture, matter: Matter, tracker: Tracker | None) -> Iterator[Note]:
    """What about a face limits the result, a sentence each.

    Args:
        sitter: the face.
        picture: the source.
        matter: tells what is in front of it.
        tracker: what found it, to be asked again; None where it was placed by hand or before.
    """
    face, box = sitter.face, sitter.face.landmarks.box
    height, width = picture.size
    size = max(box.width, box.height)
    who = f"face {sitter.number}"
    if size < SMALL_FACE_PX:
        yield Note("small-face", f"{who} is only {size:.0f} px high; a larger scan gives a sharper mouth and eyes")
    yaw = abs(degrees(yaw_of(face)))
    if yaw > PROFILE_DEG:
        yield Note("profile", f"{who} is seen from the side ({yaw:.0f} degrees); it can hardly turn or open its mouth")
    elif yaw > TURNED_DEG:
        yield Note("three-quarter-view", f"{who} is turned by {yaw:.0f} degrees; its far side is guessed")
    if tracker is not None and _off_in_mirror(picture.pixels, _mirrored(picture), box, tracker) > UNSURE:
        yield Note("low-confidence", f"{who} may be misplaced; check it with: portrait-alive landmarks -o look.png")
    if wears_glasses(picture.pixels, face.landmarks):
        rims = glasses_rims(picture.pixels, face.landmarks)
        if rims is None:
            yield Note("glasses", f"{who} wears glasses; their frames bend a little where lids and brows move")
        elif rims.are_dark:
            yield Note("glasses", f"{who} wears dark glasses; what the eyes behind them do is not shown")
    covered = matter.covered(picture.pixels, face.landmarks.points)
    if covered > COVERED:
        yield Note("covered", f"something is in front of {who} (a hand?); it moves as if it were painted on the skin")
    if box.x < 0 or box.y < 0 or box.x + box.width > width or box.y + box.height > height:
        yield Note("cut-off", f"{who} is cut by the edge of the picture; what lies beyond cannot be shown")


def _largest(picture: Picture, faces: Sequence[Landmarks], tracker: Tracker) -> int:
    """Number (from 1) of the face with the largest box; where there are several, of those that the mirror confirms.

    A large pattern that resembles a face would otherwise be animated in place of the sitter.
    """
    by_size = sorted(range(len(faces)), key=lambda index: -faces[index].box.area)
    if len(faces) > 1:
        mirrored = _mirrored(picture)
        for index in by_size:
            if _off_in_mirror(picture.pixels, mirrored, faces[index].box, tracker) <= _SAME_IN_MIRROR:
                return index + 1
    return by_size[0] + 1


def _largest_within(box: Box, faces: Sequence[Landmarks]) -> Landmarks | None:
    """The largest face with its middle in a box that was drawn around more than a face."""
    middles = [(face, *face.box.centre) for face in faces]
    inside = [face for face, x, y in middles if 0 < x - box.x < box.width and 0 < y - box.y < box.height]
    return max(inside, key=lambda face: face.box.area, default=None)


def _off_in_mirror(pixels: Bytes, mirrored: Bytes, box: Box, tracker: Tracker) -> float:
    """Mean distance, over its size, of the points of the face in a box from those in the mirrored picture.

    Infinite where no such face is in one of them. Both are placed by `refine`: what `detect` says may know the mirror
    image already.
    """
    width = pixels.shape[1]
    face = tracker.refine(pixels, box)
    other = tracker.refine(mirrored, replace(box, x=width - box.x - box.width))
    if face is None or other is None or face.box.overlap(box) < _SAME_FACE:
        return inf
    points = other.points[list(MIRROR), :2] * np.array([-1, 1], np.float32) + np.array([width, 0], np.float32)
    return float(np.linalg.norm(points - face.points[:, :2], axis=1).mean()) / sqrt(box.area)


def _mirrored(picture: Picture) -> Bytes:
    return np.asarray(cv2.flip(picture.pixels, 1), np.uint8)


def _place(face: Landmarks) -> str:
    box = face.box
    return f"{box.x:.0f},{box.y:.0f},{box.width:.0f},{box.height:.0f}"


def _name(picture: Picture) -> str:
    return str(picture.path) if picture.path else "the picture"
