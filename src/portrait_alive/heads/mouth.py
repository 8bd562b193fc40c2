"""The inside of a mouth: the colour of the teeth, and how far light reaches."""

from dataclasses import dataclass

import numpy as np

from portrait_alive.heads.surface import Ints
from portrait_alive.types import Float

_BITE = -3.3
"""Model units, y at rest: upper teeth end above it, lower teeth below."""
_GAP = 0.22
"""Model units to the next tooth from which a tooth is shaded by it."""

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
    roots: float
    """0..1: how much darker the teeth are towards the gums, where the lips shade them."""
    gaps: float
    """0..1: how dark it is between two teeth."""
    wet: float
    """0..1: how much teeth and tongue mirror the lamps."""


def random_mouth(rng: np.random.Generator) -> Mouth:
    """A random mouth: from white teeth in a bright grin to a black hole."""
    yellowed = rng.beta(1.2, 2.0)
    teeth = IVORY * rng.uniform(0.65, 1.3) * np.array([1.0, 1.08 - 0.12 * yellowed, 1.25 - 0.5 * yellowed])
    return Mouth(
        teeth=np.clip(teeth, 0.05, 0.85).astype(np.float32),
        dark_from=float(rng.uniform(9.0, 10.3)),
        falloff=float(np.exp(rng.uniform(np.log(0.55), np.log(1.7)))),
        parted=float(rng.uniform(0.08, 0.75)),
        wide=float(rng.uniform(0.12, 0.35)),
        corners=float(rng.uniform(0.25, 0.9)),
        roots=float(rng.uniform(0.1, 0.6)),
        gaps=float(rng.uniform(0.15, 0.75)),
        wet=float(rng.beta(1.0, 1.5)),
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


def tooth_colours(points: Float, crevice: Float, mouth: Mouth, rng: np.random.Generator) -> Float:
    """(N, 3) linear RGB of teeth: duller towards the gums, glassy at the edges, dark where two of them meet.

    Args:
        points: (N, 3) vertices at rest.
        crevice: (N,) from `crevices`.
        mouth: the person's.
        rng: a row may be a little brighter or darker.
    """
    y = points[:, 1]
    upper = y > _BITE
    along = np.clip(np.where(upper, (y - _BITE) / 2.2, (_BITE - y) / 2.0), 0, 1)
    row, lower = rng.uniform(0.9, 1.1), rng.uniform(0.75, 1.1)
    light = row * np.where(upper, 1.0, lower)
    # cheeks and lips keep the light from molars, wherever the head turns
    light = light * np.clip((points[:, 2] - 6.2) / 2.3, 0.1, 1)
    shade = light * (1 - mouth.roots * along * along) * (1 - mouth.gaps * crevice)
    edge = np.clip(1 - along / 0.15, 0, 1)[:, None]
    warm = np.array([1.0, 0.95, 0.84]) ** along[:, None]
    glassy = 1 - edge * np.array([0.16, 0.11, 0.05])
    return np.asarray(mouth.teeth * shade[:, None] * warm * glassy, np.float32)


def crevices(points: Float, faces: Ints) -> Float:
    """(N,) 0..1: how near each of a row of teeth's vertices is to another tooth.

    Args:
        points: (N, 3) model units.
        faces: (F, 3) triangles; a tooth is what they join.
    """
    tooth = np.arange(len(points))
    while True:
        before = tooth.copy()
        for one, other in ((0, 1), (1, 2), (2, 0)):
            lowest = np.minimum(tooth[faces[:, one]], tooth[faces[:, other]])
            np.minimum.at(tooth, faces[:, one], lowest)
            np.minimum.at(tooth, faces[:, other], lowest)
        if np.array_equal(tooth, before):
            break
    out = np.zeros(len(points), np.float32)
    for one in np.unique(tooth):
        own = tooth == one
        mine = points[own]
        inside = (points > mine.min(0) - _GAP).all(1) & (points < mine.max(0) + _GAP).all(1) & ~own
        if inside.any():
            nearest = np.linalg.norm(mine[:, None] - points[inside][None], axis=2).min(1)
            out[own] = np.clip(1 - nearest / _GAP, 0, 1)
    return out


def gum_colours(points: Float, rng: np.random.Generator) -> Float:
    """(N, 3) linear RGB of gums and of the tongue, which is paler and has a groove, at `points` (N, 3)."""
    x, y, z = points.T
    gums = np.array([0.34, 0.11, 0.10]) * rng.uniform(0.7, 1.2)
    tongue = np.array([0.44, 0.19, 0.18]) * rng.uniform(0.75, 1.35) * np.exp(rng.normal(size=3) * 0.06)
    inside = np.clip((9.3 - 0.4 * x * x - z) / 0.5, 0, 1) * np.clip((-2.6 - y) / 0.4, 0, 1)
    groove = 1 - float(rng.uniform(0.1, 0.4)) * np.exp(-((x / 0.16) ** 2))
    # a tongue rises in speech to where more light falls than on what lies as deep
    raised = np.exp(np.clip(0.5 * (9.3 - z), 0, 0.9))
    rough = 1 + 0.1 * rng.normal(size=len(points))
    mixed = gums + inside[:, None] * ((groove * rough * raised)[:, None] * tongue - gums)
    return np.asarray(mixed, np.float32)
