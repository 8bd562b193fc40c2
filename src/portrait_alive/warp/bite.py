"""How upper and lower teeth stand to each other: what lips, chin and skull tell of the jaw."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.types import Float
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.head_field import RigidMotion

SKULL_ANCHORS = (2, 97, 326, 98, 327, 164)
"""Mesh points under the nose: upper teeth move as they do."""
JAW_ANCHORS = (152, 175, 199, 200, 148, 377)
"""Mesh points of the chin: lower teeth move as they do, or as the lower lip where that has dropped further."""
LOWER_LIP = (14, 87, 317)
"""Mesh points on the inner edge of the lower lip."""
_LIP_OWN = 0.08
"""How far the lower lip goes by itself, in mouth widths: what exceeds it is the jaw's."""
_GRIN_WIDTHS = (1.12, 1.35)
"""A mouth that has become so much wider is a grin: teeth are on each other while the gap is a grin's too."""
_GRIN_GAPS = (0.3, 0.5)


@dataclass(frozen=True, eq=False)
class Bite:
    """The teeth of one output frame, seen from the source."""

    was: Float
    """(2,) the skull's anchor in the source."""
    now: Float
    """(2,) the skull's anchor in the frame."""
    linear: Float
    """(2, 2) from the frame's offsets to the source's."""
    clenched: float
    """1 in a grin, whose teeth are on each other, 0 otherwise."""
    drop: tuple[float, float]
    """(u, v) pixels of the source, in its mouth's axes, by which the lower teeth have moved from the upper ones."""

    @staticmethod
    def between(
        rest: Opening, unit: float, opening: Opening, source: Float, driven: Float, rigid: RigidMotion
    ) -> "Bite":
        """Read it off the points.

        Args:
            rest: the source's mouth.
            unit: pixels of a mouth's usual width in the source.
            opening: the frame's mouth.
            source: (P, 3) points of the source.
            driven: (P, 3) points of the frame.
            rigid: the skull's motion.
        """
        linear = np.linalg.inv(rigid.scale * rigid.rotation[:2, :2]).astype(np.float32)
        was, now = _middle(source, SKULL_ANCHORS), _middle(driven, SKULL_ANCHORS)
        axes = np.array([rest.along, [-rest.along[1], rest.along[0]]], np.float32)
        jaw, lip = (
            axes @ (was + linear @ (_middle(driven, part) - now) - _middle(source, part))
            for part in (JAW_ANCHORS, LOWER_LIP)
        )
        wider = opening.width / (rest.width * max(rigid.scale, 1e-3))
        clenched = smoothstep(*_GRIN_WIDTHS, wider) * (1 - smoothstep(*_GRIN_GAPS, opening.gap / opening.width))
        down = (1 - clenched) * max(float(jaw[1]), float(lip[1]) - _LIP_OWN * unit)
        return Bite(was, now, linear, clenched, (float(jaw[0]), down))

    def in_source(self, x: Float, y: Float) -> tuple[Float, Float]:
        """Where what goes with the skull has come from: source coordinates (h, w) of the frame's x (1, w), y (h, 1)."""
        dx, dy = x - self.now[0], y - self.now[1]
        (a, b), (c, d) = self.linear
        return cast(Float, self.was[0] + a * dx + b * dy), cast(Float, self.was[1] + c * dx + d * dy)


def _middle(points: Float, indices: tuple[int, ...]) -> Float:
    return cast(Float, points[list(indices), :2].mean(0))
