"""What a media file holds, read from what ffmpeg prints about it (there is no ffprobe beside it).

`ffmpeg -i` rounds rates to two decimals; the `showinfo` filter prints rate and time base as fractions and the size
and colours of the first frame as it will be delivered, upright. Both come from one run over one frame.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.ffmpeg import Finished, file_argument, run

DEMUXERS = (
    "3g2,3gp,aac,ac3,apng,asf,avi,dv,flac,flv,gif,h264,hevc,ivf,m4a,m4v,matroska,mj2,mov,mp3,mp4,mpeg,"
    "mpegts,mpegvideo,mxf,nut,obu,ogg,rm,wav,webm,webp_anim,webp_pipe,yuv4mpegpipe"
)
"""Containers that are opened. Play lists and numbered pictures (hls, dash, concat, image2) are not among them: they
name other files."""

SAFE_INPUT = ("-protocol_whitelist", "file,pipe", "-format_whitelist", DEMUXERS)
"""Input options for files from anywhere: nothing but the file itself is opened."""

MAX_PIXELS = 8192 * 8192
"""Largest frame that is decoded; clips beyond 8K are bombs or mistakes."""


MAX_ASPECT = 4
"""Pixels declared longer than this are taken for square: anamorphic film has 2, damaged files have anything."""


@dataclass(frozen=True)
class VideoStream:
    """The first moving picture of a file."""

    size: tuple[int, int]
    """(height, width) upright, as stored: before non-square pixels are evened out."""
    pixel_aspect: Fraction
    """Width of a pixel over its height; 1 for nearly everything."""
    rate: Fraction
    """Rate that the container claims, exact; wrong for clips of variable rate."""
    mean_rate: float
    """Frames over duration, two decimals; 0 where unknown."""
    interlaced: bool
    colour_range: str
    colour_matrix: str
    colour_primaries: str
    colour_transfer: str
    """ffmpeg's names; "unknown" where the file does not tell."""


@dataclass(frozen=True)
class SoundStream:
    """The first sound of a file."""

    codec: str
    """ffmpeg's name: "aac", "opus", "mp3"..."""


@dataclass(frozen=True)
class Streams:
    """What a file holds."""

    path: Path
    duration: float | None
    """Seconds, of the longest stream, to 10 ms; None where the container does not tell."""
    video: VideoStream | None
    sound: SoundStream | None
    restarts_clock: bool
    """Whether ffmpeg counts time from the first stream that is used, not from the file's beginning (MPEG streams)."""


def read_streams(path: Path) -> Streams:
    """What the media file at `path` holds; `video` is None for sound alone.

    Raises:
        UnreadableInputError: missing, not a plain file, empty, damaged before its first frame, or not media.
    """
    check_plain_file(path)
    finished = run(
        [
            *("-v", "info", *input_arguments(path)),
            *("-map", "0:V:0", "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-"),
        ]
    )
    return parse_streams(path, finished)


def input_arguments(path: Path, *options: str) -> list[str]:
    """ffmpeg's arguments to read the file at `path`, safely, whatever it is; `options` go before it."""
    # ffmpeg takes an animated PNG for a still when a long chunk (a signature, say) precedes the animation's.
    demuxer = ["-f", "apng"] if _starts_with(path, b"\x89PNG") else []
    return [*SAFE_INPUT, "-max_pixels", str(MAX_PIXELS), *demuxer, *options, "-i", file_argument(path)]


def check_plain_file(path: Path) -> None:
    """Return when `path` is a plain, non-empty file that may be read.

    Raises:
        UnreadableInputError: it is not; the message says what it is instead.
    """
    try:
        if path.is_dir():
            raise UnreadableInputError(f"{path} is a folder; name a file in it")
        if not path.exists():
            raise UnreadableInputError(f"{path} does not exist; check the name and the folder")
        if not path.is_file():
            raise UnreadableInputError(f"{path} is not a plain file; copy what it gives into a file first")
        with path.open("rb") as file:
            if not file.read(1):
                raise UnreadableInputError(f"{path} is empty (0 bytes); copy or download it again")
    except PermissionError as error:
        raise UnreadableInputError(f"{path} may not be read (permission denied); change its permissions") from error
    except (OSError, ValueError) as error:
        raise UnreadableInputError(f"{path} cannot be read ({error}); check the name and the disk") from error


