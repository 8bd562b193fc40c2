"""Tuning: pairs show the truth, what helps held-out pairs is kept, the same seed gives the same person."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from portrait_alive import AnimateOptions, enroll
from portrait_alive.errors import UsageError
from portrait_alive.media.stills import read_picture
from portrait_alive.neural.repaint import NeuralLayer
from portrait_alive.neural.view import VIEW_PX, View
from portrait_alive.options import parse_option
from portrait_alive.person.file import load_person
from portrait_alive.person.person import SitterPicture
from portrait_alive.person.tuning import settings_for
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.native import NativeTracker
from portrait_alive.training.tuning.pairs import Pair, head_of, pairs_of_one, pairs_of_several, reduced
from portrait_alive.training.tuning.tune import TuneSettings, is_tuned, tune
from portrait_alive.types import SourceFace
from portrait_alive.warp.lending import Lending
from portrait_alive.weights import SHAPE_BASIS, weight_path


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """Two patches a step: what is learned here is learned by any."""
    monkeypatch.setattr("portrait_alive.training.tuning.tune._BATCH", 2)


@pytest.fixture(scope="session")
def fitter() -> HeadFitter:
    return HeadFitter.of(load_basis(weight_path(SHAPE_BASIS)))


@pytest.fixture
def seen(draw, fitter):
    tracker = NativeTracker.load()

    def see(name: str, **how: float) -> SitterPicture:
        picture = read_picture(draw(name, **how))
        return SitterPicture(picture, source_face(tracker.detect(picture.pixels)[0], fitter))

    return see


@pytest.fixture
def private_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("portrait_alive.person.cache.cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def short(monkeypatch):
    """Tuning of few steps."""
    for name, steps in (("_LIGHT_STEPS", 4), ("_FULL_STEPS", 4), ("_FULL_STEPS_A_PICTURE", 0)):
        monkeypatch.setattr(f"portrait_alive.person.tuning.{name}", steps)


def brightening(count: int, *, gain: float, seed: int = 0) -> list[Pair]:
    """Pairs whose truth is the warped frame, brighter, in the left half; there is no truth in the right half."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(count):
        planes = rng.integers(40, 120, (12, 12, 11), np.uint8).repeat(16, 0).repeat(16, 1)
        known = np.zeros((VIEW_PX, VIEW_PX), np.float32)
        known[:, : VIEW_PX // 2] = 1
        planes[..., 6] = np.rint(255 * (1 - known))  # what was drawn is not known
        truth = np.clip(planes[..., :3] * gain, 0, 255).astype(np.uint8)
        pairs.append(Pair(planes, truth, known))
    return pairs


def test_what_came_back_lies_on_the_picture(seen, fitter):
    pairs = pairs_of_one(seen("a.png"), fitter, Matter.load(), np.random.default_rng(0), 1)
    assert len(pairs) == 1
    for pair in pairs:
        sure = pair.known > 0.99
        assert 0.15 < sure.mean() < 0.95
        apart = np.abs(pair.planes[..., :3].astype(int) - pair.truth)[sure]
        assert np.median(apart) <= 2
        # looked up once: as sharp as the picture, not softer
        there, truth = (
            np.abs(np.diff(one.astype(int), axis=1))[sure[:, 1:]].mean() for one in (pair.planes[..., :3], pair.truth)
        )
        assert there > 0.93 * truth


def test_another_picture_is_brought_to_the_canvas(seen, fitter):
    import cv2

    canvas, other = seen("a.png"), seen("b.png", turn_deg=4)
    larger = cv2.resize(other.picture.pixels, None, fx=1.7, fy=1.7, interpolation=cv2.INTER_CUBIC)
    foreign = SitterPicture(
        type(other.picture)(np.clip(larger * 0.7, 0, 255).astype(np.uint8)),
        source_face(NativeTracker.load().detect(larger)[0], fitter),
    )
    pairs = pairs_of_several(canvas, [other, foreign], fitter, Matter.load())
    assert len(pairs) == 2
    for pair in pairs:
        # only where a mesh lies is the truth known to lie under the warped frame
        assert pair.known[:8].max() == pair.known[-8:].max() == 0
        sure = pair.known > 0.95
        warped, truth = pair.planes[..., :3].astype(int), pair.truth.astype(int)
        assert np.abs(warped - truth)[sure].mean() < 12
        assert abs(warped[sure].mean() - truth[sure].mean()) < 4


def test_what_is_the_truth_does_not_lend_to_its_own_frame(seen, fitter, monkeypatch):
    present = []
    monkeypatch.setattr(
        Lending, "lend", lambda self, driven, target: present.append([each.rotation for each in self.lenders])
    )
    others = [seen(f"{turn}.png", turn_deg=turn) for turn in (3, 6)]
    assert len(pairs_of_several(seen("a.png"), others, fitter, Matter.load())) == 2
    for lenders, other in zip(present, reversed(others), strict=True):
        assert len(lenders) == 1
        assert np.array_equal(lenders[0], other.face.fit.pose.rotation)


def test_large_pictures_are_worked_on_small(seen, fitter):
    import cv2

    one = seen("a.png")
    assert reduced(one) is one
    pixels = cv2.resize(one.picture.pixels, None, fx=4, fy=4)
    large = SitterPicture(type(one.picture)(pixels), source_face(NativeTracker.load().detect(pixels)[0], fitter))
    small = reduced(large)
    assert View.side_for(small.face) == pytest.approx(240, abs=2)
    # the same face in the same place of the networks' square
    assert np.abs(small.mesh - large.mesh).max() < 1.5
    assert np.abs(small.view[..., :3].astype(int) - large.view[..., :3]).mean() < 3


def test_of_a_large_picture_the_head_is_kept(seen, monkeypatch):
    one = seen("a.png")
    assert head_of(one) is one
    monkeypatch.setattr("portrait_alive.training.tuning.pairs._LARGE_PICTURE", 1000)
    wide = np.pad(one.picture.pixels, ((300, 300), (400, 200), (0, 0)))
    by = np.array([400, 300, 0], np.float32)
    fit = replace(one.face.fit, pose=replace(one.face.fit.pose, translation=one.face.fit.pose.translation + by))
    marks = replace(one.face.landmarks, points=one.face.landmarks.points + by)
    far = SitterPicture(type(one.picture)(wide), SourceFace(marks, fit, one.face.points + by))
    cut = head_of(far)
    assert cut.picture.pixels.size < 0.7 * wide.size
    assert np.array_equal(cut.view, far.view)
    assert np.abs(cut.mesh - far.mesh).max() < 0.01


def test_tuning_learns_what_holds_for_held_out_pairs(small):
    layer, person = NeuralLayer.load(torch.device("cpu")), np.ones(8, np.float32)
    settings = TuneSettings(30, 2e-2, is_full=True)
    got = tune(layer, person, brightening(3, gain=1.4), brightening(1, gain=1.4, seed=1), settings)
    assert got.after < 0.9 * got.before
    assert got.changes
    assert all(is_tuned(name, is_full=True) for name in got.changes)
    planes, one = brightening(1, gain=1.4, seed=2)[0].planes, torch.from_numpy(person)[None]
    change = layer.tuned(got.changes).difference(planes, one) - layer.difference(planes, one)
    middle = slice(40, 150)
    # the half without truth is held to what the untuned networks say
    assert change[middle, 30:80].mean() > 1.5 * abs(change[middle, 120:160].mean())


def test_the_same_seed_gives_the_same_person(small):
    layer, person = NeuralLayer.load(torch.device("cpu")), np.ones(8, np.float32)
    pairs, exam = brightening(3, gain=1.4), brightening(1, gain=1.4, seed=1)
    one, other, third = (
        tune(layer, person, pairs, exam, TuneSettings(10, 1e-2, is_full=False, seed=seed)) for seed in (5, 5, 6)
    )
    assert one.changes
    assert all(np.array_equal(one.changes[name], other.changes[name]) for name in one.changes)
    assert one.after != third.after


def test_what_does_not_help_is_not_kept(small):
    layer, person = NeuralLayer.load(torch.device("cpu")), np.ones(8, np.float32)
    settings = TuneSettings(80, 1e-2, is_full=False)
    got = tune(layer, person, brightening(2, gain=1.4), brightening(1, gain=0.6, seed=1), settings)
    assert got.changes == {}
    assert got.best_step == 0
    assert got.steps < 80  # and it gave up before the end


def test_a_light_tune_leaves_convolutions_alone():
    assert is_tuned("up.0.1.style.bias", is_full=False)
    assert is_tuned("out.weight", is_full=False)
    assert not is_tuned("up.0.1.convolution.weight", is_full=False)
    assert is_tuned("up.0.1.convolution.weight", is_full=True)
    assert not is_tuned("down.0.1.convolution.weight", is_full=True)


def test_who_wants_tuning_says_so():
    assert settings_for("off", 8, 0) is None
    assert settings_for("auto", 8, 0) is None
    assert settings_for("full", 8, 0).is_full
    assert not settings_for("light", 8, 0).is_full
    assert settings_for(30, 2, 0).seconds == 30
    assert parse_option("tune", "12.5") == 12.5
    for wrong in ("hard", "0", "-3", "nan"):
        with pytest.raises(UsageError, match="--tune"):
            parse_option("tune", wrong)


def test_a_second_run_does_not_tune_again(draw, small, short, private_cache, tmp_path):
    paths = [draw(f"{turn}.png", turn_deg=turn) for turn in (0, 4, -4, 7)]
    options = AnimateOptions(engine="neural", tune="full", seed=3, overwrite=True)

    def codes() -> set[str]:
        return {note.code for note in enroll(paths, tmp_path / "ada.person", options=options).notes}

    assert codes() & {"tuned", "not-tuned"}
    first = load_person(tmp_path / "ada.person").person
    assert codes() & {"tuned", "not-tuned", "tuned-before"} == {"tuned-before"}
    second = load_person(tmp_path / "ada.person").person
    assert second.changes.keys() == first.changes.keys()
    assert all(np.array_equal(second.changes[name], first.changes[name]) for name in first.changes)
    entry = next((private_cache / "portrait-alive" / "persons").iterdir())
    assert entry.stat().st_size < 1_000_000
    entry.write_bytes(b"damaged")
    assert codes() & {"tuned", "not-tuned"}


def test_one_picture_can_be_tuned_lightly(draw, small, short, private_cache, tmp_path, monkeypatch):
    monkeypatch.setattr("portrait_alive.person.tuning._OWN_LEARNED", 1)
    monkeypatch.setattr("portrait_alive.person.tuning._OWN_HELD", 1)
    options = AnimateOptions(engine="neural", tune="light")
    result = enroll(draw("a.png"), tmp_path / "ada.person", options=options)
    assert "held-out" in result.made["tuned"] or "motions" in result.made["tuned"]
    stored = load_person(tmp_path / "ada.person")
    assert json.loads(json.dumps(result.summary()))["made"]["tuned"] == stored.person.made["tuned"]
