"""Motions that come with the program: curves after published facts of facial motion, varied by a seed, no video
needed."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from portrait_alive.errors import UsageError
from portrait_alive.motion.liveliness import blinks, breathe, glances, sway
from portrait_alive.motion.performance import Performance, eased, held
from portrait_alive.motion.speech import speak_sound
from portrait_alive.motion.syllables import silent_syllables
from portrait_alive.motion.tracks import LEFT, Motion
from portrait_alive.shape.basis import ShapeBasis

_SLIGHTLY: Final = 0.5
"""Sway of whoever is busy with something else, against that of `idle`."""
_Perform = Callable[[Performance, np.random.Generator], None]


@dataclass(frozen=True)
class BuiltinMotion:
    """One motion that comes with the program."""

    name: str
    description: str
    """One line for a list."""
    seconds: float
    """Length where none is asked for."""
    any_length: bool
    """Whether a longer one goes on; the others are played once and then idle."""


def builtin_motions() -> tuple[BuiltinMotion, ...]:
    """Every built-in motion, in the order of a list."""
    return tuple(entry for entry, _ in _MOTIONS)


def builtin_motion(
    name: str,
    basis: ShapeBasis,
    *,
    seconds: float | None = None,
    fps: Fraction = Fraction(25),
    seed: int = 0,
    sound: Path | None = None,
) -> Motion:
    """A built-in motion. Begins and ends at rest, so that it loops.

    Args:
        name: see `builtin_motions`.
        basis: names the expression shapes.
        seconds: length; None takes the motion's own, or the sound's.
        fps: frames per second.
        seed: of the blinks, glances and sway that make no two performances alike.
        sound: file to speak with (`speak` only); its bytes go into the motion.

    Raises:
        UsageError: no such motion, a length outside 0.2 s .. 1 h, or a sound for a motion that does not speak.
        UnreadableInputError: the sound cannot be read.
    """
    found = {entry.name: (entry, perform) for entry, perform in _MOTIONS}
    if name not in found:
        raise UsageError(f"--motion {name}: there is no such motion; choose one of {', '.join(found)}")
    entry, perform = found[name]
    if sound is not None and name != "speak":
        raise UsageError(f"--motion {name} has no voice; use --motion speak with --sound")
    if seconds is not None and not 0.2 <= seconds <= 3600:
        raise UsageError(f"{seconds:g} s: choose a length from 0.2 s to an hour")
    names = tuple(shape for shape in basis.expression_names if not shape.startswith(("eyeBlink", "eyeWide", "eyeLook")))
    generator = np.random.default_rng([seed, [known for known in found].index(name)])
    if sound is not None:
        return speak_sound(sound, names, fps=fps, seconds=seconds, generator=generator, seed=seed)
    length_s = seconds or entry.seconds
    stage = Performance(name, fps, max(round(length_s * fps), 1), names)
    perform(stage, generator)
    return stage.motion(seed)


def _idle(stage: Performance, generator: np.random.Generator) -> None:
    breathe(stage)
    sway(stage, generator)
    blinks(stage, generator)
    glances(stage, generator)


def _blink(stage: Performance, generator: np.random.Generator) -> None:
    breathe(stage)
    stage.blink(0.3 * min(stage.duration_s, 2.0))


def _smile(stage: Performance, generator: np.random.Generator) -> None:
    """Onset 0.6 s, decay slower (spontaneous smiles: Schmidt, Cohn and Tian 2003), with the cheeks and lids of
    Duchenne's."""
    breathe(stage)
    end = stage.duration_s - 0.2
    curve = held(stage.time_s, 0.25, end, 0.65, 0.9)
    sway(stage, generator, strength=_SLIGHTLY)
    swell = 1 + 0.06 * np.sin(2 * np.pi * 0.35 * stage.time_s)
    for shape, weight in (("mouthSmile", 0.78), ("cheekSquint", 0.45), ("mouthDimple", 0.12), ("mouthUpperUp", 0.1)):
        stage.express(shape, weight * curve * swell)
    # smiles are a little stronger on one side (Skinner and Mullen 1991), and the head leans that way
    side = int(generator.choice([-1, 1]))
    stage.express("mouthSmile_L" if side > 0 else "mouthSmile_R", 0.08 * curve)
    stage.express("eyeSquint", 0.35 * curve)
    stage.lower_lids(0.16 * curve)
    stage.turn(pitch=np.radians(2.0) * curve, roll=np.radians(2.2) * curve * side)
    stage.blink(max(end - 1.0, 0.4))


