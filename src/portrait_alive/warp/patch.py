"""A piece of another picture put into a frame: matched in colour and light to what surrounds it, without a seam."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.types import Bytes, Float

Part = tuple[slice, slice]
"""Rows and columns."""
_GAINS = (0.4, 2.5)
"""The least and the most by which a channel is multiplied."""
_DARK = 4.0
"""8-bit steps that keep a ratio of two dark colours from running away."""
_FAR = 1e-3
"""Weight of the mean gain, which holds where no matched place is near."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A rectangle of a lender's face as one frame wants it."""

    pixels: Bytes
    """(h, w, 3) uint8 sRGB."""
    corner: tuple[int, int]
    """(x, y) of its first pixel in the canvas picture."""
    made: Float
    """(h, w) in [0, 1]: how much of each pixel the lender did not supply either."""


@dataclass(frozen=True, eq=False)
class Target:
    """The frame that is being made."""

    pixels: Bytes
    """(h, w, 3) uint8 sRGB of the moving region, written to."""
    opacity: Bytes
    """(h, w) uint8 of the sitter: only where nothing shines through is anything put."""
    drawn: Float | None
    """(h, w) in [0, 1], written to: what no picture supplied."""
    corner: tuple[int, int]
    """(x, y) of the region's first pixel in the canvas picture."""

    def overlap(self, patch: Patch) -> tuple[Part, Part] | None:
        """Where a patch lies in the region, and which part of it; None where there is too little."""
        height, width = patch.pixels.shape[:2]
        x, y = patch.corner[0] - self.corner[0], patch.corner[1] - self.corner[1]
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, self.pixels.shape[1]), min(y + height, self.pixels.shape[0])
        if right - left < 4 or bottom - top < 4:
            return None
        return (slice(top, bottom), slice(left, right)), (slice(top - y, bottom - y), slice(left - x, right - x))

    def place(self, points: Float, part: Part) -> Float:
        """Canvas points (N, 2) in pixels of a part of the region."""
        corner = (self.corner[0] + part[1].start, self.corner[1] + part[0].start)
        return points - np.array(corner, np.float32)

    def put(self, patch: Patch, where: Part, inner: Part, mask: Float, matched: Float, reach_px: float) -> None:
        """Blend a part of a patch in.

        Args:
            patch: what is put.
            where: the place in the region.
            inner: the part of the patch.
            mask: (h, w) in [0, 1], its opacity.
            matched: (h, w) at least 0: where its colours are compared with those that are there.
            reach_px: over which what is found there holds.
        """
        own, lent = self.pixels[where].astype(np.float32), patch.pixels[inner].astype(np.float32)
        lent *= gain_between(own, lent, matched, reach_px)
        share = mask * (self.opacity[where] == 255)
        self.blend(where, own, lent, share)
        if self.drawn is not None:
            drawn = self.drawn[where]
            drawn += (patch.made[inner] - drawn) * share

    def blend(self, where: Part, own: Float, lent: Float, share: Float) -> None:
        """Put other colours (h, w, 3) in place of a part's own by a share (h, w) in [0, 1]."""
        self.pixels[where] = np.clip(own + (lent - own) * share[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)


def gain_between(own: Float, lent: Float, weight: Float, reach_px: float) -> Float:
    """(h, w, 3) smooth factors that give `lent` the local colour of `own`, found where `weight` (h, w) is."""
    return gain_of(weighed(own, weight), weighed(lent, weight), reach_px)


def weighed(colours: Float, weight: Float) -> Float:
    """(h, w, 4) colours (h, w, 3) times their weight (h, w), and the weight."""
    return np.dstack([colours * weight[..., None], weight])


def gain_of(own: Float, lent: Float, reach_px: float) -> Float:
    """`gain_between` of two that have been `weighed` alike."""
    step = max(int(reach_px / 4), 1)
    size = (max(own.shape[1] // step, 2), max(own.shape[0] // step, 2))
    here, there = (averaged(each, size, reach_px / step) for each in (own, lent))
    gain = np.clip((here + _DARK) / (there + _DARK), *_GAINS).astype(np.float32)
    return cast(Float, cv2.resize(gain, own.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def averaged(weighed_colours: Float, size: tuple[int, int], sigma: float) -> Float:
    """Weighted local means of colours at a smaller size (width, height)."""
    small = cv2.GaussianBlur(cv2.resize(weighed_colours, size, interpolation=cv2.INTER_AREA), (0, 0), sigma)
    total = small[..., 3:]
    mean = small[..., :3].reshape(-1, 3).sum(0) / max(float(total.sum()), 1e-6)
    return cast(Float, (small[..., :3] + np.float32(_FAR) * mean) / (total + np.float32(_FAR)))


def distance_beyond(ring: Float, shape: tuple[int, int]) -> Float:
    """(h, w) pixels from each pixel to a polygon (N, 2), 0 inside it; a polygon outside is as far as can be."""
    farthest = np.float32(shape[0] + shape[1])
    return cast(Float, np.minimum(cv2.distanceTransform(1 - filled(ring, shape), cv2.DIST_L2, 5), farthest))


def keep_clear(mask: Float, ring: Float, clear: tuple[float, float]) -> None:
    """Take a polygon (N, 2) out of a mask (h, w), in place.

    Args:
        mask: in [0, 1].
        ring: the polygon, in the mask's pixels.
        clear: in widths of the polygon, how far beyond it nothing of the mask is left, and from where on all of it.
    """
    width = max(float(np.ptp(ring, axis=0).max()), 1.0)
    mask *= smoothstep(*clear, distance_beyond(ring, (mask.shape[0], mask.shape[1])) * np.float32(1 / width))


def depth_within(ring: Float, shape: tuple[int, int]) -> Float:
    """(h, w) pixels from each pixel of a polygon (N, 2) to its outline, 0 outside."""
    inside = cv2.copyMakeBorder(filled(ring, shape), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return cast(Float, np.ascontiguousarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]))


def within_edges(shape: tuple[int, int], width_px: float) -> Float:
    """(h, w) 0 at the edges of a rectangle, 1 from `width_px` inwards."""
    sides: Sequence[Float] = [
        np.minimum(np.arange(length) + 0.5, np.arange(length)[::-1] + 0.5).astype(np.float32) for length in shape
    ]
    return cast(Float, np.clip(np.minimum(sides[0][:, None], sides[1][None]) / np.float32(max(width_px, 1)), 0, 1))


def filled(ring: Float, shape: tuple[int, int]) -> Bytes:
    """(h, w) uint8: 1 in a polygon (N, 2)."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(ring * 16 - 8).astype(np.int32)], 1, shift=4)
    return mask
