"""A person: shape, skin, eyes, hair, clothes and light, all from one seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.clothes import clothes_parts, covered_by
from portrait_alive.heads.hair import HairStyle, beard_parts, hair_parts, random_hair
from portrait_alive.heads.mesh478 import LEFT_LOWER_LID, LEFT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_UPPER_LID
from portrait_alive.heads.model import (
    BACK,
    FACE,
    GUMS,
    LASHES,
    SCLERA_LEFT,
    SCLERA_RIGHT,
    TEETH,
    HeadModel,
)
from portrait_alive.heads.noise import space_noise
from portrait_alive.heads.parts import Kind, Layer, Part
from portrait_alive.heads.raster import FINE, HIDDEN, STRANDS, TWO_SIDED, add_shapes
from portrait_alive.heads.regions import Regions
from portrait_alive.heads.surroundings import Light, random_background, random_light
from portrait_alive.types import Bytes, Float

SKIN_TONES = np.array(
    [
        [0.72, 0.47, 0.36], [0.66, 0.42, 0.30], [0.56, 0.34, 0.23], [0.45, 0.26, 0.16],
        [0.33, 0.175, 0.10], [0.20, 0.10, 0.055], [0.10, 0.05, 0.028],
    ],
    np.float32,
)  # fmt: skip
"""Linear RGB reflectance from light to dark."""

IRIS_TONES = np.array(
    [[0.035, 0.016, 0.008], [0.09, 0.045, 0.018], [0.14, 0.10, 0.035], [0.10, 0.13, 0.06], [0.10, 0.17, 0.24], [0.16, 0.2, 0.22]],
    np.float32,
)


@dataclass(frozen=True, eq=False)
class Person:
    """Everything about a head that stays the same from frame to frame."""

    seed: int
    identity: Float
    """(I,) coefficients."""
    head: Float
    """(V, 3) the person's neutral mesh, eyes straight ahead."""
    faces: NDArray[np.int32]
    """(T, 3) triangles of the model that are drawn, then those of the parts."""
    flags: NDArray[np.uint8]
    layer: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    corner_uv: Float
    """(T, 3, 2)."""
    parent: NDArray[np.int32]
    """(N - V,) see `Part`."""
    along: Float
    offset: Float
    follow: Float
    """(N,) how far each vertex follows the head's pose."""
    rest: Float
    """(N, 3) the person's vertices at rest; the model's own neutral for its first V."""
    albedo: Float
    """(N, 3) linear RGB."""
    occlusion: Float
    """(N,) how much of the surrounding light reaches the vertex, 0..1."""
    iris_radius: float
    """Model units."""
    pupil_radius: float
    eye_colours: Float
    """(4, 3) sclera, outer iris, inner iris, limbus; linear RGB."""
    surface: Float
    """(kinds, 4) specular strength, exponent, detail strength, wrap."""
    detail: Bytes
    """(D, S, S, 3) colour detail, 128 neutral."""
    detail_of: NDArray[np.int32]
    """(kinds,) row of `detail`, -1 for none."""
    light: Light
    hair: HairStyle
    background_seed: int

    def background(self, height: int, width: int) -> Bytes:
        """(height, width, 3) uint8 what lies behind, the same every time."""
        return random_background(height, width, np.random.default_rng(self.background_seed))

    @staticmethod
    def random(
        model: HeadModel, regions: Regions, seed: int, *, identity: Float | None = None, light: Light | None = None
    ) -> "Person":
        """The person of this seed: the same every time.

        Args:
            model: the head model.
            regions: `find_regions(model)`.
            seed: any number of 0 or more.
            identity: (I,) coefficients instead of random ones.
            light: instead of random light.
        """
        rng = np.random.default_rng([seed, 0])
        modes = len(model.identity)
        coefficients = (rng.normal(size=modes) * 0.9).clip(-2.5, 2.5).astype(np.float32)
        if identity is not None:
            coefficients = np.zeros(modes, np.float32)
            coefficients[: len(identity)] = identity[:modes]
        head = model.vertices.copy()
        add_shapes(head, model.identity, coefficients)
        woman = float(rng.random())
        tone = _skin_tone(rng)
        hair = random_hair(rng, woman=woman)
        parts = hair_parts(model, regions, head, hair, rng)
        if woman < 0.5 and rng.random() < 0.5:
            parts += beard_parts(
                model, regions, head, hair.colour, rng,
                length=float(rng.uniform(0.3, 1.6)), full=bool(rng.random() < 0.7), moustache=bool(rng.random() < 0.8),
            )  # fmt: skip
        garments, neckline = clothes_parts(rng)
        parts += garments
        skin, iris = _skin(model, regions, tone, hair.colour, rng, woman=woman), _iris(rng)
        return _assemble(
            model, regions, seed, coefficients, head, parts, neckline, skin, iris, light or random_light(rng), hair, rng
        )


