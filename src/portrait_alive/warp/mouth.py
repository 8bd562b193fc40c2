"""The mouth per frame: where the skin around it comes from, and between the lips what they uncover."""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.types import Bytes, DrivenFace, Float
from portrait_alive.warp.bite import Bite
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.detail import Cut
from portrait_alive.warp.head_field import RigidMotion
from portrait_alive.warp.mouth_layer import MouthLayer
from portrait_alive.warp.seen_inside import seen_inside
from portrait_alive.warp.teeth import Arch, lower_row, tongue, upper_row

_GROWS_FROM, _GROWS_TO = 1.3, 1.25
"""Usual widths that a mouth is wide when teeth begin to grow along, and how much larger they get at most: a mouth as
wide as that says that its face's teeth are larger than was thought."""
_ARCH_REACH = 1.1
"""How far rows of teeth reach at least, over the way from their middle to the corners of the source's mouth."""
_SLACK = 0.06
"""Drop of the jaw, in mouth widths, that does not part them yet."""
_BEYOND = (0.07, 0.02)
"""Mouth widths beyond the upper and the lower edge of the source's opening over which its last row still stands in."""
_LONGER = 2.2
"""How much longer lower teeth that the source shows in part may become."""
_ROUND = 0.8
"""Exponent of the almond that an opening stays inside of (0.5 is an ellipse): mesh points make a trapezoid of it."""
_LIT_GAPS = (0.02, 0.14)
"""Gaps, in mouth widths, from which light falls in, and falls in fully: lips that part show dark before teeth."""
_LEAST_LIGHT = 0.35
_KNOWN = 0.2
"""Lightness of the lightest cell from which what the driver's mouth shows is believed: seams to motions that do not
know are eased from 0."""
_LIP_SHADE = (0.30, 0.16)
"""Darkening of the upper and of the lower lip where they turn inwards."""
_RIM = 0.015
"""Mouth widths inside the lips' edge over which they go over into what is between them, at most ..."""
_RIM_OF_GAP = 0.2
"""... this share of the opening's height: lips are round."""
_LIP_SHADE_REACH = 0.022
"""Mouth widths over which it fades out."""


@dataclass(frozen=True, eq=False)
class MouthFrame:
    """The mouth of one output frame: where its skin comes from, and its opening."""

    offset: tuple[int, int]
    """(x, y) whole pixels by which the rectangle has followed the mouth."""
    cut: Cut
    opening: Opening
    u: Float
    """(h, w) along the opening, pixels."""
    v: Float
    upper: Float
    """(h, w) v of the upper lip's edge at each pixel's u."""
    lower: Float


def mouth_frame(
    layer: MouthLayer,
    coarse: Float,
    moved: Float,
    driven: Float,
    *,
    offset: tuple[int, int],
    shift: tuple[float, float],
    factor: int,
) -> MouthFrame:
    """Find where the skin around the mouth comes from.

    Args:
        layer: the mouth taken apart.
        coarse: (rows, columns, 2) the region's displacement field.
        moved: (P, 2) displacement of the points.
        driven: (P, 3) points of the frame.
        offset: (x, y) from `Detail.offset`.
        shift: (x, y) pixels from this rectangle's corner back to the region's.
        factor: enlargement of the region's texture.
    """
    detail = layer.detail
    skins = (layer.upper_skin, layer.lower_skin)
    upper_sheet, lower_sheet = (
        detail.grid.full_size(origins, shift=shift, factor=factor)
        for origins in detail.origins(coarse, skins, moved, offset=offset, blurs=(0.7, 0.7))
    )
    opening = _rounded(Opening.between(driven, topology.UPPER_LIP_INNER, topology.LOWER_LIP_INNER), layer.opening)
    u, v = opening.axes(detail.x + np.float32(offset[0]), detail.y + np.float32(offset[1]))
    upper, lower = opening.curves_at(u)
    below = np.clip(v - (upper + lower) / 2 + 0.5, 0, 1).astype(np.float32)
    return MouthFrame(offset, detail.cut(upper_sheet, lower_sheet, below), opening, u, v, upper, lower)


