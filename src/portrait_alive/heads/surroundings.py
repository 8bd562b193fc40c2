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
    warm = rng.normal() * 0.10
    tint = np.exp(np.array([warm, 0.0, -warm]) + rng.normal(size=3) * 0.03)
    # painters and studios light from one side; daylight and rooms light from everywhere
    ambient_power = float(np.exp(rng.normal() * 0.4)) * float(rng.choice([0.22, 0.45, 0.8], p=[0.35, 0.4, 0.25]))
    ambient = np.zeros((4, 3), np.float32)
    ambient[0] = ambient_power * np.exp(np.array([-0.5 * warm, 0, 0.5 * warm]))
    ambient[1] = ambient_power * rng.normal() * 0.25
    ambient[2] = -ambient_power * abs(rng.normal()) * 0.35
    ambient[3] = -ambient_power * rng.uniform(0.0, 0.4)
    lamps = []
    key = float(np.exp(rng.normal() * 0.25)) * max(0.95 - 0.75 * ambient_power, 0.2)
    if rng.random() < 0.1:
        key, ambient = key * 0.35, ambient * 0.35
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


def random_background(height: int, width: int, rng: np.random.Generator, *, painted: bool = False) -> Bytes:
    """(height, width, 3) uint8 sRGB: plain, graded, out-of-focus, rough wall, landscape or gold ground.

    `painted` makes dark grounds and landscapes likelier.
    """
    chance = {
        "plain": 0.13,
        "graded": 0.27,
        "blobs": 0.25,
        "rough": 0.15,
        "room": 0.12,
        "landscape": 0.06,
        "gold": 0.02,
    }
    if painted:
        chance |= {"plain": 0.1, "blobs": 0.08, "rough": 0.35, "room": 0.05, "landscape": 0.15}
    names = list(chance)
    weights = np.array(list(chance.values()))
    kind = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    base, other = background_colours(rng, painted=painted)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    if kind == "plain":
        out = np.broadcast_to(base, (height, width, 3)).astype(np.float32)
    elif kind == "graded":
        angle = rng.uniform(0, 6.28)
        t = (np.cos(angle) * x + np.sin(angle) * y) * 0.7 + 0.5
        if rng.random() < 0.5:
            t = np.hypot(x - rng.uniform(0.2, 0.8), y - rng.uniform(0.2, 0.8)) * 1.4
        out = base + (other - base) * np.clip(t, 0, 1)[..., None]
    elif kind == "blobs":
        out = _blobs(height, width, base, other, rng)
    elif kind == "rough":
        n = plane_noise(height, width, rng, cells=float(rng.uniform(2, 12)), octaves=6)
        out = base + (other - base) * np.clip(0.5 + 0.6 * n, 0, 1)[..., None] + n[..., None] * rng.uniform(0, 15)
    elif kind == "room":
        out = _room(x, y, base, other, rng)
    elif kind == "landscape":
        out = _landscape(x, y, rng)
    else:
        n = plane_noise(height, width, rng, cells=20.0, octaves=4)
        out = np.array([190, 150, 70]) + n[..., None] * np.array([25, 22, 14])
    if painted or rng.random() < 0.4:
        fade = 1 - rng.uniform(0, 0.5) * np.clip(np.hypot(x - 0.5, y - 0.45) * 1.3 - 0.2, 0, 1)
        out = out * fade[..., None]
    return np.clip(out, 0, 255).astype(np.uint8)


def background_colours(rng: np.random.Generator, *, painted: bool) -> tuple[Float, Float]:
    """Two sRGB colours (3,) in 0..255: mostly muted, often dark."""
    light = rng.beta(1.2, 1.6 if not painted else 3.0) * 235 + 10
    chroma = float(rng.choice([4.0, 14.0, 40.0], p=[0.4, 0.42, 0.18]))
    base = light + rng.normal(size=3) * chroma
    if painted:
        base = base * np.array([1.1, 1.0, 0.8])
    other = base * np.exp(rng.normal() * 0.5) + rng.normal(size=3) * chroma * 0.7
    return np.clip(base, 0, 255).astype(np.float32), np.clip(other, 0, 255).astype(np.float32)


