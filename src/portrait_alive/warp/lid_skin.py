"""A lid's own material: skin in place of the opening, and the lash line straightened along the upper lid's margin."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.filling import continue_smoothly

_UNROLLED = 0.75
"""How much of the fold above an open eye is gone from a lid that is down: skin that was tucked into it is lid now."""
_FOLD_REACHES = (0.4, 0.3, 0.1)
"""How far from the opening folds are looked for at most, above, beside and below it, in its widths."""
_FOLD_FADES = 0.5
"""Share of that from which on they count less and less."""
_BELOW_BROW = 0.85
"""Share of the way to the brow up to which they are looked for at most."""
_FOLD_WIDE = 0.35
"""Widths of the opening up to which what is darker than both its sides is a fold; what is wider is shade."""
_FOLD_IS_DARKER = (0.01, 0.06)
"""Than its sides, as a share of their luma."""
_ENVELOPE_PX = 48
"""Width of the opening, in pixels, at which the sides' luma is found; it is smooth."""
_LASHES_NEAR, _LASHES_FAR = 0.12, 0.28
"""Distances from the opening, in its widths, up to which what is black is lashes or a fold, and from which on it is
something else: a brow, hair, the rim of glasses."""
_BLACK = (0.45, 0.7)
"""Lumas, in those of the sides, between which black passes into dark."""
_CORNER_REACHES = (0.14, 0.28)
"""Distances from a corner, in widths of the opening, up to which, and from which on not, all has to look like skin."""
_DARK_CORNER_GOES = 0.5
"""How much of what is darker there goes: ends of lashes do, an outer corner's shadow or its make-up does not."""
_UNLIKE_SKIN = (0.06, 0.16)
"""Deviations from the skin around, as shares of its colour, between which something looks like skin or not."""
_ABOVE, _BELOW = 0.17, 0.02
"""How far the strip of lashes reaches above the margin and below it, in widths of the opening."""

_THICK = 0.6
"""Share of lash line in the lower half of the strip above the margin that counts as thick lashes."""


@dataclass(frozen=True, eq=False)
class LidSkin:
    """What one eye's lids are drawn with."""

    skin: Float
    """(h, w, 3) the picture with skin in place of opening, lashes and fold."""
    colour: Float
    """(3,) of the skin around."""
    hidden: Float
    """(h, w) in [0, 1] where `skin` is not the picture."""
    fold: Float
    """(h, w) in [0, 1]: 0 where opening and lashes are hidden, however little the lid has come down; 1 elsewhere: what
    is hidden there is the fold of an open lid, which goes as the lid comes down."""
    lashes: Bytes
    """(K, M) how much of what lies along the margin is lash line: see `strip_place`."""
    lash_colour: Float
    """(3,) dark."""
    heft: float
    """0 where the picture shows hardly any lashes, 1 where they are thick and dark."""


def strip_place(u: Float, below: Float, width: float, size: tuple[int, int]) -> Float:
    """(..., 2) look-up positions in a strip of (rows, columns) `size`, of places `u` along the opening and `below` its
    margin, both in source pixels."""
    rows, columns = size
    across = np.float32(rows / ((_ABOVE + _BELOW) * width))
    x = u * np.float32(columns / width) - np.float32(0.5)
    y = below * across + np.float32(_ABOVE * width * across - 0.5)
    return cast(Float, cv2.merge((x, y)))


