"""Hats, caps, turbans, hoods and veils."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.drawn import head_follow
from portrait_alive.heads.model import BACK, FACE, HeadModel
from portrait_alive.heads.noise import space_noise
from portrait_alive.heads.parts import Kind, Layer, Part, sheet, shell
from portrait_alive.heads.regions import SCALP_CENTRE, Regions, hair_depth, spherical_bins
from portrait_alive.types import Float

Doubles = NDArray[np.float64]

Headwear = Literal["none", "beanie", "brimmed", "turban", "veil", "band"]


def random_headwear(rng: np.random.Generator, *, woman: float) -> Headwear:
    """What is worn on the head: mostly nothing."""
    kinds: list[Headwear] = ["none", "beanie", "brimmed", "turban", "veil", "band"]
    chance = np.array([0.8, 0.05, 0.05, 0.035, 0.04 * woman, 0.05 * woman])
    return kinds[int(rng.choice(len(kinds), p=chance / chance.sum()))]


def cloth_colour(rng: np.random.Generator) -> Float:
    """(3,) linear RGB of a garment: mostly muted, often dark or white, now and then strong."""
    kind = rng.random()
    if kind < 0.3:
        base = np.full(3, rng.choice([0.008, 0.02, 0.05]))
    elif kind < 0.45:
        base = np.full(3, rng.uniform(0.45, 0.75))
    elif kind < 0.85:
        grey = rng.uniform(0.03, 0.35)
        base = grey * np.exp(rng.normal(size=3) * 0.45)
    else:
        base = 0.35 * rng.beta(0.5, 0.9, 3) + 0.01
    return np.asarray(np.clip(base * np.exp(rng.normal(size=3) * 0.06), 0.004, 0.8), np.float32)


def under_hat(model: HeadModel, regions: Regions, kind: Headwear, drop: float) -> Float:
    """(V,) how far inside the lower edge of a hat each vertex lies, model units; negative is outside.

    `drop` moves the edge up.
    """
    v = model.vertices
    if kind == "veil":
        return np.where(regions.scalp > 0.3, regions.scalp, -20).astype(np.float32)
    depth = hair_depth(v, rise=-drop * 0.6 - 0.5, recede=0.0)
    # the lower edge of a hat is level: it does not follow the hairline down the nape
    level = v[:, 1] - (6.9 + drop * 0.5 + 0.16 * (v[:, 2] - 3) * (kind != "band"))
    if kind == "beanie":
        level = level + 1.0
    inside = np.where(regions.outer & ~regions.ears, np.maximum(np.minimum(depth + 2.5, level), -20), -20)
    if kind == "band":
        inside = np.minimum(inside, 2.6 - inside)
    return inside.astype(np.float32)


def headwear_parts(
    model: HeadModel, regions: Regions, kind: Headwear, drop: float, thickness: float, rng: np.random.Generator
) -> list[Part]:
    """The parts of a piece of headwear.

    Args:
        model: the head model.
        regions: of the model.
        kind: what is worn.
        drop: model units the lower edge is raised by.
        thickness: model units of hair under it.
        rng: source of chance.
    """
    if kind == "none":
        return []
    colour = cloth_colour(rng)
    if kind == "veil":
        return [_veil(regions, colour, thickness, rng)]
    lift = {"beanie": 0.35, "brimmed": 0.7, "turban": 0.9, "band": 0.25}[kind]
    inside = under_hat(model, regions, kind, drop)
    members = np.where(inside > 0)[0]
    if len(members) < 20:
        return []
    at = model.vertices[members]
    edge = np.clip(inside[members] / 0.5, 0, 1) ** 0.5
    bumps = space_noise(at, rng, size=3.0, octaves=2)
    if kind == "turban":
        lean = at[:, 1] + 0.5 * at[:, 0] * np.sign(at[:, 2] + 0.1) + 0.8 * bumps
        bumps = np.sin(lean * 2.2) * 0.55
    lifted = (thickness * 0.6 + lift) * (0.35 + 0.65 * edge) * (1 + 0.35 * bumps)
    shade = 1 + 0.18 * bumps
    pick = np.isin(model.material, (FACE, BACK))
    parts = [
        shell(
            members,
            lifted.astype(np.float32),
            model.faces[pick],
            model.uv[model.uv_faces[pick]],
            colour[None] * shade[:, None],
            layer=Layer.HAIR,
            kind=Kind.CLOTH,
        )
    ]
    if kind == "brimmed":
        parts.append(_brim(regions, colour, 7.0 + drop * 0.5, thickness * 0.6 + lift, rng))
    return parts


def _around(regions: Regions, angle: Doubles, elevation: Doubles) -> Float:
    """(N,) radius of the skull in the given directions from the scalp's centre, radians."""
    directions = np.stack(
        [np.sin(angle) * np.cos(elevation), np.sin(elevation), np.cos(angle) * np.cos(elevation)], -1
    ).reshape(-1, 3)
    a, e = spherical_bins(directions.astype(np.float32))
    return np.asarray(regions.skull_radius[a, e].reshape(angle.shape), np.float32)


