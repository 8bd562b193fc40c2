"""The eyeball behind the lids: an iris completed where lids cover it, a plain white, and what shades the two.

Inside its opening the picture is taken for a product: the ball's own colours, which turn with the gaze, times a shade
that belongs to the opening (shadow of the upper lid, dark corners, the pink of the inner one) and stays with the lids.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.filling import continue_smoothly
from portrait_alive.warp.iris_disc import IrisDisc

_RADII = 24
_LIT_SHARE = 0.35
"""How far the white is lit up towards the brightness that the skin promises."""
_WHITE_ENOUGH = 0.04
"""White that is seen, in squares of the opening's width, from which on its colour is believed."""
_LIMBUS = 1.22
"""Radii from the middle of the iris within which the picture shows its rim's shadow and not the white."""
_LEAST_SHADE, _MOST_SHADE = 0.12, 1.3
"""The most leaves room for a white that was guessed too dark: cut off, its shading would be a plain block."""
_CONTINUES = 0.6
"""Widths of the opening over which shade that is seen beside the iris still says what it is on the iris."""


@dataclass(frozen=True, eq=False)
class Eyeball:
    """One eye's material, over the eye's rectangle."""

    colours: Float
    """(h, w, 3): iris without shade or glint on the plain white."""
    iris: Float
    """(h, w) in [0, 1]: how much of it is iris."""
    glint: Float
    """(h, w, 3): what the light's reflection adds to it."""
    white: Float
    """(3,) the plain white."""
    white_seen: float
    """How much of it the picture shows: 1 enough to tell its colour, 0 nothing."""
    shade: Float
    """(K, M, 3) factors: rows from the upper lid's margin to the lower one, columns from corner to corner."""


def eyeball(pixels: Bytes, x: Float, y: Float, opening: Opening, iris: IrisDisc, skin: Float) -> Eyeball:
    """Take one eyeball apart.

    Args:
        pixels: (h, w, 3) uint8 sRGB of the rectangle.
        x: (1, w) and y: (h, 1) picture coordinates.
        opening: between the lids.
        iris: where the iris is.
        skin: (3,) colour of the skin around, from which white and iris are guessed where nothing is seen.
    """
    picture = pixels.astype(np.float32)
    u, v = opening.axes(x, y)
    upper, lower = opening.curves_at(u)
    lash = 0.035 * opening.width
    clear = np.clip(np.minimum(v - upper - lash, lower - lash * 0.6 - v) + 0.5, 0, 1)
    clear *= np.clip(np.minimum(u, opening.width - u) - 0.05 * opening.width, 0, 1)
    distance = np.hypot(x - iris.centre[0], y - iris.centre[1]) / iris.radius
    luma = picture @ LUMA
    beside = clear * np.clip((distance - 1.15) * iris.radius, 0, 1)
    seen = min(float(beside.sum()) / (_WHITE_ENOUGH * opening.width**2), 1.0)
    white = _white(picture, luma, beside, seen, skin)
    shade = _shade(picture, (x, y), opening, iris, white)
    place = np.dstack(
        [
            u / opening.width * shade.shape[1] - 0.5,
            (v - upper) / np.maximum(lower - upper, 1e-3) * shade.shape[0] - 0.5,
        ]
    ).astype(np.float32)
    # the white's shade has the colour of what reddens or yellows the white; on the iris it only darkens
    dark = cv2.remap(shade, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) @ LUMA
    lit = picture / np.maximum(dark, 0.35)[..., None]
    lit = np.minimum(lit, 255).astype(np.float32)
    plain_lit, glint = _without_glint(lit, clear, distance, iris.radius)
    disc = _disc(plain_lit, y, iris, clear, distance, white)
    soft = max(0.12, 1.2 / iris.radius)
    edge = smoothstep(0.0, 1.0, (1.03 + soft / 2 - distance) / soft)
    colours = (white + (disc - white) * edge[..., None]).astype(np.float32)
    return Eyeball(colours, edge.astype(np.float32), glint, white, seen, shade)


def _white(picture: Float, luma: Float, seen: Float, trust: float, skin: Float) -> Float:
    """(3,) the eye's white in full light: the brighter part of what is seen of it, so far as to `trust`, or a guess."""
    grey = float(skin @ LUMA)
    guess = 0.75 * min(grey * 1.12, 235.0) + 0.25 * skin
    total = float(seen.sum())
    if total <= 4:
        return cast(Float, guess.astype(np.float32))
    order = np.argsort(luma, axis=None)
    ranks = np.cumsum(seen.ravel()[order]) / total
    bright = order[(ranks > 0.55) & (ranks <= 0.95)]
    weights = seen.ravel()[bright] + 1e-6
    found = np.average(picture.reshape(-1, 3)[bright], 0, weights) if len(bright) else guess
    # what little is seen of it lies in the shadow of lids and lashes
    found = found + _LIT_SHARE * max(float(guess @ LUMA) - float(found @ LUMA), 0.0)
    return cast(Float, np.minimum(guess + (found - guess) * trust, 250).astype(np.float32))


