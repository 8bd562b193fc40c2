"""The overlay of `landmarks`: mesh, eyes, lips, brows and irises drawn over the picture."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from portrait_alive.errors import OutputError
from portrait_alive.shape import topology
from portrait_alive.types import Bytes, Landmarks, Picture

_COLOURS = {"contour": (255, 220, 90), "brows": (255, 140, 60), "eyes": (90, 230, 255), "mouth": (255, 100, 140)}
_MESH = (120, 255, 140)
_SHIFT = 4
"""Sub-pixel bits of OpenCV's drawing coordinates."""


def draw_overlay(picture: Picture, faces: Sequence[Landmarks], path: Path, *, first: int = 1) -> None:
    """Write a copy of `picture` with `faces` drawn into it, numbered from `first`; the format is the suffix's.

    Raises:
        OutputError: the file cannot be written.
    """
    from PIL import Image

    canvas = picture.pixels.copy()
    for number, face in enumerate(faces, start=first):
        _draw(canvas, face, number)
    try:
        Image.fromarray(canvas).save(path)
    except (OSError, ValueError) as error:
        raise OutputError(
            f"{path}: cannot be written ({error}); choose a .png or .jpg in a folder that exists"
        ) from error


def _draw(canvas: Bytes, face: Landmarks, number: int) -> None:
    size = max(face.box.width, face.box.height)
    radius = max(size / 300, 0.8)
    groups = {index: colour for name, colour in _COLOURS.items() for index in topology.GROUPS[name]}
    for index, (x, y) in enumerate(face.points[:468, :2]):
        _dot(canvas, x, y, radius, groups.get(index, _MESH))
    for iris in (face.points[468:473, :2], face.points[473:478, :2]):
        reach = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
        centre = (int(iris[0][0] * 2**_SHIFT), int(iris[0][1] * 2**_SHIFT))
        width = max(round(radius), 1)
        cv2.circle(canvas, centre, int(reach * 2**_SHIFT), (255, 255, 255), width, cv2.LINE_AA, _SHIFT)
    corner = (int(face.box.x), max(int(face.box.y) - 4, 10))
    scale = max(size / 500, 0.4)
    cv2.putText(canvas, str(number), corner, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), max(int(scale * 2), 1))


def _dot(canvas: Bytes, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
    centre = (int(x * 2**_SHIFT), int(y * 2**_SHIFT))
    cv2.circle(canvas, centre, int(radius * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)
