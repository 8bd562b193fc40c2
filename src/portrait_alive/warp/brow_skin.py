"""Brows that move as one piece: the painted brow, wherever it lies about its landmarks, goes with them whole.

Skin below a brow moves half as far as the brow itself. Where a painted brow reaches below its landmarks, as thick ones
do and most inner ends, its lower edge would stay behind and a raised brow would swell. So the brow is looked for on the
picture, and mesh points in and near it take their expression from the place in the mesh's brow that they belong to;
what stretches is the skin between brow and lid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.head_field import RigidMotion
from portrait_alive.warp.mesh_weights import barycentric

_BROWS = (
    (topology.RIGHT_BROW[:5], (46, 53, 52, 65, 55), topology.RIGHT_EYE_UPPER),
    (topology.LEFT_BROW[:5], (276, 283, 282, 295, 285), topology.LEFT_EYE_UPPER[::-1]),
)
"""Upper row, lower row and upper lid of each side, all from the temple to the nose."""
_COLUMNS, _ROWS = 17, 48
_BLUR_COLUMNS = 1.0
_HIGHEST = 3.0
"""Half-heights of the landmarks' brow above its middle up to which a brow is looked for."""
_LOWEST = 0.8
"""Of the way from the landmarks' brow to the lid down to which it is."""
_BELOW, _ABOVE = 0.5, 2.2
"""The most that a brow may reach: below, of the way to the lid; above, in half-heights."""
_LID_SHADOW = 0.47
"""Of the way to the lid: what is dark down to there is the lid's shadow, with or without a brow in it."""
_LEAST_CONTRAST = 0.07
"""Of the forehead's luma by which a brow is darker than the skin below it."""
_LEAST_SEEN = 0.5
"""Share of the columns in which a brow has to be seen."""
_MARGIN = 1.15
"""Hairs are thinner than half as dark beyond the edge that is found."""
_STAYS, _FORGETS = 0.85, 4.0
"""Where skin moves as the mesh says again: below, of the way to the lid; above, in half-heights."""
_ENDS = 0.3
"""Of a brow's length beyond its ends over which points cease to belong to it."""


@dataclass(frozen=True, eq=False)
class BrowSkin:
    """The mesh points in and near both brows, and the places in the mesh from which they take their expression."""

    points: NDArray[np.intp]
    """(N,)."""
    corners: NDArray[np.intp]
    """(N, 3) points around each one's place ..."""
    weights: Float
    """... and their (N, 3) weights, sum 1."""

    def carried(self, driven: Float, source: Float, rigid: RigidMotion) -> Float:
        """The driven points (P, 3) with the brows' skin moved along; the head's own motion is not touched.

        Args:
            driven: (P, 3).
            source: (P, 3) the same in the source.
            rigid: motion of the skull.
        """
        if len(self.points) == 0:
            return driven
        used = np.concatenate([self.points, self.corners.reshape(-1)])
        expression = driven[used] - rigid.apply(source[used])
        own, around = expression[: len(self.points)], expression[len(self.points) :].reshape(-1, 3, 3)
        carried = driven.copy()
        carried[self.points] += (around * self.weights[..., None]).sum(1) - own
        return carried


