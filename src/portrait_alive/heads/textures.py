"""Detail that multiplies colour: pores, brush strokes, weave, hatching, craquelure. 128 leaves the colour as it is."""

from typing import Literal

import cv2
import numpy as np

from portrait_alive.heads.noise import plane_noise
from portrait_alive.types import Bytes, Float

Manner = Literal["photograph", "oil", "smooth", "drawing", "flat"]
"""How the whole picture is made. It lives in textures and tones, so that it moves with the surface."""

SIZE = 256


def _packed(field: Float) -> Bytes:
    """A field of factors about 1, (S, S) or (S, S, 3), as (S, S, 3) uint8."""
    if field.ndim == 2:
        field = np.repeat(field[..., None], 3, axis=2)
    return np.clip(field * 128, 0, 255).astype(np.uint8)


def pores(rng: np.random.Generator, size: int = SIZE) -> Bytes:
    """Fine grain of skin over soft blotches."""
    grain = rng.standard_normal((size, size), np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.8 * size / 256) * 0.06 + plane_noise(size, size, rng, cells=18) * 0.05
    tint = np.stack([plane_noise(size, size, rng, cells=6, octaves=2) for _ in range(3)], 2) * 0.02
    return _packed(1 + grain[..., None] + tint)


def strokes(rng: np.random.Generator, size: int = SIZE, *, width: float, strength: float) -> Bytes:
    """Brush strokes that follow a slow flow: each of its own shade, with bristle marks along it.

    Args:
        rng: source of chance.
        size: side of the texture.
        width: of a stroke, as a share of the texture.
        strength: how much strokes differ in tone, 0..1.
    """
    canvas = np.full((size, size, 3), 1.0, np.float32)
    turn = plane_noise(size, size, rng, cells=3, octaves=2) * 1.6 + rng.uniform(0, np.pi)
    half = max(width * size, 1.5)
    count = int(min(800, 2.0 * size * size / (half * half * 5)))
    xy = rng.integers(0, size, (count, 2))
    shades, tints = rng.standard_normal((count, 1)), rng.standard_normal((count, 3))
    tones = np.exp((shades * 0.22 + tints * 0.06) * strength)
    lengths = half * np.exp(rng.standard_normal(count) * 0.3) * 2.6
    for (x, y), tone, length in zip(xy, tones, lengths, strict=True):
        angle = float(turn[y, x])
        dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
        start, end = (int(x - dx), int(y - dy)), (int(x + dx), int(y + dy))
        colour = (float(tone[0]), float(tone[1]), float(tone[2]))
        cv2.line(canvas, start, end, colour, max(int(half), 1), cv2.LINE_AA)
        # the edge of a loaded brush catches light on one side
        lighter = 1 + 0.25 * strength
        edge = (colour[0] * lighter, colour[1] * lighter, colour[2] * lighter)
        off = (int(-np.sin(angle) * half / 2), int(np.cos(angle) * half / 2))
        start, end = (start[0] + off[0], start[1] + off[1]), (end[0] + off[0], end[1] + off[1])
        cv2.line(canvas, start, end, edge, 1, cv2.LINE_AA)
    bristles = cv2.GaussianBlur(rng.standard_normal((size, size), np.float32), (0, 0), 0.7) * 0.07 * strength
    return _packed(canvas + bristles[..., None])


