"""Colours for places where the picture shows something else: smooth continuation plus the picture's own grain."""

from typing import cast

import cv2
import numpy as np

from portrait_alive.types import Bytes, Float

_MOST_GRAIN = 24.0
"""8-bit steps."""
_GRAIN_SPREADS = 4.0
"""Medians of the grain's size that it stays within."""


def continue_smoothly(colours: Float, known: Float) -> Float:
    """Colours everywhere, continued from where they are known (push-pull over a pyramid, Gortler et al. 1996).

    Args:
        colours: (H, W, C) float32; what it holds at unknown places does not matter.
        known: (H, W) float32 in [0, 1]: how far each pixel is to be trusted.

    Returns:
        (H, W, C) float32: `colours` where `known` is 1, smooth in between; the mean of nothing is 0.
    """
    height, width = known.shape
    if min(height, width) <= 2:
        weight = known[..., None]
        mean = (colours * weight).sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return cast(Float, colours * weight + mean * (1 - weight))
    weight = known[..., None]
    size = ((width + 1) // 2, (height + 1) // 2)
    pushed = cv2.resize(cv2.GaussianBlur(colours * weight, (5, 5), 1.0), size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(cv2.GaussianBlur(known, (5, 5), 1.0), size, interpolation=cv2.INTER_AREA)
    pushed = pushed.reshape(*share.shape, -1)
    coarse = pushed / np.maximum(share, 1e-6)[..., None]
    trusted = np.clip(share * 4.0, 0.0, 1.0).astype(np.float32)
    filled = continue_smoothly(coarse.astype(np.float32), trusted)
    pulled = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, -1)
    return cast(Float, (colours * weight + pulled * (1 - weight)).astype(np.float32))


def grain_of(pixels: Bytes, patch: tuple[slice, slice], size: tuple[int, int], *, radius_px: float) -> Float:
    """Grain and brush texture of a patch, tiled by mirroring to a size.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        patch: rows and columns of a place that shows nothing but skin, or nothing but background.
        size: (height, width) wanted.
        radius_px: structures up to about this size count as grain.

    Returns:
        (height, width, 3) float32, mean near 0, limited to +-24, and to what most of the patch stays within: a line at
        its edge would be mirrored into a pattern.
    """
    piece = pixels[patch].astype(np.float32)
    if min(piece.shape[:2]) < 3:
        return np.zeros((*size, 3), np.float32)
    fine = piece - cv2.GaussianBlur(piece, (0, 0), max(radius_px, 0.8), borderType=cv2.BORDER_REFLECT_101)
    rows = _mirrored_indices(fine.shape[0], size[0])
    columns = _mirrored_indices(fine.shape[1], size[1])
    most = min(_MOST_GRAIN, _GRAIN_SPREADS * float(np.median(np.abs(fine))) + 1)
    return cast(Float, np.clip(fine[rows][:, columns], -most, most))


def _mirrored_indices(length: int, wanted: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    period = max(2 * length - 2, 1)
    index = np.arange(wanted) % period
    return np.minimum(index, period - index)
