"""Brows, lash lines, relief of skin and lips, painted on a map of the neutral face that the skin's shading reads.

The map lies flat before the face, so what is painted stays on its place of the skin whatever the face does.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.mesh478 import (
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LOWER_INNER_LIP,
    OUTER_LIP,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    UPPER_INNER_LIP,
)
from portrait_alive.heads.noise import plane_noise
from portrait_alive.heads.skin import Complexion
from portrait_alive.types import Bytes, Float

SPAN = 20.0
"""Model units that the map's side covers: x from -10 to 10, y from 11 down to -9."""
TOP = 11.0
GLOSS_UNIT = 64
"""Value of the map's fourth channel where the skin's own gloss is left as it is."""
_SHIFT = 4
"""Bits after the point of the coordinates that OpenCV draws at."""

_UPPER_LIDS = ((33, *RIGHT_UPPER_LID, 133), (263, *LEFT_UPPER_LID, 362))
"""Outer to inner corner."""
_LOWER_LIDS = ((33, *RIGHT_LOWER_LID, 133), (263, *LEFT_LOWER_LID, 362))
_BROW_TOPS = ((107, 66, 105, 63, 70), (336, 296, 334, 293, 300))
"""Inner to outer end."""
_BROW_FEET = ((55, 65, 52, 53, 46), (285, 295, 282, 283, 276))


def texels(points: Float, size: int) -> Float:
    """(N, 2) column and row on a map of `size` texels a side of `points` (N, 2 or 3) on the neutral head."""
    scale = size / SPAN
    return np.stack([(points[:, 0] + SPAN / 2) * scale - 0.5, (TOP - points[:, 1]) * scale - 0.5], 1).astype(np.float32)


def _fixed(points: Float) -> NDArray[np.int32]:
    """Points as OpenCV draws them with `_SHIFT`."""
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)


def stroke(mask: Bytes, path: Float, *, width: float, value: float) -> None:
    """Draw a soft-edged line of `width` texels through `path` (M, 2) into `mask`; `value` in 0..1."""
    thick = max(round(width), 1)
    cv2.polylines(mask, [_fixed(path)], False, (255 * value,), thick, cv2.LINE_AA, _SHIFT)


def tapered(mask: Bytes, path: NDArray[np.floating], widths: NDArray[np.floating], *, value: float) -> None:
    """Fill the band along `path` (M, 2) whose whole width in texels is `widths` (M,)."""
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-6
    half = across * widths[:, None] / 2
    outline = np.concatenate([path + half, (path - half)[::-1]])
    cv2.fillPoly(mask, [_fixed(outline)], (255 * value,), cv2.LINE_AA, _SHIFT)


def smooth_path(path: Float, count: int) -> Float:
    """(count, 2) points evenly along a polyline, its corners rounded."""
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, steps[-1], count)
    dense = np.stack([np.interp(at, steps, path[:, k]) for k in (0, 1)], 1)
    for _ in range(2):
        dense[1:-1] = (dense[:-2] + 2 * dense[1:-1] + dense[2:]) / 4
    return dense.astype(np.float32)


def soft(mask: Bytes, sigma: float) -> Float:
    """A mask as (S, S) floats 0..1, blurred."""
    blurred = cv2.GaussianBlur(mask, (0, 0), sigma) if sigma > 0.2 else mask
    return np.asarray(blurred, np.float32) * np.float32(1 / 255)


