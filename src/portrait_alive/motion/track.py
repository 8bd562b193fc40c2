"""A driver clip becomes a motion: everybody is followed, one is chosen, their records become tracks."""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import NoFaceError
from portrait_alive.motion.bridging import bridged
from portrait_alive.motion.file import as_stored
from portrait_alive.motion.looks import whole_looks
from portrait_alive.motion.mouth_inside import inside_track
from portrait_alive.motion.neutral import found_neutral
from portrait_alive.motion.people import watch
from portrait_alive.motion.recording import Recorder, Records
from portrait_alive.motion.tracks import Motion, still_neutral
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.types import Bytes

LID_NAMES = ("eyeBlink", "eyeWide", "eyeLook")
"""Expression shapes that the lid track replaces."""
_SHUT_SHARE = 0.30
"""Lid opening of shut eyes as a share of relaxed ones, where the clip shows no blink: mesh lids never quite meet."""
_SHUT_SNAP = 0.08
_TYPICAL_OPENING = 0.30
"""Lid gap over eye width of relaxed eyes, for stills."""
_PARTING = 0.006
_CLOSED_LIPS = 0.03
"""Lip gap over eye distance up to which the smallest gap of a clip is taken for closed lips."""
_OPENING_SPREAD = 0.35
"""Of the natural logarithm of relaxed openings, people against people: narrow eyes rest at two thirds of it."""
_LID_SAMPLES = 1000
"""Of a clip at most, among which relaxed openings are looked for."""
_BLIND_LIDS = 0.5
"""Below this lid opening the iris is half guessed by the tracker."""
_BLINKING_LIDS, _LONGEST_BLINK_S = 0.65, 0.45
"""Lids that are lower than this, but not for longer, are blinking."""
_DIP, _OPEN_BESIDE, _SHORTEST_BLINK_S = 0.15, 0.85, 0.085
"""By how much an eye's lids have to be lower than in both frames beside, in a single frame, to be a slip of the
tracker, and how open they are there: nobody shuts and opens an eye within so short a time, nor winks so shortly."""
_BROWS_SHOW = 1.2
"""Tracked brows go less far than in the pixels: with this a portrait's mesh goes 1.08 of the way of ten people's brows
there, found again by template matching (median; docs/motion.md), and its paint, as a film shows it, 0.8."""
_WORST_RESIDUAL = 0.06
_CUT_EASE_S = 0.12


def track_driver(
    frames: Iterable[Bytes],
    tracker: Tracker,
    fitter: HeadFitter,
    *,
    fps: Fraction,
    driver_face: int | None = None,
    name: str = "the driver",
    on_frame: Callable[[int], None] | None = None,
) -> Motion:
    """The motion of the person who is largest and longest in a clip, with their rest found; not smoothed.

    Streams: at most some 150 frames of landmarks and eight pictures are held; what stays is about 700 bytes a frame.

    Args:
        frames: (H, W, 3) uint8 sRGB at the constant rate `fps`.
        tracker: finds the landmarks.
        fitter: explains them.
        fps: frames per second, exact.
        driver_face: person to follow, from 1 in order of appearance, left to right; None: larger and longest.
        name: of the file, for messages.
        on_frame: told the number of frames done.

    Raises:
        NoFaceError: nobody was seen, or not that many people.
    """
    recorders: dict[int, Recorder] = {}
    count = scene = 0
    with closing(watch(frames, tracker)) as glimpses:
        for glimpse in glimpses:
            scene += glimpse.cut
            count = glimpse.frame + 1
            for person, face in glimpse.faces.items():
                recorders.setdefault(person, Recorder(fitter)).add(glimpse.frame, scene, face, glimpse.pixels)
            if on_frame is not None:
                on_frame(count)
    chosen = recorders[_chosen(recorders, driver_face, name)]
    return as_stored(motion_of(chosen.records(), count, fps, fitter))


def _chosen(recorders: dict[int, Recorder], driver_face: int | None, name: str) -> int:
    if not recorders:
        raise NoFaceError(
            f"{name}: no face was found in any frame; choose another clip, --tracker mediapipe, or --from/--to"
        )
    if driver_face is None:
        return max(recorders, key=lambda person: recorders[person].weight)
    if driver_face - 1 not in recorders:
        followed = "one person was" if len(recorders) == 1 else f"{len(recorders)} people were"
        raise NoFaceError(
            f"{name}: --driver-face {driver_face}: only {followed} followed; choose a number from 1 to {len(recorders)}"
        )
    return driver_face - 1


