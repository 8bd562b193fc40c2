"""Several faces in one picture: each moves its own region; what several move goes to the nearer face, softly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Box, Bytes, Corners, Float, Picture

_SOFTNESS = 0.12
"""Half width of the transition between two faces, as a share of their distance in their own sizes."""
_FADE = 0.04
"""Width over which a face's say fades towards the edge of what it moves, as a share of its size."""
_CHANCE_PX = 7
"""A pixel that moved may look as before by chance: holes up to this size in what moves are none."""
_LEAST_SAY = np.float32(1e-3)
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """A full-size frame into which the regions of several faces are put, without a seam where they overlap."""

    source: Bytes
    """(H, W, 3) uint8 sRGB."""
    frame: Bytes
    """(H, W, 3) uint8, written again and again."""
    boxes: tuple[Corners, ...]
    """Of the regions, cut at the picture's edges."""
    shares: tuple[Float, ...]
    """(h, w, 1) in [0, 1] for each region: how much a face takes of what faces before it have moved already."""
    fades_px: tuple[int, ...]
    """For each face."""

    @staticmethod
    def of(picture: Picture, boxes: Sequence[Corners], faces: Sequence[Box]) -> "Neighbours":
        """Divide the regions' overlaps among the faces.

        Args:
            picture: the source.
            boxes: of the regions; right and bottom may pass the picture's edge.
            faces: where each face is.
        """
        height, width = picture.size
        cut = tuple((max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)) for x0, y0, x1, y1 in boxes)
        shares = tuple(_share(box, faces[:index], faces[index]) for index, box in enumerate(cut))
        fades = tuple(max(round(_FADE * max(face.width, face.height)), 2) for face in faces)
        return Neighbours(picture.pixels, picture.pixels.copy(), cut, shares, fades)

    def paste(self, regions: Sequence[Bytes]) -> Bytes:
        """Put one frame's regions in.

        Args:
            regions: (h, w, 3) uint8 for each face; what passes the picture's edge is cut off.

        Returns:
            (H, W, 3) uint8: the frame itself, not a copy. Where no face moves anything it equals the source.
        """
        for left, top, right, bottom in self.boxes:
            self.frame[top:bottom, left:right] = self.source[top:bottom, left:right]
        for number, (region, (left, top, right, bottom)) in enumerate(zip(regions, self.boxes, strict=True)):
            piece = region[: bottom - top, : right - left]
            target = self.frame[top:bottom, left:right]
            still = self.source[top:bottom, left:right]
            moved, taken = _changed(piece, still), _changed(target, still)
            contested = moved & taken
            if contested.any():
                share = self._say_of(number, moved, taken)[contested]
                before = target[contested].astype(np.float32)
                mixed = before + (piece[contested] - before) * share
                np.copyto(target, piece, where=(moved & ~taken)[..., None])
                target[contested] = (mixed + 0.5).astype(np.uint8)
            else:
                np.copyto(target, piece, where=moved[..., None])
        return self.frame

    def _say_of(self, number: int, moved: Mask, taken: Mask) -> Float:
        """(h, w, 1) in [0, 1]: what a face takes of what others moved; either's say fades to its own edge."""
        share, fade = self.shares[number].clip(_LEAST_SAY, 1 - _LEAST_SAY), self.fades_px[number]
        own, others = share * _faded(moved, fade), (1 - share) * _faded(taken, fade)
        return cast(Float, own / (own + others + np.float32(1e-6)))


def _changed(pixels: Bytes, still: Bytes) -> Mask:
    """(h, w) where pixels are not the source's, without the holes that chance makes."""
    differ = (pixels != still).any(-1).view(np.uint8)
    closed = cv2.morphologyEx(differ, cv2.MORPH_CLOSE, np.ones((_CHANCE_PX, _CHANCE_PX), np.uint8))
    return cast(Mask, closed.view(np.bool_))


def _faded(mask: Mask, width: int) -> Float:
    """(h, w, 1): 1 well inside the mask, 0 at its edge; what the array cuts off counts as going on."""
    side = 2 * width + 1
    mean = cv2.blur(mask.astype(np.float32), (side, side), borderType=cv2.BORDER_REPLICATE)
    return cast(Float, np.clip(2 * mean - 1, 0, 1)[..., None])


def _share(box: Corners, before: Sequence[Box], own: Box) -> Float:
    """(h, w, 1): 1 near the face's own, 0 near one of those before it, smooth half-way between."""
    left, top, right, bottom = box
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    mine = _distance(x, y, own)
    theirs = np.min([_distance(x, y, face) for face in before], 0) if before else np.full_like(mine, np.inf)
    nearness = theirs / (mine + theirs + 1e-6) if before else np.ones_like(mine)
    soft = np.clip((nearness - 0.5 + _SOFTNESS) / (2 * _SOFTNESS), 0, 1)
    return cast(Float, (soft * soft * (3 - 2 * soft)).astype(np.float32)[..., None])


def _distance(x: Float, y: Float, face: Box) -> Float:
    """Distance to a face's centre in units of its size."""
    cx, cy = face.centre
    return cast(Float, np.hypot(x - cx, y - cy) / max(face.width, face.height, 1.0))
