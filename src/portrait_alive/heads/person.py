"""A person: shape, skin, eyes, hair, clothes and light, all from one seed."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.brows import brow_part
from portrait_alive.heads.catchlights import random_catchlight
from portrait_alive.heads.clothes import clothes_parts, covered_by
from portrait_alive.heads.creases import crease_map
from portrait_alive.heads.face_paint import paint_face
from portrait_alive.heads.hair import HairStyle, beard_parts, hair_parts, random_hair
from portrait_alive.heads.headwear import Headwear, headwear_parts, random_headwear, under_hat
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.mouth import Mouth, gum_colours, random_mouth, tooth_colours
from portrait_alive.heads.occluders import glasses_parts, hand_parts
from portrait_alive.heads.parts import Kind, Layer, Part
from portrait_alive.heads.raster import HIDDEN, add_shapes
from portrait_alive.heads.regions import SCALP_CENTRE, Regions
from portrait_alive.heads.skin import Complexion, random_complexion, skin_colours
from portrait_alive.heads.surroundings import Light, random_background, random_light
from portrait_alive.heads.textures import SIZE, Manner, detail_stack, tone_of
from portrait_alive.types import Bytes, Float

IRIS_TONES = np.array(
    [
        [0.035, 0.016, 0.008],
        [0.09, 0.045, 0.018],
        [0.14, 0.10, 0.035],
        [0.10, 0.13, 0.06],
        [0.10, 0.17, 0.24],
        [0.16, 0.2, 0.22],
    ],
    np.float32,
)
"""Linear RGB: dark brown, brown, hazel, green, blue, grey."""

MANNERS: tuple[Manner, ...] = ("photograph", "oil", "smooth", "drawing", "flat")


@dataclass(frozen=True, eq=False)
class Eyes:
    """A person's eyes."""

    iris_radius: float
    """Model units."""
    pupil_radius: float
    """Model units."""
    colours: Float
    """(4, 3) sclera, outer iris, inner iris, limbus; linear RGB."""
    catchlight: Float = field(default_factory=lambda: np.array([0.25, -0.4, 0.15, 0.2, 0.6, 1.0], np.float32))
    """(6,) what the eyes mirror, as `shade.catchlight` has it."""
    gloss: float = 0.6
    """0..1: how bright the lamps' own highlights are."""
    lashes: Float = field(default_factory=lambda: np.array([0.4, 0.5, 0.6, 0.6], np.float32))
    """(4,) as `rasterise` has it."""
    lash_tone: Float = field(default_factory=lambda: np.array([0.016, 0.011, 0.008], np.float32))
    """(3,) linear RGB."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a person looks like, before any geometry: may be changed and made into a `Person` with `dressed`."""

    identity: Float
    """(I,) coefficients of the model's identity modes."""
    complexion: Complexion
    eyes: Eyes
    mouth: Mouth
    hair: HairStyle
    headwear: Headwear
    beard: tuple[bool, bool, float]
    """Full beard, moustache, length in model units."""
    brows: float
    """0 thin .. 1 bushy."""
    glasses: bool
    hand: bool
    manner: Manner
    tone: Float
    """(3, 4) map of the light that leaves the surface."""
    light: Light
    background_seed: int


