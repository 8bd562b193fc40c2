"""A rectangle around an eye or the mouth, where the field has to be finer than in the rest of the face."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.fine_texture import FineTexture
from portrait_alive.warp.grid import Grid, unfolded
from portrait_alive.warp.mesh_weights import MeshWeights, extended

_CONTINUATION_BLUR = 2.0
"""Sigma in nodes: makes a sheet's motion beyond its cut, that of the nearest place on it, smooth."""

_RIM_NODES = 5
"""Nodes from the mesh's outline inwards over which sheets come to move by themselves."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """One piece of skin, which goes on beyond the line along which it is cut."""

    weights: MeshWeights
    """Of the sheet's nodes and of those it is continued to."""
    beyond: NDArray[np.bool_]
    """(rows, columns) the nodes it is continued to."""
    share: Float
    """(rows, columns, 1) in [0, 1]: how far it moves by itself; the rest is the region's field, which is smoother."""
    is_upper: bool
    """It lies above its cut."""

    @staticmethod
    def of(
        covered: MeshWeights, own: NDArray[np.bool_], over: NDArray[np.bool_], core: Float, *, is_upper: bool
    ) -> "Sheet":
        """The sheet of the covered nodes that are `own`, continued over the nodes `over`.

        `core` (rows, columns) says how far each node moves by itself; near the outline of `over`, where cheeks turn
        away and hide what a turn of the head uncovers, none does.
        """
        depth = cv2.distanceTransform(over.astype(np.uint8), cv2.DIST_L2, 5)
        share = core * np.clip((depth - 1) * np.float32(1 / _RIM_NODES), 0, 1)
        return Sheet(extended(covered, own, over), over & ~own, share.astype(np.float32)[..., None], is_upper)


