"""What comes out from behind the nose, which a picture does not have, is stretched from a piece of cheek.

A jump of the field from the nose to the cheek behind it would stretch the one stroke that lies between them, mostly the
nose's dark contour, into a smear.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.types import Float
from portrait_alive.warp.grid import Grid
from portrait_alive.warp.mesh_weights import MeshWeights

_STEEP = (3.0, 6.0)
"""Depth over distance from which on one surface begins to hide another, and does."""
_REACH = 0.08
"""Face heights of cheek that are stretched."""
_NOSE = 0.13
"""Face heights beside the nose's ridge within which it ends."""
_BESIDE = 0.3
"""Cosine of the angle to the way from the cheek to the nose; farther off a node does not lie behind the nose's edge."""
CORES = (topology.RIGHT_EYE, topology.LEFT_EYE, topology.LIPS_OUTER)
"""What is never stretched."""


@dataclass(frozen=True, eq=False)
class Gaps:
    """Nodes (N) of the cheek behind the nose's edge; made once per source."""

    nodes: NDArray[np.int64]
    """(N,) flat indices."""
    edges: NDArray[np.int64]
    """(N,) of the nearest node on the nose's edge."""
    behind: NDArray[np.int64]
    """(N,) of the node of the cheek next to that."""
    towards: NDArray[np.complex64]
    """(N,) unit x + iy from each node to the edge."""
    shares: Float
    """(N,) in [0, 1] of what opens between edge and cheek by which the node goes along with the edge."""

    def narrow(self, field: Float) -> None:
        """Spread what opens beside the nose over the cheek, in place, in a contiguous field (rows, columns, 2)."""
        pairs = field.reshape(-1, 2).view(np.complex64)[:, 0]
        apart = pairs.take(self.edges) - pairs.take(self.behind)
        opened = np.maximum((apart * self.towards.conj()).real, 0)
        pairs[self.nodes] += opened * self.shares * self.towards


def gaps_of(mesh: MeshWeights, grid: Grid, points: Float, tall: float) -> Gaps:
    """What may open in a source.

    Args:
        mesh: weights of the nodes within the mesh's outline.
        grid: over the moving region.
        points: (P, 3) of the source.
        tall: pixels of the face's height.
    """
    depth = np.full(grid.shape, np.nan, np.float32)
    depth.reshape(-1)[mesh.where] = (points[mesh.points, 2] * mesh.weights).sum(1)
    jump, behind = _jumps(depth)
    edge = (jump > _STEEP[0] * grid.cell) & _near_nose(grid, points, _NOSE * tall)
    if not edge.any():
        none = np.zeros(0, np.int64)
        return Gaps(none, none, none, np.zeros(0, np.complex64), np.zeros(0, np.float32))
    away, labels = cv2.distanceTransformWithLabels(
        (~edge).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(labels.max()) + 1, np.int64)
    of_label[labels[edge]] = np.flatnonzero(edge)
    nearest = of_label[labels]
    place = (np.arange(edge.shape[1]) + 1j * np.arange(edge.shape[0])[:, None]).reshape(-1)
    partner = behind.reshape(-1)[nearest]
    towards = place[nearest] - place.reshape(edge.shape)
    towards /= np.maximum(np.abs(towards), 1e-6)
    core = np.isnan(depth).astype(np.uint8) | grid.filled(points[list(ring), :2] for ring in CORES)
    kept = cv2.distanceTransform(1 - core, cv2.DIST_L2, 5)
    share = np.minimum(1 - (away - 1) * np.float32(grid.cell / (_REACH * tall)), kept / np.maximum(kept + away, 1e-3))
    share = smoothstep(0.0, 1.0, share) * smoothstep(*_STEEP, jump.reshape(-1)[nearest] / np.float32(grid.cell))
    share *= (towards * (place[nearest] - place[partner]).conj()).real > _BESIDE
    nodes = np.flatnonzero(share > 1e-3)
    edges, partners, ways, shares = (each.reshape(-1)[nodes] for each in (nearest, partner, towards, share))
    return Gaps(nodes, edges, partners, ways.astype(np.complex64), shares.astype(np.float32))


def _jumps(depth: Float) -> tuple[Float, NDArray[np.int64]]:
    """(rows, columns) how much farther away than each node its farthest neighbour is, and that one's flat index."""
    index = np.arange(depth.size).reshape(depth.shape)
    jump, behind = np.zeros_like(depth), index.copy()
    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        farther = np.nan_to_num(np.roll(depth, shift, (0, 1)) - depth)
        wins = farther > jump
        jump[wins] = farther[wins]
        behind[wins] = np.roll(index, shift, (0, 1))[wins]
    return jump, behind


def _near_nose(grid: Grid, points: Float, reach: float) -> NDArray[np.bool_]:
    """(rows, columns) nodes within `reach` of the nose's ridge, tip included."""
    bridge, tip = points[topology.NOSE_BRIDGE, :2], points[topology.NOSE_TIP, :2]
    ridge, offset = tip - bridge, grid.nodes() - bridge
    along = np.clip(offset @ ridge / np.maximum(ridge @ ridge, 1e-6), 0, 1)
    return np.asarray(np.linalg.norm(offset - along[..., None] * ridge, axis=-1) < reach)
