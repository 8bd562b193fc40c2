"""Eyes per frame: lids that close as skin with a lash line, and an iris that moves over the sclera inside the lids."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.detail import Detail, inside, smoothstep
from portrait_alive.warp.eyeball import eyeball
from portrait_alive.warp.filling import continue_smoothly
from portrait_alive.warp.fine_texture import FineTexture
from portrait_alive.warp.mesh_weights import MeshWeights, extended, weights_at

_GAZE_LIMIT = 0.28
"""Largest shift of the iris as a fraction of the eye's width."""
_LASH_SHADE = 0.5


@dataclass(frozen=True, eq=False)
class EyeLayer:
    """One eye of the source, taken apart."""

    detail: Detail
    upper: tuple[int, ...]
    """Points of the upper lid margin from the viewer's left corner to the right one."""
    lower: tuple[int, ...]
    opening: Opening
    skin: MeshWeights
    """Skin around the opening, continued into it from either lid."""
    socket: MeshWeights
    """The same from beyond both lids: how the surroundings move, whatever the lids do."""
    lid: FineTexture
    """(h, w, 3) the picture with skin in place of the opening and the lashes."""
    ball: FineTexture
    """(h, w, 6?) see `eyeball`."""
    lashes: FineTexture
    """(h, w, 4) the picture, and how much of each pixel is lash line."""
    iris_point: int
    iris: Float
    iris_radius: float
    lash_colour: Float


@dataclass(frozen=True, eq=False)
class EyeFrame:
    """One eye of an output frame."""

    pixels: Float
    """(h, w, 3) float32 colours of the eye's rectangle."""
    drawn: Float
    """(h, w) in [0, 1]: how much of each pixel the source did not supply."""


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
    ring = points[list(upper + lower[-2:0:-1]), :2]
    open_nodes = inside(nodes, ring)
    centre = ring.mean(0)
    reach = 0.2 * opening.width
    wide = ring + (ring - centre) / np.maximum(np.linalg.norm(ring - centre, axis=1, keepdims=True), 1e-3) * reach
    socket_nodes = inside(nodes, wide)
    x, y = detail.x, detail.y
    u, v = opening.axes(x, y)
    up, low = opening.curves_at(u)
    picture = pixels.astype(np.float32)
    lash = max(0.07 * opening.width, 1.5)
    within = np.clip(np.minimum(u, opening.width - u) / (0.06 * opening.width) + 1.0, 0, 1)
    hidden = np.clip((v - up + lash) / 1.5, 0, 1) * np.clip((low + lash * 0.6 - v) / 1.5, 0, 1) * within
    hidden = hidden.astype(np.float32)
    lid = continue_smoothly(picture, 1 - hidden)
    skin_colour = np.median(lid.reshape(-1, 3), 0).astype(np.float32)
    ball = eyeball(pixels, x, y, opening, points[list(iris)], skin_colour)
    lid = lid + grain * hidden[..., None]
    luma = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    lid_luma = lid @ np.array([0.299, 0.587, 0.114], np.float32)
    band = np.clip((v - up + lash) / (0.5 * lash), 0, 1) * np.clip((0.35 * lash - (v - up)) / 1.5 + 0.5, 0, 1)
    dark = np.clip((lid_luma - luma) / (0.25 * lid_luma + 6), 0, 1)
    strand = (band * dark * within).astype(np.float32)
    total = float(strand.sum())
    lash_colour = (picture * strand[..., None]).sum((0, 1)) / total if total > 2 else skin_colour * 0.35
    lash_colour = np.minimum(lash_colour, skin_colour * 0.6)
    return EyeLayer(
        detail=detail,
        upper=upper,
        lower=lower,
        opening=opening,
        skin=extended(covered, ~open_nodes),
        socket=extended(covered, ~socket_nodes),
        lid=FineTexture.of(_bytes(lid)),
        ball=FineTexture.of(_bytes(ball.colours)),
        lashes=FineTexture.of(np.dstack([pixels, _bytes(strand * 255)])),
        iris_point=iris[0],
        iris=ball.iris,
        iris_radius=ball.radius,
        lash_colour=lash_colour.astype(np.float32),
    )


def render_eye(
    layer: EyeLayer, texture: FineTexture, shift: tuple[float, float], coarse: Float, source: Float, driven: Float, shut: float
) -> EyeFrame:
    """One eye of one frame.

    Args:
        layer: the eye taken apart.
        texture: of the region.
        shift: (x, y) pixels from this rectangle's corner back to the region's.
        coarse: (rows, columns, 2) the region's displacement field.
        source: (P, 3) points of the source.
        driven: (P, 3) points of the frame.
        shut: how far the lid is to be closed, 1 entirely.
    """
    detail = layer.detail
    moved = np.ascontiguousarray(driven[:, :2] - source[:, :2])
    origins = detail.origins(coarse, layer.skin, moved)
    skin = texture.sample(detail.grid.full_size(origins, shift=shift, factor=texture.factor))[..., :3].astype(np.float32)
    opening = Opening.between(driven, layer.upper, layer.lower)
    u, v = opening.axes(detail.x, detail.y)
    upper, lower = opening.curves_at(u)
    rest = layer.opening
    closure = max(shut, 1 - opening.area / max(rest.area, 1e-3)) if rest.area > 0.03 * rest.width**2 else shut
    drawn = np.zeros(skin.shape[:2], np.float32)
    lid_share = smoothstep(0.12, 0.5, closure)
    u_rest = u * np.float32(rest.width / opening.width)
    upper_rest, lower_rest = rest.curves_at(u_rest)
    if lid_share > 0:
        skin, drawn = _with_lid(layer, skin, coarse, moved, u, v, upper, u_rest, upper_rest, opening, lid_share)
    cover = opening.coverage(u, v, upper, lower) * np.float32(1 - smoothstep(0.86, 0.97, closure))
    ball, made_up = _ball(layer, texture, shift, opening, u, v, u_rest, upper, upper_rest, lower_rest, driven, closure)
    share = cover[..., None]
    return EyeFrame(skin * (1 - share) + ball * share, drawn * (1 - cover) + made_up * cover)


