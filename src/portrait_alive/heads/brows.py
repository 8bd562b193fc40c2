"""Eyebrows as short strands."""

import numpy as np

from portrait_alive.heads.mesh478 import LEFT_BROW, RIGHT_BROW
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.parts import Layer, Part, ribbons
from portrait_alive.heads.raster import STRANDS, TWO_SIDED
from portrait_alive.heads.regions import Regions
from portrait_alive.types import Float


def brow_part(
    model: HeadModel, regions: Regions, head: Float, colour: Float, rng: np.random.Generator, *, density: float
) -> Part | None:
    """The brows of one person, outward along their ridge; None when too few vertices carry them.

    Args:
        model: the head model.
        regions: of the model.
        head: (V, 3) the person's own neutral mesh.
        colour: (3,) linear RGB.
        rng: source of chance.
        density: 0..1.
    """
    pool = np.where(regions.brows > 0.04 - 0.12 * density)[0]
    count = int(220 + 420 * density)
    if len(pool) < 12:
        return None
    roots = rng.choice(pool, count)
    root = head[roots]
    points = model.skin_points.at(model.vertices)
    # height within the brow: hairs of the lower edge rise, of the upper edge lie flat
    middle = (points[list(RIGHT_BROW)].mean(0) + points[list(LEFT_BROW)].mean(0) * np.array([-1, 1, 1])) / 2
    side = np.sign(root[:, 0])
    from_inner = np.clip((np.abs(root[:, 0]) - 1.2) / 4.0, 0, 1)
    heading = np.stack(
        [
            side * (0.5 + 0.8 * from_inner),
            0.75 - 1.1 * from_inner - 0.25 * (root[:, 1] - middle[1]),
            0.12 - 0.5 * from_inner,
        ],
        1,
    )
    heading += rng.normal(size=heading.shape) * 0.15
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    length = rng.uniform(0.3, 0.62, (count, 1))
    start = root + np.array([0, 0, 0.04])
    path = np.stack([start, start + 0.5 * length * heading + [0, 0, 0.07], start + length * heading], 1)
    across = np.cross(heading, np.array([0.0, 0.0, 1.0]))
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-6
    colours = 1.5 * colour * np.exp(rng.normal(size=(count, 1)) * 0.25)
    return ribbons(
        path.astype(np.float32),
        np.broadcast_to(across[:, None] * 0.032, path.shape).astype(np.float32),
        roots.astype(np.int32),
        colours.astype(np.float32),
        anchors=root,
        layer=Layer.SKIN,
        first=9000,
        flags=TWO_SIDED | STRANDS,
    )
