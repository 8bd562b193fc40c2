"""Skin, lips and make-up as a colour for every vertex."""

from dataclasses import dataclass

import numpy as np

from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.noise import space_noise
from portrait_alive.heads.regions import Regions
from portrait_alive.types import Float

SKIN_TONES = np.array(
    [
        [0.74, 0.50, 0.39],
        [0.66, 0.42, 0.31],
        [0.56, 0.34, 0.235],
        [0.45, 0.26, 0.165],
        [0.33, 0.175, 0.105],
        [0.20, 0.10, 0.058],
        [0.10, 0.05, 0.030],
    ],
    np.float32,
)
"""Linear RGB reflectance from light to dark."""


@dataclass(frozen=True, eq=False)
class Complexion:
    """What a person's skin looks like."""

    tone: Float
    """(3,) linear RGB."""
    age: float
    """0 young .. 1 old: wrinkles, bags, blotches."""
    flush: float
    """0..1: red of cheeks, nose and ears."""
    freckles: float
    """0..1."""
    brows: float
    """0..1: how dark the skin under the brows looks."""
    stubble: float
    """0..1: shaven shadow."""
    lips: Float
    """(3,) linear RGB."""
    shadow: Float
    """(3,) factor of eye shadow on the lids; ones for none."""


def smooth_step(values: Float, low: float, high: float) -> Float:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def random_complexion(rng: np.random.Generator, *, woman: float, bearded: bool) -> Complexion:
    """A random complexion; `woman` in 0..1 decides on make-up and stubble."""
    place = rng.beta(1.0, 1.5) * (len(SKIN_TONES) - 1)
    low = min(int(place), len(SKIN_TONES) - 2)
    tone = SKIN_TONES[low] + (SKIN_TONES[low + 1] - SKIN_TONES[low]) * (place - low)
    tone = tone * np.exp(rng.normal(size=3) * np.array([0.06, 0.05, 0.07]))
    lips = tone * np.array([0.88, 0.52, 0.5]) * np.exp(rng.normal(size=3) * 0.08)
    shadow = np.ones(3)
    if woman > 0.55 and rng.random() < 0.45:
        paint = np.array([0.36, 0.06, 0.07]) * rng.uniform(0.5, 1.2) * np.exp(rng.normal(size=3) * 0.2)
        lips = lips + rng.uniform(0.4, 1.0) * (paint * (0.3 + 0.7 * tone.mean() / 0.5) - lips)
        shadow = np.exp(-rng.uniform(0, 0.7) * rng.uniform(0.5, 1.2, 3))
    return Complexion(
        tone=tone.astype(np.float32),
        age=float(rng.beta(1.1, 2.0)),
        flush=float(rng.beta(1.5, 2.0)),
        brows=float(rng.uniform(0.0, 0.25)),
        freckles=float(max(0.0, rng.normal() * 0.6 - 0.3)) if place < 2.5 else 0.0,
        stubble=1.2 if bearded else float(rng.random()) if woman < 0.45 else 0.0,
        lips=lips.astype(np.float32),
        shadow=shadow.astype(np.float32),
    )


def skin_colours(model: HeadModel, regions: Regions, look: Complexion, hair: Float, rng: np.random.Generator) -> Float:
    """(V, 3) linear RGB of every model vertex, light not included.

    Args:
        model: the head model.
        regions: of the model.
        look: the person's complexion.
        hair: (3,) linear RGB, for stubble and the skin under the brows.
        rng: source of chance.
    """
    v = model.vertices
    colour = np.broadcast_to(look.tone, v.shape).astype(np.float32)
    mottle = space_noise(v, rng, size=3.2, octaves=4)
    colour *= (1 + (0.05 + 0.05 * look.age) * mottle)[:, None]
    # forehead yellower, middle of the face redder, jaw greyer
    redness = np.exp(-(((v[:, 1] + 0.5) / 4.0) ** 2)) * (v[:, 2] > 4) * 0.5
    flush = look.flush * (regions.cheeks + regions.nose * 0.9 + 0.6 * regions.ears + 0.25 * redness)
    blotch = 1 + 0.5 * space_noise(v, rng, size=1.4, octaves=3)
    colour *= 1 - np.clip(flush * blotch, 0, 1.3)[:, None] * np.array([0.04, 0.26, 0.22], np.float32)
    if look.freckles > 0:
        spots = smooth_step(space_noise(v, rng, size=0.45, octaves=2), 0.75, 1.3) * np.clip(
            regions.cheeks + 1.2 * regions.nose + 0.3 * redness, 0, 1
        )
        colour *= 1 - (look.freckles * spots)[:, None] * np.array([0.3, 0.45, 0.55], np.float32)
    # darker, bluish hollows around the eyes
    hollow = np.exp(-((regions.eyes + 0.7) ** 2) / 0.35)
    colour *= 1 - (hollow * (0.08 + 0.2 * look.age))[:, None] * np.array([0.8, 1.0, 0.85], np.float32)
    lids = smooth_step(regions.eyes, -0.9, -0.2) * (v[:, 1] > 3.4)
    colour *= 1 - lids[:, None] * (1 - look.shadow)
    rim = np.exp(-((regions.eyes + 0.06) ** 2) / 0.02)
    colour *= 1 - (rim * rng.uniform(0.1, 0.5))[:, None] * np.array([0.5, 0.9, 0.9], np.float32)
    lines = regions.folds * (0.12 + 0.35 * look.age) + regions.furrows * max(0.0, look.age - 0.3) * 0.45
    colour *= 1 - np.clip(lines * blotch, 0, 0.6)[:, None] * np.array([0.75, 1.0, 1.0], np.float32)
    if look.stubble > 0:
        growth = smooth_step(np.maximum(regions.beard, regions.moustache), -0.2, 0.6) * look.stubble
        grain = 0.7 + 0.5 * space_noise(v, rng, size=0.4, octaves=1)
        dark = np.minimum(hair * 1.5 + 0.02, look.tone)
        colour += np.clip(growth * 0.38 * grain, 0, 0.7)[:, None] * (dark - colour)
    brow = smooth_step(regions.brows, -0.3, 0.3) * look.brows
    colour += brow[:, None] * (np.minimum(hair * 1.4, look.tone) - colour)
    lip = smooth_step(regions.lips, -0.16, 0.14)
    lip_tone = look.lips * (1 + 0.12 * space_noise(v, rng, size=0.5, octaves=2, stretch=(3, 0.6, 1)))[:, None]
    colour += lip[:, None] * (lip_tone - colour)
    return colour.astype(np.float32).clip(0.002, 0.95)
