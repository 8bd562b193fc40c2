"""A face seen once, drawn towards what heads look like.

The network places every point by itself. On faces that are turned or painted some lie where no head has them; the
nearest head of the shape basis lies nearer to the truth there, and says less of what is this face's own. Halfway
between both is better than either (docs/tracking.md).
"""

from dataclasses import replace
from typing import Final

import numpy as np

from portrait_alive.shape import topology
from portrait_alive.shape.basis import place
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.types import MESH_POINTS, Float, Landmarks

_SHARE: Final = 0.5
_OUTLINE_SHARE: Final = 0.25
"""Where skin ends is seen: hair, hats and beards are no business of the basis."""
_ITERATIONS: Final = 3
"""Of the fit. Points are as near to the truth after one, but faces come out better after three (docs/tracking.md)."""
_UPPER_LIP, _LOWER_LIP = list(topology.UPPER_LIP_INNER), list(topology.LOWER_LIP_INNER)


def drawn_to_nearest_head(face: Landmarks, fitter: HeadFitter) -> Landmarks:
    """The face with its points, x and y, on the way to the nearest head of the basis.

    Lids and irises stay where they are, and lips as far apart as they are: both are seen from near, and tell shut from
    open.
    """
    fit = fitter.fit(face, iterations=_ITERATIONS)
    head = place(fitter.basis.shape(fit.identity, fit.expression)[:MESH_POINTS], fit.pose)
    way = _shares() * (head - face.points[:MESH_POINTS])[:, :2]
    way[_UPPER_LIP] = way[_LOWER_LIP] = (way[_UPPER_LIP] + way[_LOWER_LIP]) / 2
    points = face.points.copy()
    points[:MESH_POINTS, :2] += way
    return replace(face, points=points)


def _shares() -> Float:
    """(478, 1)."""
    shares = np.full((MESH_POINTS, 1), _SHARE, np.float32)
    shares[list(topology.GROUPS["contour"])] = _OUTLINE_SHARE
    shares[list(topology.GROUPS["eyes"] + topology.GROUPS["irises"])] = 0.0
    return shares
