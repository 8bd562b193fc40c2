"""Filters that take a decoded clip to 8-bit sRGB: matrix, range, gamut and, for HDR, tone."""

from portrait_alive.media.ffmpeg import run
from portrait_alive.media.streams import VideoStream

HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
"""PQ and HLG."""

WHITE_NITS = 203
"""Luminance of diffuse white in HDR video (ITU-R BT.2408); it becomes sRGB's white before highlights are rolled off."""

HD_LINES = 720
"""Untagged video with at least so many lines is bt709, with fewer bt601: the convention that players follow."""


def to_srgb_filters(video: VideoStream, size: tuple[int, int], flags: str) -> list[str]:
    """ffmpeg filters that scale `video` to `size` (height, width) and convert it to rgb24 sRGB.

    HDR is tone-mapped with zscale and tonemap (Reinhard's curve, `WHITE_NITS` at 1) after it was reduced.
    Where the binary lacks zscale, swscale converts the matrix alone: HDR then looks pale and flat, which the
    landmarks survive.

    Args:
        flags: of the swscale filter, which resamples and converts.
    """
    height, width = size
    scale = f"scale=w={width}:h={height}:flags={flags}"
    if video.colour_transfer in HDR_TRANSFERS and has_filters("zscale", "tonemap"):
        return [scale, *_tone_map(video), "format=rgb24"]
    if video.colour_matrix == "unknown" and min(video.size) >= HD_LINES:
        scale += ":in_color_matrix=bt709"
    return [scale, "format=rgb24"]


def _tone_map(video: VideoStream) -> list[str]:
    primaries = "bt2020" if video.colour_primaries == "unknown" else video.colour_primaries
    matrix = "bt2020nc" if video.colour_matrix == "unknown" else video.colour_matrix
    return [
        f"zscale=tin={video.colour_transfer}:pin={primaries}:min={matrix}:t=linear:npl={WHITE_NITS}",
        "format=gbrpf32le",
        "zscale=p=bt709",
        "tonemap=tonemap=reinhard:param=0.6:desat=0",
        "zscale=t=iec61966-2-1:m=gbr:r=full",
        "format=gbrp",
    ]


def has_filters(*names: str) -> bool:
    """Whether the ffmpeg binary was built with all of these filters."""
    listed = run(["-v", "error", "-filters"]).stdout.decode("utf-8", "replace")
    known = {words[1] for line in listed.splitlines() if len(words := line.split()) > 2}
    return known.issuperset(names)
