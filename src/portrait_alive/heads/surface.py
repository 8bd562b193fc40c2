"""Closest points on a triangle mesh, and points that ride on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Float

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Attachment:
    """Points that ride on a mesh: each is a fixed mix of the three corners of one triangle."""

    corners: Ints
    """(P, 3) vertex indices."""
    weights: Float
    """(P, 3) barycentric weights, each row summing to 1."""

    def at(self, vertices: Float) -> Float:
        """Where the points are when the mesh is at `vertices` (V, 3): (P, 3), same unit and axes."""
        return np.asarray(np.einsum("pk,pkc->pc", self.weights, vertices[self.corners]), np.float32)

    def shift(self, shapes: Float) -> Float:
        """How the points move under each of `shapes` (S, V, 3): (S, P, 3)."""
        return np.asarray(np.einsum("pk,spkc->spc", self.weights, shapes[:, self.corners]), np.float32)

    @staticmethod
    def on_vertices(vertices: NDArray[np.int64] | Ints) -> "Attachment":
        """Points that sit on the given vertices."""
        corners = np.repeat(np.asarray(vertices, np.int32)[:, None], 3, axis=1)
        weights = np.zeros((len(corners), 3), np.float32)
        weights[:, 0] = 1
        return Attachment(corners, weights)

    @staticmethod
    def joined(parts: "list[Attachment]") -> "Attachment":
        """All points of `parts`, in order."""
        return Attachment(
            np.concatenate([part.corners for part in parts]), np.concatenate([part.weights for part in parts])
        )


def barycentric_closest(point: Float, triangles: Float) -> tuple[Float, Float]:
    """Weights (T, 3) of the point of each triangle closest to `point`, and its squared distance (T,).

    Args:
        point: (3,).
        triangles: (T, 3, 3) corners.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, ac, ap = b - a, c - a, point - a
    d00, d01, d11 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    d20, d21 = (ap * ab).sum(1), (ap * ac).sum(1)
    det = np.maximum(d00 * d11 - d01 * d01, 1e-12)
    v, w = (d11 * d20 - d01 * d21) / det, (d00 * d21 - d01 * d20) / det
    inside = np.stack([1 - v - w, v, w], 1)
    candidates = [np.where(inside.min(1)[:, None] >= 0, inside, np.nan)]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        edge = triangles[:, j] - triangles[:, i]
        t = ((point - triangles[:, i]) * edge).sum(1) / np.maximum((edge * edge).sum(1), 1e-12)
        t = np.clip(t, 0, 1)
        weights = np.zeros((len(triangles), 3), np.float32)
        weights[:, i], weights[:, j] = 1 - t, t
        candidates.append(weights)
    stacked = np.stack(candidates)  # (4, T, 3)
    at = np.einsum("ntk,tkc->ntc", stacked, triangles)
    squared = ((at - point) ** 2).sum(2)
    squared = np.where(np.isnan(squared), np.inf, squared)
    best = squared.argmin(0)
    rows = np.arange(len(triangles))
    return stacked[best, rows].astype(np.float32), squared[best, rows].astype(np.float32)


def attach(points: Float, vertices: Float, faces: Ints) -> Attachment:
    """The points of the surface closest to `points` (P, 3), as riders on it."""
    centres = vertices[faces].mean(1)
    corners = np.zeros((len(points), 3), np.int32)
    weights = np.zeros((len(points), 3), np.float32)
    for row, point in enumerate(points):
        # the closest triangle is among those with the closest centres: the mesh is fine and even
        near = np.argpartition(((centres - point) ** 2).sum(1), min(64, len(faces) - 1))[:64]
        mixed, squared = barycentric_closest(point, vertices[faces[near]])
        best = int(squared.argmin())
        corners[row], weights[row] = faces[near[best]], mixed[best]
    return Attachment(corners, weights)
