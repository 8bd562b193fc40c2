"""The shift, turn and zoom that lay some points of the plane best on others."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from portrait_alive.types import Float


@dataclass(frozen=True)
class Similarity:
    """A similarity of the plane, in complex numbers x + iy: a point p goes to `factor` * p + `shift`."""

    factor: complex
    """Zoom and clockwise turn."""
    shift: complex
    """Where the origin goes, pixels."""

    @staticmethod
    def between(points: Float, onto: Float) -> "Similarity":
        """The least-squares similarity from points (N, 2), not all in one place, onto others (N, 2)."""
        here, there = _complex(points), _complex(onto)
        middle, goal = here.mean(), there.mean()
        spread = float((np.abs(here - middle) ** 2).sum())
        factor = complex(((there - goal) * (here - middle).conj()).sum() / max(spread, 1e-12))
        return Similarity(factor, complex(goal - factor * middle))

    def __call__(self, points: Float) -> Float:
        """Points (N, 2 or 3) moved; depth, if any, is only scaled."""
        moved = self.factor * _complex(points) + self.shift
        columns = [moved.real, moved.imag, *(points[:, 2:3].T * abs(self.factor))]
        return np.stack(columns, 1).astype(np.float32)


def _complex(points: Float) -> np.ndarray:
    return cast(np.ndarray, points[:, 0] + 1j * points[:, 1])
