"""Which mesh points move a place, and by how much: barycentric weights of grid nodes, once per source."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Float


@dataclass(frozen=True, eq=False)
class MeshWeights:
    """For some grid nodes, three points and their weights; kept by columns (Fortran order), which gathers faster."""

    where: NDArray[np.int64]
    """(N,) flat index of each node in its grid."""
    points: NDArray[np.int64]
    """(N, 3) indices of points."""
    weights: Float
    """(N, 3), sum 1."""

    def apply(self, values: Float) -> Float:
        """Interpolate per-point values (P, 2) at the nodes: (N, 2)."""
        pairs = np.ascontiguousarray(values).view(np.complex64)[:, 0]  # pairs of numbers gather at once
        first, second, third = (
            pairs.take(point) * weight for point, weight in zip(self.points.T, self.weights.T, strict=True)
        )
        first += second
        first += third
        return cast(Float, first.view(np.float32).reshape(-1, 2))

    def scatter(self, values: Float, into: Float) -> None:
        """Write interpolated values (P, 2) at the nodes of a contiguous field (rows, columns, 2), in place."""
        pairs = into.reshape(-1, 2).view(np.complex64)[:, 0]
        pairs[self.where] = self.apply(values).view(np.complex64)[:, 0]


def weights_at(nodes: Float, points: Float, triangles: NDArray[np.int32]) -> MeshWeights:
    """Weights of the nodes that a mesh covers; where it covers them twice, of the nearest surface.

    Only what faces the viewer counts: through the holes of a turned face's eyes its far temple would be seen from
    within, and irises moved with that.

    Args:
        nodes: (rows, columns, 2) regular grid of picture coordinates.
        points: (P, 3) picture coordinates with depth away from the viewer.
        triangles: (T, 3) indices into `points`, clockwise as the viewer sees them.
    """
    rows, columns = nodes.shape[:2]
    origin, cell = nodes[0, 0], float(nodes[0, 1, 0] - nodes[0, 0, 0])
    depth = np.full((rows, columns), np.inf, np.float32)
    owner = np.full((rows, columns), -1, np.int32)
    share = np.zeros((rows, columns, 3), np.float32)
    flat = points[:, :2].astype(np.float64)
    places = nodes.astype(np.float64)
    lows, highs = (end(flat[triangles], axis=1) - origin for end in (np.min, np.max))
    firsts = np.maximum(np.ceil(lows / cell - 1e-6), 0).astype(int)  # (T, 2) the nodes in each triangle's box
    lasts = np.minimum(np.floor(highs / cell + 1e-6).astype(int), (columns - 1, rows - 1))
    faces_viewer = _doubled_area(flat[triangles]) > 0
    for number in np.flatnonzero((lasts >= firsts).all(1) & faces_viewer).tolist():
        corner, (x0, y0), (x1, y1) = triangles[number], firsts[number].tolist(), lasts[number].tolist()
        shares = barycentric(flat[corner], places[y0 : y1 + 1, x0 : x1 + 1])
        if shares is None:
            continue
        wa, wb, wc = (shares[..., index] for index in range(3))
        z = (wa * points[corner[0], 2] + wb * points[corner[1], 2] + wc * points[corner[2], 2]).astype(np.float32)
        view = (slice(y0, y1 + 1), slice(x0, x1 + 1))
        wins = (wa >= -1e-6) & (wb >= -1e-6) & (wc >= -1e-6) & (z < depth[view])
        depth[view][wins] = z[wins]
        owner[view][wins] = number
        share[view][wins] = shares[wins]
    where = np.flatnonzero(owner.reshape(-1) >= 0)
    return MeshWeights(
        where=where,
        points=np.asfortranarray(triangles[owner.reshape(-1)[where]].astype(np.int64)),
        weights=np.asfortranarray(share.reshape(-1, 3)[where]),
    )


def barycentric(corners: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Weights (..., 3), sum 1, of a triangle's corners (3, 2) at places (..., 2): all are positive within it.

    None where the triangle has no area.
    """
    a, b, c = corners
    area = _doubled_area(corners)
    if abs(area) < 1e-9:
        return None
    x, y = places[..., 0] - a[0], places[..., 1] - a[1]
    wb = (x * (c[1] - a[1]) - (c[0] - a[0]) * y) / area
    wc = ((b[0] - a[0]) * y - x * (b[1] - a[1])) / area
    return np.stack([1 - wb - wc, wb, wc], -1)


def _doubled_area(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...) twice the area of triangles (..., 3, 2), positive where their corners run clockwise in the picture."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (c[..., 0] - a[..., 0]) * (b[..., 1] - a[..., 1])


def extended(weights: MeshWeights, keep: NDArray[np.bool_], over: NDArray[np.bool_]) -> MeshWeights:
    """Weights for more nodes of a grid: those of the nearest covered node that is to be kept.

    Args:
        weights: of the covered nodes.
        keep: (rows, columns) nodes whose own weights may be used.
        over: (rows, columns) nodes that get weights.
    """
    table = np.full(keep.size, -1, np.int64)
    table[weights.where] = np.arange(len(weights.where))
    known = (table >= 0) & keep.reshape(-1)
    _, labels = cv2.distanceTransformWithLabels(
        (~known).reshape(keep.shape).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(labels.max()) + 1, np.int64)
    of_label[labels.reshape(-1)[known]] = table[known]
    where = np.flatnonzero(over.reshape(-1))
    nearest = of_label[labels.reshape(-1)[where]]
    return MeshWeights(where, np.asfortranarray(weights.points[nearest]), np.asfortranarray(weights.weights[nearest]))


def coverage(weights: MeshWeights, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(rows, columns) which nodes lie within the outline of those that have weights, holes (eyes, mouth) included."""
    covered = np.zeros(shape, np.uint8)
    covered.reshape(-1)[weights.where] = 1
    outlines, _ = cv2.findContours(covered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(covered, outlines, -1, 1, cv2.FILLED)
    return covered > 0