def _skin_tone(rng: np.random.Generator) -> Float:
    t = rng.beta(1.0, 1.4) * (len(SKIN_TONES) - 1)
    low = min(int(t), len(SKIN_TONES) - 2)
    tone = SKIN_TONES[low] + (SKIN_TONES[low + 1] - SKIN_TONES[low]) * (t - low)
    return (tone * np.exp(rng.normal(size=3) * 0.06)).astype(np.float32)


def _iris(rng: np.random.Generator) -> tuple[float, float, Float]:
    radius = float(rng.uniform(0.52, 0.68))
    pupil = radius * float(rng.uniform(0.3, 0.55))
    base = IRIS_TONES[int(rng.choice(len(IRIS_TONES), p=[0.34, 0.22, 0.12, 0.1, 0.14, 0.08]))]
    outer = base * np.exp(rng.normal(size=3) * 0.12)
    inner = outer * rng.uniform(1.0, 2.0) * np.array([1.1, 1.0, 0.8])
    sclera = np.array([0.62, 0.58, 0.54]) * rng.uniform(0.7, 1.1)
    return radius, pupil, np.array([sclera, outer, inner, outer * 0.25], np.float32)


def _skin(
    model: HeadModel, regions: Regions, tone: Float, hair: Float, rng: np.random.Generator, *, woman: float
) -> Float:
    """(V, 3) linear RGB of every model vertex."""
    v = model.vertices
    colour = np.broadcast_to(tone, v.shape).copy()
    mottle = space_noise(v, rng, size=3.0, octaves=3)[:, None]
    colour *= 1 + 0.06 * mottle
    flush = regions.cheeks * rng.uniform(0, 0.8) + regions.nose * rng.uniform(0, 0.8) + 0.5 * regions.ears * rng.random()
    colour *= 1 - flush[:, None] * np.array([0.05, 0.28, 0.25])
    lip = smooth_step(regions.lips, -0.1, 0.2)
    lip_tone = tone * np.array([0.85, 0.5, 0.5]) * (1 + rng.normal(size=3) * 0.08)
    if woman > 0.6 and rng.random() < 0.4:
        lip_tone = np.array([0.4, 0.05, 0.06]) * rng.uniform(0.5, 1.3) * np.exp(rng.normal(size=3) * 0.2)
    colour += lip[:, None] * (lip_tone - colour)
    brow = smooth_step(regions.brows + rng.uniform(-0.1, 0.15), -0.15, 0.2)
    ragged = 0.75 + 0.35 * space_noise(v * np.array([1, 3, 1], np.float32), rng, size=0.5, octaves=1)
    strength = np.clip(brow * ragged, 0, 1)[:, None] * rng.uniform(0.55, 0.95)
    colour += strength * (np.minimum(hair * 1.2, tone * 0.5) - colour)
    rim = np.exp(-((regions.eyes + 0.12) ** 2) / 0.05) * (regions.eyes < 0.4)
    colour *= 1 - rim[:, None] * rng.uniform(0.1, 0.6)
    return colour.astype(np.float32).clip(0.002, 0.95)


def _lash_uv(model: HeadModel) -> Float:
    """(V, 2) of lash vertices: u across the lashes, v from root 0 to tip 1; lower lashes are shorter and sparser."""
    out = np.zeros((len(model.vertices), 2), np.float32)
    lashes = model.vertices_of(LASHES)
    at = model.vertices[lashes]
    if len(lashes) == 0:
        return out
    points = model.skin_points.at(model.vertices)
    for rows, lower in (
        (RIGHT_UPPER_LID, False), (RIGHT_LOWER_LID, True), (LEFT_UPPER_LID, False), (LEFT_LOWER_LID, True),
    ):  # fmt: skip
        rim = points[list(rows)]
        rim = np.concatenate([rim, (rim[1:] + rim[:-1]) / 2])
        away = np.linalg.norm(at[:, None] - rim[None], axis=2).min(1)
        middle = rim.mean(0)
        mine = (np.sign(at[:, 0]) == np.sign(middle[0])) & ((at[:, 1] < points[33 if middle[0] < 0 else 263, 1] - 0.12) == lower)
        out[lashes[mine], 0] = at[mine, 0] * (1.1 if lower else 1.8) + 40
        out[lashes[mine], 1] = np.clip(away[mine] / (0.28 if lower else 0.85), 0, 1.2)
    return out


