"""The examples in README and docs/command-line.md run as they stand."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PIL import Image

from portrait_alive.media.clips import open_clip
from portrait_alive.media.ffmpeg import ffmpeg_path

ROOT = Path(__file__).resolve().parents[2]


def examples() -> list[str]:
    """The indented blocks of Python, dedented."""
    found = []
    for page in ("README.md", "docs/command-line.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        blocks = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", text, re.MULTILINE)
        found += [textwrap.dedent(block) for block in blocks if re.search(r"^ {4}from \w+", block, re.MULTILINE)]
    return found


@pytest.mark.parametrize("example", examples())
def test_examples_run(example: str, tmp_path: Path) -> None:
    with Image.open(ROOT / "examples" / "portrait.jpg") as portrait:
        portrait.resize((225, 300)).save(tmp_path / "monalisa.jpg")
    whole, part = ROOT / "examples" / "driver.mp4", tmp_path / "me.mp4"
    subprocess.run([str(ffmpeg_path()), "-v", "error", "-i", str(whole), "-t", "0.4", str(part)], check=True)
    command = [sys.executable, "-W", "error", "-c", example]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    clip = open_clip(tmp_path / "monalisa-me.mp4")
    assert sum(1 for _ in clip.frames()) == 10
    assert clip.streams.sound is not None


def test_there_are_examples() -> None:
    assert len(examples()) == 3
