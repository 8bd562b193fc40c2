"""Beards on faces that have none: where the chin is under one, no picture of a bearded man tells."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.easing import rising
from portrait_alive.shape import topology
from portrait_alive.training.tracker.samples import LabelledFaces
from portrait_alive.types import Bytes, Float

_JAW = topology.FACE_OVAL[8:29]
"""The outline from the sitter's left ear round the chin to the right ear."""
_CHEEKS = (132, 58, 214, 206, 165, 164, 391, 426, 434, 288, 361)
"""Where a full beard ends towards the cheeks and under the nose, from the sitter's right to the left."""
_UNDER_NOSE, _UPPER_LIP = 164, 0
_BELOW_LIP = (91, 84, 17, 314, 321)
"""Where a beard without a moustache ends."""
_COLOURS = ((236, 232, 226), (170, 166, 160), (96, 92, 88), (36, 30, 28), (84, 56, 38), (150, 84, 44), (178, 140, 92))
"""White, greys, black, brown, red, fair; sRGB."""
_TWO_COLOURED = 0.4
"""Share of beards that are of one colour about the mouth and of another farther out."""
_MIDDLE = (0.3, 0.7)
"""Distances from the mouth, over that of the irises, between which one passes into the other."""
_SHAVEN_LIP = 0.2
"""Share of beards without a moustache."""


@dataclass(frozen=True, eq=False)
class BeardedFaces:
    """Labelled faces, some of which have grown a beard; the labels stay on the skin."""

    faces: LabelledFaces
    share: float
    """That get one."""

    def draw(self, rng: np.random.Generator) -> tuple[Bytes, Float]:
        """A random face."""
        pixels, points = self.faces.draw(rng)
        return (bearded(rng, pixels, points) if rng.random() < self.share else pixels), points


def bearded(rng: np.random.Generator, pixels: Bytes, points: Float) -> Bytes:
    """The picture (H, W, 3) uint8 RGB with a random beard on the face at points (478, 3): stubble to a prophet's."""
    height, width = pixels.shape[:2]
    flat = points[:, :2].astype(np.float32)
    apart = float(np.linalg.norm(flat[topology.RIGHT_IRIS[0]] - flat[topology.LEFT_IRIS[0]])) + 1e-6
    down = flat[topology.CHIN] - flat[topology.NOSE_TIP]
    grown = float(rng.choice([rng.uniform(0, 0.15), rng.uniform(0.1, 0.7)])) * apart
    cover = _cover(rng, (height, width), flat, down, apart, grown)
    strands = _strands(rng, (height, width), flat[topology.NOSE_TIP], apart)
    # hair keeps the light that falls on the face, and darkens downwards into its own shadow
    light = cv2.GaussianBlur(pixels, (0, 0), 0.25 * apart).astype(np.float32).mean(2, keepdims=True)
    light = light / max(float(light[cover > 0.3].mean()) if (cover > 0.3).any() else 128.0, 1.0)
    colour = _colour(rng)
    if rng.random() < _TWO_COLOURED:  # beards turn grey from the outside, or from the middle
        x, y = flat[list(topology.LIPS)].mean(0)
        away = np.hypot(np.arange(width) - x, np.arange(height)[:, None] - y) / apart
        colour = colour + (_colour(rng) - colour) * rising(*_MIDDLE, away.astype(np.float32))[..., None]
    hair = colour * (0.4 + 0.6 * light) * (1 + float(rng.uniform(0.15, 0.5)) * strands[..., None])
    # between the strands skin shows where the beard is thin
    thick = float(rng.choice([rng.uniform(0.4, 0.8), 1.0], p=[0.3, 0.7]))
    share = np.clip(cover * thick * (1 + 0.5 * (1 - cover) * strands), 0, 1)[..., None]
    return np.asarray((pixels + share * (hair - pixels)).clip(0, 255), np.uint8)


def _colour(rng: np.random.Generator) -> Float:
    """(3,) of hair, sRGB, 0..255."""
    return np.asarray(np.array(_COLOURS[int(rng.integers(len(_COLOURS)))]) * rng.uniform(0.75, 1.1), np.float32)


def _cover(
    rng: np.random.Generator, size: tuple[int, int], flat: Float, down: Float, apart: float, grown: float
) -> Float:
    """(H, W) how far hair covers the picture, 0..1."""
    lips, jaw = flat[list(topology.LIPS_OUTER)], flat[list(_JAW)]
    length = max(float(np.linalg.norm(down)), 1e-6)
    down = down / length
    lowness = ((jaw - flat[topology.NOSE_TIP]) @ down).clip(0) / length
    outward = (jaw - lips.mean(0)) / (np.linalg.norm(jaw - lips.mean(0), axis=1, keepdims=True) + 1e-6)
    wide, sides = rng.uniform(0.1, 0.5), int(rng.integers(0, 4))
    jaw = jaw + (grown * lowness)[:, None] * (wide * outward + (1 - wide) * down)
    cheeks = flat[list(_CHEEKS)]
    cheeks[4:7] += (flat[_UPPER_LIP] - flat[_UNDER_NOSE]) * rng.uniform(-0.3, 0.8)  # how high the moustache begins
    cheeks[1:-1] += rng.uniform(-0.15, 0.15) * apart * down
    if rng.random() < _SHAVEN_LIP:
        cheeks[3:8] = flat[list(_BELOW_LIP)]
    mask = np.zeros(size, np.uint8)
    outline = np.concatenate([jaw[sides : len(jaw) - sides], cheeks])
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 255)
    lips = (lips - lips.mean(0)) * np.array([1, rng.uniform(0.6, 1.05)]) + lips.mean(0)  # hair grows over them
    cv2.fillPoly(mask, [np.rint(lips).astype(np.int32)], 0)
    ragged = cv2.resize(
        rng.normal(0, 0.06 * apart, (*(max(side // 5, 2) for side in size), 2)).astype(np.float32),
        (size[1], size[0]),
        interpolation=cv2.INTER_LINEAR,
    )
    ys, xs = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    moved = cv2.remap(mask, xs + ragged[..., 0], ys + ragged[..., 1], cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(moved, (0, 0), float(rng.uniform(0.015, 0.06)) * apart)
    return cast(Float, soft.astype(np.float32) / 255)


def _strands(rng: np.random.Generator, size: tuple[int, int], origin: Float, apart: float) -> Float:
    """(H, W) noise of deviation 1 in strands that leave the nose and wave."""
    around, along = int(rng.integers(150, 500)), int(rng.integers(4, 30))
    noise = rng.normal(0, 1, (along, around)).astype(np.float32)
    wave = cv2.resize(
        rng.normal(0, rng.uniform(0.003, 0.04), (9, 9)).astype(np.float32),
        (size[1], size[0]),
        interpolation=cv2.INTER_CUBIC,
    )
    ys, xs = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    away = np.hypot(xs - origin[0], ys - origin[1]) / np.float32(3 * apart)
    angle = (np.arctan2(ys - origin[1], xs - origin[0]) / np.float32(2 * np.pi) + wave) % 1
    at = angle * around, np.clip(away, 0, 1) * (along - 1)
    return cast(Float, cv2.remap(noise, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))
