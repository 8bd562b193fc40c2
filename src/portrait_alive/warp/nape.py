"""Behind ear and jaw of a head that turns aside there is the head's own side, not the background: it is painted there.

Ear and jaw go inwards with the face, and in a picture from the front there is nothing of the sitter behind them.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.grid import looked_up
from portrait_alive.warp.head_field import RigidMotion
from portrait_alive.warp.nape_layer import NapeLayer, Side

_SHOWN, _COMES_OUT = (0.15, 0.2), (0.15, 0.5)
"""Sines of the turn over which a side appears beneath the sitter, and comes out to its whole width. In smaller ones
the jaw's own side hides it, which moves less than the edge that the picture shows."""
_HIDDEN = 0.15
"""Face heights inside the sitter's outline from which it comes out."""
_BENEATH = (0.12, 0.5)
"""Face heights inwards from its outline that it goes on beneath the sitter, and times the sine of the turn more."""
_SOFT = 0.006
"""Face heights; sigma of its outline."""
_SHADE, _SHADE_REACH = 0.35, 0.04
"""How much darker it is beneath ear and jaw, and the sigma of that in face heights."""
_FINER = 4
"""Bits of a pixel to which polygons are drawn."""
_ROW = 256
"""Places that are looked up in one row."""


@dataclass(frozen=True, eq=False)
class Turn:
    """How a frame moves the head."""

    field: Float
    """(rows, columns, 2) pixels by which the sitter's nodes move."""
    rigid: RigidMotion
    """Motion of the skull."""
    body: Float
    """(2,) pixels by which the shoulders move."""


def paint_nape(
    layer: NapeLayer,
    turn: Turn,
    position: Float,
    factor: int,
    out: Bytes,
    opacity: Bytes,
    drawn: Float | None,
) -> None:
    """Put what a turn brings into view between sitter and background, in place.

    Args:
        layer: of the portrait.
        turn: of the frame.
        position: (h, w, 2) for the sitter's texture.
        factor: that texture's enlargement.
        out: (h, w, 3) uint8, the sitter over the background.
        opacity: (h, w) uint8 of the sitter.
        drawn: (h, w) in [0, 1], what no picture supplied; None where nobody asks.
    """
    corner = np.array([layer.grid.left, layer.grid.top], np.float32)
    margin = np.float32(3 * _SOFT * layer.tall + 2)
    for side in layer.sides:
        towards = -float(side.way @ turn.rigid.rotation[2, :2])
        shown = smoothstep(*_SHOWN, towards)
        if shown <= 0:
            continue
        polygon = _polygon(layer, side, turn, towards) - corner
        left, top = np.maximum(polygon.min(0) - margin, 0).astype(int).tolist()
        right, bottom = np.minimum(polygon.max(0) + margin, out.shape[1::-1]).astype(int).tolist()
        if right <= left or bottom <= top:
            continue
        share = _filled(polygon - (left, top), (bottom - top, right - left), layer.tall)
        at = position[top:bottom, left:right] * np.float32(1 / factor)
        inner = cv2.remap(layer.inner, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        # most of it the sitter hides: the rest is a few thousand pixels
        places = np.flatnonzero(cv2.compare(inner, 255, cv2.CMP_LT) & share)
        if len(places) == 0:
            continue
        rows, columns = np.divmod(places, right - left)
        shares, front, near = (
            each.reshape(-1)[places].astype(np.float32) * np.float32(1 / 255)
            for each in (share, inner, _softened(inner, _SHADE_REACH * layer.tall))
        )
        behind = _carried(layer, turn.rigid, rows + top, columns + left)
        behind *= (1 - np.float32(_SHADE) * near)[:, None]
        _put(
            behind, shares * np.float32(shown), front, (rows + top) * out.shape[1] + columns + left, out, opacity, drawn
        )


def _put(
    behind: Float,
    shares: Float,
    front: Float,
    places: NDArray[np.int64],
    out: Bytes,
    opacity: Bytes,
    drawn: Float | None,
) -> None:
    """Put (N, 3) colours at flat indices of the region beneath the sitter, who hides (N,) `front` of them, in place."""
    pixels, solid = out.reshape(-1, 3), opacity.reshape(-1)
    # where the sitter's inside begins nothing else shines through: opacity was grown beyond it
    made, under = shares * (1 - front), pixels[places]
    pixels[places] = (under + (behind - under) * made[:, None] + np.float32(0.5)).astype(np.uint8)
    solid[places] = np.maximum(solid[places], (shares * 255).astype(np.uint8))
    if drawn is not None:
        before = drawn.reshape(-1)
        before[places] = np.maximum(before[places], made)


def _polygon(layer: NapeLayer, side: Side, turn: Turn, towards: float) -> Float:
    """(2K, 2) corners in picture pixels of what may be in view of a side: outline, then back beneath the sitter."""
    comes_out = np.float32(smoothstep(*_COMES_OUT, towards))
    outline = side.resting + (side.outline - side.resting) * comes_out
    plane = turn.rigid.in_plane
    moved = (outline - layer.middle[:2]) @ plane.T + turn.rigid.apply(layer.middle[None])[0, :2]
    moved = outline + (moved - outline) * side.head[:, None] + turn.body * side.body[:, None]
    way = plane @ side.way
    way /= np.linalg.norm(way)
    # it hangs on the hair above the ear, which is pushed out where the head's outline is
    at = layer.grid.indices_of(outline[:1])
    hair = outline[0] + looked_up(turn.field, at)[0]
    moved += ((hair - moved[0]) @ way) * side.from_hair[:, None] * way
    moved -= (1 - comes_out) * _HIDDEN * layer.tall * way
    beneath = (_BENEATH[0] + _BENEATH[1] * towards) * layer.tall
    return cast(Float, np.concatenate([moved, moved[::-1] - way * beneath]).astype(np.float32))


def _softened(values: Bytes, sigma: float) -> Bytes:
    """(h, w) uint8 values blurred, in a smaller picture where the blur is wide."""
    height, width = values.shape
    step = max(int(sigma / 2), 1)
    small = np.ascontiguousarray(values[::step, ::step])
    soft: Bytes = cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / step), (width, height))
    return soft


