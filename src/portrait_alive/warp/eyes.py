"""Eyes per frame: lids that close as skin with a lash line, and an iris that moves over the sclera inside the lids."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.detail import Cut, Detail, Sheet, inside, smoothstep
from portrait_alive.warp.eyeball import eyeball
from portrait_alive.warp.filling import LUMA, continue_smoothly
from portrait_alive.warp.fine_texture import FineTexture
from portrait_alive.warp.mesh_weights import coverage, weights_at

_GAZE_LIMIT = 0.28
"""Largest shift of the iris as a fraction of the eye's width."""
_LASH_SHADE = 0.8
_SKIN_SHARE = 0.4
"""How far a drawn lid leans from what surrounds the eye to the colour of skin."""
_SHUT = (0.66, 0.86)
"""Closures between which what is left of the opening disappears under the lashes: a shut eye measures as little."""
_LID_BEGINS = 0.12
"""Closure from which on the lid is drawn instead of squeezed."""


@dataclass(frozen=True, eq=False)
class EyeLayer:
    """One eye of the source, taken apart."""

    detail: Detail
    upper: tuple[int, ...]
    """Points of the upper lid margin from the viewer's left corner to the right one."""
    lower: tuple[int, ...]
    opening: Opening
    upper_skin: Sheet
    """Skin around the opening, continued into it from the upper lid."""
    lower_skin: Sheet
    """The same from the lower lid."""
    socket: Sheet
    """The same from beyond both lids: how the surroundings move, whatever the lids do."""
    lid: FineTexture
    """(h, w, 3) the picture with skin in place of the opening and the lashes."""
    ball: FineTexture
    """(h, w, 3) see `eyeball`."""
    sclera: Float
    """(3,) its colour."""
    lashes: FineTexture
    """(h, w, 4) the picture, and how much of each pixel is lash line."""
    iris_point: int
    iris: Float
    iris_radius: float
    lash_colour: Float


@dataclass(frozen=True, eq=False)
class EyeFrame:
    """One eye of one output frame: where its skin comes from, and its opening."""

    offset: tuple[int, int]
    """(x, y) whole pixels by which the rectangle has followed the eye."""
    cut: Cut
    socket: Float | None
    """(h, w, 2) positions in the lid's texture; None where no lid needs drawing."""
    opening: Opening
    closure: float
    """0 as open as in the source, 1 shut; negative when wider."""
    u: Float
    """(h, w) along the opening, pixels."""
    v: Float
    upper: Float
    """(h, w) v of the upper lid's margin at each pixel's u."""
    lower: Float


