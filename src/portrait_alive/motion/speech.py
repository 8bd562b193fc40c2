"""Mouth shapes from a voice: loudness opens the jaw, the first two formants shape the lips. Offline, no network.

Formants by linear prediction (Atal and Hanauer 1971): the first rises with the jaw's opening, the second with spread
lips
and falls with rounded ones (Peterson and Barney 1952). Enough to be in time and to close where the voice stops; which
consonant it was stays unknown.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.ffmpeg import run
from portrait_alive.media.streams import input_arguments, reason
from portrait_alive.motion.liveliness import breathe, glances, sway
from portrait_alive.motion.performance import Curve, Performance, held
from portrait_alive.motion.smoothing import gaussian
from portrait_alive.motion.syllables import VOWELS, close_lips
from portrait_alive.motion.tracks import Motion

_RATE_HZ = 8000
"""Formants one and two lie below 3 kHz."""
_HOP_S, _WINDOW_S = 0.01, 0.03
_LPC_ORDER = 10
_LEAD_S = 0.06
"""The mouth shapes a sound before it is heard (Chandrasekaran et al. 2009: by 100 to 300 ms, most of it closing-to-
opening)."""
_LONGEST_S = 3600
_FLOOR_DB, _RANGE_DB = -34.0, 30.0
"""Below this, against the loud parts, there is no voice; so far above the floor it is loud."""
_VOWEL_FORMANTS: Final = {"a": (750, 1300), "e": (500, 1900), "i": (320, 2300), "o": (480, 950), "u": (340, 800)}  # Hz


@dataclass(frozen=True, eq=False)
class Voice:
    """What of a sound the mouth needs, every 10 ms."""

    loudness: Curve
    """(N,) 0 silent .. 1 loud."""
    formants: NDArray[np.float64]
    """(N, 2) Hz; those of a neutral vowel where nothing is heard."""


def speak_sound(
    path: Path,
    expression_names: tuple[str, ...],
    *,
    fps: Fraction,
    seconds: float | None,
    generator: np.random.Generator,
    seed: int,
) -> Motion:
    """A motion that speaks a sound file, which goes into it.

    Raises:
        UnreadableInputError: the file is missing, has no sound or cannot be decoded.
    """
    samples = _samples(path)
    length_s = seconds or max(len(samples) / _RATE_HZ, 0.2)
    stage = Performance("speak", fps, max(round(length_s * fps), 1), expression_names)
    breathe(stage)
    sway(stage, generator)
    glances(stage, generator)
    voice = heard(samples)
    _articulate(stage, voice)
    _accompany(stage, voice, generator)
    return replace(stage.motion(seed), sound=path.read_bytes())


def heard(samples: NDArray[np.float64]) -> Voice:
    """Loudness and formants of a mono voice at 8 kHz, (S,) in -1..1."""
    hop, window = round(_HOP_S * _RATE_HZ), round(_WINDOW_S * _RATE_HZ)
    padded = np.pad(samples, window // 2, mode="constant")
    count = max((len(samples) - 1) // hop + 1, 1)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(padded, (0, window)), window)[::hop][:count]
    power = (frames**2).mean(1)
    level = 10 * np.log10(power + 1e-10)
    loud = float(np.percentile(level, 95))
    loudness = np.clip((level - loud - _FLOOR_DB) / _RANGE_DB, 0.0, 1.0) if loud > -60 else np.zeros(count)
    formants = np.tile([500.0, 1500.0], (count, 1))
    emphasised = frames.copy()
    emphasised[:, 1:] -= 0.97 * frames[:, :-1]
    for at in np.flatnonzero(loudness > 0.25):
        formants[at] = _formants(emphasised[at] * np.hamming(window), formants[at])
    return Voice(loudness, gaussian(formants, 2.0))


def _formants(frame: NDArray[np.float64], otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    """First two formants in Hz of a windowed frame, from the roots of its prediction polynomial."""
    lags = np.correlate(frame, frame, "full")[len(frame) - 1 : len(frame) + _LPC_ORDER]
    if lags[0] <= 1e-9:
        return otherwise
    toeplitz = lags[np.abs(np.subtract.outer(np.arange(_LPC_ORDER), np.arange(_LPC_ORDER)))]
    predictor = np.linalg.solve(toeplitz + 1e-4 * lags[0] * np.eye(_LPC_ORDER), lags[1:])
    roots = np.roots(np.concatenate([[1.0], -predictor]))
    roots = roots[roots.imag > 0.01]
    hertz = np.angle(roots) * _RATE_HZ / (2 * np.pi)
    width = -np.log(np.maximum(np.abs(roots), 1e-6)) * _RATE_HZ / np.pi
    found = np.sort(hertz[(hertz > 200) & (hertz < 3200) & (width < 500)])
    return found[:2] if len(found) >= 2 else otherwise


def _articulate(stage: Performance, voice: Voice) -> None:
    at_s = stage.time_s + _LEAD_S
    clock = np.arange(len(voice.loudness)) * _HOP_S
    # faster than a frame nothing of a jaw moves
    loudness = gaussian(voice.loudness[:, None], max(0.25 / float(stage.fps) / _HOP_S, 2.0))[:, 0]
    open_ = np.interp(at_s, clock, loudness, right=0.0)
    shares = _vowel_shares(np.stack([np.interp(at_s, clock, voice.formants[:, i]) for i in range(2)], 1))
    for share, shapes in zip(shares.T, VOWELS.values(), strict=True):
        for shape, weight in shapes.items():
            stage.express(shape, 1.15 * weight * share * open_)
    for middle in _stops(voice.loudness):
        close_lips(stage, middle * _HOP_S - _LEAD_S / 2, 0.03)


def _vowel_shares(formants: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 5) how much each vowel sounds, summing to 1; nearness on a log scale, since tracts differ in length."""
    centres = np.log(np.array(list(_VOWEL_FORMANTS.values()), np.float64))
    distance = ((np.log(formants)[:, None] - centres) / [0.30, 0.30]) ** 2
    nearness = np.exp(-distance.sum(-1) / 2) + 1e-3
    return np.asarray(nearness / nearness.sum(1, keepdims=True))


