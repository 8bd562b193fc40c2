"""sRGB frames as the planes that lossy codecs are fed: YUV 4:2:0, 8 bits, bt709, limited range.

ffmpeg would do the same, in some four times the time, for it resamples chroma with any filter at any ratio.
"""

import cv2
import numpy as np

from portrait_alive.types import Bytes, Corners, Float

LUMA_RED, LUMA_BLUE = 0.2126, 0.0722
"""Shares of red and blue in bt709's luma (ITU-R BT.709)."""


def planes_shape(size: tuple[int, int]) -> tuple[int, int]:
    """Shape of the array that holds the planes Y, U and V of a frame of `size` (height, width), both even."""
    return size[0] * 3 // 2, size[1]


def write_planes(frame: Bytes, planes: Bytes, part: Corners | None = None) -> None:
    """Convert a frame; each chroma sample is the mean of the four pixels around it.

    Args:
        frame: (h, w, 3) uint8 sRGB, at most as large as the planes; its edge pixels are repeated to fill them.
        planes: (H * 3 / 2, W) uint8 to write to: H rows of Y, then U and V, each (H / 2, W / 2).
        part: all of the frame that has to be written; the planes hold the rest already.
    """
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    left, top, right, bottom = (0, 0, width, height) if part is None else _even(part, frame.shape[:2], (height, width))
    given = frame[top:bottom, left:right]
    missing = bottom - top - given.shape[0], right - left - given.shape[1]
    if missing != (0, 0):
        given = cv2.copyMakeBorder(given, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
    colours = cv2.transform(given, _matrix())
    cv2.extractChannel(colours, 0, planes[top:bottom, left:right])
    halved = cv2.resize(colours, ((right - left) // 2, (bottom - top) // 2), interpolation=cv2.INTER_AREA)
    chroma = planes[height:].reshape(2, height // 2, width // 2)[:, top // 2 : bottom // 2, left // 2 : right // 2]
    cv2.extractChannel(halved, 1, chroma[0])
    cv2.extractChannel(halved, 2, chroma[1])


def _even(part: Corners, size: tuple[int, int], padded: tuple[int, int]) -> Corners:
    """The whole squares of four pixels that a part touches, with what repeats the frame's edges where it has them."""
    (left, top, right, bottom), (height, width) = part, size
    return (
        left - left % 2,
        top - top % 2,
        padded[1] if right >= width - 1 else right + right % 2,
        padded[0] if bottom >= height - 1 else bottom + bottom % 2,
    )


def _matrix() -> Float:
    """(3, 4) from (R, G, B, 1) to (Y, U, V)."""
    red, blue = LUMA_RED, LUMA_BLUE
    luma = np.array([red, 1 - red - blue, blue])
    # differences of blue and of red from luma, each reaching from -1/2 to 1/2
    u = (np.array([0, 0, 1]) - luma) / (2 * (1 - blue))
    v = (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
    rows = np.stack([luma * 219, u * 224, v * 224]) / 255
    return np.hstack([rows, [[16], [128], [128]]]).astype(np.float32)
