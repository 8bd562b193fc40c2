"""The upright square crop in which the landmark network looks at a face, and the way back."""

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.shape import topology
from portrait_alive.types import Box, Bytes, Float

CROP_MARGIN = 1.4
"""Side of the crop over the larger side of the (upright) face mesh."""
_EYES = (topology.EYE_CORNERS[:2], topology.EYE_CORNERS[2:])
_SHRINK = 1.5
"""How much smaller the picture may become by interpolation between neighbours alone."""


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
        (x0, y0), (x1, y1) = (points[list(corners), :2].sum(0).tolist() for corners in _EYES)
        angle = math.atan2(y1 - y0, x1 - x0)
        cos, sin = math.cos(angle), math.sin(angle)
        x, y = points[:, 0], points[:, 1]
        along, down = cos * x + sin * y, cos * y - sin * x
        left, right, top, bottom = (float(end) for end in (along.min(), along.max(), down.min(), down.max()))
        side = max(right - left, bottom - top) * margin
        middle = ((left + right) / 2, (top + bottom) / 2)
        centre = (cos * middle[0] - sin * middle[1], sin * middle[0] + cos * middle[1])
        return FaceCrop(centre, max(side, 1.0), angle, size)

    @staticmethod
    def around_box(box: Box, size: int, *, angle: float = 0.0, margin: float = CROP_MARGIN) -> "FaceCrop":
        """The crop around a box of a face whose landmarks are not known yet."""
        return FaceCrop(box.centre, max(box.width, box.height, 1.0) * margin, angle, size)

    @property
    def to_picture_matrix(self) -> Float:
        """(2, 3) affine from crop to picture, both in pixels with pixel centres at .5."""
        scale = self.side / self.size
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
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
        """The crop's pixels (size, size, C); outside the picture its edge pixels are repeated.

        Where the crop shrinks the picture by more than 1.5 the picture is halved first, against aliasing.
        """
        matrix = self.to_picture_matrix.copy()
        halvings = math.ceil(math.log2(self.side / self.size / _SHRINK))
        if halvings > 0:
            pixels, matrix = _around(pixels, matrix, self, halvings)
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


def halved(pixels: Bytes) -> Bytes:
    """Means of 2x2 pixels, a last odd row or column left out: with it, this would take thirty times as long.

    Args:
        pixels: (H, W, C), at least 2x2.
    """
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    even = pixels[: 2 * height, : 2 * width]
    return cast(Bytes, cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))


def _with_depth(moved: Float, points: Float, scale: float) -> Float:
    if points.shape[1] == 2:
        return cast(Float, moved.astype(np.float32))
    return np.column_stack([moved, points[:, 2] * scale]).astype(np.float32)


def _around(pixels: Bytes, matrix: Float, crop: FaceCrop, halvings: int) -> tuple[Bytes, Float]:
    """The part of the picture around the crop, halved so many times, and the matrix that goes with it."""
    height, width = pixels.shape[:2]
    block = 2**halvings
    reach = crop.side * (abs(math.cos(crop.angle)) + abs(math.sin(crop.angle))) / 2 + 2 * block
    left, right = _blocks(crop.centre[0] - reach, crop.centre[0] + reach, width, block)
    top, bottom = _blocks(crop.centre[1] - reach, crop.centre[1] + reach, height, block)
    if right - left < block or bottom - top < block:
        return pixels, matrix
    small = pixels[top:bottom, left:right]
    for _ in range(halvings):
        small = halved(small)
    moved = matrix.copy()
    moved[:, 2] -= np.array([left, top], np.float32)
    return small, moved / np.float32(block)


def _blocks(low: float, high: float, length: int, block: int) -> tuple[int, int]:
    """First and last pixel of the whole blocks that cover [low, high) inside a picture of this length."""
    first = min(max(int(low), 0), length)
    last = min(max(int(high) + 1, first), length)
    return first, first + (last - first) // block * block