def _stops(loudness: Curve) -> list[float]:
    """Middles (in hops) of short silences inside speech: 40 to 140 ms between two loud parts, as plosives make them."""
    quiet = np.concatenate([[False], loudness < 0.18, [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(int)))
    middles = []
    for start, end in edges.reshape(-1, 2):
        before, after = loudness[max(start - 8, 0) : start], loudness[end : end + 8]
        if 4 <= end - start <= 14 and before.size and after.size and min(before.max(), after.max()) > 0.5:
            middles.append((start + end) / 2)
    return middles


def _accompany(stage: Performance, voice: Voice, generator: np.random.Generator) -> None:
    """Head beats and brows on the loudest syllables, blinks where the voice pauses."""
    slow = gaussian(voice.loudness[:, None], 12.0)[:, 0]
    peaks = np.flatnonzero((slow[1:-1] > slow[:-2]) & (slow[1:-1] >= slow[2:]) & (slow[1:-1] > 0.45)) + 1
    before_s = -1.0
    for peak in peaks:
        at_s = float(peak * _HOP_S)
        if at_s - before_s < 0.6 or generator.random() < 0.4:
            continue
        before_s = at_s
        beat = held(stage.time_s, at_s - 0.25, at_s + 0.45, 0.22, 0.42)
        stage.turn(pitch=-np.radians(generator.uniform(1, 3)) * beat, yaw=np.radians(generator.normal() * 1.2) * beat)
        if generator.random() < 0.5:
            stage.express("browInnerUp", 0.25 * beat)
            stage.express("browOuterUp", 0.2 * beat)
    quiet = np.flatnonzero(slow < 0.12)
    last_s = -2.0
    for at in quiet:
        at_s = float(at * _HOP_S)
        if at_s - last_s > 2.0 and at_s < stage.duration_s - 0.4:
            stage.blink(at_s)
            last_s = at_s
    at_s = last_s if last_s > 0 else 0.0
    while at_s + 4.5 < stage.duration_s and len(quiet) == 0:
        at_s += float(generator.uniform(2.5, 4.5))
        stage.blink(at_s)


def _samples(path: Path) -> NDArray[np.float64]:
    """(S,) mono, 8 kHz, -1..1."""
    if not path.is_file():
        raise UnreadableInputError(f"{path}: there is no such sound file; check the path")
    decoded = run(
        [
            *("-v", "error", *input_arguments(path), "-map", "0:a:0", "-ac", "1", "-ar", str(_RATE_HZ)),
            *("-t", str(_LONGEST_S), "-f", "s16le", "pipe:1"),
        ]
    )
    samples = np.frombuffer(decoded.stdout[: len(decoded.stdout) // 2 * 2], "<i2").astype(np.float64) / 32768
    if decoded.code != 0 or len(samples) == 0:
        raise UnreadableInputError(
            f"{path}: no sound can be read from it ({reason(decoded.messages)}); name a WAV, MP3, M4A or video file"
        )
    return samples
