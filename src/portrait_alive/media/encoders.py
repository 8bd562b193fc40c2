"""What ffmpeg is told for each kind of output: codec, colours, size. Pure: options in, argument lists out."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from portrait_alive.errors import OutputError

Kind = Literal["mp4", "mov", "webm", "gif", "webp", "apng", "png-folder"]

SUFFIXES: dict[str, Kind] = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".webm": "webm",
    ".gif": "gif",
    ".webp": "webp",
    ".png": "apng",
    ".apng": "apng",
}

MAX_SIDE: dict[Kind, int] = {
    "mp4": 16384,
    "mov": 16384,
    "webm": 16384,
    "gif": 65535,
    "webp": 16383,
    "apng": 65535,
    "png-folder": 65535,
}
"""Longest side that the codec allows, in pixels."""

SOUND_KINDS = ("mp4", "mov", "webm")
"""Kinds that hold sound."""

ALWAYS_LOSSLESS = ("apng", "png-folder")
"""Kinds that know no other way."""

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""x264's, from quick and large to slow and small; other encoders follow as well as they can."""

BT709_TAGS = (
    *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"),
    *("-chroma_sample_location", "center"),
)
"""Colours as high-definition players expect them. Chroma samples lie amid their four pixels (`yuv.write_planes`, and
swscale): untagged, players that follow H.264's default would shift colours half a pixel to the left."""

_LARGE_FRAME_PX = 4_000_000
_FEWEST_AHEAD = 10


@dataclass(frozen=True)
class Encoding:
    """How frames become a stream."""

    kind: Kind
    frame_size: tuple[int, int]
    """(height, width) of the frames as the encoder is fed."""
    size: tuple[int, int]
    """(height, width) as encoded."""
    fps: Fraction
    alpha: bool
    lossless: bool
    crf: int
    preset: str
    threads: int
    """0: ffmpeg's choice."""


def kind_of_output(name: str | Path) -> Kind:
    """What a name asks for: by its suffix, or a folder of PNGs (a final slash, an existing folder, no suffix).

    Raises:
        OutputError: the suffix is none that can be written.
    """
    path = Path(name)
    if str(name).endswith(("/", "\\")) or path.is_dir() or not path.suffix:
        return "png-folder"
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise OutputError(
            f"{path}: {path.suffix} cannot be written; use one of {', '.join(SUFFIXES)}, or a folder (name/) of PNGs"
        )
    return kind


def carries_alpha(name: str | Path, *, lossless: bool = False) -> bool:
    """Whether an output of this name can hold transparency."""
    return holds_alpha(kind_of_output(name), lossless=lossless)


def holds_alpha(kind: Kind, *, lossless: bool) -> bool:
    """Whether outputs of this kind can hold transparency."""
    return kind != "mp4" and not (kind == "webm" and lossless)


def carries_sound(name: str | Path) -> bool:
    """Whether an output of this name can hold sound."""
    return kind_of_output(name) in SOUND_KINDS


def needs_even_sides(kind: Kind, *, lossless: bool, alpha: bool) -> bool:
    """Whether the encoding halves its colour planes (4:2:0) and so cannot hold odd sides."""
    return not lossless and (kind in ("mp4", "webm") or (kind == "mov" and not alpha))


def encode_arguments(encoding: Encoding, tags: list[str], target: str) -> list[str]:
    """ffmpeg's arguments to encode raw frames from its stdin into `target` (mp4, mov, webm).

    The frames are yuv420p as `yuv.write_planes` makes them where the encoding `is_fed_yuv`, else rgba or rgb24.

    Args:
        tags: output arguments with the container's metadata.
    """
    height, width = encoding.frame_size
    given, colour_range = ("rgba" if encoding.alpha else "rgb24"), "pc"
    if is_fed_yuv(encoding):
        given, colour_range = "yuv420p", "tv"
    return [
        *("-v", "warning", "-f", "rawvideo", "-pixel_format", given),
        *("-video_size", f"{width}x{height}", "-framerate", f"{encoding.fps.numerator}/{encoding.fps.denominator}"),
        *("-color_range", colour_range, "-i", "pipe:0"),
        *("-vf", ",".join(_filters(encoding)), "-fps_mode", "passthrough"),
        *_codec(encoding),
        *(["-threads", str(encoding.threads)] if encoding.threads else []),
        *tags,
        *("-f", encoding.kind, *(["-movflags", "+faststart"] if encoding.kind != "webm" else []), "-y", target),
    ]


