"""A coarse grid over the moving region, on which displacement fields live, and the inversion of such a field.

A *forward* displacement says, for each place of the source, how far it moves. A *backward* flow says, for each place of
the output, where in the source to look. The first is what points give; the second is what resampling needs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Bytes, Float

LEAST_SLOPE = 0.2
"""A surface that turns away is squeezed to this at most; what would fold behind it is squeezed as well."""


def unfolded(displacement: Float, cell: int, centre: tuple[int, int]) -> None:
    """Make a forward displacement one-to-one along rows and columns, in place.

    Seen from the centre outwards, no node may come to lie before the one inside it: the face's middle is what is
    nearest to the viewer, so what would fold behind it is squeezed into a narrow strip along the outline.

    Args:
        displacement: (rows, columns, 2) pixels.
        cell: pixels between nodes.
        centre: (column, row) of the node from which to look, the nose's.
    """
    for axis, middle in ((1, centre[0]), (0, centre[1])):
        along = displacement[..., 1 - axis]
        length = along.shape[axis]
        shape = (1, length) if axis == 1 else (length, 1)
        rise = (np.arange(length, dtype=np.float32) * np.float32(cell * (1 - LEAST_SLOPE))).reshape(shape)
        place = along + rise
        after = (slice(None), slice(middle, None)) if axis == 1 else (slice(middle, None), slice(None))
        before = (slice(None), slice(middle, None, -1)) if axis == 1 else (slice(middle, None, -1), slice(None))
        place[after] = np.maximum.accumulate(place[after], axis=axis)
        place[before] = np.minimum.accumulate(place[before], axis=axis)
        np.subtract(place, rise, out=along)


def looked_up(at_nodes: NDArray[np.generic], at: Float, border: int = cv2.BORDER_REPLICATE) -> Float:
    """Values of nodes, (rows, columns) or (rows, columns, 2), at (K, 2) or (K, L, 2) node indices.

    Beyond the nodes they are those of the nearest, or with cv2.BORDER_CONSTANT 0.
    """
    x, y = (np.ascontiguousarray(at[..., axis], np.float32) for axis in range(2))
    found = cv2.remap(at_nodes.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=border)
    return cast(Float, found.reshape(*at.shape[:-1], *at_nodes.shape[2:]))


_MISSED_NODES = 0.5
_PATIENCE = 4
"""Times as many iterations as usual are spent while a node misses by more: a head that travels or turns far."""
_MENDING_WINDOWS = (7, 21)


def _mended(origin: Float, indices: Float, missed: Float) -> Float:
    """`origin` with the nodes on which the search did not settle taken from their neighbours."""
    lost = cv2.dilate(cv2.compare(missed, _MISSED_NODES, cv2.CMP_GE), np.ones((3, 3), np.uint8))
    left, top, width, height = cv2.boundingRect(lost)
    if width == 0:
        return origin
    # only what the widest window around them sees is looked at
    reach = sum(_MENDING_WINDOWS) // 2
    box = (slice(max(top - reach, 0), top + height + reach), slice(max(left - reach, 0), left + width + reach))
    settled = (lost[box] == 0).astype(np.float32)
    at = indices[box]
    flow = (origin[box] - at) * settled[..., None]
    for window in _MENDING_WINDOWS:
        share = cv2.blur(settled, (window, window))
        near = cv2.blur(flow, (window, window)) / np.maximum(share, 1e-6)[..., None]
        lacking = (settled == 0) & (share > 0.05)
        flow[lacking] = near[lacking]
        settled[lacking] = 1.0
    origin[box] = at + flow
    return origin


def _begin_anew(x: Float, y: Float, missed: Float, goes_to: tuple[Float, Float], rows: int) -> None:
    """Put the search, in place, where it has not settled, to the node that the field takes nearest to the wanted place.

    Args:
        x: (K * rows, columns) where the search for each node stands; K fields lie one above the other.
        y: the same.
        missed: (K * rows, columns) nodes by which it missed.
        goes_to: x, y to which the field takes each node, unbounded.
        rows: of one field.
    """
    columns = x.shape[1]
    at_x, at_y = (np.rint(place).astype(np.int64).reshape(-1) for place in goes_to)
    node = np.arange(x.size)
    nearest = np.full(x.size, -1, np.int64)
    around = sorted(((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)), key=lambda step: -abs(step[0]) - abs(step[1]))
    for dx, dy in around:
        to_x, to_y = at_x + dx, at_y + dy
        stays = (to_x >= 0) & (to_x < columns) & (to_y // rows == node // columns // rows)
        nearest[to_y[stays] * columns + to_x[stays]] = node[stays]
    lost = (missed.reshape(-1) >= _MISSED_NODES) & (nearest >= 0)
    x.reshape(-1)[lost] = nearest[lost] % columns
    y.reshape(-1)[lost] = nearest[lost] // columns


def _gain(step: Float) -> Float:
    """Reciprocal of 1 + the slope of `step` along its last axis, bounded where it folds."""
    slope = np.zeros_like(step)
    np.subtract(step[..., 2:], step[..., :-2], out=slope[..., 1:-1])
    slope *= np.float32(0.5)
    slope += np.float32(1.0)
    return cast(Float, np.reciprocal(np.maximum(slope, np.float32(0.3), out=slope), out=slope))


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes `cell` pixels apart, in the middle of cells that tile a rectangle, plus one row of nodes around it."""

    left: int
    top: int
    cell: int
    """Pixels between nodes."""
    rows: int
    columns: int
    """Cells inside the rectangle; there are (rows + 2) x (columns + 2) nodes."""

    @staticmethod
    def over(left: int, top: int, right: int, bottom: int, cell: int) -> "Grid":
        """The grid over at least the given rectangle of picture pixels."""
        return Grid(left, top, cell, -(-(bottom - top) // cell), -(-(right - left) // cell))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of nodes."""
        return self.rows + 2, self.columns + 2

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the rectangle in pixels."""
        return self.rows * self.cell, self.columns * self.cell

    def nodes(self) -> Float:
        """(rows + 2, columns + 2, 2) picture coordinates of the nodes."""
        x = self.left + (np.arange(self.columns + 2) - 0.5) * self.cell
        y = self.top + (np.arange(self.rows + 2) - 0.5) * self.cell
        return np.stack(np.meshgrid(x, y), -1).astype(np.float32)

    @property
    def origin(self) -> Float:
        """(2,) picture coordinates of the first node."""
        return np.array([self.left - 0.5 * self.cell, self.top - 0.5 * self.cell], np.float32)

    def indices_of(self, places: Float) -> Float:
        """Node indices of places (..., 2) in picture coordinates."""
        return ((places - self.origin) / np.float32(self.cell)).astype(np.float32)

    def indices(self) -> Float:
        """(rows + 2, columns + 2, 2) x, y index of each node: what cv2.remap wants."""
        return np.stack(np.meshgrid(np.arange(self.columns + 2), np.arange(self.rows + 2)), -1).astype(np.float32)

    def node_at(self, place: Float) -> tuple[int, int]:
        """(column, row) of the node nearest to a place (x, y); of those at the edge where it lies outside."""
        column = round((float(place[0]) - self.left) / self.cell + 0.5)
        row = round((float(place[1]) - self.top) / self.cell + 0.5)
        return min(max(column, 0), self.columns + 1), min(max(row, 0), self.rows + 1)

    def filled(self, rings: Iterable[Float]) -> Bytes:
        """(rows + 2, columns + 2) uint8: 1 at the nodes within any of some polygons (N, 2) in picture coordinates."""
        filled, origin = np.zeros(self.shape, np.uint8), self.origin
        for ring in rings:
            cv2.fillPoly(filled, [np.round((ring.reshape(-1, 2) - origin) / self.cell).astype(np.int32)], 1)
        return filled

    def means(self, pixels: Float) -> Float:
        """(rows + 2, columns + 2) values at the nodes of (h, w) values of the rectangle's pixels: means of cells."""
        cells = cv2.resize(pixels, (self.columns, self.rows), interpolation=cv2.INTER_AREA)
        return np.pad(cells, 1, mode="edge").astype(np.float32)

    def invert(self, displacement: Float, indices: Float, *, iterations: int = 4) -> Float:
        """Where each node of the output comes from, as node indices, under a forward displacement.

        Solves q + d(q) = p by Newton's method with the diagonal of the Jacobian. The field must not fold (`unfolded`).

        Args:
            displacement: (rows + 2, columns + 2, 2) pixels.
            indices: `self.indices()`.
            iterations: each one squares the error where the field is smooth; four times as many where it is not.
        """
        return cast(Float, self.invert_all(displacement[None], indices, iterations=iterations)[0])

    def invert_all(self, displacements: Float, indices: Float, *, iterations: int = 4) -> Float:
        """`invert` for several fields (K, rows, columns, 2) over this grid at once: (K, rows, columns, 2)."""
        # one above the other, in planes: arithmetic over a last axis of two is several times slower
        count, rows, columns = displacements.shape[:3]
        x_at, y_at = np.arange(columns, dtype=np.float32), np.arange(count * rows, dtype=np.float32)[:, None]
        first = (y_at // rows) * np.float32(rows)
        last = first + np.float32(rows - 1)
        stacked = displacements.reshape(count * rows, columns, 2)
        step_x, step_y = (part * np.float32(1.0 / self.cell) for part in cv2.split(stacked))
        gain_x = _gain(step_x)
        gain_y = _gain(step_y.reshape(count, rows, columns).swapaxes(1, 2)).swapaxes(1, 2)
        both = cv2.merge((step_x, step_y, gain_x, np.ascontiguousarray(gain_y).reshape(step_y.shape)))
        x, y = x_at - step_x * gain_x, y_at - step_y * both[..., 3]
        for done in range(1, _PATIENCE * iterations + 1):
            within = y if count == 1 else np.minimum(np.maximum(y, first), last)
            here = cv2.remap(both, x, within, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            missed_x, missed_y, here_gain_x, here_gain_y = cv2.split(here)
            missed_x += x
            missed_x -= x_at
            missed_y += y
            missed_y -= y_at
            here_gain_x *= missed_x
            here_gain_y *= missed_y
            x -= here_gain_x
            y -= here_gain_y
            if done >= iterations:
                missed = np.maximum(np.abs(missed_x, out=missed_x), np.abs(missed_y, out=missed_y))
                if float(missed.max()) < _MISSED_NODES:
                    break
            if done == iterations:
                _begin_anew(x, y, missed, (x_at + step_x, y_at + step_y), rows)
        y -= first
        found = cv2.merge((x, y)).reshape(displacements.shape)
        return np.stack(
            [_mended(one, indices, miss) for one, miss in zip(found, missed.reshape(count, rows, columns), strict=True)]
        )

    def full_size(self, origin: Float, *, shift: tuple[float, float] = (0.0, 0.0), factor: int = 1) -> Float:
        """Origins at every pixel of the rectangle, as pixel indices of another rectangle times `factor`.

        Args:
            origin: (rows + 2, columns + 2, 2) node indices, from `invert`.
            shift: (x, y) pixels from this grid's corner back to the corner of the texture's rectangle.
            factor: the texture's enlargement.

        Returns:
            (height, width, 2) float32 for `FineTexture.sample`.
        """
        scale = self.cell * factor
        # node index i lies at pixel coordinate (i - 0.5) * cell, that is at pixel index (i - 0.5) * cell - 0.5
        offset = np.array([(s - 0.5 - 0.5 * self.cell) * factor for s in shift], np.float32)
        pixel = origin * np.float32(scale) + offset
        return self.at_pixels(pixel)

    def at_pixels(self, at_nodes: Float) -> Float:
        """(height, width) or (height, width, C) values at every pixel of the rectangle, of such at the nodes."""
        height, width = self.shape
        full = cv2.resize(at_nodes, (width * self.cell, height * self.cell), interpolation=cv2.INTER_LINEAR)
        return cast(Float, full[self.cell : -self.cell, self.cell : -self.cell])

    def block_at_pixels(self, at_nodes: Float, block: tuple[slice, slice]) -> tuple[tuple[slice, slice], Float]:
        """The rows and columns of pixels about a block of nodes, and (h, w) or (h, w, C) values there.

        As `at_pixels` but for half a cell along the block's own edges, where its outermost nodes' values hold.
        """
        height, width = self.size
        some = at_nodes[block]
        rows, columns = some.shape[0] * self.cell, some.shape[1] * self.cell
        top, left = ((part.start - 1) * self.cell for part in block)
        full = cv2.resize(some, (columns, rows), interpolation=cv2.INTER_LINEAR)
        down, across = slice(max(top, 0), min(top + rows, height)), slice(max(left, 0), min(left + columns, width))
        return (down, across), full[down.start - top : down.stop - top, across.start - left : across.stop - left]
