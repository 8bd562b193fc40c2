"""The weak-perspective pose that puts known 3-D points onto seen 2-D ones."""

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import HeadPose

_Doubles = NDArray[np.float64]


def weak_perspective(
    points: _Doubles,
    shape: _Doubles,
    weights: _Doubles,
    *,
    iterations: int = 4,
    start: HeadPose | None = None,
) -> HeadPose:
    """Weighted least-squares pose of `shape` under `points`: points = scale * rotation @ shape + translation, x and y.

    Depths are filled in from the current pose, and the similarity transform of the filled points is solved in closed
    form (Umeyama 1991); repeated, this is POS with orthonormal rows (DeMenthon and Davis 1995).

    Args:
        points: (N, 2 or more) picture pixels; only x and y are used.
        shape: (N, 3) model units, not all in one plane.
        weights: (N,) at least 0; at least four points need more.
        start: a pose to refine, that of the frame before, say; None begins with the best affine map.
    """
    weights = weights / weights.sum()
    centre = weights @ shape
    centred = shape - centre
    target_centre = weights @ points[:, :2]
    target = points[:, :2] - target_centre
    weighted = (centred * weights[:, None]).T
    moments, across = weighted @ centred, (weighted @ target).T  # (3, 3), (2, 3)
    return pose_of_moments(moments, across, centre, target_centre, iterations=iterations, start=start)


def pose_of_moments(
    moments: _Doubles,
    across: _Doubles,
    centre: _Doubles,
    target_centre: _Doubles,
    *,
    iterations: int,
    start: HeadPose | None,
) -> HeadPose:
    """`weak_perspective` of points and a shape of which only sums over all points are known, each weighted.

    Args:
        moments: (3, 3) of the shape about its centre.
        across: (2, 3) of the points about theirs with the shape about its.
        centre: (3,) of the shape.
        target_centre: (2,) of the points.
        iterations: as in `weak_perspective`.
        start: as there.
    """
    rotation, scale = (
        _affine_start(moments, across) if start is None else (start.rotation.astype(np.float64), start.scale)
    )
    spread = float(np.trace(moments))
    covariance = np.empty((3, 3))
    covariance[:2] = across
    for _ in range(iterations):
        # depths enter only through their products with the shape, which the moments hold: no point is touched
        covariance[2] = (scale * rotation[2]) @ moments
        singular, u, vt = cv2.SVDecomp(covariance)
        rotation = u @ vt
        if _is_mirrored(rotation):
            singular[2] *= -1.0
            u[:, 2] *= -1.0
            rotation = u @ vt
        scale = float(singular.sum() / spread)
    translation = np.append(target_centre, 0.0) - (scale * rotation) @ centre
    return HeadPose(rotation.astype(np.float32), translation.astype(np.float32), scale)


def _affine_start(moments: _Doubles, across: _Doubles) -> tuple[_Doubles, float]:
    """Rotation and scale from the best affine map: two rows, made orthonormal, and their cross product."""
    rows = np.linalg.solve(moments + 1e-6 * np.eye(3), across.T).T
    singular, u, vt = cv2.SVDecomp(np.ascontiguousarray(rows))
    rotation = np.empty((3, 3))
    rotation[:2] = u @ vt
    (a, b, c), (d, e, f) = rotation[:2].tolist()
    rotation[2] = b * f - c * e, c * d - a * f, a * e - b * d
    return rotation, float(singular.sum() / 2)


def _is_mirrored(turn: _Doubles) -> bool:
    """Whether an orthogonal matrix (3, 3) turns a right hand into a left one."""
    (a, b, c), (d, e, f), (g, h, i) = turn.tolist()
    return bool(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0)
