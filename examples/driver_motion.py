"""The motion and the voice of the example driver, in step with each other."""

import numpy as np

from portrait_alive.heads.frame import Camera, Frame, expression_of
from portrait_alive.types import Float

FPS = 25
SECONDS = 6.0
RATE = 24_000
"""Sound samples a second."""

SYLLABLES = (
    # start s, length s, jaw, lip rounding, stretch, (first, second formant Hz), pitch Hz
    (1.30, 0.20, 0.42, 0.0, 0.1, (700, 1200), 128.0),
    (1.52, 0.17, 0.20, 0.0, 0.6, (350, 2200), 136.0),
    (1.72, 0.24, 0.30, 0.8, 0.0, (420, 850), 130.0),
    (2.02, 0.20, 0.50, 0.0, 0.2, (750, 1250), 122.0),
    (2.26, 0.26, 0.18, 0.9, 0.0, (320, 800), 112.0),
    (2.80, 0.18, 0.35, 0.1, 0.4, (520, 1800), 132.0),
    (3.00, 0.20, 0.48, 0.0, 0.2, (720, 1150), 126.0),
    (3.24, 0.28, 0.22, 0.0, 0.7, (300, 2300), 116.0),
)


def keyed(time: float, keys: tuple[tuple[float, float], ...]) -> float:
    """The value at `time` on a smooth curve through (time, value) keys; held before the first and after the last."""
    times = [one for one, _ in keys]
    values = [one for _, one in keys]
    right = int(np.clip(np.searchsorted(times, time), 1, len(keys) - 1))
    left = right - 1
    t = float(np.clip((time - times[left]) / (times[right] - times[left]), 0, 1))
    t = t * t * (3 - 2 * t)
    return values[left] * (1 - t) + values[right] * t


def pulse(time: float, start: float, length: float) -> float:
    """A smooth rise and fall in 0..1 over `length` seconds from `start`."""
    t = (time - start) / length
    return float(np.sin(np.pi * t) ** 2) if 0 < t < 1 else 0.0


def blink(time: float, at: float) -> float:
    """Lid closure in 0..1: shut in 80 ms, shut for 60 ms, open again in 160 ms."""
    return keyed(time, ((at, 0.0), (at + 0.08, 1.0), (at + 0.14, 1.0), (at + 0.30, 0.0)))


YAW = ((0.0, 0.0), (0.5, 0.02), (1.3, 0.10), (2.1, -0.06), (2.9, 0.05), (3.6, 0.0), (4.2, 0.38), (4.6, 0.36),
       (5.2, -0.22), (5.6, -0.18), (6.0, 0.0))  # fmt: skip
PITCH = ((0.0, 0.0), (0.55, 0.0), (0.80, -0.17), (1.05, 0.05), (1.25, -0.09), (1.5, 0.0), (2.4, 0.05), (3.4, -0.03),
         (4.4, 0.04), (5.2, -0.03), (6.0, 0.0))  # fmt: skip
ROLL = ((0.0, 0.0), (1.4, 0.05), (2.5, -0.06), (3.4, 0.07), (4.4, -0.03), (5.3, 0.04), (6.0, 0.0))
GAZE_YAW = ((0.0, 0.0), (0.35, 0.0), (0.40, 0.0), (2.40, 0.0), (2.46, -0.30), (2.72, -0.30), (2.78, 0.0), (3.80, 0.0),
            (3.86, 0.34), (4.05, 0.0), (4.9, 0.0), (4.96, -0.25), (5.3, 0.1), (6.0, 0.0))  # fmt: skip
GAZE_PITCH = ((0.0, 0.0), (2.40, 0.0), (2.46, 0.18), (2.72, 0.18), (2.78, 0.0), (6.0, 0.0))
SMILE = ((0.0, 0.05), (3.4, 0.05), (4.0, 0.85), (5.1, 0.8), (5.8, 0.1), (6.0, 0.05))
BROWS = ((0.0, 0.0), (1.2, 0.05), (1.5, 0.5), (2.0, 0.1), (2.75, 0.1), (3.0, 0.6), (3.5, 0.05), (4.1, 0.2), (6.0, 0.0))
BLINKS = (0.45, 2.38, 3.72, 5.12)


def moments(names: tuple[str, ...], camera: Camera) -> list[Frame]:
    """The driver's frames: a neutral start, a nod, speech with glances, a smile on a turn, and back."""
    frames = []
    for number in range(int(SECONDS * FPS)):
        time = number / FPS
        jaw = round_lips = stretch = 0.0
        for start, length, opening, rounding, wide, _, _ in SYLLABLES:
            # the mouth is on its way before the sound
            weight = pulse(time, start - 0.05, length + 0.08)
            jaw, round_lips, stretch = jaw + opening * weight, round_lips + rounding * weight, stretch + wide * weight
        smile = keyed(time, SMILE)
        shut = max(blink(time, at) for at in BLINKS)
        brows = keyed(time, BROWS)
        breath = float(np.sin(2 * np.pi * time / 3.4))
        expression = expression_of(
            names,
            {
                "jawOpen": min(jaw + 0.10 * smile, 1.0),
                "mouthFunnel": 0.6 * min(round_lips, 1.0),
                "mouthPucker": 0.5 * min(round_lips, 1.0),
                "mouthStretch": 0.4 * min(stretch, 1.0),
                "mouthLowerDown": min(0.5 * jaw + 0.25 * smile, 1.0),
                "mouthUpperUp": min(0.2 * jaw + 0.30 * smile, 1.0),
                "mouthSmile": smile,
                "cheekSquint": 0.6 * smile,
                "eyeSquint": 0.35 * smile,
                "browInnerUp": brows,
                "browOuterUp": 0.7 * brows,
                "eyeWide": 0.25 * brows,
                "eyeBlink": shut,
            },
        )
        frames.append(
            Frame(
                expression=expression,
                gaze=(keyed(time, GAZE_YAW), keyed(time, GAZE_PITCH)),
                vergence=0.02,
                yaw=keyed(time, YAW) + 0.008 * float(np.sin(2.1 * time)),
                pitch=keyed(time, PITCH) + 0.006 * float(np.sin(2.9 * time)),
                roll=keyed(time, ROLL),
                body_yaw=0.15 * keyed(time, YAW),
                shift=(0.15 * float(np.sin(0.9 * time)), -0.08 * breath, 0.0),
                camera=camera,
            )
        )
    return frames


def voice() -> tuple[Float, int]:
    """(N,) samples in -1..1 and their rate: a hummed sentence, each syllable a vowel made of two formants."""
    count = int(SECONDS * RATE)
    time = np.arange(count) / RATE
    out = np.zeros(count)
    for start, length, _, _, _, formants, pitch in SYLLABLES:
        t = (time - start) / length
        inside = (t > 0) & (t < 1)
        loud = np.where(inside, np.sin(np.pi * np.clip(t, 0, 1)) ** 0.6, 0)
        phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.06 * np.sin(np.pi * np.clip(t, 0, 1)))) / RATE
        for harmonic in range(1, 28):
            hertz = harmonic * pitch
            gain = sum(1 / (1 + ((hertz - one) / (60 + 0.06 * one)) ** 2) for one in formants) + 0.03
            out += loud * gain / harmonic**0.5 * np.sin(harmonic * phase)
        # a breath of noise at the onset stands for the consonant
        burst = np.where((time > start - 0.04) & (time < start + 0.01), 1.0, 0.0)
        out += 0.25 * burst * np.random.default_rng(int(start * 1000)).standard_normal(count)
    return (0.5 * out / np.abs(out).max()).astype(np.float32), RATE
