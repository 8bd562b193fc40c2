"""How light colours are, and how strong."""

from typing import Final

import numpy as np

from portrait_alive.types import Float

LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of sRGB's channels in lightness (BT.601)."""


def saturation(colours: Float) -> Float:
    """(...) saturation in [0, 1] of colours (..., 3) in 0..255: 0 of greys, 1 where a channel is at 0."""
    return np.asarray(np.ptp(colours, axis=-1) / np.maximum(colours.max(-1), 1), np.float32)
