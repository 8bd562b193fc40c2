"""Several faces in one picture: each moves its own region; what several move goes to the nearer face, softly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from portrait_alive.types import Box, Bytes, Float, Picture

Corners = tuple[int, int, int, int]
"""(left, top, right, bottom) in picture pixels."""
_SOFTNESS = 0.12
"""Half width of the transition between two faces, as a share of their distance in their own sizes."""


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
        return Neighbours(picture.pixels, picture.pixels.copy(), cut, shares)

    def paste(self, regions: Sequence[Bytes]) -> Bytes:
        """Put one frame's regions in.

        Args:
            regions: (h, w, 3) uint8 for each face; what passes the picture's edge is cut off.

        Returns:
            (H, W, 3) uint8: the frame itself, not a copy. Where no face moves anything it equals the source.
        """
        for left, top, right, bottom in self.boxes:
            self.frame[top:bottom, left:right] = self.source[top:bottom, left:right]
        for region, share, (left, top, right, bottom) in zip(regions, self.shares, self.boxes, strict=True):
            piece = region[: bottom - top, : right - left]
            target = self.frame[top:bottom, left:right]
            still = self.source[top:bottom, left:right]
            moved = (piece != still).any(-1)
            contested = moved & (target != still).any(-1)
            before = target[contested].astype(np.float32)
            mixed = before + (piece[contested] - before) * share[contested]
            np.copyto(target, piece, where=moved[..., None])
            target[contested] = (mixed + 0.5).astype(np.uint8)
        return self.frame


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
