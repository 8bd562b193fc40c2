"""How far the output's face is from the truth's: landmarks, mouth, lids, gaze and head pose, by the judge's meshes."""

from dataclasses import dataclass

import numpy as np

from portrait_alive.evaluation.similarity import fit_similarity
from portrait_alive.shape.topology import LEFT_IRIS, RIGHT_IRIS
from portrait_alive.types import Float

RIGID = (
    168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 327, 33, 133, 362, 263, 10, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251,
    127, 356, 234, 454, 9, 8, 151,
)  # fmt: skip
"""Points that facial expression hardly moves: nose, eye corners, forehead, temples."""

_EYES = {"right": (33, 133), "left": (362, 263)}
_LIDS = {"right": (159, 145), "left": (386, 374)}
_IRIS = {"right": RIGHT_IRIS[0], "left": LEFT_IRIS[0]}
_INNER_LIPS = (13, 14)


@dataclass(frozen=True, slots=True)
class LandmarkErrors:
    """Mean errors of one face against another, lengths in % of the truth's interocular distance."""

    landmarks: float
    """Distance of corresponding points, mean over the 478, no alignment."""
    mouth_opening: float
    """Difference of the distance between the inner lips."""
    lids: float
    """Difference of the distance between the lids, mean of both eyes."""
    gaze: float
    """Distance of the iris centres, each relative to its eye's corners, mean of both eyes."""
    pose_deg: float
    """Angle of the turn between the heads."""


def eye_centres(points: Float) -> Float:
    """(2, D) middles of the right and the left eye's corners, of a mesh (478, D)."""
    return np.stack([points[list(corners)].mean(0) for corners in _EYES.values()])


def interocular_distance(points: Float) -> float:
    """Distance between the eyes' centres in pixels, in the picture plane, of a mesh (478, 2 or more)."""
    right, left = eye_centres(points[:, :2])
    return float(np.linalg.norm(left - right))


def mouth_opening(points: Float) -> float:
    """Distance between the middles of the inner lips in pixels, in the picture plane."""
    upper, lower = _INNER_LIPS
    return float(np.linalg.norm(points[upper, :2] - points[lower, :2]))


def lid_openings(points: Float) -> tuple[float, float]:
    """Distance between the lids in pixels, in the picture plane, (right, left)."""
    right, left = (float(np.linalg.norm(points[up, :2] - points[down, :2])) for up, down in _LIDS.values())
    return right, left


def gaze_offsets(points: Float) -> Float:
    """(2, 2) iris centre relative to the middle of the eye's corners, along and across the line between them, in px.

    Rows: right, left eye. First column: towards the subject's left; second: down.
    """
    rows = []
    for side, (first, second) in _EYES.items():
        a, b = points[first, :2], points[second, :2]
        along = (b - a) / max(float(np.linalg.norm(b - a)), 1e-6)
        offset = points[_IRIS[side], :2] - (a + b) / 2
        rows.append((offset @ along, along[0] * offset[1] - along[1] * offset[0]))
    return np.array(rows, np.float32)


def turn_between(first: Float, second: Float) -> Float:
    """(3, 3) rotation that turns the head of mesh `first` (478, 3) into that of `second`, in picture axes."""
    rigid = list(RIGID)
    return fit_similarity(first[rigid], second[rigid])[1]


def angle_deg(rotation: Float) -> float:
    """Angle of a rotation (3, 3) in degrees, 0..180."""
    # by the sine as well: the cosine alone loses small angles to rounding
    skew = rotation - rotation.T
    sine = np.sqrt(skew[0, 1] ** 2 + skew[0, 2] ** 2 + skew[1, 2] ** 2) / 2
    return float(np.degrees(np.arctan2(sine, (np.trace(rotation) - 1) / 2)))


def landmark_errors(output: Float, truth: Float) -> LandmarkErrors:
    """Errors of the mesh `output` (478, 3) against `truth` (478, 3), both in the same picture's pixels."""
    percent = 100 / max(interocular_distance(truth), 1e-6)
    lids = np.abs(np.subtract(lid_openings(output), lid_openings(truth)))
    gaze = np.linalg.norm(gaze_offsets(output) - gaze_offsets(truth), axis=1)
    return LandmarkErrors(
        landmarks=percent * float(np.linalg.norm(output[:, :2] - truth[:, :2], axis=1).mean()),
        mouth_opening=percent * abs(mouth_opening(output) - mouth_opening(truth)),
        lids=percent * float(lids.mean()),
        gaze=percent * float(gaze.mean()),
        pose_deg=angle_deg(turn_between(truth, output)),
    )