def _filled(polygon: Float, shape: tuple[int, int], tall: float) -> Bytes:
    """(h, w) uint8, soft at the edges."""
    step = max(round(_SOFT * tall), 1)
    mask = np.zeros((-(-shape[0] // step), -(-shape[1] // step)), np.uint8)
    corners = np.round((polygon / np.float32(step) - np.float32(0.5)) * 2**_FINER).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _FINER)
    mask = cv2.GaussianBlur(mask, (3, 3), 0)
    soft: Bytes = cv2.resize(mask, (mask.shape[1] * step, mask.shape[0] * step), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(soft[: shape[0], : shape[1]])


def _carried(layer: NapeLayer, rigid: RigidMotion, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Float:
    """(N, 3) colours at some of the region's pixels, as the skull carries them in the plane."""
    back = np.linalg.inv(rigid.in_plane)
    # pixel indices are half a pixel less than coordinates
    origin = np.array([layer.grid.left, layer.grid.top]) + 0.5
    shift = layer.middle[:2] - origin + back @ (origin - rigid.apply(layer.middle[None])[0, :2])
    at = np.zeros((2, -(-len(rows) // _ROW), _ROW), np.float32)  # cv2.remap is made for pictures, not for long lists
    for coordinate, row, far in zip(at.reshape(2, -1), back.astype(np.float32), shift.astype(np.float32), strict=True):
        coordinate[: len(rows)] = row[0] * columns.astype(np.float32) + row[1] * rows.astype(np.float32) + far
    found = cv2.remap(layer.colours, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(Float, found.reshape(-1, 3)[: len(rows)].astype(np.float32))
