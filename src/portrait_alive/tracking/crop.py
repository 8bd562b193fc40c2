"""The upright square crop in which the landmark network looks at a face, and the way back."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.shape import topology
from portrait_alive.types import Box, Bytes, Float

CROP_MARGIN = 1.4
"""Side of the crop over the larger side of the (upright) face mesh."""


@dataclass(frozen=True)
class FaceCrop:
    """A rotated square of the picture, resampled to `size` x `size` pixels."""

    centre: tuple[float, float]
    """(x, y) in picture pixels."""
    side: float
    """Side in picture pixels."""
    angle: float
    """Clockwise roll of the face in the picture, radians; the crop is turned back by it."""
    size: int
    """Side of the resampled crop in pixels."""

    @staticmethod
    def around_points(points: Float, size: int, *, margin: float = CROP_MARGIN) -> "FaceCrop":
        """The crop in which a known face stands upright and fills 1/margin of the side.

        Args:
            points: (478, 2 or 3) landmarks in picture pixels.
        """
        eyes = points[list(topology.EYE_CORNERS), :2].reshape(2, 2, 2).mean(1)
        across = eyes[1] - eyes[0]
        angle = float(np.arctan2(across[1], across[0]))
        cos, sin = np.cos(angle), np.sin(angle)
        upright = points[:, :2] @ np.array([[cos, -sin], [sin, cos]], np.float32)
        low, high = upright.min(0), upright.max(0)
        middle = (low + high) / 2
        side = float(max(high - low)) * margin
        centre = (float(cos * middle[0] - sin * middle[1]), float(sin * middle[0] + cos * middle[1]))
        return FaceCrop(centre, max(side, 1.0), angle, size)

    @staticmethod
    def around_box(box: Box, size: int, *, angle: float = 0.0, margin: float = CROP_MARGIN) -> "FaceCrop":
        """The crop around a box of a face whose landmarks are not known yet."""
        return FaceCrop(box.centre, max(box.width, box.height, 1.0) * margin, angle, size)

    @property
    def to_picture_matrix(self) -> Float:
        """(2, 3) affine from crop to picture, both in pixels with pixel centres at .5."""
        scale = self.side / self.size
        cos, sin = np.cos(self.angle) * scale, np.sin(self.angle) * scale
        half = self.size / 2
        return np.array(
            [
                [cos, -sin, self.centre[0] - cos * half + sin * half],
                [sin, cos, self.centre[1] - sin * half - cos * half],
            ],
            np.float32,
        )

    def to_picture(self, points: Float) -> Float:
        """Crop points (N, 2 or 3) in picture pixels; depth, if any, is only scaled. Inverse of `to_crop`."""
        matrix = self.to_picture_matrix
        moved = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        return _with_depth(moved, points, self.side / self.size)

    def to_crop(self, points: Float) -> Float:
        """Picture points (N, 2 or 3) in crop pixels, [0, size) inside the crop; not clipped."""
        matrix = self.to_picture_matrix
        inverse = np.linalg.inv(matrix[:, :2])
        return _with_depth((points[:, :2] - matrix[:, 2]) @ inverse.T, points, self.size / self.side)

    def cut(self, pixels: Bytes) -> Bytes:
        """The crop's pixels (size, size, 3); outside the picture its edge pixels are repeated.

        Where the crop shrinks the picture by more than 1.5 the picture is reduced first, against aliasing.
        """
        matrix = self.to_picture_matrix.copy()
        shrink = self.side / self.size
        if shrink > 1.5:
            pixels, matrix = _reduced(pixels, matrix, self, 1 / shrink)
        # cv2 puts pixel centres at whole numbers
        matrix[:, 2] += matrix[:, :2].sum(1) * 0.5 - 0.5
        return cast(
            Bytes,
            cv2.warpAffine(
                pixels,
                matrix,
                (self.size, self.size),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ),
        )


def _with_depth(moved: Float, points: Float, scale: float) -> Float:
    if points.shape[1] == 2:
        return cast(Float, moved.astype(np.float32))
    return np.column_stack([moved, points[:, 2] * scale]).astype(np.float32)


def _reduced(pixels: Bytes, matrix: Float, crop: FaceCrop, factor: float) -> tuple[Bytes, Float]:
    """The part of the picture around the crop, area-averaged by `factor`, and the matrix that goes with it."""
    height, width = pixels.shape[:2]
    reach = crop.side * 0.75
    left, top = max(int(crop.centre[0] - reach), 0), max(int(crop.centre[1] - reach), 0)
    right = min(int(crop.centre[0] + reach) + 2, width)
    bottom = min(int(crop.centre[1] + reach) + 2, height)
    if right - left < 2 or bottom - top < 2:
        return pixels, matrix
    small_size = (max(round((right - left) * factor), 1), max(round((bottom - top) * factor), 1))
    small = cast(Bytes, cv2.resize(pixels[top:bottom, left:right], small_size, interpolation=cv2.INTER_AREA))
    scale = np.array([[small_size[0] / (right - left)], [small_size[1] / (bottom - top)]], np.float32)
    moved = matrix.copy()
    moved[:, 2] -= np.array([left, top], np.float32)
    return small, moved * scale