@dataclass(frozen=True, eq=False)
class Person:
    """Everything about a head that stays the same from frame to frame."""

    seed: int
    look: Look
    head: Float
    """(V, 3) the person's neutral mesh, eyes straight ahead."""
    faces: NDArray[np.int32]
    """(T, 3) triangles of the model that are drawn, then those of the parts."""
    skin_faces: NDArray[np.int32]
    """(S, 3) the outside skin, from whose normals parts are hung."""
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
    soft: NDArray[np.int64]
    """Vertices of hair, which are lit as a mass, not ribbon by ribbon."""
    soft_normals: Float
    """(len(soft), 3) their normals at rest, model axes."""
    surface: Float
    """(kinds, 4) specular strength, exponent, detail strength, wrap."""
    paint: Bytes
    """(S, S, 4) as `paint_face` makes it."""
    creases: Bytes
    """(S, S, 4) as `crease_map` makes it."""
    painted: int
    """The first so many of `faces` are the model's own."""
    detail: Bytes
    """(D, S, S, 3) colour detail, 128 neutral."""
    detail_of: NDArray[np.int32]
    """(kinds,) row of `detail`, -1 for none."""
    backgrounds: dict[tuple[int, int], Bytes] = field(default_factory=dict)
    """Backgrounds already made, by size."""

    def background(self, height: int, width: int) -> Bytes:
        """(height, width, 3) uint8 what lies behind, the same every time."""
        if (height, width) not in self.backgrounds:
            rng = np.random.default_rng(self.look.background_seed)
            painted = self.look.manner != "photograph"
            plain = random_background(height, width, rng, painted=painted)
            linear = (plain.astype(np.float32) / 255) ** 2
            toned = linear @ self.look.tone[:, :3].T + self.look.tone[:, 3]
            if self.look.manner in ("oil", "drawing"):
                toned = toned * _over(self.detail[1], height, width)
            self.backgrounds[height, width] = (np.sqrt(np.clip(toned, 0, 1)) * 255).astype(np.uint8)
        return self.backgrounds[height, width]

    @staticmethod
    def random(model: HeadModel, regions: Regions, seed: int) -> "Person":
        """The person of this seed: the same every time.

        Args:
            model: the head model.
            regions: `find_regions(model)`.
            seed: any number of 0 or more.
        """
        rng = np.random.default_rng([seed, 0])
        return dressed(model, regions, random_look(model, rng), rng, seed=seed)


def _over(texture: Bytes, height: int, width: int) -> Float:
    """(height, width, 3) factors: a texture repeated over a picture at two texels a pixel of 256."""
    step = texture.shape[0] / 220
    scale = 256 / max(height, width)
    rows = (np.arange(height) * scale * step).astype(int) % texture.shape[0]
    columns = (np.arange(width) * scale * step).astype(int) % texture.shape[1]
    return np.asarray(0.4 + 0.6 * texture[rows][:, columns].astype(np.float32) / 128, np.float32)


def random_look(model: HeadModel, rng: np.random.Generator) -> Look:
    """A random look."""
    woman = float(rng.random())
    beard = (False, False, 0.0)
    if woman < 0.5 and rng.random() < 0.5:
        beard = (bool(rng.random() < 0.7), bool(rng.random() < 0.8), float(rng.uniform(0.25, 1.8)))
    manner: Manner = MANNERS[int(rng.choice(len(MANNERS), p=[0.5, 0.26, 0.12, 0.06, 0.06]))]
    return Look(
        identity=(rng.standard_normal(len(model.identity), np.float32) * 0.9).clip(-2.5, 2.5),
        complexion=random_complexion(rng, woman=woman, bearded=beard[0]),
        eyes=random_eyes(rng),
        # chance of its own, so that everything else about a seed's person stays as it was
        mouth=random_mouth(rng.spawn(1)[0]),
        hair=random_hair(rng, woman=woman),
        headwear=random_headwear(rng, woman=woman),
        beard=beard,
        brows=float(rng.beta(1.6, 1.8) * (1.0 - 0.35 * woman)),
        glasses=bool(rng.random() < 0.11),
        hand=bool(rng.random() < 0.05),
        manner=manner,
        tone=tone_of(manner, rng),
        light=random_light(rng),
        background_seed=int(rng.integers(2**31)),
    )


