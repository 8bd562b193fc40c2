"""The whole mesh from a few of its points: 68 of another tracker, or a handful that a person clicked."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape.basis import ShapeBasis, place
from portrait_alive.shape.pose import weak_perspective
from portrait_alive.types import MESH_POINTS, Float, HeadPose, Landmarks

_Doubles = NDArray[np.float64]

_RIDGE = 0.02
"""Squared residual (model units) per point that one standard deviation, or a full expression, is worth."""
_REACH = 1.5
"""Model units over which the residual at a given point fades along the face."""
_ITERATIONS = 8


def complete_landmarks(basis: ShapeBasis, points: Float, selection: Float) -> Landmarks:
    """All 478 landmarks of a face of which some places are known.

    The basis explains the given places by pose, identity and expression; what it leaves unexplained is carried along
    smoothly, so that the mesh passes through what was given.

    Args:
        points: (N, 2) picture pixels, at least four not on one line.
        selection: (N, 478) weights that say of which mesh points each place is the mean; rows add up to 1.
    """
    count = len(points)
    mean = basis.mean[:MESH_POINTS].astype(np.float64)
    modes = np.concatenate([basis.identity, basis.expression])[:, :MESH_POINTS].astype(np.float64)
    picked = selection.astype(np.float64)
    picked_mean, picked_modes = picked @ mean, np.einsum("np,mpa->mna", picked, modes)
    seen, coefficients = points[:, :2].astype(np.float64), np.zeros(len(modes))
    # few points cannot tell a turned head from a lopsided one: with a handful only the pose and little more is trusted
    ridge = _RIDGE * count * max(1.0, (40 / count) ** 2)
    pose = weak_perspective(seen, picked_mean, np.ones(count))
    for _ in range(_ITERATIONS):
        coefficients = _coefficients(seen, pose, picked_mean, picked_modes, ridge)
        shape = picked_mean + np.tensordot(coefficients, picked_modes, 1)
        pose = weak_perspective(seen, shape, np.ones(count))
    whole = (mean + np.tensordot(coefficients, modes, 1)).astype(np.float32)
    placed = place(whole, pose)
    residual = points[:, :2] - (selection @ placed)[:, :2]
    placed[:, :2] += _spread(residual, selection @ whole, whole)
    return Landmarks(placed, np.full(MESH_POINTS, 0.5, np.float32), 1.0)


def selection_of(indices: list[tuple[int, ...]]) -> Float:
    """Selection rows (N, 478): each place is the mean of the named mesh points."""
    rows = np.zeros((len(indices), MESH_POINTS), np.float32)
    for row, members in enumerate(indices):
        rows[row, list(members)] = 1.0 / len(members)
    return rows


def _coefficients(seen: _Doubles, pose: HeadPose, mean: _Doubles, modes: _Doubles, ridge: float) -> _Doubles:
    rows = pose.rotation[:2].astype(np.float64)
    wanted = (seen - pose.translation[:2]) / pose.scale - mean @ rows.T  # (N, 2)
    system = (modes @ rows.T).reshape(len(modes), -1).T  # (2N, M)
    normal = system.T @ system
    normal[np.diag_indices_from(normal)] += ridge
    return cast(_Doubles, np.linalg.solve(normal, system.T @ wanted.reshape(-1)))


def _spread(residual: Float, at: Float, everywhere: Float) -> Float:
    """Residuals (N, 2) given at model points (N, 3) carried to (P, 3) by a smooth interpolant: (P, 2)."""

    def kernel(a: Float, b: Float) -> _Doubles:
        squared = ((a[:, None].astype(np.float64) - b[None]) ** 2).sum(2)
        return cast(_Doubles, np.exp(-squared / (2 * _REACH**2)))

    weights = np.linalg.solve(kernel(at, at) + 0.05 * np.eye(len(at)), residual.astype(np.float64))
    return cast(Float, (kernel(everywhere, at) @ weights).astype(np.float32))
