"""Openings bounded by an upper and a lower curve: the mouth between the lips, the eye between the lids."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from portrait_alive.types import Float

SAMPLES = 48
"""Places along an opening at which its curves are evaluated."""
_SAMPLE_NUMBERS = np.arange(SAMPLES)
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
        """Measured on points (P, 2 or more); both index lists, equally long, run from first to second corner."""
        first, last = points[upper[0], :2], points[upper[-1], :2]
        span = last - first
        width = max(float(np.linalg.norm(span)), 1e-3)
        along = (span / width).astype(np.float32)
        across = np.array([-along[1], along[0]], np.float32)
        u = np.linspace(0, width, SAMPLES, dtype=np.float32)
        offset = points[[*upper, *lower], :2].reshape(2, len(upper), 2) - first
        at_u, at_v = ((offset @ axis).astype(np.float32) for axis in (along, across))
        top, bottom = _curves(at_u, at_v, u, width)
        middle = (top + bottom) * np.float32(0.5)
        top, bottom = np.minimum(top, middle), np.maximum(bottom, middle)
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

    def place(self, u: Float, v: Float) -> tuple[Float, Float]:
        """(x, y) picture coordinates: the inverse of `axes`."""
        x = self.origin[0] + u * self.along[0] - v * self.along[1]
        y = self.origin[1] + u * self.along[1] + v * self.along[0]
        return cast(Float, x), cast(Float, y)

    def curves_at(self, u: Float) -> tuple[Float, Float]:
        """(upper, lower) v of the curves at any u; beyond the corners, the corner's."""
        steps = min(max(int(32 * self.width), 256), 1 << 14)
        place = u * np.float32(steps / self.width)
        place += np.float32(0.5)
        index = np.minimum(np.maximum(place, 0, out=place), steps, out=place).astype(np.intp)
        at = np.arange(steps + 1) * ((SAMPLES - 1) / steps)
        upper, lower = (np.interp(at, _SAMPLE_NUMBERS, curve).astype(np.float32) for curve in (self.upper, self.lower))
        return upper.take(index), lower.take(index)

    def coverage(self, u: Float, v: Float, upper: Float, lower: Float, *, softness: float = 1.0) -> Float:
        """Share of each pixel that lies in the opening, in [0, 1], exact for curves along u.

        Edges spread over `softness` pixels.
        """
        half = np.float32(softness / 2)
        high = np.minimum(lower, v + half) - np.maximum(upper, v - half)
        sides = np.clip((np.minimum(u, self.width - u) + half) / softness, 0, 1)
        return cast(Float, (np.clip(high / softness, 0, 1) * sides).astype(np.float32))


def _curves(u: Float, v: Float, at: Float, width: float) -> tuple[Float, Float]:
    """Smooth curves through (u, v) (2, N), kept functions of u where points turn back (seen from the side)."""
    forward = np.maximum.accumulate(np.minimum(np.maximum(u.astype(np.float64), 0), width), axis=1)
    forward += np.arange(u.shape[1]) * 1e-4
    # cubic Hermite with Catmull-Rom slopes on the uneven knots
    run = forward[:, 1:] - forward[:, :-1]
    rise = (v[:, 1:] - v[:, :-1]) / run
    slope = np.empty_like(forward)
    slope[:, 0], slope[:, -1] = rise[:, 0], rise[:, -1]
    slope[:, 1:-1] = (rise[:, 1:] * run[:, :-1] + rise[:, :-1] * run[:, 1:]) / (run[:, 1:] + run[:, :-1])
    slope = np.minimum(np.maximum(slope, -_STEEPEST), _STEEPEST)
    index = (forward[:, None, 1:-1] <= at[None, :, None]).sum(2)
    both = np.arange(2)[:, None]
    step = run[both, index]
    t = np.minimum(np.maximum((at - forward[both, index]) / step, 0), 1)
    rest = 1 - t
    start, end = v[both, index], v[both, index + 1]
    bend = t * rest * step * (slope[both, index] * rest - slope[both, index + 1] * t)
    found = (start + (end - start) * (t * t * (3 - 2 * t)) + bend).astype(np.float32)
    return found[0], found[1]
