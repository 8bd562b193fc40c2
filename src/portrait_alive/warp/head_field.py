"""How far each place of the source moves: mesh inside the face, the rigid head around it, nothing at the shoulders."""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.types import Float, SourceFace
from portrait_alive.warp.gaps import Gaps, gaps_of
from portrait_alive.warp.glasses_hold import Glasses, GlassesHold
from portrait_alive.warp.grid import Grid, unfolded
from portrait_alive.warp.mesh_weights import MeshWeights, coverage, extended, weights_at
from portrait_alive.warp.outline import Outline, outline_of
from portrait_alive.warp.region import HeadFrame, Hold

RIM_POINTS = 72
"""Places on the outline of the mesh whose motion beyond the rigid head's spreads outwards."""
RIGID_PARTS = ("skull", "right_ear", "left_ear")
CREASE_BLUR = 0.9
"""Sigma in nodes: takes the creases between triangles out of the field."""
SKULL_POINTS = 72
"""The points beyond the mesh that belong to skull and ears come first and move as one piece."""


def rigid_points(basis: ShapeBasis) -> NDArray[np.int32]:
    """Indices of the points that move as one piece whatever the face does: skull and ears."""
    return np.concatenate([basis.beyond[part] for part in RIGID_PARTS]).astype(np.int32)