def _blobs(height: int, width: int, base: Float, other: Float, rng: np.random.Generator) -> Float:
    """An out-of-focus scene: soft shapes and discs of light."""
    small = cv2.resize(
        rng.standard_normal((int(rng.integers(2, 9)), int(rng.integers(2, 9)), 3), np.float32),
        (64, 64),
        interpolation=cv2.INTER_CUBIC,
    )
    scene = base + (other - base) * (0.5 + 0.4 * small.mean(2, keepdims=True)) + small * rng.uniform(4, 28)
    for _ in range(int(rng.integers(0, 12))):
        centre = (int(rng.integers(64)), int(rng.integers(64)))
        colour = scene[centre[1], centre[0]] * rng.uniform(0.6, 1.9)
        if rng.random() < 0.5:
            cv2.circle(scene, centre, int(rng.integers(2, 10)), colour.tolist(), -1)
        else:
            corner = (centre[0] + int(rng.integers(3, 24)), centre[1] + int(rng.integers(3, 40)))
            cv2.rectangle(scene, centre, corner, colour.tolist(), -1)
    scene = cv2.GaussianBlur(scene.astype(np.float32), (0, 0), float(rng.uniform(0.5, 4)))
    return np.asarray(cv2.resize(scene, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _room(x: Float, y: Float, base: Float, other: Float, rng: np.random.Generator) -> Float:
    """Straight lines behind the sitter: panels, a window, shelves."""
    out = np.broadcast_to(base, (*x.shape, 3)).astype(np.float32).copy()
    for _ in range(int(rng.integers(1, 6))):
        left, top = rng.uniform(-0.1, 0.9), rng.uniform(-0.1, 0.7)
        right, bottom = left + rng.uniform(0.05, 0.5), top + rng.uniform(0.1, 0.8)
        shade = base + (other - base) * rng.uniform(-0.3, 1.2) + rng.normal(size=3) * 10
        mask = (x > left) & (x < right) & (y > top) & (y < bottom)
        out[mask] = shade
        frame = mask & ((x < left + 0.012) | (x > right - 0.012) | (y < top + 0.012) | (y > bottom - 0.012))
        out[frame] = shade * 0.7
    blur = float(rng.uniform(0.3, 4)) * x.shape[1] / 256
    return np.asarray(cv2.GaussianBlur(out, (0, 0), blur), np.float32)


def _landscape(x: Float, y: Float, rng: np.random.Generator) -> Float:
    """Sky, far hills going blue, near ground."""
    height, width = x.shape
    sky = np.array([rng.uniform(120, 200), rng.uniform(140, 200), rng.uniform(140, 215)])
    ground = np.array([rng.uniform(40, 110), rng.uniform(50, 100), rng.uniform(20, 60)])
    glow = np.array([rng.uniform(160, 235), rng.uniform(150, 205), rng.uniform(110, 180)])
    horizon = float(rng.uniform(0.3, 0.65))
    out = glow + (sky - glow) * np.clip((horizon - y) / horizon, 0, 1)[..., None]
    clouds = plane_noise(height, width, rng, cells=4.0, octaves=5)
    out = out + np.clip(clouds, -0.3, 1)[..., None] * 22
    for layer in range(4):
        t = (layer + 1) / 4
        ridge = (
            horizon + 0.12 * layer + (0.16 - 0.02 * layer) * plane_noise(1, width, rng, cells=3.0 + layer, octaves=5)
        )
        colour = sky * 0.7 * (1 - t) + ground * t
        rough = plane_noise(height, width, rng, cells=10.0 + 8 * layer, octaves=4)
        inside = np.clip((y - ridge) * height / 2, 0, 1)[..., None]
        out = out * (1 - inside) + (colour + rough[..., None] * 14) * inside
    return np.asarray(out, np.float32)
