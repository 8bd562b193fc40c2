"""How far brows are raised in the pixels, without any network: their patch found again above a head held still."""

from collections.abc import Sequence

import cv2
import numpy as np

from portrait_alive.evaluation.landmark_errors import RIGID
from portrait_alive.evaluation.similarity import fit_similarity
from portrait_alive.motion.measures import EYE_UPPER
from portrait_alive.shape import topology
from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float

_BROWS = (topology.RIGHT_BROW, topology.LEFT_BROW)
_FINER = 4
"""Samples of a pixel."""
_MARGIN = 0.1
"""Of a brow's width, around its points."""
_REACH = (0.12, 0.45)
"""How far a brow may have moved, sideways and up and down, in its height above the eye."""
_ALIKE = 0.7
"""Normalised correlation from which on the patch is found: less where hair or a hand covers it."""


def brows_on_paint(pixels: Sequence[Bytes], meshes: Float, rest: int) -> Float:
    """(N, 2) how far right and left brow are raised against one of the frames, in their height above the eye's corners
    there; NaN where they are not found.

    Args:
        pixels: N frames.
        meshes: (N, 478, 3) of them. Only the head's pose is read from them, and in the frame at rest the brows' places.
        rest: number of that frame.
    """
    still = pixels[rest].astype(np.float32) @ LUMA
    found = np.full((len(pixels), 2), np.nan, np.float32)
    for at, (frame, mesh) in enumerate(zip(pixels, meshes, strict=True)):
        luma = frame.astype(np.float32) @ LUMA
        found[at] = [_raised(still, meshes[rest], luma, mesh, side) for side in range(2)]
    return found


def _raised(still: Float, home: Float, luma: Float, mesh: Float, side: int) -> float:
    brow = home[list(_BROWS[side])]
    corners = home[[EYE_UPPER[side][0], EYE_UPPER[side][-1]]]
    height = float(np.linalg.norm((corners.mean(0) - brow.mean(0))[:2]))
    scale, turn, shift = fit_similarity(home[list(RIGID)], mesh[list(RIGID)])
    # a head that only turned shows the patch, taken for flat, here
    linear = scale * turn[:2, :2]
    moved = (scale * turn @ brow.mean(0) + shift)[:2] - linear @ brow.mean(0)[:2]
    margin = _MARGIN * np.ptp(brow[:, 0])
    low, high = brow[:, :2].min(0) - margin, brow[:, :2].max(0) + margin
    reach = height * np.array(_REACH)
    patch = _cut(still, low, high - low, np.eye(2), np.zeros(2))
    around = _cut(luma, low - reach, high - low + 2 * reach, linear, moved)
    alike = cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED)
    _, best, _, (_, row) = cv2.minMaxLoc(alike)
    return float((reach[1] - row / _FINER) / height) if best >= _ALIKE else float("nan")


def _cut(luma: Float, corner: np.ndarray, size: np.ndarray, linear: np.ndarray, moved: np.ndarray) -> Float:
    """The rectangle of the frame at rest, as it lies in another one by a linear map (2, 2) and a shift (2,)."""
    columns, rows = (np.arange(max(round(float(length) * _FINER), 1)) for length in size)
    x, y = np.meshgrid(corner[0] + (columns + 0.5) / _FINER, corner[1] + (rows + 0.5) / _FINER)
    place = np.stack([x, y], -1) @ linear.T + moved - 0.5
    cut: Float = cv2.remap(luma, place.astype(np.float32), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return cut
