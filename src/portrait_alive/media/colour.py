"""Filters that take a decoded clip to 8-bit sRGB: matrix, range, gamut and, for HDR, tone."""

from portrait_alive.media.ffmpeg import run
from portrait_alive.media.streams import VideoStream

HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
"""PQ and HLG."""

WHITE_NITS = 203
"""Luminance of diffuse white in HDR video (ITU-R BT.2408); it becomes sRGB's white before highlights are rolled off."""

PEAK_NITS = 1000
"""Luminance that becomes the brightest sRGB; phones and broadcasters master to it."""

HD_LONG_SIDE, HD_SHORT_SIDE = 1280, 577
"""Untagged video of this size in either direction is bt709, smaller is bt601: the convention that players follow."""


def to_srgb_filters(video: VideoStream, size: tuple[int, int], flags: str) -> list[str]:
    """ffmpeg filters that scale `video` to `size` (height, width) and convert it to rgb24 sRGB.

    HDR is tone-mapped with zscale and tonemap (Reinhard's curve) after it was reduced.
    Where the binary lacks zscale, swscale converts the matrix alone: HDR then looks pale and flat, which the
    landmarks survive.

    Args:
        flags: of the swscale filter, which resamples and converts.
    """
    height, width = size
    scale = f"scale=w={width}:h={height}:flags={flags}"
    if video.colour_transfer in HDR_TRANSFERS and has_filters("zscale", "tonemap"):
        return [scale, *_tone_map(video), "format=rgb24"]
    if video.colour_matrix == "unknown" and (max(video.size) >= HD_LONG_SIDE or min(video.size) >= HD_SHORT_SIDE):
        scale += ":in_color_matrix=bt709"
    return [scale, "format=rgb24"]


def _tone_map(video: VideoStream) -> list[str]:
    primaries = "bt2020" if video.colour_primaries == "unknown" else video.colour_primaries
    matrix = "bt2020nc" if video.colour_matrix == "unknown" else video.colour_matrix
    return [
        # To linear RGB in floats, 1 is diffuse white; in one step, for a detour by integers would cost the shadows.
        f"zscale=tin={video.colour_transfer}:pin={primaries}:min={matrix}:t=linear:npl={WHITE_NITS}:p=bt709:m=gbr",
        "format=gbrpf32le",
        f"tonemap=tonemap=reinhard:param=0.6:desat=0:peak={PEAK_NITS / WHITE_NITS:.3f}",
        "zscale=tin=linear:t=iec61966-2-1:m=gbr:r=full",
        "format=gbrp",
    ]


def has_filters(*names: str) -> bool:
    """Whether the ffmpeg binary was built with all of these filters."""
    listed = run(["-v", "error", "-filters"]).stdout.decode("utf-8", "replace")
    known = {words[1] for line in listed.splitlines() if len(words := line.split()) > 2}
    return known.issuperset(names)
