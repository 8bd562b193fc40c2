"""Inputs of benchmarks, made afresh in a folder from the test material: sources and drivers of a wanted size."""

import subprocess
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from portrait_alive.media.stills import read_picture
from portrait_alive.types import Box, Bytes


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg, quietly; an error is one."""
    from imageio_ffmpeg import get_ffmpeg_exe

    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def make_driver(clip: Path, target: Path, *, seconds: float, side: int = 512, fps: int = 25) -> Path:
    """A driver as long as wanted: the clip there and back until the time is filled, square, constant rate, no sound."""
    there_and_back = target.with_name("there_and_back.mkv")
    once = f"fps={fps},scale={side}:{side}:flags=area,split[a][b];[b]reverse[c];[a][c]concat"
    ffmpeg("-t", "15", "-i", clip, "-an", "-vf", once, "-c:v", "libx264", "-crf", "16", there_and_back)
    repeat = ["-stream_loop", "-1", "-i", there_and_back, "-t", str(seconds)]
    ffmpeg(*repeat, "-c:v", "libx264", "-preset", "medium", "-crf", "18", "-pix_fmt", "yuv420p", target)
    there_and_back.unlink()
    return target


def make_source(
    picture: Path, face: Box, target: Path, *, size: tuple[int, int] = (720, 1280), face_px: int = 300
) -> Path:
    """A PNG of `size` (height, width) in which the face is `face_px` high, a little above the middle."""
    Image.fromarray(framed(read_picture(picture).pixels, face, size=size, face_px=face_px)[0]).save(target)
    return target


def framed(pixels: Bytes, face: Box, *, size: tuple[int, int], face_px: int) -> tuple[Bytes, float, tuple[int, int]]:
    """The picture scaled and cut or continued by its mirror image to `size`.

    Returns:
        Pixels, and what brings a point of the picture there: times the scale, plus the shift (x, y).
    """
    scale = face_px / face.height
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=method)
    height, width = size
    left = round(width * 0.5 - face.centre[0] * scale)
    top = round(height * 0.45 - face.centre[1] * scale)
    rows = _mirrored(np.arange(height) - top, scaled.shape[0])
    columns = _mirrored(np.arange(width) - left, scaled.shape[1])
    return np.ascontiguousarray(scaled[rows[:, None], columns[None]]), scale, (left, top)


def _mirrored(index: np.ndarray, count: int) -> np.ndarray:
    folded = np.mod(index, 2 * count)
    return np.where(folded < count, folded, 2 * count - 1 - folded)
