"""The eyeball behind the lids: iris completed where lids cover it, sclera going on where nothing of it is seen."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.filling import LUMA, continue_smoothly

_RADII = 24
_LIT_SHARE = 0.5
"""How far sclera is lit up towards the brightness that the skin promises."""


@dataclass(frozen=True, eq=False)
class Eyeball:
    """One eye's material, over the eye's rectangle."""

    colours: Float
    """(h, w, 3): the picture inside the opening, made up outside."""
    sclera: Float
    """(3,) colour of the white in the middle of the opening."""
    iris: Float
    """(2,) centre in picture coordinates."""
    radius: float
    """Of the iris, pixels."""


def eyeball(pixels: Bytes, x: Float, y: Float, opening: Opening, iris: Float, skin: Float) -> Eyeball:
    """Complete one eye.

    Args:
        pixels: (h, w, 3) uint8 sRGB of the rectangle.
        x: (1, w) and y: (h, 1) picture coordinates.
        opening: between the lids.
        iris: (5, 2 or more) centre, then four points of the rim.
        skin: (3,) colour of the skin around, from which sclera and iris are guessed where nothing is seen.
    """
    picture = pixels.astype(np.float32)
    centre = iris[0, :2].astype(np.float32)
    radius = max(float(np.linalg.norm(iris[1:, :2] - centre, axis=1).mean()), 1.5)
    u, v = opening.axes(x, y)
    upper, lower = opening.curves_at(u)
    lash = 0.035 * opening.width
    clear = np.clip(np.minimum(v - upper - lash, lower - lash * 0.6 - v) + 0.5, 0, 1)
    clear *= np.clip(np.minimum(u, opening.width - u) - 0.05 * opening.width, 0, 1)
    distance = np.hypot(x - centre[0], y - centre[1]) / radius
    in_sclera = clear * np.clip((distance - 1.08) * radius, 0, 1)
    luma = picture @ LUMA
    guess = _guess_sclera(skin)
    if in_sclera.sum() > 4:  # the brighter part of it: lashes and the lid's shadow are not the ball's colour
        typical = float(np.average(luma, weights=in_sclera))
        in_sclera = in_sclera * np.clip((luma - 0.9 * typical) / (0.15 * typical + 1), 0.02, 1)
    trust = min(float(in_sclera.sum()) / (0.05 * opening.width**2), 1.0)
    sclera = continue_smoothly(picture, in_sclera.astype(np.float32))
    sclera = cv2.GaussianBlur(sclera, (0, 0), 0.06 * opening.width)
    sclera = guess + (sclera - guess) * np.float32(trust)
    plain = np.average(sclera.reshape(-1, 3), 0, clear.reshape(-1) + 1e-6).astype(np.float32)
    # what little is seen of it lies in the shadow of lids and lashes
    plain += np.float32(_LIT_SHARE * max(float(guess @ LUMA) - float(plain @ LUMA), 0))
    # a ball darkens towards its edge
    middle = (opening.width / 2 - u) / (0.5 * opening.width)
    sclera = sclera * (1 - 0.15 * np.clip(middle**2, 0, 1.5))[..., None]
    disc = _iris(picture, luma, x, y, centre, radius, clear, distance, guess)
    edge = np.clip((1.04 - distance) * radius / 1.5 + 0.5, 0, 1)[..., None]
    ball = sclera * (1 - edge) + disc * edge
    soft = cv2.GaussianBlur(clear.astype(np.float32), (0, 0), max(0.02 * opening.width, 0.6))
    soft = np.clip(2 * soft - 1, 0, 1)[..., None]
    return Eyeball((ball * (1 - soft) + picture * soft).astype(np.float32), plain, centre, radius)


def _guess_sclera(skin: Float) -> Float:
    grey = float(skin @ LUMA)
    return cast(Float, (0.75 * np.minimum(grey * 1.12, 235.0) + 0.25 * skin).astype(np.float32))


def _iris(
    picture: Float,
    luma: Float,
    x: Float,
    y: Float,
    centre: Float,
    radius: float,
    clear: Float,
    distance: Float,
    guess: Float,
) -> Float:
    """The iris's disc everywhere: mirrored top to bottom where that side is seen, else its colour at that radius."""
    seen = clear * np.clip((1.0 - distance) * radius + 0.5, 0, 1)
    rings = np.clip(distance * _RADII / 1.1, 0, _RADII - 1).astype(int)
    count = np.bincount(rings.ravel(), seen.ravel(), _RADII) + 1e-6
    profile = np.stack(
        [np.bincount(rings.ravel(), (seen * picture[..., c]).ravel(), _RADII) / count for c in range(3)], -1
    )
    known = np.clip(count / 1.5, 0, 1)
    mean = (picture * seen[..., None]).sum((0, 1)) / max(float(seen.sum()), 1e-3)
    enough = float(np.clip(seen.sum() / (0.35 * np.pi * radius**2), 0, 1))
    mean = enough * mean + (1 - enough) * guess * np.float32(0.3)
    at = np.linspace(0, 1.1, _RADII)
    drawn = mean * (1.0 - 0.45 * np.exp(-((at / 0.38) ** 4)) - 0.2 * np.clip((at - 0.8) / 0.2, 0, 1))[:, None]
    profile = profile * known[:, None] * enough + drawn * (1 - known * enough)[:, None]
    disc = profile[rings].astype(np.float32)
    rows = np.clip(np.round(2 * centre[1] - y[:, 0] - y[0, 0]).astype(int), 0, len(y) - 1)
    mirrored, trusted = picture[rows], seen[rows][..., None] * np.float32(enough)
    disc = disc * (1 - trusted) + mirrored * trusted
    own = seen[..., None]
    return cast(Float, disc * (1 - own) + picture * own)