def _rounded(opening: Opening, rest: Opening) -> Opening:
    """The opening without sharp corners, as far as it is wider open than the source's."""
    grown = smoothstep(0.05, 0.25, opening.gap / opening.width - rest.gap / rest.width)
    if grown == 0:
        return opening
    gap, middle = opening.lower - opening.upper, (opening.lower + opening.upper) / 2
    aside = np.abs(2 * opening.u / opening.width - 1)
    most = opening.gap * (1 - np.minimum(aside, 1) ** 2) ** _ROUND
    half = (gap + np.float32(grown) * (np.minimum(gap, most) - gap)) / 2
    return replace(opening, upper=(middle - half).astype(np.float32), lower=(middle + half).astype(np.float32))


def paint_mouth(
    layer: MouthLayer, frame: MouthFrame, view: Bytes, source: Float, driven: DrivenFace, rigid: RigidMotion
) -> Float:
    """Paint what is between the lips, in place.

    Args:
        layer: the mouth taken apart.
        frame: from `mouth_frame`.
        view: (h, w, 3) uint8 the mouth's rectangle with its skin.
        source: (P, 3) points of the source.
        driven: the frame.
        rigid: the skull's motion.

    Returns:
        (h, w) in [0, 1]: how much of each pixel the source did not supply.
    """
    # an open mouth's inside reaches under the lips by a hair, or their seam would show
    tuck = np.float32(0.008 * frame.opening.width * smoothstep(0.01, 0.06, frame.opening.gap / frame.opening.width))
    gap = frame.lower - frame.upper
    tucked = tuck * np.minimum(gap * np.float32(10 / frame.opening.width), 1)  # not where corners close
    upper, lower = frame.upper - tucked, frame.lower + tucked
    cover = frame.opening.coverage(frame.u, frame.v, upper, lower, softness=layer.softness)
    rim = np.minimum(np.float32(_RIM * frame.opening.width), np.float32(_RIM_OF_GAP) * (lower - upper))
    within = np.minimum(frame.v - upper, lower - frame.v)
    cover *= np.clip(0.5 + within / np.maximum(rim, 1e-3), 0, 1)
    made = np.zeros(cover.shape, np.float32)
    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    if len(rows) == 0:
        return made
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    _shade_lips(layer, frame, view, box)
    colours, drawn = _inside(layer, frame, box, source, driven, rigid)
    share = cover[box]
    under = view[box].astype(np.float32)
    view[box] = np.clip(under + (colours - under) * share[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)
    made[box] = drawn * share
    return made


def _shade_lips(layer: MouthLayer, frame: MouthFrame, view: Bytes, box: tuple[slice, slice]) -> None:
    """Darken the lips, in place, where they turn inwards: they are round, and a mere cut has a knife's edge."""
    opening, rest = frame.opening, layer.opening
    parted = smoothstep(0.02, 0.12, opening.gap / opening.width - rest.gap / rest.width)
    if parted == 0:
        return
    reach = np.float32(max(_LIP_SHADE_REACH * opening.width, 1.0))
    more = int(4 * reach)
    rows, columns = slice(max(box[0].start - more, 0), box[0].stop + more), box[1]
    u, v, upper, lower = (plane[rows, columns] for plane in (frame.u, frame.v, frame.upper, frame.lower))
    above, below = upper - v, v - lower
    darker = np.where(above > below, np.float32(_LIP_SHADE[0]), np.float32(_LIP_SHADE[1]))
    away = np.maximum(np.maximum(above, below), 0)
    aside = np.clip(np.minimum(u, opening.width - u) / (0.2 * opening.width), 0, 1)
    shade = darker * np.exp(-away / reach) * aside * np.float32(parted)
    part = view[rows, columns]
    part[:] = (part * (1 - shade)[..., None] + np.float32(0.5)).astype(np.uint8)


def _inside(
    layer: MouthLayer,
    frame: MouthFrame,
    box: tuple[slice, slice],
    source: Float,
    driven: DrivenFace,
    rigid: RigidMotion,
) -> tuple[Float, Float]:
    """Colours between the lips, and how much of them is drawn."""
    detail, rest, opening = layer.detail, layer.opening, frame.opening
    u, v, upper, lower = (values[box] for values in (frame.u, frame.v, frame.upper, frame.lower))
    bite = Bite.between(layer.opening, layer.unit, opening, source, driven.points, rigid)
    x = detail.x[:, box[1]] + np.float32(frame.offset[0])
    y = detail.y[box[0]] + np.float32(frame.offset[1])
    skull_u, skull_v = rest.axes(*bite.in_source(x, y))
    # teeth that the source shows part only when the jaw has left its place for certain
    down = bite.drop[1] - layer.openness * float(np.clip(bite.drop[1], -_SLACK * layer.unit, _SLACK * layer.unit))
    jaw_u, jaw_v = skull_u - np.float32(bite.drop[0]), skull_v - np.float32(down)
    arch = _arch(layer, bite, rigid)
    unit = layer.unit * float(np.clip(opening.width / (rigid.scale * _GROWS_FROM * layer.unit), 1, _GROWS_TO))
    drawing = layer.grain[box] + _drawing(
        layer,
        (skull_u, skull_v),
        (jaw_u, jaw_v),
        u,
        v,
        upper,
        lower,
        opening,
        bite.clenched,
        arch,
        unit,
        driven.inside,
    )
    grown = (opening.gap - rest.gap) / (rest.gap + 0.04 * rest.width)
    kept = np.float32(1 - smoothstep(0.35, 1.2, grown) * (1 - layer.openness))
    if kept == 0:
        return drawing, np.ones(u.shape, np.float32)
    # what the source shows of its mouth parts where teeth meet: above goes with the skull, below with the jaw
    aside = np.clip(np.square(2 * u / opening.width - 1), 0, 1)  # towards the corners, corner goes to corner
    by_corner = u * np.float32(rest.width / opening.width)
    at_u = skull_u + (by_corner - skull_u) * aside
    at_upper, at_lower = rest.curves_at(at_u)
    meets = at_upper + np.float32(layer.meets) * (at_lower - at_upper)
    # a lip that drops further than the jaw shows more of the lower teeth
    edge = jaw_v + (lower - v) * np.float32(1 / max(rigid.scale, 1e-3))
    longer = np.clip((edge - meets) / np.maximum(at_lower - meets, 1), 1, np.float32(_LONGER))
    below = meets + np.maximum(jaw_v - meets, 0) / longer
    at_v = np.where(skull_v <= meets, skull_v, below)
    parted = np.where(skull_v <= meets, 0, np.maximum(np.minimum(skull_v - meets, meets - jaw_v), 0))
    beyond = np.maximum(at_upper - at_v, at_v - at_lower)
    inset = min(0.015 * rest.width, 0.25 * rest.gap)
    inner_v = np.clip(at_v, np.minimum(at_upper + inset, at_lower), np.maximum(at_lower - inset, at_upper))
    inner_v = np.where(beyond > 0, inner_v, at_v)
    x = rest.origin[0] + at_u * rest.along[0] - inner_v * rest.along[1]
    y = rest.origin[1] + at_u * rest.along[1] + inner_v * rest.along[0]
    own = layer.inside.sample(detail.positions(x, y, layer.inside.factor)).astype(np.float32)
    # an opening that narrows lets less light in
    own *= np.float32(min(1.0, opening.gap / max(rest.gap, 1e-3)) ** 0.25)
    reach = np.where(at_v > at_lower, np.float32(_BEYOND[1] * rest.width), np.float32(_BEYOND[0] * rest.width))
    seen = kept * np.clip(1.5 - np.maximum(beyond, 0) / (reach + np.float32(0.5)), 0, 1)
    seen *= np.clip(1.5 - parted / (0.01 * rest.width + 0.5), 0, 1)
    share: Float = seen.astype(np.float32)
    return cast(Float, drawing + (own - drawing) * share[..., None]), 1 - share


def _arch(layer: MouthLayer, bite: Bite, rigid: RigidMotion) -> Arch:
    """The arch along which the teeth of a frame stand, in the axes of the source's mouth."""
    rest = layer.opening
    axes = np.array([rest.along, [-rest.along[1], rest.along[0]]], np.float64)
    head = (rigid.scale * rigid.rotation @ layer.turn)[:2]
    now = Arch.of((axes @ bite.linear @ head).astype(np.float32))
    # where lips' corners are in the source says how far teeth reach on either side, as long as heads turn little
    corners = layer.middle, rest.width - layer.middle
    return now.reaching(*(_ARCH_REACH * corner / layer.unit for corner in corners))


def _drawing(
    layer: MouthLayer,
    skull: tuple[Float, Float],
    jaw: tuple[Float, Float],
    u: Float,
    v: Float,
    upper: Float,
    lower: Float,
    opening: Opening,
    clenched: float,
    arch: Arch,
    unit: float,
    inside: Float | None,
) -> Float:
    """The drawn inside: as the driver's mouth shows it, or else dark, tongue, lower teeth, upper teeth, shadow.

    Teeth are as large as in a mouth `unit` pixels wide.
    """
    per_unit = np.float32(1 / unit)
    middle, meeting = layer.middle, layer.rest * layer.opening.width
    skull, jaw = (((at_u - middle) * per_unit, (at_v - meeting) * per_unit) for at_u, at_v in (skull, jaw))
    palette = layer.palette
    deep = np.clip((v - upper) / np.maximum(lower - upper, 1.0), 0, 1)
    pixel = float(per_unit) * layer.softness
    known = 0.0 if inside is None else smoothstep(0.0, _KNOWN, float(inside[..., 0].max()))
    seen = None
    if inside is not None and known > 0:
        skull_u, jaw_u = (arch.place(*at, pixel)[0] for at in (skull, jaw))
        high = np.maximum(lower - upper, 0) * per_unit
        seen = seen_inside(inside, palette, u / np.float32(opening.width), deep, high, skull_u, jaw_u, pixel)
        if known == 1:
            return seen
    colours = palette.dark * (0.8 + 0.35 * deep)[..., None]
    lit = max(smoothstep(*_LIT_GAPS, opening.gap / layer.unit), 0.6 * clenched)
    light = np.float32(_LEAST_LIGHT + (1 - _LEAST_LIGHT) * lit)
    hidden = np.float32(1 - layer.openness)  # a source that shows its teeth needs no second row
    parts = [(tongue(*jaw, palette, opening.gap * float(per_unit)), np.float32(1))]
    if hidden > 0:
        parts += [(lower_row(*jaw, palette, pixel, arch), hidden), (upper_row(*skull, palette, pixel, arch), hidden)]
    for part, share in parts:
        colours += (part[..., :3] * light - colours) * (part[..., 3:] * share)
    # light falls in from the front: the lips shade the edge, the corners stay dark
    width = opening.width
    corner = np.clip(np.minimum(u, width - u) / (0.14 * width), 0, 1)
    corner = corner * (2 - corner)
    shadow = 1 - 0.4 * np.exp(-np.maximum(v - upper, 0) / (0.045 * width))
    shadow *= 1 - 0.25 * np.exp(-np.maximum(lower - v, 0) / (0.02 * width))
    colours = (colours * (shadow * (0.3 + 0.7 * corner))[..., None]).astype(np.float32)
    return cast(Float, colours if seen is None else colours + np.float32(known) * (seen - colours))
