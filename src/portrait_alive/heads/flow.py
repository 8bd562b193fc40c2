"""Exact motion between two frames of one person."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.compiled import compiled
from portrait_alive.types import Float


class SurfaceView(Protocol):
    """What flow is computed from: a `HeadRender`, or what a cache keeps of one."""

    @property
    def triangle(self) -> NDArray[np.int32]:
        """(H, W)."""

    @property
    def weights(self) -> Float:
        """(H, W, 2)."""

    @property
    def projected(self) -> Float:
        """(N, 3)."""

    @property
    def depth(self) -> Float:
        """(H, W)."""


@compiled
def trace(
    triangle: NDArray[np.int32],
    weights: NDArray[np.float32],
    faces: NDArray[np.int32],
    projected: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write where each pixel's surface point lies under other vertices `projected` (N, 3) into `out` (H, W, 3).

    The last channel is its depth there. Background pixels keep their own place and get infinite depth.
    """
    height, width = triangle.shape
    for y in range(height):
        for x in range(width):
            t = triangle[y, x]
            if t < 0:
                out[y, x, 0], out[y, x, 1], out[y, x, 2] = x + 0.5, y + 0.5, np.inf
                continue
            a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
            # weights are of points in space; 1 / depth turns them into weights on screen
            q0 = weights[y, x, 0] / projected[a, 2]
            q1 = weights[y, x, 1] / projected[b, 2]
            q2 = (1 - weights[y, x, 0] - weights[y, x, 1]) / projected[c, 2]
            depth = q0 + q1 + q2
            q0, q1, q2 = q0 / depth, q1 / depth, q2 / depth
            for k in range(2):
                out[y, x, k] = q0 * projected[a, k] + q1 * projected[b, k] + q2 * projected[c, k]
            out[y, x, 2] = depth


def flow_between(
    source: SurfaceView, target: SurfaceView, faces: NDArray[np.int32], *, slack: float = 0.3
) -> tuple[Float, NDArray[np.bool_]]:
    """Backward flow from `target` to `source`, and where the source shows the same surface.

    Args:
        source: a frame of a person.
        target: another frame of the same person.
        faces: (T, 3) the person's triangles.
        slack: model units another surface may lie in front in the source and the point still counts as seen.

    Returns:
        (H, W, 2) x, y in the source's pixels for every pixel of the target (the background stays where it is), and
        (H, W) True where that place in the source shows this very surface, not something in front of it.
    """
    traced = np.empty((*target.triangle.shape, 3), np.float32)
    trace(target.triangle, target.weights, faces, source.projected, traced)
    flow, depth = traced[..., :2], traced[..., 2]
    height, width = source.depth.shape
    x, y = np.floor(flow[..., 0]).astype(int), np.floor(flow[..., 1]).astype(int)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    there = source.depth[y.clip(0, height - 1), x.clip(0, width - 1)]
    background = target.triangle < 0
    seen = np.where(background, np.isinf(there), depth <= there + slack)
    return np.ascontiguousarray(flow), inside & seen
