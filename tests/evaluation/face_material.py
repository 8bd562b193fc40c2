"""Faces and pictures for tests of the measurements: a made-up mesh that knows where its eyes and lips are."""

import numpy as np

from portrait_alive.shape.topology import (
    CHIN,
    FACE_OVAL,
    FOREHEAD,
    LEFT_BROW,
    LEFT_IRIS,
    RIGHT_BROW,
    RIGHT_IRIS,
)
from portrait_alive.types import Bytes, Float


def made_up_mesh(
    *, jaw: float = 0.0, lids: float = 8.0, gaze: tuple[float, float] = (0, 0), smile: float = 0.0
) -> Float:
    """A face mesh (478, 3), about 200 px wide around the origin; lengths in px."""
    rng = np.random.default_rng(5)
    mesh = rng.uniform(-60, 60, (478, 3)).astype(np.float32)
    mesh[:, 2] = 40 * ((mesh[:, 0] / 60) ** 2 + (mesh[:, 1] / 60) ** 2) / 2
    for index, turn in zip(FACE_OVAL, np.linspace(0, 2 * np.pi, len(FACE_OVAL), endpoint=False), strict=True):
        mesh[index] = 90 * np.sin(turn), -120 * np.cos(turn), 50
    mesh[FOREHEAD], mesh[CHIN] = (0, -120, 40), (0, 120 + jaw / 2, 40)
    mesh[2] = 0, 20, -30
    for right, left, x, y, z in (
        (33, 263, 60, -30, 10), (133, 362, 25, -30, 5), (127, 356, 85, -40, 60), (234, 454, 90, 0, 70),
        (103, 332, 55, -90, 40), (54, 284, 70, -75, 45),
    ):  # fmt: skip
        mesh[right], mesh[left] = (-x, y, z), (x, y, z)
    for upper, lower, x in ((159, 145, -42.5), (386, 374, 42.5)):
        mesh[upper], mesh[lower] = (x, -30 - lids / 2, 5), (x, -30 + lids / 2, 5)
    for iris, x in ((RIGHT_IRIS[0], -42.5), (LEFT_IRIS[0], 42.5)):
        mesh[iris] = x + gaze[0], -30 + gaze[1], 5
    for brow, x in ((RIGHT_BROW, -42.5), (LEFT_BROW, 42.5)):
        mesh[list(brow)] = x, -55, 5
    mesh[61], mesh[291] = (-30 - smile / 2, 60, 0), (30 + smile / 2, 60, 0)
    mesh[13], mesh[14] = (0, 60 - jaw / 2, -5), (0, 60 + jaw / 2, -5)
    return mesh


def turned(mesh: Float, *, yaw: float = 0, pitch: float = 0, roll: float = 0) -> Float:
    """The mesh turned about y (yaw), then x (pitch), then z (roll), radians, about the origin."""
    (cy, sy), (cx, sx), (cz, sz) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return (mesh @ (about_y @ about_x @ about_z).T).astype(np.float32)


def smooth_picture(height: int, width: int, seed: int = 0) -> Bytes:
    """A picture (H, W, 3) with soft blobs and some grain, nothing like a flat colour."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = rng.uniform(2, 14, (6, 2, 3))
    phases = rng.uniform(0, 6, (6, 3))
    picture = sum(np.sin(x[..., None] * a + y[..., None] * b + p) for (a, b), p in zip(waves, phases, strict=True))
    grain = rng.normal(0, 4, (height, width, 3))
    return np.clip(128 + 30 * picture + grain, 0, 255).astype(np.uint8)
