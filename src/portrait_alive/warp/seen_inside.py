"""An open mouth drawn after what the driver's shows: teeth and tongue where they are, in the picture's own colours."""

from typing import cast

import cv2
import numpy as np

from portrait_alive.tones import LUMA
from portrait_alive.types import Float
from portrait_alive.warp.teeth import LOWER_EDGES, UPPER_EDGES, Palette, enamel

_TEETH = (0.2, 0.5)
"""Certainty from which something is drawn as teeth, and fully so: cells are coarse, edges of teeth are not."""
_ALONG_ROW = np.array([[0.25, 0.5, 0.25]], np.float32)
_TONGUE = (0.15, 0.6)
"""Lightness of what is too dark for a tongue, and of a tongue in full light."""
_LIGHTEST = 1.1
"""Of what is drawn, over skin or teeth of the picture."""


def seen_inside(
    inside: Float, palette: Palette, along: Float, deep: Float, skull_u: Float, jaw_u: Float, pixel: float
) -> Float:
    """(h, w, 3) float32 colours, 0..255.

    Args:
        inside: (6, 9, 2) of the frame, as in `DrivenFace.inside`.
        palette: the picture's colours.
        along: (h, w) from the mouth's right corner (0) to its left one (1).
        deep: (h, w) from the upper lip (0) to the lower one (1).
        skull_u: (h, w) along the mouth as the upper teeth stand, 0 in the middle, in mouth widths.
        jaw_u: the same for the lower teeth.
        pixel: one pixel in mouth widths: edges are that soft.
    """
    rows, columns, _ = inside.shape
    x, y = (
        (np.clip(at, 0, 1) * np.float32(count) - np.float32(0.5)).astype(np.float32)
        for at, count in ((along, columns), (deep, rows))
    )
    # neighbouring teeth are seen together or not at all: a lone doubtful cell would be a hole in the row
    cells = inside.copy()
    cells[..., 1] = cv2.filter2D(inside[..., 1], -1, _ALONG_ROW, borderType=cv2.BORDER_REPLICATE)
    cells = cv2.remap(cells, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    light = np.clip(cells[..., 0], 0.02, _LIGHTEST)
    teeth = np.clip((cells[..., 1] - np.float32(_TEETH[0])) / np.float32(_TEETH[1] - _TEETH[0]), 0, 1)[..., None]
    tongue = np.clip((light - np.float32(_TONGUE[0])) / np.float32(_TONGUE[1] - _TONGUE[0]), 0, 1)[..., None]
    soft = palette.dark + (palette.tongue - palette.dark) * tongue
    is_upper = np.clip((0.5 - deep) * 4 + 0.5, 0, 1)
    lines = is_upper * enamel(np.abs(skull_u), UPPER_EDGES, pixel)
    lines += (1 - is_upper) * enamel(np.abs(jaw_u), LOWER_EDGES, pixel)
    share = teeth[..., 0]
    # cells say how light it is, against the skin or, of teeth, against teeth; lines between teeth are the drawing's own
    soft_luma, teeth_luma, skin_luma = soft @ LUMA, float(palette.teeth @ LUMA), float(palette.skin @ LUMA)
    wanted = light * (skin_luma + (teeth_luma - skin_luma) * share)
    gain = wanted / np.maximum(soft_luma + (teeth_luma - soft_luma) * share, 1)
    gain = gain * (1 - share + share * lines)
    colours = (soft + (palette.teeth - soft) * teeth) * gain[..., None]
    return cast(Float, np.clip(colours, 0, 250).astype(np.float32))
