"""The shapes of a face's parts as numbers that are the same from every side and at every size.

The Euclidean distance of two of them says how unlike two mouths, pairs of eyes or faces are.
"""

from typing import cast

import cv2
import numpy as np

from portrait_alive.shape import topology
from portrait_alive.types import Float

EYES = (
    (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER, topology.RIGHT_IRIS),
    (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER, topology.LEFT_IRIS),
)
"""Right, left: upper and lower lid margin, iris."""
_MESH = 468
STILL = (33, 133, 362, 263, 168, 6, 197)
"""Points that expression does not move: eye corners and the bridge of the nose."""
_GAP_COUNTS = 1.5
"""What opens the mouth counts so much beside where its lips are."""
_GAZE_COUNTS = 0.6
"""Where an eye looks counts so much beside how far it is open."""


def mouth_shape(points: Float, rotation: Float) -> Float:
    """(N,) lips and their gaps, in distances of the eyes.

    Args:
        points: (P, 3) of a face.
        rotation: (3, 3) of its head.
    """
    own = _in_head(points, rotation)
    upper, lower = own[list(topology.UPPER_LIP_INNER)], own[list(topology.LOWER_LIP_INNER)]
    gaps = np.maximum((lower - upper)[2:-2, 1], 0)
    return np.concatenate([_mean_square(own[list(topology.LIPS)], 2.0), _mean_square(gaps, _GAP_COUNTS)])


def mouth_gap(points: Float, rotation: Float) -> float:
    """Gap between the inner lips in the middle, in distances of the eyes; arguments as in `mouth_shape`."""
    own = _in_head(points, rotation)
    upper, lower = (own[list(line)[4:7], 1] for line in (topology.UPPER_LIP_INNER, topology.LOWER_LIP_INNER))
    return max(float((lower - upper).mean()), 0.0)


def eyes_shape(points: Float, rotation: Float) -> Float:
    """(M,) lids and gaze of both eyes, in widths of the eye; arguments as in `mouth_shape`."""
    parts = []
    for upper_line, lower_line, iris in EYES:
        upper, lower = (points[list(line)] @ rotation for line in (upper_line, lower_line))
        middle = (upper[0, :2] + upper[-1, :2]) / 2
        width = max(float(np.linalg.norm(upper[-1, :2] - upper[0, :2])), 1e-3)
        lids = np.concatenate([upper[1:-1, 1], lower[1:-1, 1]]) - middle[1]
        look = (points[iris[0]] @ rotation)[:2] - middle
        parts += [_mean_square(lids / width, 0.5), _mean_square(look / width, _GAZE_COUNTS / 2)]
    return np.concatenate(parts)


def skin_shape(points: Float, rotation: Float) -> Float:
    """(L,) all of the mesh, in distances of the eyes; arguments as in `mouth_shape`."""
    return _mean_square(_in_head(points, rotation), 2.0)


def lid_gap(points: Float, rotation: Float, side: int) -> float:
    """Gap between the lids of the right (0) or left (1) eye, in widths of the eye."""
    upper_line, lower_line, _ = EYES[side]
    upper, lower = (points[list(line)] @ rotation for line in (upper_line, lower_line))
    width = max(float(np.linalg.norm(upper[-1, :2] - upper[0, :2])), 1e-3)
    return max(float((lower[3:6, 1] - upper[3:6, 1]).mean()), 0.0) / width


def _in_head(points: Float, rotation: Float) -> Float:
    """(468, 2) the mesh as the head's own front shows it, in distances of the eyes."""
    own = points[:_MESH] @ rotation
    right, left = own[[33, 133]].mean(0), own[[362, 263]].mean(0)
    size = max(float(np.linalg.norm(left - right)), 1e-3)
    return cast(Float, (own[:, :2] - own[list(STILL), :2].mean(0)) / size)


def _mean_square(values: Float, counts: float) -> Float:
    """Values whose squares sum up to `counts` times the mean square of the given ones."""
    flat = values.reshape(-1)
    return cast(Float, (flat * np.sqrt(counts / len(flat))).astype(np.float32))


def height_of(points: Float) -> float:
    """Distance of chin and top of the mesh in the picture, at least a pixel."""
    return max(float(np.linalg.norm(points[topology.CHIN, :2] - points[topology.FOREHEAD, :2])), 1.0)


def outline_of(points: Float) -> Float:
    """(N, 2) convex outline of the mesh."""
    hull: Float = cv2.convexHull(np.ascontiguousarray(points[list(topology.FACE_OVAL), :2]))[:, 0]
    return hull
