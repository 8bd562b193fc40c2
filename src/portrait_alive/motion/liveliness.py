"""What a living face does while it does nothing: breathing, sway, blinks, glances."""

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.performance import Performance, saccade, wander

_BREATH_S = 4.2
"""14 breaths a minute, of the 12 to 20 of adults at rest; breathing in takes two fifths (Tobin et al. 1983)."""
_BREATH_LIFT = 0.0045
_BLINK_EVERY_S = 3.6
"""17 blinks a minute at rest (Bentivoglio et al. 1997), intervals log-normal."""
_BLINK_SPREAD = 0.55
_FIXATION_S = (0.8, 2.6)
"""Someone who faces a viewer fixates longer than one who reads."""


def breathe(stage: Performance) -> None:
    """Lift shoulders and head by breathing: whole breaths, so that the motion loops."""
    breaths = max(round(stage.duration_s / _BREATH_S), 1)
    phase = (stage.time_s / stage.duration_s * breaths) % 1.0
    # slow out, quicker in: warp the phase so that the top is reached at two fifths
    warped = np.where(phase < 0.4, phase / 0.8, 0.5 + (phase - 0.4) / 1.2)
    stage.breath += _BREATH_LIFT * (0.5 - 0.5 * np.cos(2 * np.pi * warped))


def sway(stage: Performance, generator: np.random.Generator, *, strength: float = 1.0) -> None:
    """Let the head drift by a degree or so, slower than half a hertz."""
    for axis, degrees in (("yaw", 0.8), ("pitch", 0.5), ("roll", 0.5)):
        drift = np.clip(wander(stage.time_s, stage.duration_s, 0.35, generator), -2.5, 2.5)
        stage.turn(**{axis: strength * np.radians(degrees) * drift})


def blinks(stage: Performance, generator: np.random.Generator, *, every_s: float = _BLINK_EVERY_S) -> list[float]:
    """Blink at natural, irregular times; returns them."""
    times = []
    at = float(generator.uniform(0.5, 1.6))
    while at < stage.duration_s - 0.4:
        stage.blink(at, length=float(generator.uniform(0.85, 1.2)))
        times.append(at)
        if generator.random() < 0.08 and at + 0.8 < stage.duration_s:  # a double blink now and then
            stage.blink(at + 0.38, length=0.85)
        spread = _BLINK_SPREAD
        at += max(float(generator.lognormal(np.log(every_s) - spread**2 / 2, spread)), 0.9)
    return times


def glances(stage: Performance, generator: np.random.Generator) -> None:
    """Small gaze shifts of one to four degrees around the resting direction, and back to it at the end."""
    at_s = float(generator.uniform(0.6, 1.4))
    gaze = np.zeros(2)
    while at_s < stage.duration_s - 0.9:
        home = generator.random() < 0.45
        wanted = np.zeros(2) if home else np.radians(generator.normal(size=2) * [3.0, 1.5])
        _shift(stage, at_s, wanted - gaze)
        gaze = wanted
        at_s += float(generator.uniform(*_FIXATION_S))
    _shift(stage, stage.duration_s - 0.6, -gaze)


def _shift(stage: Performance, at_s: float, step: NDArray[np.float64]) -> None:
    stage.look(right_rad=saccade(stage.time_s, at_s, step[0]), down_rad=saccade(stage.time_s, at_s, step[1]))
    # lids go with the eyes, down more than up
    stage.lower_lids(0.9 * np.clip(saccade(stage.time_s, at_s, step[1]), -0.3, 0.3))