def _brim(regions: Regions, colour: Float, height: float, lift: float, rng: np.random.Generator) -> Part:
    angle = np.linspace(-np.pi, np.pi, 48, endpoint=False)
    elevation = np.full_like(angle, np.arctan2(height + 0.8 - SCALP_CENTRE[1], 8.5))
    radius = _around(regions, angle, elevation) * np.cos(elevation) + lift * 0.7
    width = float(rng.uniform(2.0, 5.5))
    droop = float(rng.uniform(-0.25, 0.35))
    wave = rng.normal() * 0.8 * np.cos(2 * angle + rng.uniform(0, 6))
    rows = []
    for t in (-0.05, 0.0, 0.35, 0.7, 1.0):
        out = radius + t * width
        y = height + 0.16 * (out * np.cos(angle) - 3) - droop * t * width + wave * t
        rows.append(np.stack([out * np.sin(angle), y, SCALP_CENTRE[2] + out * np.cos(angle)], 1))
    points = np.stack(rows).astype(np.float32)
    albedo = np.broadcast_to(colour, points.shape)
    return sheet(points, np.ones(points.shape[:2], np.float32), albedo, layer=Layer.HAIR, kind=Kind.CLOTH)


def _veil(regions: Regions, colour: Float, thickness: float, rng: np.random.Generator) -> Part:
    """Cloth over the crown that falls beside the face onto the shoulders."""
    columns, crown, fall = 40, 9, 12
    open_angle = float(rng.uniform(1.0, 1.35))
    angle = np.linspace(open_angle, 2 * np.pi - open_angle, columns)
    rows = []
    tilt = float(rng.uniform(0.0, 0.5))
    lift = thickness * 0.8 + 0.5
    for t in np.linspace(0, 1, crown):
        # columns meet on top, a little in front of it, and spread down to the height of the ears
        elevation = (np.pi / 2) * (1 - t) + 0.05 * t
        front = np.cos(angle) > 0.1
        bent = np.where(front, angle, angle)
        e = np.full(columns, elevation)
        radius = _around(regions, bent, e) + lift
        y = SCALP_CENTRE[1] + radius * np.sin(e)
        x = radius * np.cos(e) * np.sin(bent)
        z = SCALP_CENTRE[2] + radius * np.cos(e) * np.cos(bent) + tilt * (1 - t) * 3
        rows.append(np.stack([x, y, z], 1))
    last = rows[-1]
    folds = space_noise(np.stack([angle * 6, 0 * angle, 0 * angle], 1).astype(np.float32), rng, size=1.5, octaves=2)
    for step in range(1, fall + 1):
        t = step / fall
        y = last[:, 1] - 17 * t
        spread = 1 + 0.18 * t + 0.05 * folds * t
        wide = np.interp(-y, [4, 9, 12, 16], [0, 0, 2.5, 5.5])
        x = last[:, 0] * spread + np.sign(last[:, 0]) * wide
        z = (last[:, 2] - SCALP_CENTRE[2]) * spread + SCALP_CENTRE[2] - 1.0 * t
        rows.append(np.stack([x, y, z], 1))
    points = np.stack(rows).astype(np.float32)
    follow = np.maximum(head_follow(points.reshape(-1, 3)).reshape(points.shape[:2]), 0.0)
    shade = (1 + 0.2 * folds)[None, :, None] * np.ones((len(rows), 1, 1))
    albedo = np.clip(colour * shade, 0, 0.9) * np.ones_like(points)
    return sheet(
        points, follow.astype(np.float32), albedo.astype(np.float32), layer=Layer.HAIR, kind=Kind.CLOTH, closed=False
    )
