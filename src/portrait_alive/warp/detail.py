"""A rectangle around an eye or the mouth, where the field has to be finer than in the rest of the face."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Float
from portrait_alive.warp.grid import Grid
from portrait_alive.warp.mesh_weights import MeshWeights


@dataclass(frozen=True, eq=False)
class Detail:
    """A finer grid within the region's, with its pixels' coordinates."""

    grid: Grid
    indices: Float
    """(rows, columns, 2) node indices."""
    in_region: Float
    """(rows, columns, 2) the same places as node indices of the region's grid."""
    feather: Float
    """(h, w, 1) in [0, 1]: 0 at the rectangle's edge."""
    x: Float
    """(1, w) picture coordinates of the pixels' centres."""
    y: Float
    """(h, 1)."""

    @staticmethod
    def around(region: Grid, low: Float, high: Float, cell: int, *, feather_px: float) -> "Detail | None":
        """The rectangle from `low` to `high` (x, y) as far as it lies in the region; None where too little does."""
        height_px, width_px = region.size
        left, top = max(int(low[0]), region.left), max(int(low[1]), region.top)
        right, bottom = min(int(high[0]) + 1, region.left + width_px), min(int(high[1]) + 1, region.top + height_px)
        right, bottom = right - (right - left) % cell, bottom - (bottom - top) % cell
        if right - left < 4 * cell or bottom - top < 4 * cell:
            return None
        grid = Grid.over(left, top, right, bottom, cell)
        height, width = grid.size
        x = (left + np.arange(width) + 0.5).astype(np.float32)[None]
        y = (top + np.arange(height) + 0.5).astype(np.float32)[:, None]
        edge = np.minimum(
            np.minimum(x - left, left + width - x), np.minimum(y - top, top + height - y)
        )  # (h, w)
        ramp = np.clip((edge - 0.5) / feather_px, 0, 1)
        origin = np.array([region.left - 0.5 * region.cell, region.top - 0.5 * region.cell])
        in_region = ((grid.nodes() - origin) / region.cell).astype(np.float32)
        return Detail(
            grid, grid.indices(), in_region, (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)[..., None], x, y
        )

    @property
    def view(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in picture pixels."""
        height, width = self.grid.size
        return self.grid.left, self.grid.top, self.grid.left + width, self.grid.top + height

    def origins(self, coarse: Float, weights: MeshWeights, moved: Float, *, blur: float = 0.8) -> Float:
        """Backward node indices of one sheet of skin.

        Args:
            coarse: (rows, columns, 2) the region's displacement, which holds where the sheet has no weights.
            weights: the sheet's, over this grid.
            moved: (P, 2) displacement of the points.
            blur: sigma in nodes: takes the creases between triangles out.
        """
        field = cv2.remap(coarse, self.in_region, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        weights.scatter(moved, field)
        if blur > 0:
            field = cv2.GaussianBlur(field, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
        return self.grid.invert(field, self.indices)

    def positions(self, x: Float, y: Float, factor: int) -> Float:
        """Picture coordinates as look-up positions in a `FineTexture` over this rectangle."""
        return cast(
            Float,
            np.dstack([(x - (self.grid.left + 0.5)) * factor, (y - (self.grid.top + 0.5)) * factor]).astype(np.float32),
        )


def inside(nodes: Float, polygon: Float) -> NDArray[np.bool_]:
    """(rows, columns) which grid nodes lie in a polygon (N, 2) of picture coordinates."""
    origin, cell = nodes[0, 0], float(nodes[0, 1, 0] - nodes[0, 0, 0])
    mask = np.zeros(nodes.shape[:2], np.uint8)
    at = np.round((polygon - origin) / cell * 16).astype(np.int32)
    cv2.fillPoly(mask, [at], 1, shift=4)
    return mask > 0


def smoothstep(low: float, high: float, value: float) -> float:
    """0 below `low`, 1 above `high`, smooth in between."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)
