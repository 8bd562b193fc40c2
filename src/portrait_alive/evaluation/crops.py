"""Squares of face, mouth and eyes, cut from a frame by the truth's face mesh, the same for output and truth."""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np

from portrait_alive.types import Box, Bytes, Float

Region = Literal["face", "mouth", "right_eye", "left_eye"]
REGIONS: Final[tuple[Region, ...]] = ("face", "mouth", "right_eye", "left_eye")

CROP_SIZE_PX: Final[dict[Region, int]] = {"face": 256, "mouth": 128, "right_eye": 128, "left_eye": 128}
"""Side of each crop after resampling."""

_FACE_MARGIN, _MOUTH_MARGIN, _EYE_MARGIN = 1.6, 1.5, 1.9
_CORNERS: Final[dict[Region, tuple[int, int]]] = {
    "mouth": (61, 291),
    "right_eye": (33, 133),
    "left_eye": (362, 263),
}


@dataclass(frozen=True, slots=True)
class Square:
    """An upright square in picture pixels."""

    x: float
    y: float
    side: float


def region_square(points: Float, region: Region) -> Square:
    """Where `region` lies, by the face mesh `points` (478, 2 or more) in picture pixels.

    Face: 1.6 times the longer side of the mesh's box, about the box's centre. Mouth: 1.5 times the distance of the
    lips' corners, each eye: 1.9 times the distance of its corners, about the middle of the corners.
    """
    if region == "face":
        box = Box.around(points)
        (cx, cy), side = box.centre, _FACE_MARGIN * max(box.width, box.height)
    else:
        first, second = (points[i, :2] for i in _CORNERS[region])
        cx, cy = (first + second) / 2
        margin = _MOUTH_MARGIN if region == "mouth" else _EYE_MARGIN
        side = margin * float(np.linalg.norm(second - first))
    return Square(float(cx) - side / 2, float(cy) - side / 2, side)


def cut(picture: Bytes, square: Square, size_px: int) -> Bytes:
    """The square resampled to (size_px, size_px, 3); beyond the picture its edge pixels are repeated.

    The square is rounded to whole pixels first, so that a crop as large as its square is a plain copy.
    """
    side = max(1, round(square.side))
    x, y = round(square.x), round(square.y)
    height, width = picture.shape[:2]
    left, top = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    right, bottom = min(max(x + side, 1), width), min(max(y + side, 1), height)
    part = picture[top:bottom, left:right]
    missing_y, missing_x = side - part.shape[0], side - part.shape[1]
    if missing_y or missing_x:
        above, before = min(max(-y, 0), missing_y), min(max(-x, 0), missing_x)
        margins = (above, missing_y - above, before, missing_x - before)
        part = cv2.copyMakeBorder(part, *margins, cv2.BORDER_REPLICATE)
    method = cv2.INTER_AREA if side >= size_px else cv2.INTER_LINEAR
    out: Bytes = cv2.resize(part, (size_px, size_px), interpolation=method)
    return out


def cut_region(picture: Bytes, points: Float, region: Region) -> Bytes:
    """`region` of a picture by the mesh `points` (478, 2 or more), square, `CROP_SIZE_PX` wide."""
    return cut(picture, region_square(points, region), CROP_SIZE_PX[region])