def random_eyes(rng: np.random.Generator) -> Eyes:
    """Random eyes."""
    radius = float(rng.uniform(0.52, 0.68))
    base = IRIS_TONES[int(rng.choice(len(IRIS_TONES), p=[0.34, 0.22, 0.12, 0.1, 0.14, 0.08]))]
    outer = base * np.exp(rng.normal(size=3) * 0.12)
    inner = outer * rng.uniform(1.0, 2.0) * np.array([1.1, 1.0, 0.8])
    sclera = np.array([0.50, 0.43, 0.41]) * rng.uniform(0.6, 1.1)
    colours = np.array([sclera, outer, inner, outer * 0.25], np.float32)
    # own chance, so that a seed's person keeps face and hair
    apart = rng.spawn(1)[0]
    full = float(apart.beta(1.1, 1.3))
    lashes = [
        apart.uniform(0.1, 0.6) + 0.5 * full,
        apart.uniform(0.15, 0.5) + 0.75 * full * apart.random(),
        apart.uniform(0.3, 0.9),
        apart.uniform(0.3, 0.65) + 0.35 * full,
    ]
    return Eyes(
        radius,
        radius * float(rng.uniform(0.3, 0.55)),
        colours,
        catchlight=random_catchlight(apart),
        gloss=float(apart.beta(0.8, 1.2)),
        lashes=np.array(lashes, np.float32),
        lash_tone=(np.array([0.03, 0.02, 0.014]) * apart.uniform(0.15, 1.6)).astype(np.float32),
    )


def brow_tone(look: Look) -> Float:
    """(3,) linear RGB of a person's brows: the hair's, never much lighter than common brows."""
    hair = look.hair.colour
    return np.asarray(hair * min(1.0, 0.09 / float(hair.max())), np.float32)


def parts_of(
    model: HeadModel, regions: Regions, head: Float, look: Look, rng: np.random.Generator
) -> tuple[list[Part], Float]:
    """Everything that hangs on a person, and the neckline of the clothes."""
    hair = look.hair
    drop = float(rng.uniform(-1.2, 0.6))
    hat = None
    if look.headwear not in ("none", "band"):
        hat = under_hat(model, regions, look.headwear, drop) > -0.3
    parts = hair_parts(model, regions, head, hair, rng, hat=hat)
    under = hair.volume * (0.35 if hat is not None else 0.7) if hair.cut != "bald" else 0.0
    parts += headwear_parts(model, regions, look.headwear, drop, under, rng)
    full, moustache, length = look.beard
    if full or moustache:
        parts += beard_parts(model, regions, head, hair.colour, rng, length=length, full=full, moustache=moustache)
    # what lies flat is painted on the skin; the bushiest brows stand off it
    brows = None
    if look.brows > 0.7:
        brows = brow_part(model, regions, head, brow_tone(look), rng, density=0.35 * look.brows)
    if brows is not None:
        parts.append(brows)
    if look.glasses:
        parts += glasses_parts(model, head, rng)
    if look.hand:
        parts += hand_parts(look.complexion.tone, rng)
    garments, neckline = clothes_parts(rng)
    return parts + garments, neckline