def take_eye_apart(
    pixels: Bytes,
    detail: Detail,
    points: Float,
    triangles: NDArray[np.int32],
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    iris: tuple[int, ...],
    grain: Float,
) -> EyeLayer:
    """Prepare one eye.

    Args:
        pixels: (h, w, 3) uint8 sRGB of the eye's rectangle.
        detail: the rectangle.
        points: (P, 3) of the source.
        triangles: (T, 3) of the mesh.
        upper: indices of the upper lid margin.
        lower: of the lower one.
        iris: centre, then the rim.
        grain: (h, w, 3) for what is made up.
    """
    opening = Opening.between(points, upper, lower)
    nodes = detail.grid.nodes()
    covered = weights_at(nodes, points, triangles)
    everywhere = coverage(covered, nodes.shape[:2])
    ring = points[list(upper + lower[-2:0:-1]), :2]
    open_nodes = inside(nodes, ring)
    node_u, node_v = opening.axes(nodes[..., 0], nodes[..., 1])
    node_up, node_low = opening.curves_at(node_u)
    beside = (node_u > 0) & (node_u < opening.width)
    under, over = beside & (node_v > (node_up + node_low) / 2), beside & (node_v < (node_up + node_low) / 2)
    centre = ring.mean(0)
    reach = 0.2 * opening.width
    wide = ring + (ring - centre) / np.maximum(np.linalg.norm(ring - centre, axis=1, keepdims=True), 1e-3) * reach
    socket_nodes = inside(nodes, wide)
    x, y = detail.x, detail.y
    u, v = opening.axes(x, y)
    up, low = opening.curves_at(u)
    picture = pixels.astype(np.float32)
    width = opening.width
    lash = max(0.07 * width, 1.5)
    within = np.clip(np.minimum(u, width - u) / (0.06 * width) + 1.0, 0, 1)
    hidden = _between(v, up - lash, low + 0.6 * lash) * within
    # colours come from beyond lashes and corners, and lean to the skin's, or shadow would be spread over the lid
    wide = _between(v, up - 2.2 * lash, low + 1.6 * lash) * np.clip(np.minimum(u, width - u) / lash + 2.5, 0, 1)
    skin_colour = np.median(picture[wide < 0.5], 0).astype(np.float32)
    lid = continue_smoothly(picture, (1 - wide).astype(np.float32))
    lid += (skin_colour - lid) * np.float32(_SKIN_SHARE)
    luma, lid_luma = picture @ LUMA, lid @ LUMA
    dark = np.clip((0.92 * lid_luma - luma) / (0.25 * lid_luma + 6), 0, 1)
    lashes = _between(v, up - 2.2 * lash, up - 0.75) * within * dark
    hidden = np.maximum(hidden, cv2.GaussianBlur(cv2.dilate(lashes, np.ones((3, 3))), (0, 0), 0.8)).astype(np.float32)
    lid = picture + (lid - picture) * cv2.GaussianBlur(hidden, (0, 0), max(0.025 * width, 0.7))[..., None]
    ball = eyeball(pixels, x, y, opening, points[list(iris)], skin_colour)
    lid = lid + grain * hidden[..., None]
    strand = lashes.astype(np.float32)
    darkest = np.where(luma < np.percentile(luma[strand > 0.3], 40), strand, 0) if (strand > 0.3).any() else strand
    total = float(darkest.sum())
    lash_colour = (picture * darkest[..., None]).sum((0, 1)) / total if total > 2 else skin_colour * 0.35
    lash_colour = np.minimum(lash_colour, skin_colour * 0.5)
    return EyeLayer(
        detail=detail,
        upper=upper,
        lower=lower,
        opening=opening,
        upper_skin=Sheet.of(covered, ~(open_nodes | under), everywhere, is_upper=True),
        lower_skin=Sheet.of(covered, ~(open_nodes | over), everywhere, is_upper=False),
        socket=Sheet.of(covered, ~socket_nodes, everywhere, is_upper=True),
        lid=FineTexture.of(_bytes(lid)),
        ball=FineTexture.of(_bytes(ball.colours)),
        sclera=ball.sclera,
        lashes=FineTexture.of(np.dstack([pixels, _bytes(strand * 255)])),
        iris_point=iris[0],
        iris=ball.iris,
        iris_radius=ball.radius,
        lash_colour=lash_colour.astype(np.float32),
    )


def eye_frame(
    layer: EyeLayer,
    coarse: Float,
    moved: Float,
    driven: Float,
    shut: float,
    *,
    offset: tuple[int, int],
    shift: tuple[float, float],
    factor: int,
) -> EyeFrame:
    """Find where the skin around one eye comes from.

    Args:
        layer: the eye taken apart.
        coarse: (rows, columns, 2) the region's displacement field.
        moved: (P, 2) displacement of the points.
        driven: (P, 3) points of the frame.
        shut: how far the lid is to be closed, 1 entirely.
        offset: (x, y) from `Detail.offset`.
        shift: (x, y) pixels from this rectangle's corner back to the region's.
        factor: enlargement of the region's texture.
    """
    detail, rest = layer.detail, layer.opening
    opening = Opening.between(driven, layer.upper, layer.lower)
    u, v = opening.axes(detail.x + np.float32(offset[0]), detail.y + np.float32(offset[1]))
    upper, lower = opening.curves_at(u)
    below = np.clip(v - (upper + lower) / 2 + 0.5, 0, 1).astype(np.float32)
    was_open = rest.area > 0.03 * rest.width**2
    scale = (rest.width / opening.width) ** 2
    closure = max(shut, 1 - scale * opening.area / rest.area) if was_open else shut
    sheets, blurs = [layer.upper_skin, layer.lower_skin], [0.7, 0.7]
    if closure > _LID_BEGINS:
        sheets, blurs = [*sheets, layer.socket], [*blurs, 2.0]
    origins = detail.origins(coarse, sheets, moved, offset=offset, blurs=blurs)
    upper_sheet, lower_sheet = (detail.grid.full_size(one, shift=shift, factor=factor) for one in origins[:2])
    socket = detail.grid.full_size(origins[2], factor=layer.lid.factor) if len(origins) > 2 else None
    return EyeFrame(offset, detail.cut(upper_sheet, lower_sheet, below), socket, opening, closure, u, v, upper, lower)


