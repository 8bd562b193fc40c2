"""The source's mouth taken apart: two sheets of skin cut along the inner lips, and what is known of its inside."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.tones import LUMA, saturation
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.detail import Detail, Sheet, inside
from portrait_alive.warp.edge_width import edge_width
from portrait_alive.warp.fine_texture import FineTexture
from portrait_alive.warp.mesh_weights import coverage, weights_at
from portrait_alive.warp.teeth import Palette, palette_of

_UNIT_PER_EYES = 0.72
"""Usual width of the lips' opening over the distance of the irises."""
_IRISES = (topology.RIGHT_IRIS[0], topology.LEFT_IRIS[0])
_TOOTH_LUMA = 0.7
"""Lightness of teeth over that of the skin, at least."""
_TOOTH_CONTRAST = (0.15, 0.3)
"""How much darker, in shares, the dark between lips is than the light, where the light is taken for teeth."""
_MEETING_SAMPLES = 24
_MEETING_COLUMNS = (0.25, 0.75)
"""Between what shares of the mouth's width the line is looked for at which upper and lower teeth meet ..."""
_MEETING_DARKER = 0.12
"""... and how much darker than the rows on both sides of it, in shares of the lightest, it is at least."""
_LIP_MIDDLE = 13
"""Mesh point in the middle of the upper lip's inner edge: teeth have their middle under it."""
_MIDDLES = (0.25, 0.75)
"""Between what shares of the mouth's width that may be."""


@dataclass(frozen=True, eq=False)
class MouthLayer:
    """The source's mouth, taken apart."""

    detail: Detail
    opening: Opening
    upper_skin: Sheet
    """Everything above the cut, continued below it."""
    lower_skin: Sheet
    """Everything below the cut, continued above it."""
    palette: Palette
    inside: FineTexture
    """(h, w, 3) the picture."""
    grain: Float
    """(h, w, 3) for what is drawn."""
    unit: float
    """Pixels of a mouth's usual width in this face: teeth have the face's size, not the lips'."""
    openness: float
    """0 where the source's mouth is shut or dark, 1 where it shows its teeth."""
    meets: float
    """Where the upper teeth end, 0 at the upper lip's edge, 1 at the lower one's: there the lower ones, if the source
    shows any, part from them."""
    middle: float
    """u of the middle of the teeth, under the middle of the upper lip."""
    turn: Float
    """(3, 3) rotation of the source's head."""
    rest: float
    """v, in mouth widths, at which closed lips would meet, from the upper lip's edge."""
    softness: float
    """Pixels over which the picture's own edges spread, 1 where they are sharp: what is drawn is no sharper."""


def take_mouth_apart(
    pixels: Bytes,
    detail: Detail,
    points: Float,
    triangles: NDArray[np.int32],
    grain: Float,
    face_pixels: Bytes,
    turn: Float,
    whites: Float | None = None,
) -> MouthLayer:
    """Prepare the mouth.

    Args:
        pixels: (h, w, 3) uint8 sRGB of the mouth's rectangle.
        detail: the rectangle.
        points: (P, 3) of the source.
        triangles: (T, 3) of the mesh.
        grain: (h, w, 3) for what is drawn.
        face_pixels: (N, 3) uint8, the face's colours.
        turn: (3, 3) rotation of the head.
        whites: (3,) colour of the eyes' whites, where they are seen.
    """
    opening = Opening.between(points, topology.UPPER_LIP_INNER, topology.LOWER_LIP_INNER)
    nodes = detail.grid.nodes()
    hole = set(topology.LIPS_INNER)
    skin = np.array([t for t in triangles if not hole.issuperset(t.tolist())], np.int32)
    covered = weights_at(nodes, points, skin)
    u, v = opening.axes(nodes[..., 0], nodes[..., 1])
    upper, lower = opening.curves_at(u)
    between = (u > 0) & (u < opening.width)
    everywhere = coverage(weights_at(nodes, points, triangles), nodes.shape[:2])
    middle = (upper + lower) / 2
    lips = np.concatenate([points[list(topology.LIPS_OUTER), :2]])
    in_lips = inside(nodes, lips)
    lip_pixels = _pick(pixels, detail, in_lips)
    lip_colour = _reddest(lip_pixels.reshape(-1, 3))
    skin_colour = np.median(face_pixels.reshape(-1, 3), 0).astype(np.float32)
    return MouthLayer(
        detail=detail,
        opening=opening,
        upper_skin=Sheet.of(
            covered, ~(between & (v > np.minimum(upper, middle))), everywhere, detail.core, is_upper=True
        ),
        lower_skin=Sheet.of(
            covered, ~(between & (v < np.maximum(lower, middle))), everywhere, detail.core, is_upper=False
        ),
        palette=palette_of(face_pixels, lip_colour, skin_colour, whites),
        inside=FineTexture.of(pixels),
        grain=grain,
        unit=max(opening.width, _UNIT_PER_EYES * float(np.linalg.norm(np.diff(points[[*_IRISES], :2], axis=0)))),
        openness=smoothstep(0.08, 0.16, opening.gap / opening.width) * _toothed(pixels, detail, opening, skin_colour),
        meets=_teeth_meet(pixels, detail, opening),
        middle=float(np.clip(opening.axes(*points[_LIP_MIDDLE, :2])[0] / opening.width, *_MIDDLES)) * opening.width,
        turn=turn.astype(np.float32),
        rest=float(np.interp(opening.width / 2, opening.u, opening.upper)) / opening.width,
        softness=edge_width(pixels),
    )


