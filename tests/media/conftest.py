"""Small media, made on the spot with ffmpeg's own sources and Pillow."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from portrait_alive.media.ffmpeg import ffmpeg_path
from portrait_alive.types import Bytes


@pytest.fixture
def ffmpeg(tmp_path: Path) -> Callable[..., Path]:
    """Runs ffmpeg with the arguments given and a target in the test's folder; returns the target."""

    def make(name: str, *arguments: str) -> Path:
        target = tmp_path / name
        command = [str(ffmpeg_path()), "-v", "error", "-nostdin", "-y", *arguments, f"file:{target}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return target

    return make


@pytest.fixture
def corners() -> Bytes:
    """(48, 80, 3) picture whose four quarters differ, so that any turn or flip of it shows."""
    picture = np.empty((48, 80, 3), np.uint8)
    picture[:24, :40] = (230, 30, 30)
    picture[:24, 40:] = (30, 200, 30)
    picture[24:, :40] = (30, 30, 220)
    picture[24:, 40:] = (240, 230, 40)
    return picture


@pytest.fixture
def smooth() -> Callable[[int, int, float], Bytes]:
    """Pictures (H, W, 3) of slow gradients that turn with `phase`; nothing in them is lost to halved chroma."""

    def make(height: int, width: int, phase: float = 0.0) -> Bytes:
        y, x = np.mgrid[0:height, 0:width] / max(height, width) * np.pi
        waves = (np.sin(x + phase), np.sin(y * 1.3 - phase), np.cos(x + y + phase))
        return np.stack([np.rint(128 + 100 * wave) for wave in waves], axis=2).astype(np.uint8)

    return make
