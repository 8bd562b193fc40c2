"""The weak-perspective pose that puts known 3-D points onto seen 2-D ones."""

import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import HeadPose

_Doubles = NDArray[np.float64]


def weak_perspective(points: _Doubles, shape: _Doubles, weights: _Doubles, *, iterations: int = 4) -> HeadPose:
    """Weighted least-squares pose of `shape` under `points`: points = scale * rotation @ shape + translation, x and y.

    Depths are filled in from the current pose, and the similarity transform of the filled points is solved in closed
    form (Umeyama 1991); repeated, this is POS with orthonormal rows (DeMenthon and Davis 1995).

    Args:
        points: (N, 2 or more) picture pixels; only x and y are used.
        shape: (N, 3) model units, not all in one plane.
        weights: (N,) at least 0; at least four points need more.
    """
    weights = weights / weights.sum()
    centre = weights @ shape
    centred = shape - centre
    target_centre = weights @ points[:, :2]
    target = points[:, :2] - target_centre
    rotation, scale = _affine_start(centred, target, weights)
    spread = float(weights @ (centred**2).sum(1))
    for _ in range(iterations):
        depth = scale * centred @ rotation[2]
        filled = np.column_stack([target, depth])
        covariance = (filled * weights[:, None]).T @ centred
        u, singular, vt = np.linalg.svd(covariance)
        sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        rotation = (u * sign) @ vt
        scale = float((singular * sign).sum() / spread)
    translation = np.append(target_centre, 0.0) - scale * rotation @ centre
    return HeadPose(rotation.astype(np.float32), translation.astype(np.float32), scale)


def _affine_start(centred: _Doubles, target: _Doubles, weights: _Doubles) -> tuple[_Doubles, float]:
    """Rotation and scale from the best affine map: two rows, made orthonormal, and their cross product."""
    moments = (centred * weights[:, None]).T @ centred
    rows = np.linalg.solve(moments + 1e-6 * np.eye(3), (centred * weights[:, None]).T @ target).T
    u, singular, vt = np.linalg.svd(rows, full_matrices=False)
    two = u @ vt
    return np.vstack([two, np.cross(two[0], two[1])]), float(singular.mean())
