"""An open mouth drawn after what the driver's shows: teeth and tongue where they are, in the picture's own colours."""

from typing import cast

import cv2
import numpy as np

from portrait_alive.easing import rising
from portrait_alive.tones import LUMA
from portrait_alive.types import Float
from portrait_alive.warp.teeth import LOWER_EDGES, UPPER_EDGES, Palette, enamel

_TEETH = (0.2, 0.5)
"""Certainty from which something is drawn as teeth, and fully so: cells are coarser than the edges of teeth."""
_ALONG_ROW = np.array([[0.25, 0.5, 0.25]], np.float32)
_TONGUE = (0.15, 0.6)
"""Lightness of what is too dark for a tongue, and of a tongue in full light."""
_UPPER_LONG = 0.25
"""How far upper teeth reach down from the lip, in mouth widths, in the middle: a lower opening shows no others, as
most smiles do. Rows that met at a share of the opening's height made dentures of them."""
_EDGE = 0.008
"""Mouth widths over which the upper teeth's edge spreads."""
_MEETING_SHADE, _LOWER_SHADE, _LIP_SHADE = 0.3, 0.2, 0.25
"""Darkening of the line where rows meet, of the lower row under the upper one, and of teeth under the upper lip."""
_LOWER_FADES, _LIP_FADES = 0.05, 0.02
"""Mouth widths over which shadows fade."""
_CORNER, _IN_CORNER = 0.1, 0.45
"""Mouth widths from the corners over which teeth come out of the dark, and their lightness in it."""
_LIGHTEST_SOFT = 1.25
"""Lightness of all that is no tooth at most, over the tongue's: a driver's lips that reach into the opening would be a
light line along darker ones."""
_LIGHTEST = 1.1
"""Of what is drawn, over skin or teeth of the picture."""


def seen_inside(
    inside: Float,
    palette: Palette,
    along: Float,
    deep: Float,
    high: Float,
    skull_u: Float,
    jaw_u: Float,
    pixel: float,
) -> Float:
    """(h, w, 3) float32 colours, 0..255.

    Args:
        inside: (14, 24, 2) of the frame, as in `DrivenFace.inside`.
        palette: the picture's colours.
        along: (h, w) from the mouth's right corner (0) to its left one (1).
        deep: (h, w) from the upper lip (0) to the lower one (1).
        high: (h, w) the opening's height there, in mouth widths.
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
    teeth = rising(*_TEETH, cells[..., 1])[..., None]
    tongue = rising(*_TONGUE, light)[..., None]
    soft = palette.dark + (palette.tongue - palette.dark) * tongue
    edge = np.float32(_UPPER_LONG) * (1 - np.square(skull_u))
    past = deep * high - edge
    is_upper = np.clip(0.5 - past * np.float32(1 / max(pixel, _EDGE)), 0, 1)
    lines = is_upper * enamel(np.abs(skull_u), UPPER_EDGES, pixel)
    lines += (1 - is_upper) * enamel(np.abs(jaw_u), LOWER_EDGES, pixel)
    share = teeth[..., 0]
    lines *= 1 - _MEETING_SHADE * np.exp(-np.square(past * np.float32(1 / (_EDGE + 0.5 * pixel))))
    # upper teeth throw a shadow on the lower ones, lips on both; rows end in the dark of the corners
    lines *= 1 - _LOWER_SHADE * (1 - is_upper) * np.exp(-np.maximum(past, 0) * np.float32(1 / _LOWER_FADES))
    lines *= 1 - _LIP_SHADE * np.exp(-deep * high * np.float32(1 / _LIP_FADES))
    corner = np.clip(np.minimum(along, 1 - along) * np.float32(1 / _CORNER), 0, 1)
    lines *= _IN_CORNER + (1 - _IN_CORNER) * corner * (2 - corner)
    # cells say how light it is, against the skin or, of teeth, against teeth; lines between teeth are the drawing's own
    soft_luma, teeth_luma, skin_luma = soft @ LUMA, float(palette.teeth @ LUMA), float(palette.skin @ LUMA)
    lit, lightest = light * skin_luma, np.float32(_LIGHTEST_SOFT) * float(palette.tongue @ LUMA)
    lit = lit / np.sqrt(np.sqrt(1 + np.square(np.square(lit / lightest))))  # softly: a bound would be a flat slab
    wanted = lit + (light * teeth_luma - lit) * share
    gain = wanted / np.maximum(soft_luma + (teeth_luma - soft_luma) * share, 1)
    gain = gain * (1 - share + share * lines)
    colours = (soft + (palette.teeth - soft) * teeth) * gain[..., None]
    return cast(Float, np.clip(colours, 0, 250).astype(np.float32))
