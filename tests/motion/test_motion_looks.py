"""Looks up and down: freed of narrowing lids and enlarged, more truly where the tracker guesses them from the lids."""

import numpy as np
import pytest

from portrait_alive.motion.looks import whole_looks

FRAMES = 120


def _tracks(seen: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gaze, lid heights, lids, and the look; `seen` of the part that lids do not follow is in the irises, which sink by
    a quarter of what the gap between the lids loses."""
    generator = np.random.default_rng(seed)
    time = np.arange(FRAMES) / 25.0
    follows, apart = 0.1 * np.sin(2.0 * time), 0.05 * np.sin(5.0 * time + 1.0)
    heights = np.zeros((FRAMES, 2, 2), np.float32)
    heights[:, :, 0] = -0.3 + follows[:, None]
    heights[:, :, 1] = 0.3 + 0.2 * follows[:, None]
    gaze = generator.normal(size=(FRAMES, 2, 2)).astype(np.float32) * 1e-4
    gaze[:, :, 1] += (-0.1 + 0.75 * follows + seen * apart)[:, None] - _sunk(heights)
    return gaze, heights, np.ones((FRAMES, 2), np.float32), follows + apart


def _sunk(heights: np.ndarray) -> np.ndarray:
    """(N, 1) by how much narrowing lids lift the gaze less the usual."""
    gap = heights[:, 0, 1] - heights[:, 0, 0]
    return (0.25 * (gap - np.median(gap)))[:, None]


def test_guessed_looks_become_larger_and_truer():
    gaze, heights, lids, look = _tracks(0.1)
    whole = whole_looks(gaze, heights, lids)
    before, after = (gaze[:, :, 1] + _sunk(heights)).mean(1), whole.mean(1)[:, 1]
    assert np.polyfit(look, after, 1)[0] > 1.15 * np.polyfit(look, before, 1)[0]
    assert np.corrcoef(look, after)[0, 1] > np.corrcoef(look, before)[0, 1]
    assert np.median(after) == pytest.approx(np.median(before), abs=0.01)


def test_seen_irises_are_freed_of_narrowing_lids_and_go_further():
    gaze, heights, lids, _ = _tracks(1.0)
    whole = whole_looks(gaze, heights, lids)
    freed = gaze[:, :, 1] + _sunk(heights)
    np.testing.assert_allclose(
        whole[:, :, 1], freed + 0.4 * (freed - np.median(freed.mean(1))).mean(1, keepdims=True), atol=1e-5
    )


def test_sideward_looks_become_somewhat_larger():
    gaze, heights, lids, look = _tracks(0.1)
    gaze[:, :, 0] += 0.3 + look[:, None]
    aside = whole_looks(gaze, heights, lids)[:, :, 0]
    np.testing.assert_allclose(np.polyfit(gaze[:, 0, 0], aside[:, 0], 1)[0], 1.25, atol=1e-3)
    np.testing.assert_allclose(np.median(aside), np.median(gaze[:, :, 0]), atol=1e-3)


def test_both_eyes_move_by_the_same():
    gaze, heights, lids, _ = _tracks(0.1)
    gaze[:, 1, 1] += 0.2
    change = (whole_looks(gaze, heights, lids) - gaze)[:, :, 1]
    np.testing.assert_allclose(change[:, 0], change[:, 1], atol=1e-6)


@pytest.mark.parametrize("frames", [0, 1, 10])
def test_too_little_to_tell_changes_nothing(frames):
    gaze, heights, lids, _ = _tracks(0.1)
    short = whole_looks(gaze[:frames], heights[:frames], lids[:frames])
    np.testing.assert_array_equal(short, gaze[:frames])


def test_eyes_that_never_move_and_blinks_tell_nothing():
    gaze, heights, lids, _ = _tracks(0.1)
    still, lids_still = np.full_like(gaze, -0.1), np.broadcast_to(heights[:1], heights.shape)
    np.testing.assert_array_equal(whole_looks(still, lids_still, lids), still)
    np.testing.assert_array_equal(whole_looks(gaze, heights, 0.3 * lids), gaze)
