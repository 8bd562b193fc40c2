"""Frames of a clip for measuring: upright, 8-bit sRGB, every n-th of them, a bounded number."""

import re
import subprocess
from pathlib import Path

import numpy as np

from portrait_alive.errors import UnreadableInputError
from portrait_alive.types import Bytes


def _ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    return str(get_ffmpeg_exe())


def read_frames(path: Path, *, step: int = 1, limit: int | None = None, skip: int = 0) -> list[Bytes]:
    """Frames `skip`, `skip + step`, ... of a clip as stored (no rate conversion), at most `limit` of them.

    All of them are held in memory: this is for measuring short stretches, not for rendering.

    Returns:
        (H, W, 3) uint8 sRGB arrays.

    Raises:
        UnreadableInputError: missing, damaged or without pictures.
    """
    chosen = f"select=gte(n\\,{skip})*not(mod(n-{skip}\\,{step}))"
    command = [_ffmpeg(), "-v", "error", "-nostdin", "-i", str(path), "-an", "-sn", "-vf", chosen]
    command += ["-fps_mode", "passthrough", *(["-frames:v", str(limit)] if limit is not None else [])]
    command += ["-sws_flags", "accurate_rnd+full_chroma_int", "-pix_fmt", "rgb24", "-f", "image2pipe"]
    command += ["-c:v", "ppm", "pipe:1"]
    done = subprocess.run(command, capture_output=True, check=False)
    frames = _split_ppm(done.stdout)
    if not frames:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no pictures in it"])[-1]
        raise UnreadableInputError(f"{path}: cannot be read as a clip ({reason})")
    return frames


_PPM = re.compile(rb"P6\s(\d+)\s(\d+)\s255\s")


def _split_ppm(data: bytes) -> list[Bytes]:
    frames, at = [], 0
    while match := _PPM.match(data, at):
        width, height = int(match[1]), int(match[2])
        size = width * height * 3
        if match.end() + size > len(data):
            break
        frames.append(np.frombuffer(data, np.uint8, size, match.end()).reshape(height, width, 3))
        at = match.end() + size
    return frames


def count_frames(path: Path) -> int:
    """Number of frames stored in a clip, counted by reading its packets.

    Raises:
        UnreadableInputError: missing, damaged or without pictures.
    """
    command = [_ffmpeg(), "-nostdin", "-i", str(path), "-map", "0:v:0", "-c", "copy", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    counts = re.findall(rb"frame=\s*(\d+)", done.stderr)
    if done.returncode or not counts or int(counts[-1]) == 0:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no pictures in it"])[-1]
        raise UnreadableInputError(f"{path}: cannot be read as a clip ({reason})")
    return int(counts[-1])
