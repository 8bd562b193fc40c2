"""Does the portrait do what the driver does? Correlation and gain of each motion, between driver and output.

Both are seen by the judge, not by the tracker that drove. Turns are in radians from the driver's typical frame, about
the head's own axes. Each length is taken in the head's own frame (turn and size removed) and in its own subject's
measure: jaw drop in face heights, lids in the subject's own open aperture, smile and brows in the subject's own usual
width and height, gaze in eye widths. So a wide face that drives a narrow one is asked for the same movement, not the
same pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from portrait_alive.evaluation.judge import face_seen
from portrait_alive.evaluation.landmark_errors import RIGID
from portrait_alive.evaluation.similarity import fit_similarity
from portrait_alive.shape.topology import CHIN, FOREHEAD, LEFT_BROW, LEFT_IRIS, RIGHT_BROW, RIGHT_IRIS
from portrait_alive.types import Float

MOVES_BY: Final[Mapping[str, float]] = {
    "yaw": np.radians(6.0),
    "pitch": np.radians(6.0),
    "roll": np.radians(5.0),
    "jaw": 0.04,
    "right lid": 0.35,
    "left lid": 0.35,
    "smile": 0.08,
    "brows": 0.10,
    "gaze x": 0.12,
    "gaze y": 0.08,
}
"""A motion is compared only where the driver's 5th and 95th percentile lie this far apart: several times the judge's
noise on a resting face."""

_PAIRS = ((33, 263), (133, 362), (127, 356), (234, 454), (103, 332), (54, 284))
"""Points that mirror each other, right and left: they lie along the head's x axis."""
_OPEN_PERCENTILE = 80


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the output's motion follows the driver's."""

    correlation: float
    """Pearson's, in [-1, 1]; 0 where the output does not move at all."""
    gain: float
    """Least-squares slope: output's movement for a unit of the driver's."""
    driver_range: float
    """Between the driver's 5th and 95th percentile."""


def motion_tracks(meshes: Float, rest_frame: int | None = None) -> dict[str, Float]:
    """The motions of a clip by name, as in `MOVES_BY`: (N,) each, NaN in frames without a face.

    Args:
        meshes: (N, 478, 3) pixels from the judge, NaN where it sees no face; at least one is seen.
        rest_frame: frame from which turns are counted, a face in it; None: the clip's typical one.
    """
    seen = face_seen(meshes)
    rest = meshes[typical_frame(meshes) if rest_frame is None else rest_frame]
    axes = head_axes(rest)
    tracks = {name: np.full(len(meshes), np.nan, np.float32) for name in MOVES_BY}
    face_height = float(np.linalg.norm(rest[FOREHEAD] - rest[CHIN]))
    for index in np.flatnonzero(seen):
        scale, turn, shift = fit_similarity(rest[list(RIGID)], meshes[index][list(RIGID)])
        still = ((meshes[index] - shift) @ turn / scale) @ axes.T
        yaw, pitch, roll = _turn_vector((axes @ turn @ axes.T).astype(np.float32))
        lengths = _lengths(still, face_height)
        for name, value in zip(tracks, (yaw, pitch, roll, *lengths), strict=True):
            tracks[name][index] = value
    for name in ("right lid", "left lid"):
        tracks[name] /= max(float(np.nanpercentile(tracks[name], _OPEN_PERCENTILE)), 1e-6)
    for name in ("smile", "brows"):
        tracks[name] /= max(float(np.nanmedian(tracks[name])), 1e-6)
    return tracks


def agreements(driver: Float, output: Float) -> dict[str, Agreement]:
    """Agreement of each motion in which the driver moves enough; the others are left out.

    Args:
        driver, output: (N, 478, 3) judge's meshes of equally many frames, NaN where no face is seen.
    """
    both_seen = face_seen(driver) & face_seen(output)
    if not both_seen.any():
        return {}
    # one frame for both, or the turns would be counted from different poses
    rest = int(np.flatnonzero(both_seen)[typical_frame(driver[both_seen])])
    theirs, ours = motion_tracks(driver, rest), motion_tracks(output, rest)
    found = {}
    for name, least in MOVES_BY.items():
        both = ~np.isnan(theirs[name]) & ~np.isnan(ours[name])
        if both.sum() < 3:
            continue
        low, high = np.percentile(theirs[name][both], (5, 95))
        if high - low >= least:
            found[name] = agreement(theirs[name][both], ours[name][both])
    return found


def agreement(driver: Float, output: Float) -> Agreement:
    """Agreement of two tracks (N,) without gaps; the driver's is not constant."""
    a, b = driver - driver.mean(), output - output.mean()
    together, own, other = float(a @ b), float(a @ a), float(b @ b)
    low, high = np.percentile(driver, (5, 95))
    correlation = together / np.sqrt(own * other) if other > 0 else 0.0
    return Agreement(float(correlation), together / own, float(high - low))


def head_axes(mesh: Float) -> Float:
    """(3, 3) the head's axes as rows, in picture axes: to its left, down, and into the picture, of a mesh (478, 3)."""
    across = np.mean([mesh[left] - mesh[right] for right, left in _PAIRS], axis=0)
    across /= np.linalg.norm(across)
    # both lie equally far forward; an open jaw lengthens this line but hardly tilts it
    down = mesh[CHIN] - mesh[FOREHEAD]
    down = down - across * (down @ across)
    down /= np.linalg.norm(down)
    return np.stack([across, down, np.cross(across, down)]).astype(np.float32)


def typical_frame(meshes: Float) -> int:
    """Index of the mesh nearest to the median of all: a face that was really there, unlike a median of turning heads.

    Args:
        meshes: (N, 478, 3), NaN where no face is seen; at least one is seen.
    """
    far = np.abs(meshes - np.nanmedian(meshes, axis=0)).mean((1, 2))
    return int(np.nanargmin(far))


def _turn_vector(turn: Float) -> tuple[float, float, float]:
    """(yaw, pitch, roll): the turn as a vector along its axis, as long as its angle in radians; y, x, z components."""
    pitch, yaw, roll = (float(part) for part in cv2.Rodrigues(turn.astype(np.float64))[0][:, 0])
    return yaw, pitch, roll


def _lengths(mesh: Float, face_height: float) -> tuple[float, float, float, float, float, float, float]:
    """Jaw, right lid, left lid, smile, brows, gaze x, gaze y of a mesh in its own frame (x left, y down)."""
    jaw = (mesh[14, 1] - mesh[13, 1]) / face_height
    right_lid, left_lid = mesh[145, 1] - mesh[159, 1], mesh[374, 1] - mesh[386, 1]
    smile = mesh[291, 0] - mesh[61, 0]
    eyes = {33: 133, 362: 263}
    middles = [(mesh[a] + mesh[b]) / 2 for a, b in eyes.items()]
    brows = np.mean([m[1] - mesh[list(b), 1].mean() for m, b in zip(middles, (RIGHT_BROW, LEFT_BROW), strict=True)])
    width = np.mean([np.linalg.norm(mesh[b, :2] - mesh[a, :2]) for a, b in eyes.items()])
    irises = (mesh[RIGHT_IRIS[0]], mesh[LEFT_IRIS[0]])
    gaze = np.mean([iris[:2] - m[:2] for iris, m in zip(irises, middles, strict=True)], axis=0) / width
    return jaw, right_lid, left_lid, smile, float(brows), gaze[0], gaze[1]
