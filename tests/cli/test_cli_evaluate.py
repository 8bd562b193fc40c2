"""`evaluate`: tables for clips, what is missing is said, what cannot be measured costs itself alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from portrait_alive.cli.evaluate import parse_shots
from portrait_alive.errors import UsageError
from portrait_alive.evaluation.correlation import Agreement
from portrait_alive.evaluation.crossing import CrossScores, cross_rows, cross_table
from portrait_alive.evaluation.methods import TrackerJudge
from portrait_alive.shape.basis import load_basis
from portrait_alive.weights import SHAPE_BASIS, weight_path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = ("--methods", "still", "--frames", "3")
CLIP, PORTRAIT = str(EXAMPLES / "driver.mp4"), str(EXAMPLES / "portrait.jpg")


class SameFace:
    """Sees one face in the middle of every frame, for figures that do not depend on any tracker."""

    def meshes(self, frames):
        basis = load_basis(weight_path(SHAPE_BASIS))
        height, width = frames[0].shape[:2]
        points = basis.mean[:478] * (0.5 * height / float(np.ptp(basis.mean[:468, 1])))
        centred = points - points.mean(0) + np.array([width / 2, height / 2, 0])
        return np.repeat(centred[None].astype(np.float32), len(frames), axis=0)


@pytest.fixture(autouse=True)
def _same_face(monkeypatch):
    monkeypatch.setattr(TrackerJudge, "meshes", lambda judge, frames: SameFace().meshes(frames))


def test_clips_are_measured_and_the_bad_one_is_left_out(run, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no clip")
    done = run("evaluate", CLIP, "broken.mp4", *NAMES, "--tsv", "a.tsv", "--sheets", "s")
    assert done.code == 4
    assert "1 of 2 clips could not be measured" in done.err
    assert "broken.mp4" in done.err
    assert "LPIPS is left out" in done.err
    assert "judged by the native tracker" in done.err
    header, _, row = done.out.splitlines()[:3]
    assert "face SSIM" in header
    assert row.startswith("| still | 1 |")
    assert "LPIPS" not in done.out
    names, values = (line.split("\t") for line in (tmp_path / "a.tsv").read_text().splitlines())
    figures = dict(zip(names, values, strict=True))
    assert (figures["method"], figures["clip"], figures["frames"]) == ("still", "driver", "3")
    assert 0.5 < float(figures["face_ssim"]) <= 1
    assert (tmp_path / "s" / "driver-k1.png").stat().st_size > 1000
    again = run("evaluate", CLIP, "--tsv", "a.tsv")
    assert (again.code, "exists already" in again.err) == (1, True)


def test_shots_are_measured_on_the_same_frames(run):
    done = run("evaluate", CLIP, "--shots", "2,1", *NAMES, "--json")
    assert done.code == 0, done.err
    scores = done.events[-1]["scores"]
    assert [score["sources"] for score in scores] == [1, 2]
    assert {score["frames"] for score in scores} == {3}
    assert all(0 < score["frame_ssim"] <= 1 for score in scores)


def test_a_picture_of_somebody_else_is_driven(run, tmp_path):
    done = run("evaluate", CLIP, "--source", PORTRAIT, *NAMES, "--tsv", "a.tsv", "--json")
    assert done.code == 0, done.err
    (score,) = done.events[-1]["scores"]
    assert (score["clip"], score["picture"], score["method"]) == ("driver", "portrait", "still")
    assert score["motions"] == {}  # a driver that does not move is followed in nothing
    assert json.dumps(score)
    assert len((tmp_path / "a.tsv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--methods", "magic"), 2, "choose from still"),
        (("--shots", "0"), 2, "1 to 32"),
        (("--source", PORTRAIT, "--shots", "1"), 2, "--source"),
        (("--source", PORTRAIT, "--methods", "reencoded"), 2, "no truth"),
        (("--frames", "1"), 2, "--frames"),
        (("--tracker", "crystal-ball"), 2, "native"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(run, arguments, code, says):
    done = run("evaluate", CLIP, *arguments)
    assert done.code == code
    assert says in done.err


def test_when_no_clip_can_be_measured_the_first_reason_is_the_error(run):
    done = run("evaluate", "missing.mp4", "gone.mp4", "--methods", "still")
    assert done.code == 1
    assert "missing.mp4" in done.err.splitlines()[-1]


def test_shots_are_numbers():
    assert parse_shots(None) == ()
    assert parse_shots("8, 1,8") == (1, 8)
    for text in ("", "1,", "33", "-1", "one"):
        with pytest.raises(UsageError):
            parse_shots(text)


def test_the_cross_table_holds_medians_of_each_method():
    def score(method: str, correlation: float) -> CrossScores:
        return CrossScores(method, "c", "p", {"yaw": Agreement(correlation, 1.0, 0.3)}, float("nan"), 0, 0.1)

    scores = [score("warp", 0.9), score("warp", 0.7), score("still", 0.0)]
    lines = cross_table(scores).splitlines()
    assert lines[2] == "| yaw | 2 | 0.80 / 1.00 | 0.00 / 1.00 |"
    assert len(lines) == 3
    header, rows = cross_rows(scores)
    assert {len(row) for row in rows} == {len(header)}
    assert np.isnan(float(rows[0][header.index("jaw_gain")]))
