"""`landmarks`: which faces are shown, and under which number."""

import numpy as np
import pytest
from PIL import Image

from portrait_alive.types import Box, Landmarks


class TwoFaces:
    """A tracker that always sees two."""

    name = "two"

    def detect(self, pixels):
        return [_face(Box(10, 10, 40, 50)), _face(Box(80, 10, 60, 70))]

    def refine(self, pixels, around):
        return _face(around)


def _face(box: Box) -> Landmarks:
    points = np.random.default_rng(0).uniform(0, 1, (478, 3)).astype(np.float32)
    points[:2] = (0, 0, 0), (1, 1, 0)
    points[:, :2] = points[:, :2] * (box.width, box.height) + (box.x, box.y)
    return Landmarks(points, np.ones(478, np.float32), 0.9)


@pytest.fixture(autouse=True)
def _two_faces(monkeypatch, tmp_path):
    monkeypatch.setattr("portrait_alive.tracking.tracker.load_tracker", lambda *_, **__: TwoFaces())
    Image.new("RGB", (160, 100), (90, 90, 90)).save(tmp_path / "couple.png")


def test_all_faces_are_listed_and_drawn(run, tmp_path):
    done = run("landmarks", "couple.png", "-o", "seen.png")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "face 1: box 10,10,40,50, confidence 0.90",
        "face 2: box 80,10,60,70, confidence 0.90",
        "seen.png",
    ]
    assert (np.asarray(Image.open(tmp_path / "seen.png").convert("RGB")) != 90).any()


def test_a_chosen_face_keeps_its_number(run):
    assert run("landmarks", "couple.png", "--face", "2").out.startswith("face 2: box 80,10")
    by_box = run("landmarks", "couple.png", "--face", "5,6,20,30", "--json")
    assert by_box.events[-1]["faces"][0]["box"] == pytest.approx([5, 6, 20, 30], abs=0.01)


def test_a_face_that_is_not_there_is_an_error(run):
    done = run("landmarks", "couple.png", "--face", "3")
    assert done.code == 3
    assert "no face 3; 2 found" in done.err