def _reddest(lips: Bytes) -> Float:
    """(3,) median colour of the redder half of pixels (N, 3): moustaches and the line between lips are not lips."""
    ratio = (lips[:, 1] + np.float32(6)) / (lips[:, 0] + np.float32(6))
    return np.asarray(np.median(lips[ratio <= np.median(ratio)], 0), np.float32)


def _toothed(pixels: Bytes, detail: Detail, opening: Opening, skin: Float) -> float:
    """0 where nothing between the lips is as light and as colourless as teeth, 1 where a good part is.

    What is all of one lightness is a stroke of the lips' paint: between teeth and lips it is dark.
    """
    u, v = opening.axes(detail.x, detail.y)
    between = opening.coverage(u, v, *opening.curves_at(u)) > 0.9
    if not between.any():
        return 0.0
    seen = pixels[between].astype(np.float32)
    tint, skin_tint = saturation(seen), float(saturation(skin))
    luma = seen @ LUMA
    light = luma > _TOOTH_LUMA * float(skin @ LUMA)
    dark, bright = np.percentile(luma, (10, 80))
    contrast = 1 - float(dark) / max(float(bright), 1.0)
    return smoothstep(0.15, 0.35, float((light & (tint < skin_tint)).mean())) * smoothstep(*_TOOTH_CONTRAST, contrast)


def _teeth_meet(pixels: Bytes, detail: Detail, opening: Opening) -> float:
    """Where, from the upper lip (0) to the lower one (1), it is dark between two lighter rows; 1 where it nowhere is.

    Most who smile show their upper teeth alone: those go with the skull down to the lower lip.
    """
    deep = ((np.arange(_MEETING_SAMPLES, dtype=np.float32) + 0.5) / _MEETING_SAMPLES)[:, None]
    first, last = (share * opening.width for share in _MEETING_COLUMNS)
    u = np.linspace(first, last, 33).astype(np.float32)[None]
    upper, lower = opening.curves_at(u)
    x, y = opening.place(u, (upper + (lower - upper) * deep).astype(np.float32))
    place = np.dstack([x - detail.x[0, 0], y - detail.y[0, 0]]).astype(np.float32)
    luma = pixels.astype(np.float32) @ LUMA
    rows = np.median(cv2.remap(luma, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), 1)
    above, below = np.maximum.accumulate(rows), np.maximum.accumulate(rows[::-1])[::-1]
    valley = np.minimum(above, below) - rows
    deepest = int(valley.argmax())
    return float(deep[deepest, 0]) if valley[deepest] > _MEETING_DARKER * float(rows.max()) else 1.0


def _pick(pixels: Bytes, detail: Detail, nodes: NDArray[np.bool_]) -> Bytes:
    rows, columns = np.nonzero(nodes[1:-1, 1:-1])
    cell = detail.grid.cell
    if len(rows) == 0:
        return pixels.reshape(-1, 3)
    return pixels[rows * cell + cell // 2, columns * cell + cell // 2]
