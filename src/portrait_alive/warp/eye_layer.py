"""One eye of the source taken apart, and where its skin comes from in a frame."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.detail import Cut, Detail, Sheet, inside
from portrait_alive.warp.edge_width import edge_width
from portrait_alive.warp.eyeball import eyeball
from portrait_alive.warp.fine_texture import FineTexture
from portrait_alive.warp.head_field import RigidMotion
from portrait_alive.warp.iris_disc import IrisDisc, iris_disc
from portrait_alive.warp.lid_skin import lid_skin
from portrait_alive.warp.mesh_weights import coverage, weights_at

SHUT = (0.6, 0.84)
"""Closures between which the upper lid runs ahead of its mesh to the lower one: trackers see a shut eye as 80% shut."""
LID_BEGINS = 0.1
"""Closure from which on the lid is drawn instead of squeezed."""
_OVERLAP, _OVERLAP_WHOLE = 0.055, 0.35
"""How far a shut upper lid comes to lie over the lower one, in widths of the opening, and from where on: it begins at
the inner corner, and this far on the way to the outer one it is all there."""
_DROOP, _DROOPS = 0.035, (0.6, 1.1)
"""How much further beside the outer corner, in widths, and where on that way: lashes hide that the lids meet higher."""

_FACES_VIEWER = (0.25, 4.0)
"""Of an opening's area in the source, as much as is seen at least and at most when the head has turned."""


@dataclass(frozen=True, eq=False)
class EyeLayer:
    """One eye of the source, taken apart."""

    detail: Detail
    upper: tuple[int, ...]
    """Points of the upper lid margin from the viewer's left corner to the right one."""
    lower: tuple[int, ...]
    opening: Opening
    span: Float
    """(3,) from its first corner to its last."""
    facing: Float
    """(3,) its area as a vector that stands on it, over what the viewer sees of it."""
    upper_skin: Sheet
    """Skin around the opening, continued into it from the upper lid."""
    lower_skin: Sheet
    """The same from the lower lid."""
    socket: Sheet
    """The same from beyond both lids: how the surroundings move, whatever the lids do."""
    lid: FineTexture
    """(h, w, 4) `LidSkin.skin` and `LidSkin.fold`."""
    ball: FineTexture
    """(h, w, 4) see `eyeball`: colours, and how much of it is iris."""
    glint: FineTexture | None
    """(h, w, 3) what the light's reflection adds; None where there is none."""
    shade: Float
    """(K, M, 3) factors over the opening: see `eyeball`."""
    white: Float
    """(3,) see `eyeball`."""
    white_seen: float
    lashes: Bytes
    """(K, M) see `lid_skin`."""
    outer_is_last: bool
    """The second corner is the outer one."""
    iris_point: int
    iris_rest: Float
    """(2,) the iris's landmark in the source."""
    iris: IrisDisc
    lash_colour: Float
    lash_heft: float
    """See `lid_skin`."""
    softness: float
    """Pixels over which the sharper edges of the picture spread, about the eyes."""

    def from_inner(self, u: Float, width: float) -> Float:
        """Places `u` along an opening as shares of the way from its inner corner to its outer one."""
        along = u * np.float32(1 / width)
        return along if self.outer_is_last else 1 - along


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
    """(h, w) v of the upper lid's drawn margin at each pixel's u."""
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
    lids = lid_skin(pixels, detail.x, detail.y, opening, _to_brow(points, opening))
    disc = iris_disc(pixels, detail.x, detail.y, opening, points[list(iris)])
    skin = lids.skin + grain * lids.hidden[..., None]
    ball = eyeball(pixels, detail.x, detail.y, opening, disc, lids.colour)
    return EyeLayer(
        detail=detail,
        upper=upper,
        lower=lower,
        opening=opening,
        span=points[upper[-1]] - points[upper[0]],
        facing=_facing(points[list(upper + lower[-2:0:-1])]),
        upper_skin=Sheet.of(covered, ~(open_nodes | under), everywhere, detail.core, is_upper=True),
        lower_skin=Sheet.of(covered, ~(open_nodes | over), everywhere, detail.core, is_upper=False),
        socket=Sheet.of(covered, ~socket_nodes, everywhere, detail.core, is_upper=True),
        lid=FineTexture.of(_bytes(np.dstack([skin, lids.fold * 255]))),
        ball=FineTexture.of(_bytes(np.dstack([ball.colours, ball.iris * 255]))),
        glint=FineTexture.of(_bytes(ball.glint)) if ball.glint.any() else None,
        shade=ball.shade,
        white=ball.white,
        white_seen=ball.white_seen,
        lashes=lids.lashes,
        outer_is_last=_outer_is_last(points, upper),
        iris_point=iris[0],
        iris_rest=points[iris[0], :2].astype(np.float32),
        iris=disc,
        lash_colour=lids.lash_colour,
        lash_heft=lids.heft,
        softness=edge_width(pixels),
    )