def _with_lid(
    layer: EyeLayer,
    skin: Float,
    coarse: Float,
    moved: Float,
    u: Float,
    v: Float,
    upper: Float,
    u_rest: Float,
    upper_rest: Float,
    opening: Opening,
    share: float,
) -> tuple[Float, Float]:
    """Skin with the lid drawn over the opening, and where it was drawn."""
    detail, rest = layer.detail, layer.opening
    socket = detail.origins(coarse, layer.socket, moved, blur=2.0)
    plain = layer.lid.sample(detail.grid.full_size(socket, factor=layer.lid.factor)).astype(np.float32)
    below = v - upper
    width = rest.width
    within = np.clip(np.minimum(u, opening.width - u) / (0.05 * width) + 0.6, 0, 1)
    # the lid is a ball's skin: a little lighter where it bulges, darker towards the lashes
    bulge = np.exp(-(((below + 0.16 * width) / (0.13 * width)) ** 2)) * within
    plain = plain * (1 + 0.05 * bulge)[..., None]
    line = np.exp(-((np.maximum(np.abs(below) - 0.006 * width, 0) / (0.022 * width + 0.35)) ** 2)) * within
    plain = plain + (layer.lash_colour - plain) * (_LASH_SHADE * line)[..., None]
    offset = upper_rest + below
    x = rest.origin[0] + u_rest * rest.along[0] - offset * rest.along[1]
    y = rest.origin[1] + u_rest * rest.along[1] + offset * rest.along[0]
    lashes = layer.lashes.sample(detail.positions(x, y, layer.lashes.factor)).astype(np.float32)
    strand = lashes[..., 3:] * np.float32(1 / 255)
    plain = plain + (lashes[..., :3] - plain) * strand
    between = np.clip((below + 0.4 * width) / (0.2 * width), 0, 1) * np.clip(1.5 - below, 0, 1) * within
    return skin + (plain - skin) * np.float32(share), cast(Float, (between * share).astype(np.float32))


def _ball(
    layer: EyeLayer,
    texture: FineTexture,
    shift: tuple[float, float],
    opening: Opening,
    u: Float,
    v: Float,
    u_rest: Float,
    upper: Float,
    upper_rest: Float,
    lower_rest: Float,
    driven: Float,
    closure: float,
) -> tuple[Float, Float]:
    """Eyeball colours behind the opening, and how much of them is made up."""
    detail, rest = layer.detail, layer.opening
    scale = rest.width / opening.width
    v_rest = v * np.float32(scale)
    iris_u, iris_v = opening.axes(driven[layer.iris_point, 0], driven[layer.iris_point, 1])
    here_u, here_v = rest.axes(layer.iris[0], layer.iris[1])
    limit = _GAZE_LIMIT * rest.width
    du = float(np.clip(iris_u * scale - here_u, -limit, limit))
    dv = float(np.clip(iris_v * scale - here_v, -limit, limit))
    distance = np.hypot(u_rest - (here_u + du), v_rest - (here_v + dv)) / layer.iris_radius
    carry = np.clip((2.4 - distance) / 1.3, 0, 1)
    carry = carry * carry * (3 - 2 * carry)
    at_u, at_v = u_rest - du * carry, v_rest - dv * carry
    x = rest.origin[0] + at_u * rest.along[0] - at_v * rest.along[1]
    y = rest.origin[1] + at_u * rest.along[1] + at_v * rest.along[0]
    made = layer.ball.sample(detail.positions(x, y, layer.ball.factor)).astype(np.float32)
    height, width = detail.grid.size
    factor = texture.factor
    at = detail.positions(x, y, factor) + np.array(shift, np.float32) * factor
    seen = texture.sample(at.reshape(height, width, 2))[..., :3].astype(np.float32)
    # the picture itself while its own opening is looked at from inside, the completed eyeball beyond
    at_upper, at_lower = rest.curves_at(at_u)
    margin = np.minimum(at_v - at_upper, at_lower - at_v)
    gone = max(
        smoothstep(0.01, 0.06, float(np.hypot(du, dv)) / rest.width), smoothstep(0.04, 0.2, abs(closure))
    )
    lash = 0.04 * rest.width * gone
    trusted = np.clip(margin - lash + 1.0 - 0.5 * gone, 0, 1)[..., None]
    ball = made + (seen - made) * trusted
    shade = np.exp(-np.maximum(v - upper, 0) / (0.07 * opening.width)) * (0.4 * smoothstep(0.05, 0.4, closure))
    return cast(Float, ball * (1 - shade[..., None])), cast(Float, 1 - trusted[..., 0])


def _bytes(colours: Float) -> Bytes:
    return np.clip(np.round(colours), 0, 255).astype(np.uint8)
