"""The weak-perspective pose that puts known 3-D points onto seen 2-D ones."""

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
    rotation, scale = (
        _affine_start(moments, across) if start is None else (start.rotation.astype(np.float64), start.scale)
    )
    spread = float(np.trace(moments))
    for _ in range(iterations):
        # depths enter only through their products with the shape, which the moments hold: no point is touched again
        covariance = np.vstack([across, scale * rotation[2] @ moments])
        u, singular, vt = np.linalg.svd(covariance)
        sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        rotation = (u * sign) @ vt
        scale = float((singular * sign).sum() / spread)
    translation = np.append(target_centre, 0.0) - scale * rotation @ centre
    return HeadPose(rotation.astype(np.float32), translation.astype(np.float32), scale)


def _affine_start(moments: _Doubles, across: _Doubles) -> tuple[_Doubles, float]:
    """Rotation and scale from the best affine map: two rows, made orthonormal, and their cross product."""
    rows = np.linalg.solve(moments + 1e-6 * np.eye(3), across.T).T
    u, singular, vt = np.linalg.svd(rows, full_matrices=False)
    two = u @ vt
    return np.vstack([two, np.cross(two[0], two[1])]), float(singular.mean())
