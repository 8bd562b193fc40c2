"""Clothes: what covers shoulders and chest, and collars around the neck."""

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.headwear import cloth_colour
from portrait_alive.heads.noise import space_noise
from portrait_alive.heads.parts import Kind, Layer, Part, sheet
from portrait_alive.types import Float

COLUMNS = 96

HEIGHTS = (8.0, 10.5, 12.5, 14.5, 17.0, 21.0, 30.0, 62.0)
"""Model units below the head's origin at which the trunk's outline is given."""


def covered_by(clothes: Float, points: Float) -> NDArray[np.bool_]:
    """(N,) True where points at rest lie below a neckline, given as its height at COLUMNS angles around the neck."""
    angle = np.arctan2(points[:, 0] / 11.0, (points[:, 2] + 3.6) / 5.6)
    at = (angle + np.pi) / (2 * np.pi) * COLUMNS
    below = points[:, 1] < np.interp(at, np.arange(COLUMNS + 1), np.append(clothes, clothes[0]))
    shoulders = (points[:, 1] < -10.6) & (np.abs(points[:, 0]) > 8.6)
    return np.asarray(below | shoulders)


def clothes_parts(
    rng: np.random.Generator,
    *,
    colour: Float | None = None,
    depth: float | None = None,
    trim: Float | None = None,
    has_collar: bool | None = None,
) -> tuple[list[Part], Float]:
    """A garment over shoulders and chest, open at the neck, sometimes with a collar; and its neckline.

    What is not given is random.

    Args:
        rng: source of chance.
        colour: (3,) linear RGB.
        depth: model units the neckline falls in front.
        trim: (3,) linear RGB of a band along the neckline.
        has_collar: whether there is a collar.

    Returns:
        The parts, and the neckline (COLUMNS,): its height in model units at angles from -pi to pi, 0 in front.
    """
    colour = cloth_colour(rng) if colour is None else colour
    if depth is None:
        depth = float(rng.choice([0.0, 1.5, 3.5, 5.5], p=[0.35, 0.3, 0.2, 0.15]))
    if trim is None and rng.random() < 0.15:
        trim = cloth_colour(rng)
    angle = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
    side, front = np.sin(angle), np.cos(angle)
    # neckline: highest behind, lowest in front; v-shaped when deep
    point = np.clip(front, 0, 1) ** (3 if depth > 3 else 1.5)
    top = -10.2 - 1.6 * front - depth * point
    levels = np.array([0.0, 0.05, 0.1, 0.16, 0.24, 0.34, 0.5, 0.7, 1.0])
    bottom = -62.0
    rows = []
    for level in levels:
        y = top + (bottom - top) * level**1.5
        half_x = np.interp(-y, HEIGHTS, [6.3, 7.8, 11.8, 15.0, 18.0, 20.5, 21.5, 20.0])
        chest = np.interp(-y, HEIGHTS, [0.2, 0.9, 1.8, 3.6, 5.8, 7.4, 8.8, 9.0]) + 0.45
        back = np.interp(-y, HEIGHTS, [-6.9, -7.9, -9.2, -10.0, -10.4, -10.6, -10.6, -10.6]) - 0.35
        half_z, centre_z = (chest - back) / 2, (chest + back) / 2
        rows.append(np.stack([half_x * side, y, centre_z + half_z * front], 1))
    points = np.stack(rows).astype(np.float32)
    flat = points.reshape(-1, 3)
    folds = space_noise(flat, rng, size=4.0, octaves=2, stretch=(1.0, 0.4, 1.0)).reshape(points.shape[:2])
    direction = np.stack([side, 0 * side, front], 1)[None]
    swell = np.array([0.02, 0.1, 0.3, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6])[:, None]
    points = points + (direction * (folds * swell)[..., None]).astype(np.float32)
    follow = np.broadcast_to(np.array([0.18, 0.1, 0.05, 0.02, 0, 0, 0, 0, 0], np.float32)[:, None], points.shape[:2])
    # the crease between arm and chest
    crease = np.exp(-(((np.abs(points[..., 0]) - 13.2) / 0.9) ** 2)) * np.clip((-17.0 - points[..., 1]) / 5, 0, 1)
    points[..., 2] -= 0.9 * crease * np.sign(points[..., 2] + 3)
    shade = (1 - 0.6 * crease) * (1 + 0.1 * folds)
    albedo = (colour * np.clip(shade, 0.2, 1.4)[..., None]).astype(np.float32)
    parts = [sheet(points, follow, albedo, layer=Layer.BODY, kind=Kind.CLOTH)]
    if trim is not None:
        parts.append(_trim(points[0], trim, float(follow[0, 0])))
    if has_collar or (has_collar is None and rng.random() < 0.45):
        parts.append(_collar(np.asarray(top, np.float32), side, front, colour, rng))
    return parts, np.asarray(top, np.float32)


def _trim(rim: Float, colour: Float, follow: float) -> Part:
    """A rounded band along the neckline `rim` (COLUMNS, 3)."""
    away = rim * np.array([1, 0, 1]) - np.array([0, 0, -3.6])
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    rows = [
        rim + out * away + np.array([0, up, 0]) for out, up in ((-0.25, 0.25), (0.05, 0.45), (0.3, 0.1), (0.3, -0.5))
    ]
    points = np.stack(rows).astype(np.float32)
    albedo = np.broadcast_to(colour.astype(np.float32), points.shape)
    level = np.full(points.shape[:2], follow, np.float32)
    return sheet(points, level, albedo, layer=Layer.BODY, kind=Kind.CLOTH, tile=24.0)


def _collar(top: Float, side: Float, front: Float, colour: Float, rng: np.random.Generator) -> Part:
    """A band, a ruff or a turned-down collar around the neck."""
    ruff = rng.random() < 0.3
    white = rng.random() < 0.6
    tone = np.full(3, rng.uniform(0.5, 0.8), np.float32) if white else np.clip(colour * rng.uniform(0.4, 2.0), 0, 0.8)
    rise = rng.uniform(0.8, 2.2)
    wide = rng.uniform(2.5, 5.0) if ruff else rng.uniform(0.4, 1.5)
    wobble = 0.5 * np.sin(np.arange(COLUMNS) * (np.pi / 2 if ruff else 0.15))
    rows = []
    for out, up in ((-0.2, -0.6), (0.0, rise), (wide * 0.6, rise * 0.8), (wide, rise * 0.1 - 0.4)):
        radius_x, radius_z = 7.2 + out, 4.7 + out
        lift = np.maximum(top, -11.8) + up + (wobble if out > 0.3 else 0)
        rows.append(np.stack([radius_x * side, lift, -3.4 + radius_z * front], 1))
    points = np.stack(rows).astype(np.float32)
    follow = np.full(points.shape[:2], 0.22, np.float32)
    albedo = np.broadcast_to(tone.astype(np.float32), points.shape)
    return sheet(points, follow, albedo, layer=Layer.BODY, kind=Kind.CLOTH)
