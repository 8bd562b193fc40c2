"""How sharp a picture is: what is drawn into it may have no sharper edges."""

import cv2
import numpy as np

from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes


def edge_width(pixels: Bytes) -> float:
    """Pixels over which the sharper edges of a picture (h, w, 3) spread: 1 for a crisp one, at most 6."""
    light = pixels.astype(np.float32) @ LUMA
    steepest = np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)) / 8
    window = np.ones((9, 9), np.uint8)
    height = cv2.dilate(light, window) - cv2.erode(light, window)
    clear = height >= max(float(np.percentile(height, 90)), 12.0)
    if not clear.any():
        return 1.0
    return float(np.clip(1 / np.percentile(steepest[clear] / height[clear], 95) - 1.5, 1, 6))
