"""What other pictures of the scene show where the canvas shows its sitter: the background that a head uncovers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.patch import gain_between
from portrait_alive.warp.same_scene import (
    AGREES_WITHIN,
    WORK_PX,
    Scene,
    brought_to,
    difference,
    enlarged,
    map_between,
)

_MARGIN = 0.06
"""Face heights around a sitter from which on a picture is believed to show background."""
_SOFT = 0.03
"""Face heights over which what is lent fades at its border."""
_LIGHT = 0.25
"""Face heights over which the light between two pictures may change."""
MOST_SIDE_PX = 1280
"""Of the canvas as it is compared with others; what is behind a sitter is seldom in focus."""
_LEAST_SHARE = 0.002
"""Share of the picture below which nothing is worth keeping."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A picture, and where it shows no sitter."""

    pixels: Bytes
    """(H, W, 3) uint8 sRGB."""
    background: Float
    """(H, W) in [0, 1], the share of background in each pixel."""
    face_height: float
    """Pixels."""

    def within(self, longest_px: int) -> "Surroundings":
        """The same, reduced where it is larger."""
        height, width = self.background.shape
        factor = longest_px / max(height, width)
        if factor >= 1:
            return self
        size = (round(width * factor), round(height * factor))
        pixels, background = (
            cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (self.pixels, self.background)
        )
        return Surroundings(pixels, background, self.face_height * factor)

    def known(self) -> Float:
        """(H, W) 1 where there is background beyond doubt, at some distance from the sitter; else 0."""
        reach = max(round(_MARGIN * self.face_height), 1)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        sure = (self.background > 0.95).astype(np.uint8)
        return cast(Float, cv2.erode(sure, kernel, borderValue=1).astype(np.float32))


@dataclass(frozen=True, eq=False)
class Behind:
    """The background behind the canvas's sitter, as far as other pictures show it."""

    pixels: Bytes
    """(h, w, 3) uint8 sRGB, in the canvas's light."""
    share: Bytes
    """(h, w) uint8: 255 where it was seen, 0 where nobody saw it."""
    corner: tuple[float, float]
    """(x, y) of its first pixel's corner in the canvas picture."""
    pitch: float
    """Canvas pixels from one of its pixels to the next."""

    def over(self, box: tuple[int, int, int, int]) -> tuple[Float, Float]:
        """Colours (h, w, 3) and share (h, w) in [0, 1] over a box (left, top, right, bottom) of the canvas."""
        left, top, right, bottom = box
        shift = [(at - low + 0.5 * self.pitch) - 0.5 for at, low in zip(self.corner, (left, top), strict=True)]
        onto = np.array([[self.pitch, 0, shift[0]], [0, self.pitch, shift[1]]], np.float64)
        size = (right - left, bottom - top)
        colours = cv2.warpAffine(self.pixels, onto, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        share = cv2.warpAffine(self.share, onto, size, flags=cv2.INTER_LINEAR, borderValue=0)
        return colours.astype(np.float32), share.astype(np.float32) / np.float32(255)


def seen_behind(canvas: Surroundings, others: Sequence[Surroundings]) -> Behind | None:
    """What others show behind the canvas's sitter; None where they show another scene, or nothing new.

    Where several pictures show a place, the median counts: who passes through the scene does not stay in it. The order
    of the pictures does not matter.
    """
    width = canvas.pixels.shape[1]
    canvas = canvas.within(MOST_SIDE_PX)
    pitch = width / canvas.pixels.shape[1]
    known = canvas.known()
    here = _scene(canvas, known)
    brought = (_brought(canvas, known, here, other.within(MOST_SIDE_PX)) for other in others)
    seen = [each for each in brought if each is not None]
    if not seen:
        return None
    # beyond what the canvas shows by itself, and a little into that, so that the two blend
    wanted = cv2.dilate((canvas.background < 0.99).astype(np.uint8), _disc(2 * _MARGIN * canvas.face_height))
    shown = np.stack([there > 0 for _, there in seen]) & (wanted > 0)
    any_shown = shown.any(0)
    if (any_shown & (known == 0)).mean() < _LEAST_SHARE:
        return None
    rows, columns = np.flatnonzero(any_shown.any(1)), np.flatnonzero(any_shown.any(0))
    part = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    colours = _medians(np.stack([lent[part] for lent, _ in seen]), shown[(slice(None), *part)])
    soft = _soft(any_shown.astype(np.uint8), _SOFT * canvas.face_height)[part]
    corner = (part[1].start * pitch, part[0].start * pitch)
    return Behind(colours, np.rint(soft * 255).astype(np.uint8), corner, pitch)


def _scene(picture: Surroundings, known: Float) -> Scene:
    return Scene.of(picture.pixels, known, min(1.0, WORK_PX / max(known.shape)))


def _brought(canvas: Surroundings, known: Float, here: Scene, other: Surroundings) -> tuple[Bytes, Bytes] | None:
    """Another picture as the canvas frames it, in its light (H, W, 3), and (H, W) 1 where it is background."""
    its = other.known()
    there = _scene(other, its)
    onto = map_between(here, there)
    if onto is None:
        return None
    size = known.shape[::-1]
    whole = _full_size(onto, here.factor, there.factor)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(other.pixels, whole, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    shows = cv2.warpAffine(its, whole, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=0) > 0.99
    small, both = brought_to(here, there, onto)
    strange = (difference(here.colours, small, both) > AGREES_WITHIN) & (both > 0)
    strange = cv2.morphologyEx(strange.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    reach = _disc(_MARGIN * canvas.face_height * here.factor)
    strange = cv2.resize(cv2.dilate(strange, reach), size, interpolation=cv2.INTER_NEAREST)
    gain = gain_between(here.colours, small, both, _LIGHT * canvas.face_height * here.factor)
    lit = pixels * cv2.resize(gain, size, interpolation=cv2.INTER_LINEAR)
    return np.clip(lit + np.float32(0.5), 0, 255).astype(np.uint8), (shows & (strange == 0)).astype(np.uint8)


def _full_size(onto: NDArray[np.float64], here: float, there: float) -> NDArray[np.float64]:
    """A map between reduced pictures as it is between the whole ones, whose reductions may differ."""
    whole = enlarged(onto, 1 / here)
    ratio = here / there
    centre = (ratio - 1) / 2
    return np.column_stack([whole[:, :2] * ratio, whole[:, 2] * ratio + centre])


def _medians(colours: Bytes, shown: NDArray[np.bool_]) -> Bytes:
    """(h, w, 3) median over pictures (K, h, w, 3) of those that show a place, (K, h, w); 0 where none does."""
    count = shown.sum(0)
    hidden = np.where(shown[..., None], colours.astype(np.int16), 1000)
    hidden.sort(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    middle = [np.take_along_axis(hidden, at[None, ..., None], 0)[0] for at in (low, np.minimum(high, len(colours) - 1))]
    mean = (middle[0] + middle[1] + 1) // 2
    return cast(Bytes, np.where(count[..., None] > 0, mean, 0).astype(np.uint8))


def _soft(mask: Bytes, width_px: float) -> Float:
    """(H, W) 0 where the mask is 0, rising to 1 inwards; the picture's edge is no border."""
    deep = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    return smoothstep(0.0, 1.0, np.asarray(deep / max(width_px, 1.0), np.float32))


def _disc(radius_px: float) -> Bytes:
    side = 2 * max(round(radius_px), 1) + 1
    return cast(Bytes, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8))
