"""What the driver's open mouth shows between the lips: how light it is where, and where that is teeth.

Landmarks tell where lips are, never whether teeth or the tongue are behind them, nor how an opening gets dark behind
its rim. Some three hundred cells of light and shade do; colours stay the portrait's.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from portrait_alive.easing import rising
from portrait_alive.shape import topology
from portrait_alive.tones import LUMA, saturation
from portrait_alive.types import INSIDE_SHAPE, Bytes, Float

_CHEEKS: Final = (50, 187, 192, 205, 207, 36, 280, 411, 416, 425, 427, 266)
"""Mesh points of bare skin about the mouth."""
_LIPS: Final = (11, 72, 302, 16, 85, 315)
"""Mesh points in the middle of the lips' red."""
_FINER: Final = (2, 2)
"""Samples of a cell, down and across."""
_LEAST_GAP_PX: Final = 3.0
"""Between lips that are closer, lips are all that is seen."""
_TEETH_FROM: Final = (0.4, 0.75)
"""Lightness against the skin from which something between the lips may be teeth, and is for certain."""
_GREY_FROM: Final = (0.65, 0.95)
"""The same in pictures that have no colours to tell teeth by."""
_UNLIKE_LIPS: Final = (0.5, 1.0)
"""Redness, 0 that of lips and 1 that of skin, from which something may be teeth, and is for certain. Lips, gums and
tongue are redder than skin in any light, teeth are not, however yellow they or the light are."""
_LEAST_REDDER: Final = 0.08
"""How much redder than skin lips count at least."""
_LIGHT_OF_SKIN: Final = 127.0
"""Steps of lightness that the skin has: lights up to twice as light fit in a byte."""
_RED_FLOOR: Final = 6.0
"""8-bit steps that keep the ratio of two dark channels from running away."""
_COLOURED_SKIN: Final = 0.12
"""Saturation, of skin or lips, from which a picture has colours to tell teeth by."""


def mouth_inside(pixels: Bytes, points: Float) -> Bytes | None:
    """(14, 24, 2) uint8 what is seen between the lips; None where they are as good as closed.

    Rows run from the upper lip to the lower one, columns from the right corner to the left. First lightness (luma over
    that of the skin beside the mouth, in 127ths, at most twice it), then how surely it is teeth, in 255ths: light, and
    less red than the lips.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        points: (478, 2 or more) the face's mesh in it.
    """
    upper, lower = (points[list(part), :2] for part in (topology.UPPER_LIP_INNER, topology.LOWER_LIP_INNER))
    if np.linalg.norm(lower - upper, axis=1).max() < _LEAST_GAP_PX:
        return None
    rows, columns, _ = INSIDE_SHAPE
    down, across = (cells * finer for cells, finer in zip((rows, columns), _FINER, strict=True))
    edges = [_evenly(edge, across) for edge in (upper, lower)]
    deep = (np.arange(down, dtype=np.float32) + 0.5) / down
    places = (edges[0] + (edges[1] - edges[0]) * deep[:, None, None]).astype(np.float32)  # (down, across, 2)
    asked = [places.reshape(-1, 2), points[list(_CHEEKS), :2], points[list(_LIPS), :2]]
    inside, cheeks, red = np.split(_at(pixels, np.concatenate(asked)), np.cumsum([len(some) for some in asked[:2]]))
    seen = inside.reshape(rows, _FINER[0], columns, _FINER[1], 3).mean((1, 3))
    skin, lips = np.median(cheeks, 0), np.median(red, 0)
    light = (seen @ LUMA) / max(float(skin @ LUMA), 1.0)
    green_seen, green_lips = _green(seen) / _green(skin), float(_green(lips) / _green(skin))
    unlike_lips = (green_seen - green_lips) / max(1 - green_lips, _LEAST_REDDER)
    teeth = rising(*_UNLIKE_LIPS, unlike_lips) * rising(*_TEETH_FROM, light)
    coloured = min(float(max(saturation(skin), saturation(lips))) / _COLOURED_SKIN, 1.0)
    teeth = coloured * teeth + (1 - coloured) * rising(*_GREY_FROM, light)
    cells = np.stack([np.minimum(light, 2.0) * _LIGHT_OF_SKIN, teeth * 255], -1)
    return np.asarray(np.rint(cells), np.uint8)


def inside_track(seen: Sequence[Bytes | None]) -> Bytes:
    """(N, 14, 24, 2) of a clip as in `Motion.inside`: lightness against the skin, or the teeth where they are lighter.

    Args:
        seen: N from `mouth_inside`; frames that showed nothing get what the nearest other one shows, so that a mouth
            that closes closes over what was there; 0 where no frame shows anything.
    """
    shown = np.flatnonzero([some is not None for some in seen])
    cells = np.array([some for some in seen if some is not None], np.uint8).reshape(-1, *INSIDE_SHAPE)
    if len(shown) == 0:
        return np.zeros((len(seen), *INSIDE_SHAPE), np.uint8)
    frames = np.arange(len(seen))
    after = np.clip(np.searchsorted(shown, frames), 0, len(shown) - 1)
    before = np.clip(after - 1, 0, None)
    nearest = np.where(np.abs(shown[before] - frames) < np.abs(shown[after] - frames), before, after)
    teeth = cells[..., 0][cells[..., 1] > 127]
    lightest = max(float(np.percentile(teeth, 95)) if len(teeth) else 0.0, _LIGHT_OF_SKIN)
    as_white = np.minimum(np.arange(256) * (255 / lightest), 255)
    cells[..., 0] = np.rint(as_white).astype(np.uint8)[cells[..., 0]]
    return np.asarray(cells[nearest])


def _evenly(edge: Float, count: int) -> Float:
    """(count, 2) places at equal distances along a lip's edge (M, 2), as seen, without its ends."""
    span = edge[-1] - edge[0]
    along = np.maximum.accumulate((edge - edge[0]) @ span / max(float(span @ span), 1e-6))
    wanted = (np.arange(count, dtype=np.float32) + 0.5) / count
    return np.stack([np.interp(wanted, along, edge[:, axis]) for axis in range(2)], -1).astype(np.float32)


def _at(pixels: Bytes, places: Float) -> Float:
    """(N, 3) float32 colours at picture places (N, 2); beyond the picture, its edge."""
    maps = np.ascontiguousarray(places[None] - np.float32(0.5), np.float32)
    # only the part that is looked at is handed over: OpenCV's maps reach 32767 pixels
    corner = np.clip(np.floor(maps.min((0, 1))), 0, np.array(pixels.shape[1::-1]) - 1).astype(int)
    end = np.clip(np.ceil(maps.max((0, 1))) + 2, corner + 1, np.array(pixels.shape[1::-1])).astype(int)
    part = pixels[corner[1] : end[1], corner[0] : end[0]]
    found = cv2.remap(part, maps - corner.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found[0], np.float32)


def _green(colours: Float) -> Float:
    """Green over red of colours (..., 3): the less, the redder."""
    return np.asarray((colours[..., 1] + _RED_FLOOR) / (colours[..., 0] + _RED_FLOOR), np.float32)