def brow_mask(points: Float, size: int, rng: np.random.Generator, *, density: float) -> Float:
    """(S, S) 0..1 how much of the skin both brows cover: a soft mass, and hairs with a direction.

    Args:
        points: (468, 2 or more) mesh points of the neutral head.
        size: side of the map.
        rng: source of chance.
        density: 0 thin .. 1 bushy.
    """
    unit = size / SPAN
    mass, hairs = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    drawn_on = rng.random() < 0.2
    thickness = (0.45 + 0.65 * density) * float(rng.uniform(0.85, 1.15))
    body = float(rng.uniform(0.55, 0.95)) if drawn_on else float(rng.uniform(0.2, 0.65)) * (0.5 + density)
    count = int(90 + 330 * density * float(rng.uniform(0.6, 1.2)))
    reach = float(rng.uniform(0.25, 0.5)) * unit
    tail = float(rng.uniform(0.75, 1.0))
    thin_inner, arch = float(rng.uniform(0.45, 0.9)), float(rng.normal()) * 0.08
    groups: list[list[NDArray[np.int32]]] = [[], [], []]
    for tops, feet in zip(_BROW_TOPS, _BROW_FEET, strict=True):
        top, foot = (smooth_path(texels(points[list(rows)], size), 24) for rows in (tops, feet))
        t = np.linspace(0, 1, 24)
        middle = (top + foot) / 2
        middle[:, 1] -= arch * unit * np.sin(np.pi * t * 0.9)
        widths = np.linalg.norm(top - foot, axis=1) * thickness
        widths *= np.interp(t, [0, 0.15, 0.55, 0.8, 1], [thin_inner, 1.0, 0.95, 0.6, 0.12])
        used = t <= tail
        tapered(mass, middle[used], widths[used], value=1.0)
        side = np.sign(middle[-1, 0] - middle[0, 0])
        at = rng.random(count) * tail
        root = np.stack([np.interp(at, t, middle[:, k]) for k in (0, 1)], 1)
        half = np.interp(at, t, widths) / 2
        place = rng.uniform(-1, 1, count)
        root[:, 1] += place * half
        # hairs rise at the inner end and lie along the brow farther out
        angle = np.interp(at, [0, 0.3, 1], [1.25, 0.55, -0.25]) + 0.35 * place + rng.normal(size=count) * 0.18
        length = reach * rng.uniform(0.5, 1.0, count) * np.interp(at, [0, 0.2, 1], [0.8, 1, 0.6])
        tip = root + np.stack([side * np.cos(angle), -np.sin(angle)], 1) * length[:, None]
        paths = _fixed(np.stack([root, tip], 1))
        for number in range(3):
            groups[number] += list(paths[number::3])
    for lines, value in zip(groups, (100, 165, 240), strict=True):
        cv2.polylines(hairs, lines, False, (value,), 1, cv2.LINE_AA, _SHIFT)
    edge = float(rng.uniform(0.05, 0.1)) if drawn_on else float(rng.uniform(0.1, 0.2))
    cover = 1 - (1 - body * soft(mass, edge * unit)) * (1 - 0.85 * soft(hairs, 0.022 * unit))
    return np.asarray(cover, np.float32)


def lid_masks(points: Float, size: int, rng: np.random.Generator, *, paint: float) -> tuple[Float, Float, Float]:
    """(S, S) 0..1 each: the dark along the lids' margins, the crease above them, the wet rim of the lower lid.

    Args:
        points: mesh points of the neutral head.
        size: side of the map.
        rng: source of chance.
        paint: 0 bare .. 1 liner with a wing.
    """
    unit = size / SPAN
    line, crease, wet = (np.zeros((size, size), np.uint8) for _ in range(3))
    wing = float(rng.uniform(0.3, 0.9)) if paint > 0.6 and rng.random() < 0.6 else 0.0
    lower = float(rng.uniform(0.0, 0.3)) + 0.35 * paint
    fold = float(rng.uniform(0.26, 0.5))
    depth = 0.0 if rng.random() < 0.15 else float(rng.uniform(0.25, 0.8))
    for upper_rows, lower_rows in zip(_UPPER_LIDS, _LOWER_LIDS, strict=True):
        upper, low = (smooth_path(texels(points[list(rows)], size), 24) for rows in (upper_rows, lower_rows))
        t = np.linspace(0, 1, 24)
        widths = (0.13 + 0.17 * paint) * unit * np.interp(t, [0, 0.15, 0.6, 1], [0.9, 1.2, 0.9, 0.35])
        tapered(line, upper, widths, value=1.0)
        if wing > 0:
            away = np.sign(upper[0, 0] - upper[-1, 0])
            flick = upper[0] + np.array([[0, 0], [0.55 * away, -0.25], [away, -0.7]]) * wing * unit
            tapered(line, flick.astype(np.float32), np.array([0.26, 0.16, 0.03]) * unit, value=1.0)
        stroke(line, low, width=(0.05 + 0.06 * paint) * unit, value=lower)
        stroke(wet, low + np.array([0, -0.05 * unit]), width=0.08 * unit, value=1.0)
        lifted = upper - np.stack([0 * t, fold * unit * np.sin(np.pi * (0.12 + 0.76 * t))], 1)
        stroke(crease, lifted.astype(np.float32), width=0.07 * unit, value=depth)
    return soft(line, 0.035 * unit), soft(crease, 0.07 * unit), soft(wet, 0.05 * unit)


