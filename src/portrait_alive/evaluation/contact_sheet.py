"""Sheets to look at: truth, output and source side by side, whole frames and the crops that are measured, enlarged."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from portrait_alive.evaluation.crops import Region, cut_region
from portrait_alive.types import Bytes, Float

_CELL_PX = 256
_GAP_PX = 4
_DETAILS: tuple[Region, ...] = ("mouth", "right_eye", "left_eye")


def contact_sheet(
    truth: Sequence[Bytes],
    outputs: Sequence[Sequence[Bytes]],
    source: Bytes,
    meshes: Float,
    frames: Sequence[int],
) -> Bytes:
    """One block of rows for each chosen frame: truth, each output, source; columns: face, mouth, right eye, left eye.

    Crops are cut at 256 px from the truth's mesh, as the measurements are (details enlarged); the source's own crops
    are cut at the same place of the picture, unaligned, as the still-source baseline is measured.

    Args:
        truth: N frames (H, W, 3).
        outputs: one sequence of N frames for each method.
        source: the canvas (H, W, 3).
        meshes: (N, 478, 3) of the truth, NaN where the judge saw no face (such frames are left out).
        frames: indices to show.
    """
    blocks = []
    for index in frames:
        mesh = meshes[index]
        if np.isnan(mesh).any():
            continue
        pictures = [truth[index], *[output[index] for output in outputs], source]
        rows = [
            _beside([_enlarged(cut_region(picture, mesh, region)) for region in ("face", *_DETAILS)])
            for picture in pictures
        ]
        blocks.append(_below(rows))
    if not blocks:
        return np.zeros((_CELL_PX, _CELL_PX, 3), np.uint8)
    return _beside(blocks)


def write_sheet(sheet: Bytes, path: Path) -> None:
    """Save a sheet as PNG, its folder made when needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)


def _enlarged(crop: Bytes) -> Bytes:
    out: Bytes = cv2.resize(crop, (_CELL_PX, _CELL_PX), interpolation=cv2.INTER_CUBIC)
    return out


def _beside(pictures: Sequence[Bytes]) -> Bytes:
    gap = np.full((pictures[0].shape[0], _GAP_PX, 3), 255, np.uint8)
    return np.hstack([part for picture in pictures for part in (picture, gap)][:-1])


def _below(pictures: Sequence[Bytes]) -> Bytes:
    gap = np.full((_GAP_PX, pictures[0].shape[1], 3), 255, np.uint8)
    return np.vstack([part for picture in pictures for part in (picture, gap)])
