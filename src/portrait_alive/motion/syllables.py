"""Silent speech: syllables whose mouths open and close in the rhythm of talking."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from portrait_alive.motion.performance import Curve, Performance, eased, held

_SYLLABLES_HZ = 4.6
"""Syllables a second; mouths of speakers open and close at 2 to 7 Hz (Chandrasekaran et al. 2009)."""
_PHRASE_S = (1.2, 2.4)
_PAUSE_S = (0.35, 0.7)
_CLOSURE_SHARE = 0.3
"""Of the syllables begin with lips together (p, b, m)."""

VOWELS: Final[dict[str, dict[str, float]]] = {
    "a": {"jawOpen": 0.34, "mouthLowerDown": 0.14, "mouthUpperUp": 0.05},
    "e": {"jawOpen": 0.20, "mouthStretch": 0.22, "mouthSmile": 0.10, "mouthLowerDown": 0.12},
    "i": {"jawOpen": 0.10, "mouthStretch": 0.24, "mouthSmile": 0.18, "mouthLowerDown": 0.12},
    "o": {"jawOpen": 0.22, "mouthFunnel": 0.42, "mouthPucker": 0.12},
    "u": {"jawOpen": 0.09, "mouthPucker": 0.50, "mouthFunnel": 0.18},
}
"""Lips and jaw of the five vowels, as weights of expression shapes."""


@dataclass(frozen=True)
class _Syllable:
    start_s: float
    length_s: float
    vowel: str
    strength: float
    has_closure: bool


def silent_syllables(stage: Performance, generator: np.random.Generator) -> None:
    """Fill the stage with phrases of syllables, pauses, beats of the head and blinks in the pauses; ends with closed
    lips."""
    at = 0.35
    while at < stage.duration_s - 0.7:
        end = min(at + float(generator.uniform(*_PHRASE_S)), stage.duration_s - 0.35)
        _phrase(stage, at, end, generator)
        # speakers blink at the ends of phrases (Nakano and Kitazawa 2010)
        if generator.random() < 0.75 and end + 0.35 < stage.duration_s:
            stage.blink(end - 0.05)
        at = end + float(generator.uniform(*_PAUSE_S))


def _phrase(stage: Performance, start_s: float, end_s: float, generator: np.random.Generator) -> None:
    at = start_s
    syllables = []
    while at < end_s - 0.08:
        length = min(float(generator.lognormal(np.log(1 / _SYLLABLES_HZ), 0.22)), end_s - at)
        syllables.append(
            _Syllable(
                at,
                max(length, 0.09),
                str(generator.choice(list(VOWELS), p=[0.3, 0.22, 0.18, 0.18, 0.12])),
                float(generator.uniform(0.6, 1.1)),
                bool(generator.random() < _CLOSURE_SHARE),
            )
        )
        at += length
    for syllable in syllables:
        _articulate(stage, syllable)
    if not syllables:
        return
    # one syllable of a phrase is stressed: a beat of the head and the brows (Munhall et al. 2004)
    stressed = syllables[int(generator.integers(len(syllables)))]
    beat = held(stage.time_s, stressed.start_s - 0.12, stressed.start_s + 0.5, 0.2, 0.4)
    stage.turn(pitch=-np.radians(generator.uniform(1.5, 3.5)) * beat, yaw=np.radians(generator.normal() * 1.5) * beat)
    brows = 0.3 * float(generator.random()) * held(stage.time_s, start_s - 0.1, end_s, 0.3, 0.5)
    stage.express("browInnerUp", brows)
    stage.express("browOuterUp", 0.8 * brows)


def _articulate(stage: Performance, syllable: _Syllable) -> None:
    middle = syllable.start_s + 0.55 * syllable.length_s
    # each vowel reaches into its neighbours: coarticulation
    window = _bell(stage.time_s, middle, 0.62 * syllable.length_s)
    for shape, weight in VOWELS[syllable.vowel].items():
        stage.express(shape, syllable.strength * weight * window)
    if syllable.has_closure:
        close_lips(stage, syllable.start_s, 0.055)


def close_lips(stage: Performance, at_s: float, half_s: float) -> None:
    """Press the lips together around a moment: a plosive, held for `half_s` to either side; at least one frame is
    shut."""
    reach = max(half_s, 0.51 / float(stage.fps))
    rise = 0.05
    shut = eased((stage.time_s - at_s + reach + rise) / rise) - eased((stage.time_s - at_s - reach) / rise)
    stage.contact = np.maximum(stage.contact, shut)


def _bell(time_s: Curve, middle_s: float, half_s: float) -> Curve:
    away = np.clip(np.abs(time_s - middle_s) / half_s, 0.0, 1.0)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * away))