def motion_of(records: Records, count: int, fps: Fraction, fitter: HeadFitter) -> Motion:
    """Tracks of one person from their records.

    Args:
        records: of the frames in which they were seen, at least one.
        count: frames of the clip.
        fps: frames per second.
        fitter: its basis names the expression shapes.
    """
    rate = float(fps)
    good = _trusted(records, rate)
    frames = records.frame[good]
    names = fitter.basis.expression_names
    kept = [i for i, shape in enumerate(names) if not shape.startswith(LID_NAMES)]
    expression_names = tuple(names[i] for i in kept)
    lids = _without_slips(_calibrated_lids(records.lid_opening[good]), frames, rate)
    translation, scale = _placed(records, good)
    tracks: dict[str, NDArray[Any]] = {
        "rotation": records.rotation[good],
        "translation": translation,
        "scale": scale,
        "expression": records.expression[good][:, kept],
        "lids": lids,
        "mouth": _calibrated_mouth(records.mouth[good]),
        "gaze": _conjugate(
            whole_looks(records.gaze[good], records.lid_heights[good], lids), records.rotation[good], lids, rate
        ),
        "inside": inside_track([records.inside[i] for i in good]),
    }
    seen = np.zeros(count, bool)
    seen[frames] = True
    confidence = np.zeros(count, np.float32)
    confidence[records.frame] = np.clip(records.confidence, 0, 1)
    dense = {key: bridged(values, frames, count, np.median(values, 0), rate) for key, values in tracks.items()}
    motion = Motion(
        fps=fps,
        expression_names=expression_names,
        contact=np.ones(count, np.float32),
        body=np.zeros(count, np.float32),
        confidence=confidence,
        bridged=~seen,
        neutral=still_neutral(expression_names),
        provenance={"kind": "tracked"} | _why_bridged(records, good, count, rate),
        **dense,  # type: ignore[arg-type]
    )
    neutral = found_neutral(motion)
    if seen.all():
        return _brows_shown(replace(motion, neutral=neutral))
    # now that the rest is known, long gaps ease to it
    rests = {key: np.asarray(getattr(neutral, key, np.median(values, 0))) for key, values in tracks.items()}
    dense = {key: bridged(values, frames, count, rests[key], rate) for key, values in tracks.items()}
    return _brows_shown(replace(motion, neutral=neutral, **dense))  # type: ignore[arg-type]


def _trusted(records: Records, fps: float) -> NDArray[np.intp]:
    """Positions of the records that show the face: not those where something hides it, nor right beside a cut."""
    usual = float(np.median(records.residual))
    good = (records.residual <= max(3 * usual, _WORST_RESIDUAL)) & (records.confidence >= 0.3)
    good &= ~_beside_cuts(records, fps)
    lonely = np.convolve(good, np.ones(5), "same") <= 1.0
    kept = np.flatnonzero(good & ~lonely) if len(good) >= 5 else np.flatnonzero(good)
    return kept if len(kept) else np.arange(len(records.frame))


def _beside_cuts(records: Records, fps: float) -> NDArray[np.bool_]:
    """(N,) True for records close to a change of scene."""
    margin = round(_CUT_EASE_S * fps)
    beside = np.zeros(len(records.frame), bool)
    for change in np.flatnonzero(np.diff(records.scene)):
        before, after = records.frame[change], records.frame[change + 1]
        beside |= (records.frame > before - margin) & (records.frame < after + margin)
    return beside


def _why_bridged(records: Records, good: NDArray[np.intp], count: int, fps: float) -> dict[str, str]:
    """How many frames are bridged for which reason, in words; empty where none is."""
    left_out = np.ones(len(records.frame), bool)
    left_out[good] = False
    at_cuts = int((left_out & _beside_cuts(records, fps)).sum())
    reasons = {
        "without the face": count - len(records.frame),
        "beside a cut": at_cuts,
        "with the face hidden": int(left_out.sum()) - at_cuts,
    }
    said = ", ".join(f"{frames} {reason}" for reason, frames in reasons.items() if frames)
    return {"bridged": said} if said else {}


