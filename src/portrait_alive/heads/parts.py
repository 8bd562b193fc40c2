"""What hangs on a head beside the model's own mesh: hair, hats, clothes, glasses, as triangles that ride on it."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.surface import Ints
from portrait_alive.types import Float


class Layer(IntEnum):
    """What a pixel shows. Values of `HeadRender.layers`."""

    BACKGROUND = 0
    BODY = 1
    """Neck, shoulders, clothes, collar."""
    SKIN = 2
    """The head's skin, ears and lips."""
    HAIR = 3
    """Hair, beard, brows' and lashes' strands, hats, veils."""
    EYE = 4
    MOUTH = 5
    """Gums, tongue and the dark of the mouth."""
    TEETH = 6
    OCCLUDER = 7
    """Glasses, hands and whatever else is in front of the head."""


MATTE_OF_LAYER = np.array([0, 1, 2, 2, 2, 2, 2, 3], np.uint8)
"""Column of `HeadRender.matte` for each layer: background, body, head with hair and hat, occluder."""


class Kind(IntEnum):
    """How a triangle is shaded."""

    SKIN = 0
    EYE = 1
    TEETH = 2
    MOUTH = 3
    HAIR = 4
    CLOTH = 5
    SOLID = 6


@dataclass(frozen=True, eq=False)
class Part:
    """Triangles that ride on the head. Vertex i lies at mesh[parent] + along * normal[parent] + offset."""

    parent: Ints
    """(n,) vertex of the head model, or -1: then `offset` is the place itself."""
    along: Float
    """(n,) model units along the parent's normal."""
    offset: Float
    """(n, 3) model units, model axes."""
    follow: Float
    """(n,) how far the vertex follows the head's pose, 0 body .. 1 head; read where parent is -1."""
    faces: Ints
    """(t, 3) local vertex numbers."""
    corner_uv: Float
    """(t, 3, 2) texture coordinates; for strands: ribbon number plus place across, and root 0 to tip 1."""
    albedo: Float
    """(n, 3) linear RGB."""
    flags: int
    """Bits of `raster`: TWO_SIDED, STRANDS."""
    layer: Layer
    kind: Kind


def ribbons(
    paths: Float,
    across: Float,
    parent: Ints,
    colours: Float,
    *,
    anchors: Float,
    layer: Layer,
    first: int = 0,
    flags: int = 3,
) -> Part:
    """Ribbons of strands.

    Args:
        paths: (n, k, 3) points along each ribbon, model axes.
        across: (n, k, 3) half width vectors at those points.
        parent: (n,) vertex that carries the ribbon.
        colours: (n, 3) linear RGB.
        anchors: (n, 3) where the parents are at rest.
        layer: what the ribbons are.
        first: number of the first ribbon, which seeds its strands.
        flags: bits of `raster`.
    """
    n, k = paths.shape[:2]
    offset = np.stack([paths - across, paths + across], 2) - anchors[:, None, None]  # (n, k, 2, 3)
    index = np.arange(n * k * 2, dtype=np.int32).reshape(n, k, 2)
    a, b = index[:, :-1, 0], index[:, :-1, 1]
    c, d = index[:, 1:, 0], index[:, 1:, 1]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)], 2).reshape(-1, 3)
    number = np.arange(first, first + n, dtype=np.float32)[:, None, None] + np.array([0.02, 0.98], np.float32)
    u = np.broadcast_to(number, (n, k, 2))
    v = np.broadcast_to(np.linspace(0, 1, k, dtype=np.float32)[None, :, None], (n, k, 2))
    uv = np.stack([u, v], -1).reshape(-1, 2)
    repeated = np.repeat(colours.astype(np.float32), k * 2, axis=0)
    # roots lie in shadow
    shade = (0.65 + 0.35 * np.minimum(v.reshape(-1) * 3, 1)).astype(np.float32)
    return Part(
        parent=np.repeat(parent.astype(np.int32), k * 2),
        along=np.zeros(n * k * 2, np.float32),
        offset=offset.reshape(-1, 3).astype(np.float32),
        follow=np.ones(n * k * 2, np.float32),
        faces=faces.astype(np.int32),
        corner_uv=uv[faces].astype(np.float32),
        albedo=repeated * shade[:, None],
        flags=flags,
        layer=layer,
        kind=Kind.HAIR,
    )


def shell(
    vertices: NDArray[np.int64],
    thickness: Float,
    faces: Ints,
    corner_uv: Float,
    albedo: Float,
    *,
    layer: Layer,
    kind: Kind,
    push: Float | None = None,
) -> Part:
    """The surface over `vertices` lifted along its normals.

    Args:
        vertices: (n,) model vertices.
        thickness: (n,) model units.
        faces: (t, 3) model triangles; those with a corner outside `vertices` are left out.
        corner_uv: (t, 3, 2) of `faces`.
        albedo: (n, 3) linear RGB.
        layer: what the shell is.
        kind: how it is shaded.
        push: (n, 3) further offset, model axes.
    """
    local = np.full(max(int(faces.max()), int(vertices.max())) + 1, -1, np.int32)
    local[vertices] = np.arange(len(vertices), dtype=np.int32)
    mapped = local[faces]
    keep = (mapped >= 0).all(1)
    return Part(
        parent=vertices.astype(np.int32),
        along=thickness.astype(np.float32),
        offset=(np.zeros((len(vertices), 3)) if push is None else push).astype(np.float32),
        follow=np.ones(len(vertices), np.float32),
        faces=mapped[keep],
        corner_uv=corner_uv[keep],
        albedo=albedo.astype(np.float32),
        flags=0,
        layer=layer,
        kind=kind,
    )


def sheet(
    points: Float, follow: Float, albedo: Float, *, layer: Layer, kind: Kind, closed: bool = True, tile: float = 4.0
) -> Part:
    """A tube or sheet through rows of points.

    Args:
        points: (rows, columns, 3) model axes.
        follow: (rows, columns).
        albedo: (rows, columns, 3) linear RGB.
        layer: what it is.
        kind: how it is shaded.
        closed: whether the last column joins the first.
        tile: repeats of the texture around.
    """
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    u = np.broadcast_to(np.arange(columns, dtype=np.float32) / columns * tile, (rows, columns))
    v = np.broadcast_to((np.arange(rows, dtype=np.float32) / rows * tile)[:, None], (rows, columns))
    step = np.arange(columns if closed else columns - 1)
    right = (step + 1) % columns
    a, b = index[:-1][:, step], index[:-1][:, right]
    c, d = index[1:][:, step], index[1:][:, right]
    faces = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    uv = np.stack([u, v], -1).reshape(-1, 2)
    corner_uv = uv[faces]
    wraps = (corner_uv[:, :, 0].max(1) - corner_uv[:, :, 0].min(1)) > tile / 2
    corner_uv[wraps, :, 0] += np.where(corner_uv[wraps, :, 0] < tile / 2, tile, 0)
    count = rows * columns
    return Part(
        parent=np.full(count, -1, np.int32),
        along=np.zeros(count, np.float32),
        offset=points.reshape(-1, 3).astype(np.float32),
        follow=follow.reshape(-1).astype(np.float32),
        faces=faces.astype(np.int32),
        corner_uv=corner_uv.astype(np.float32),
        albedo=albedo.reshape(-1, 3).astype(np.float32),
        flags=1,
        layer=layer,
        kind=kind,
    )
