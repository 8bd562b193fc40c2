"""Lips of the portrait: opened as the driver's are, and brought into contact where the driver's touch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.measures import eye_distance, lip_gap
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.types import MESH_POINTS

_UPPER_SHARE = 0.35
"""Of the way to contact; the lower lip comes up by the rest."""
_LIP_HEIGHT = 0.9  # cm from the mouth's line within which skin moves with its lip
_REACH = 3.2  # cm from the mouth's line at which skin stays where it is
_MAX_JAW_MORE = 0.8
"""At most so much jawOpen is added to reach an opening that the fitted expression falls short of."""


def literal_opening(opening: float, driver_rest: float, source_rest: float) -> float:
    """Opening of the portrait's mouth for the driver's, all over the eyes' distance, 0 for 0.

    Closed is closed; the driver's rest is the portrait's rest; beyond it the portrait opens by as much as the driver.
    Between,
    straight, at most twice as fast, so that a driver who rests with closed lips can speak through a portrait that
    smiles
    with open ones.
    """
    rest = max(source_rest, 0.0)
    hinge = max(driver_rest, rest / 2)
    if opening >= hinge:
        return rest + opening - hinge
    return rest * max(opening, 0.0) / hinge if hinge > 0 else 0.0


@dataclass(frozen=True, eq=False)
class Lips:
    """How one basis opens and closes a mouth, in model units."""

    jaw: NDArray[np.float64]
    """(P, 3) shape of jawOpen."""
    jaw_gap: float
    """Lip gap of a full jawOpen, model units."""
    jaw_index: int
    upper: NDArray[np.intp]
    lower: NDArray[np.intp]
    """(9,) inner lip points between the corners, pairwise."""
    closing: NDArray[np.float64]
    """(478, 9) share of each pair's gap vector that each point moves by to close it: > 0 upper lip, < 0 lower."""

    @staticmethod
    def of(basis: ShapeBasis) -> "Lips":
        """Prepare a basis."""
        jaw_index = basis.expression_index("jawOpen")
        jaw = basis.expression[jaw_index].astype(np.float64)
        mean = basis.mean.astype(np.float64)
        upper, lower = np.array(topology.UPPER_LIP_INNER[1:-1]), np.array(topology.LOWER_LIP_INNER[1:-1])
        return Lips(
            jaw=jaw,
            jaw_gap=lip_gap(mean + jaw) - lip_gap(mean),
            jaw_index=jaw_index,
            upper=upper,
            lower=lower,
            closing=_closing_shares(mean[:MESH_POINTS], jaw[:MESH_POINTS], upper, lower),
        )

    def between(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(9, 3) from the upper to the lower inner lip, pair by pair."""
        return np.asarray(points[self.lower] - points[self.upper])

    def set_gap(self, points: NDArray[np.float64], gap: float, jaw_weight: float, resting: NDArray[np.float64]) -> None:
        """Bring the lips in `points` (P, 3), in place, to a gap in model units: by the jaw as far as it is open, then
        by the lips.

        Args:
            points: source points in the head's frame with the expression applied.
            gap: wanted; at 0 each inner upper point lies exactly on its lower one. Below 0 they overlap as they do in
                the source, as tracked lips of a closed mouth may.
            jaw_weight: weight of jawOpen already in `points`: how far the jaw can close.
            resting: (9, 3) `between` of the source.
        """
        missing = gap - lip_gap(points)
        turn = float(np.clip(missing / self.jaw_gap, -max(jaw_weight, 0.0), _MAX_JAW_MORE))
        points += turn * self.jaw
        now = lip_gap(points)
        if gap >= now - 1e-9:
            return
        between = self.between(points)
        if gap > 0.0:
            wanted = between * (gap / now)
        else:  # a ratio of two gaps near 0 would throw the lips about
            own = float(resting[3:6, 1].mean())
            wanted = resting * (gap / own) if own < 0.0 else np.zeros_like(between)
        points[:MESH_POINTS] += self.closing @ (between - wanted)
        if gap == 0.0:
            points[self.lower] = points[self.upper]


def mouth_opening(points: NDArray[np.float64]) -> float:
    """Gap between the inner lips over the eyes' distance; 0 where they touch or overlap."""
    return max(lip_gap(points) / eye_distance(points), 0.0)


def _closing_shares(
    mean: NDArray[np.float64], jaw: NDArray[np.float64], upper: NDArray[np.intp], lower: NDArray[np.intp]
) -> NDArray[np.float64]:
    line = (mean[upper] + mean[lower]) / 2
    across = -((mean[:, None, 0] - line[None, :, 0]) ** 2) / 0.35**2
    share = np.exp(across - across.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    height = mean[:, 1] - share @ line[:, 1]
    beside = np.clip(np.abs(mean[:, 0]) - np.abs(line[:, 0]).max(), 0.0, None)
    away = np.hypot(np.clip(np.abs(height) - _LIP_HEIGHT, 0.0, None), 1.5 * beside)
    fade = np.clip(1.0 - away / (_REACH - _LIP_HEIGHT), 0.0, 1.0)
    fade = fade * fade * (3 - 2 * fade)
    # which lip a point belongs to is what the jaw says: the lower lip drops with it
    drop = jaw[:, 1]
    is_lower = np.where(np.abs(height) < 0.3, drop > 0.5 * drop[lower].max(), height > 0)
    moved = np.where(is_lower, -(1.0 - _UPPER_SHARE), _UPPER_SHARE) * fade
    moved[MESH_POINTS - 10 :] = 0.0
    shares = moved[:, None] * share
    # the inner lips themselves: each to its own pair, exactly
    for position, (u, low) in enumerate(zip(upper, lower, strict=True)):
        shares[[u, low]] = 0.0
        shares[u, position], shares[low, position] = _UPPER_SHARE, -(1.0 - _UPPER_SHARE)
    return np.asarray(shares)