def _assemble(
    model: HeadModel,
    regions: Regions,
    seed: int,
    coefficients: Float,
    head: Float,
    parts: list[Part],
    neckline: Float,
    skin: Float,
    iris: tuple[float, float, Float],
    light: Light,
    hair: HairStyle,
    rng: np.random.Generator,
) -> Person:
    count = len(model.vertices)
    drawn = np.isin(model.material, (FACE, BACK, GUMS, TEETH, SCLERA_LEFT, SCLERA_RIGHT, LASHES))
    faces = model.faces[drawn]
    material = model.material[drawn]
    inner = ~regions.outer[faces].all(1)
    follow_model = head_follow(model.vertices)
    kind = np.full(len(faces), Kind.SKIN, np.uint8)
    layer = np.full(len(faces), Layer.SKIN, np.uint8)
    neck = (follow_model[faces].mean(1) < 0.62) & (material != LASHES)
    layer[neck] = Layer.BODY
    socket = (material == BACK) & inner
    kind[socket], layer[socket] = Kind.MOUTH, Layer.MOUTH
    eye_socket = socket & (model.vertices[faces].mean(1)[:, 1] > 1.0)
    layer[eye_socket] = Layer.EYE
    kind[material == GUMS], layer[material == GUMS] = Kind.MOUTH, Layer.MOUTH
    kind[material == TEETH], layer[material == TEETH] = Kind.TEETH, Layer.TEETH
    eye = np.isin(material, (SCLERA_LEFT, SCLERA_RIGHT))
    kind[eye], layer[eye] = Kind.EYE, Layer.EYE
    lashes = material == LASHES
    kind[lashes], layer[lashes] = Kind.HAIR, Layer.SKIN
    flags = np.zeros(len(faces), np.uint8)
    flags[lashes] = TWO_SIDED | STRANDS | FINE
    uv = model.uv[model.uv_faces[drawn]].copy()
    uv[lashes, :, 0] *= 30.0

    albedo = skin.copy()
    albedo[model.vertices_of(TEETH)] = np.array([0.62, 0.56, 0.46]) * rng.uniform(0.7, 1.15)
    albedo[model.vertices_of(GUMS)] = np.array([0.36, 0.11, 0.10]) * rng.uniform(0.7, 1.2)
    albedo[model.vertices_of(LASHES)] = np.array([0.012, 0.009, 0.008])
    albedo[np.unique(faces[socket])] = np.array([0.16, 0.04, 0.035])
    rest = [model.vertices]
    start = count
    all_faces, all_flags, all_layers, all_kinds, all_uv = [faces], [flags], [layer], [kind], [uv]
    for part in parts:
        all_faces.append(part.faces + start)
        all_flags.append(np.full(len(part.faces), part.flags, np.uint8))
        all_layers.append(np.full(len(part.faces), part.layer, np.uint8))
        all_kinds.append(np.full(len(part.faces), part.kind, np.uint8))
        all_uv.append(part.corner_uv)
        rest.append(np.where(part.parent[:, None] >= 0, head[part.parent], 0) + part.offset)
        start += len(part.parent)
    follow_parts = [
        np.where(part.parent >= 0, follow_model[part.parent], part.follow).astype(np.float32) for part in parts
    ]
    surface = np.array(
        [
            [rng.uniform(0.01, 0.08), rng.uniform(8, 40), rng.uniform(0.3, 1.0), 0.35],
            [0.9, 300.0, 0.0, 0.25],
            [0.12, 40.0, 0.0, 0.3],
            [0.06, 30.0, 0.0, 0.3],
            [rng.uniform(0.0, 0.05), 12.0, 0.3, 0.4],
            [rng.uniform(0.0, 0.03), 10.0, rng.uniform(0.3, 1.0), 0.15],
            [0.2, 30.0, 0.0, 0.1],
        ],
        np.float32,
    )
    noise = rng.normal(size=(2, 128, 128, 1)) * 10 + rng.normal(size=(2, 128, 128, 3)) * 2
    return Person(
        seed=seed,
        identity=coefficients,
        head=head,
        faces=np.concatenate(all_faces).astype(np.int32),
        flags=np.concatenate(all_flags),
        layer=np.concatenate(all_layers),
        kind=np.concatenate(all_kinds),
        corner_uv=np.ascontiguousarray(np.concatenate(all_uv), np.float32),
        parent=np.concatenate([part.parent for part in parts]) if parts else np.zeros(0, np.int32),
        along=np.concatenate([part.along for part in parts]) if parts else np.zeros(0, np.float32),
        offset=np.concatenate([part.offset for part in parts]) if parts else np.zeros((0, 3), np.float32),
        follow=np.concatenate([follow_model, *follow_parts]).astype(np.float32),
        rest=np.concatenate(rest).astype(np.float32),
        albedo=np.concatenate([albedo, *[part.albedo for part in parts]]).astype(np.float32),
        occlusion=np.ones(start, np.float32),
        iris_radius=iris[0],
        pupil_radius=iris[1],
        eye_colours=iris[2],
        surface=surface,
        detail=np.clip(noise + 128, 0, 255).astype(np.uint8),
        detail_of=np.array([0, -1, -1, -1, 1, 1, -1], np.int32),
        light=light,
        hair=hair,
        background_seed=int(rng.integers(2**31)),
    )


def smooth_step(values: Float, low: float, high: float) -> Float:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def head_follow(vertices: Float) -> Float:
    """(N,) how far points at rest follow the head: 1 on the head, falling to 0 at the foot of the neck."""
    x, y, z = vertices.T
    # the throat under the chin bends sooner than the nape
    height = y + 0.12 * np.clip(z, -8, 6)
    t = np.clip((height + 16.0) / 9.0, 0, 1)
    t = np.where(z > 7.5, np.clip((y + 12.0) / 2.5, 0, 1), t)
    return (t * t * (3 - 2 * t)).astype(np.float32)
