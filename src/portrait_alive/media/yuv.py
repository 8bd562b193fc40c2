"""sRGB frames as the planes that lossy codecs are fed: YUV 4:2:0, 8 bits, bt709, limited range.

ffmpeg would do the same, in some four times the time, for it resamples chroma with any filter at any ratio.
"""

import cv2
import numpy as np

from portrait_alive.types import Bytes, Float

LUMA_RED, LUMA_BLUE = 0.2126, 0.0722
"""Shares of red and blue in bt709's luma (ITU-R BT.709)."""


def planes_shape(size: tuple[int, int]) -> tuple[int, int]:
    """Shape of the array that holds the planes Y, U and V of a frame of `size` (height, width), both even."""
    return size[0] * 3 // 2, size[1]


def write_planes(frame: Bytes, planes: Bytes) -> None:
    """Convert a frame; each chroma sample is the mean of the four pixels around it.

    Args:
        frame: (h, w, 3) uint8 sRGB, at most as large as the planes; its edge pixels are repeated to fill them.
        planes: (H * 3 / 2, W) uint8 to write to: H rows of Y, then U and V, each (H / 2, W / 2).
    """
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    missing = height - frame.shape[0], width - frame.shape[1]
    if missing != (0, 0):
        frame = cv2.copyMakeBorder(frame, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
    colours = cv2.transform(frame, _matrix())
    cv2.extractChannel(colours, 0, planes[:height])
    halved = cv2.resize(colours, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    cv2.extractChannel(halved, 1, chroma[0])
    cv2.extractChannel(halved, 2, chroma[1])


def _matrix() -> Float:
    """(3, 4) from (R, G, B, 1) to (Y, U, V)."""
    red, blue = LUMA_RED, LUMA_BLUE
    luma = np.array([red, 1 - red - blue, blue])
    # differences of blue and of red from luma, each reaching from -1/2 to 1/2
    u = (np.array([0, 0, 1]) - luma) / (2 * (1 - blue))
    v = (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
    rows = np.stack([luma * 219, u * 224, v * 224]) / 255
    return np.hstack([rows, [[16], [128], [128]]]).astype(np.float32)