def eye_frame(
    layer: EyeLayer,
    coarse: Float,
    moved: Float,
    driven: Float,
    rigid: RigidMotion,
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
        rigid: motion of the skull.
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
    closure = max(shut, _closed(layer, rigid, opening)) if was_open else shut
    sheets, blurs = [layer.upper_skin, layer.lower_skin], [0.7, 0.7]
    if closure > LID_BEGINS:
        sheets, blurs = [*sheets, layer.socket], [*blurs, 2.0]
    origins = detail.origins(coarse, sheets, moved, offset=offset, blurs=blurs)
    upper_sheet, lower_sheet = (detail.grid.full_size(one, shift=shift, factor=factor) for one in origins[:2])
    socket = detail.grid.full_size(origins[2], factor=layer.lid.factor) if len(origins) > 2 else None
    ahead = np.float32(smoothstep(*SHUT, closure))
    if ahead > 0:
        out = layer.from_inner(u, opening.width)
        overlap = np.float32(_OVERLAP) * smoothstep(0.0, _OVERLAP_WHOLE, out)
        overlap += np.float32(_DROOP) * smoothstep(*_DROOPS, out)
        upper = upper + (lower + overlap * np.float32(opening.width) - upper) * ahead
    return EyeFrame(offset, detail.cut(upper_sheet, lower_sheet, below), socket, opening, closure, u, v, upper, lower)


def _closed(layer: EyeLayer, rigid: RigidMotion, now: Opening) -> float:
    """How far an opening is closed, negative where it is wider: by its height, in its width or in pixels, whichever is
    the less wide. It is measured against the source's own as the turned head would show it: an eye that comes out from
    behind a nose gets wider and not higher, and shuts no more than the other one."""
    rest = layer.opening
    width = rigid.scale * float(np.hypot(*(rigid.rotation[:2] @ layer.span)))
    seen = float(np.clip(rigid.rotation[2] @ layer.facing, *_FACES_VIEWER))
    area = rigid.scale**2 * rest.area * seen
    height = now.area * width / (now.width * area)
    return max(1 - height * width / now.width, min(1 - height, 0.0))


def _to_brow(points: Float, opening: Opening) -> float:
    """Pixels from the opening to the brow above it."""
    u, v = opening.axes(*points[list(topology.RIGHT_BROW + topology.LEFT_BROW), :2].T)
    above = (u > 0) & (u < opening.width)
    upper, _ = opening.curves_at(u)
    return float(np.min((upper - v)[above], initial=opening.width))


def _outer_is_last(points: Float, upper: tuple[int, ...]) -> bool:
    """Whether a lid's last point is farther from the nose than its first one."""
    first, last = (np.linalg.norm(points[upper[end]] - points[topology.NOSE_BRIDGE]) for end in (0, -1))
    return bool(last > first)


def _facing(ring: Float) -> Float:
    """(3,) the vector area of a ring (N, 3) over its last coordinate, by which it is seen."""
    sum_of_crosses = np.cross(ring, np.roll(ring, -1, axis=0)).sum(0)
    return cast(Float, (sum_of_crosses / max(float(sum_of_crosses[2]), 1e-3)).astype(np.float32))


def _bytes(colours: Float) -> Bytes:
    return np.clip(np.round(colours), 0, 255).astype(np.uint8)
