"""Hair, beards, hats: parts that lie on the skull or hang from it."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.model import BACK, FACE, HeadModel
from portrait_alive.heads.noise import space_noise
from portrait_alive.heads.parts import Kind, Layer, Part, ribbons, sheet, shell
from portrait_alive.heads.regions import SCALP_CENTRE, Regions, hair_depth, spherical_bins
from portrait_alive.types import Float

HairCut = Literal["bald", "buzz", "short", "curly", "long", "bob", "bun", "afro"]

# Linear RGB: black, dark brown, brown, light brown, blond, red, grey, white
HAIR_COLOURS = np.array(
    [
        [0.008, 0.007, 0.007], [0.022, 0.013, 0.009], [0.055, 0.028, 0.015], [0.12, 0.065, 0.03],
        [0.36, 0.22, 0.09], [0.22, 0.065, 0.02], [0.25, 0.24, 0.23], [0.6, 0.58, 0.55],
    ],
    np.float32,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class HairStyle:
    """How a person's hair is worn."""

    cut: HairCut
    colour: Float
    """(3,) linear RGB."""
    rise: float
    """Model units the hairline is raised over the forehead."""
    recede: float
    """Model units the temples are bared by."""
    volume: float
    """Model units the hair stands off the skull."""
    length: float
    """Model units the strands hang down."""
    fringe: float
    """0..1: how much of the forehead strands cover."""
    parting: float
    """Model units to the subject's left of the middle where the hair parts."""
    wave: float
    """0..1: curliness of the strands."""


def random_hair(rng: np.random.Generator, *, woman: float) -> HairStyle:
    """A random hair style; `woman` in 0..1 makes long hair likelier."""
    cuts: list[HairCut] = ["bald", "buzz", "short", "curly", "long", "bob", "bun", "afro"]
    male = np.array([0.1, 0.14, 0.42, 0.12, 0.08, 0.04, 0.04, 0.06])
    female = np.array([0.01, 0.02, 0.1, 0.08, 0.4, 0.17, 0.16, 0.06])
    chance = male * (1 - woman) + female * woman
    cut = cuts[int(rng.choice(len(cuts), p=chance / chance.sum()))]
    colour = HAIR_COLOURS[int(rng.choice(len(HAIR_COLOURS), p=[0.2, 0.22, 0.18, 0.1, 0.12, 0.05, 0.08, 0.05]))]
    volumes = {"bald": 0.0, "buzz": 0.12, "short": 0.8, "curly": 1.5, "long": 0.6, "bob": 0.8, "bun": 0.4, "afro": 3.0}
    lengths = {"bald": 0.0, "buzz": 0.0, "short": 2.8, "curly": 3.0, "long": 17.0, "bob": 9.5, "bun": 2.0, "afro": 1.5}
    return HairStyle(
        cut=cut,
        colour=(colour * np.exp(rng.normal(size=3) * 0.12) * np.exp(rng.normal() * 0.25)).astype(np.float32),
        rise=float(rng.normal() * 0.5),
        recede=float(max(rng.normal() * 0.8, -0.4)) * (1.0 - 0.6 * woman),
        volume=volumes[cut] * float(np.exp(rng.normal() * 0.3)),
        length=lengths[cut] * float(np.exp(rng.normal() * 0.25)),
        fringe=float(rng.random() ** 2) if cut in ("short", "curly", "long", "bob", "afro") else 0.1,
        parting=float(rng.normal() * 2.5),
        wave=float(rng.random()) if cut != "curly" else 1.0,
    )


def hair_parts(
    model: HeadModel,
    regions: Regions,
    head: Float,
    style: HairStyle,
    rng: np.random.Generator,
    *,
    hat: NDArray[np.bool_] | None = None,
) -> list[Part]:
    """The hair of one person.

    Args:
        model: the head model.
        regions: of the model.
        head: (V, 3) the person's own neutral mesh.
        style: how it is worn.
        rng: source of chance.
        hat: (V,) vertices under a hat: no strands start there, and the hair lies flat.
    """
    if style.cut == "bald":
        return []
    if hat is not None:
        style = replace(style, volume=style.volume * 0.35, fringe=style.fringe * 0.3)
    depth = np.where(regions.outer & ~regions.ears, hair_depth(model.vertices, style.rise, style.recede), -20).astype(
        np.float32
    )
    depth += 0.35 * space_noise(model.vertices, rng, size=1.2, octaves=2)
    covered = np.where(depth > 0)[0]
    if len(covered) < 30:
        return []
    parts = [
        _cap(model, depth, style, rng),
        *_strands(model, regions, head, depth if hat is None else np.where(hat, -1, depth), style, rng),
    ]
    if style.cut == "bun":
        parts.append(_bun(style, rng))
    return parts


