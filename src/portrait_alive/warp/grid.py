"""A coarse grid over the moving region, on which displacement fields live, and the inversion of such a field.

A *forward* displacement says, for each place of the source, how far it moves. A *backward* flow says, for each place of
the output, where in the source to look. The first is what points give; the second is what resampling needs.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.types import Float


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

    def invert(self, displacement: Float, indices: Float, *, iterations: int = 7) -> Float:
        """Where each node of the output comes from, as node indices, under a forward displacement.

        The fixed point of q = p - d(q). It is found where the displacement changes by less than its own length from
        node to node, that is wherever the surface does not fold over itself; a fold comes out squeezed.

        Args:
            displacement: (rows + 2, columns + 2, 2) pixels.
            indices: `self.indices()`.
            iterations: each one divides the error by about 2.
        """
        step = displacement * np.float32(1.0 / self.cell)
        origin = indices - step
        for _ in range(iterations - 1):
            moved = cv2.remap(step, origin, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            origin = cv2.subtract(indices, moved)
        moved = cv2.remap(step, origin, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return cast(Float, cv2.addWeighted(origin, 0.5, cv2.subtract(indices, moved), 0.5, 0.0))

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