def lid_skin(pixels: Bytes, x: Float, y: Float, opening: Opening, room: float) -> LidSkin:
    """Prepare one eye's lids.

    Args:
        pixels: (h, w, 3) uint8 sRGB of the rectangle.
        x: (1, w) and y: (h, 1) picture coordinates.
        opening: between the lids.
        room: pixels from the opening to the brow.
    """
    picture = pixels.astype(np.float32)
    u, v = opening.axes(x, y)
    up, low = opening.curves_at(u)
    width = opening.width
    lash = max(0.07 * width, 1.5)
    within = np.clip(np.minimum(u, width - u) / (0.06 * width) + 1.0, 0, 1)
    # colours come from beyond lashes and corners, or shadow would be spread over the lid
    wide = _between(v, up - 2.2 * lash, low + 1.6 * lash) * np.clip(np.minimum(u, width - u) / lash + 4.0, 0, 1)
    colour = np.median(picture[wide < 0.5], 0).astype(np.float32)
    luma = picture @ LUMA
    light = np.clip((luma - 0.65 * float(colour @ LUMA)) / (0.3 * float(colour @ LUMA) + 1), 0.03, 1)
    beyond = (1 - wide) * light
    bare = continue_smoothly(picture, beyond.astype(np.float32))
    away = np.maximum(-np.minimum(u, width - u), 0), np.maximum(up - v, 0), np.maximum(v - low, 0)
    fold = _fold((picture + (bare - picture) * wide[..., None]) @ LUMA, away, width, room)
    strange = _unlike_skin(picture / (bare + 8), u, v, width)
    skin = continue_smoothly(picture, (beyond * (1 - np.maximum(fold, strange))).astype(np.float32))
    fold = np.maximum(np.float32(_UNROLLED) * fold, strange)
    smooth = picture + (skin - picture) * fold[..., None]
    bare_luma = bare @ LUMA
    dark = np.clip((0.92 * bare_luma - luma) / (0.25 * bare_luma + 6), 0, 1)
    lashes = (_between(v, up - 2.2 * lash, up) * within * dark).astype(np.float32)
    hidden = _between(v, up - lash, low + 0.5 * lash) * within
    hidden = np.maximum(hidden, cv2.GaussianBlur(cv2.dilate(lashes, np.ones((3, 3))), (0, 0), 0.8)).astype(np.float32)
    hidden = cv2.GaussianBlur(hidden, (0, 0), max(0.03 * width, 0.7))
    all_hidden = 1 - (1 - hidden) * (1 - fold)
    darkest = lashes > 0.4
    if darkest.sum() > 8:
        darkest &= luma <= np.percentile(luma[darkest], 40)
        lash_colour = picture[darkest].mean(0)
    else:
        lash_colour = colour * 0.35
    strip = _strip(picture, bare, (x, y), opening)
    return LidSkin(
        skin=(smooth + (skin - smooth) * hidden[..., None]).astype(np.float32),
        colour=colour,
        hidden=all_hidden,
        fold=1 - hidden / np.maximum(all_hidden, 1e-3),
        lashes=strip,
        lash_colour=np.minimum(lash_colour, colour * 0.36).astype(np.float32),
        heft=_heft(strip),
    )


def _fold(luma: Float, away: tuple[Float, Float, Float], width: float, room: float) -> Float:
    """(h, w) in [0, 1]: dark lines in the skin around an opening that is no longer seen.

    Args:
        luma: (h, w) of the skin.
        away: pixels beside the opening, above and below it.
        width: of the opening.
        room: pixels from the opening to the brow.
    """
    beside, above, below = away
    highest, widest, lowest = (reach * width for reach in _FOLD_REACHES)
    highest = min(max(_BELOW_BROW * room, 0.3 * highest), highest)
    reaches = np.hypot(beside / widest, np.maximum(above / highest, below / lowest)).astype(np.float32)
    distance = np.hypot(beside, np.maximum(above, below)).astype(np.float32) / np.float32(width)
    luma = cv2.GaussianBlur(luma, (0, 0), max(0.01 * width, 0.5))
    ratio = luma / (_envelope(luma, width) + 1)
    dark = smoothstep(*_FOLD_IS_DARKER, 1 - ratio) * (1 - smoothstep(_FOLD_FADES, 1.0, reaches))
    dark *= 1 - smoothstep(_LASHES_NEAR, _LASHES_FAR, distance) * (1 - smoothstep(*_BLACK, ratio))
    return _softened(dark, width)


