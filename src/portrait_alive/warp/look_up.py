"""The look-up that makes most of a frame, kept to where something moves and the sitter is in it."""

import cv2
import numpy as np

from portrait_alive.types import Bytes, Float
from portrait_alive.warp.layers import Layers

STILL_PX = 0.02
"""Displacements shorter than this leave the source's own pixels in place."""
_BAND_PX = 64
"""Height of the bands that get their own left and right end; also keeps what is worked on in the cache."""

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


def sitter_spans(layers: Layers, origins: Float, moving: Bytes, views: list[Part]) -> list[Part]:
    """The parts of the region, one a band, outside of which the sitter does not appear or nothing moves.

    Args:
        layers: of the portrait.
        origins: (rows, columns, 2) from `Grid.invert`.
        moving: from `moving_nodes`.
        views: parts to be looked up in any case.
    """
    cell, rows = layers.grid.cell, layers.grid.shape[0]
    # looked up with the same border as the texture: a head that the picture's edge cuts comes in mirrored
    sitter = cv2.remap(layers.reach * np.uint8(255), origins, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    active = cv2.dilate(cv2.compare(sitter, 0, cv2.CMP_GT), np.ones((3, 3), np.uint8)) & moving
    active = active[1:-1, 1:-1]
    for view_rows, view_columns in views:
        active[
            view_rows.start // cell : -(-view_rows.stop // cell),
            view_columns.start // cell : -(-view_columns.stop // cell),
        ] = 1
    spans = []
    step = max(_BAND_PX // cell, 1)
    for row in range(0, rows - 2, step):
        used = np.flatnonzero(active[row : row + step].any(0))
        if len(used):
            bottom = min(row + step, rows - 2)
            spans.append((slice(row * cell, bottom * cell), slice(int(used[0]) * cell, (int(used[-1]) + 1) * cell)))
    return spans


def sitter_over_plate(layers: Layers, position: Float, spans: list[Part]) -> tuple[Bytes, Bytes]:
    """The region's colours (h, w, 3), and the sitter's opacity (h, w), both uint8.

    Args:
        layers: of the portrait.
        position: (h, w, 2) for the sitter's texture.
        spans: from `sitter_spans`; the rest of the region shows the background.
    """
    out = layers.background.copy()
    opacity = np.zeros(out.shape[:2], np.uint8)
    for part in spans:
        sampled = layers.sitter.sample(position[part])
        opacity[part], out[part] = _over(sampled, layers.background[part])
    return out, opacity


def _over(sitter: Bytes, background: Bytes) -> tuple[Bytes, Bytes]:
    """Opacity (h, w) uint8 of the sitter (h, w, 4), and the sitter over the background (h, w, 3)."""
    out = cv2.cvtColor(sitter, cv2.COLOR_RGBA2RGB)
    opacity: Bytes = cv2.extractChannel(sitter, 3)
    bare = cv2.compare(opacity, 0, cv2.CMP_EQ)
    cv2.copyTo(background, bare, out)
    rows, columns = np.nonzero(cv2.inRange(opacity, 1, 254))
    if len(rows):
        behind = background[rows, columns].astype(np.int32)
        front = out[rows, columns].astype(np.int32)
        share = opacity[rows, columns].astype(np.int32)[:, None]
        out[rows, columns] = (behind + ((front - behind) * share + 127) // 255).astype(np.uint8)
    return opacity, out


def keep_still(out: Bytes, layers: Layers, moving: Bytes, painted: list[Part]) -> None:
    """Put the source's own pixels back where nothing moves and nothing was painted, in place.

    Args:
        out: (h, w, 3) uint8.
        layers: of the portrait.
        moving: from `moving_nodes`.
        painted: parts that keep what they show.
    """
    height, width = layers.grid.size
    still = cv2.resize(1 - moving[1:-1, 1:-1], (width, height), interpolation=cv2.INTER_NEAREST)
    for view in painted:
        still[view] = 0
    cv2.copyTo(layers.still, still, out)