def brow_skin(still: Bytes, corner: tuple[int, int], points: Float, triangles: NDArray[np.int32]) -> BrowSkin:
    """Find both brows.

    Args:
        still: (h, w, 3) uint8 sRGB of the region.
        corner: (left, top) of the region in the picture.
        points: (P, 3) of the source.
        triangles: (T, 3) of the mesh.
    """
    parts = [_of_one(still, corner, points, triangles, *brow) for brow in _BROWS]
    return BrowSkin(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _of_one(
    still: Bytes,
    corner: tuple[int, int],
    points: Float,
    triangles: NDArray[np.int32],
    upper: Sequence[int],
    lower: Sequence[int],
    lid: Sequence[int],
) -> tuple[NDArray[np.intp], NDArray[np.intp], Float]:
    top, bottom, margin = (points[list(row), :2].astype(np.float64) for row in (upper, lower, lid))
    down = margin.mean(0) - (top + bottom).mean(0) / 2
    down /= max(float(np.linalg.norm(down)), 1e-6)
    at = np.linspace(0, 1, _COLUMNS)
    middle, half = _along((top + bottom) / 2, at), np.abs(_along((bottom - top) @ down, at)) / 2
    half = np.maximum(half, 0.02 * float(np.linalg.norm(top[-1] - top[0])) + 1e-3)
    to_lid = np.maximum((_along(margin, at) - middle) @ down, 2 * half)
    edges = _edges(still, np.array(corner), middle, down, half, to_lid)
    nothing = np.zeros(0, np.intp), np.zeros((0, 3), np.intp), np.zeros((0, 3), np.float32)
    if edges is None:
        return nothing
    high, low = edges
    axis = middle[-1] - middle[0]
    across = axis - down * (axis @ down)
    length = max(float(np.linalg.norm(across)), 1e-6)
    mesh = points[:468, :2].astype(np.float64)
    along = (mesh - middle[0]) @ across / length**2
    column = np.clip(along, 0, 1)
    middle_at, half_at, lid_at, high_at, low_at = (_along(row, column) for row in (middle, half, to_lid, high, low))
    depth = (mesh - middle_at) @ down
    wanted = np.where(
        depth > 0,
        _squeezed(depth, low_at, half_at, np.maximum(_STAYS * lid_at, low_at + half_at)),
        -_squeezed(-depth, high_at, half_at, np.maximum(_FORGETS * half_at, high_at + half_at)),
    )
    belongs = np.clip(1 - np.maximum(-along, along - 1) / _ENDS, 0, 1)
    places = mesh + ((wanted - depth) * belongs)[:, None] * down
    moved = np.flatnonzero(np.abs((wanted - depth) * belongs) > 0.02 * half_at)
    moved = moved[~np.isin(moved, np.array(topology.RIGHT_EYE + topology.LEFT_EYE))]
    corners, weights = _in_mesh(places[moved], points, triangles)
    found = corners[:, 0] >= 0
    return moved[found], corners[found], weights[found]


def _along(rows: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (K, ...) evenly spread over [0, 1], interpolated at places (N,)."""
    place = np.linspace(0, 1, len(rows))
    flat = rows.reshape(len(rows), -1)
    found = np.stack([np.interp(at, place, part) for part in flat.T], -1)
    return found.reshape(len(at), *rows.shape[1:])


def _squeezed(
    depth: NDArray[np.float64], edge: NDArray[np.float64], half: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Depths from a brow's middle, those up to the painted edge brought into the mesh's half-height; the rest follows,
    up to the end, beyond which nothing changes."""
    inside = depth * half / edge
    beyond = half + (depth - edge) * (end - half) / (end - edge)
    return np.where(depth <= edge, inside, np.where(depth < end, beyond, depth))


def _edges(
    still: Bytes,
    corner: NDArray[np.intp],
    middle: NDArray[np.float64],
    down: NDArray[np.float64],
    half: NDArray[np.float64],
    to_lid: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """(C,) how far the painted brow reaches above and below the middle of the landmarks', at least as far as these;
    None where no brow is seen."""
    rows = np.linspace(0, 1, _ROWS)[:, None]
    depth = -_HIGHEST * half + rows * (_HIGHEST * half + _LOWEST * to_lid)  # (R, C)
    place = (middle[None] + depth[..., None] * down - corner - 0.5).astype(np.float32)
    height, width = still.shape[:2]
    if (place < 0).any() or (place > (width - 1, height - 1)).any():
        return None
    luma = cv2.remap(still.astype(np.float32) @ LUMA, place, None, cv2.INTER_LINEAR)
    luma = cv2.GaussianBlur(luma, (0, 0), sigmaX=_BLUR_COLUMNS, sigmaY=0.5, borderType=cv2.BORDER_REPLICATE)
    high, low = np.full(len(half), np.nan), np.full(len(half), np.nan)
    for column in range(len(half)):
        at, dark = depth[:, column], -luma[:, column].astype(np.float64)
        forehead = float(np.median(dark[at < -1.6 * half[column]]))
        near = np.flatnonzero((at > -1.3 * half[column]) & (at < min(2.2 * half[column], 0.6 * to_lid[column])))
        peak = int(near[dark[near].argmax()])
        valley = float(dark[peak:].min())
        if dark[peak] - max(valley, forehead) < -_LEAST_CONTRAST * forehead:
            continue
        below = np.flatnonzero(dark[peak:] < (dark[peak] + valley) / 2)
        above = np.flatnonzero(dark[peak::-1] < (dark[peak] + forehead) / 2)
        if len(below) and at[peak + below[0]] < _LID_SHADOW * to_lid[column]:
            low[column] = at[peak + below[0]]
        high[column] = -at[peak - above[0]] if len(above) else np.nan
    seen = ~np.isnan(low) & ~np.isnan(high)
    if seen.mean() < _LEAST_SEEN:
        return None
    high, low = (_smooth(np.interp(np.arange(len(half)), np.flatnonzero(seen), edge[seen])) for edge in (high, low))
    return (
        np.clip(_MARGIN * high, half, _ABOVE * half),
        np.clip(_MARGIN * low, half, np.maximum(_BELOW * to_lid, half)),
    )


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) with outliers taken out and the rest smoothed."""
    padded = np.pad(values, 2, mode="edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    smooth = cv2.GaussianBlur(medians[None], (0, 0), 1.5, borderType=cv2.BORDER_REPLICATE)[0]
    return cast(NDArray[np.float64], smooth)


def _in_mesh(
    places: NDArray[np.float64], points: Float, triangles: NDArray[np.int32]
) -> tuple[NDArray[np.intp], Float]:
    """(N, 3) corners of the triangle around each place (N, 2), -1 where there is none, and its (N, 3) weights."""
    corners, weights = np.full((len(places), 3), -1, np.intp), np.zeros((len(places), 3), np.float32)
    nearest = np.full(len(places), np.inf)
    if len(places) == 0:
        return corners, weights
    flat = points[:, :2].astype(np.float64)
    reach = flat[triangles]
    near = (reach.max(1) >= places.min(0)).all(1) & (reach.min(1) <= places.max(0)).all(1)
    for triangle in triangles[near]:
        share = barycentric(flat[triangle], places)
        if share is None:
            continue
        depth = share @ points[triangle, 2]
        wins = (share >= -1e-6).all(1) & (depth < nearest)
        nearest[wins], corners[wins], weights[wins] = depth[wins], triangle, share[wins]
    return corners, weights
