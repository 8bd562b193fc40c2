"""Where an iris is in the pixels, without any network: the darkest disc between the lids."""

import cv2
import numpy as np

from portrait_alive.shape import topology
from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.curves import Opening

EYES = (
    (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER, topology.RIGHT_IRIS),
    (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER, topology.LEFT_IRIS),
)
_SAMPLES = 64
"""At least so many along the eye."""
_LEAST_VISIBLE = 0.35
"""Of the disc, between the lids."""


def gaze_on_paint(pixels: Bytes, mesh: Float) -> Float:
    """(2, 2) right, left iris; along the eye and across, from the middle between its corners, in eye widths; NaN where
    the lids leave too little of it.

    Looked for everywhere between the lids: only corners, lids and the iris's size are the mesh's (478, 2 or more).
    """
    return np.stack([_iris(pixels, mesh, *eye) for eye in EYES])


def gaze_of_mesh(mesh: Float) -> Float:
    """(2, 2) the same of the mesh's own irises."""
    found = []
    for upper, lower, iris in EYES:
        opening = Opening.between(mesh, upper, lower)
        u, v = opening.axes(mesh[iris[0], 0], mesh[iris[0], 1])
        found.append((u / opening.width - 0.5, v / opening.width))
    return np.array(found, np.float32)


def _iris(pixels: Bytes, mesh: Float, upper: tuple[int, ...], lower: tuple[int, ...], iris: tuple[int, ...]) -> Float:
    opening = Opening.between(mesh, upper, lower)
    width = opening.width
    count = max(_SAMPLES, int(width))
    step = width / count
    u, v = np.meshgrid(
        ((np.arange(count) + 0.5) * step).astype(np.float32),
        np.arange(-0.35 * width, 0.45 * width, step).astype(np.float32),
    )
    x, y = opening.place(u, v)
    luma = cv2.remap(pixels.astype(np.float32) @ LUMA, np.dstack([x - 0.5, y - 0.5]), None, cv2.INTER_LINEAR)
    above, below = opening.curves_at(u)
    inside = ((v > above + 0.03 * width) & (v < below - 0.015 * width)).astype(np.float32)
    radius = float(np.linalg.norm(mesh[list(iris[1:]), :2] - mesh[iris[0], :2], axis=1).mean()) / step
    side = 2 * int(np.ceil(radius)) + 1
    row, column = np.mgrid[:side, :side] - side // 2
    disc = np.clip(radius + 0.5 - np.hypot(row, column), 0, 1).astype(np.float32)
    area, dark = (cv2.filter2D(each, -1, disc, borderType=cv2.BORDER_CONSTANT) for each in (inside, inside * luma))
    rest = np.maximum(inside.sum() - area, 1)
    score = np.sqrt(np.maximum(area * rest, 0)) * (
        (inside * luma).sum() / rest - dark / rest - dark / np.maximum(area, 1)
    )
    score[area < _LEAST_VISIBLE * disc.sum()] = -np.inf
    if not np.isfinite(score).any():
        return np.full(2, np.nan, np.float32)
    best_row, best = np.unravel_index(int(score.argmax()), score.shape)
    shift_u = _peak(score[best_row, max(best - 1, 0) : best + 2])
    shift_v = _peak(score[max(best_row - 1, 0) : best_row + 2, best])
    return np.array([(best + 0.5 + shift_u) / count - 0.5, (v[best_row, 0] + shift_v * step) / width], np.float32)


def _peak(values: Float) -> float:
    """Where between its neighbours a maximum lies, in samples."""
    if len(values) < 3 or not np.isfinite(values).all():
        return 0.0
    bend = float(values[0] - 2 * values[1] + values[2])
    return float(np.clip((values[0] - values[2]) / (2 * bend), -1, 1)) if bend < 0 else 0.0
