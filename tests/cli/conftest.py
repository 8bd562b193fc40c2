"""A drawn portrait whose points are known, so that commands run to their end without any tracker."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from portrait_alive.cli import app
from portrait_alive.shape.basis import load_basis, place
from portrait_alive.types import HeadPose
from portrait_alive.weights import SHAPE_BASIS, weight_path

CLICKED = (33, 133, 362, 263, 1, 61, 291, 0, 17, 152, 10, 70, 300)
"""Mesh points that the drawn portrait is marked with: corners of eyes and mouth, nose, chin, forehead, brows."""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command in this process, in the test's folder: quick, and all that a user sees is captured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("portrait_alive.cli.app.end_gracefully_on_signals", lambda: None)

    def command(*arguments: str, **environment: str) -> Done:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        code = app.run(list(arguments))
        captured = capfd.readouterr()
        return Done(code, captured.out, captured.err)

    return command


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Done]:
    """Run `portrait-alive` as a user does, as a program of its own, in the test's folder."""

    def command(*arguments: str, **environment: str) -> Done:
        finished = subprocess.run(
            [sys.executable, "-m", "portrait_alive", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=600,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8", **environment},
        )
        return Done(finished.returncode, finished.stdout, finished.stderr)

    return command


@pytest.fixture
def portrait(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Draw a portrait and write its points: (picture, points file)."""

    def draw(name: str = "portrait.png", size: tuple[int, int] = (240, 200)) -> tuple[Path, Path]:
        height, width = size
        basis = load_basis(weight_path(SHAPE_BASIS))
        scale = 0.45 * height / float(np.ptp(basis.mean[:468, 1]))
        middle = scale * basis.mean[:468].mean(0)
        centre = np.array([width / 2, height / 2, 0]) - middle
        points = place(basis.mean, HeadPose(np.eye(3, dtype=np.float32), centre.astype(np.float32), scale))
        noise = np.random.default_rng(1).integers(0, 24, (height, width, 3)) + np.array([96, 104, 112])
        image = Image.fromarray(noise.astype(np.uint8))
        pen = ImageDraw.Draw(image)
        left, top = points[:468, :2].min(0)
        right, bottom = points[:468, :2].max(0)
        pen.ellipse((left, top, right, bottom), fill=(214, 178, 150))
        for eye in (468, 473):
            x, y = points[eye, :2]
            pen.ellipse((x - 9, y - 4, x + 9, y + 4), fill=(244, 240, 232))
            pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=(60, 44, 30))
        pen.line([tuple(points[i, :2]) for i in (61, 0, 291)], fill=(150, 60, 60), width=3)
        picture = tmp_path / name
        image.save(picture)
        marks = picture.with_suffix(".json")
        marks.write_text(json.dumps({str(i): [float(v) for v in points[i, :2]] for i in CLICKED}))
        return picture, marks

    return draw