@dataclass(frozen=True, eq=False)
class Cut:
    """Positions of two sheets that meet along a line, and what the pixels on the line need to be smooth."""

    positions: Float
    """(h, w, 2): for each pixel, of the sheet that has the larger share of it."""
    rows: NDArray[np.int64]
    """(N,) rows of the pixels that both sheets share."""
    columns: NDArray[np.int64]
    """(N,) their columns."""
    other: Float
    """(N, 2) their positions on the other sheet."""
    share: Float
    """(N,) the other sheet's share, at most 0.5."""

    def soften(self, view: Bytes, opacity: Bytes, texture: FineTexture, seen: Float | None = None) -> None:
        """Mix the other sheet's colours into the pixels on the line, in place.

        Args:
            view: (h, w, 3) uint8.
            opacity: (h, w) uint8 of the sitter: only where nothing shines through is there anything to do.
            texture: of the region.
            seen: (h, w) in [0, 1]: where the sheets are seen at all; None for everywhere.
        """
        if len(self.rows) == 0:
            return
        other = texture.sample(self.other[None])[0].astype(np.float32)
        own = view[self.rows, self.columns].astype(np.float32)
        solid = (opacity[self.rows, self.columns] == 255) & (other[:, 3] == 255)
        share = (self.share * solid)[:, None]
        if seen is not None:
            share *= seen[self.rows, self.columns][:, None]
        view[self.rows, self.columns] = (own + (other[:, :3] - own) * share + np.float32(0.5)).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Detail:
    """A finer grid within the region's, with its pixels' coordinates."""

    grid: Grid
    indices: Float
    """(rows, columns, 2) node indices."""
    in_region: Float
    """(rows, columns, 2) the same places as node indices of the region's grid."""
    core: Float
    """(rows, columns) in [0, 1]: 1 at the core, whose motion is the sheets' own, 0 where it is the region's."""
    shown: Float
    """(rows, columns) in [0, 1]: 1 at the core and close to it, where what is drawn of it belongs; 0 far from it."""
    feather: Float
    """(h, w, 1) in [0, 1]: 0 at the rectangle's edge."""
    x: Float
    """(1, w) picture coordinates of the pixels' centres."""
    y: Float
    """(h, 1)."""
    nose: tuple[int, int]
    """(column, row) of the node nearest to the tip of the nose."""

    @staticmethod
    def around(
        region: Grid,
        low: Float,
        high: Float,
        cell: int,
        *,
        nose: Float,
        feather_px: float,
        core: Float | None = None,
        core_px: tuple[float, float] = (0.0, 1.0),
        shown_px: tuple[float, float] = (0.0, 1.0),
    ) -> "Detail | None":
        """A rectangle as far as it lies in the region; None where too little does.

        Args:
            region: the region's grid.
            low: (x, y) of its first corner.
            high: (x, y) of its last.
            cell: pixels between its nodes.
            nose: (2 or more,) tip of the nose.
            feather_px: over which its positions pass into the region's at its edge.
            core: (N, 2) outline of what needs it; None where all of it does.
            core_px: distances from the core up to which sheets move by themselves, and from which on they follow the
                region's field, which is smoother: where noses and cheeks hide parts of a face it tears less.
            shown_px: distances from the core up to which, and from which on not, what is drawn of it belongs.
        """
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
        edge = np.minimum(np.minimum(x - left, left + width - x), np.minimum(y - top, top + height - y))  # (h, w)
        feather = smoothstep(0.0, 1.0, ((edge - 0.5) / feather_px).astype(np.float32))[..., None]
        in_region = region.indices_of(grid.nodes())
        near = shown = np.ones(grid.shape, np.float32)
        if core is not None:
            away = cv2.distanceTransform(1 - inside(grid.nodes(), core).astype(np.uint8), cv2.DIST_L2, 5) * cell
            near, shown = (1 - smoothstep(*reach, away) for reach in (core_px, shown_px))
        return Detail(grid, grid.indices(), in_region, near, shown, feather, x, y, grid.node_at(nose))

    @property
    def view(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in picture pixels."""
        height, width = self.grid.size
        return self.grid.left, self.grid.top, self.grid.left + width, self.grid.top + height

    def offset(self, region: Grid, moved: Float) -> tuple[int, int]:
        """Whole pixels (x, y) by which the rectangle follows what it shows, kept inside the region.

        Args:
            region: the region's grid.
            moved: (N, 2) displacements of the points in it.
        """
        height_px, width_px = region.size
        left, top, right, bottom = self.view
        dx, dy = np.round(moved.mean(0)).astype(int)
        dx = min(max(int(dx), region.left - left), region.left + width_px - right)
        dy = min(max(int(dy), region.top - top), region.top + height_px - bottom)
        return dx, dy

    def origins(
        self, coarse: Float, sheets: Sequence[Sheet], moved: Float, *, offset: tuple[int, int], blurs: Sequence[float]
    ) -> Float:
        """Where each node of the rectangle, put off by `offset`, comes from if it belongs to one sheet of skin.

        Args:
            coarse: (rows, columns, 2) the region's displacement, which holds where a sheet has no weights.
            sheets: K of them, over this grid.
            moved: (P, 2) displacement of the points.
            offset: (x, y) of the output's rectangle from the source's.
            blurs: for each sheet, sigma in nodes: takes the creases between triangles out.

        Returns:
            (K, rows, columns, 2) node indices for `Grid.full_size`.
        """
        around = cv2.remap(coarse, self.in_region, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        fields = []
        for sheet, blur in zip(sheets, blurs, strict=True):
            field = around.copy()
            sheet.weights.scatter(moved, field)
            field -= around
            field *= sheet.share
            field += around
            field -= np.array(offset, np.float32)
            smooth = cv2.GaussianBlur(field, (0, 0), _CONTINUATION_BLUR, borderType=cv2.BORDER_REPLICATE)
            np.copyto(field, smooth, where=sheet.beyond[..., None])
            # what folds does so beyond the cut, where nothing is seen of the sheet
            unfolded(field, self.grid.cell, (self.nose[0], 0 if sheet.is_upper else self.grid.rows + 1))
            fields.append(cv2.GaussianBlur(field, (0, 0), blur, borderType=cv2.BORDER_REPLICATE))
        return self.grid.invert_all(np.stack(fields), self.indices, iterations=4)

    def seen(self, shown: Float, region: Grid, origins: Float, offset: tuple[int, int]) -> Float:
        """(h, w) in [0, 1]: how much of the rectangle, put off by `offset`, shows a part of the source.

        A nose or a cheek that is turned before it hides it, whatever the part's own points say.

        Args:
            shown: (rows, columns) in [0, 1] over this grid: the part, in the source.
            region: the region's grid.
            origins: from its `invert`.
            offset: (x, y) of the output's rectangle from the source's.
        """
        scale = region.cell / self.grid.cell
        place = origins * np.float32(scale)
        for axis, (start, own) in enumerate(((region.left, self.grid.left), (region.top, self.grid.top))):
            place[..., axis] += np.float32((start - own) / self.grid.cell + 0.5 - 0.5 * scale)
        at_nodes = cv2.remap(shown, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        height, width = self.grid.size
        shift = [
            (own + put + 0.5 - start) / region.cell + 0.5
            for own, put, start in zip((self.grid.left, self.grid.top), offset, (region.left, region.top), strict=True)
        ]
        onto = np.array([[1 / region.cell, 0, shift[0]], [0, 1 / region.cell, shift[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        found = cv2.warpAffine(at_nodes, onto, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return cast(Float, found)

    def cut(self, upper: Float, lower: Float, below: Float) -> "Cut":
        """Two sheets joined along a line.

        Args:
            upper: (h, w, 2) positions of the upper sheet.
            lower: (h, w, 2) of the lower one.
            below: (h, w) in [0, 1]: share of the lower sheet in each pixel.
        """
        line = cv2.findNonZero(cv2.inRange(below, 1e-6, 1 - 1e-6))
        if line is None:
            line = np.zeros((0, 2), np.int32)
        columns, rows = line.reshape(-1, 2).T.astype(np.int64)
        share = below[rows, columns]
        under = share > 0.5
        other = np.where(under[:, None], upper[rows, columns], lower[rows, columns])
        joined = cv2.copyTo(lower, cv2.compare(below, 0.5, cv2.CMP_GT), upper.copy())
        return Cut(joined, rows, columns, other, np.where(under, 1 - share, share).astype(np.float32))

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