def weave(rng: np.random.Generator, size: int = SIZE) -> Bytes:
    """Cloth: threads, folds of shade, sometimes stripes, checks or spots."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    field = 1 + 0.05 * np.sin(x * 1.6) * np.sin(y * 1.6) + 0.08 * plane_noise(size, size, rng, cells=5)
    pattern = rng.choice(["plain", "stripes", "checks", "spots", "floral"], p=[0.6, 0.12, 0.1, 0.08, 0.1])
    colour = np.exp(rng.normal(size=3) * 0.5).astype(np.float32)
    bands = int(rng.integers(2, 14))
    wave_x = np.sin(x / size * 2 * np.pi * bands)
    wave_y = np.sin(y / size * 2 * np.pi * bands)
    mask = {
        "plain": np.zeros_like(x),
        "stripes": (wave_y if rng.random() < 0.5 else wave_x) > 0.2,
        "checks": 0.5 * (wave_x > 0) + 0.5 * (wave_y > 0),
        "spots": (wave_x * wave_y) > 0.6,
        "floral": plane_noise(size, size, rng, cells=9, octaves=2) > 0.5,
    }[str(pattern)]
    return _packed(field[..., None] * (1 + np.asarray(mask, np.float32)[..., None] * (colour - 1)))


def craquelure(rng: np.random.Generator, size: int = SIZE) -> Float:
    """(S, S) factors: the fine net of cracks of old paint."""
    points = rng.random((int(rng.integers(300, 1200)), 2)).astype(np.float32) * size
    subdivision = cv2.Subdiv2D((0, 0, size + 1, size + 1))
    subdivision.insert([(float(a), float(b)) for a, b in points])
    facets, _ = subdivision.getVoronoiFacetList([])
    net = np.zeros((size, size), np.uint8)
    for facet in facets:
        cv2.polylines(net, [np.asarray(facet, np.int32)], True, 255, 1, cv2.LINE_AA)
    return 1 - (net / 255.0).astype(np.float32) * float(rng.uniform(0.06, 0.22))


def hatching(rng: np.random.Generator, size: int = SIZE) -> Bytes:
    """Pencil or chalk lines on rough paper."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    bend = plane_noise(size, size, rng, cells=4) * 6
    lines = np.sin((np.cos(angle) * x + np.sin(angle) * y + bend) * 2 * np.pi / rng.uniform(3, 7))
    paper = cv2.GaussianBlur(rng.standard_normal((size, size), np.float32), (0, 0), 0.8)
    pressure = float(rng.uniform(0.04, 0.16)) * (0.6 + 0.5 * plane_noise(size, size, rng, cells=8))
    return _packed(1 + pressure * lines + 0.25 * paper)


def detail_stack(manner: Manner, rng: np.random.Generator, size: int = SIZE) -> Bytes:
    """(3, S, S, 3) detail of skin, hair and cloth in this manner."""
    if manner == "drawing":
        return np.stack([hatching(rng, size) for _ in range(3)])
    if manner in ("oil", "smooth"):
        rough = float(rng.uniform(0.3, 1.0)) if manner == "oil" else float(rng.uniform(0.05, 0.25))
        width = float(np.exp(rng.uniform(np.log(0.012), np.log(0.05))))
        skin = strokes(rng, size, width=width, strength=rough * 0.6)
        cloth = strokes(rng, size, width=width * 1.5, strength=rough)
        hair = np.ascontiguousarray(cloth.transpose(1, 0, 2))
        stack = np.stack([skin, hair, cloth])
        if rng.random() < 0.25:
            stack = np.clip(stack * craquelure(rng, size)[None, ..., None], 0, 255).astype(np.uint8)
        return stack
    if manner == "flat":
        plain = np.full((size, size, 3), 128, np.uint8)
        return np.stack([plain, strokes(rng, size, width=0.02, strength=0.3), weave(rng, size)])
    return np.stack([pores(rng, size), pores(rng, size), weave(rng, size)])


def tone_of(manner: Manner, rng: np.random.Generator) -> Float:
    """(3, 4) map of linear light: a colour matrix and an offset. Palette shifts, sepia, monochrome."""
    tone = np.concatenate([np.eye(3), np.zeros((3, 1))], 1)
    grey = np.broadcast_to(np.array([0.25, 0.62, 0.13]), (3, 3))
    saturation = 1.0
    tint = np.ones(3)
    if manner == "drawing":
        saturation = float(rng.choice([0.0, 0.15, 0.5], p=[0.6, 0.25, 0.15]))
        tint = np.exp(np.array([0.12, 0.0, -0.15]) * rng.uniform(0, 2.5))
    elif manner in ("oil", "smooth", "flat"):
        saturation = float(rng.uniform(0.5, 1.4))
        # old varnish yellows
        tint = np.exp(np.array([0.1, 0.0, -0.3]) * rng.uniform(-0.2, 1.3) + rng.normal(size=3) * 0.05)
    elif rng.random() < 0.12:
        saturation = 0.0
        tint = np.exp(np.array([0.1, 0.0, -0.15]) * float(rng.choice([0.0, 0.0, 1.0, 2.0])))
    else:
        saturation = float(rng.uniform(0.7, 1.2))
        tint = np.exp(rng.normal(size=3) * 0.06)
    mix = saturation * np.eye(3) + (1 - saturation) * grey
    tone[:, :3] = tint[:, None] * mix
    return tone.astype(np.float32)