@dataclass(frozen=True, eq=False)
class RigidMotion:
    """A similarity in space: q = scale * rotation @ p + shift."""

    rotation: NDArray[np.float64]
    scale: float
    shift: NDArray[np.float64]

    @staticmethod
    def between(source: Float, driven: Float, turn: Float) -> "RigidMotion":
        """The motion with a known rotation that best takes `source` (N, 3) to `driven` (N, 3)."""
        a, b = source.astype(np.float64), driven.astype(np.float64)
        centred = (a - a.mean(0)) @ turn.astype(np.float64).T
        target = b - b.mean(0)
        scale = float((centred[:, :2] * target[:, :2]).sum() / max((centred[:, :2] ** 2).sum(), 1e-9))
        rotation = turn.astype(np.float64)
        return RigidMotion(rotation, scale, b.mean(0) - scale * rotation @ a.mean(0))

    @cached_property
    def in_plane(self) -> NDArray[np.float64]:
        """(2, 2) turn and scale in the picture's plane only."""
        u, _, vt = np.linalg.svd(self.rotation[:2, :2])
        turn: NDArray[np.float64] = self.scale * u @ np.diag([1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
        return turn

    def apply(self, points: Float) -> Float:
        """Where points (N, 3) go."""
        return cast(Float, (self.scale * points @ self.rotation.T + self.shift).astype(np.float32))


@dataclass(frozen=True, eq=False)
class HeadField:
    """All that turns moved points into a displacement field over the region; made once per source."""

    grid: Grid
    mesh: MeshWeights
    rim: MeshWeights
    """Weights of the rim places."""
    rim_places: Float
    """(R, 3) where the rim lies in the source."""
    outer: NDArray[np.int64]
    """(N,) flat indices of the nodes outside the mesh."""
    shares: Float
    """(8 + R, N) for each outer node: coordinates that the rigid motion's coefficients and the body's shift multiply,
    then the share of each rim place's motion that it takes on."""
    centre: Float
    """(3,) middle of the skull."""
    nose: tuple[int, int]
    """(column, row) of the node at the tip of the nose."""
    gaps: Gaps
    """What comes out from behind the nose."""
    outline: Outline
    """What a turn brings into view."""
    glasses: GlassesHold | None
    """None where the sitter wears none."""

    def displacement(self, points: Float, source: Float, rigid: RigidMotion, body: Float) -> Float:
        """(rows, columns, 2) pixels by which each node moves.

        Args:
            points: (P, 3) driven points.
            source: (P, 3) the same in the source.
            rigid: motion of the skull.
            body: (2,) pixels by which the shoulders move.
        """
        rows, columns = self.grid.shape
        field = np.empty((rows, columns, 2), np.float32)
        moved = np.ascontiguousarray(points[:, :2] - source[:, :2])
        self.mesh.scatter(moved, field)
        self.gaps.narrow(field)
        rim = self.rim.apply(moved) - (rigid.apply(self.rim_places)[:, :2] - self.rim_places[:, :2])
        motions = np.concatenate([_coefficients(rigid, self.centre, body), rim])
        # not by `@`: a product of this size wakes BLAS's threads, which then spin for longer than a frame takes
        across, down = np.einsum("kn,kc->cn", self.shares, motions)
        field.reshape(-1, 2).view(np.complex64)[self.outer, 0] = across + np.complex64(1j) * down
        middle = rigid.apply(self.outline.middle[None])[0]
        self.outline.push(field, points, middle, rigid.rotation.astype(np.float32))
        if self.glasses is not None:
            self.glasses.hold(field, moved)
        unfolded(field, self.grid.cell, self.nose)
        return cast(Float, cv2.GaussianBlur(field, (0, 0), CREASE_BLUR, borderType=cv2.BORDER_REPLICATE))


def _coefficients(rigid: RigidMotion, centre: Float, body: Float) -> Float:
    """(8, 2): full turn of (x, y, z, 1), turn in the picture's plane only of (x, y, 1), less the identity; body."""
    full = rigid.scale * rigid.rotation[:2]
    plane = rigid.in_plane
    middle = centre.astype(np.float64)
    moved = rigid.scale * rigid.rotation @ middle + rigid.shift
    one = np.eye(2)
    return np.vstack(
        [
            full[:, :2].T - one,
            full[:, 2:].T,
            rigid.shift[None, :2],
            plane.T - one,
            (moved[:2] - plane @ middle[:2])[None],
            body[None],
        ]
    ).astype(np.float32)


def head_field(
    grid: Grid,
    face: SourceFace,
    basis: ShapeBasis,
    frame: HeadFrame,
    opacity: Float,
    hold: Hold,
    glasses: Glasses | None = None,
) -> HeadField:
    """Prepare the field.

    Args:
        grid: over the moving region.
        face: the source's face.
        basis: the shape basis.
        frame: where the head is.
        opacity: (rows, columns) of the sitter at the nodes.
        hold: what goes with the head and what with the body.
        glasses: that the sitter wears.
    """
    nodes = grid.nodes()
    points = face.points
    mesh = weights_at(nodes, points, basis.triangles)
    within = coverage(mesh, grid.shape)
    mesh = extended(mesh, within, within)
    covered = within.astype(np.uint8)
    rim = _rim(mesh, covered)
    places = rim_places(rim, points)
    outer = np.flatnonzero(covered.reshape(-1) == 0)
    at = nodes.reshape(-1, 2)[outer]
    height = float(np.ptp(points[list(topology.FACE_OVAL), 1]))
    distance = np.linalg.norm(at[:, None] - places[None, :, :2], axis=2)
    share = 1.0 / (distance + 0.25 * grid.cell) ** 3
    share /= share.sum(1, keepdims=True)
    away = distance.min(1)
    weight = hold.head.reshape(-1)[outer]
    fade = np.exp(-((away / (0.3 * height)) ** 2)) * weight
    skull = points[rigid_points(basis)]
    centre = (skull.min(0) + skull.max(0)) / 2
    carried = _carried(at, places, share, away, opacity, covered, outer, weight, grid.cell)
    spread = (share * fade[:, None]).astype(np.float32)
    return HeadField(
        grid=grid,
        mesh=mesh,
        rim=rim,
        rim_places=places,
        outer=outer,
        shares=np.ascontiguousarray(np.hstack([carried, hold.body.reshape(-1, 1)[outer], spread]).T),
        centre=centre.astype(np.float32),
        nose=grid.node_at(points[topology.NOSE_TIP]),
        gaps=gaps_of(mesh, grid, points, frame.face_height),
        outline=outline_of(grid, face, basis, frame, opacity, hold, within),
        glasses=None if glasses is None else glasses.hold(grid),
    )


def rim_places(rim: MeshWeights, points: Float) -> Float:
    """(R, 3) positions of the rim in the source, depth included."""
    return cast(Float, (points[rim.points] * rim.weights[..., None]).sum(1).astype(np.float32))


def _rim(mesh: MeshWeights, covered: NDArray[np.uint8]) -> MeshWeights:
    contours, _ = cv2.findContours(covered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=len)[:, 0]
    chosen = outline[np.linspace(0, len(outline), min(RIM_POINTS, len(outline)), endpoint=False).astype(int)]
    table = np.full(covered.size, -1, np.int64)
    table[mesh.where] = np.arange(len(mesh.where))
    rows = table[chosen[:, 1] * covered.shape[1] + chosen[:, 0]]
    return MeshWeights(mesh.where[rows], np.asfortranarray(mesh.points[rows]), np.asfortranarray(mesh.weights[rows]))


def _carried(
    at: Float,
    places: Float,
    share: Float,
    away: Float,
    opacity: Float,
    covered: NDArray[np.uint8],
    outer: NDArray[np.int64],
    weight: Float,
    cell: int,
) -> Float:
    """Coordinates of the outer nodes: by depth next to the face, in the picture's plane at the silhouette.

    A round head that turns keeps its outline; so hair moves by its depth next to the face and, at the silhouette, only
    as the middle of the skull does. In between one goes over into the other.
    """
    inside = ((opacity > 0.5) | (covered > 0)).astype(np.uint8)
    to_edge = np.minimum(cv2.distanceTransform(inside, cv2.DIST_L2, 5).reshape(-1)[outer], inside.size) * cell
    margin = 3.0 * cell  # next to the mesh its own depth counts, however near the silhouette is
    near = smoothstep(0.0, 1.0, (to_edge + margin) / (to_edge + away + margin))[:, None] * weight[:, None]
    far = weight[:, None] - near
    depth = (share @ places[:, 2])[:, None]
    return np.hstack([near * at, near * depth, near, far * at, far]).astype(np.float32)
