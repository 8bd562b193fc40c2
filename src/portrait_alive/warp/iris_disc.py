"""The iris as a disc, found on the picture near where the landmarks say: they are off by a fifth of it in paintings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening

_ANGLES = 40
_AWAY = 0.45
"""Farthest that the disc is looked for from the landmark, in its radii."""
_STEPS = 13
"""Places tried along each axis."""
_SIZES = (0.72, 0.8, 0.9, 1.0, 1.1, 1.2, 1.32)
"""Radii that are tried, over the landmarks' own."""
_INSIDE, _OUTSIDE = (0.15, 0.35, 0.55, 0.7, 0.86), (1.16, 1.3, 1.5)
"""Rings, in radii of a disc, that are iris if it is the iris, and those that are white then."""
_AREA = 0.7
"""What the whole of disc and surroundings counts against the rim alone, which any shadow or catchlight has too."""
_RELUCTANCE = 0.4
"""What a disc a whole radius off, or e times as large, has to gain in contrast, relative to the best."""


@dataclass(frozen=True, eq=False)
class IrisDisc:
    """Where an iris is in the picture."""

    centre: Float
    """(2,) picture coordinates."""
    radius: float
    """Pixels."""


def iris_disc(pixels: Bytes, x: Float, y: Float, opening: Opening, iris: Float) -> IrisDisc:
    """The disc that is darkest against what lies around it, inside and along its rim, as far as lids leave it visible.

    Args:
        pixels: (h, w, 3) uint8 sRGB of the eye's rectangle.
        x: (1, w) and y: (h, 1) picture coordinates.
        opening: between the lids.
        iris: (5, 2 or more) landmarks: centre, then four points of the rim.
    """
    luma = cv2.GaussianBlur(pixels.astype(np.float32) @ LUMA, (0, 0), max(0.012 * opening.width, 0.5))
    centre = iris[0, :2].astype(np.float32)
    radius = max(float(np.linalg.norm(iris[1:, :2] - centre, axis=1).mean()), 1.5)
    step = np.linspace(-_AWAY, _AWAY, _STEPS, dtype=np.float32)
    dx, dy, size = (part.ravel() for part in np.meshgrid(step, step, np.array(_SIZES, np.float32), indexing="ij"))
    angle = np.arange(_ANGLES) * np.float32(2 * np.pi / _ANGLES)
    rim = np.stack([np.cos(angle), np.sin(angle)], -1)
    middles = centre + np.stack([dx, dy], -1) * radius

    def ring(share: float) -> tuple[Float, Float]:
        """(N, angles) luma of each disc's ring, and whether it is seen."""
        places = middles[:, None] + rim[None] * (size * radius * share)[:, None, None]
        u, v = opening.axes(places[..., 0], places[..., 1])
        upper, lower = opening.curves_at(u)
        slack = 0.02 * opening.width
        inside = (v > upper + slack) & (v < lower) & (u > 0.04 * opening.width) & (u < 0.96 * opening.width)
        at = (places - (x[0, 0], y[0, 0])).astype(np.float32)
        return cv2.remap(luma, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), inside.astype(np.float32)

    rings_in, rings_out = [ring(share) for share in _INSIDE], [ring(share) for share in _OUTSIDE]
    halves = (rim[:, 0] < 0, rim[:, 0] >= 0)
    (within, seen_in), (beyond, seen_out) = rings_in[-1], rings_out[0]
    seen = seen_in * seen_out
    rise = np.clip(beyond - within, -20, 60) * seen
    sides = [rise[:, half].sum(1) / (seen[:, half].sum(1) + 1.5) for half in halves]
    # both sides count, the weaker one more: an edge on one side only is any shadow's
    along_rim = 0.7 * np.minimum(*sides) + 0.3 * np.maximum(*sides)
    dark, disc_seen = _weighted(rings_in, _INSIDE)
    light, around_seen = _weighted(rings_out, _OUTSIDE)
    disc = dark.sum(1) / (disc_seen.sum(1) + 1e-3)
    sides = []
    for half in halves:
        known = around_seen[:, half].sum(1)
        lighter = light[:, half].sum(1) / (known + 1e-3) - disc
        sides.append(np.clip(lighter, -40, 80) * known / (known + 4))
    contrast = _AREA * (sides[0] + sides[1]) / 2 + (1 - _AREA) * along_rim
    best = float(contrast.max())
    if best < 4:
        return IrisDisc(centre, radius)
    price = _RELUCTANCE * best * (np.hypot(dx, dy) + np.abs(np.log(size)))
    chosen = int((contrast - price).argmax())
    return IrisDisc(middles[chosen].astype(np.float32), radius * float(size[chosen]))


def _weighted(rings: Sequence[tuple[Float, Float]], shares: Sequence[float]) -> tuple[Float, Float]:
    """(N, angles) luma and visibility summed over rings, each counted by its length."""
    luma = sum(share * values * seen for (values, seen), share in zip(rings, shares, strict=True))
    visible = sum(share * seen for (_, seen), share in zip(rings, shares, strict=True))
    return cast(Float, luma), cast(Float, visible)