def _cap(model: HeadModel, depth: Float, style: HairStyle, rng: np.random.Generator) -> Part:
    """The mass of hair over the scalp, thin at its edge."""
    members = np.where(depth > 0)[0]
    edge = np.clip(depth[members] / (1.2 + 0.5 * style.volume), 0, 1)
    rough = space_noise(model.vertices[members], rng, size=2.0 if style.cut in ("afro", "curly") else 3.0, octaves=3)
    lift = {"bald": 0.0, "buzz": 0.1, "short": 0.55, "curly": 0.6, "long": 0.6, "bob": 0.7, "bun": 0.7, "afro": 0.9}
    thickness = 0.06 + style.volume * lift[style.cut] * edge**0.5 * np.clip(1 + 0.35 * rough, 0.2, 2)
    streak = space_noise(model.vertices[members], rng, size=0.8, octaves=2, stretch=(3.0, 0.6, 1.0))
    albedo = style.colour[None] * (0.75 + 0.25 * streak[:, None]).clip(0.3, 1.4)
    pick = np.isin(model.material, (FACE, BACK))
    return shell(
        members,
        thickness,
        model.faces[pick],
        model.uv[model.uv_faces[pick]],
        albedo,
        layer=Layer.HAIR,
        kind=Kind.HAIR,
    )


def _bun(style: HairStyle, rng: np.random.Generator) -> Part:
    """A knot of hair on the crown or the nape."""
    high = rng.random() < 0.5
    centre = np.array([0.0, 14.2, -4.0]) if high else np.array([0.0, 4.5, -11.5])
    size = float(rng.uniform(1.8, 3.2))
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    rows = []
    for t in np.linspace(-np.pi / 2, np.pi / 2, 12):
        swirl = 1 + 0.1 * np.sin(4 * angle + 5 * t)
        ring = np.stack(
            [np.cos(angle) * np.cos(t) * swirl, np.full(20, np.sin(t)), -np.sin(angle) * np.cos(t) * swirl], 1
        )
        rows.append(centre + ring * size * np.array([1.1, 0.85, 1.0]))
    points = np.stack(rows).astype(np.float32)
    streak = 0.85 + 0.3 * rng.random((12, 20, 1))
    albedo = np.clip(style.colour * streak, 0, 1).astype(np.float32)
    return sheet(points, np.ones((12, 20), np.float32), albedo, layer=Layer.HAIR, kind=Kind.HAIR, tile=3.0)


RIBBONS = {"short": 750, "curly": 800, "long": 900, "bob": 850, "bun": 420, "afro": 900, "buzz": 0, "bald": 0}
HALF_WIDTH = {"short": 0.2, "curly": 0.26, "long": 0.36, "bob": 0.36, "bun": 0.28, "afro": 0.24}
CLING = {"short": 0.3, "curly": 0.0, "long": 0.85, "bob": 0.8, "bun": 0.95, "afro": 0.0}
FALL = {"long": 1.0, "bob": 0.9, "short": 0.25, "curly": 0.25, "afro": 0.0, "bun": 0.1}
STEPS = 9


