"""Openings bounded by an upper and a lower curve: the mouth between the lips, the eye between the lids."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from portrait_alive.types import Float

SAMPLES = 48
"""Places along an opening at which its curves are evaluated."""
_STEEPEST = 3.0
"""Slope that a curve may have at its points."""


@dataclass(frozen=True, eq=False)
class Opening:
    """An opening in its own axes: u from one corner to the other, v across, downwards in an upright face."""

    origin: Float
    """(2,) first corner, picture coordinates."""
    along: Float
    """(2,) unit vector from the first corner to the second."""
    width: float
    """Pixels between the corners."""
    u: Float
    """(S,) increasing, pixels from the first corner."""
    upper: Float
    """(S,) v of the upper curve at `u`."""
    lower: Float
    """(S,) v of the lower curve; never above the upper one."""

    @staticmethod
    def between(points: Float, upper: tuple[int, ...], lower: tuple[int, ...]) -> "Opening":
        """Measured on points (P, 2 or more); both index lists run from the first corner to the second."""
        first, last = points[upper[0], :2], points[upper[-1], :2]
        span = last - first
        width = max(float(np.linalg.norm(span)), 1e-3)
        along = (span / width).astype(np.float32)
        across = np.array([-along[1], along[0]], np.float32)
        u = np.linspace(0, width, SAMPLES, dtype=np.float32)
        curves = []
        for indices in (upper, lower):
            offset = points[list(indices), :2] - first
            curves.append(_curve((offset @ along).astype(np.float32), (offset @ across).astype(np.float32), u, width))
        middle = (curves[0] + curves[1]) / 2
        crossed = curves[0] > curves[1]
        top = np.where(crossed, middle, curves[0]).astype(np.float32)
        bottom = np.where(crossed, middle, curves[1]).astype(np.float32)
        return Opening(first.astype(np.float32), along, width, u, top, bottom)

    @property
    def gap(self) -> float:
        """Largest distance between the curves in pixels."""
        return float((self.lower - self.upper).max())

    @property
    def area(self) -> float:
        """Square pixels of the opening."""
        return float((self.lower - self.upper).mean() * self.width)

    def axes(self, x: Float, y: Float) -> tuple[Float, Float]:
        """(u, v) of picture coordinates."""
        dx, dy = x - self.origin[0], y - self.origin[1]
        return dx * self.along[0] + dy * self.along[1], dy * self.along[0] - dx * self.along[1]

    def curves_at(self, u: Float) -> tuple[Float, Float]:
        """(upper, lower) v of the curves at any u; beyond the corners, the corner's."""
        steps = min(max(int(16 * self.width), 256), 1 << 14)
        index = np.clip(u * np.float32(steps / self.width) + np.float32(0.5), 0, steps).astype(np.intp)
        at, samples = np.linspace(0, SAMPLES - 1, steps + 1), np.arange(SAMPLES)
        upper, lower = (np.interp(at, samples, curve).astype(np.float32) for curve in (self.upper, self.lower))
        return upper.take(index), lower.take(index)

    def coverage(self, u: Float, v: Float, upper: Float, lower: Float) -> Float:
        """Share of each pixel that lies in the opening, in [0, 1], exact for curves along u."""
        high = np.minimum(lower, v + 0.5) - np.maximum(upper, v - 0.5)
        sides = np.clip(np.minimum(u, self.width - u) + 0.5, 0, 1)
        return cast(Float, (np.clip(high, 0, 1) * sides).astype(np.float32))


def _curve(u: Float, v: Float, at: Float, width: float) -> Float:
    """A smooth curve through (u, v), kept a function of u where the points turn back (seen from the side)."""
    forward = np.maximum.accumulate(np.clip(u, 0, width).astype(np.float64)) + np.arange(len(u)) * 1e-4
    # cubic Hermite with Catmull-Rom slopes on the uneven knots
    run = np.diff(forward)
    rise = np.diff(v) / run
    slope = np.concatenate([rise[:1], (rise[1:] * run[:-1] + rise[:-1] * run[1:]) / (run[1:] + run[:-1]), rise[-1:]])
    slope = np.clip(slope, -_STEEPEST, _STEEPEST)
    index = np.clip(np.searchsorted(forward, at, side="right") - 1, 0, len(u) - 2)
    step = run[index]
    t = np.clip((at - forward[index]) / step, 0, 1)
    h00, h10 = (1 + 2 * t) * (1 - t) ** 2, t * (1 - t) ** 2
    h01, h11 = t * t * (3 - 2 * t), t * t * (t - 1)
    curve = h00 * v[index] + h10 * step * slope[index] + h01 * v[index + 1] + h11 * step * slope[index + 1]
    return cast(Float, curve.astype(np.float32))
