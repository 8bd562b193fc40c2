"""Which part of the picture can move, and how much of the head's motion each place in it takes on."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.types import Box, Float, SourceFace
from portrait_alive.warp.grid import Grid

CELLS_PER_FACE = 50
"""Grid nodes along the height of the face."""
REACH_UP, REACH_ASIDE, REACH_DOWN = 0.62, 0.5, 0.62
"""How far beyond the head (face heights) anything may move: hats and hair above and aside, neck and collar below."""


_TRAVELS_ABOVE = (-0.3, 0.05)
"""Face heights below the chin down to which everything goes with a head that travels, and from which on it need not."""
_TRAVELS_BESIDE = (0.1, 0.6)
"""Face heights beside the sitter up to which the same holds, and from which on it does not."""
BODY_ASIDE, BODY_DOWN = 0.5, 1.0
"""How much further (face heights) the region reaches where a head travels."""


@dataclass(frozen=True, eq=False)
class Hold:
    """How much of each node's motion is the head's, and how much the body's. (rows, columns) in [0, 1] both."""

    head: Float
    """1 where a place goes with the head, 0 where it stays."""
    body: Float
    """1 at shoulders and below, which breathe, and follow a head that travels."""


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """Where the head is in the picture, in its own upright axes."""

    chin: Float
    """(2,) picture coordinates."""
    down: Float
    """(2,) unit vector from forehead to chin, in the picture's plane."""
    face_height: float
    """Pixels from the top of the mesh to the chin, foreshortening undone."""
    hull: Float
    """(N, 2) convex outline of face, skull and ears."""
    head_height: float
    """Pixels from the top of the skull to the chin."""
    neck: Float
    """(3,) where the neck meets the shoulders, about which a head turns."""

    @staticmethod
    def of(face: SourceFace, rigid: NDArray[np.int32]) -> "HeadFrame":
        """Measured on the source's points; `rigid` are the indices of those on skull and ears."""
        points = face.points
        down = points[topology.CHIN, :2] - points[topology.FOREHEAD, :2]
        length = float(np.linalg.norm(points[topology.CHIN] - points[topology.FOREHEAD]))
        head = np.concatenate([points[:468, :2], points[rigid, :2]])
        hull = cv2.convexHull(np.ascontiguousarray(head))[:, 0]
        return HeadFrame(
            points[topology.CHIN, :2].copy(),
            (down / max(float(np.linalg.norm(down)), 1e-6)).astype(np.float32),
            max(length, 8.0),
            hull.astype(np.float32),
            float(np.ptp(np.append(points[rigid, 1], points[topology.CHIN, 1]))),
            _neck(points, rigid, length),
        )


def _neck(points: Float, rigid: NDArray[np.int32], length: float) -> Float:
    """Below the chin, in the depth of the skull's middle."""
    down = (points[topology.CHIN] - points[topology.FOREHEAD]) / max(length, 1e-6)
    place = points[topology.CHIN] + np.float32(0.25 * length) * down
    place[2] = (points[rigid, 2].min() + points[rigid, 2].max()) / 2
    return cast(Float, place.astype(np.float32))


def region_grid(frame: HeadFrame, size: tuple[int, int], room: Box | None = None) -> Grid:
    """Grid over everything that may move, cut at the picture's edges.

    Args:
        frame: the head.
        size: (height, width) of the picture.
        room: box that the driven points will be in, where that is more than the head's surroundings.
    """
    low, high = frame.hull.min(0), frame.hull.max(0)
    tall = frame.face_height
    left, right = low[0] - REACH_ASIDE * tall, high[0] + REACH_ASIDE * tall
    top, bottom = low[1] - REACH_UP * tall, max(high[1], frame.chin[1]) + REACH_DOWN * tall
    if room is not None:
        edge = 0.25 * tall
        left, right = min(left, room.x - edge), max(right, room.x + room.width + edge)
        top, bottom = min(top, room.y - edge), max(bottom, room.y + room.height + edge)
        # a head that travels takes the body along
        left, right, bottom = left - BODY_ASIDE * tall, right + BODY_ASIDE * tall, bottom + BODY_DOWN * tall
    cell = max(round(tall / CELLS_PER_FACE), 1)
    return Grid.over(
        max(int(left), 0), max(int(top), 0), min(int(right) + 1, size[1]), min(int(bottom) + 1, size[0]), cell
    )


def hold_of_head(grid: Grid, frame: HeadFrame, size: tuple[int, int], sitter: Float | None = None) -> Hold:
    """What goes with the head and what with the body, smooth in between.

    Above the ears everything of the sitter goes with the head; below the chin that ends on the way to the shoulders.
    At the region's edges, and where the picture ends, nothing moves.

    Args:
        grid: over the region.
        frame: the head.
        size: (height, width) of the picture.
        sitter: (rows, columns) opacity at the nodes where the head travels: then all of the sitter above the chin goes
            along, however far from the head, since next to what stayed it would fold.
    """
    nodes = grid.nodes()
    tall = frame.face_height
    inside = np.zeros(grid.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.round((frame.hull - nodes[0, 0]) / grid.cell).astype(np.int32), 1)
    distance = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5) * grid.cell
    below = (((nodes - frame.chin) @ frame.down) / tall).astype(np.float32)
    low = smoothstep(0.0, 1.0, (below + 0.55) / 0.6)
    reach = (1 - low) * 0.9 + low * 0.56
    start = (1 - low) * 0.35 + low * 0.02
    hold = 1 - smoothstep(0.0, 1.0, (distance / tall - start) / (reach - start))
    if sitter is not None:
        away = cv2.distanceTransform((sitter <= 0).astype(np.uint8), cv2.DIST_L2, 5) * np.float32(grid.cell / tall)
        along = (1 - smoothstep(*_TRAVELS_BESIDE, away)) * (1 - smoothstep(*_TRAVELS_ABOVE, below))
        hold = np.maximum(hold, along)
    free = free_of_edges(grid, nodes, size, 0.1 * tall)
    body = (1 - hold) * smoothstep(0.0, 1.0, (below + 0.15) / 0.35)
    return Hold((hold * free).astype(np.float32), (body * free).astype(np.float32))


def free_of_edges(grid: Grid, nodes: Float, size: tuple[int, int], width: float) -> Float:
    """0 at the region's edges, except where the picture ends there too: a head that is cut off comes in mirrored."""
    height_px, width_px = grid.size
    free = np.ones(nodes.shape[:2], np.float32)
    for coordinate, low, high, end in (
        (nodes[..., 0], grid.left, grid.left + width_px, size[1]),
        (nodes[..., 1], grid.top, grid.top + height_px, size[0]),
    ):
        if low > 0:
            free = np.minimum(free, (coordinate - low - grid.cell) / width)
        if high < end:
            free = np.minimum(free, (high - grid.cell - coordinate) / width)
    return smoothstep(0.0, 1.0, free.astype(np.float32))