def is_fed_yuv(encoding: Encoding) -> bool:
    """Whether frames reach ffmpeg as it encodes them, so that it has nothing to scale or convert."""
    is_movie = encoding.kind in ("mp4", "mov", "webm")
    return is_movie and not (encoding.lossless or encoding.alpha) and encoding.size == encoding.frame_size


def pixel_format(encoding: Encoding) -> str:
    """ffmpeg's name of the pixels that are encoded."""
    if encoding.lossless:
        return {"mp4": "rgb24", "mov": "argb" if encoding.alpha else "rgb24", "webm": "gbrp"}[encoding.kind]
    if encoding.kind == "mov" and encoding.alpha:
        return "yuva444p10le"
    return "yuva420p" if encoding.alpha else "yuv420p"


def _filters(encoding: Encoding) -> list[str]:
    height, width = encoding.size
    scale = f"scale=w={width}:h={height}:flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"
    if encoding.lossless:
        return [*([scale] if encoding.size != encoding.frame_size else []), f"format={pixel_format(encoding)}"]
    colours = "in_range=pc:out_range=tv:out_color_matrix=bt709"
    tags = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    if is_fed_yuv(encoding):
        return [tags]
    return [f"{scale}:{colours}", f"format={pixel_format(encoding)}", tags]


def _codec(encoding: Encoding) -> list[str]:
    if encoding.kind == "webm":
        return _vp9(encoding)
    if encoding.kind == "mov" and encoding.lossless:
        return ["-c:v", "qtrle"]
    if encoding.kind == "mov" and encoding.alpha:
        return ["-c:v", "prores_ks", "-profile:v", "4444", "-alpha_bits", "16", "-vendor", "apl0", *BT709_TAGS]
    if encoding.lossless:
        srgb = ["-color_primaries", "bt709", "-color_trc", "iec61966-2-1"]
        return ["-c:v", "libx264rgb", "-qp", "0", "-preset", encoding.preset, *srgb]
    ahead = _look_ahead(encoding)
    return ["-c:v", "libx264", "-crf", str(encoding.crf), "-preset", encoding.preset, *ahead, *BT709_TAGS]


def _look_ahead(encoding: Encoding) -> list[str]:
    """x264's medium keeps 40 frames to look ahead: at 12 megapixels 2.6 GB. Ten do as well there, in 1.5 GB."""
    height, width = encoding.size
    keeps_many = PRESETS.index(encoding.preset) > PRESETS.index("veryfast")
    return ["-rc-lookahead", str(_FEWEST_AHEAD)] if keeps_many and height * width > _LARGE_FRAME_PX else []


def _vp9(encoding: Encoding) -> list[str]:
    # VP9 counts quality to 63 where x264 counts to 51: 31 looks about like x264's 23.
    quality = ["-lossless", "1"] if encoding.lossless else ["-crf", str(min(63, round(encoding.crf * 31 / 23)))]
    effort = (6, 6, 5, 5, 4, 4, 2, 1, 0)[PRESETS.index(encoding.preset)]
    return [
        *("-c:v", "libvpx-vp9", *quality, "-b:v", "0", "-deadline", "good", "-cpu-used", str(effort), "-row-mt", "1"),
        *(["-auto-alt-ref", "0"] if encoding.alpha else []),  # libvpx cannot reorder the alpha plane
        *([] if encoding.lossless else BT709_TAGS),
    ]
