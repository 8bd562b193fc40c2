"""A face's whole mesh as one sheet of skin, laid onto other points: how another picture comes into a frame."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.shape.fit import FITTED_POINTS
from portrait_alive.types import Float
from portrait_alive.warp.detail import Detail, Sheet
from portrait_alive.warp.grid import Grid
from portrait_alive.warp.mesh_weights import coverage, weights_at

_BLUR = 0.9
"""Sigma in nodes: takes the creases between triangles out."""


@dataclass(frozen=True, eq=False)
class SkinSheet:
    """The skin of a face that fills a picture of its own."""

    points: Float
    """(P, 3) of the face, in the picture's pixels."""
    grid: Grid
    """Over the whole picture."""
    detail: Detail
    sheet: Sheet
    affine: NDArray[np.float64]
    """(3, 468) the affine map that comes nearest to displacements of the mesh, by least squares."""

    @staticmethod
    def of(size: tuple[int, int], points: Float, triangles: NDArray[np.int32], cell: int) -> "SkinSheet":
        """Of a picture of (height, width) pixels and its face's points, with so many pixels between nodes."""
        height, width = size
        grid = Grid.over(0, 0, width - cell + 1, height - cell + 1, cell)
        low, high = np.zeros(2, np.float32), np.array(grid.size[::-1], np.float32)
        detail = Detail.around(grid, low, high, cell, nose=points[topology.NOSE_TIP], feather_px=2.0)
        assert detail is not None
        covered = weights_at(detail.grid.nodes(), points, triangles)
        within = coverage(covered, detail.grid.shape)
        sheet = Sheet.of(covered, within, within, detail.core, is_upper=False)
        affine = np.linalg.pinv(np.column_stack([points[:FITTED_POINTS, :2], np.ones(FITTED_POINTS)]))
        return SkinSheet(points, grid, detail, sheet, affine)

    def field(self, moved: Float) -> Float:
        """(rows, columns, 2) displacement beyond the mesh, whose own is `moved` (P, 2): an affine map's."""
        solution = (self.affine @ moved[:FITTED_POINTS]).astype(np.float32)
        return np.asarray(self.grid.nodes() @ solution[:2] + solution[2], np.float32)

    def laid_on(self, points: Float) -> "LaidSkin":
        """The sheet on other points (P, 2 or more)."""
        moved = np.ascontiguousarray(points[:, :2] - self.points[:, :2])
        offset = whole_pixels(moved[:FITTED_POINTS])
        origins = self.detail.origins(self.field(moved), [self.sheet], moved, offset=offset, blurs=(_BLUR,))[0]
        return LaidSkin(self.detail, offset, cast(Float, origins))


@dataclass(frozen=True, eq=False)
class LaidSkin:
    """A sheet of skin where the frame wants it: a rectangle of the frame, and what of its own picture is seen there."""

    detail: Detail
    offset: tuple[int, int]
    """(x, y) pixels from the sheet's own picture to the frame."""
    origins: Float
    """(rows, columns, 2) where each node of the rectangle comes from, node indices."""

    @property
    def corner(self) -> tuple[int, int]:
        """(x, y) of the rectangle's first pixel in the frame."""
        return self.detail.grid.left + self.offset[0], self.detail.grid.top + self.offset[1]

    @property
    def places(self) -> Float:
        """(rows, columns, 2) picture coordinates of its nodes in the frame."""
        return self.detail.grid.nodes() + np.array(self.offset, np.float32)

    def positions(self, factor: int) -> Float:
        """(h, w, 2) for each pixel of the rectangle, where to look in the sheet's picture enlarged so many times."""
        shift = float(self.detail.grid.left), float(self.detail.grid.top)
        return self.detail.grid.full_size(self.origins, shift=shift, factor=factor)


def whole_pixels(moved: Float) -> tuple[int, int]:
    """The mean of displacements (N, 2), in whole pixels (x, y)."""
    dx, dy = np.round(moved.mean(0)).astype(int)
    return int(dx), int(dy)
