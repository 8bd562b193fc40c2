"""A stage on which built-in motions are put together from gestures: blinks, glances, turns, expressions over time.

Timings are published facts of facial motion; each gesture names its source.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.angles import matrix_of
from portrait_alive.motion.tracks import LEFT, RIGHT, Motion, motion_at_rest

Curve = NDArray[np.float64]
"""(T,) a value per frame."""

GAZE_PER_RAD = 0.83
"""Iris travel in half-widths of the eye per radian: eyeball radius 12 mm over half a palpebral fissure of 14.5 mm."""
_NECK_PIVOT = np.array([0.0, 4.0, 1.5])
"""Where a head turns (model units from the head model's origin): the top of the neck."""
_BLINK_CLOSING_S, _BLINK_SHUT_S, _BLINK_OPENING_S = 0.08, 0.03, 0.19
"""A spontaneous blink: down in some 80 ms, up in about twice that (Evinger, Manning and Sibony 1991; VanderWerf et
al. 2003)."""


@dataclass(eq=False)
class Performance:
    """Tracks that are being filled."""

    name: str
    fps: Fraction
    frames: int
    expression_names: tuple[str, ...]

    def __post_init__(self) -> None:
        self.time_s: Curve = np.arange(self.frames) / float(self.fps)
        self.shapes = np.zeros((self.frames, len(self.expression_names)))
        self.angles = np.zeros((self.frames, 3))
        self.open = np.ones((self.frames, 2))
        self.eyes = np.zeros((self.frames, 2))
        self.contact = np.zeros(self.frames)
        self.breath = np.zeros(self.frames)

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return float(self.frames / self.fps)

    def express(self, shape: str, curve: Curve | float) -> None:
        """Add to an expression shape: to both sides where only the name without _L or _R is given."""
        found = [at for at, name in enumerate(self.expression_names) if name in (shape, f"{shape}_L", f"{shape}_R")]
        if not found:
            raise ValueError(f"no expression shape {shape}")
        self.shapes[:, found] += np.asarray(curve)[..., None]

    def turn(self, *, yaw: Curve | float = 0.0, pitch: Curve | float = 0.0, roll: Curve | float = 0.0) -> None:
        """Add to the head's rotation, radians; the head turns about the top of the neck."""
        self.angles += np.stack(np.broadcast_arrays(yaw, pitch, roll, self.time_s)[:3], 1)

    def look(self, *, right_rad: Curve | float = 0.0, down_rad: Curve | float = 0.0) -> None:
        """Add to the gaze, radians in the head's frame, towards the viewer's right and down."""
        both = np.stack(np.broadcast_arrays(right_rad, down_rad, self.time_s)[:2], 1)
        self.eyes += GAZE_PER_RAD * both

    def lower_lids(self, amount: Curve, eyes: tuple[int, ...] = (RIGHT, LEFT)) -> None:
        """Close the lids by `amount` (0 nothing, 1 shut; below 0 widens), on top of what they do already."""
        for eye in eyes:
            self.open[:, eye] *= 1.0 - amount

    def blink(self, at_s: float, *, length: float = 1.0, eyes: tuple[int, ...] = (RIGHT, LEFT)) -> None:
        """A full blink whose lids begin to fall at `at_s`; `length` stretches its 0.3 s."""
        self.lower_lids(blink_curve(self.time_s - at_s, length), eyes)

    def motion(self, seed: int) -> Motion:
        """What was performed."""
        rest = motion_at_rest(self.frames, self.fps, self.expression_names)
        moved = _NECK_PIVOT - matrix_of(self.angles.astype(np.float32)) @ _NECK_PIVOT
        jaw = self.shapes[:, self.expression_names.index("jawOpen")]
        return replace(
            rest,
            rotation=self.angles.astype(np.float32),
            translation=moved[:, :2].astype(np.float32),
            expression=self.shapes.astype(np.float32),
            lids=np.clip(self.open, 0.0, 1.6).astype(np.float32),
            gaze=np.repeat(self.eyes[:, None], 2, 1).astype(np.float32),
            mouth=(0.5 * np.clip(jaw, 0, None) * (1 - np.clip(self.contact, 0, 1))).astype(np.float32),
            contact=np.clip(self.contact, 0.0, 1.0).astype(np.float32),
            body=np.clip(self.breath, 0.0, 0.01).astype(np.float32),
            provenance={"kind": "built-in", "name": self.name, "seed": str(seed)},
        )


def blink_curve(since_s: Curve, length: float = 1.0) -> Curve:
    """Closure (0..1) at times since the lids began to fall."""
    closing, shut, opening = (length * part for part in (_BLINK_CLOSING_S, _BLINK_SHUT_S, _BLINK_OPENING_S))
    down = eased(since_s / closing)
    up = eased((since_s - closing - shut) / opening)
    return np.asarray(down - up)


def eased(at: Curve) -> Curve:
    """0 before 0, 1 after 1, minimum-jerk in between (Flash and Hogan 1985)."""
    inside = np.clip(at, 0.0, 1.0)
    return np.asarray(inside**3 * (10 - 15 * inside + 6 * inside**2))


def held(time_s: Curve, start_s: float, end_s: float, rise_s: float, fall_s: float) -> Curve:
    """0, rising from `start_s` within `rise_s` to 1, and fallen to 0 again at `end_s`."""
    return np.asarray(eased((time_s - start_s) / rise_s) - eased((time_s - end_s + fall_s) / fall_s))


def saccade(time_s: Curve, start_s: float, amplitude_rad: float) -> Curve:
    """A step of gaze on the main sequence: 2.2 ms a degree and 21 ms (Bahill, Clark and Stark 1975; Carpenter 1988)."""
    length_s = (2.2 * abs(np.degrees(amplitude_rad)) + 21.0) / 1000.0
    return np.asarray(amplitude_rad * eased((time_s - start_s) / length_s))


def wander(time_s: Curve, duration_s: float, fastest_hz: float, generator: np.random.Generator) -> Curve:
    """A slow random drift with standard deviation about 1 and zero at both ends, where it also meets itself: it loops.

    Harmonics of the duration up to `fastest_hz`, amplitudes falling as 1/f, like standing sway (Collins and De Luca
    1993).
    """
    harmonics = np.arange(1, max(int(fastest_hz * duration_s), 2) + 1)
    strength = generator.normal(size=len(harmonics)) / harmonics
    phases = generator.uniform(0, 2 * np.pi, len(harmonics))
    angle = 2 * np.pi * np.outer(time_s / duration_s, harmonics) + phases
    drift = np.sin(angle) @ strength - np.sin(phases) @ strength
    spread = float(np.sqrt((strength**2).sum() / 2))
    return np.asarray(drift / max(spread, 1e-6))