def _shade(picture: Float, at: tuple[Float, Float], opening: Opening, iris: IrisDisc, white: Float) -> Float:
    """(K, M, 3) what the picture shows of the white, over the white; on the iris, what its neighbourhood promises."""
    columns = int(np.clip(round(opening.width), 24, 256))
    rows = int(np.clip(round(opening.gap), 10, 96))
    u = ((np.arange(columns) + 0.5) / columns * opening.width).astype(np.float32)[None]
    t = ((np.arange(rows) + 0.5) / rows).astype(np.float32)[:, None]
    upper, lower = opening.curves_at(u)
    px, py = opening.place(u, upper + (lower - upper) * t)
    place = np.dstack([px - at[0][0, 0], py - at[1][0, 0]]).astype(np.float32)
    seen = cv2.remap(picture, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) / white
    across = np.abs(2 * u / opening.width - 1)
    expected = (1 - 0.4 * np.exp(-t / 0.16)) * (1 - 0.3 * across**2) * (1 - 0.2 * np.exp((t - 1) / 0.08))
    distance = np.hypot(px - iris.centre[0], py - iris.centre[1]) / iris.radius
    off_iris = distance > _LIMBUS
    ratios = seen / expected[..., None]
    usual = np.ones(3, np.float32)
    if off_iris.sum() > 8:  # where the mesh's opening is larger than the painted one, skin is no brighter white
        usual = np.minimum(np.median(ratios[off_iris], 0), 1)
    shade = expected[..., None].astype(np.float32) * usual
    for row in range(rows):
        known = np.flatnonzero(off_iris[row])
        if len(known) < 2:
            continue
        gap = np.abs(np.arange(columns)[:, None] - known[None]).min(1) * (opening.width / columns)
        share = np.exp(-gap / (_CONTINUES * opening.width))
        for channel in range(3):
            # relative to what is expected, so that a dark corner does not spread
            ratio = ratios[row, known, channel] / usual[channel]
            beside = np.interp(np.arange(columns), known, cv2.blur(ratio[None], (5, 1))[0])
            beside[known] = ratio
            shade[row, :, channel] *= 1 + (beside - 1) * share
    # grain is the ball's or the lid's, nobody knows: not both's
    shade = cv2.GaussianBlur(shade, (0, 0), 0.7)
    return cast(Float, np.clip(shade, _LEAST_SHADE, _MOST_SHADE).astype(np.float32))


def _without_glint(picture: Float, clear: Float, distance: Float, radius: float) -> tuple[Float, Float]:
    """The picture without the light that iris and pupil reflect, and that light."""
    luma = picture @ LUMA
    inside = clear * (distance < 0.8)
    values = luma[inside > 0.5]
    nothing = np.zeros_like(picture)
    if len(values) < 12:
        return picture, nothing
    usual, bright = float(np.percentile(values, 60)), float(values.max())
    threshold = usual + 0.45 * (bright - usual)
    spot = ((luma > threshold) & (inside > 0.5)).astype(np.uint8)
    if bright < usual + 45 or spot.sum() > 0.2 * len(values):  # a bright iris is no reflection
        return picture, nothing
    # nor is what goes on beyond it, as the white does that an iris's disc has caught
    _, parts = cv2.connectedComponents(((luma > threshold) & (clear > 0.3)).astype(np.uint8))
    spot[np.isin(parts, np.unique(parts[(distance > 0.9) & (distance < 1.5)]))] = 0
    if not spot.any():
        return picture, nothing
    side = max(round(0.1 * radius), 1)
    grown = cv2.dilate(spot, np.ones((2 * side + 1, 2 * side + 1), np.uint8)).astype(np.float32)
    known = (1 - grown) * (distance < 1.0)
    filled = continue_smoothly(picture, known.astype(np.float32))
    share = cv2.GaussianBlur(grown, (0, 0), max(0.4 * side, 0.5))[..., None]
    plain = picture + (filled - picture) * share
    return cast(Float, plain), cast(Float, np.maximum(picture - plain, 0).astype(np.float32))


def _disc(picture: Float, y: Float, iris: IrisDisc, clear: Float, distance: Float, white: Float) -> Float:
    """The iris's disc everywhere: mirrored top to bottom where that side is seen, else its colour at that radius."""
    seen = clear * np.clip((1.0 - distance) * iris.radius + 0.5, 0, 1)
    rings = np.clip(distance * _RADII / 1.1, 0, _RADII - 1).astype(int)
    count = np.bincount(rings.ravel(), seen.ravel(), _RADII) + 1e-6
    profile = np.stack(
        [np.bincount(rings.ravel(), (seen * picture[..., c]).ravel(), _RADII) / count for c in range(3)], -1
    )
    known = np.clip(count / 1.5, 0, 1)
    mean = (picture * seen[..., None]).sum((0, 1)) / max(float(seen.sum()), 1e-3)
    enough = float(np.clip(seen.sum() / (0.35 * np.pi * iris.radius**2), 0, 1))
    mean = enough * mean + (1 - enough) * white * np.float32(0.3)
    at = np.linspace(0, 1.1, _RADII)
    drawn = mean * (1.0 - 0.45 * np.exp(-((at / 0.38) ** 4)) - 0.2 * np.clip((at - 0.8) / 0.2, 0, 1))[:, None]
    profile = profile * known[:, None] * enough + drawn * (1 - known * enough)[:, None]
    place = np.clip(distance * _RADII / 1.1 - 0.5, 0, _RADII - 1).astype(np.float32)
    disc = cv2.remap(
        profile.astype(np.float32)[None], place, np.zeros_like(place), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    rows = np.clip(np.round(2 * iris.centre[1] - y[:, 0] - y[0, 0]).astype(int), 0, len(y) - 1)
    mirrored, trusted = picture[rows], seen[rows][..., None] * np.float32(enough)
    disc = disc * (1 - trusted) + mirrored * trusted
    own = seen[..., None]
    return cast(Float, disc * (1 - own) + picture * own)
