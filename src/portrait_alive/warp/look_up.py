"""The look-up that makes most of a frame, kept to where something moves and the sitter is in it."""

import cv2
import numpy as np

from portrait_alive.types import Bytes, Float
from portrait_alive.warp.layers import Layers

STILL_PX = 0.02
"""Displacements shorter than this leave the source's own pixels in place."""
_TILE_PX = 64
"""Side of the tiles that are looked up or left out. Neighbours in a row are looked up together: OpenCV takes twice as
long for the same pixels in squares of 64."""

Part = tuple[slice, slice]
"""Rows and columns of the region."""


def moving_nodes(origins: Float, layers: Layers) -> Bytes:
    """(rows, columns) uint8: 1 at the nodes that move and those next to them.

    Args:
        origins: (rows, columns, 2) from `Grid.invert`.
        layers: of the portrait.
    """
    limit = STILL_PX / layers.grid.cell
    still = cv2.inRange(origins - layers.indices, (-limit, -limit), (limit, limit))
    moving: Bytes = cv2.dilate(cv2.compare(still, 0, cv2.CMP_EQ) & 1, np.ones((3, 3), np.uint8))
    return moving


def sitter_strips(layers: Layers, origins: Float, moving: Bytes, views: list[Part]) -> list[Part]:
    """Rows of tiles of the region outside of which the sitter does not appear or nothing moves.

    Args:
        layers: of the portrait.
        origins: (rows, columns, 2) from `Grid.invert`.
        moving: from `moving_nodes`.
        views: parts to be looked up in any case.
    """
    cell = layers.grid.cell
    # looked up with the same border as the texture: a head that the picture's edge cuts comes in mirrored
    sitter = cv2.remap(layers.reach * np.uint8(255), origins, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    active = cv2.dilate(cv2.compare(sitter, 0, cv2.CMP_GT), np.ones((3, 3), np.uint8)) & moving
    active = active[1:-1, 1:-1]
    for view_rows, view_columns in views:
        active[
            view_rows.start // cell : -(-view_rows.stop // cell),
            view_columns.start // cell : -(-view_columns.stop // cell),
        ] = 1
    step = max(_TILE_PX // cell, 1)
    rows, columns = active.shape
    tops, lefts = range(0, rows, step), range(0, columns, step)
    used = np.maximum.reduceat(np.maximum.reduceat(active, tops, axis=0), lefts, axis=1)
    strips = []
    for top, row in zip(tops, np.pad(used, ((0, 0), (1, 1))), strict=True):
        ends = np.flatnonzero(np.diff(row)).reshape(-1, 2) * step
        down = slice(top * cell, min(top + step, rows) * cell)
        strips += [(down, slice(left * cell, min(right, columns) * cell)) for left, right in ends.tolist()]
    return strips


def sitter_over_plate(layers: Layers, background: Bytes, position: Float, strips: list[Part]) -> tuple[Bytes, Bytes]:
    """The region's colours (h, w, 3), and the sitter's opacity (h, w), both uint8.

    Args:
        layers: of the portrait.
        background: (h, w, 3) uint8 behind the sitter.
        position: (h, w, 2) for the sitter's texture.
        strips: from `sitter_strips`; the rest of the region shows the background.
    """
    out, opacity = background.copy(), np.zeros(background.shape[:2], np.uint8)
    for strip in strips:  # one by one, so that all of it happens in the cache
        sampled = layers.sitter.sample(position[strip])
        cv2.extractChannel(sampled, 3, opacity[strip])
        cv2.cvtColor(sampled, cv2.COLOR_RGBA2RGB, out[strip])
        if cv2.minMaxLoc(opacity[strip])[0] < 255:
            cv2.copyTo(background[strip], cv2.compare(opacity[strip], 0, cv2.CMP_EQ), out[strip])
    soft = np.flatnonzero(cv2.inRange(opacity, 1, 254).view(np.int8) < 0)
    front, behind = (colours.reshape(-1, 3).take(soft, axis=0).astype(np.int16) for colours in (out, background))
    share = opacity.reshape(-1).take(soft).astype(np.float32)[:, None] * np.float32(1 / 255)
    out.reshape(-1, 3)[soft] = np.rint(behind + (front - behind) * share).astype(np.uint8)
    return out, opacity


def still_pixels(layers: Layers, moving: Bytes, painted: list[Part]) -> Bytes:
    """(h, w) uint8: 1 where nothing moves and nothing was painted, so that the source's own pixels are to stand.

    Args:
        layers: of the portrait.
        moving: from `moving_nodes`.
        painted: parts that show something else.
    """
    height, width = layers.grid.size
    still: Bytes = cv2.resize(1 - moving[1:-1, 1:-1], (width, height), interpolation=cv2.INTER_NEAREST)
    for view in painted:
        still[view] = 0
    return still
