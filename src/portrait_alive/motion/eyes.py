"""Gaze of the portrait: irises turned over the eyeball, inside what the eye's opening can show."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.limits import softly
from portrait_alive.motion.measures import EYE_UPPER, IRISES, measured
from portrait_alive.types import Float

Look = Literal["driver", "camera", "keep"]
"""Where the eyes look: with the driver, at the viewer, or as in the source."""

_EYEBALL_RADIUS = 1.2  # cm
_SIDE_LIMIT = 0.62
_HEIGHT_LIMIT = 0.42
"""Farthest iris positions from the middle of the eye, in half-widths: further out there is no painted iris left to
see."""
_APART = (0.1, 0.0)
"""How much farther than its fellow an eye may go, sideways and up and down in half-widths, where that one's limit holds
it back: eyes look together, and a sitter who is painted looking aside would squint."""


@dataclass(frozen=True, eq=False)
class Irises:
    """Both irises of one source, in the head's frame."""

    gaze: Float
    """(2, 2) where the source looks (see `FaceMeasures.gaze`)."""
    half_width: Float
    """(2,) of each eye, model units."""

    @staticmethod
    def of(points: NDArray[np.float64]) -> "Irises":
        """Irises of a source whose points (P, 3) are given in its head's frame."""
        widths = [np.linalg.norm(points[u[-1], :2] - points[u[0], :2]) / 2 for u in EYE_UPPER]
        return Irises(measured(points).gaze, np.array(widths, np.float32))

    def reachable(self, change: Float, *, together: bool = True) -> Float:
        """(2, 2) change of gaze, in half-widths, that keeps the irises visible.

        Args:
            change: (2, 2) wanted.
            together: an eye whose room ends holds the other one back too.
        """
        limits = np.array([_SIDE_LIMIT, _HEIGHT_LIMIT])
        kept = np.zeros((2, 2), np.float32)
        for eye in range(2):
            for axis in range(2):
                at = float(self.gaze[eye, axis])
                high = max(limits[axis] - at, 0.1)
                low = min(-limits[axis] - at, -0.1)
                kept[eye, axis] = softly(float(change[eye, axis]), low, high)
        if not together:
            return kept
        size = np.abs(change)
        reached = np.divide(np.abs(kept), size, out=np.ones_like(kept), where=size > 0)
        least = reached.min(0) + np.array(_APART, np.float32) / np.maximum(size, 1e-6)
        return np.asarray(change * np.minimum(reached, least), np.float32)

    def at_viewer(self, rotation: NDArray[np.float64]) -> Float:
        """(2, 2) change of gaze that makes eyes in a head of this rotation (3, 3) look out of the picture."""
        towards = rotation.T @ np.array([0.0, 0.0, -1.0])
        straight = _EYEBALL_RADIUS * towards[:2] / self.half_width[:, None]
        change = straight - self.gaze
        # up and down a straight gaze rests where lids of this eye leave the iris: trust the painter about half
        change[:, 1] *= 0.5
        return np.asarray(change, np.float32)

    def move(self, points: NDArray[np.float64], change: Float) -> None:
        """Turn both irises in `points` (P, 3), in place, by a change of gaze (2, 2) in half-widths."""
        for eye in range(2):
            if not change[eye].any():
                continue
            iris = list(IRISES[eye])
            shift = change[eye].astype(np.float64) * float(self.half_width[eye])
            before = points[iris[0], :2] - self._middle(points, eye)
            after = before + shift
            points[iris, :2] += shift
            points[iris, 2] += _depth(after) - _depth(before)

    @staticmethod
    def _middle(points: NDArray[np.float64], eye: int) -> NDArray[np.float64]:
        return (points[EYE_UPPER[eye][0], :2] + points[EYE_UPPER[eye][-1], :2]) / 2


def _depth(offset: NDArray[np.float64]) -> float:
    """Depth of a point on the eyeball's front at an offset (x, y) from its middle: further out, further back."""
    squared = min(float(offset @ offset), (0.9 * _EYEBALL_RADIUS) ** 2)
    return _EYEBALL_RADIUS - float(np.sqrt(_EYEBALL_RADIUS**2 - squared))