def _nod(stage: Performance, generator: np.random.Generator) -> None:
    """Two or three dips of falling size at about 1.3 a second (nods of agreement: Hadar, Steiner and Rose 1985)."""
    breathe(stage)
    sway(stage, generator, strength=_SLIGHTLY)
    period = 0.75
    count = max(int((stage.duration_s - 0.5) / period), 1)
    for at in range(min(count, 3)):
        start = 0.25 + at * period
        dip = held(stage.time_s, start, start + period, 0.3, 0.42)
        stage.turn(pitch=-np.radians(11.0 * 0.72**at) * dip)
        # the eyes stay where they looked while the head moves (vestibulo-ocular reflex)
        stage.look(down_rad=-np.radians(8.0 * 0.72**at) * dip)
    stage.express("mouthSmile", 0.12 * held(stage.time_s, 0.2, stage.duration_s - 0.1, 0.5, 0.6))
    stage.blink(0.25 + period * 0.9)


def _shake(stage: Performance, generator: np.random.Generator) -> None:
    """A decaying turn from side to side at 1.4 a second (Hadar, Steiner and Rose 1985)."""
    breathe(stage)
    sway(stage, generator, strength=_SLIGHTLY)
    length = max(stage.duration_s - 0.4, 0.2)
    inside = np.clip((stage.time_s - 0.2) / length, 0, 1)
    envelope = held(stage.time_s, 0.2, 0.2 + length, min(0.35, length / 2), min(0.7, length / 2))
    swing = np.sin(2 * np.pi * round(max(1.4 * length, 1)) * inside) * envelope * (1 - 0.35 * inside)
    stage.turn(yaw=np.radians(14) * swing, roll=-np.radians(1.5) * swing)
    stage.look(right_rad=-np.radians(9) * swing)
    stage.express("browDown", 0.2 * envelope)
    stage.express("mouthPress", 0.15 * envelope)


def _look_around(stage: Performance, generator: np.random.Generator) -> None:
    """Gaze shifts in which the eyes leap first, the head follows and the eyes then roll back (Freedman and Sparks
    1997)."""
    breathe(stage)
    sway(stage, generator, strength=_SLIGHTLY)
    places = [(22.0, 2.0), (-20.0, 4.0), (-8.0, -8.0), (0.0, 0.0)]
    if generator.random() < 0.5:
        places = [(-x, y) for x, y in places]
    dwell = max((stage.duration_s - 0.4) / len(places), 0.3)
    at = np.zeros(2)
    for number, (x, y) in enumerate(places):
        start = 0.3 + number * dwell
        step = np.radians([x, y]) - at
        head_s = 0.30 + 0.012 * float(np.degrees(np.linalg.norm(step)))
        head = 0.7 * eased((stage.time_s - start - 0.07) / min(head_s, dwell * 0.9))
        stage.turn(yaw=step[0] * head, pitch=step[1] * head)
        eye = eased((stage.time_s - start) / 0.06) - head
        stage.look(right_rad=step[0] * eye, down_rad=-step[1] * eye)
        if np.degrees(np.linalg.norm(step)) > 15:  # large gaze shifts bring a blink along (Evinger et al. 1994)
            stage.blink(start - 0.02, length=0.9)
        at = np.radians([x, y])


def _surprise(stage: Performance, generator: np.random.Generator) -> None:
    """Brows, upper lids and jaw within 0.3 s; the briefest of expressions (Ekman and Friesen 1975: AU 1, 2, 5, 26)."""
    breathe(stage)
    sway(stage, generator, strength=_SLIGHTLY)
    end = min(stage.duration_s - 0.1, 2.4)
    curve = held(stage.time_s, 0.3, end, 0.28, 0.9)
    for shape, weight in (("browInnerUp", 0.8), ("browOuterUp", 0.75), ("jawOpen", 0.32), ("mouthFunnel", 0.12)):
        stage.express(shape, weight * curve)
    stage.lower_lids(-0.32 * curve)
    stage.turn(pitch=np.radians(4) * curve)
    stage.blink(end + 0.05 if end + 0.5 < stage.duration_s else 0.02)


