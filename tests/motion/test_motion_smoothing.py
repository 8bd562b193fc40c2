from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from portrait_alive.motion.smoothing import gaussian, noise_of, smoothed
from portrait_alive.motion.tracks import motion_at_rest

FRAMES = 200


@pytest.fixture
def noisy(names):
    """A head that rests, turns at frame 100, and blinks for three frames now and then, seen by a noisy tracker."""
    generator = np.random.default_rng(1)
    rest = motion_at_rest(FRAMES, Fraction(25), names)
    turn = 0.4 / (1 + np.exp(-(np.arange(FRAMES) - 100) / 2.0))
    rotation = np.stack([turn, 0 * turn, 0 * turn], 1) + generator.normal(size=(FRAMES, 3)) * 0.004
    lids = np.ones((FRAMES, 2))
    for start in (30, 77, 140):
        lids[start : start + 3] = np.array([0.4, 0.0, 0.5])[:, None]
    lids += generator.normal(size=lids.shape) * 0.02
    mouth = np.clip(0.15 + 0.15 * np.sin(np.arange(FRAMES) * 0.5), 0.0, None)
    mouth[50], mouth[51] = 0.0, 0.0  # a plosive in the middle of an open mouth
    return replace(
        rest,
        rotation=rotation.astype(np.float32),
        lids=np.clip(lids, 0, None).astype(np.float32),
        mouth=mouth.astype(np.float32),
    )


def test_a_resting_head_rests(noisy):
    rest = slice(10, 80)
    before, after = (np.diff(m.rotation[rest], 2, axis=0).std() for m in (noisy, smoothed(noisy)))
    assert after < before / 3


def test_a_turn_keeps_its_time_and_size(noisy):
    after = smoothed(noisy).rotation[:, 0]
    crossing = int(np.argmax(after > 0.2))
    assert abs(crossing - 100) <= 1
    assert after[120:].mean() - after[:80].mean() == pytest.approx(0.4, abs=0.01)


def test_a_blink_stays_a_blink(noisy):
    """Three frames stay three frames, as deep as they were."""
    after = smoothed(noisy).lids
    for start in (30, 77, 140):
        shut_before = (noisy.lids[start - 5 : start + 8] < 0.6).sum(0)
        shut_after = (after[start - 5 : start + 8] < 0.6).sum(0)
        assert (np.abs(shut_after - shut_before) <= 1).all()
        assert (after[start + 1] < 0.12).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_resting_lids_rest_though_the_tracker_errs_widely_now_and_then(names, seed):
    lids = 1 + 0.01 * np.random.default_rng(seed).standard_t(3, size=(FRAMES, 2))
    wavering = replace(motion_at_rest(FRAMES, Fraction(25), names), lids=lids.astype(np.float32))
    before, after = (np.diff(m.lids, 2, axis=0).std() for m in (wavering, smoothed(wavering)))
    assert after < before / 3


def test_lips_in_contact_stay_in_contact(noisy):
    after = smoothed(noisy).mouth
    assert (after[50:52] == 0).all()
    assert after[noisy.mouth > 0.05].min() > 0


def test_no_phase(noisy):
    """Smoothing the reversed motion gives the reversed smoothed motion: nothing is causal."""

    def reverse(motion):
        return motion.with_tracks(lambda _, track: np.ascontiguousarray(track[::-1]))

    one, other = smoothed(noisy), reverse(smoothed(reverse(noisy)))
    for name in ("rotation", "lids", "mouth", "scale"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5, err_msg=name)


def test_strength_zero_and_built_in_motions_are_left_alone(noisy):
    assert smoothed(noisy, 0.0) is noisy
    built_in = replace(noisy, provenance={"kind": "built-in"})
    assert smoothed(built_in) is built_in


def test_the_scale_loses_its_breathing(noisy):
    wobble = 1 + 0.02 * np.sin(np.arange(FRAMES) * 1.3)
    after = smoothed(replace(noisy, scale=wobble.astype(np.float32))).scale
    assert after.std() < 0.1 * wobble.std()


def test_a_straight_line_passes_the_gaussian_to_its_ends():
    line = np.linspace(0, 5, 60)[:, None]
    np.testing.assert_allclose(gaussian(line, 4.0), line, atol=1e-9)


def test_noise_is_measured_not_movement():
    generator = np.random.default_rng(0)
    slow = np.sin(np.linspace(0, 6, 2000))[:, None] * 3
    assert noise_of(slow + 0.01 * generator.normal(size=slow.shape))[0] == pytest.approx(0.01, rel=0.2)


def test_very_short_motions_pass(names):
    for frames in (1, 2, 5, 7):
        assert smoothed(motion_at_rest(frames, Fraction(25), names)).frame_count == frames


def test_shapes_that_mostly_weigh_nothing_do_not_flicker(noisy):
    """No noise is measured on a track that is nearly always 0; a stir of a hundredth is noise all the same."""
    stirs = np.zeros((FRAMES, len(noisy.expression_names)), np.float32)
    generator = np.random.default_rng(2)
    for frame in range(5, FRAMES, 7):
        stirs[frame, generator.integers(stirs.shape[1], size=4)] = 0.012
    after = smoothed(replace(noisy, expression=stirs, mouth=0 * noisy.mouth)).expression
    assert np.abs(np.diff(after, 2, axis=0)).max() < np.abs(np.diff(stirs, 2, axis=0)).max() / 3


def test_a_slow_look_keeps_its_size(names):
    """Eyes that rise and fall within a second and a half: a tenth of it, at most, is taken for the tracker's noise."""
    generator = np.random.default_rng(2)
    wave = 0.05 * np.sin(np.arange(FRAMES) * 2 * np.pi / 38)
    gaze = wave[:, None, None] + generator.normal(size=(FRAMES, 2, 2)) * 0.012
    after = smoothed(replace(motion_at_rest(FRAMES, Fraction(25), names), gaze=gaze.astype(np.float32))).gaze[:, 0, 1]
    assert after @ wave / (wave @ wave) > 0.89
    assert np.std(after - wave) < 0.012 / 2
