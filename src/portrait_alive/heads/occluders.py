"""Glasses, and hands before the face."""

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.mesh478 import LEFT_EYE, RIGHT_EYE
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.parts import Kind, Layer, Part, sheet
from portrait_alive.types import Float

Doubles = NDArray[np.float64]


def glasses_parts(model: HeadModel, head: Float, rng: np.random.Generator) -> list[Part]:
    """Frames before the eyes with a bridge and arms to the ears; sometimes with dark glass.

    Args:
        model: the head model.
        head: (V, 3) the person's own neutral mesh.
        rng: source of chance.
    """
    points = model.skin_points.at(head)
    right, left = points[list(RIGHT_EYE)].mean(0), points[list(LEFT_EYE)].mean(0)
    nose = points[6]
    front = float(max(points[list(RIGHT_EYE), 2].max(), nose[2])) + float(rng.uniform(0.35, 0.8))
    half_x, half_y = float(rng.uniform(1.7, 2.4)), float(rng.uniform(1.1, 2.0))
    square = float(rng.uniform(2.0, 4.0))
    wire = float(rng.uniform(0.05, 0.22))
    colour = np.clip(np.array([0.02, 0.018, 0.016]) * np.exp(rng.normal(size=3) * 0.4), 0, 0.5)
    if rng.random() < 0.3:
        colour = np.array([0.35, 0.25, 0.08]) * rng.uniform(0.3, 1.2)
    parent = int(model.lm68[27])
    dark = rng.random() < 0.1
    parts = []
    rims = []
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    # a superellipse runs from round to square
    cx = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / square)
    cy = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / square)
    drop = float(rng.uniform(0.0, 0.5))
    for eye in (right, left):
        outward = np.sign(eye[0])
        centre = np.array([eye[0] + 0.12 * outward, eye[1] - drop, front])
        curve = np.stack([half_x * cx, half_y * cy, -0.03 * (half_x * cx * outward + half_x) ** 2], 1)
        rims.append(centre + curve)
        parts.append(_tube(centre + curve, wire, colour, parent, head, closed=True))
        if dark:
            parts.append(_pane(centre, curve, parent, head))
    bridge_y = right[1] + 0.35 * half_y - drop
    gap = max(float(rims[1][:, 0].min()), 0.3)
    x = np.linspace(-gap, gap, 7)
    bridge = np.stack([x, bridge_y + 0.25 * (1 - (x / gap) ** 2), np.full(7, front)], 1)
    parts.append(_tube(bridge, wire, colour, parent, head, closed=False))
    for rim, side in ((rims[0], -1.0), (rims[1], 1.0)):
        hinge = rim[(rim[:, 0] * side).argmax()]
        start = np.array([hinge[0], hinge[1] + 0.4 * half_y, hinge[2]])
        end = np.array([side * 8.6, start[1] + 0.2, 0.0])
        t = np.linspace(0, 1, 6)[:, None]
        parts.append(_tube(start + (end - start) * t, wire * 1.2, colour, parent, head, closed=False))
    return parts


def _hung(part: Part, parent: int, head: Float) -> Part:
    """The part as one that rides on a vertex of the head."""
    count = len(part.offset)
    return Part(
        parent=np.full(count, parent, np.int32),
        along=part.along,
        offset=(part.offset - head[parent]).astype(np.float32),
        follow=np.ones(count, np.float32),
        faces=part.faces,
        corner_uv=part.corner_uv,
        albedo=part.albedo,
        flags=part.flags,
        layer=part.layer,
        kind=part.kind,
    )


def _tube(path: Float, radius: float, colour: Float, parent: int, head: Float, *, closed: bool) -> Part:
    """A thin tube along `path` (N, 3)."""
    along = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    along = along / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
    away = np.cross(along, np.array([0.3, 0.2, 1.0]))
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    third = np.cross(along, away)
    rows = []
    for corner in range(5):
        a = 2 * np.pi * corner / 4
        rows.append(path + radius * (np.cos(a) * away + np.sin(a) * third))
    points = np.stack(rows).astype(np.float32)
    albedo = np.broadcast_to(colour.astype(np.float32), points.shape)
    part = sheet(
        points, np.ones(points.shape[:2], np.float32), albedo, layer=Layer.OCCLUDER, kind=Kind.SOLID, closed=closed
    )
    return _hung(part, parent, head)


def _pane(centre: Float, curve: Float, parent: int, head: Float) -> Part:
    """Dark glass inside a rim."""
    points = np.stack([centre + curve * t for t in (0.02, 0.5, 0.98)]).astype(np.float32)
    albedo = np.broadcast_to(np.array([0.01, 0.01, 0.012], np.float32), points.shape)
    part = sheet(points, np.ones(points.shape[:2], np.float32), albedo, layer=Layer.OCCLUDER, kind=Kind.SOLID)
    return _hung(part, parent, head)


def hand_parts(skin: Float, rng: np.random.Generator) -> list[Part]:
    """A rough hand held to cheek, chin or mouth: a palm and four fingers, still while the head moves.

    Args:
        skin: (3,) linear RGB.
        rng: source of chance.
    """
    side = float(rng.choice([-1.0, 1.0]))
    wrist = np.array([side * rng.uniform(2.0, 7.0), rng.uniform(-14, -8), rng.uniform(10.5, 12.5)])
    lean = float(rng.uniform(-0.6, 0.9)) * -side
    up = np.array([np.sin(lean), np.cos(lean), 0.1])
    right = np.array([np.cos(lean), -np.sin(lean), 0.0])
    parts = [
        _capsule(wrist - 5 * up, wrist + 2.5 * up, 2.3, skin),
        _capsule(wrist, wrist + 5 * up, 2.6, skin, flat=0.5),
    ]
    for number in range(4):
        base = wrist + 5.5 * up + right * (number - 1.5) * 1.25
        tip = base + up * rng.uniform(3.0, 5.5) + right * (number - 1.5) * rng.uniform(-0.2, 0.5)
        parts.append(_capsule(base, tip, 0.75, skin))
    return parts


def _capsule(start: Doubles, end: Doubles, radius: float, colour: Float, *, flat: float = 1.0) -> Part:
    """A round-ended rod, `flat` times as thick towards the viewer as it is wide."""
    along = end - start
    along = along / np.linalg.norm(along)
    away = np.cross(along, np.array([0.0, 0.0, 1.0]))
    away /= np.linalg.norm(away)
    third = np.cross(away, along) * flat
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.cos(angle)[:, None] * away + np.sin(angle)[:, None] * third
    rows = []
    for t in np.linspace(-np.pi / 2, np.pi / 2, 10):
        centre = (start if t < 0 else end) + along * radius * np.sin(t)
        rows.append(centre + ring * radius * max(float(np.cos(t)), 0.01))
    points = np.stack(rows).astype(np.float32)
    albedo = np.broadcast_to(colour.astype(np.float32), points.shape)
    return sheet(points, np.zeros(points.shape[:2], np.float32), albedo, layer=Layer.OCCLUDER, kind=Kind.SKIN)
