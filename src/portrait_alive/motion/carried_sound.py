"""The sound in a motion file, cut, joined, stretched and looped as the motion is. Encoded anew each time, as AAC."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.ffmpeg import file_argument, run
from portrait_alive.media.streams import input_arguments, reason

_BIT_RATE: Final = "160k"
_STEREO: Final = "aformat=sample_rates=48000:channel_layouts=stereo"
_FROM_ZERO: Final = f"aresample=async=1:first_pts=0,{_STEREO}"
"""A sound that begins late is led in by silence, so that it stays in step."""
_LEAST_S: Final = 0.02
"""Shorter than this nothing is heard, and no encoder is asked for it."""


def sound_part(sound: bytes, start_s: float, end_s: float) -> bytes | None:
    """The part from `start_s` to `end_s`, padded with silence where the sound is over before; None for less than
    20 ms.

    Raises:
        UnreadableInputError: the sound cannot be decoded; so for all functions here.
    """
    if end_s - start_s < _LEAST_S:
        return None
    return _filtered([sound], f"[0:a:0]{_FROM_ZERO},apad,{_cut(start_s, end_s)}[out]")


def sound_retimed(sound: bytes, speed: float, seconds: float) -> bytes:
    """The sound `speed` times as fast at its own pitch, over `seconds`."""
    steps = []
    left = speed
    while not 0.5 <= left <= 2.0:  # a single step of the filter is cleanest within an octave
        step = 0.5 if left < 0.5 else 2.0
        steps.append(f"atempo={step}")
        left /= step
    steps.append(f"atempo={left:.6f}")
    return _filtered([sound], f"[0:a:0]{_FROM_ZERO},{','.join(steps)},apad,{_cut(0.0, seconds)}[out]")


def sound_joined(parts: Sequence[tuple[bytes | None, float]], overlaps_s: Sequence[float]) -> bytes | None:
    """Sounds one after the other, each over its own length, faded into the next over the seam.

    Args:
        parts: sound (None: silence) and seconds of each motion.
        overlaps_s: seconds that each seam is long, one fewer than the parts.

    Returns:
        The sound, None where no part has one.
    """
    sounds = [sound for sound, _ in parts if sound is not None]
    if not sounds:
        return None
    graph, taken = [], 0
    for at, (sound, seconds) in enumerate(parts):
        if sound is None:
            start = f"anullsrc=r=48000:cl=stereo,{_STEREO}"
        else:
            start, taken = f"[{taken}:a:0]{_FROM_ZERO},apad", taken + 1
        graph.append(f"{start},{_cut(0.0, seconds)}[p{at}]")
    before = "p0"
    for at, overlap in enumerate(overlaps_s, 1):
        how = f"acrossfade=d={overlap:.6f}" if overlap >= _LEAST_S else "concat=n=2:v=0:a=1"
        graph.append(f"[{before}][p{at}]{how}[j{at}]")
        before = f"j{at}"
    graph.append(f"[{before}]anull[out]")
    return _filtered(sounds, ";".join(graph))


def sound_looped(sound: bytes, seconds: float, overlap_s: float) -> bytes:
    """The first `seconds` less `overlap_s`, its beginning faded out of the end that it follows in a loop."""
    kept = seconds - overlap_s
    graph = (
        f"[0:a:0]{_FROM_ZERO},apad,{_cut(0.0, seconds)},asplit=3[a][b][c];"
        f"[a]{_cut(kept, seconds)}[tail];[b]{_cut(0.0, overlap_s)}[head];[c]{_cut(overlap_s, kept)}[rest];"
        f"[tail]afade=t=out:d={overlap_s:.6f}[fading];[head]afade=t=in:d={overlap_s:.6f}[coming];"
        "[fading][coming]amix=inputs=2:duration=longest:normalize=0[seam];[seam][rest]concat=n=2:v=0:a=1[out]"
    )
    return _filtered([sound], graph)


def _cut(start_s: float, end_s: float) -> str:
    return f"atrim=start={start_s:.6f}:end={end_s:.6f},asetpts=PTS-STARTPTS"


def _filtered(sounds: Sequence[bytes], graph: str) -> bytes:
    with TemporaryDirectory(prefix="portrait-alive-") as folder:
        inputs: list[str] = []
        for at, sound in enumerate(sounds):
            path = Path(folder) / f"{at}.sound"
            path.write_bytes(sound)
            inputs += input_arguments(path)
        target = Path(folder) / "edited.m4a"
        finished = run(
            [
                *("-v", "error", *inputs, "-filter_complex", graph, "-map", "[out]", "-map_metadata", "-1"),
                *("-c:a", "aac", "-b:a", _BIT_RATE, file_argument(target)),
            ]
        )
        if finished.code != 0 or not target.is_file():
            raise UnreadableInputError(
                f"the sound in the motion cannot be edited ({reason(finished.messages)}); track the driver again "
                "without --with-sound"
            )
        return target.read_bytes()
