"""Whatever a clip's matrix, range, depth or dynamic range: frames are what its maker saw, in sRGB."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from portrait_alive.media import colour
from portrait_alive.media.clips import open_clip, read_frames
from portrait_alive.types import Bytes

Maker = Callable[..., Path]
Painter = Callable[..., Bytes]

PATCHES = np.array([[200, 60, 50], [60, 180, 70], [50, 70, 190], [128, 128, 128], [230, 220, 60], [16, 16, 16]])


def patches(height: int) -> Bytes:
    """(height, 192, 3): six colours side by side, 32 pixels wide."""
    return np.tile(np.repeat(PATCHES, 32, axis=0)[None], (height, 1, 1)).astype(np.uint8)


def raw_input(tmp_path: Path, frame: np.ndarray, pixel_format: str) -> tuple[str, ...]:
    """ffmpeg's arguments for three raw frames."""
    path = tmp_path / "frames.raw"
    path.write_bytes(frame.tobytes() * 3)
    size = f"{frame.shape[1]}x{frame.shape[0]}"
    return ("-f", "rawvideo", "-pixel_format", pixel_format, "-video_size", size, "-i", str(path))


@pytest.mark.parametrize("accurate", [False, True])
@pytest.mark.parametrize(
    ("matrix", "span", "height", "tagged"),
    [
        ("bt709", "tv", 96, True),
        ("bt601", "tv", 96, True),
        ("bt709", "pc", 96, True),
        ("bt709", "tv", 1280, False),  # untagged: HD is bt709
        ("bt601", "tv", 96, False),  # and SD is bt601
    ],
)
def test_matrix_and_range(
    ffmpeg: Maker, tmp_path: Path, matrix: str, span: str, height: int, tagged: bool, accurate: bool
) -> None:
    name = "smpte170m" if matrix == "bt601" else matrix
    tags = ("-colorspace", name, "-color_primaries", name, "-color_trc", name, "-color_range", span)
    path = ffmpeg(
        "clip.mp4",
        *raw_input(tmp_path, patches(height), "rgb24"),
        *("-vf", f"scale=out_color_matrix={matrix}:out_range={span}:flags=accurate_rnd,format=yuv420p"),
        *("-c:v", "libx264", "-qp", "0", *(tags if tagged else ())),
        *(() if tagged else ("-bsf:v", "h264_metadata=matrix_coefficients=2:colour_primaries=2")),
    )
    clip = open_clip(path)
    assert (clip.video.colour_matrix == "unknown") is not tagged
    frame = next(iter(clip.frames(accurate=accurate)))
    assert np.abs(frame[height // 2, 16::32].astype(int) - PATCHES).max() <= 3


def test_ten_bit(ffmpeg: Maker, tmp_path: Path) -> None:
    path = ffmpeg(
        "deep.mkv",
        *raw_input(tmp_path, patches(96), "rgb24"),
        *("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p10le", "-c:v", "ffv1"),
        *("-colorspace", "bt709", "-color_range", "tv"),
    )
    frame = next(iter(read_frames(path)))
    assert np.abs(frame[48, 16::32].astype(int) - PATCHES).max() <= 3


def perceptual_quantiser(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084's inverse EOTF: signal in [0, 1] of absolute luminance."""
    power = (np.asarray(nits, float) / 10000) ** 0.1593017578125
    signal: np.ndarray = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return signal


def hybrid_log_gamma(scene: np.ndarray) -> np.ndarray:
    """ARIB STD-B67's OETF: signal in [0, 1] of relative scene light."""
    scene = np.asarray(scene, float)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.skipif(not colour.has_filters("zscale", "tonemap"), reason="this ffmpeg has no zscale")
def test_hdr_is_tone_mapped(ffmpeg: Maker, tmp_path: Path, transfer: str) -> None:
    """Greys stay grey and in order, black stays black, diffuse white is bright but leaves room above, red stays red."""
    nits = np.array([0, 5, 20, 60, 120, 203, 500, 1000], float)
    greys = perceptual_quantiser(nits) if transfer == "smpte2084" else hybrid_log_gamma((nits / 1000) ** (1 / 1.2))
    red = np.array([float(greys[5]), 0, 0])
    signal = np.concatenate([np.repeat(greys[:, None], 3, axis=1), red[None]])  # (9, 3), bt2020
    frame = np.tile(np.repeat(np.rint(signal * 65535).astype(np.uint16), 32, axis=0)[None], (64, 1, 1))
    path = ffmpeg(
        "hdr.mkv",
        *raw_input(tmp_path, frame, "rgb48le"),
        "-vf",
        "scale=out_color_matrix=bt2020:out_range=tv:flags=accurate_rnd,format=yuv420p10le,"
        f"setparams=color_trc={transfer}:color_primaries=bt2020:colorspace=bt2020nc",
        *("-c:v", "ffv1"),
    )
    assert open_clip(path).video.colour_transfer == transfer
    found = next(iter(read_frames(path)))[32, 16::32].astype(int)
    levels = found[:8]
    assert np.ptp(levels, axis=1).max() <= 4
    assert (np.diff(levels[:, 1]) > 0).all()
    assert levels[0].max() <= 6
    assert 190 <= levels[5, 1] <= 235
    assert levels[7, 1] >= 250
    assert found[8, 0] > 120
    assert found[8, 1:].max() < 60


def test_without_zscale_hdr_is_still_read(ffmpeg: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colour, "has_filters", lambda *names: False)
    path = ffmpeg(
        "hdr.mkv",
        *raw_input(tmp_path, patches(96), "rgb24"),
        "-vf",
        "scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le,"
        "setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc",
        *("-c:v", "ffv1"),
    )
    assert open_clip(path).video.colour_transfer == "smpte2084"
    frame = next(iter(read_frames(path)))
    assert np.abs(frame[48, 16::32].astype(int) - PATCHES).max() <= 3
