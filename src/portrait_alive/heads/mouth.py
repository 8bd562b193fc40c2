"""The inside of a mouth: the colour of the teeth, and how far light reaches."""

from dataclasses import dataclass

import numpy as np

from portrait_alive.types import Float

IVORY = np.array([0.60, 0.53, 0.43], np.float32)
"""Linear RGB reflectance of common teeth."""


@dataclass(frozen=True, eq=False)
class Mouth:
    """How a person's open mouth looks in this light."""

    teeth: Float
    """(3,) linear RGB."""
    dark_from: float
    """Model units of depth at rest: what lies farther back than this gets less light."""
    falloff: float
    """Share of the light that is lost with each unit behind, as an exponent."""
    parted: float
    """0..1: light that reaches the teeth between lips that hardly part: much of a flash, little of a high lamp."""
    wide: float
    """Opening, in widths of the lips, from which all light gets in."""
    corners: float
    """0..1: how much darker the teeth are towards the corners, where the cheeks shade them."""


def random_mouth(rng: np.random.Generator) -> Mouth:
    """A random mouth: from white teeth in a bright grin to a black hole."""
    yellowed = rng.beta(1.2, 2.0)
    teeth = IVORY * rng.uniform(0.65, 1.3) * np.array([1.0, 1.08 - 0.12 * yellowed, 1.25 - 0.5 * yellowed])
    return Mouth(
        teeth=np.clip(teeth, 0.05, 0.85).astype(np.float32),
        dark_from=float(rng.uniform(9.2, 10.6)),
        falloff=float(np.exp(rng.uniform(np.log(0.35), np.log(1.2)))),
        parted=float(rng.uniform(0.08, 0.75)),
        wide=float(rng.uniform(0.12, 0.35)),
        corners=float(rng.uniform(0.35, 0.95)),
    )


def mouth_table(mouth: Mouth, landmarks: Float) -> Float:
    """(4,) what `shade` needs: where the dark begins, how fast it deepens, light let in, dark of the corners.

    Args:
        mouth: the person's.
        landmarks: (478, 2 or 3) in any unit.
    """
    gap = float(np.linalg.norm(landmarks[13] - landmarks[14]))
    width = float(np.linalg.norm(landmarks[78] - landmarks[308])) + 1e-6
    opened = min(gap / width / mouth.wide, 1.0)
    light = mouth.parted + (1 - mouth.parted) * opened
    return np.array([mouth.dark_from, mouth.falloff, light, mouth.corners], np.float32)


def gum_colours(points: Float, rng: np.random.Generator) -> Float:
    """(N, 3) linear RGB of gums and of the tongue, which is paler and has a groove, at `points` (N, 3)."""
    x, y, z = points.T
    gums = np.array([0.34, 0.11, 0.10]) * rng.uniform(0.7, 1.2)
    tongue = np.array([0.40, 0.17, 0.16]) * rng.uniform(0.75, 1.35) * np.exp(rng.normal(size=3) * 0.06)
    inside = np.clip((9.3 - 0.4 * x * x - z) / 0.5, 0, 1) * np.clip((-2.6 - y) / 0.4, 0, 1)
    groove = 1 - float(rng.uniform(0.1, 0.4)) * np.exp(-((x / 0.16) ** 2))
    rough = 1 + 0.1 * rng.normal(size=len(points))
    mixed = gums + inside[:, None] * ((groove * rough)[:, None] * tongue - gums)
    return np.asarray(mixed, np.float32)
