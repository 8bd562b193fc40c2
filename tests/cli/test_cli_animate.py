"""`animate` from end to end: what comes out, what is said, and what an interrupted run leaves behind (nothing)."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from portrait_alive import AnimateOptions, animate, track
from portrait_alive.events import Note, PhaseStarted, Progress
from portrait_alive.media.clips import open_clip
from portrait_alive.motion.file import save_motion


def test_film_of_a_built_in_motion(start, portrait, tmp_path):
    picture, points = portrait("mona lisa ö.png")
    done = start("animate", picture.name, "--landmarks", points.name, "--motion", "nod", "--to", "1")
    assert done.code == 0, done.err
    assert done.out.strip() == "mona lisa ö-nod.mp4"
    clip = open_clip(tmp_path / "mona lisa ö-nod.mp4")
    assert (clip.size, clip.fps) == ((240, 200), 25)
    assert sum(1 for _ in clip.frames()) == 25
    assert "rendering: 25 frames" in done.err


def test_json_events(run, portrait):
    picture, points = portrait()
    done = run("animate", picture.name, "--landmarks", points.name, "--motion", "smile", "--to", "0.4", "--json")
    assert done.code == 0, done.out
    kinds = [event["event"] for event in done.events]
    assert set(kinds) <= {"phase", "progress", "note", "result"}
    assert kinds[-1] == "result"
    phases = [event["phase"] for event in done.events if event["event"] == "phase"]
    assert phases == ["read", "take-apart", "render", "finish"]
    render = [event for event in done.events if event["event"] == "progress" and event["phase"] == "render"]
    assert render[-1]["done"] == render[-1]["total"] == 10
    result = done.events[-1]
    assert {"path", "width", "height", "fps", "frames", "has_sound", "seconds", "notes"} <= set(result)
    assert (result["width"], result["height"], result["fps"], result["frames"]) == (200, 240, "25", 10)


def test_quiet_prints_the_path_alone(run, portrait):
    picture, points = portrait()
    done = run("animate", picture.name, "--landmarks", points.name, "--motion", "blink", "--to", "0.4", "--quiet")
    assert (done.code, done.out, done.err) == (0, "portrait-blink.mp4\n", "")


def test_small_face_is_reported(run, portrait):
    picture, points = portrait(size=(120, 100))
    done = run("animate", picture.name, "--landmarks", points.name, "--motion", "blink", "--to", "0.2")
    assert done.code == 0
    assert "note: face 1 is only" in done.err


def test_still_parts_are_the_sources_own(portrait, tmp_path):
    picture, points = portrait(size=(420, 600))
    folder = tmp_path / "frames"
    options = AnimateOptions(landmarks=points, end=0.6)
    result = animate(picture, motion="nod", output=f"{folder}/", options=options)
    source = np.asarray(Image.open(picture))
    frames = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.png"))]
    assert len(frames) == result.frames == 15
    moved = np.any([(frame != source).any(-1) for frame in frames], axis=0)
    assert 0.01 < moved.mean() < 0.6
    assert not moved[:, :40].any()
    assert not moved[:, -40:].any()


def test_rate_is_resampled_and_length_kept(portrait, tmp_path):
    picture, points = portrait()
    options = AnimateOptions(landmarks=points, end=1.0, fps=Fraction(30000, 1001), crf=30)
    result = animate(picture, motion="smile", output=tmp_path / "film.mp4", options=options)
    assert result.fps == Fraction(30000, 1001)
    assert abs(result.frames / result.fps - 1) <= 1 / result.fps


def test_compare_shows_source_and_result(portrait, tmp_path):
    picture, points = portrait()
    options = AnimateOptions(landmarks=points, end=0.2, compare=True)
    result = animate(picture, motion="smile", output=tmp_path / "film.mp4", options=options)
    assert result.size == (240, 400)


def test_library_events_and_frames(portrait, tmp_path):
    picture, points = portrait(size=(120, 100))
    heard, shapes = [], []
    animate(
        picture,
        motion="blink",
        output=tmp_path / "film.mp4",
        options=AnimateOptions(landmarks=points, end=0.2),
        on_event=heard.append,
        on_frame=lambda number, frame: shapes.append((number, frame.shape)),
    )
    assert shapes == [(number, (120, 100, 3)) for number in range(5)]
    assert [event.done for event in heard if isinstance(event, Progress)] == [1, 2, 3, 4, 5]
    assert next(event for event in heard if isinstance(event, Note)).code == "small-face"
    assert isinstance(heard[0], PhaseStarted)


def test_alpha_survives(portrait, tmp_path):
    picture, points = portrait()
    image = Image.open(picture).convert("RGBA")
    alpha = np.full((240, 200), 255, np.uint8)
    alpha[:, :20] = 0
    image.putalpha(Image.fromarray(alpha))
    image.save(picture)
    animate(picture, motion="nod", output=f"{tmp_path}/frames/", options=AnimateOptions(landmarks=points, end=0.4))
    frame = Image.open(sorted((tmp_path / "frames").glob("*.png"))[5])
    assert frame.mode == "RGBA"
    assert (np.asarray(frame)[:, :10, 3] == 0).all()
    assert (np.asarray(frame)[:, 100, 3] == 255).all()


def test_motion_file_gives_the_film_of_its_motion(portrait, run, tmp_path):
    from portrait_alive.motion.builtin import builtin_motion
    from portrait_alive.motion.file import save_motion
    from portrait_alive.shape.basis import load_basis
    from portrait_alive.weights import SHAPE_BASIS, weight_path

    picture, points = portrait()
    motion = builtin_motion("nod", load_basis(weight_path(SHAPE_BASIS)), seconds=1.0)
    save_motion(motion, tmp_path / "nod.motion")
    done = run(
        "animate", picture.name, "--landmarks", points.name, "--driver", "nod.motion", "--from", "0.2", "--to", "0.6",
        "-o", "frames/", "--quiet",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert len(list((tmp_path / "frames").glob("*.png"))) == 10


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGINT, 40)])
def test_interrupted_run_leaves_nothing(portrait, tmp_path, number, times):
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("whoever started the tests ignores this signal, and so do their children")
    picture, points = portrait()
    before = sorted(path.name for path in tmp_path.iterdir())
    command = ["animate", picture.name, "--landmarks", points.name, "--motion", "idle", "--to", "600", "-o", "film.mp4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "portrait_alive", *command, "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"render"' in line and '"done"' in line:
            break
    encoders = _children(process.pid)
    for _ in range(times):  # an impatient user presses again, which must not interrupt the clean-up
        process.send_signal(number)
        time.sleep(0.02)
    rest = process.stdout.read()
    assert process.wait(timeout=30) == 130
    assert '"exit_code": 130' in rest
    assert "Traceback" not in rest
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{child}").exists() for child in encoders) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{child}").exists() for child in encoders)


def _children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(number) for number in path.read_text().split()] if path.exists() else []


def test_batch_of_real_films_is_continued(run, portrait, tmp_path):
    for name in ("a.png", "b.png"):
        portrait(name, size=(120, 100))
    (tmp_path / "c.png").write_bytes(b"no picture")
    (tmp_path / "rows.csv").write_text(
        "source,motion,to,landmarks\n"
        + "".join(f"{stem}.png,blink,0.2,{tmp_path / stem}.json\n" for stem in "abc")
    )  # fmt: skip
    first = run("batch", "rows.csv", "-o", "out", "--jobs", "1", "--json")
    assert first.code == 4, first.out
    result = first.events[-2]
    assert (result["event"], result["done"], result["made"]) == ("result", 2, 2)
    assert [failed["kind"] for failed in result["failed"]] == ["UnreadableInputError"]
    assert {event["row"]: event["status"] for event in first.events if event["event"] == "row"} == {
        "a.mp4": "done", "b.mp4": "done", "c.mp4": "failed",
    }  # fmt: skip
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("data-moving") == 2
    assert len(list((tmp_path / "out" / "index-thumbnails").glob("*.webp"))) == 4
    again = run("batch", "rows.csv", "-o", "out", "--jobs", "1", "--json")
    assert (again.code, again.events[-2]["made"], again.events[-2]["done"]) == (4, 0, 2)


def test_motion_file_of_a_still_moves_as_the_still_does(portrait, tmp_path):
    picture, points = portrait(size=(160, 200))
    example = Path(__file__).parents[2] / "examples" / "portrait.jpg"
    save_motion(track(example), tmp_path / "still.motion")
    lengths = []
    for driver in (example, tmp_path / "still.motion"):
        output = tmp_path / f"{driver.suffix[1:]}.mp4"
        lengths.append(animate(picture, driver=driver, output=output, options=AnimateOptions(landmarks=points)).frames)
    assert lengths[0] == lengths[1] > 25


def test_the_expression_of_a_still_is_held_to_the_end_that_was_asked_for(portrait, tmp_path):
    picture, points = portrait(size=(160, 200))
    example = Path(__file__).parents[2] / "examples" / "portrait.jpg"
    options = AnimateOptions(landmarks=points, start=3.2, end=3.6)
    assert animate(picture, driver=example, output=tmp_path / "film.mp4", options=options).frames == 10
