"""A texture that can be resampled as sharply as with Lanczos at the price of a bilinear look-up.

OpenCV's Lanczos remapping costs some 200 ns a pixel, sixty times the vectorised bilinear one. So the texture is
enlarged once, by Lanczos-3 at every phase, and each frame looks up bilinearly in the enlargement: at factor 4 the error
is that of interpolating over a quarter of a pixel. Original samples are kept exactly at whole-pixel positions.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Bytes, Float

LANCZOS_RADIUS = 3
LARGEST_FACTOR = 3
MEMORY_LIMIT_BYTES = 160_000_000
_LONGEST_SIDE = 32_000
"""cv2.remap addresses pixels by 16-bit numbers."""


@dataclass(frozen=True, eq=False)
class FineTexture:
    """A picture of up to four channels, enlarged by a whole factor."""

    fine: Bytes
    """(H * factor, W * factor, C) uint8; sample (y * factor, x * factor) is the original pixel (y, x)."""
    factor: int

    @staticmethod
    def of(pixels: Bytes, *, limit_bytes: int = MEMORY_LIMIT_BYTES) -> "FineTexture":
        """Enlarge `pixels` (H, W, C), by 3 where the memory limit allows it, else by less."""
        height, width = pixels.shape[:2]
        factor = LARGEST_FACTOR
        while factor > 1 and (pixels.size * factor**2 > limit_bytes or max(height, width) * factor > _LONGEST_SIDE):
            factor -= 1
        if factor == 1:
            return FineTexture(np.ascontiguousarray(pixels), 1)
        fine = np.empty((height * factor, width * factor, *pixels.shape[2:]), np.uint8)
        base = pixels.astype(np.float32)
        for column in range(factor):
            along = _shifted(base, column / factor, horizontal=True)
            for row in range(factor):
                phase = _shifted(along, row / factor, horizontal=False)
                fine[row::factor, column::factor] = np.clip(phase + 0.5, 0, 255)
        return FineTexture(fine, factor)

    def sample(self, position: Float, into: Bytes | None = None) -> Bytes:
        """Texture at `position`.

        Args:
            position: (h, w, 2) float32 x, y as pixel *indices* of the original times `factor` (an index is the
                coordinate minus 0.5). Outside, the texture is mirrored.
            into: (h, w, C) to write to.

        Returns:
            (h, w, C) uint8.
        """
        kind = cv2.INTER_LINEAR if self.factor > 1 else cv2.INTER_CUBIC
        sampled: Bytes = cv2.remap(self.fine, position, None, kind, into, cv2.BORDER_REFLECT_101)
        return sampled


def _shifted(pixels: Float, phase: float, *, horizontal: bool) -> Float:
    if phase == 0:
        return pixels
    kernel = lanczos_kernel(phase)
    ones = np.ones(1, np.float32)
    row, column = (kernel, ones) if horizontal else (ones, kernel)
    anchor = (LANCZOS_RADIUS - 1, 0) if horizontal else (0, LANCZOS_RADIUS - 1)
    shifted: Float = cv2.sepFilter2D(pixels, cv2.CV_32F, row, column, anchor=anchor, borderType=cv2.BORDER_REFLECT_101)
    return shifted


def lanczos_kernel(phase: float) -> NDArray[np.float32]:
    """(2 * radius,) weights of the samples -radius+1 .. radius for a look-up at `phase` in (0, 1), summing to 1."""
    offset = np.arange(-LANCZOS_RADIUS + 1, LANCZOS_RADIUS + 1) - phase
    weights = np.sinc(offset) * np.sinc(offset / LANCZOS_RADIUS)
    kernel: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return kernel