def _strands(
    model: HeadModel, regions: Regions, head: Float, depth: Float, style: HairStyle, rng: np.random.Generator
) -> list[Part]:
    """Locks that follow the skull, hang and end in the air."""
    count = RIBBONS[style.cut]
    if style.length <= 0 or count == 0:
        return []
    pool = np.where(depth > 0.1)[0]
    if len(pool) < 10:
        return []
    roots = rng.choice(pool, count)
    root = head[roots]
    local = model.vertices[roots]
    outward = root - SCALP_CENTRE
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    front = np.clip((local[:, 2] - 1) / 6, 0, 1) * np.clip((local[:, 1] - 7) / 3, 0, 1)
    over = front * (rng.random(count) < style.fringe)
    direction = 0.3 * outward + _combed(local, front, over, style, rng)
    length = style.length * np.exp(rng.normal(size=count) * 0.16)
    # a fringe is cut above or across the eyes, the rest at its own length
    length = np.where(over > 0.05, np.minimum(length, rng.uniform(2.0, 5.0)), length)
    stride = (length / (STEPS - 1))[:, None]
    lift = style.volume * (0.4 + 0.6 * rng.random(count) ** 2) + 0.1
    point = root + outward * 0.08
    paths = [point]
    phase = rng.uniform(0, 6.28, count)
    curl = style.wave * (0.25 if style.cut in ("long", "bob", "short", "bun") else 0.8)
    behind = local[:, 2] + rng.normal(size=count) * 1.5 < 0.5
    for step in range(1, STEPS):
        # once over the skull's side, weight wins over the comb
        weight = FALL[style.cut] * (0.35 + 0.9 * np.clip((6.0 - point[:, 1]) / 4.0, 0, 1))[:, None]
        direction = direction * (1 - 0.65 * np.minimum(weight, 1)) + np.array([0, -1.0, 0]) * weight
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        wavy = np.stack([np.sin(phase + step * 1.7), 0 * phase, np.cos(phase + step * 1.7)], 1)
        heading = direction + wavy * curl
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        above = np.asarray(lift * min(1.0, step / 3) + 0.05, np.float32)
        point = _off_head(regions, point + heading * stride, above, cling=CLING[style.cut])
        point = _off_body(point, behind)
        if style.cut in ("long", "bob"):
            point = _off_face(point, over, rng)
        paths.append(point)
    path = np.stack(paths, 1).astype(np.float32)
    tangent = np.gradient(path, axis=1)
    across = np.cross(tangent, path - SCALP_CENTRE)
    across /= np.linalg.norm(across, axis=2, keepdims=True) + 1e-6
    across += rng.normal(size=(count, 1, 3)) * 0.3
    half_width = HALF_WIDTH[style.cut] * np.exp(rng.normal(size=(count, 1, 1)) * 0.3)
    streak = np.exp(rng.normal(size=(count, 1)) * 0.22 + 0.15 * np.sin(local[:, :1] * 2.5))
    return [
        ribbons(
            path,
            (across * half_width).astype(np.float32),
            roots.astype(np.int32),
            style.colour[None] * streak,
            anchors=root,
            layer=Layer.HAIR,
        )
    ]


def _combed(local: Float, front: Float, over: Float, style: HairStyle, rng: np.random.Generator) -> Float:
    """(n, 3) which way hair rooted at `local` (n, 3) is combed, model axes."""
    count = len(local)
    if style.cut == "bun":
        back = np.array([0.0, 7.0, -9.5]) - local
        return np.asarray(back / np.linalg.norm(back, axis=1, keepdims=True), np.float32)
    side = np.where(local[:, 0] + rng.normal(size=count) * 0.5 > style.parting, 1.0, -1.0)
    comb = np.stack([side * (0.9 - 0.6 * over), -0.1 - 0.3 * over, -0.7 * front * (1 - over) - 0.25 + 1.1 * over], 1)
    if style.cut in ("short", "curly", "afro"):
        sweep = {0: [0.9 * np.sign(style.parting), 0.1, 0.3], 1: [0, 0.2, -1.0], 2: [0, 0.3, 0.9]}
        chosen = np.array(sweep[int(abs(style.parting) * 10) % 3])
        top = np.clip((local[:, 1:2] - 6) / 4, 0, 1)
        comb = comb * (1 - top) + chosen * top
        comb = comb + rng.normal(size=(count, 3)) * (0.2 if style.cut == "short" else 0.9)
    return np.asarray(comb, np.float32)


def _off_head(regions: Regions, point: Float, lift: Float, *, cling: float) -> Float:
    """`point` (n, 3) pushed out of the skull to at least `lift` (n,) above its skin, and drawn to it by `cling`."""
    rel = point - SCALP_CENTRE
    a, e = spherical_bins(rel)
    far = np.linalg.norm(rel, axis=1)
    near = regions.skull_radius[a, e] + lift
    drawn = np.where(point[:, 1] > -1.0, far + (np.minimum(near, far) - far) * cling, far)
    at = np.where(point[:, 1] > -7, np.maximum(drawn, near), far)
    return np.asarray(SCALP_CENTRE + rel * (at / np.maximum(far, 1e-3))[:, None], np.float32)


