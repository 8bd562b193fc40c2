"""Lids of the portrait: margins moved along their own arc until they meet, whatever the size of the eye."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.measures import EYE_LOWER, EYE_UPPER
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.types import MESH_POINTS

_UPPER_SHARE = 0.93
"""Of the closing distance; the lower lid rises by the rest (Doane 1980: in a blink the upper lid does all but a
little, the lower one slides towards the nose)."""
_EYEBALL_RADIUS = 1.2  # cm
_LOWER_REACH = 0.35
"""Skin below the lower margin follows it, fading over this multiple of the eye's half-width."""
_FOLLOWS_LOOK = 0.5
"""Of an iris's way up or down, both lids go along by this, beside what the gap between them does: seven people's lower
lids go by 0.53 of what MediaPipe reads of their looks. Looks of portraits are the nearer to their drivers', in the
pixels, the more lids go along (docs/motion.md)."""
_BLINK_NAMES = ("eyeBlink_R", "eyeBlink_L")


@dataclass(frozen=True, eq=False)
class EyeLids:
    """Lids of one eye of one source, in model units."""

    upper: NDArray[np.intp]
    lower: NDArray[np.intp]
    """(7,) margin points between the corners, pairwise."""
    margin_upper: NDArray[np.float64]
    margin_lower: NDArray[np.float64]
    """(7, 3) where the source has them."""
    followers: NDArray[np.intp]
    """(N,) mesh points of the skin around, which follow."""
    follow_upper: NDArray[np.float64]
    follow_lower: NDArray[np.float64]
    """(N, 7) how much each follows each margin point."""

    @staticmethod
    def of(points: NDArray[np.float64], basis: ShapeBasis, eye: int) -> "EyeLids":
        """Lids of eye 0 (right) or 1 (left) of a source whose points (P, 3) are given in its head's frame."""
        upper, lower = np.array(EYE_UPPER[eye][1:-1]), np.array(EYE_LOWER[eye][1:-1])
        ring = {*EYE_UPPER[eye], *EYE_LOWER[eye]}
        mean = basis.mean[:MESH_POINTS].astype(np.float64)
        half_width = float(np.linalg.norm(mean[EYE_UPPER[eye][0]] - mean[EYE_UPPER[eye][-1]])) / 2
        others = np.array([p for p in range(MESH_POINTS - 10) if p not in ring])
        # the blink shape knows how far the fold and the lid's skin follow the margin
        blink = basis.expression[basis.expression_index(_BLINK_NAMES[eye])][:MESH_POINTS].astype(np.float64)
        margin_drop = blink[upper].mean(0)
        follow = np.clip(blink[others] @ margin_drop / (margin_drop @ margin_drop), 0.0, 1.0)
        middle = mean[[*upper, *lower]].mean(0)
        near = np.linalg.norm((mean[others] - middle)[:, :2], axis=1)
        follow *= np.clip(3.0 - near / half_width, 0.0, 1.0) * (mean[others, 1] < middle[1])
        below = np.linalg.norm(mean[others][:, None, :2] - mean[lower][None, :, :2], axis=-1).min(1)
        raise_ = np.exp(-((below / (_LOWER_REACH * half_width)) ** 2)) * (mean[others, 1] >= middle[1])
        used = np.maximum(follow, raise_) > 0.02
        across = -((mean[others][:, None, 0] - mean[upper][None, :, 0]) ** 2) / (0.25 * half_width) ** 2
        share = np.exp(across - across.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        return EyeLids(
            upper=upper,
            lower=lower,
            margin_upper=points[upper].copy(),
            margin_lower=points[lower].copy(),
            followers=others[used],
            follow_upper=(follow[:, None] * share)[used],
            follow_lower=(raise_[:, None] * share)[used],
        )

    def move(self, points: NDArray[np.float64], opening: float, look_down: float = 0.0) -> None:
        """Set the lids in `points` (P, 3) to `opening`, in place: 0 shut, 1 as the source has them, more when wide.

        At 0 each upper margin point lies exactly on its lower one.

        Args:
            points: in the head's frame.
            opening: see above.
            look_down: model units by which the iris is lower than in the source; open lids go along.
        """
        if opening == 1.0 and look_down == 0.0:
            return
        gap = self.margin_lower - self.margin_upper
        drop = (1.0 - opening) * _UPPER_SHARE * gap
        rise = -(1.0 - opening) * (1.0 - _UPPER_SHARE) * gap
        along = _FOLLOWS_LOOK * look_down * float(np.clip(opening, 0.0, 1.0))
        drop[:, 1] += along
        rise[:, 1] += along
        drop[:, 2] += self._bulge(gap, (1.0 - opening) * _UPPER_SHARE)
        rise[:, 2] += self._bulge(gap, 1.0 - (1.0 - opening) * (1.0 - _UPPER_SHARE))
        offset_upper = points[self.upper] - self.margin_upper
        offset_lower = points[self.lower] - self.margin_lower
        if opening < 1.0:  # what brows and cheeks did to the two margins must agree where they meet
            common = (offset_upper + offset_lower) / 2
            offset_upper = common + max(opening, 0.0) * (offset_upper - common)
            offset_lower = common + max(opening, 0.0) * (offset_lower - common)
        points[self.upper] = self.margin_upper + drop + offset_upper
        points[self.lower] = self.margin_lower + rise + offset_lower
        if opening <= 0.0:
            points[self.lower] = points[self.upper]
        points[self.followers] += self.follow_upper @ drop + self.follow_lower @ rise

    @staticmethod
    def _bulge(gap: NDArray[np.float64], fraction: float) -> NDArray[np.float64]:
        """(7,) how far towards the viewer the eyeball pushes the lid at a fraction of the way from upper to lower
        margin."""
        inside = float(np.clip(fraction, 0.0, 1.0))
        return np.asarray(-4 * inside * (1 - inside) * (gap[:, :2] ** 2).sum(1) / (8 * _EYEBALL_RADIUS))
