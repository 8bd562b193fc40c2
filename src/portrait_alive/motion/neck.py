"""Neck between a head that moves and shoulders that do not; breathing lifts both a little."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.types import Float, SourceFace

_TOP, _BOTTOM = 8.5, 16.0
"""Heights in the head model (cm below its origin) between which the neck's motion fades from the head's to none."""


@dataclass(frozen=True, eq=False)
class Neck:
    """How much each point of one source moves with the head."""

    with_head: Float
    """(P,) 1 for the head, falling to 0 at the shoulders."""
    height_px: float
    """Height of the head in picture pixels, hair apart: what `body_lift` is a fraction of."""

    @staticmethod
    def of(basis: ShapeBasis, source: SourceFace) -> "Neck":
        """Prepare a source."""
        with_head = np.ones(basis.point_count, np.float32)
        neck = basis.beyond["neck"]
        down = np.clip((basis.mean[neck, 1] - _TOP) / (_BOTTOM - _TOP), 0.0, 1.0)
        with_head[neck] = 1.0 - down * down * (3.0 - 2.0 * down)
        skull = float(np.ptp(basis.mean[[*basis.beyond["skull"], topology.CHIN], 1]))
        return Neck(with_head, skull * source.fit.pose.scale)

    def blended(self, points: Float, moved: NDArray[np.floating], lift: float) -> Float:
        """(P, 3) source points displaced by `moved` (P, 3) as far as they follow the head, and lifted by the breath."""
        displaced = points + self.with_head[:, None] * moved
        displaced[:, 1] -= lift * self.height_px
        return displaced.astype(np.float32)