def paint_face(
    points: Float,
    look: Complexion,
    hair: Float,
    rng: np.random.Generator,
    *,
    brows: float,
    size: int,
    rough: float = 1.0,
) -> Bytes:
    """(S, S, 4) uint8 map of the face: factors of the skin's colour (128 leaves it as it is), and of its gloss.

    Args:
        points: (468, 3) mesh points on the neutral head.
        look: the skin.
        hair: (3,) linear RGB of the brows.
        rng: source of chance.
        brows: 0 thin .. 1 bushy.
        size: side of the map in texels.
        rough: 0..1 strength of the skin's relief.
    """
    unit = size / SPAN
    half = size // 2
    made_up = float((look.shadow < 0.999).any())
    paint = float(rng.uniform(0.3, 1.0)) if made_up else float(rng.beta(1.0, 2.5)) * 0.5
    # relief: pores, unevenness, a little colour
    uneven = plane_noise(half, half, rng, cells=14, octaves=4) * (0.025 + 0.035 * look.age)
    grain = rng.standard_normal((half, half), np.float32) * float(rng.uniform(0.02, 0.07))
    relief = cv2.resize(uneven + grain, (size, size), interpolation=cv2.INTER_LINEAR) * np.float32(rough)
    tint = cv2.resize(rng.standard_normal((24, 24), np.float32), (size, size), interpolation=cv2.INTER_CUBIC) * 0.03
    face = np.stack([1 + relief, 1 + relief * 1.15 - tint, 1 + relief * 1.15 - tint], 2)

    def shaded(mask: Float, tone: Float | tuple[float, float, float]) -> None:
        """Draw the face's factors towards `tone` where `mask` says."""
        np.add(face, mask[..., None] * (np.asarray(tone, np.float32) - face), out=face)

    spots = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.poisson(1.5 + 9 * look.freckles + 2 * look.age))):
        at = texels(np.array([[rng.uniform(-6, 6), rng.uniform(-7, 8)]]), size)
        radius = float(np.exp(rng.normal(np.log(0.06), 0.4))) * unit
        centre = _fixed(at)[0]
        shade_of = int(rng.uniform(70, 220))
        cv2.circle(spots, (int(centre[0]), int(centre[1])), int(radius * 16), (shade_of,), -1, cv2.LINE_AA, _SHIFT)
    shaded(soft(spots, 0.03 * unit), (0.5, 0.38, 0.35))

    line, crease, wet = lid_masks(points, size, rng, paint=paint)
    shaded(crease * 0.75, (0.5, 0.38, 0.36))
    shaded(wet * 0.4, (1.1, 0.85, 0.85))
    dark = np.minimum((0.5 - 0.4 * paint) * hair + 0.006, look.tone) / look.tone
    shaded(line * min(1.0, 0.55 + 0.7 * paint), dark)
    brow = brow_mask(points, size, rng, density=brows)
    shaded(brow * float(rng.uniform(0.7, 1.0)), np.minimum(hair / look.tone, 1.95))

    lips = np.zeros((size, size), np.uint8)
    cv2.fillPoly(lips, [_fixed(texels(points[list(OUTER_LIP)], size))], (255,), cv2.LINE_AA, _SHIFT)
    lip = soft(lips, 0.05 * unit)
    ridges = rng.standard_normal((max(size // 12, 2), size), np.float32)
    ridges = cv2.GaussianBlur(cv2.resize(ridges, (size, size)), (0, 0), 0.06 * unit) * float(rng.uniform(0.04, 0.2))
    face *= (1 + lip * ridges)[..., None]
    seam = np.zeros((size, size), np.uint8)
    for rows in (UPPER_INNER_LIP, LOWER_INNER_LIP):
        path = smooth_path(texels(points[[78, *rows, 308]], size), 30)
        stroke(seam, path, width=0.08 * unit, value=1.0)
    shaded(soft(seam, 0.05 * unit) * float(rng.uniform(0.5, 0.9)), (0.4, 0.22, 0.22))

    grid_x = (np.arange(size, dtype=np.float32) + 0.5) / unit - SPAN / 2
    grid_y = TOP - (np.arange(size, dtype=np.float32) + 0.5) / unit
    oily = float(rng.beta(1.2, 2.0))
    nose = np.outer(np.exp(-(((grid_y - 1.2) / 1.8) ** 2)), np.exp(-((grid_x / 0.8) ** 2)))
    brow_bone = np.outer(np.exp(-(((grid_y - 7.0) / 1.2) ** 2)), np.exp(-((grid_x / 2.6) ** 2)))
    gloss = 1 + oily * (1.6 * nose + 1.1 * brow_bone) + relief * 4
    wetness = float(np.exp(rng.uniform(np.log(0.7), np.log(3.9))))
    gloss = np.maximum(gloss + lip * (wetness * (1 + 1.5 * ridges) - gloss), 0) * (1 - 0.8 * brow)
    gloss = gloss + wet * (3.0 - gloss)
    packed = np.empty((size, size, 4), np.uint8)
    packed[..., :3] = np.clip(face * 128, 0, 255)
    packed[..., 3] = np.clip(gloss * GLOSS_UNIT, 0, 255)
    return packed
