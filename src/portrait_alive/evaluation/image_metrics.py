"""How far two pictures are apart, pixel by pixel: PSNR, SSIM and L1."""

import cv2
import numpy as np

from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
PSNR_CEILING_DB = 100.0
"""What equal pictures get, so that a mean over frames stays finite."""


def luma(picture: Bytes) -> Float:
    """Luma (H, W) float32 in 0..255 of an sRGB picture (H, W, 3) uint8, BT.601 weights."""
    grey: Float = picture.astype(np.float32) @ LUMA
    return grey


def l1(first: Bytes, second: Bytes) -> float:
    """Mean absolute difference over pixels and channels, in 0..1."""
    return float(cv2.absdiff(first, second).mean() / 255)


def psnr_db(first: Bytes, second: Bytes) -> float:
    """Peak signal-to-noise ratio over RGB in dB; `PSNR_CEILING_DB` for equal pictures."""
    error = float(np.mean((first.astype(np.float32) - second.astype(np.float32)) ** 2))
    return PSNR_CEILING_DB if error == 0 else min(PSNR_CEILING_DB, 10 * float(np.log10(255**2 / error)))


def ssim(first: Bytes, second: Bytes) -> float:
    """Structural similarity on luma, in [-1, 1], 1 for equal pictures.

    Wang, Bovik, Sheikh, Simoncelli (2004): Gaussian window 11 wide, sigma 1.5, K1 0.01, K2 0.03, mean over positions
    at which the window lies inside the picture.

    Args:
        first, second: (H, W, 3) uint8 sRGB of one size, sides at least 11.
    """
    a, b = luma(first), luma(second)
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a**2
    var_b = _blur(b * b) - mean_b**2
    both = _blur(a * b) - mean_a * mean_b
    score = (2 * mean_a * mean_b + _C1) * (2 * both + _C2)
    score /= (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    edge = _WINDOW // 2
    return float(score[edge:-edge, edge:-edge].mean())


def _blur(plane: Float) -> Float:
    out: Float = cv2.GaussianBlur(plane, (_WINDOW, _WINDOW), _SIGMA)
    return out
