"""Head rotation as yaw, pitch and roll, and back.

Angles in radians, as seen by the viewer: yaw > 0 turns the face towards the viewer's right (the subject's left),
pitch > 0 lifts
the chin, roll > 0 tilts the head clockwise. All three are 0 for a head that faces the viewer upright. Matrices map
model axes to picture axes (x right, y down, z away), as in `HeadPose`.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Float


def matrix_of(angles: Float) -> NDArray[np.float64]:
    """Rotation matrices (..., 3, 3) of (..., 3) yaw, pitch, roll: roll first, then pitch, then yaw."""
    yaw, pitch, roll = np.moveaxis(np.asarray(angles, np.float64), -1, 0)
    cy, sy, cp, sp, cr, sr = np.cos(-yaw), np.sin(-yaw), np.cos(-pitch), np.sin(-pitch), np.cos(roll), np.sin(roll)
    found = np.empty((*np.shape(yaw), 3, 3))
    found[..., 0, 0], found[..., 0, 1], found[..., 0, 2] = cy * cr + sy * sp * sr, sy * sp * cr - cy * sr, sy * cp
    found[..., 1, 0], found[..., 1, 1], found[..., 1, 2] = cp * sr, cp * cr, -sp
    found[..., 2, 0], found[..., 2, 1], found[..., 2, 2] = cy * sp * sr - sy * cr, sy * sr + cy * sp * cr, cy * cp
    return found


def angles_of(matrix: NDArray[np.floating]) -> Float:
    """Yaw, pitch, roll (..., 3) of rotation matrices (..., 3, 3); pitch in [-pi/2, pi/2]."""
    pitch = np.arcsin(np.clip(matrix[..., 1, 2], -1.0, 1.0))
    yaw = -np.arctan2(matrix[..., 0, 2], matrix[..., 2, 2])
    roll = np.arctan2(matrix[..., 1, 0], matrix[..., 1, 1])
    return np.stack([yaw, pitch, roll], -1).astype(np.float32)


def scaled_rotation(matrix: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """The rotation (3, 3) about the same axis by `factor` times its angle (Rodrigues)."""
    if factor == 1.0:
        return matrix
    axis = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]) / 2
    sine = float(np.linalg.norm(axis))
    angle = float(np.arctan2(sine, (np.trace(matrix) - 1) / 2))
    if sine < 1e-9:
        return np.eye(3)
    x, y, z = axis / sine
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = factor * angle
    return cast(NDArray[np.float64], np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * cross @ cross)
