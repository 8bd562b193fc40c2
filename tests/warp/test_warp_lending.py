"""Shares of lending pictures, and pieces put into a frame: continuous and without a seam."""

import numpy as np
import pytest

from portrait_alive.warp.lending_shares import IN_PLAY, angles_between, shares_of, stacked
from portrait_alive.warp.patch import Patch, Target, depth_within, distance_beyond, gain_between, keep_clear

NO_TURN = np.zeros(6, np.float32)


def as_vector(distances: np.ndarray, turns: np.ndarray = NO_TURN) -> np.ndarray:
    out = np.zeros(len(distances) - 1)
    for index, share in shares_of(distances.astype(np.float32), turns):
        out[index] = share
    return out


def test_nothing_is_lent_where_the_canvas_is_as_good():
    assert not as_vector(np.array([0.2, 0.0, 0.1, 3, 4, 5, 6])).any()
    assert not as_vector(np.array([1.0, 1.0, 1.2, 3, 4, 5, 6])).sum() > 0.5


def test_the_nearest_lends_and_never_one_that_is_out():
    lent = as_vector(np.array([9.0, np.inf, 1.0, 5, np.inf, 6, 7]))
    assert lent.argmax() == 1
    assert lent.sum() == pytest.approx(1)
    assert not as_vector(np.array([9.0, *[np.inf] * 6])).any()


def test_one_that_is_turned_away_does_not_lend():
    turns = np.full(6, 1.2, np.float32)
    assert not as_vector(np.array([9.0, 1, 1, 1, 1, 1, 1]), turns).any()


def test_shares_change_as_fast_as_the_face_and_no_faster():
    rng = np.random.default_rng(0)
    for _ in range(20):
        start, end = rng.uniform(0, 4, (2, 7))
        path = start + (end - start) * np.linspace(0, 1, 2000)[:, None]
        shares = np.stack([as_vector(step) for step in path])
        assert (shares >= 0).all()
        assert (shares.sum(1) <= 1 + 1e-6).all()
        assert ((shares > 0).sum(1) <= IN_PLAY).all()
        fastest = int(np.abs(np.diff(shares, axis=0)).max(1).argmax())
        between = path[fastest] + (path[fastest + 1] - path[fastest]) * np.linspace(0, 1, 500)[:, None]
        assert np.abs(np.diff([as_vector(step) for step in between], axis=0)).max() < 0.02


def test_layers_give_the_shares():
    shares = [(3, 0.2), (1, 0.5)]
    colour = 0.0
    for index, opacity in stacked(shares):
        colour += (index - colour) * opacity
    assert colour == pytest.approx(3 * 0.2 + 1 * 0.5)


def test_angles():
    turned = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    assert angles_between(np.stack([np.eye(3, dtype=np.float32), turned]), turned) == pytest.approx([np.pi / 2, 0])


def test_a_piece_in_another_light_is_put_in_without_a_trace():
    rng = np.random.default_rng(1)
    scene = np.clip(rng.normal(140, 6, (80, 100, 3)) + np.linspace(-30, 30, 100)[:, None], 0, 255).astype(np.uint8)
    lent = np.clip(scene[10:70, 20:90] * np.array([0.6, 0.7, 0.9]), 0, 255).astype(np.uint8)
    target = Target(scene.copy(), np.full(scene.shape[:2], 255, np.uint8), np.ones(scene.shape[:2], np.float32), (5, 7))
    patch = Patch(lent, (25, 17), np.zeros(lent.shape[:2], np.float32))
    overlap = target.overlap(patch)
    assert overlap is not None
    where, inner = overlap
    mask = np.zeros(lent.shape[:2], np.float32)
    mask[15:45, 20:50] = 1
    target.put(patch, where, inner, mask, 1 - mask, 8.0)
    assert np.abs(target.pixels.astype(int) - scene).mean() < 1.5
    assert target.drawn is not None
    assert not target.drawn[25:55, 40:70].any()
    assert target.drawn[:20].all()
    assert np.array_equal(target.pixels[:25], scene[:25])


def test_a_piece_beside_the_region_is_no_piece():
    target = Target(np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.uint8), None, (0, 0))
    assert target.overlap(Patch(np.zeros((9, 9, 3), np.uint8), (19, 4), np.zeros((9, 9), np.float32))) is None


def test_gain_is_found_from_where_it_is_looked_for():
    own, lent = np.full((40, 40, 3), 120, np.float32), np.full((40, 40, 3), 60, np.float32)
    lent[10:30, 10:30] = 255
    weight = np.ones((40, 40), np.float32)
    weight[10:30, 10:30] = 0
    assert gain_between(own, lent, weight, 8.0) == pytest.approx(124 / 64, rel=0.02)


def test_distances_of_a_ring():
    ring = np.array([[10, 10], [30, 10], [30, 30], [10, 30]], np.float32)
    deep, away = depth_within(ring, (40, 40)), distance_beyond(ring, (40, 40))
    assert deep[20, 20] == pytest.approx(10, abs=1)
    assert deep[5, 5] == away[20, 20] == 0
    assert away[20, 38] == pytest.approx(8, abs=1)


def test_a_polygon_outside_of_a_mask_is_far_and_leaves_it_alone():
    outside = np.array([[200.0, 200.0], [220.0, 200.0], [210.0, 215.0]], np.float32)
    away = distance_beyond(outside, (40, 60))
    assert np.isfinite(away * np.float32(1e3)).all()
    assert away.min() >= 60
    mask = np.ones((40, 60), np.float32)
    keep_clear(mask, outside, (0.1, 0.4))
    assert (mask == 1).all()
