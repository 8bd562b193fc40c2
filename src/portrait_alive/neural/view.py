"""The square around the driven face that the networks see, and the way back from it."""

from dataclasses import dataclass

import cv2
import numpy as np

from portrait_alive.types import MESH_POINTS, Bytes, Float, SourceFace

VIEW_PX = 192
"""Side of what the networks see."""
_FACES_WIDE = 1.4
"""Side of the square over the longer side of the source's mesh."""
_FEATHER = 0.08
"""Share of the side over which corrections fade out towards the square's edge."""


@dataclass(frozen=True)
class View:
    """A square of whole picture pixels; its side is the portrait's own and never changes, so that nothing shimmers."""

    left: int
    top: int
    side: int

    @staticmethod
    def side_for(face: SourceFace) -> int:
        """Side in picture pixels of every view of a portrait."""
        mesh = face.points[:MESH_POINTS, :2]
        return max(round(float(np.ptp(mesh, axis=0).max()) * _FACES_WIDE), 16)

    @staticmethod
    def around(points: Float, side: int) -> "View":
        """The square about the middle of a mesh (478 or more, 2 or 3), at whole pixels."""
        mesh = points[:MESH_POINTS, :2]
        x, y = (mesh.min(0) + mesh.max(0)) / 2 - side / 2
        return View(round(float(x)), round(float(y)), side)

    @property
    def scale(self) -> float:
        """View pixels per picture pixel."""
        return VIEW_PX / self.side

    def points(self, points: Float) -> Float:
        """Picture points (N, 2 or more) as (N, 2) in view pixels."""
        corner = np.array([self.left, self.top], np.float32)
        return np.asarray((points[:, :2] - corner) * np.float32(self.scale), np.float32)

    def part_of(self, shape: tuple[int, ...], corner: tuple[int, int]) -> tuple[slice, slice, slice, slice]:
        """Rows and columns of an array whose first pixel is `corner` (x, y) of the picture, and of the square."""
        dx, dy = self.left - corner[0], self.top - corner[1]
        x0, y0 = max(dx, 0), max(dy, 0)
        x1, y1 = max(min(dx + self.side, shape[1]), x0), max(min(dy + self.side, shape[0]), y0)
        return slice(y0, y1), slice(x0, x1), slice(y0 - dy, y1 - dy), slice(x0 - dx, x1 - dx)

    def cut(self, pixels: Bytes | Float, corner: tuple[int, int], *, beyond: float | None = None) -> Bytes | Float:
        """(V, V, ...) of an array whose first pixel is `corner` of the picture.

        Args:
            pixels: (h, w) or (h, w, C).
            corner: (x, y).
            beyond: value where the array does not reach; None repeats its edge.
        """
        rows, columns, inner_rows, inner_columns = self.part_of(pixels.shape, corner)
        piece = pixels[rows, columns]
        if piece.size == 0:
            piece, rim = pixels[:1, :1], (0, self.side - 1, 0, self.side - 1)
        else:
            rim = (inner_rows.start, self.side - inner_rows.stop, inner_columns.start, self.side - inner_columns.stop)
        if any(rim):
            if beyond is None:
                piece = cv2.copyMakeBorder(piece, *rim, cv2.BORDER_REPLICATE)
            else:
                piece = cv2.copyMakeBorder(piece, *rim, cv2.BORDER_CONSTANT, value=(beyond,) * 4)
        smaller = self.side > VIEW_PX
        kernel = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        cut: Bytes | Float = cv2.resize(piece, (VIEW_PX, VIEW_PX), interpolation=kernel)
        return cut


def feather() -> Float:
    """(V, V) weight of corrections: 1 inside, falling smoothly to 0 at the square's edge."""
    place = (np.arange(VIEW_PX, dtype=np.float32) + 0.5) / VIEW_PX
    near = np.clip(np.minimum(place, 1 - place) / _FEATHER, 0, 1)
    ramp = near * near * (3 - 2 * near)
    return np.asarray(ramp[:, None] * ramp[None, :], np.float32)
