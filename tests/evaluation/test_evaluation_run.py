"""The harness end to end on made-up frames, with a judge that knows where the face is."""

import math

import numpy as np
import pytest
from face_material import made_up_mesh, smooth_picture

from portrait_alive.errors import PortraitAliveError, UsageError
from portrait_alive.evaluation.baselines import TruthReencoded, still_source
from portrait_alive.evaluation.evaluate import evaluate, find_instruments
from portrait_alive.evaluation.reenactment import Episode, canvas_first, reading_step, spread
from portrait_alive.evaluation.report import average, episode_table, markdown_table, summary_table, write_tsv
from portrait_alive.evaluation.scores import Instruments, score_episode


class KnowingJudge:
    """Sees the made-up face where the frame's first pixel says (x shift), nowhere where it is 255."""

    def meshes(self, frames):
        found = [made_up_mesh() + np.array([150 + int(f[0, 0, 0]), 160, 0], np.float32) for f in frames]
        for mesh, frame in zip(found, frames, strict=True):
            if frame[0, 0, 0] == 255:
                mesh[:] = np.nan
        return np.stack(found)


def _frame(shift: int) -> np.ndarray:
    frame = np.roll(smooth_picture(300, 320), shift, axis=1)
    frame[0, 0] = shift
    return frame


@pytest.fixture
def episode():
    driving = tuple(_frame(2 * t) for t in range(6))
    return Episode("made-up", (driving[0],), driving)


def test_the_truth_is_perfect_and_the_still_is_not(episode):
    methods = {"truth": lambda sources, driving: driving, "still": still_source}
    truth, still = evaluate(methods, [episode], Instruments(KnowingJudge()))
    assert truth.mean("face_l1") == 0
    assert truth.mean("landmarks_error") == 0
    assert truth.mean("face_flicker") == 1
    assert still.mean("face_l1") > 0.01
    assert still.mean("landmarks_error") == pytest.approx(100 * 5 / 85, rel=1e-3)  # mean shift 0..10 px over 85 px
    assert still.mean("face_flicker") == 0
    assert still.mean("eyes_ssim") < truth.mean("eyes_ssim")


def test_re_encoding_comes_between(episode):
    encoded = score_episode(
        "x", episode, TruthReencoded(18)(episode.sources, episode.driving), Instruments(KnowingJudge())
    )
    worse = score_episode(
        "x", episode, TruthReencoded(40)(episode.sources, episode.driving), Instruments(KnowingJudge())
    )
    assert 0 < encoded.mean("face_l1") < worse.mean("face_l1")


@pytest.mark.parametrize("size", [(64, 64), (63, 65)])
def test_re_encoding_keeps_odd_sizes(size):
    frames = [smooth_picture(*size, seed=s) for s in range(3)]
    again = TruthReencoded(10)(frames, frames)
    assert [f.shape for f in again] == [(*size, 3)] * 3
    assert np.abs(again[1].astype(int) - frames[1]).mean() < 12


def test_a_face_lost_in_the_output_is_counted_not_hidden(episode):
    output = [frame.copy() for frame in episode.driving]
    output[2][0, 0] = output[3][0, 0] = 255
    score = score_episode("x", episode, output, Instruments(KnowingJudge()))
    assert score.unseen_in_output == 2
    assert np.isnan(score.per_frame["landmarks_error"]).tolist() == [False, False, True, True, False, False]
    assert not np.isnan(score.per_frame["face_l1"]).any()


def test_outputs_of_the_wrong_length_or_size_are_refused(episode):
    with pytest.raises(PortraitAliveError, match="5 frames"):
        score_episode("x", episode, episode.driving[:5], Instruments(KnowingJudge()))
    with pytest.raises(PortraitAliveError, match="expected 6"):
        score_episode("x", episode, [f[:-1] for f in episode.driving], Instruments(KnowingJudge()))


def test_missing_networks_are_left_out_and_said(tmp_path, episode):
    found = find_instruments(tmp_path, KnowingJudge())
    assert len(found.missing) == 2
    assert all(str(tmp_path) in sentence for sentence in found.missing)
    (score,) = evaluate({"still": still_source}, [episode], found.instruments)
    assert math.isnan(score.mean("face_lpips"))
    assert "LPIPS" not in summary_table([score])


def test_reports(tmp_path, episode):
    methods = {"truth": lambda sources, driving: driving, "still": still_source}
    scores = evaluate(methods, [episode], Instruments(KnowingJudge()), sheets=tmp_path / "sheets")
    assert (tmp_path / "sheets" / "made-up-k1.png").stat().st_size > 10_000
    write_tsv(scores, tmp_path / "all.tsv")
    header, *rows = [line.split("\t") for line in (tmp_path / "all.tsv").read_text().splitlines()]
    assert {len(row) for row in rows} == {len(header)}
    assert float(rows[1][header.index("face_l1")]) == pytest.approx(scores[1].mean("face_l1"), rel=1e-4)
    assert average(scores, "face_l1") == pytest.approx(scores[1].mean("face_l1") / 2)
    assert summary_table(scores).count("\n") == 4
    assert episode_table(scores).count("made-up") == 2


def test_markdown_shows_gaps_as_dashes():
    assert markdown_table(["a", "b"], [["x", float("nan")]]).splitlines()[-1] == "| x | – |"


def test_protocol_steps_and_spreads():
    assert [reading_step(n) for n in (30, 78, 120, 160, 183, 448)] == [1, 1, 1, 2, 3, 3]
    assert spread(10, 1) == [5]
    assert spread(32, 32) == list(range(32))
    eight = spread(100, 8)
    assert len(set(eight)) == 8
    assert max(np.diff(eight)) - min(np.diff(eight)) <= 1
    with pytest.raises(UsageError):
        spread(7, 8)


@pytest.mark.parametrize("shots", [1, 8, 32])
def test_the_canvas_is_nearly_the_same_for_every_k(shots):
    chosen = canvas_first(spread(100, shots))
    assert sorted(chosen) == spread(100, shots)
    assert abs(chosen[0] - 50) <= 100 / shots / 2 + 1
