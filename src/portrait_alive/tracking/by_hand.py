"""Landmarks that a person set by hand, for faces that no tracker finds: a Picasso, a mask, a drawing of three lines.

The file is JSON: an object from names to [x, y] in picture pixels. Needed are at least four of the names in `PLACES`
(left and right are the subject's); any mesh point can be given by its number as well:

    {"right_eye": [310, 402], "left_eye": [410, 398], "nose": [356, 470],
     "mouth_right": [322, 520], "mouth_left": [398, 516], "chin": [362, 590], "13": [360, 512]}
"""

import json
from pathlib import Path
from typing import Final

import numpy as np

from portrait_alive.errors import UnreadableInputError
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.complete import complete_landmarks, selection_of
from portrait_alive.types import MESH_POINTS, Landmarks

PLACES: Final[dict[str, tuple[int, ...]]] = {
    "right_eye": topology.RIGHT_EYE,
    "left_eye": topology.LEFT_EYE,
    "right_brow": topology.RIGHT_BROW,
    "left_brow": topology.LEFT_BROW,
    "nose": (topology.NOSE_TIP,),
    "mouth_right": (topology.UPPER_LIP_OUTER[0],),
    "mouth_left": (topology.UPPER_LIP_OUTER[-1],),
    "mouth": topology.LIPS,
    "chin": (topology.CHIN,),
    "forehead": (topology.FOREHEAD,),
}
"""What can be clicked, and the mesh points whose mean it is."""

_FEWEST = 4


def read_landmarks(path: Path, basis: ShapeBasis) -> Landmarks:
    """The face of a points file, completed by the shape basis.

    Raises:
        UnreadableInputError: the file is missing, is not such JSON, or names too few places.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableInputError(f"{path}: not a readable JSON file of points ({error})") from error
    if not isinstance(given, dict):
        raise UnreadableInputError(f'{path}: expected an object from names to [x, y], such as {{"nose": [356, 470]}}')
    members, points = [], []
    for name, place in given.items():
        members.append(_members(path, name))
        points.append(_point(path, name, place))
    if len(points) < _FEWEST:
        raise UnreadableInputError(
            f"{path}: {len(points)} points are too few; give at least {_FEWEST} of {', '.join(PLACES)}"
        )
    spread = np.linalg.svd(np.array(points) - np.mean(points, 0), compute_uv=False)
    if spread[1] < 0.05 * spread[0]:
        raise UnreadableInputError(f"{path}: the points lie on one line; add one to the side, such as both eyes")
    return complete_landmarks(basis, np.array(points, np.float32), selection_of(members))


def _members(path: Path, name: str) -> tuple[int, ...]:
    if name in PLACES:
        return PLACES[name]
    if name.isdigit() and int(name) < MESH_POINTS:
        return (int(name),)
    raise UnreadableInputError(
        f"{path}: unknown point {name!r}; choose of {', '.join(PLACES)}, or 0..{MESH_POINTS - 1}"
    )


def _point(path: Path, name: str, place: object) -> tuple[float, float]:
    if (
        isinstance(place, list)
        and len(place) == 2
        and all(isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in place)
    ):
        return float(place[0]), float(place[1])
    raise UnreadableInputError(f"{path}: {name} should be [x, y] in pixels, not {place!r}")
