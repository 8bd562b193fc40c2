"""Every kind of output from the command line: what it holds, its marks, and what options do to it."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from portrait_alive.media.clips import open_clip
from portrait_alive.media.ffmpeg import ffmpeg_path
from portrait_alive.media.inspection import inspect

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHORT = ("--motion", "nod", "--to", "0.2", "--quiet")


def made(run, portrait, name: str, *more: str, alpha: bool = False) -> Path:
    """The output of a short motion on the drawn portrait, 200x240."""
    picture, points = portrait()
    if alpha:
        image = Image.open(picture).convert("RGBA")
        mask = np.full((240, 200), 255, np.uint8)
        mask[:, :20], mask[:, 20:30] = 0, 128
        image.putalpha(Image.fromarray(mask))
        image.save(picture)
    done = run("animate", picture.name, "--landmarks", points.name, *SHORT, "-o", name, *more)
    assert done.code == 0, done.err
    return picture.parent / done.out.strip()


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif", "a.webp", "frames/"])
def test_every_kind_has_its_frames_and_marks(run, portrait, name):
    path = made(run, portrait, name, "--label", "synthetic")
    if path.is_dir():
        frames = sorted(path.glob("*.png"))
        count, size = len(frames), Image.open(frames[0]).size
    elif path.suffix in (".mp4", ".mov", ".webm"):
        clip = open_clip(path)
        count, size = sum(1 for _ in clip.frames()), clip.size[::-1]
        assert clip.fps == 25
    else:
        image = Image.open(path)
        count, size = getattr(image, "n_frames", 1), image.size
    assert (count, size) == (5, (200, 240))
    found = inspect(path)
    assert found.is_marked_synthetic
    assert not found.problems
    assert not [part for part in path.parent.iterdir() if part.name.startswith(".")]


@pytest.mark.parametrize("name", ["a.mov", "a.webp"])
def test_alpha_goes_where_it_can(run, portrait, name):
    path = made(run, portrait, name, alpha=True)
    alpha = _first_alpha(path)
    assert alpha.shape == (240, 200)
    assert alpha[:, :15].max() < 12
    assert alpha[:, 40:].min() > 243
    assert 100 < alpha[120, 25] < 156


def _first_alpha(path: Path) -> np.ndarray:
    if path.suffix == ".mov":
        raw = ["-frames:v", "1", "-pix_fmt", "rgba", "-f", "rawvideo", "-"]
        command = [str(ffmpeg_path()), "-v", "error", "-i", str(path), *raw]
        data = subprocess.run(command, capture_output=True, check=True).stdout
        return np.frombuffer(data, np.uint8).reshape(240, 200, 4)[..., 3].astype(int)
    return np.asarray(Image.open(path).convert("RGBA"))[..., 3].astype(int)


@pytest.mark.parametrize("more", [("-o", "a.mp4"), ("-o", "a.webm", "--lossless"), ("-o", "a.mov", "--compare")])
def test_transparency_that_is_left_out_is_told(run, portrait, more):
    picture, points = portrait()
    image = Image.open(picture).convert("RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    image.save(picture)
    done = run("animate", picture.name, "--landmarks", points.name, "--motion", "nod", "--to", "0.2", *more)
    assert done.code == 0
    assert f"note: the transparency of {picture.name} is left out" in done.err


def test_lossless_frames_are_the_folders(run, portrait):
    folder = made(run, portrait, "frames/")
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.png"))]
    clip = open_clip(made(run, portrait, "a.mp4", "--lossless", "--overwrite"))
    assert all((a == b).all() for a, b in zip(pictures, clip.frames(accurate=True), strict=True))


def test_a_size_of_another_shape_is_said_to_stretch(run, portrait, tmp_path):
    picture, points = portrait()
    arguments = ("animate", picture.name, "--landmarks", points.name, "--motion", "nod", "--to", "0.2", "-o", "a.mp4")
    assert "stretched" in run(*arguments, "--size", "320x120").err
    assert open_clip(tmp_path / "a.mp4").size == (120, 320)


@pytest.mark.parametrize(
    ("more", "says"),
    [(("--size", "30000x30000"), "16384"), (("--label", "x" * 3000), "too long"), (("-o", "full/"), "other files")],
)
def test_what_cannot_be_written_is_refused_before_the_driver_is_read(run, portrait, tmp_path, more, says):
    picture, points = portrait()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").touch()
    (tmp_path / "torn.mp4").write_bytes(b"no clip")
    done = run("animate", picture.name, "--landmarks", points.name, "--driver", "torn.mp4", "--overwrite", *more)
    assert done.code in (1, 2)
    assert says in done.err
    assert "error: torn.mp4" not in done.err


def test_a_missing_driver_is_told_before_the_source_is_read(run, portrait):
    picture, points = portrait()
    done = run("animate", picture.name, "--landmarks", points.name, "--driver", "gone.mp4", "--json")
    assert done.code == 1
    assert "gone.mp4 does not exist" in done.err + done.out
    assert not any(event.get("phase") == "read" for event in done.events)


def test_a_clip_is_shown_beside_its_result_for_the_part_that_was_asked_for(run, portrait):
    picture, points = portrait()
    cut = ("--driver", str(EXAMPLES / "driver.mp4"), "--from", "1", "--to", "1.16")
    done = run("animate", picture.name, "--landmarks", points.name, *cut, "--compare", "-o", "a.mp4", "--json")
    assert done.code == 0, done.out
    result = done.events[-1]
    assert (result["width"], result["height"]) == (2 * 200 + 240, 240)
    assert result["has_sound"]
    frames = list(open_clip(picture.parent / "a.mp4").frames())
    assert len(frames) == result["frames"]
    rate = Fraction(result["fps"])
    driver = list(open_clip(EXAMPLES / "driver.mp4").frames(start=1, end=1.16, max_side=240, fps=rate))
    for shown, own in zip(frames, driver, strict=True):
        assert np.abs(shown[:, 200:440].astype(int) - own).mean() < 6
    source = np.asarray(Image.open(picture))
    assert all(np.abs(frame[:, :200].astype(int) - source).mean() < 6 for frame in frames)