def paint_eye(
    layer: EyeLayer,
    frame: EyeFrame,
    view: Bytes,
    opacity: Bytes,
    texture: FineTexture,
    shift: tuple[float, float],
    driven: Float,
) -> Float:
    """Paint lid and eyeball, in place.

    Args:
        layer: the eye taken apart.
        frame: from `eye_frame`.
        view: (h, w, 3) uint8 the eye's rectangle with its skin.
        opacity: (h, w) uint8 of the sitter there.
        texture: of the region.
        shift: (x, y) pixels from this rectangle's corner back to the region's.
        driven: (P, 3) points of the frame.

    Returns:
        (h, w) in [0, 1]: how much of each pixel the source did not supply.
    """
    drawn = np.zeros(view.shape[:2], np.float32)
    if frame.socket is not None:
        _paint_lid(layer, frame, view, opacity, drawn)
    cover = frame.opening.coverage(frame.u, frame.v, frame.upper, frame.lower)
    cover *= np.float32(1 - smoothstep(*_SHUT, frame.closure))
    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    if len(rows) == 0:
        return drawn
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    ball, made = _ball(layer, frame, box, texture, shift, driven)
    share = cover[box]
    under = view[box].astype(np.float32)
    view[box] = np.clip(under + (ball - under) * share[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)
    drawn[box] += (made - drawn[box]) * share
    return drawn


def _paint_lid(layer: EyeLayer, frame: EyeFrame, view: Bytes, opacity: Bytes, drawn: Float) -> None:
    """Draw the lid's skin and lashes over the squeezed skin of the source."""
    detail, rest, opening = layer.detail, layer.opening, frame.opening
    assert frame.socket is not None
    strength = smoothstep(_LID_BEGINS, 0.5, frame.closure)
    plain = layer.lid.sample(frame.socket).astype(np.float32)
    u, below = frame.u, frame.v - frame.upper
    width = opening.width
    u_rest = u * np.float32(rest.width / width)
    upper_rest, _ = rest.curves_at(u_rest)
    within = np.clip(np.minimum(u, width - u) / (0.05 * width) + 0.6, 0, 1)
    # the lid is a ball's skin: a little lighter where it bulges, darker towards the lashes
    bulge = np.exp(-(((below + 0.16 * width) / (0.13 * width)) ** 2)) * within
    plain *= (1 + 0.05 * bulge)[..., None]
    # lashes begin sharply at the margin's upper side and thin out below it
    taper = np.sqrt(np.clip(np.minimum(u, width - u) / (0.22 * width), 0.02, 1))
    away = np.where(below < 0, -below, below * np.float32(0.4)) / (taper * np.float32(0.018 * width + 0.35))
    line = np.exp(-(np.maximum(away - 0.3, 0) ** 2)) * within
    plain += (layer.lash_colour - plain) * (_LASH_SHADE * line)[..., None]
    offset = upper_rest + below
    x = rest.origin[0] + u_rest * rest.along[0] - offset * rest.along[1]
    y = rest.origin[1] + u_rest * rest.along[1] + offset * rest.along[0]
    lashes = layer.lashes.sample(detail.positions(x, y, layer.lashes.factor)).astype(np.float32)
    plain += (lashes[..., :3] - plain) * (lashes[..., 3:] * np.float32(1 / 255))
    share = detail.feather[..., 0] * opacity * np.float32(strength / 255)
    under = view.astype(np.float32)
    view[:] = np.clip(under + (plain - under) * share[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)
    between = np.clip((below + 0.4 * width) / (0.2 * width), 0, 1) * np.clip(1.5 - below, 0, 1) * within
    drawn[:] = between * np.float32(strength)


def _ball(
    layer: EyeLayer,
    frame: EyeFrame,
    box: tuple[slice, slice],
    texture: FineTexture,
    shift: tuple[float, float],
    driven: Float,
) -> tuple[Float, Float]:
    """Eyeball colours behind the opening, and how much of them is made up."""
    detail, rest, opening, closure = layer.detail, layer.opening, frame.opening, frame.closure
    u, v, upper = frame.u[box], frame.v[box], frame.upper[box]
    scale = rest.width / opening.width
    u_rest, v_rest = u * np.float32(scale), v * np.float32(scale)
    iris_u, iris_v = opening.axes(driven[layer.iris_point, 0], driven[layer.iris_point, 1])
    here_u, here_v = rest.axes(layer.iris[0], layer.iris[1])
    limit = _GAZE_LIMIT * rest.width
    du = float(np.clip(iris_u * scale - here_u, -limit, limit))
    dv = float(np.clip(iris_v * scale - here_v, -limit, limit))
    distance = np.hypot(u_rest - (here_u + du), v_rest - (here_v + dv)) / layer.iris_radius
    # beyond the iris the sclera gives way over a stretch long enough never to fold
    fade = 1.3 + 2.2 * float(np.hypot(du, dv)) / layer.iris_radius
    carry = np.clip((1.1 + fade - distance) / fade, 0, 1)
    carry = carry * carry * (3 - 2 * carry)
    carry = carry.astype(np.float32)
    at_u = cast(Float, u_rest - np.float32(du) * carry)
    at_v = cast(Float, v_rest - np.float32(dv) * carry)
    x = rest.origin[0] + at_u * rest.along[0] - at_v * rest.along[1]
    y = rest.origin[1] + at_u * rest.along[1] + at_v * rest.along[0]
    made = layer.ball.sample(detail.positions(x, y, layer.ball.factor)).astype(np.float32)
    factor = texture.factor
    at = detail.positions(x, y, factor) + np.array(shift, np.float32) * factor
    seen = texture.sample(at)[..., :3].astype(np.float32)
    # the picture itself while its own opening is looked at from inside, the completed eyeball beyond
    at_upper, at_lower = rest.curves_at(at_u)
    margin = np.minimum(at_v - at_upper, at_lower - at_v)
    gone = max(smoothstep(0.01, 0.06, float(np.hypot(du, dv)) / rest.width), smoothstep(0.04, 0.2, abs(closure)))
    lash = 0.04 * rest.width * gone
    # shadow and rim around the old place of a far-travelled iris are not the sclera's
    far = smoothstep(0.06, 0.18, float(np.hypot(du, dv)) / rest.width)
    plain = far * np.clip((distance - 1.05) * 8, 0, 1)
    trusted = np.clip(margin - lash + 1.0 - 0.5 * gone, 0, 1) * (1 - plain)
    trusted = trusted[..., None].astype(np.float32)
    round_off = 1 - 0.15 * np.square(2 * u / opening.width - 1)
    made += (layer.sclera * round_off[..., None] - made) * plain[..., None]
    ball = made + (seen - made) * trusted
    shade = np.exp(-np.maximum(v - upper, 0) / (0.07 * opening.width)) * (0.4 * smoothstep(0.05, 0.4, closure))
    return cast(Float, ball * (1 - shade[..., None])), cast(Float, 1 - trusted[..., 0])


def _between(v: Float, upper: Float, lower: Float) -> Float:
    """(h, w) in [0, 1]: 1 between two curves, with edges a pixel and a half wide."""
    inside = np.clip((v - upper) / 1.5 + 0.5, 0, 1) * np.clip((lower - v) / 1.5 + 0.5, 0, 1)
    return cast(Float, inside.astype(np.float32))


def _bytes(colours: Float) -> Bytes:
    return np.clip(np.round(colours), 0, 255).astype(np.uint8)
