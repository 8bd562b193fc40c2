"""The iris as a disc, found on the picture near where the landmarks say: they are off by a fifth of it in paintings."""

from dataclasses import dataclass

import cv2
import numpy as np

from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening

_ANGLES = 40
_AWAY = 0.35
"""Farthest that the disc is looked for from the landmark, in its radii."""
_SIZES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.32, 1.45)
"""Radii that are tried, over the landmarks' own."""
_RELUCTANCE = 0.25
"""What a disc a whole radius off, or e times as large, has to gain in contrast, relative to the best."""


@dataclass(frozen=True, eq=False)
class IrisDisc:
    """Where an iris is in the picture."""

    centre: Float
    """(2,) picture coordinates."""
    radius: float
    """Pixels."""


def iris_disc(pixels: Bytes, x: Float, y: Float, opening: Opening, iris: Float) -> IrisDisc:
    """The disc whose rim, as far as lids leave it visible, separates dark from light best.

    Args:
        pixels: (h, w, 3) uint8 sRGB of the eye's rectangle.
        x: (1, w) and y: (h, 1) picture coordinates.
        opening: between the lids.
        iris: (5, 2 or more) landmarks: centre, then four points of the rim.
    """
    luma = cv2.GaussianBlur(pixels.astype(np.float32) @ LUMA, (0, 0), max(0.012 * opening.width, 0.5))
    centre = iris[0, :2].astype(np.float32)
    radius = max(float(np.linalg.norm(iris[1:, :2] - centre, axis=1).mean()), 1.5)
    step = np.linspace(-_AWAY, _AWAY, 9, dtype=np.float32)
    dx, dy, size = (part.ravel() for part in np.meshgrid(step, step, np.array(_SIZES, np.float32), indexing="ij"))
    angle = np.arange(_ANGLES) * np.float32(2 * np.pi / _ANGLES)
    rim = np.stack([np.cos(angle), np.sin(angle)], -1)
    middles = centre + np.stack([dx, dy], -1) * radius

    def around(share: float) -> tuple[Float, Float]:
        places = middles[:, None] + rim[None] * (size * radius * share)[:, None, None]
        u, v = opening.axes(places[..., 0], places[..., 1])
        upper, lower = opening.curves_at(u)
        slack = 0.02 * opening.width
        inside = (v > upper + slack) & (v < lower) & (u > 0.04 * opening.width) & (u < 0.96 * opening.width)
        at = (places - (x[0, 0], y[0, 0])).astype(np.float32)
        return cv2.remap(luma, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), inside.astype(np.float32)

    (within, seen_in), (beyond, seen_out) = around(0.86), around(1.16)
    seen = seen_in * seen_out
    rise = np.clip(beyond - within, -20, 60) * seen
    sides = [(rise[:, half].sum(1) / (seen[:, half].sum(1) + 1.5)) for half in (rim[:, 0] < 0, rim[:, 0] >= 0)]
    # both sides count, the weaker one more: an edge on one side only is any shadow's
    contrast = 0.7 * np.minimum(*sides) + 0.3 * np.maximum(*sides)
    best = float(contrast.max())
    if best < 4:
        return IrisDisc(centre, radius)
    price = _RELUCTANCE * best * (np.hypot(dx, dy) + np.abs(np.log(size)))
    chosen = int((contrast - price).argmax())
    return IrisDisc(middles[chosen].astype(np.float32), radius * float(size[chosen]))