def _envelope(luma: Float, width: float) -> Float:
    """(h, w) luma of what lies on both sides of each fold."""
    scale = min(_ENVELOPE_PX / width, 1.0)
    small = luma if scale == 1 else cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    side = 2 * max(round(_FOLD_WIDE / 2 * scale * width), 1) + 1
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return cast(Float, cv2.resize(closed, luma.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _unlike_skin(ratio: Float, u: Float, v: Float, width: float) -> Float:
    """(h, w) in [0, 1]: what at the corners is no skin, the ends of lashes, and white where the landmarks' opening is
    smaller than the painted one. `ratio` (h, w, 3) is the picture over the skin around."""
    away = np.hypot(np.minimum(np.abs(u), np.abs(width - u)), 0.7 * v) / np.float32(width)
    off = np.abs(ratio - 1).max(-1)
    darker = 1 - smoothstep(-0.03, 0.03, (ratio - 1).max(-1))
    unlike = smoothstep(*_UNLIKE_SKIN, off) * (1 - darker * np.float32(1 - _DARK_CORNER_GOES))
    unlike *= 1 - smoothstep(*_CORNER_REACHES, away)
    return _softened(unlike, width)


def _softened(mask: Float, width: float) -> Float:
    return cast(Float, cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.015 * width, 0.6)))


def _strip(picture: Float, skin: Float, at: tuple[Float, Float], opening: Opening) -> Bytes:
    """(K, M) how much of each place along the upper margin is lash line."""
    width = opening.width
    columns = int(np.clip(round(width), 24, 512))
    rows = max(round((_ABOVE + _BELOW) * columns), 6)
    u = ((np.arange(columns) + 0.5) / columns * width).astype(np.float32)[None]
    below = ((np.arange(rows) + 0.5) / rows * (_ABOVE + _BELOW) - _ABOVE).astype(np.float32)[:, None] * width
    upper, _ = opening.curves_at(u)
    x, y = opening.place(u, upper + below)
    place = np.dstack([x - at[0][0, 0], y - at[1][0, 0]]).astype(np.float32)
    seen, bare = (
        cv2.remap(one, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for one in (picture, skin)
    )
    bare_luma = bare @ LUMA
    dark = np.clip((0.85 * bare_luma - seen @ LUMA) / (0.3 * bare_luma + 4), 0, 1)
    # what is as dark at the strip's upper end is the eye's shadow or its make-up
    top = max(round(0.03 * columns), 1)
    dark = np.clip(dark - 0.7 * cv2.GaussianBlur(dark[:top].mean(0)[None], (0, 0), 0.06 * columns), 0, 1)
    # lashes grow out of the margin: what is dark further up, across lighter skin, is the lid's fold
    rooted = np.zeros_like(dark)
    margin = int(_ABOVE / (_ABOVE + _BELOW) * rows)
    rooted[margin:] = dark[margin:]
    before = np.ones(columns, np.float32)
    for row in range(margin - 1, -1, -1):
        near = cv2.dilate(before[None], np.ones((1, 3)))[0]
        root = 1.0 if row > margin - 1 - 0.05 * columns else near
        before = np.minimum(np.minimum(dark[row] * 1.3, 1.0), root)
        rooted[row] = np.minimum(dark[row], before)
    # shorter towards the corners, thinner towards their ends; inside the opening what is dark further down is iris
    inner = np.minimum(u, width - u) / width
    length = _ABOVE * width * np.sqrt(np.clip(inner / 0.3, 0.04, 1))
    reach = np.where(below < 0, -below / length, below / (_BELOW * width))
    fade = np.clip(1.15 - reach, 0, 1) * np.clip(inner / 0.08, 0, 1)
    return cast(Bytes, np.clip(255 * rooted * fade, 0, 255).astype(np.uint8))


def _heft(strip: Bytes) -> float:
    """How much lash line there is above the middle of the margin."""
    rows, columns = strip.shape
    margin = int(_ABOVE / (_ABOVE + _BELOW) * rows)
    near = strip[rows // 2 : max(margin, rows // 2 + 1), columns // 6 : columns - columns // 6]
    return float(np.clip(near.mean() / 255 / _THICK, 0, 1))


def _between(v: Float, upper: Float, lower: Float) -> Float:
    """(h, w) in [0, 1]: 1 between two curves, with edges a pixel and a half wide."""
    inside = np.clip((v - upper) / 1.5 + 0.5, 0, 1) * np.clip((lower - v) / 1.5 + 0.5, 0, 1)
    return cast(Float, inside.astype(np.float32))
