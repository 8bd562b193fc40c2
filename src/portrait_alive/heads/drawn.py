"""The part of the head model's mesh that is drawn, and what is the same for every person about it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.mesh478 import LEFT_LOWER_LID, LEFT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_UPPER_LID
from portrait_alive.heads.model import BACK, FACE, GUMS, LASHES, SCLERA_LEFT, SCLERA_RIGHT, TEETH, HeadModel
from portrait_alive.heads.mouth import crevices
from portrait_alive.heads.parts import Kind, Layer
from portrait_alive.heads.raster import FINE, NO_LASHES, STRANDS, TWO_SIDED, rasterise, vertex_normals
from portrait_alive.heads.surface import Ints
from portrait_alive.types import Float


@dataclass(frozen=True, eq=False)
class DrawnMesh:
    """Triangles of the head model as they are drawn. Iris meshes and transparent shells are left out."""

    faces: Ints
    """(T, 3) triangles; the model's vertices keep their numbers."""
    flags: NDArray[np.uint8]
    layer: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    corner_uv: Float
    """(T, 3, 2)."""
    follow: Float
    """(V,) how far each vertex follows the head's pose."""
    occlusion: Float
    """(V,) share of the surrounding light that reaches the vertex on the neutral head, 0..1."""
    skin_faces: Ints
    """(S, 3) the outside skin, for normals and for what hangs on it."""
    socket: NDArray[np.int64]
    """Vertices of the sockets of mouth and eyes."""
    gums: NDArray[np.int64]
    teeth: NDArray[np.int64]
    crevice: Float
    """(teeth,) 0..1: how near the next tooth is."""
    lashes: NDArray[np.int64]


def head_follow(vertices: Float) -> Float:
    """(N,) how far points at rest follow the head: 1 on the head, falling to 0 at the foot of the neck."""
    y, z = vertices[:, 1], vertices[:, 2]
    # the throat under the chin bends sooner than the nape
    height = y + 0.12 * np.clip(z, -8, 6)
    t = np.clip((height + 16.0) / 9.0, 0, 1)
    t = np.where(z > 7.5, np.clip((y + 12.0) / 2.5, 0, 1), t)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def under_jaw(points: Float) -> NDArray[np.bool_]:
    """(N,) True on neck and shoulders: below a line from under the chin along the jaw to the nape, points at rest."""
    line = np.interp(points[:, 2], [-9, 0, 2, 5, 8, 11], [-4.5, -4.0, -4.6, -6.8, -8.6, -9.3])
    return np.asarray(points[:, 1] < line - 0.3)


def find_drawn(model: HeadModel) -> DrawnMesh:
    """The drawn mesh of a head model."""
    drawn = np.isin(model.material, (FACE, BACK, GUMS, TEETH, SCLERA_LEFT, SCLERA_RIGHT, LASHES))
    faces, material = model.faces[drawn], model.material[drawn]
    follow = head_follow(model.vertices)
    kind = np.full(len(faces), Kind.SKIN, np.uint8)
    layer = np.full(len(faces), Layer.SKIN, np.uint8)
    layer[under_jaw(model.vertices[faces].mean(1)) & (material != LASHES)] = Layer.BODY
    socket = (material == BACK) & ~model.outer_skin[faces].all(1)
    kind[socket], layer[socket] = Kind.MOUTH, Layer.MOUTH
    layer[socket & (model.vertices[faces].mean(1)[:, 1] > model.vertices[model.lm68[30], 1])] = Layer.EYE
    kind[material == GUMS], layer[material == GUMS] = Kind.MOUTH, Layer.MOUTH
    kind[material == TEETH], layer[material == TEETH] = Kind.TEETH, Layer.TEETH
    eye = np.isin(material, (SCLERA_LEFT, SCLERA_RIGHT))
    kind[eye], layer[eye] = Kind.EYE, Layer.EYE
    lashes = material == LASHES
    kind[lashes] = Kind.HAIR
    flags = np.zeros(len(faces), np.uint8)
    flags[lashes] = TWO_SIDED | STRANDS | FINE
    uv = model.uv[model.uv_faces[drawn]].copy()
    uv[lashes] = lash_uv(model)[faces[lashes]]
    skin = np.isin(material, (FACE, BACK)) & ~socket
    # the closed lips of the neutral head would leave the mouth black: its dark is shaded by depth instead
    occlusion = ambient_occlusion(model.vertices, np.ascontiguousarray(faces[~lashes]))
    occlusion[np.unique(faces[(material == GUMS) | (material == TEETH) | socket])] = 1.0
    teeth = model.vertices_of(TEETH)
    number = np.zeros(len(model.vertices), np.int64)
    number[teeth] = np.arange(len(teeth))
    return DrawnMesh(
        faces=np.ascontiguousarray(faces),
        flags=flags,
        layer=layer,
        kind=kind,
        corner_uv=np.ascontiguousarray(uv, np.float32),
        follow=follow,
        occlusion=occlusion,
        skin_faces=np.ascontiguousarray(faces[skin]),
        socket=np.unique(faces[socket]).astype(np.int64),
        gums=model.vertices_of(GUMS),
        teeth=teeth,
        crevice=crevices(model.vertices[teeth], number[model.faces[model.material == TEETH]]),
        lashes=model.vertices_of(LASHES),
    )


