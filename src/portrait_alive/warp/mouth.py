"""The mouth per frame: two sheets of skin cut along the inner lips, and between them what the lips uncover."""

from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.bite import Bite
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.detail import Cut, Detail, Sheet, inside, smoothstep
from portrait_alive.warp.filling import LUMA
from portrait_alive.warp.fine_texture import FineTexture
from portrait_alive.warp.head_field import RigidMotion
from portrait_alive.warp.mesh_weights import coverage, weights_at
from portrait_alive.warp.teeth import Palette, lower_row, palette_of, tongue, upper_row

_UNIT_PER_EYES = 0.72
"""Usual width of the lips' opening over the distance of the irises."""
_IRISES = (topology.RIGHT_IRIS[0], topology.LEFT_IRIS[0])
_TOOTH_LUMA = 0.7
"""Lightness of teeth over that of the skin, at least."""
_SLACK = 0.06
"""Drop of the jaw, in mouth widths, that does not part them yet."""
_TEETH_MEET = 0.62
"""Where upper and lower teeth meet in a mouth that shows them, from its upper edge to its lower one."""
_ROUND = 0.8
"""Exponent of the almond that an opening stays inside of (0.5 is an ellipse): mesh points make a trapezoid of it."""
_LIT_GAPS = (0.02, 0.14)
"""Gaps, in mouth widths, from which light falls in, and falls in fully: lips that part show dark before teeth."""
_LEAST_LIGHT = 0.35
_LIP_SHADE = (0.30, 0.16)
"""Darkening of the upper and of the lower lip where they turn inwards."""
_LIP_SHADE_REACH = 0.022
"""Mouth widths over which it fades out."""


@dataclass(frozen=True, eq=False)
class MouthLayer:
    """The source's mouth, taken apart."""

    detail: Detail
    opening: Opening
    upper_skin: Sheet
    """Everything above the cut, continued below it."""
    lower_skin: Sheet
    """Everything below the cut, continued above it."""
    palette: Palette
    inside: FineTexture
    """(h, w, 3) the picture."""
    grain: Float
    """(h, w, 3) for what is drawn."""
    unit: float
    """Pixels of a mouth's usual width in this face: teeth have the face's size, not the lips'."""
    openness: float
    """0 where the source's mouth is shut or dark, 1 where it shows its teeth."""
    rest: float
    """v, in mouth widths, at which closed lips would meet, from the upper lip's edge."""
    softness: float
    """Pixels over which the picture's own edges spread, 1 where they are sharp: what is drawn is no sharper."""


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


def take_mouth_apart(
    pixels: Bytes, detail: Detail, points: Float, triangles: NDArray[np.int32], grain: Float, face_pixels: Bytes
) -> MouthLayer:
    """Prepare the mouth.

    Args:
        pixels: (h, w, 3) uint8 sRGB of the mouth's rectangle.
        detail: the rectangle.
        points: (P, 3) of the source.
        triangles: (T, 3) of the mesh.
        grain: (h, w, 3) for what is drawn.
        face_pixels: (N, 3) uint8, the face's colours.
    """
    opening = Opening.between(points, topology.UPPER_LIP_INNER, topology.LOWER_LIP_INNER)
    nodes = detail.grid.nodes()
    hole = set(topology.LIPS_INNER)
    skin = np.array([t for t in triangles if not hole.issuperset(t.tolist())], np.int32)
    covered = weights_at(nodes, points, skin)
    u, v = opening.axes(nodes[..., 0], nodes[..., 1])
    upper, lower = opening.curves_at(u)
    between = (u > 0) & (u < opening.width)
    everywhere = coverage(weights_at(nodes, points, triangles), nodes.shape[:2])
    middle = (upper + lower) / 2
    lips = np.concatenate([points[list(topology.LIPS_OUTER), :2]])
    in_lips = inside(nodes, lips)
    lip_pixels = _pick(pixels, detail, in_lips)
    lip_colour = np.median(lip_pixels, 0).astype(np.float32)
    skin_colour = np.median(face_pixels.reshape(-1, 3), 0).astype(np.float32)
    return MouthLayer(
        detail=detail,
        opening=opening,
        upper_skin=Sheet.of(covered, ~(between & (v > np.minimum(upper, middle))), everywhere, is_upper=True),
        lower_skin=Sheet.of(covered, ~(between & (v < np.maximum(lower, middle))), everywhere, is_upper=False),
        palette=palette_of(face_pixels, lip_colour, skin_colour),
        inside=FineTexture.of(pixels),
        grain=grain,
        unit=max(opening.width, _UNIT_PER_EYES * float(np.linalg.norm(np.diff(points[[*_IRISES], :2], axis=0)))),
        openness=smoothstep(0.08, 0.16, opening.gap / opening.width) * _toothed(pixels, detail, opening, skin_colour),
        rest=float(np.interp(opening.width / 2, opening.u, opening.upper)) / opening.width,
        softness=edge_width(pixels),
    )


def edge_width(pixels: Bytes) -> float:
    """Pixels over which the sharper edges of a picture (h, w, 3) spread: 1 for a crisp one, at most 6."""
    light = pixels.astype(np.float32) @ LUMA
    steepest = np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)) / 8
    window = np.ones((9, 9), np.uint8)
    height = cv2.dilate(light, window) - cv2.erode(light, window)
    clear = height > max(float(np.percentile(height, 90)), 12.0)
    if not clear.any():
        return 1.0
    return float(np.clip(1 / np.percentile(steepest[clear] / height[clear], 95) - 1.5, 1, 6))


