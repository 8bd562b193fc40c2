"""Folds of the skin that deepen with the expression."""

import numpy as np

from portrait_alive.heads.face_paint import SPAN, smooth_path, soft, stroke, texels
from portrait_alive.heads.regions import BAGS, FOLDS
from portrait_alive.types import Bytes, Float

CAUSES: tuple[dict[str, float], ...] = (
    {"browInnerUp": 0.7, "browOuterUp": 0.8},
    {"browDown": 1.0, "noseSneer": 0.4, "eyeSquint": 0.2},
    {"eyeSquint": 0.6, "cheekSquint": 0.6, "cheekRaiser": 0.6, "mouthSmile": 0.4, "eyeBlink": 0.15},
    {"mouthSmile": 0.9, "noseSneer": 0.6, "mouthStretch": 0.5, "mouthUpperUp": 0.5, "mouthDimple": 0.4},
)
"""What deepens each channel of `crease_map`: forehead, between the brows, about the eyes, nose to mouth."""


def crease_map(points: Float, rng: np.random.Generator, *, size: int) -> Bytes:
    """(S, S, 4) uint8 relief of a face's folds by cause, 128 flat, above it darker: laid out as `paint_face`'s map.

    Args:
        points: (468, 3) mesh points on the neutral head.
        rng: source of chance: everybody folds in places of their own.
        size: side of the map in texels.
    """
    unit = size / SPAN
    out = np.empty((size, size, 4), np.uint8)
    masks = [np.zeros((size, size), np.uint8) for _ in range(4)]
    brow_top = float(points[[105, 334], 1].mean())
    for height in brow_top + np.cumsum(rng.uniform(0.35, 0.7, int(rng.integers(2, 6)))):
        x = np.linspace(-1, 1, 15) * float(rng.uniform(2.0, 4.2)) + float(rng.normal()) * 0.4
        y = height + 0.12 * np.cos(x * 1.3) + np.cumsum(rng.normal(size=15)) * 0.03
        stroke(masks[0], texels(np.stack([x, y], 1), size), width=0.07 * unit, value=float(rng.uniform(0.4, 1)))
    middle = points[168]
    for side in (-1, 1):
        x0 = side * float(rng.uniform(0.4, 0.8))
        frown = np.array([[x0 * 0.8, middle[1] + 0.3], [x0, middle[1] + 1.0], [x0 * 1.15, middle[1] + 1.9]])
        stroke(masks[1], smooth_path(texels(frown, size), 8), width=0.09 * unit, value=float(rng.uniform(0.2, 0.7)))
        corner = points[33 if side < 0 else 263]
        for angle in rng.uniform(-0.9, 0.8, int(rng.integers(2, 6))):
            reach = np.array([0.25, 0.7, float(rng.uniform(0.9, 1.7))])
            x = corner[0] + side * reach * np.cos(angle)
            y = corner[1] + reach * np.sin(angle) - 0.1 * reach**2
            stroke(masks[2], texels(np.stack([x, y], 1), size), width=0.05 * unit, value=float(rng.uniform(0.3, 0.9)))
        bag = points[list(BAGS[0 if side < 0 else 1])][:, :2] + np.array([0, float(rng.uniform(-0.1, 0.25))])
        # only its inner part is a line: farther out it fades into the cheek
        bag = smooth_path(bag, 24)[int(rng.integers(4, 12)) :]
        stroke(masks[2], texels(bag, size), width=0.08 * unit, value=float(rng.uniform(0.1, 0.55)))
        fold = smooth_path(texels(points[list(FOLDS[0 if side < 0 else 1])][:, :2], size), 20)
        stroke(masks[3], fold, width=0.13 * unit, value=1.0)
        mouth = points[61 if side < 0 else 291]
        dimple = mouth[None, :2] + np.array([[side * 0.15, 0.25], [side * 0.3, 0.0], [side * 0.25, -0.4]])
        stroke(masks[3], smooth_path(texels(dimple, size), 8), width=0.08 * unit, value=0.8)
    for number, (mask, width) in enumerate(zip(masks, (0.08, 0.12, 0.07, 0.13), strict=True)):
        valley = soft(mask, width * unit)
        broad = soft(mask, 2.8 * width * unit)
        # the skin bulges beside a fold and catches light there
        lit = np.roll(broad, max(round(1.8 * width * unit), 1), axis=0)
        out[..., number] = np.clip(128 + 127 * (1.1 * valley + 0.5 * broad - 1.1 * lit), 0, 255)
    return out


def crease_table(names: tuple[str, ...], expression: Float, *, age: float) -> Float:
    """(2, 4) how deep each of `crease_map`'s channels is on the subject's right and left, 0..1.

    Args:
        names: of the expression shapes.
        expression: (E,) their weights.
        age: 0 young .. 1 old.
    """
    found = dict(zip(names, expression, strict=True))
    rows = [
        [sum(share * float(found.get(name + side, 0.0)) for name, share in cause.items()) for cause in CAUSES]
        for side in ("_R", "_L")
    ]
    rest = np.array([0.25, 0.2, 0.3, 0.3]) * age
    return np.clip(rest + np.array(rows) * (0.35 + 0.45 * age), 0, 1).astype(np.float32)
