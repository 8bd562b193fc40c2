"""Hair, beards, hats: parts that lie on the skull or hang from it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from portrait_alive.heads.model import BACK, FACE, HeadModel
from portrait_alive.heads.noise import space_noise
from portrait_alive.heads.parts import Kind, Layer, Part, ribbons, shell
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
    model: HeadModel, regions: Regions, head: Float, style: HairStyle, rng: np.random.Generator
) -> list[Part]:
    """The hair of one person.

    Args:
        model: the head model.
        regions: of the model.
        head: (V, 3) the person's own neutral mesh.
        style: how it is worn.
        rng: source of chance.
    """
    if style.cut == "bald":
        return []
    depth = np.where(
        regions.outer & ~regions.ears, hair_depth(model.vertices, style.rise, style.recede), -20
    ).astype(np.float32)
    depth += 0.35 * space_noise(model.vertices, rng, size=1.2, octaves=2)
    covered = np.where(depth > 0)[0]
    if len(covered) < 30:
        return []
    return [
        _cap(model, head, depth, style, rng),
        *_strands(model, regions, head, depth, style, rng),
    ]


def _cap(model: HeadModel, head: Float, depth: Float, style: HairStyle, rng: np.random.Generator) -> Part:
    """The mass of hair over the scalp, thin at its edge."""
    members = np.where(depth > 0)[0]
    edge = np.clip(depth[members] / (1.2 + 0.5 * style.volume), 0, 1)
    rough = space_noise(model.vertices[members], rng, size=2.0 if style.cut in ("afro", "curly") else 3.0, octaves=3)
    lift = {"bald": 0.0, "buzz": 0.1, "short": 0.55, "curly": 0.6, "long": 0.6, "bob": 0.7, "bun": 0.7, "afro": 0.9}
    thickness = 0.06 + style.volume * lift[style.cut] * edge**0.5 * np.clip(1 + 0.35 * rough, 0.2, 2)
    streak = space_noise(model.vertices[members] * np.array([3, 1, 1], np.float32), rng, size=0.8, octaves=2)
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


def _strands(
    model: HeadModel, regions: Regions, head: Float, depth: Float, style: HairStyle, rng: np.random.Generator
) -> list[Part]:
    """Locks that follow the skull, hang and end in the air."""
    if style.length <= 0:
        return []
    count = {"short": 420, "curly": 520, "long": 420, "bob": 420, "bun": 300, "afro": 600}.get(style.cut, 0)
    if count == 0:
        return []
    roots = rng.choice(np.where(depth > 0.15)[0], count)
    root = head[roots]
    steps = 9
    local = model.vertices[roots]
    side = np.where(local[:, 0] + rng.normal(size=count) * 0.6 > style.parting, 1.0, -1.0)
    outward = root - SCALP_CENTRE
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    front = np.clip((local[:, 2] - 1) / 6, 0, 1) * np.clip((local[:, 1] - 7) / 3, 0, 1)
    over = front * (rng.random(count) < style.fringe)
    comb = np.stack(
        [side * (0.9 - 0.6 * over), np.full(count, -0.15) - 0.3 * over, -0.8 * front * (1 - over) - 0.3 + 1.0 * over], 1
    )
    if style.cut in ("bun",):
        comb = np.array([[0.0, 6.0, -9.0]]) - local + 0.0
        comb /= np.linalg.norm(comb, axis=1, keepdims=True)
    if style.cut in ("short", "curly", "afro"):
        comb = comb * 0.6 + rng.normal(size=(count, 3)) * (0.35 if style.cut == "short" else 0.9)
    length = style.length * np.exp(rng.normal(size=count) * 0.2)
    # a fringe is cut above or across the eyes, the rest at its own length
    length = np.where(over > 0.05, np.minimum(length, rng.uniform(2.0, 5.5)), length)
    stride = (length / (steps - 1))[:, None]
    lift = style.volume * (0.5 + 0.5 * rng.random(count)) + 0.12
    direction = 0.5 * outward + comb
    point = root + outward * 0.1
    paths = [point]
    fall = {"long": 1.0, "bob": 0.9, "short": 0.35, "curly": 0.3, "afro": 0.0, "bun": 0.25}.get(style.cut, 0.5)
    phase = rng.uniform(0, 6.28, count)
    for step in range(1, steps):
        direction = direction * 0.75 + np.array([0, -1.0, 0]) * fall * 0.45
        wavy = np.stack([np.sin(phase + step * 1.9), 0 * phase, np.cos(phase + step * 1.9)], 1)
        heading = direction + wavy * style.wave * 0.45
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        point = point + heading * stride
        rel = point - SCALP_CENTRE
        a, e = spherical_bins(rel)
        floor = regions.skull_radius[a, e] + lift * min(1.0, step / 3) + 0.05
        far = np.linalg.norm(rel, axis=1)
        above = point[:, 1] > -7
        pushed = SCALP_CENTRE + rel / far[:, None] * np.maximum(far, floor)[:, None]
        point = np.where(above[:, None], pushed, point)
        # hair falls outside neck and shoulders
        low = point[:, 1] < -6
        wide = np.hypot(point[:, 0], point[:, 2] + 3)
        need = np.interp(-point[:, 1], [6, 9, 12, 15, 20], [6.5, 7.0, 8.5, 11.0, 13.0])
        grow = np.where(low & (wide < need), need / np.maximum(wide, 0.1), 1.0)
        point = np.stack([point[:, 0] * grow, point[:, 1], (point[:, 2] + 3) * grow - 3], 1)
        # strands of long hair stay beside the face unless they are a fringe
        if style.cut in ("long", "bob"):
            clear = (point[:, 2] > 4.0) & (point[:, 1] < 6.5) & (over < 0.05)
            aside = np.maximum(np.abs(point[:, 0]), 6.0 + 0.12 * (point[:, 2] - 4.0))
            x = np.where(clear, np.sign(point[:, 0] + 1e-6 * side) * aside, point[:, 0])
            z = np.where(clear, np.minimum(point[:, 2], 6.0), point[:, 2])
            point = np.stack([x, point[:, 1], z], 1)
        paths.append(point)
    path = np.stack(paths, 1).astype(np.float32)
    tangent = np.gradient(path, axis=1)
    away = path - SCALP_CENTRE
    across = np.cross(tangent, away)
    across /= np.linalg.norm(across, axis=2, keepdims=True) + 1e-6
    across += rng.normal(size=(count, 1, 3)) * 0.25
    half = {"long": 0.42, "bob": 0.42, "short": 0.3, "curly": 0.3, "afro": 0.3, "bun": 0.4}[style.cut]
    half_width = half * np.exp(rng.normal(size=(count, 1, 1)) * 0.3)
    colours = style.colour[None] * np.exp(rng.normal(size=(count, 1)) * 0.3)
    return [
        ribbons(
            path,
            (across * half_width).astype(np.float32),
            roots.astype(np.int32),
            colours,
            anchors=root,
            layer=Layer.HAIR,
        )
    ]


def beard_parts(
    model: HeadModel, regions: Regions, head: Float, colour: Float, rng: np.random.Generator, *, length: float,
    full: bool, moustache: bool,
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
    pools = []
    if full:
        pools.append((np.where(regions.beard > 0.1)[0], 700))
    if moustache:
        pools.append((np.where(regions.moustache > 0)[0], 220))
    parts = []
    for number, (pool, count) in enumerate(pools):
        if len(pool) < 10:
            continue
        roots = rng.choice(pool, count)
        root = head[roots]
        outward = root - np.array([0.0, -1.0, 2.0], np.float32)
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        sideways = np.sign(root[:, :1]) * np.array([[0.8 if number == 1 else 0.15, 0, 0]])
        heading = 0.45 * outward + np.array([0, -0.8, 0.05]) + sideways + rng.normal(size=(count, 3)) * 0.2
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        reach = np.minimum(length, 0.9) if number == 1 else length
        t = np.linspace(0, 1, 4)[None, :, None]
        path = root[:, None] + 0.04 * outward[:, None] + heading[:, None] * t * reach * np.exp(
            rng.normal(size=(count, 1, 1)) * 0.25
        )
        path = path + outward[:, None] * 0.35 * reach * (t * (1 - t))
        across = np.cross(heading, outward)
        across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-6
        half_width = np.broadcast_to(across[:, None] * 0.2, path.shape)
        colours = colour[None] * np.exp(rng.normal(size=(count, 1)) * 0.3)
        parts.append(
            ribbons(
                path.astype(np.float32), half_width.astype(np.float32), roots.astype(np.int32), colours,
                anchors=root, layer=Layer.HAIR, first=5000 + 1000 * number,
            )
        )  # fmt: skip
    return parts
