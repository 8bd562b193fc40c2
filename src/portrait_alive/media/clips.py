"""Moving pictures in: what a clip is, and its frames, streamed.

Every clip is delivered upright, with square pixels, in 8-bit sRGB and at a constant rational rate. The rate is
reached by time stamps, never by counting: a phone's clip of variable rate keeps its length, so sound stays in step.
Frame i of a clip is what a player shows at i / fps seconds after the file's beginning, sound or picture, whichever
is first.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from portrait_alive.errors import UnreadableInputError, UsageError
from portrait_alive.media.colour import to_srgb_filters
from portrait_alive.media.ffmpeg import running
from portrait_alive.media.streams import Streams, VideoStream, input_arguments, read_streams, reason
from portrait_alive.types import Bytes, ClipInfo

STANDARD_RATES = tuple(
    sorted(
        [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)]
        + [Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60)]
    )
)
"""Frames a second that a clip of variable or odd rate may be delivered at."""

MAX_RATE = Fraction(60)
"""Clips faster than this (slow motion) are delivered at a whole fraction of their rate."""


UNHEARD = ("-map", "0:a:0", "-t", "1", "-c", "copy", "-f", "null", "-")
"""Output arguments that use the sound, and do nothing with it, so that time is counted from its beginning, too."""


def probe(path: Path, *, max_side: int | None = None) -> ClipInfo:
    """What is known of the clip at `path` before its frames are read.

    Args:
        max_side: longest side, in pixels, of the delivered frames; larger ones are reduced while decoding.

    Raises:
        UnreadableInputError: missing, empty, damaged, sound alone, or not a video.
    """
    return open_clip(path).info(max_side=max_side)


def read_frames(
    path: Path,
    *,
    start: Fraction | float = 0,
    end: Fraction | float | None = None,
    fps: Fraction | None = None,
    max_side: int | None = None,
    threads: int = 0,
    accurate: bool = False,
) -> Iterator[Bytes]:
    """Frames of the clip at `path`, each a fresh (H, W, 3) uint8 sRGB array; memory does not grow with the clip.

    A generator: closing it (or leaving it to be collected) ends the decoder. Options as in `Clip.frames`.

    Raises:
        UnreadableInputError: as `probe`; or, after the last good frame, the clip breaks off.
        UsageError: `start` lies beyond the clip's end, or `end` is not after `start`.
    """
    return open_clip(path).frames(start=start, end=end, fps=fps, max_side=max_side, threads=threads, accurate=accurate)


def open_clip(path: Path) -> "Clip":
    """The clip at `path`, its streams known; probing costs one decoded frame (about 50 ms).

    Raises:
        UnreadableInputError: missing, empty, damaged, sound alone, or not a video.
    """
    streams = read_streams(path)
    if streams.video is None:
        raise UnreadableInputError(
            f"{path} holds sound but no moving picture; give a video of a face (its sound is used with it)"
        )
    return Clip(path, streams, streams.video)


@dataclass(frozen=True)
class Clip:
    """A video file that has been looked into; any number of passes may be read from it."""

    path: Path
    streams: Streams
    video: VideoStream

    @property
    def fps(self) -> Fraction:
        """Constant rate at which frames are delivered unless another is asked for."""
        return constant_rate(self.video.rate, self.video.mean_rate)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) upright with square pixels, unreduced."""
        height, width = self.video.size
        aspect = self.video.pixel_aspect
        return (height, round(width * aspect)) if aspect >= 1 else (round(height / aspect), width)

    def info(self, *, max_side: int | None = None) -> ClipInfo:
        """The clip as the other stages know it, with the size it has when reduced to `max_side`."""
        duration = self.streams.duration
        return ClipInfo(
            path=self.path,
            size=fit_within(self.size, max_side),
            fps=self.fps,
            frame_count=None if duration is None else max(1, round(duration * self.fps)),
            has_sound=self.streams.sound is not None,
            native_size=self.size,
        )

    def frames(
        self,
        *,
        start: Fraction | float = 0,
        end: Fraction | float | None = None,
        fps: Fraction | None = None,
        max_side: int | None = None,
        threads: int = 0,
        accurate: bool = False,
    ) -> Iterator[Bytes]:
        """Frames between `start` and `end`, each a fresh (H, W, 3) uint8 sRGB array.

        `start` snaps to the nearest frame, k: the first frame is frame k of the whole clip at the same rate.

        Args:
            start: seconds from the file's beginning.
            end: seconds; None for all. round((end - start) * fps) frames are delivered, fewer where the clip ends.
            fps: another constant rate; frames are repeated or left out by time.
            max_side: longest side in pixels; larger frames are reduced while decoding, aspect kept.
            threads: of the decoder; 0 leaves it to ffmpeg.
            accurate: colours to within a level or two also at sharp edges of colour, at about twice the cost.

        Raises:
            UnreadableInputError: after the last good frame, when the clip breaks off before its declared end.
            UsageError: no frame lies between `start` and `end`.
        """
        rate = self.fps if fps is None else fps
        first = round(start * rate)
        count = None if end is None else round(end * rate) - first
        if first < 0 or (count is not None and count < 1):
            raise UsageError(f"{self.path}: no frame lies between {float(start):g} s and {float(end or 0):g} s")
        height, width = fit_within(self.size, max_side)
        arguments = self._arguments(rate, first, count, (height, width), threads, accurate)
        return self._stream(arguments, rate, first, count, (height, width))

    def _arguments(
        self, rate: Fraction, first: int, count: int | None, size: tuple[int, int], threads: int, accurate: bool
    ) -> list[str]:
        # Seeking drops frames whose time stamp lies before the point; so we seek between two frames, and a second
        # early, for the frame shown at `first` may be an older one in a clip of variable rate. MPEG streams have no
        # index to seek by: they are decoded from their beginning.
        lead = first if self.streams.restarts_clock else min(first, math.ceil(rate))
        seek = (Fraction(first - lead) - Fraction(1, 2)) / rate if first > lead else Fraction(0)
        offset = seek - (first - lead) / rate if seek else Fraction(0)
        flags = "accurate_rnd+full_chroma_int+full_chroma_inp+bicubic" if accurate else "bicubic"
        shrinks = size != self.video.size
        scale_flags = f"{flags}+area".replace("bicubic+area", "area") if shrinks else flags
        seeking = ["-ss", f"{float(seek):.9f}"] if seek else []
        filters = [
            *(["bwdif=mode=send_frame:deint=interlaced"] if self.video.interlaced else []),
            *([f"setpts=PTS{float(offset):+.9f}/TB"] if offset else []),
            f"fps=fps={rate.numerator}/{rate.denominator}:start_time=0:round=near",
            *([f"trim=start_frame={lead}"] if lead else []),
            *to_srgb_filters(self.video, size, scale_flags),
        ]
        return [
            *("-v", "error", *input_arguments(self.path, "-threads", str(threads), *seeking)),
            *("-map", "0:V:0", "-vf", ",".join(filters)),
            *(["-frames:v", str(count)] if count is not None else []),
            *("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
            *(UNHEARD if self.streams.restarts_clock and self.streams.sound else ()),
        ]

    def _stream(
        self, arguments: list[str], rate: Fraction, first: int, count: int | None, size: tuple[int, int]
    ) -> Iterator[Bytes]:
        delivered = 0
        with running(arguments, reads=False, writes=True) as process:
            pipe = process.stdout_pipe()
            while (frame := _read_frame(pipe, size)) is not None:
                delivered += 1
                yield frame
            code = process.wait()
            messages = process.messages()
        self._check_end(code, messages, delivered, rate, first, count)

    def _check_end(
        self, code: int, messages: str, delivered: int, rate: Fraction, first: int, count: int | None
    ) -> None:
        """Return when the stream ended where it should; a clip that breaks off is an error, not a short clip."""
        seconds = float((first + delivered) / rate)
        duration = self.streams.duration
        if delivered == 0:
            if not messages and duration is not None and float(first / rate) >= duration - 0.1:
                raise UsageError(
                    f"{self.path} is {duration:.2f} s long; nothing of it lies after {float(first / rate):.2f} s"
                )
            raise UnreadableInputError(
                f"{self.path}: no frame can be decoded ({reason(messages)}); check that it plays, "
                "or convert it to MP4 (H.264)"
            )
        if count is not None and delivered >= count:
            return
        short = duration is not None and seconds < duration - max(0.2, 2 / float(rate))
        if code != 0 or (messages and (short or "partial file" in messages or "ended prematurely" in messages)):
            raise UnreadableInputError(
                f"{self.path} breaks off after {seconds:.2f} s ({reason(messages)}); copy or download it again, "
                f"or use the part that is whole with --to {math.floor(seconds * 10) / 10:g}"
            )


def constant_rate(rate: Fraction, mean_rate: float) -> Fraction:
    """The constant rate to deliver a clip at, from the rate its container claims and its mean rate (0 unknown).

    29.97 becomes 30000/1001; 1000000/33333 (microsecond stamps) becomes 30; a phone's 29.83 of variable rate
    becomes 30; a screen recording's 22.09 with stamps on a grid of 30 becomes 30; 240 (slow motion) becomes 60.
    """
    claimed = _snapped(rate)
    if mean_rate > 0 and abs(float(rate) - mean_rate) > 0.02 * mean_rate and not mean_rate / 2 < claimed <= MAX_RATE:
        claimed = _nearest_standard(mean_rate)
    if claimed > MAX_RATE * Fraction(1001, 1000):
        claimed /= math.ceil(claimed / (MAX_RATE * Fraction(1001, 1000)))
    return claimed


def fit_within(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """(height, width) scaled so that its longer side is at most `max_side`, aspect kept; never enlarged."""
    longest = max(size)
    if max_side is None or longest <= max_side:
        return size
    return max(1, round(size[0] * max_side / longest)), max(1, round(size[1] * max_side / longest))


def _snapped(rate: Fraction) -> Fraction:
    """`rate`, or the standard rate that it is a rounding of (2 parts in 10,000; 29.97 and 30 are 10 apart)."""
    for standard in (*STANDARD_RATES, *(r * n for r in STANDARD_RATES for n in (2, 4))):
        if abs(rate / standard - 1) < Fraction(2, 10_000):
            return standard
    if rate.denominator <= 2 or rate.denominator == 1001:
        return rate
    return _nearest_standard(float(rate))


def _nearest_standard(rate: float) -> Fraction:
    """The standard rate within 3% of `rate`, or the nearest whole one."""
    nearest = min(STANDARD_RATES, key=lambda standard: (abs(float(standard) - rate), standard.denominator))
    whole = min(filter(lambda r: r.denominator == 1, STANDARD_RATES), key=lambda r: abs(float(r) - rate))
    if abs(float(whole) / rate - 1) < 0.03:
        return whole
    return nearest if abs(float(nearest) / rate - 1) < 0.03 else Fraction(max(1, round(rate)))


def _read_frame(pipe: IO[bytes], size: tuple[int, int]) -> Bytes | None:
    """The next frame, read straight into its own array; None at the end (an incomplete frame is no frame)."""
    frame = np.empty((*size, 3), np.uint8)
    view = frame.data.cast("B")
    filled = 0
    while filled < len(view):
        with contextlib.suppress(InterruptedError):
            got: int | None = pipe.readinto(view[filled:])  # type: ignore[attr-defined]
            if not got:
                return None
            filled += got
    return frame
