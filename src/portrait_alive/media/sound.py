"""The driver's sound, cut to the picture's span and joined to it, in step at start and end.

Time runs as in clips: 0 is the file's beginning, be it sound or picture that begins there. A sound that begins later
(an edit list, a camera that opens its microphone late) is led in by silence, so it keeps its distance to the picture.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.ffmpeg import file_argument, run
from portrait_alive.media.frame_pipe import encoder_failure
from portrait_alive.media.streams import Streams, input_arguments, read_streams, reason

Container = Literal["mp4", "mov", "webm"]

BIT_RATE = "192k"

OUTLASTS_S = 0.05
"""Seconds by which the sound of a whole clip may outlast its picture: its last packet does."""

LEAD_S = 10
"""Seconds that are decoded before the beginning of a part."""

UNSEEN = ("-map", "1:V:0?", "-t", "1", "-c", "copy", "-f", "null", "-")
"""Output arguments that use the driver's picture, and do nothing with it, so that time counts from its beginning."""


@dataclass(frozen=True)
class SoundTrack:
    """The sound of a file, from a moment on."""

    path: Path
    start: Fraction = Fraction(0)
    """Seconds from the file's beginning that go with the output's first frame."""


def find_sound(path: Path, *, start: Fraction | float = 0, fps: Fraction | None = None) -> SoundTrack | None:
    """The sound of the clip at `path` from `start` seconds on; None where it has none.

    Args:
        fps: rate at which its frames are read: `start` snaps to a frame, as it does there.

    Raises:
        UnreadableInputError: the file cannot be read.
    """
    if read_streams(path).sound is None:
        return None
    snapped = Fraction(round(start * fps)) / fps if fps else Fraction(start).limit_denominator(1_000_000)
    return SoundTrack(path, snapped)


def add_sound(
    video: Path, track: SoundTrack, target: Path, *, duration: Fraction, container: Container, tags: list[str]
) -> None:
    """Write `target`: the picture of `video` copied, the sound of `track` over exactly `duration` seconds.

    AAC that is used whole is copied into mp4 and mov; everything else is encoded anew, as AAC or Opus: packets cannot
    be cut, and those of a telephone's sound are longer than a frame.

    Args:
        video: a finished file without sound.
        duration: of the picture, in seconds.
        tags: output arguments with the container's metadata.

    Raises:
        UnreadableInputError: the sound cannot be decoded.
        OutputError: the file cannot be written.
    """
    streams = read_streams(track.path)
    is_whole = track.start == 0 and streams.duration is not None and streams.duration < float(duration) + OUTLASTS_S
    copied = container != "webm" and is_whole and _copies_well(streams)
    # Seeking in sound is rough in some containers: it only saves decoding what lies far before the beginning.
    seek = max(Fraction(0), track.start - LEAD_S) if not streams.restarts_clock else Fraction(0)
    sound = ["-c:a", "copy", "-t", _seconds(duration)] if copied else _encoded(container, track.start - seek, duration)
    finished = run(
        [
            *("-v", "error", "-i", file_argument(video)),
            *input_arguments(track.path, *(["-ss", _seconds(seek)] if seek else [])),
            *("-map", "0:v:0", "-map", "1:a:0", "-c:v", "copy", *sound),
            # Nothing else of the driver passes on: its tags may hold the place, the time and the owner.
            *("-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1", *tags),
            *("-f", container, *(["-movflags", "+faststart"] if container != "webm" else [])),
            *("-y", file_argument(target)),
            *(UNSEEN if streams.restarts_clock else ()),
        ]
    )
    if finished.code == 0:
        return
    failure = encoder_failure(target, finished.messages)
    if "disk is full" in str(failure):
        raise failure
    raise UnreadableInputError(f"{track.path}: its sound cannot be used ({reason(finished.messages)})")


def _encoded(container: Container, start: Fraction, duration: Fraction) -> list[str]:
    codec = ["-c:a", "libopus", "-b:a", "128k"] if container == "webm" else ["-c:a", "aac", "-b:a", BIT_RATE]
    # first_pts fills a late beginning with silence; async keeps later gaps as long as they were.
    cut = f"atrim=start={_seconds(start)}:end={_seconds(start + duration)},asetpts=PTS-{_seconds(start)}/TB"
    return [*codec, "-af", f"aresample=async=1:first_pts=0,{cut}", "-ac", "2"]


def _copies_well(streams: Streams) -> bool:
    """Whether the sound is AAC and begins with the file; anything else is safer encoded anew."""
    if streams.sound is None or streams.sound.codec != "aac" or streams.restarts_clock:
        return False
    shown = run(
        [
            *("-v", "info", *input_arguments(streams.path), "-map", "0:a:0", "-af", "ashowinfo"),
            *("-frames:a", "1", "-f", "null", "-"),
        ]
    )
    first = re.search(r"pts_time:(-?[\d.]+)", shown.messages)
    return shown.code == 0 and first is not None and abs(float(first[1])) < 0.001


def _seconds(value: Fraction) -> str:
    return f"{float(value):.9f}"