def _wink(stage: Performance, generator: np.random.Generator) -> None:
    """One eye, twice as slow as a blink, with the cheek and the mouth's corner of its side."""
    breathe(stage)
    sway(stage, generator, strength=_SLIGHTLY)
    start = min(0.45, 0.25 * stage.duration_s)
    curve = held(stage.time_s, start, start + 0.62, 0.16, 0.3)
    stage.lower_lids(curve, (LEFT,))
    warm = held(stage.time_s, start - 0.2, min(start + 1.4, stage.duration_s), 0.4, 0.7)
    for shape, weight in (("cheekSquint_L", 0.55), ("mouthSmile_L", 0.42), ("mouthSmile_R", 0.2), ("browDown_L", 0.25)):
        stage.express(shape, weight * (curve if shape == "browDown_L" else warm))
    stage.turn(roll=np.radians(3.5) * warm, pitch=-np.radians(1.5) * warm)


def _laugh(stage: Performance, generator: np.random.Generator) -> None:
    """Notes of 75 ms every 210 ms that fade (Provine and Yong 1991), head back, eyes narrowed."""
    breathe(stage)
    sway(stage, generator, strength=_SLIGHTLY)
    end = stage.duration_s - 0.25
    curve = held(stage.time_s, 0.25, end, 0.5, 1.0)
    bout = held(stage.time_s, 0.6, max(end - 0.4, 0.9), 0.25, 0.8)
    phase = (stage.time_s - 0.6) / 0.21
    note = 0.5 - 0.5 * np.cos(2 * np.pi * phase)
    fading = np.exp(-np.clip(stage.time_s - 0.6, 0, None) / 2.5)
    for shape, weight in (("mouthSmile", 0.75), ("cheekSquint", 0.55), ("mouthUpperUp", 0.25), ("noseSneer", 0.1)):
        stage.express(shape, weight * curve)
    stage.express("jawOpen", 0.14 * curve + 0.16 * bout * note * fading)
    stage.express("eyeSquint", 0.5 * curve)
    stage.lower_lids(0.42 * curve)
    stage.turn(
        pitch=np.radians(5) * curve + np.radians(1.6) * bout * note * fading,
        roll=np.radians(2.5) * curve * generator.choice([-1, 1]),
    )
    stage.breath += 0.004 * bout * note * fading


def _speak(stage: Performance, generator: np.random.Generator) -> None:
    breathe(stage)
    sway(stage, generator)
    silent_syllables(stage, generator)
    glances(stage, generator)


_MOTIONS: Final[tuple[tuple[BuiltinMotion, _Perform], ...]] = (
    (BuiltinMotion("idle", "Breathes, sways a little, blinks and glances; any length.", 8.0, True), _idle),
    (BuiltinMotion("blink", "Blinks once.", 2.0, False), _blink),
    (BuiltinMotion("smile", "Smiles with eyes and cheeks, and lets go.", 4.0, False), _smile),
    (BuiltinMotion("nod", "Nods three times.", 3.0, False), _nod),
    (BuiltinMotion("shake", "Shakes the head.", 3.0, False), _shake),
    (
        BuiltinMotion("look-around", "Looks to both sides and back; the eyes lead, the head follows.", 6.0, False),
        _look_around,
    ),
    (BuiltinMotion("surprise", "Raises brows and lids, drops the jaw.", 3.0, False), _surprise),
    (BuiltinMotion("wink", "Winks with the left eye.", 2.5, False), _wink),
    (BuiltinMotion("laugh", "Laughs without a sound.", 4.0, False), _laugh),
    (BuiltinMotion("speak", "Speaks: silent syllables, or the words of --sound.", 6.0, True), _speak),
)
