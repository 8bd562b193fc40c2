"""Least-squares alignment of two point sets by turn, scale and shift (Umeyama 1991)."""

import numpy as np

from portrait_alive.types import Float


def fit_similarity(points: Float, target: Float) -> tuple[float, Float, Float]:
    """Scale, rotation and shift that bring `points` nearest to `target`: target ~ scale * points @ rotation.T + shift.

    Args:
        points, target: (N, D), D 2 or 3, N at least D, not all on one line.

    Returns:
        Scale, a proper rotation (D, D) and a shift (D,).
    """
    centre, aim = points.mean(0), target.mean(0)
    left, right = points - centre, target - aim
    u, strength, vt = np.linalg.svd(right.T @ left)
    signs = np.ones(points.shape[1])
    signs[-1] = np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0
    rotation = (u * signs) @ vt
    scale = float((strength * signs).sum() / max(float((left**2).sum()), 1e-12))
    return scale, rotation, aim - scale * rotation @ centre
