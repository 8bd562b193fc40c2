"""The subject's rest, found from the clip: the most frequent relaxed, frontal state, wherever it is."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.tracks import Motion, Neutral, still_neutral

_SAMPLES = 400
_STILL_RAD, _STILL_WEIGHT = 0.004, 0.02
"""A driver that turns and mimics less than this in all its frames is a still."""
_FRONTAL_RAD = 0.45
_RELAXED = 0.8
"""How far from frontal, and how strong an expression (root sum of squares), halves a state's claim to be the rest."""
_KERNEL_RAD, _KERNEL_WEIGHT, _KERNEL_GAZE = 0.05, 0.25, 0.08
_KERNEL_MOUTH, _PARTED = 0.05, 0.05
_STRAIGHT: Final = np.array([[-0.05, -0.22], [0.05, -0.22]])
"""Irises of a straight look, right and left eye: irises stand above the line between the corners, a little
outwards. Medians of 25 clips lie within 0.05 of it."""
_SIDEWARD = (0.15, 0.15)
"""How far from straight, across and up or down in half-widths, halves a look's claim to be the rest. Someone who
looks aside most of the time does not rest there."""
_SHIFTS, _SHIFT_REACH = 8, 2.0
"""Steps of the search for the middle of the states around the best, and how far it looks about, in kernel widths."""
_LEAST_OPEN = 5
"""Percentile of the gap between the lips above which it counts as opened. Whoever talks all through, or smiles with
parted lips, opens and closes the mouth beyond what is most frequent too."""
_HELD = 0.35
"""An expression of mouth, jaw or nose that is stronger than this in the supposed rest is held, not worn: the surplus is
left to move."""
_WORN: Final = ("brow", "cheekRaiser", "cheekSquint", "eyeSquint")
"""Shapes that are worn however strong: how high somebody's brows are set, and how full the skin about the eyes is, the
fitted identity does not tell, and a portrait would frown or be surprised all through for it."""
_WORN_AT = 40
"""Percentile of each of them over the clip that is its rest: in lively speech the most frequent face is chance, one
brow up and the other down. Rests found from halves and thirds of 26 clips differ by .17 (at most 1.2) there, where the
most frequent faces' brows do by .14 (2.6)."""


def found_neutral(motion: Motion) -> Neutral:
    """Rest of the subject of a tracked motion.

    Pose, expression and gaze have their rest each for itself: who talks all through, or never looks into the camera,
    has one all the same; so have brows and the skin about the eyes, a percentile of each of their shapes. For a still,
    and for less than half a second, it is the head model's own rest, so that what the still shows is motion.
    """
    seen = np.flatnonzero(~motion.bridged)
    if len(seen) == 0 or is_still(motion):
        return replace(still_neutral(motion.expression_names), gaze=_STRAIGHT.astype(np.float32))
    chosen = seen[np.unique(np.linspace(0, len(seen) - 1, _SAMPLES).astype(int))]
    angles = motion.rotation[chosen].astype(np.float64)
    expression = motion.expression[chosen].astype(np.float64)
    lids_open = np.clip(motion.lids[chosen].mean(1) - 0.6, 0.0, 0.4) / 0.4
    pose = _density(angles / _KERNEL_RAD) * _fading(np.linalg.norm(angles, axis=1) / _FRONTAL_RAD)
    mouth = motion.mouth[chosen].astype(np.float64)
    face = np.column_stack([expression / _KERNEL_WEIGHT, mouth / _KERNEL_MOUTH])
    # who closes the mouth now and then rests with it closed, however much of the clip is speech
    parted = (mouth - np.percentile(mouth, 10)) / _PARTED
    is_worn = np.array([name.startswith(_WORN) for name in motion.expression_names])
    worn = np.where(is_worn, np.percentile(expression, _WORN_AT, axis=0), 0.0)
    strength = np.hypot(np.linalg.norm(expression - worn, axis=1) / _RELAXED, parted)
    relaxed = _density(face) * _fading(strength) * (0.05 + lids_open)
    gaze = motion.gaze[chosen].reshape(len(chosen), 4).astype(np.float64)
    aside = np.linalg.norm((gaze.reshape(-1, 2, 2) - _STRAIGHT).mean(1) / _SIDEWARD, axis=1)
    looks = _density(gaze / _KERNEL_GAZE) * _fading(aside) * (0.05 + lids_open)
    pose_weights = _around_best(pose, angles / _KERNEL_RAD)
    face_weights = _around_best(relaxed, face)
    gaze_weights = _around_best(looks, gaze / _KERNEL_GAZE)
    rest = np.minimum(_average(expression, face_weights), _HELD)
    return Neutral(
        rotation=_average(angles, pose_weights),
        translation=_average(motion.translation[chosen], pose_weights),
        expression=np.where(is_worn, worn, rest).astype(np.float32),
        lids=np.ones(2, np.float32),
        gaze=_average(gaze, gaze_weights).reshape(2, 2),
        mouth=min(float(_average(mouth, face_weights)), float(np.percentile(mouth, _LEAST_OPEN))),
    )


def is_still(motion: Motion) -> bool:
    """Whether the driver is a single picture, or a clip in which nothing happens."""
    seen = ~motion.bridged
    if seen.sum() < max(float(motion.fps) / 2, 2):
        return True
    turns, mimics = np.ptp(motion.rotation[seen], axis=0).max(), motion.expression[seen].std(0).max()
    return bool(turns < _STILL_RAD and mimics < _STILL_WEIGHT)


def _density(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) how frequent the neighbourhood of each state (N, D) is, Gaussian kernel of width 1."""
    squares = (states**2).sum(1)
    distance = np.maximum(squares[:, None] + squares[None] - 2 * states @ states.T, 0.0)
    return np.asarray(np.exp(-distance / 2).sum(1))


def _fading(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + distance**2)


def _around_best(claim: NDArray[np.float64], states: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) weights of the states around the best one: mean shift (Cheng 1995) from the state with the best claim.

    Which state is best is chance in a clip that never rests, such as one of speech; what lies around is not.
    """
    centre = states[int(np.argmax(claim))]
    for _ in range(_SHIFTS):
        weights = claim * np.exp(-((states - centre) ** 2).sum(1) / (2 * _SHIFT_REACH**2))
        weights /= weights.sum()
        centre = weights @ states
    return np.asarray(weights)


def _average(values: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(np.tensordot(weights, values, 1), np.float32)