def parse_streams(path: Path, finished: Finished) -> Streams:
    """`Streams` from ffmpeg's report on `path`.

    Raises:
        UnreadableInputError: the report says that the file is unreadable or that its video has no frame.
    """
    text = finished.messages
    source = _between(text, "Input #0", "Output #0")
    if source is None:
        raise UnreadableInputError(
            f"{path} is not a video that can be read ({reason(text)}); "
            "check that it plays, or convert it to MP4 (H.264)"
        )
    sound_line = re.search(r"Stream #0:\d+.*?: Audio: (\w+)", source)
    sound = SoundStream(sound_line[1]) if sound_line and sound_line[1] != "none" else None
    video_line = next(
        (line for line in source.splitlines() if re.search(r"Stream #0:\d+.*: Video: ", line) and not _cover(line)),
        None,
    )
    video = None if video_line is None else _video(path, video_line, text)
    restarts = re.match(r"Input #0, (mpegts|mpeg)\b", source) is not None
    return Streams(path, _duration(source), video, sound, restarts)


def reason(messages: str) -> str:
    """The most telling line of ffmpeg's messages, without its `[demuxer @ 0x...]` prefix and paths."""
    telling = re.compile(
        r"invalid data|moov atom|error|truncat|partial|premature|no space|permission|not found|cannot|could not"
        r"|unknown|failed|unsupported|matches no streams|does not contain",
        re.IGNORECASE,
    )
    lines = [re.sub(r"^(\[[^\]]*\] *)+", "", line).strip() for line in messages.splitlines()]
    lines = [re.sub(r"(Error opening input(?: file)?) file:.*?(?=\.?$)", r"\1", line) for line in lines]
    told = [line for line in lines if telling.search(line) and not re.match(r"Error opening input files?\b", line)]
    specific = [line for line in told if not line.startswith(("Error opening input", "Conversion failed"))]
    chosen = (specific or told or [line for line in lines if line] or ["no reason given"])[0]
    return chosen.rstrip(".")[:200]


def _video(path: Path, line: str, text: str) -> VideoStream:
    config = re.search(r"config in time_base: \d+/\d+, frame_rate: (\d+)/(\d+)", text)
    frame = re.search(r"sar:(\d+)/(\d+) s:(\d+)x(\d+) i:(\w)", text)
    if config is None or frame is None:
        raise UnreadableInputError(
            f"{path} has a video stream, but no frame of it can be decoded ({reason(text)}); "
            "check that it plays, or convert it to MP4 (H.264)"
        )
    colours = dict(re.findall(r"color_(range|space|primaries|trc):([\w.-]+)", text))
    mean = re.search(r"([\d.]+)(k?) fps", line)
    aspect = Fraction(int(frame[1]), int(frame[2])) if int(frame[1]) and int(frame[2]) else Fraction(1)
    if not 1 / MAX_ASPECT <= aspect <= MAX_ASPECT:
        aspect = Fraction(1)
    rate = Fraction(int(config[1]), int(config[2])) if int(config[2]) and int(config[1]) else Fraction(25)
    return VideoStream(
        size=(int(frame[4]), int(frame[3])),
        pixel_aspect=aspect,
        rate=rate,
        mean_rate=float(mean[1]) * (1000 if mean[2] else 1) if mean else 0.0,
        interlaced=frame[5] in "TB",
        colour_range=colours.get("range", "unknown"),
        colour_matrix=colours.get("space", "unknown"),
        colour_primaries=colours.get("primaries", "unknown"),
        colour_transfer=colours.get("trc", "unknown"),
    )


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _cover(line: str) -> bool:
    return "(attached pic)" in line or "(timed thumbnails)" in line


def _between(text: str, start: str, end: str) -> str | None:
    begin = text.find(start)
    if begin < 0:
        return None
    stop = text.find(end, begin)
    return text[begin : stop if stop >= 0 else len(text)]


def _duration(source: str) -> float | None:
    found = re.search(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", source)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None
