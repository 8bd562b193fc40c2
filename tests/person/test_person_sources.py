"""Several pictures of one sitter as sources, and what is said of pictures that are of several."""

from pathlib import Path

import numpy as np
import pytest

from portrait_alive import AnimateOptions, animate
from portrait_alive.cli import app
from portrait_alive.errors import NoFaceError, UsageError
from portrait_alive.media.stills import read_picture
from portrait_alive.person.enrolling import canvas_first
from portrait_alive.person.likeness import CHIP_PX, look_like_strangers, mean_distances
from portrait_alive.training.likeness import eigenfaces

NEURAL = AnimateOptions(engine="neural", end=0.2)


def test_the_canvas_is_the_picture_that_moves(draw, small, tmp_path):
    paths = [draw("a.png"), draw("b.png", turn_deg=5, gain=0.5)]
    frames: list[float] = []
    result = animate(
        paths,
        motion="nod",
        canvas="2",
        output=tmp_path / "film.mp4",
        options=NEURAL,
        on_frame=lambda _, frame: frames.append(float(frame.mean())),
    )
    assert result.frames == len(frames) == 5
    assert "several-sitters" not in {note.code for note in result.notes}
    dark, bright = (read_picture(path).pixels.mean() for path in reversed(paths))
    assert abs(frames[0] - dark) < 0.2 * abs(frames[0] - bright)


def test_the_warp_takes_several_pictures_and_no_network(draw, tmp_path):
    paths = [draw("a.png"), draw("b.png", turn_deg=4)]
    frames: dict[int, list[np.ndarray]] = {1: [], 2: []}
    for count, seen in frames.items():
        animate(
            paths[:count],
            motion="look-around",
            output=tmp_path / f"{count}.mp4",
            options=AnimateOptions(end=0.2),
            on_frame=lambda _, frame, seen=seen: seen.append(frame.copy()),
        )
    assert len(frames[1]) == len(frames[2]) == 5
    assert all(np.array_equal(one[:8], both[:8]) for one, both in zip(frames[1], frames[2], strict=True))


def test_a_picture_without_a_face_is_named(draw, small, tmp_path):
    from PIL import Image

    Image.new("RGB", (200, 200), (90, 120, 90)).save(tmp_path / "wall.png")
    with pytest.raises(NoFaceError, match=r"wall\.png"):
        animate([draw("a.png"), tmp_path / "wall.png"], motion="nod", output=tmp_path / "f.mp4", options=NEURAL)


def test_one_sitter_cannot_be_several_faces(draw, small):
    with pytest.raises(UsageError, match=r"one sitter.*batch"):
        animate([draw("a.png"), draw("b.png")], motion="nod", options=AnimateOptions(engine="neural", faces="all"))


def test_the_canvas_comes_first_and_the_others_keep_their_order():
    paths = [Path(name) for name in "abcd"]
    assert canvas_first(paths, "3") == (paths[2], paths[0], paths[1], paths[3])
    assert canvas_first(paths, "b")[0] == paths[1]
    assert canvas_first(paths, None) == tuple(paths)
    with pytest.raises(UsageError, match="--canvas 5"):
        canvas_first(paths, "5")
    with pytest.raises(UsageError, match="batch"):
        canvas_first([Path("a")] * 33, None)


def test_canvas_on_the_command_line(draw, small, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("portrait_alive.cli.app.end_gracefully_on_signals", lambda: None)
    draw("a.png"), draw("b.png")
    assert app.run(["animate", "a.png", "b.png", "--motion", "nod", "--canvas", "c.png", "--engine", "neural"]) == 2
    assert "1 a.png, 2 b.png" in capfd.readouterr().err


def test_strangers_are_told_from_variations_of_one_face():
    rng = np.random.default_rng(0)
    faces = rng.normal(size=(6, 400)).astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    near = faces[0] + 0.6 * faces[1:]
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    assert look_like_strangers(list(faces))
    assert not look_like_strangers(list(near))
    assert not look_like_strangers([faces[0]])
    assert int(mean_distances([*near, faces[3] * -1]).argmax()) == 5


def test_what_all_heads_share_is_damped():
    rng = np.random.default_rng(1)
    light = rng.normal(size=CHIP_PX * CHIP_PX).astype(np.float32)
    chips = (
        rng.normal(size=(30, light.size)).astype(np.float32) + 5 * rng.normal(size=(30, 1)).astype(np.float32) * light
    )
    made = eigenfaces(chips, 4)
    along = made["components"][0] @ light / np.linalg.norm(light)
    assert abs(along) > 0.95
    assert made["damping"][0] < 0.3
    assert made["damping"][-1] == pytest.approx(1)