def _toothed(pixels: Bytes, detail: Detail, opening: Opening, skin: Float) -> float:
    """0 where nothing between the lips is as light and as colourless as teeth, 1 where a good part is."""
    u, v = opening.axes(detail.x, detail.y)
    between = opening.coverage(u, v, *opening.curves_at(u)) > 0.9
    if not between.any():
        return 0.0
    seen = pixels[between].astype(np.float32)
    tint, skin_tint = (np.ptp(c, axis=-1) / np.maximum(c.max(-1), 1) for c in (seen, skin))
    light = seen @ LUMA > _TOOTH_LUMA * float(skin @ LUMA)
    return smoothstep(0.15, 0.35, float((light & (tint < skin_tint)).mean()))


def _pick(pixels: Bytes, detail: Detail, nodes: NDArray[np.bool_]) -> Bytes:
    rows, columns = np.nonzero(nodes[1:-1, 1:-1])
    cell = detail.grid.cell
    if len(rows) == 0:
        return pixels.reshape(-1, 3)
    return pixels[rows * cell + cell // 2, columns * cell + cell // 2]


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
    layer: MouthLayer, frame: MouthFrame, view: Bytes, source: Float, driven: Float, rigid: RigidMotion
) -> Float:
    """Paint what is between the lips, in place.

    Args:
        layer: the mouth taken apart.
        frame: from `mouth_frame`.
        view: (h, w, 3) uint8 the mouth's rectangle with its skin.
        source: (P, 3) points of the source.
        driven: (P, 3) points of the frame.
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
    driven: Float,
    rigid: RigidMotion,
) -> tuple[Float, Float]:
    """Colours between the lips, and how much of them is drawn."""
    detail, rest, opening = layer.detail, layer.opening, frame.opening
    u, v, upper, lower = (values[box] for values in (frame.u, frame.v, frame.upper, frame.lower))
    bite = Bite.between(layer.opening, layer.unit, opening, source, driven, rigid)
    x = detail.x[:, box[1]] + np.float32(frame.offset[0])
    y = detail.y[box[0]] + np.float32(frame.offset[1])
    skull_u, skull_v = rest.axes(*bite.in_source(x, y))
    # teeth that the source shows part only when the jaw has left its place for certain
    down = bite.drop[1] - layer.openness * float(np.clip(bite.drop[1], -_SLACK * layer.unit, _SLACK * layer.unit))
    jaw_u, jaw_v = skull_u - np.float32(bite.drop[0]), skull_v - np.float32(down)
    drawing = (
        _drawing(layer, (skull_u, skull_v), (jaw_u, jaw_v), u, v, upper, lower, opening, bite.clenched)
        + layer.grain[box]
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
    meets = at_upper + np.float32(_TEETH_MEET) * (at_lower - at_upper)
    at_v = np.where(skull_v <= meets, skull_v, np.maximum(jaw_v, meets))
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
    seen = kept * np.clip(1.5 - np.maximum(beyond, 0) / (0.07 * rest.width + 0.5), 0, 1)
    seen *= np.clip(1.5 - parted / (0.01 * rest.width + 0.5), 0, 1)
    share: Float = seen.astype(np.float32)
    return cast(Float, drawing + (own - drawing) * share[..., None]), 1 - share


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
) -> Float:
    """The drawn inside: dark, tongue, lower teeth, upper teeth, then the lips' shadow over it."""
    per_unit = np.float32(1 / layer.unit)
    middle, meeting = layer.opening.width / 2, layer.rest * layer.opening.width
    skull, jaw = (((at_u - middle) * per_unit, (at_v - meeting) * per_unit) for at_u, at_v in (skull, jaw))
    palette = layer.palette
    deep = np.clip((v - upper) / np.maximum(lower - upper, 1.0), 0, 1)
    colours = palette.dark * (0.8 + 0.35 * deep)[..., None]
    pixel = float(per_unit) * layer.softness
    lit = max(smoothstep(*_LIT_GAPS, opening.gap / layer.unit), 0.6 * clenched)
    light = np.float32(_LEAST_LIGHT + (1 - _LEAST_LIGHT) * lit)
    hidden = np.float32(1 - layer.openness)  # a source that shows its teeth needs no second row
    parts = [(tongue(*jaw, palette, opening.gap * float(per_unit)), np.float32(1))]
    if hidden > 0:
        parts += [(lower_row(*jaw, palette, pixel), hidden), (upper_row(*skull, palette, pixel), hidden)]
    for part, share in parts:
        colours += (part[..., :3] * light - colours) * (part[..., 3:] * share)
    # light falls in from the front: the lips shade the edge, the corners stay dark
    width = opening.width
    corner = np.clip(np.minimum(u, width - u) / (0.14 * width), 0, 1)
    corner = corner * (2 - corner)
    shadow = 1 - 0.4 * np.exp(-np.maximum(v - upper, 0) / (0.045 * width))
    shadow *= 1 - 0.25 * np.exp(-np.maximum(lower - v, 0) / (0.02 * width))
    return cast(Float, (colours * (shadow * (0.3 + 0.7 * corner))[..., None]).astype(np.float32))
