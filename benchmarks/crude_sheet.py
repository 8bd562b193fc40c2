"""The crude reference: one piecewise-affine sheet over the face mesh, told the true landmarks.

It is what the warp layer has to beat. Points of the mesh and of the picture's border are triangulated once on the
source; each triangle is carried affinely. No depth, no lids, no teeth, no head behind the face.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from portrait_alive.evaluation.judge import Judge
from portrait_alive.types import Bytes, Float


class CrudeSheet:
    """A `Reenactor` that warps the canvas by the judge's own meshes of the driving frames."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def __call__(self, sources: Sequence[Bytes], driving: Sequence[Bytes]) -> list[Bytes]:
        source = sources[0]
        here = self._judge.meshes([source])[0, :, :2]
        there = self._judge.meshes(driving)[:, :, :2]
        border = _border_points(source.shape[0], source.shape[1])
        sheet = np.vstack([here, border])
        triangles = _triangulate(sheet, source.shape[0], source.shape[1])
        last = here
        frames = []
        for mesh in there:
            last = last if np.isnan(mesh).any() else mesh
            frames.append(_carry(source, sheet, np.vstack([last, border]), triangles))
        return frames


def _border_points(height: int, width: int, count: int = 8) -> Float:
    x = np.linspace(0, width - 1, count, dtype=np.float32)
    y = np.linspace(0, height - 1, count, dtype=np.float32)[1:-1]
    rows = [np.stack([x, np.full_like(x, edge)], 1) for edge in (0, height - 1)]
    columns = [np.stack([np.full_like(y, edge), y], 1) for edge in (0, width - 1)]
    return np.vstack(rows + columns)


def _triangulate(points: Float, height: int, width: int) -> list[tuple[int, int, int]]:
    low = np.floor(points.min(0)) - 1
    size = np.ceil(points.max(0)) + 2 - low
    plane = cv2.Subdiv2D((int(low[0]), int(low[1]), int(size[0]), int(size[1])))
    names: dict[int, int] = {}
    for index, (x, y) in enumerate(points):
        names.setdefault(plane.insert((float(x), float(y))), index)
    triangles = []
    for corners in plane.getTriangleList().reshape(-1, 3, 2):
        found = [names.get(plane.findNearest((float(x), float(y)))[0]) for x, y in corners]
        inside = (corners >= low).all() and (corners < low + size).all()
        if inside and None not in found and len(set(found)) == 3:
            triangles.append((found[0], found[1], found[2]))
    return triangles


def _carry(source: Bytes, sheet: Float, driven: Float, triangles: list[tuple[int, int, int]]) -> Bytes:
    height, width = source.shape[:2]
    owner = np.zeros((height, width), np.int32)
    matrices = [np.array([[1, 0, 0], [0, 1, 0]], np.float32)]
    for corners in triangles:
        a, b = driven[list(corners)].astype(np.float32), sheet[list(corners)].astype(np.float32)
        if abs(np.cross(a[1] - a[0], a[2] - a[0])) < 1e-3:
            continue
        cv2.fillConvexPoly(owner, np.round(a * 16).astype(np.int32), len(matrices), shift=4)
        matrices.append(cv2.getAffineTransform(a, b).astype(np.float32))
    table = np.stack(matrices)[owner]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    look_x = table[..., 0, 0] * x + table[..., 0, 1] * y + table[..., 0, 2]
    look_y = table[..., 1, 0] * x + table[..., 1, 1] * y + table[..., 1, 2]
    out: Bytes = cv2.remap(source, look_x, look_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out
