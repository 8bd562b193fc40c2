"""Rough hands before faces, for networks that have to tell what is in front.

Capsules with a round shade, mostly in the colour of the face's own skin.
"""

import cv2
import numpy as np

from portrait_alive.shape import topology
from portrait_alive.types import Bytes, Float

_TOUCHED = (*topology.LIPS_OUTER, 152, 50, 280, 205, 425, 1, 10, 33, 263)
"""Mesh points that a fingertip may lie on: lips, chin, cheeks, nose, forehead, eyes."""
_CHEEKS = (50, 101, 205, 280, 330, 425)
_SPREAD = (-0.36, -0.12, 0.12, 0.36)
"""Directions of four fingers against the hand's, in radians, before their own irregularity."""


def put_hand_before(rng: np.random.Generator, pixels: Bytes, points: Float) -> tuple[Bytes, Float]:
    """A picture (H, W, 3) with a hand, or some other thing, before the face, and its opacity (H, W) in [0, 1].

    Args:
        rng: decides everything.
        pixels: uint8 RGB.
        points: (478, 2 or 3) landmarks in its pixels.
    """
    height = max(float(np.ptp(points[:468, 1])), 8.0)
    tip = points[int(rng.choice(_TOUCHED)), :2] + rng.normal(0, 0.05 * height, 2).astype(np.float32)
    # arms come from below or from the side
    angle = float(rng.uniform(-0.2 * np.pi, 1.2 * np.pi))
    away = np.array([np.cos(angle), np.sin(angle)], np.float32)
    light = np.array([np.cos(rng.uniform(0, 2 * np.pi)), -abs(np.sin(rng.uniform(0, np.pi)))], np.float32)
    length = height * float(rng.uniform(0.5, 0.85))
    colour = _colour(rng, pixels, points)
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]].astype(np.float32) + 0.5
    where = np.stack([columns, rows], -1)
    opacity = np.zeros(pixels.shape[:2], np.float32)
    out = pixels.astype(np.float32)
    for start, end, radius in _capsules(rng, tip, away, length):
        shade, share = _capsule(where, start, end, radius, light)
        out += (colour * shade[..., None] - out) * share[..., None]
        opacity = np.maximum(opacity, share)
    grain = rng.normal(0, float(rng.uniform(1, 6)), (*pixels.shape[:2], 1)).astype(np.float32)
    out += cv2.GaussianBlur(grain, (0, 0), 0.7)[..., None] * opacity[..., None]
    return np.clip(out, 0, 255).astype(np.uint8), opacity


def _colour(rng: np.random.Generator, pixels: Bytes, points: Float) -> Float:
    places = np.clip(points[list(_CHEEKS), :2].astype(int), 0, np.array(pixels.shape[1::-1]) - 1)
    skin = np.median(pixels[places[:, 1], places[:, 0]].astype(np.float32), 0)
    if rng.random() < 0.2:  # a glove, a sleeve, a microphone
        skin = rng.uniform(10, 230, 3)
    return np.asarray(np.clip(skin * rng.uniform(0.7, 1.25) * rng.uniform(0.94, 1.06, 3), 8, 250), np.float32)


def _capsules(rng: np.random.Generator, tip: Float, away: Float, length: float) -> list[tuple[Float, Float, float]]:
    """Arm, palm and fingers, those in front last: start, end (x, y) and radius of each."""
    palm = tip + away * length * 0.62
    wrist = palm + away * length * 0.45
    aside = np.array([-away[1], away[0]])
    bend = float(rng.normal(0, 0.4))
    arm = (away + bend * aside) / np.hypot(1.0, bend)
    made = [(wrist, wrist + arm * 3 * length, 0.20 * length), (palm, wrist, 0.24 * length)]
    side = float(rng.choice((-1.0, 1.0)))
    thumb = palm + side * aside * 0.2 * length
    made.append((thumb, thumb - away * 0.3 * length + side * aside * 0.18 * length, 0.075 * length))
    closed = float(rng.uniform(0.1, 1.0))
    for number, spread in enumerate(_SPREAD):
        turn = spread * closed + float(rng.normal(0, 0.05))
        direction = -away * np.cos(turn) + aside * np.sin(turn)
        knuckle = palm + aside * (number - 1.5) * 0.115 * length - away * 0.1 * length
        reach = length * (0.5, 0.56, 0.54, 0.42)[number] * float(rng.uniform(0.6, 1.05))
        made.append((knuckle, knuckle + direction * reach, 0.062 * length))
    return [(start.astype(np.float32), end.astype(np.float32), radius) for start, end, radius in made]


def _capsule(where: Float, start: Float, end: Float, radius: float, light: Float) -> tuple[Float, Float]:
    """(H, W) brightness and opacity of one capsule seen at places (H, W, 2)."""
    axis = end - start
    along = np.clip(((where - start) @ axis) / max(float(axis @ axis), 1e-6), 0, 1)
    offset = where - start - along[..., None] * axis
    distance = np.linalg.norm(offset, axis=-1)
    share = np.clip((radius - distance) / 1.2 + 0.5, 0, 1)
    across = offset / max(radius, 1e-3)
    round_off = np.sqrt(np.clip(1 - (across * across).sum(-1), 0, 1))
    shade = 0.55 + 0.35 * round_off + 0.25 * (across @ light.astype(np.float32))
    return shade.astype(np.float32), share.astype(np.float32)