def dressed(
    model: HeadModel,
    regions: Regions,
    look: Look,
    rng: np.random.Generator,
    *,
    seed: int = 0,
    parts: tuple[list[Part], Float] | None = None,
    texture_size: int = SIZE,
) -> Person:
    """The person with this look.

    Args:
        model: the head model.
        regions: of the model.
        look: what the person looks like.
        rng: source of chance for everything that the look leaves open.
        seed: kept for reference.
        parts: what hangs on the person, and the neckline; None makes it from the look.
        texture_size: side of the detail textures in texels; larger for large pictures.
    """
    head = model.vertices.copy()
    add_shapes(head, model.identity, look.identity)
    hung, neckline = parts_of(model, regions, head, look, rng) if parts is None else parts
    drawn = regions.drawn
    flags = drawn.flags.copy()
    flags[covered_by(neckline - 1.2, model.vertices)[drawn.faces].all(1)] |= HIDDEN

    albedo = skin_colours(model, regions, look.complexion, look.hair.colour, rng)
    albedo[drawn.teeth] = tooth_colours(model.vertices[drawn.teeth], drawn.crevice, look.mouth, rng)
    albedo[drawn.gums] = gum_colours(model.vertices[drawn.gums], rng)
    albedo[drawn.lashes] = look.eyes.lash_tone
    albedo[drawn.socket] = np.array([0.14, 0.035, 0.03])
    starts = np.cumsum([len(model.vertices)] + [len(part.parent) for part in hung])
    own = [np.where(part.parent[:, None] >= 0, head[part.parent], 0) + part.offset for part in hung]
    follows = [np.where(part.parent >= 0, drawn.follow[part.parent], part.follow).astype(np.float32) for part in hung]
    occlusions = [
        np.where(part.parent >= 0, 0.35 + 0.65 * drawn.occlusion[part.parent], 1.0).astype(np.float32) for part in hung
    ]
    soft = [
        start + np.arange(len(part.parent))
        for start, part in zip(starts[:-1], hung, strict=True)
        if part.kind == Kind.HAIR
    ]
    rest = np.concatenate([model.vertices, *own]).astype(np.float32)
    softened = np.concatenate(soft).astype(np.int64) if soft else np.zeros(0, np.int64)
    away = rest[softened] - SCALP_CENTRE
    # hair that hangs below the head is lit as a curtain, not as the underside of a ball
    away[:, 1] = np.maximum(away[:, 1], -1.0)
    away /= np.linalg.norm(away, axis=1, keepdims=True) + 1e-6
    points = model.skin_points.at(model.vertices)
    map_size = texture_size * 3 // 2
    rough = {"photograph": 1.0, "oil": 0.5, "smooth": 0.4, "drawing": 0.3, "flat": 0.0}[look.manner]
    return Person(
        seed=seed,
        look=look,
        head=head,
        faces=np.concatenate([drawn.faces] + [p.faces + s for p, s in zip(hung, starts[:-1], strict=True)]).astype(
            np.int32
        ),
        skin_faces=drawn.skin_faces,
        flags=np.concatenate([flags] + [np.full(len(p.faces), p.flags, np.uint8) for p in hung]),
        layer=np.concatenate([drawn.layer] + [np.full(len(p.faces), p.layer, np.uint8) for p in hung]),
        kind=np.concatenate([drawn.kind] + [np.full(len(p.faces), p.kind, np.uint8) for p in hung]),
        corner_uv=np.concatenate([drawn.corner_uv] + [p.corner_uv for p in hung]).astype(np.float32),
        parent=np.concatenate([np.zeros(0, np.int32)] + [p.parent for p in hung]),
        along=np.concatenate([np.zeros(0, np.float32)] + [p.along for p in hung]),
        offset=np.concatenate([np.zeros((0, 3), np.float32)] + [p.offset for p in hung]),
        follow=np.concatenate([drawn.follow, *follows]).astype(np.float32),
        rest=rest,
        albedo=np.concatenate([albedo, *[p.albedo for p in hung]]).astype(np.float32),
        occlusion=np.concatenate([drawn.occlusion, *occlusions]).astype(np.float32),
        soft=softened,
        soft_normals=away.astype(np.float32),
        surface=_surface(look, rng),
        paint=paint_face(points, look.complexion, brow_tone(look), rng, brows=look.brows, size=map_size, rough=rough),
        creases=crease_map(points, rng, size=map_size),
        painted=len(drawn.faces),
        detail=detail_stack(look.manner, rng, texture_size),
        detail_of=np.array([0, -1, -1, -1, 1, 2, -1], np.int32),
    )


def _surface(look: Look, rng: np.random.Generator) -> Float:
    """(kinds, 4) specular strength, exponent, detail strength, wrap of each `Kind`."""
    manner = look.manner
    shine = {"photograph": 1.0, "oil": 0.6, "smooth": 0.6, "drawing": 0.15, "flat": 0.2}[manner]
    rough = 1.0 if manner != "photograph" else float(rng.uniform(0.4, 1.0))
    return np.array(
        [
            [shine * rng.uniform(0.015, 0.10), rng.uniform(7, 30), rough, 0.35],
            [0.9 * look.eyes.gloss * max(shine, 0.5), 300.0, 0.0, 0.25],
            [(0.05 + 0.6 * look.mouth.wet) * shine, 70.0, 0.0, 0.3],
            [(0.04 + 0.35 * look.mouth.wet) * shine, 45.0, 0.0, 0.3],
            [shine * rng.uniform(0.01, 0.07), 14.0, 0.8 * rough, 0.4],
            [shine * rng.uniform(0.0, 0.03), 10.0, rough, 0.15],
            [0.3 * shine, 30.0, 0.0, 0.1],
        ],
        np.float32,
    )


__all__ = ["Eyes", "Layer", "Look", "Person", "dressed", "parts_of", "random_look"]