def lash_uv(model: HeadModel) -> Float:
    """(V, 2) of lash vertices: u across the lashes, v from root 0 to tip 1; lower lashes are shorter and sparser."""
    out = np.zeros((len(model.vertices), 2), np.float32)
    lashes = model.vertices_of(LASHES)
    if len(lashes) == 0:
        return out
    at = model.vertices[lashes]
    points = model.skin_points.at(model.vertices)
    for rows, lower in (
        (RIGHT_UPPER_LID, False),
        (RIGHT_LOWER_LID, True),
        (LEFT_UPPER_LID, False),
        (LEFT_LOWER_LID, True),
    ):
        rim = points[list(rows)]
        rim = np.concatenate([rim, (rim[1:] + rim[:-1]) / 2])
        away = np.linalg.norm(at[:, None] - rim[None], axis=2).min(1)
        right = rim[:, 0].mean() < 0
        corner = points[33 if right else 263, 1] - 0.12
        mine = ((at[:, 0] < 0) == right) & ((at[:, 1] < corner) == lower)
        out[lashes[mine], 0] = at[mine, 0] * (0.8 if lower else 1.6) + 40
        out[lashes[mine], 1] = np.clip(away[mine] / (0.24 if lower else 0.8), 0, 1.2)
    return out


def ambient_occlusion(vertices: Float, faces: Ints, *, directions: int = 48, size: int = 160) -> Float:
    """(N,) share of an even sky that each vertex sees, cosine weighted, 0..1.

    Measured by looking at the mesh from `directions` sides through a z-buffer of `size` samples a side.
    """
    normals = np.zeros_like(vertices)
    vertex_normals(vertices, faces, normals)
    count = len(vertices)
    seen, total = np.zeros(count, np.float32), np.full(count, 1e-6, np.float32)
    flags = np.full(len(faces), TWO_SIDED, np.uint8)
    no_uv = np.zeros((len(faces), 3, 2), np.float32)
    middle = (vertices.min(0) + vertices.max(0)) / 2
    reach = float(np.linalg.norm(vertices - middle, axis=1).max())
    for number in range(directions):
        # a spiral of evenly spread directions
        y = 1 - 2 * (number + 0.5) / directions
        angle = number * np.pi * (3 - 5**0.5)
        r = (1 - y * y) ** 0.5
        towards = np.array([r * np.cos(angle), y, r * np.sin(angle)], np.float32)
        screen = orthographic(vertices, towards, middle, reach, size)
        buffer = np.zeros((size, size), np.float32)
        triangle = np.full((size, size), -1, np.int32)
        rasterise(screen, faces, flags, no_uv, NO_LASHES, buffer, triangle)
        x, row = screen[:, 0].astype(int).clip(0, size - 1), screen[:, 1].astype(int).clip(0, size - 1)
        cosine = normals @ towards
        lit = (screen[:, 2] >= buffer[row, x] - 0.35 / (2 * reach)) & (cosine > 0)
        seen += lit * cosine
        total += np.maximum(cosine, 0)
    return (seen / total).astype(np.float32)


def orthographic(points: Float, towards: Float, middle: Float, reach: float, size: int) -> Float:
    """(N, 3) points as seen from far away in direction `towards`: x, y in samples, and nearness in 0.5..1.5."""
    up = np.array([0, 1, 0], np.float32) if abs(float(towards[1])) < 0.9 else np.array([1, 0, 0], np.float32)
    right = np.cross(up, towards)
    right /= np.linalg.norm(right)
    top = np.cross(towards, right)
    local = points - middle
    scale = size / (2.0 * reach)
    out = np.empty_like(points)
    out[:, 0] = (local @ right) * scale + size / 2
    out[:, 1] = -(local @ top) * scale + size / 2
    out[:, 2] = 1 + (local @ towards) / (2 * reach)
    return out