def _off_body(point: Float, behind: NDArray[np.bool_]) -> Float:
    """`point` (n, 3) laid before or behind neck and shoulders, as `behind` (n,) says."""
    x, y, z = point.T
    half_x = np.interp(-y, [6, 9, 12, 15, 20], [6.0, 7.2, 12.0, 16.0, 20.0])
    half_z = np.interp(-y, [6, 9, 12, 15, 20], [5.5, 6.2, 7.6, 8.8, 10.5])
    rim = half_z * np.sqrt(np.clip(1 - (x / half_x) ** 2, 0, 1))
    inside = (y < -6) & (np.abs(z + 3) < rim)
    laid = np.where(behind, -3 - rim, -3 + rim)
    moved = np.where(inside, z + np.clip(laid - z, -2.0, 2.0), z)
    return np.stack([x, y, moved], 1)


def _off_face(point: Float, over: Float, rng: np.random.Generator) -> Float:
    """`point` (n, 3) kept beside the face, unless it belongs to a fringe."""
    clear = (point[:, 2] > 3.0) & (point[:, 1] < 7.0) & (point[:, 1] > -9) & (over < 0.05)
    side = np.where(np.abs(point[:, 0]) < 0.3, rng.choice([-1.0, 1.0], len(point)), np.sign(point[:, 0]))
    near = 6.6 - 0.12 * np.clip(6.0 - point[:, 1], 0, 8)
    x = np.where(clear, side * np.maximum(np.abs(point[:, 0]), near), point[:, 0])
    z = np.where(clear, np.minimum(point[:, 2], 6.5), point[:, 2])
    return np.stack([x, point[:, 1], z], 1)


def beard_parts(
    model: HeadModel,
    regions: Regions,
    head: Float,
    colour: Float,
    rng: np.random.Generator,
    *,
    length: float,
    full: bool,
    moustache: bool,
) -> list[Part]:
    """A beard of short strands on jaw and chin, and a moustache.

    Args:
        model: the head model.
        regions: of the model.
        head: (V, 3) the person's own neutral mesh.
        colour: (3,) linear RGB.
        rng: source of chance.
        length: model units.
        full: whether jaw and chin carry hair.
        moustache: whether the upper lip does.
    """
    parts = []
    pools = [(regions.beard, full, 1300, 0.15), (regions.moustache, moustache, 350, 0.8)]
    for number, (field, worn, count, spread) in enumerate(pools):
        pool = np.where(field > 0.05)[0]
        if not worn or len(pool) < 10:
            continue
        reach = min(length, 0.9) if number == 1 else length
        parts.append(_beard_mass(model, field, colour, reach, rng))
        roots = rng.choice(pool, count)
        root = head[roots]
        outward = root - np.array([0.0, -1.0, 2.0], np.float32)
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        sideways = np.sign(root[:, :1]) * np.array([[spread, 0, 0]])
        heading = 0.6 * outward + np.array([0, -0.7, 0.1]) + sideways + rng.normal(size=(count, 3)) * 0.22
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        t = np.linspace(0, 1, 4)[None, :, None]
        lengths = (0.25 + reach * np.exp(rng.normal(size=(count, 1, 1)) * 0.25)) * 0.8
        path = root[:, None] + 0.05 * outward[:, None] + heading[:, None] * t * lengths
        path = path + outward[:, None] * 0.4 * lengths * (t * (1 - t))
        across = np.cross(heading, outward)
        across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-6
        half_width = np.broadcast_to(across[:, None] * 0.16, path.shape)
        colours = colour[None] * np.exp(rng.normal(size=(count, 1)) * 0.25)
        parts.append(
            ribbons(
                path.astype(np.float32),
                half_width.astype(np.float32),
                roots.astype(np.int32),
                colours,
                anchors=root,
                layer=Layer.HAIR,
                first=5000 + 2000 * number,
            )
        )
    return parts


def _beard_mass(model: HeadModel, field: Float, colour: Float, length: float, rng: np.random.Generator) -> Part:
    """The mass of a beard under its strands, thin and ragged at its edge."""
    members = np.where(field > 0)[0]
    at = model.vertices[members]
    ragged = space_noise(at, rng, size=0.8, octaves=2)
    edge = np.clip(field[members] / (0.8 + 0.4 * length) + 0.3 * ragged, 0, 1)
    streak = 0.8 + 0.25 * space_noise(at, rng, size=0.6, octaves=2, stretch=(2.0, 0.6, 1.0))
    pick = model.material == FACE
    return shell(
        members,
        (edge * (0.03 + 0.3 * length)).astype(np.float32) - 0.02,
        model.faces[pick],
        model.uv[model.uv_faces[pick]],
        colour[None] * np.clip(streak, 0.4, 1.4)[:, None],
        layer=Layer.HAIR,
        kind=Kind.HAIR,
    )
