"""The picture without its sitter, and the sitter without the picture behind: what a silhouette that moves uncovers."""

from dataclasses import dataclass

import cv2
import numpy as np

from portrait_alive.types import Bytes, Float
from portrait_alive.warp.filling import continue_smoothly

_SURE = 0.97
_CLEAR = 0.01


@dataclass(frozen=True, eq=False)
class Separation:
    """A picture as sitter over background: opacity * sitter + (1 - opacity) * background = picture."""

    sitter: Bytes
    """(H, W, 3) uint8; beyond the silhouette its colours go on smoothly."""
    background: Bytes
    """(H, W, 3) uint8; the picture itself where there is no sitter, filled in behind."""


def separate(pixels: Bytes, opacity: Float, *, margin_px: float, fill_grain: Float) -> Separation:
    """Take the two layers apart.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        opacity: (H, W) float32 in [0, 1] of the sitter.
        margin_px: how far beyond the silhouette the background begins to be trusted, so that no ghost of the
            outline stays in it.
        fill_grain: (H, W, 3) grain for what is filled in.
    """
    picture = pixels.astype(np.float32)
    size = 2 * int(np.ceil(margin_px)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    near = cv2.dilate((opacity > _CLEAR).astype(np.float32), kernel)
    soft = cv2.GaussianBlur(near, (0, 0), max(margin_px * 0.3, 0.6))
    beyond = np.clip(1 - 2 * soft, 0, 1).astype(np.float32)
    filled = continue_smoothly(picture, beyond) + fill_grain * (1 - beyond)[..., None]
    # up to the silhouette the picture itself is the background, then the filling takes over
    outside = np.clip(1 - opacity / _CLEAR, 0, 1)[..., None]
    background = picture * outside + filled * (1 - outside)
    inside = (opacity > _SURE).astype(np.float32)
    inside = np.maximum(cv2.erode(inside, np.ones((3, 3), np.uint8)), (opacity >= 1.0).astype(np.float32) * 0.5)
    sitter = continue_smoothly(picture, inside.astype(np.float32))
    # what opacity explains badly goes to the sitter's colours, so that at rest the layers give the picture again
    share = opacity[..., None]
    missing = picture - (share * sitter + (1 - share) * background)
    sitter = sitter + missing * share / (share**2 + 0.02)
    return Separation(_to_bytes(sitter), _to_bytes(background))


def _to_bytes(colours: Float) -> Bytes:
    return np.clip(np.round(colours), 0, 255).astype(np.uint8)
