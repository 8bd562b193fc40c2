"""Light that falls on a head, and what lies behind it."""

from dataclasses import dataclass

import cv2
import numpy as np

from portrait_alive.heads.noise import plane_noise
from portrait_alive.types import Bytes, Float


@dataclass(frozen=True, eq=False)
class Light:
    """Light in picture axes (x right, y down, z away), linear RGB."""

    ambient: Float
    """(4, 3): constant, and the terms linear in the normal's x, y, z."""
    lamps: Float
    """(K, 6): unit direction towards the lamp, RGB."""


def random_light(rng: np.random.Generator) -> Light:
    """A key lamp from above one side, sometimes a fill and a rim, in a soft surrounding light."""
    warm = rng.normal() * 0.12
    tint = np.exp(np.array([warm, 0.0, -warm]) + rng.normal(size=3) * 0.03)
    ambient_power = float(np.exp(rng.normal() * 0.45)) * 0.5
    ambient = np.zeros((4, 3), np.float32)
    ambient[0] = ambient_power * np.exp(np.array([-0.5 * warm, 0, 0.5 * warm]))
    ambient[1] = ambient_power * rng.normal() * 0.25
    ambient[2] = -ambient_power * abs(rng.normal()) * 0.35
    ambient[3] = -ambient_power * rng.uniform(0.0, 0.4)
    lamps = []
    key = float(np.exp(rng.normal() * 0.4)) * 0.75
    azimuth = rng.normal() * 0.75
    height = rng.normal() * 0.3 + 0.45
    for power, turn, up in ((key, azimuth, height), (key * rng.uniform(0, 0.5), -azimuth * 1.3, 0.1)):
        direction = np.array([np.sin(turn) * np.cos(up), -np.sin(up), -np.cos(turn) * np.cos(up)])
        lamps.append(np.concatenate([direction, power * tint]))
    if rng.random() < 0.3:
        turn = np.sign(rng.normal()) * rng.uniform(1.9, 2.6)
        direction = np.array([np.sin(turn) * 0.95, -0.3, -np.cos(turn) * 0.95])
        lamps.append(np.concatenate([direction, rng.uniform(0.2, 1.2) * np.exp(rng.normal(size=3) * 0.1)]))
    return Light(ambient, np.array(lamps, np.float32))


def random_background(height: int, width: int, rng: np.random.Generator) -> Bytes:
    """(height, width, 3) uint8 sRGB: plain, graded, blurred blobs, or rough."""
    kind = rng.choice(["plain", "graded", "blobs", "rough"], p=[0.15, 0.3, 0.3, 0.25])
    base = rng.beta(1.1, 1.5, 3) * 255
    if rng.random() < 0.5:
        base = base.mean() + (base - base.mean()) * 0.3
    if rng.random() < 0.25:
        base = base * 0.25
    other = np.clip(base + rng.normal(size=3) * 50, 0, 255)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    if kind == "plain":
        out = np.broadcast_to(base, (height, width, 3)).copy()
    elif kind == "graded":
        angle = rng.uniform(0, 6.28)
        t = (np.cos(angle) * x / width + np.sin(angle) * y / height) * 0.7 + 0.5
        if rng.random() < 0.5:
            t = np.hypot(x / width - rng.uniform(0.2, 0.8), y / height - rng.uniform(0.2, 0.8)) * 1.4
        out = base + (other - base) * np.clip(t, 0, 1)[..., None]
    elif kind == "blobs":
        small = rng.normal(size=(int(rng.integers(3, 14)), int(rng.integers(3, 14)), 3)).astype(np.float32)
        field = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        out = base + field * rng.uniform(15, 60)
    else:
        n = plane_noise(height, width, rng, cells=float(rng.uniform(2, 20)), octaves=5)
        out = base + (other - base) * (0.5 + 0.5 * n)[..., None] + n[..., None] * rng.uniform(0, 20)
    return np.clip(out, 0, 255).astype(np.uint8)
