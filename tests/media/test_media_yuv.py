"""Frames are converted for the encoder as ffmpeg itself converts them: matrix, range, place of the chroma samples."""

import subprocess

import numpy as np
import pytest

from portrait_alive.media.ffmpeg import ffmpeg_path
from portrait_alive.media.yuv import planes_shape, write_planes
from portrait_alive.types import Bytes, Corners


def converted(frame: Bytes) -> Bytes:
    """(H * 3 / 2, W) planes of a frame with even sides."""
    planes = np.empty(planes_shape((frame.shape[0], frame.shape[1])), np.uint8)
    write_planes(frame, planes)
    return planes


def by_ffmpeg(frame: Bytes) -> Bytes:
    """The same by swscale, with its most careful settings."""
    height, width = frame.shape[:2]
    scale = f"scale=w={width}:h={height}:flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"
    command = [
        *(str(ffmpeg_path()), "-v", "error", "-f", "rawvideo", "-pixel_format", "rgb24"),
        *("-video_size", f"{width}x{height}", "-color_range", "pc", "-i", "pipe:0"),
        *("-vf", f"{scale}:in_range=pc:out_range=tv:out_color_matrix=bt709,format=yuv420p", "-f", "rawvideo", "pipe:1"),
    ]
    data = subprocess.run(command, input=frame.tobytes(), capture_output=True, check=True).stdout
    return np.frombuffer(data, np.uint8).reshape(planes_shape((height, width)))


def gradients(height: int, width: int, phase: float) -> Bytes:
    """Colours that change smoothly, each channel in its own direction, from 0 to 255."""
    y, x = np.mgrid[:height, :width] / 40
    channels = [np.sin(x + phase), np.cos(y - x + 2 * phase), np.sin(x + 2 * y - phase)]
    return np.rint(127.5 + 127.5 * np.stack(channels, -1)).astype(np.uint8)


@pytest.mark.parametrize("phase", [0.0, 1.3, 4.0])
def test_smooth_colours_are_converted_as_ffmpeg_does(phase: float) -> None:
    frame = gradients(144, 192, phase)
    apart = converted(frame).astype(int) - by_ffmpeg(frame)
    assert np.abs(apart).max() <= 2
    assert np.abs(apart[:144]).max() <= 1  # luma
    assert abs(apart[:144].mean()) <= 0.1
    assert abs(apart[144:].mean()) <= 0.2


def test_edges_lie_where_ffmpeg_puts_them() -> None:
    """A chroma edge between two samples moves neither way, so the samples lie where they did."""
    frame = np.empty((32, 64, 3), np.uint8)
    frame[:, :32], frame[:, 32:] = (200, 50, 50), (50, 50, 200)
    frame[20:] = frame[20:, ::-1]
    ours, theirs = (planes[32:].reshape(2, 16, 32).astype(float) for planes in (converted(frame), by_ffmpeg(frame)))
    for axis in (1, 2):
        place = [np.cumsum(planes, axis).mean() for planes in (ours, theirs)]
        assert place[0] == pytest.approx(place[1], rel=1e-3)
    assert np.median(np.abs(ours - theirs)) <= 1  # beside the edge itself, where Lanczos rings


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((128, 128, 128), (126, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_known_colours(colour: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """bt709 in limited range: Y = 16 + 219 (0.2126 R + 0.7152 G + 0.0722 B) and so on, rounded."""
    planes = converted(np.full((4, 6, 3), colour, np.uint8))
    found = planes[0, 0], planes[4].reshape(2, 3)[0, 0], planes[5, 0]
    assert np.abs(np.array(found, int) - expected).max() <= (0 if len(set(colour)) == 1 else 1)


def test_odd_sides_repeat_the_last_pixels() -> None:
    frame = gradients(25, 33, 0.5)
    planes = np.empty(planes_shape((26, 34)), np.uint8)
    write_planes(frame, planes)
    assert (planes == converted(np.pad(frame, ((0, 1), (0, 1), (0, 0)), mode="edge"))).all()


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (62, 47)])
@pytest.mark.parametrize("part", [(0, 0, 9, 7), (5, 3, 30, 41), (20, 11, 47, 62), (13, 20, 46, 61)])
def test_a_part_is_written_as_the_whole_would_be(size: tuple[int, int], part: Corners) -> None:
    """Where only a part of the frame has changed, rewriting it alone gives the same planes."""
    left, top, right, bottom = part
    before = gradients(*size, 0.5)
    after = before.copy()
    after[top:bottom, left:right] = np.random.default_rng(3).integers(0, 256, after[top:bottom, left:right].shape)
    planes, whole = (np.empty(planes_shape((size[0] + size[0] % 2, 48)), np.uint8) for _ in range(2))
    write_planes(before, planes)
    write_planes(after, planes, part)
    write_planes(after, whole)
    np.testing.assert_array_equal(planes, whole)
