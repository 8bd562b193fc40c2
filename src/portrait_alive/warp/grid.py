"""A coarse grid over the moving region, on which displacement fields live, and the inversion of such a field.

A *forward* displacement says, for each place of the source, how far it moves. A *backward* flow says, for each place of
the output, where in the source to look. The first is what points give; the second is what resampling needs.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.types import Float

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


_MISSED_NODES = 0.5


def _mended(origin: Float, indices: Float, missed: Float) -> Float:
    """`origin` with the nodes on which the search did not settle taken from their neighbours."""
    settled = (missed < _MISSED_NODES).astype(np.float32)
    if settled.all():
        return origin
    settled = cv2.erode(settled, np.ones((3, 3), np.uint8))
    flow = (origin - indices) * settled[..., None]
    for window in (7, 21):
        share = cv2.blur(settled, (window, window))
        near = cv2.blur(flow, (window, window)) / np.maximum(share, 1e-6)[..., None]
        lacking = (settled == 0) & (share > 0.05)
        flow[lacking] = near[lacking]
        settled[lacking] = 1.0
    return cast(Float, indices + flow)


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

    def indices(self) -> Float:
        """(rows + 2, columns + 2, 2) x, y index of each node: what cv2.remap wants."""
        return np.stack(np.meshgrid(np.arange(self.columns + 2), np.arange(self.rows + 2)), -1).astype(np.float32)

    def node_at(self, place: Float) -> tuple[int, int]:
        """(column, row) of the node nearest to a place (x, y); of those at the edge where it lies outside."""
        column = round((float(place[0]) - self.left) / self.cell + 0.5)
        row = round((float(place[1]) - self.top) / self.cell + 0.5)
        return min(max(column, 0), self.columns + 1), min(max(row, 0), self.rows + 1)

    def invert(self, displacement: Float, indices: Float, *, iterations: int = 4) -> Float:
        """Where each node of the output comes from, as node indices, under a forward displacement.

        Solves q + d(q) = p by Newton's method with the diagonal of the Jacobian. The field must not fold (`unfolded`).

        Args:
            displacement: (rows + 2, columns + 2, 2) pixels.
            indices: `self.indices()`.
            iterations: each one squares the error where the field is smooth.
        """
        step = displacement * np.float32(1.0 / self.cell)
        slope = np.empty_like(step)
        slope[:, 1:-1, 0] = (step[:, 2:, 0] - step[:, :-2, 0]) * np.float32(0.5)
        slope[1:-1, :, 1] = (step[2:, :, 1] - step[:-2, :, 1]) * np.float32(0.5)
        slope[:, [0, -1], 0] = slope[[0, -1], :, 1] = 0
        gain = np.reciprocal(np.maximum(slope + np.float32(1.0), np.float32(0.3)))
        both = np.concatenate([step, gain], -1)
        origin = indices - step * gain
        for _ in range(iterations):
            here = cv2.remap(both, origin, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            missed = origin + here[..., :2] - indices
            origin -= missed * here[..., 2:]
        return _mended(origin, indices, np.abs(missed).max(-1))

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
        height, width = self.shape
        full = cv2.resize(pixel, (width * self.cell, height * self.cell), interpolation=cv2.INTER_LINEAR)
        return cast(Float, full[self.cell : -self.cell, self.cell : -self.cell])