def _placed(records: Records, good: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Translation (N, 2) in model units and scale (N,) about 1; each scene against its own usual place."""
    translation = np.empty((len(good), 2), np.float32)
    scale = np.empty(len(good), np.float32)
    for scene in np.unique(records.scene[good]):
        at = records.scene[good] == scene
        own = records.scale[good][at]
        usual = float(np.median(own))
        position = records.position[good][at]
        translation[at] = (position - np.median(position, 0)) / usual
        scale[at] = own / usual
    return translation, scale


def _calibrated_lids(opening: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 2) lids with 0 shut and 1 relaxed, each eye in its own range."""
    calibrated = np.empty_like(opening)
    for eye, relaxed in enumerate(_relaxed(opening)):
        values = opening[:, eye]
        least = float(np.sort(values)[min(1, len(values) - 1)]) if len(values) > 20 else relaxed
        shut = min(least, _SHUT_SHARE * relaxed) if least < 0.5 * relaxed else _SHUT_SHARE * relaxed
        shut = max(shut, 0.08 * relaxed)
        share = (values - shut) / (relaxed - shut)
        calibrated[:, eye] = np.clip((share - _SHUT_SNAP) / (1 - _SHUT_SNAP), 0.0, 2.0)
    return calibrated


def _without_slips(lids: NDArray[np.float32], frames: NDArray[np.intp], fps: float) -> NDArray[np.float32]:
    """(N, 2) lids without the dips of a single frame that no eye can make: where both lids were open just before and
    after, or where one eye dips and the other does not."""
    if len(lids) < 3 or 2 / fps > _SHORTEST_BLINK_S:
        return lids
    beside = np.minimum(lids[:-2], lids[2:])
    dips = (beside - lids[1:-1] > _DIP) & (frames[2:] - frames[:-2] == 2)[:, None]
    slips = dips & ((beside > _OPEN_BESIDE) | ~dips.all(1)[:, None])
    result = lids.copy()
    result[1:-1][slips] = ((lids[:-2] + lids[2:]) / 2)[slips]
    return result


def _brows_shown(motion: Motion) -> Motion:
    """The motion with brows that go as far as they do in the pixels; last of all, since rest should not hang on it."""
    more = np.where([name.startswith("brow") for name in motion.expression_names], _BROWS_SHOW, 1.0).astype(np.float32)
    neutral = replace(motion.neutral, expression=motion.neutral.expression * more)
    return replace(motion, expression=motion.expression * more, neutral=neutral)


def _relaxed(opening: NDArray[np.float32]) -> tuple[float, float]:
    """Openings of both eyes, right and left, about the most frequent ones of eyes that are open, leaning to what is
    usual for people: whoever narrows or lowers the eyes for most of a clip is not relaxed in it.

    They are looked for in the same frames of (N, 2): each by itself, one eye rested where it is wide and the other
    where it is narrow, and a portrait's drooped.
    """
    if len(opening) < 20:
        return _TYPICAL_OPENING, _TYPICAL_OPENING
    both = opening.astype(np.float64)
    both = both[np.argsort(both.mean(1))[len(both) // 4 :]]
    both = both[:: -(-len(both) // _LID_SAMPLES)]
    width = np.maximum(0.1 * np.median(both, axis=0), 1e-4)
    near = np.exp(-(((both[:, None] - both[None]) / width) ** 2) / 2)
    usual = np.exp(-((np.log(np.maximum(both, 1e-3) / _TYPICAL_OPENING) / _OPENING_SPREAD) ** 2) / 2)
    together = near.prod(2)
    weights = together[int(np.argmax(together.sum(1) * np.sqrt(usual.prod(1))))]
    right, left = (weights @ both / weights.sum()).tolist()
    return right, left


def _calibrated_mouth(gap: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) opening, 0 where this mouth is closed: tracked lips of a closed mouth leave or overlap by a little."""
    least = float(np.percentile(gap, 2)) if len(gap) > 20 else 0.0
    closed = least if least < _CLOSED_LIPS else 0.0
    opening = np.maximum(gap - closed - 0.004, 0.0)
    # a soft toe: what the tracker wavers by where lips only just part is a fraction of this
    return np.asarray(opening**2 / (opening + _PARTING), np.float32)


def _conjugate(
    gaze: NDArray[np.float32], rotation: NDArray[np.float32], lids: NDArray[np.float32], fps: float
) -> NDArray[np.float32]:
    """(N, 2, 2) gaze in which both eyes make the same movements, averaged over what of them is seen.

    Eyes move together (Hering's law); the eye turned away and the eye that is shut are guessed by the tracker.
    """
    turned = 1.5 * np.sin(rotation[:, 0])
    visible = np.clip(np.stack([1 + turned, 1 - turned], 1), 0.1, 2.0) * np.clip((lids - 0.2) / _BLIND_LIDS, 0.02, 1.0)
    usual = np.median(gaze, 0)
    common = ((gaze - usual) * visible[:, :, None]).sum(1) / visible.sum(1, keepdims=True)
    seen = _gaze_seen(lids.max(1), fps)
    sure = seen > 0.5
    if sure.any() and not sure.all():
        at = np.arange(len(common))
        across = np.stack([np.interp(at, at[sure], common[sure, axis]) for axis in range(2)], 1)
        common = across + seen[:, None] * (common - across)
    return np.asarray(usual + common[:, None, :], np.float32)


def _gaze_seen(lids: NDArray[np.float32], fps: float) -> NDArray[np.float64]:
    """(N,) how much of the gaze is seen, 0..1: not under shut lids, and not around a blink, where trackers let the iris
    sink with the lid. Lids that stay low are those of someone who looks down: there the iris is where it seems."""
    seen = np.clip((lids.astype(np.float64) - 0.1) / 0.3, 0.0, 1.0)
    low = np.concatenate([[False], lids < _BLINKING_LIDS, [False]])
    for start, stop in np.flatnonzero(low[1:] != low[:-1]).reshape(-1, 2):
        if stop - start <= _LONGEST_BLINK_S * fps and lids[start:stop].min() < _BLIND_LIDS:
            seen[max(start - 1, 0) : stop + 1] = 0.0
    return seen
