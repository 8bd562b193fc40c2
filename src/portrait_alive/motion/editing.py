"""Motions cut, joined, mirrored, retimed, scaled and looped. Every function returns a new motion.

A sound that the motion carries is cut, faded and stretched with it; only `ping_pong` leaves it out.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import UsageError
from portrait_alive.motion.carried_sound import sound_joined, sound_looped, sound_part, sound_retimed
from portrait_alive.motion.resampling import at_positions, resample
from portrait_alive.motion.tracks import TRACK_NAMES, Motion, Neutral, as_track

Part = Literal["pose", "mouth", "brows", "lids", "gaze", "body"]
PARTS: Final[tuple[Part, ...]] = ("pose", "mouth", "brows", "lids", "gaze", "body")
"""What `scaled` can scale."""


def trimmed(motion: Motion, start_s: float = 0.0, end_s: float | None = None) -> Motion:
    """The frames from `start_s` up to `end_s` (None: the end), and the sound there. Neutral stays.

    Raises:
        UsageError: nothing is left, or a time is none.
        UnreadableInputError: the sound that it carries cannot be decoded.
    """
    if not np.isfinite([start_s, 0.0 if end_s is None else end_s]).all():
        raise UsageError("a time is a number of seconds; name times within the motion")
    first = round(start_s * motion.fps)
    last = motion.frame_count if end_s is None else round(end_s * motion.fps)
    if not 0 <= first < min(last, motion.frame_count):
        end = motion.duration_s if end_s is None else end_s
        raise UsageError(f"nothing lies between {start_s:g} and {end:g} s: the motion lasts {motion.duration_s:.2f} s")
    last = min(last, motion.frame_count)
    sound = motion.sound
    if sound is not None and (first, last) != (0, motion.frame_count):
        sound = sound_part(sound, float(first / motion.fps), float(last / motion.fps))
    return motion.with_tracks(lambda _, track: track[first:last], sound=sound, provenance=_edited(motion, "trimmed"))


def joined(motions: Sequence[Motion], *, seam_s: float = 0.4) -> Motion:
    """One motion after the other, each relative to its own neutral, with an eased seam.

    The rate, neutral and names are the first motion's; later ones are resampled and moved so that their neutral meets
    its. At a seam the end of the one and the beginning of the other
    overlap by `seam_s` (or by what the shorter has). Sounds fade into each other there; a motion without one is silent.

    Raises:
        UsageError: there is nothing to join, or the seam is outside 0..10 s.
        UnreadableInputError: a sound cannot be decoded.
    """
    if not motions:
        raise UsageError("nothing to join; name at least one motion file")
    _check_seam(seam_s)
    whole = motions[0]
    overlaps_s = []
    for following in motions[1:]:
        after = _rebased(_named_like(resample(following, whole.fps), whole.expression_names), whole.neutral)
        overlap = min(round(seam_s * whole.fps), whole.frame_count - 1, after.frame_count - 1)
        overlaps_s.append(float(overlap / whole.fps))
        whole = _concatenated(whole, after, overlap, _eased(overlap))
    sound = sound_joined([(motion.sound, motion.duration_s) for motion in motions], overlaps_s)
    return replace(whole, sound=sound, provenance=_edited(motions[0], "joined"))


def mirrored(motion: Motion) -> Motion:
    """The motion as in a mirror: what the right eye did, the left one does. Twice is the motion itself."""
    order = np.array([motion.expression_names.index(_other_side(name)) if _other_side(name) in motion.expression_names
                      else at for at, name in enumerate(motion.expression_names)], np.intp)  # fmt: skip

    def flip(name: str, track: NDArray[Any]) -> NDArray[Any]:
        if name == "rotation":
            return track * np.array([-1, 1, -1], np.float32)
        if name == "translation":
            return track * np.array([-1, 1], np.float32)
        if name == "expression":
            return track[..., order]
        if name == "lids":
            return track[..., ::-1]
        if name == "gaze":
            return track[..., ::-1, :] * np.array([-1, 1], np.float32)
        if name == "inside":
            return track[..., ::-1, :]
        return track

    rest = {name: np.ascontiguousarray(flip(name, getattr(motion.neutral, name))) for name in _REST_TRACKS}
    return motion.with_tracks(
        lambda name, track: np.ascontiguousarray(flip(name, track)),
        neutral=Neutral(**rest, mouth=motion.neutral.mouth),
        provenance=_edited(motion, "mirrored"),
    )


def retimed(motion: Motion, speed: float) -> Motion:
    """The motion `speed` times as fast at the same frame rate, so 1/speed as long; a sound keeps its pitch.

    Raises:
        UsageError: speed is outside 0.1..10.
        UnreadableInputError: the sound that it carries cannot be decoded.
    """
    if not 0.1 <= speed <= 10:
        raise UsageError(f"speed {speed:g}: choose a factor from 0.1 to 10")
    count = max(round(motion.frame_count / speed), 1)
    changed = at_positions(motion, np.arange(count, dtype=np.float64) * speed, motion.fps)
    sound = motion.sound
    if sound is not None and speed != 1:
        sound = sound_retimed(sound, speed, changed.duration_s)
    return replace(changed, sound=sound, provenance=_edited(motion, f"retimed {speed:g}"))


def scaled(motion: Motion, part: Part, factor: float) -> Motion:
    """The motion with one part's distance from the neutral multiplied, for good; 0 holds it at rest.

    Raises:
        UsageError: no such part, or a factor outside -4..4.
    """
    if part not in PARTS:
        raise UsageError(f"{part}: choose one of {', '.join(PARTS)}")
    if not -4 <= factor <= 4:
        raise UsageError(f"factor {factor:g}: choose one from -4 to 4")
    rest = motion.neutral

    def about(track: NDArray[Any], value: Any) -> NDArray[Any]:
        return np.asarray(value + factor * (track - value), np.float32)

    changes: dict[str, Any] = {}
    if part == "pose":
        changes = {name: about(getattr(motion, name), getattr(rest, name)) for name in ("rotation", "translation")}
        changes["scale"] = np.maximum(about(motion.scale, 1.0), 0.1)
    elif part in ("mouth", "brows"):
        is_brow = np.array([name.startswith("brow") for name in motion.expression_names])
        chosen = is_brow if part == "brows" else ~is_brow
        moved = about(motion.expression, rest.expression)
        changes["expression"] = np.where(chosen, moved, motion.expression)
        if part == "mouth":
            changes["mouth"] = np.maximum(about(motion.mouth, rest.mouth), 0.0)
    elif part == "lids":
        changes["lids"] = np.maximum(about(motion.lids, rest.lids), 0.0)
    elif part == "gaze":
        changes["gaze"] = about(motion.gaze, rest.gaze)
    else:
        changes["body"] = np.clip(about(motion.body, 0.0), -0.01, 0.01).astype(np.float32)
    return replace(motion, **changes, provenance=_edited(motion, f"scaled {part} {factor:g}"))


def looped(motion: Motion, *, seam_s: float = 0.8) -> Motion:
    """The motion as a loop: after its last frame comes its first, eased.

    The last `seam_s` seconds fade into what came before the first frame of the kept part, so that the loop is shorter
    by the seam (at most a third of the motion), and positions and speeds both meet. A sound is faded alike.

    Raises:
        UsageError: the seam is outside 0..10 s.
        UnreadableInputError: the sound that it carries cannot be decoded.
    """
    _check_seam(seam_s)
    overlap = min(round(seam_s * motion.fps), motion.frame_count // 3)
    if overlap < 1:
        return replace(motion, provenance=_edited(motion, "looped"))
    kept = motion.frame_count - overlap
    share = _eased(overlap)

    def close(name: str, track: NDArray[Any]) -> NDArray[Any]:
        # the beginning is faded out of the end, which it follows when the loop comes round
        tail, head = track[kept:], track[:overlap]
        return np.concatenate([_blended(name, tail, head, share), track[overlap:kept]])

    sound = motion.sound
    if sound is not None:
        sound = sound_looped(sound, motion.duration_s, float(overlap / motion.fps))
    return motion.with_tracks(close, sound=sound, provenance=_edited(motion, "looped"))


def ping_pong(motion: Motion) -> Motion:
    """The motion forwards and then backwards, both turning points shown once: it loops without any seam.

    A sound is left out: backwards it is no longer one.
    """
    if motion.frame_count < 3:
        return motion
    return motion.with_tracks(
        lambda _, track: np.concatenate([track, track[-2:0:-1]]), sound=None, provenance=_edited(motion, "ping-pong")
    )


def eased_in(motion: Motion, seconds: float = 2.0, hold_s: float = 1.0) -> Motion:
    """The motion's last state, reached from rest in `seconds` and held: how a single picture drives.

    Args:
        motion: of a still driver; its neutral is what the portrait starts from.
        seconds: of easing.
        hold_s: of holding.
    """
    rise, hold = max(round(seconds * motion.fps), 1), max(round(hold_s * motion.fps), 1)
    share = np.concatenate([_eased(rise), np.ones(hold)])
    rest = motion.neutral

    def ease(name: str, track: NDArray[Any]) -> NDArray[Any]:
        last = track[-1:]
        if name == "bridged":
            return np.zeros(len(share), bool)
        if name in ("contact", "confidence", "inside"):
            start = np.zeros_like(last) if name == "contact" else last
        else:
            start = np.asarray(getattr(rest, name, np.ones_like(last) if name == "scale" else np.zeros_like(last)))
        along = share.reshape(-1, *[1] * (track.ndim - 1))
        return np.asarray(start + along * (last - start), np.float32)

    return motion.with_tracks(ease, provenance=_edited(motion, "eased in"))


_REST_TRACKS: Final = ("rotation", "translation", "expression", "lids", "gaze")


def _check_seam(seam_s: float) -> None:
    if not 0 <= seam_s <= 10:
        raise UsageError(f"--seam {seam_s:g}: choose a length from 0 to 10 s")


def _rebased(motion: Motion, neutral: Neutral) -> Motion:
    """The motion moved so that its neutral is `neutral`."""
    own = motion.neutral

    def shift(name: str, track: NDArray[Any]) -> NDArray[Any]:
        if name == "lids":
            return track / np.maximum(own.lids, 0.1) * neutral.lids
        if name == "mouth":
            return np.maximum(
                track + np.where(track > own.mouth, 1, track / max(own.mouth, 1e-3)) * (neutral.mouth - own.mouth), 0
            )
        if name in _REST_TRACKS:
            return np.asarray(track - getattr(own, name) + getattr(neutral, name), np.float32)
        return track

    return motion.with_tracks(lambda name, track: np.asarray(shift(name, track), track.dtype), neutral=neutral)


def _named_like(motion: Motion, names: tuple[str, ...]) -> Motion:
    """The motion with its expression columns ordered as `names`; shapes that it lacks rest, others are dropped."""
    if motion.expression_names == names:
        return motion
    at = [motion.expression_names.index(name) if name in motion.expression_names else -1 for name in names]
    padded = np.pad(motion.expression, ((0, 0), (0, 1)))
    rest = np.pad(motion.neutral.expression, (0, 1))
    return replace(
        motion,
        expression=padded[:, at],
        expression_names=names,
        neutral=replace(motion.neutral, expression=rest[at]),
    )


def _concatenated(first: Motion, second: Motion, overlap: int, share: NDArray[np.float64]) -> Motion:
    changed: dict[str, Any] = {}
    for name in TRACK_NAMES:
        one, other = getattr(first, name), getattr(second, name)
        kept = len(one) - overlap
        seam = _blended(name, one[kept:], other[:overlap], share)
        changed[name] = np.concatenate([one[:kept], as_track(name, seam), other[overlap:]])
    return replace(first, **changed)


def _blended(name: str, one: NDArray[Any], other: NDArray[Any], share: NDArray[np.float64]) -> NDArray[Any]:
    if name == "bridged":
        return np.asarray(one | other)
    along = share.reshape(-1, *[1] * (one.ndim - 1))
    return np.asarray((1 - along) * one + along * other, np.float32)


def _eased(count: int) -> NDArray[np.float64]:
    """(count,) values that rise smoothly from just above 0 to just below 1."""
    at = (np.arange(count) + 0.5) / max(count, 1)
    return at * at * (3 - 2 * at)


def _other_side(name: str) -> str:
    for one, other in (("_L", "_R"), ("_R", "_L")):
        if name.endswith(one):
            return name[: -len(one)] + other
    return {"jawLeft": "jawRight", "jawRight": "jawLeft", "mouthLeft": "mouthRight", "mouthRight": "mouthLeft"}.get(
        name, name
    )


def _edited(motion: Motion, how: str) -> dict[str, str]:
    past = motion.provenance.get("edits")
    return dict(motion.provenance) | {"edits": f"{past}, {how}" if past else how}
