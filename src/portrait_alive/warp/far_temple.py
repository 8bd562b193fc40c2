"""Skin on the far temple of a three-quarter face that comes round to the front.

A brow's tail or an eye's corner that lies on the outline would be stretched with it over the temple that comes into
view: a smear as broad as the temple. What is there on a real head is skin; so it is continued from above and below.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.face_shapes import EYES, height_of
from portrait_alive.warp.filling import continue_smoothly
from portrait_alive.warp.grid import Grid
from portrait_alive.warp.patch import Target, distance_beyond, keep_clear

_TEMPLES: Final = (
    (*topology.RIGHT_BROW, 21, 162, 127, 34, 143, 35, 226),
    (*topology.LEFT_BROW, 251, 389, 356, 264, 372, 265, 446),
)
"""Right, left: brow, outline beside it and beside the eye."""
_FACE_PX: Final = 160
"""Of the face's height at which skin is continued."""
_BEYOND: Final = (0.02, 0.06)
"""Face heights beyond the temple's points over which it fades."""
_EYE_KEPT: Final = (0.05, 0.25)
"""The eye stays the picture's own: up to how many of its widths beyond, and from which on nothing does."""
_REACH: Final = 0.25
"""Face heights around the temple from which skin is continued."""
_SOLID: Final = 0.99
"""Opacity of the sitter there: at its edge the background is in the paint."""
_LIGHT: Final = (0.7, 0.9)
"""Luma, over the temple's, from which something may be skin, and is for certain."""
_SEEN: Final = 0.5
"""How certain the surest of it has to be, or nothing is laid."""
_USUAL: Final = 60
"""Percentile that counts as the temple's luma."""
_STRETCHED: Final = (1.0, 1.7)
"""log2 of how far paint is stretched, from which skin is laid over it, and from which on it alone is seen."""
_SITTER: Final = (0.5, 0.95)
"""The same of the sitter's opacity, without its rim, where the paint comes from."""


@dataclass(frozen=True, eq=False)
class FarTemple:
    """The temple of one side."""

    skin: Float
    """(h, w, 3) colours of the region, at a smaller size, with skin in place of what is dark about the temple."""
    share: Float
    """(h, w) in [0, 1]: where that may be laid."""
    scale: float
    """Its pixels in one of the region's."""

    @staticmethod
    def of(
        still: Bytes, corner: tuple[int, int], points: Float, sitter: Float, *, is_left: bool, turned: float
    ) -> "FarTemple":
        """The left or the right temple.

        Args:
            still: (H, W, 3) uint8 sRGB of the region.
            corner: (left, top) of the region in the picture.
            points: (P, 3) of the face.
            sitter: (H, W) in [0, 1] the sitter's opacity in the region, without its rim.
            is_left: whether it is the subject's left one.
            turned: in [0, 1], how far the source is seen from the side: as much of it is laid.
        """
        tall = height_of(points)
        scale = min(_FACE_PX / tall, 1.0)
        small = cv2.resize(still, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
        shape = small.shape[:2]
        upper, lower, _ = EYES[is_left]
        temple, eye = (
            (points[list(line), :2] - np.array(corner, np.float32)) * np.float32(scale)
            for line in (_TEMPLES[is_left], upper + lower[-2:0:-1])
        )
        away = distance_beyond(cv2.convexHull(temple)[:, 0], shape) * np.float32(1 / (tall * scale))
        share = np.float32(turned) * (1 - smoothstep(*_BEYOND, away))
        keep_clear(share, eye, _EYE_KEPT)
        opacity = cv2.resize(sitter, shape[::-1], interpolation=cv2.INTER_AREA)
        near = cv2.erode((opacity > _SOLID).astype(np.float32), np.ones((5, 5))) * (away < _REACH)
        keep_clear(near, eye, _EYE_KEPT)
        luma = small @ LUMA
        usual = float(np.percentile(luma[near > 0], _USUAL)) if (near > 0).any() else 255.0
        known = near * smoothstep(*_LIGHT, luma * np.float32(1 / max(usual, 1.0)))
        if known.max() < _SEEN:
            share[:] = 0
        return FarTemple(continue_smoothly(small, known.astype(np.float32)), share.astype(np.float32), scale)

    def lay_over(self, grid: Grid, origins: Float, shown: Float, sitter: Float, target: Target) -> None:
        """Lay it over what is stretched, in place.

        Args:
            grid: of the region.
            origins: (rows, columns, 2) where each node comes from, node indices.
            shown: (rows, columns) how many of the picture's pixels are seen in one of the frame's.
            sitter: (rows, columns) in [0, 1] opacity of the sitter, without its rim, where each node comes from.
            target: the frame.
        """
        # node i lies at (i - 0.5) * cell region pixels
        at = (origins - np.float32(0.5)) * np.float32(grid.cell * self.scale) - np.float32(0.5)
        share = cv2.remap(self.share, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        share *= smoothstep(*_STRETCHED, -np.log2(shown)) * smoothstep(*_SITTER, sitter)
        rows, columns = (np.flatnonzero(share.max(axis) > 0.01) for axis in (1, 0))
        if len(rows) == 0:
            return
        down, across = (slice(max(int(some[0]) - 1, 0), int(some[-1]) + 2) for some in (rows, columns))
        part, at_pixels = grid.block_at_pixels(np.dstack([at, share]), (down, across))
        places = np.ascontiguousarray(at_pixels[..., :2])
        skin = cv2.remap(self.skin, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        shares = at_pixels[..., 2] * (target.opacity[part] * np.float32(1 / 255))
        target.blend(part, target.pixels[part].astype(np.float32), skin, shares)
        if target.drawn is not None:
            target.drawn[part] = np.maximum(target.drawn[part], shares)
