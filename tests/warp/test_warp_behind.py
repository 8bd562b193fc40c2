"""What other pictures of the scene show behind the sitter: found where the scenes agree, left alone where not."""

import cv2
import numpy as np
import pytest
from warp_heads import paint_head

from portrait_alive.types import Picture
from portrait_alive.warp.behind import Behind, Surroundings, seen_behind
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.same_scene import Scene, enlarged, map_between

SIZE = (240, 320)
FACE_PX = 80.0


def wall(seed: int, plain: float = 0.0) -> np.ndarray:
    """A structured wall, larger than any picture of it."""
    noise = np.random.default_rng(seed).normal(0, 1, (400, 480, 3)).astype(np.float32)
    structure = cv2.GaussianBlur(noise, (0, 0), 5)
    return np.clip(128 + (0 if plain else 600) * structure, 0, 255).astype(np.uint8)


def picture_of(scene: np.ndarray, at: tuple[float, float], sitter_x: int, *, zoom: float = 1.0) -> Surroundings:
    """A sitter, a plain disc, before the wall, seen by a camera whose corner lies at (x, y)."""
    onto = np.array([[zoom, 0, at[0]], [0, zoom, at[1]]], np.float64)
    seen = cv2.warpAffine(scene, onto, SIZE[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    sitter = np.zeros(SIZE, np.uint8)
    cv2.circle(sitter, (sitter_x, 130), 55, 1, -1)
    seen[sitter > 0] = (200, 160, 140)
    return Surroundings(seen, 1 - sitter.astype(np.float32), FACE_PX)


def truth_behind(scene: np.ndarray, at: tuple[float, float], found: Behind) -> tuple[np.ndarray, np.ndarray]:
    """What was found, and the wall, where it was seen."""
    colours, share = found.over((0, 0, SIZE[1], SIZE[0]))
    x, y = int(at[0]), int(at[1])
    own = scene[y : y + SIZE[0], x : x + SIZE[1]]
    return colours[share > 0.99], own[share > 0.99].astype(np.float32)


@pytest.mark.parametrize("camera", [(40.0, 40.0), (58.0, 31.0), (25.0, 55.0)])
def test_a_place_in_one_picture_is_found_in_the_other(camera):
    one, two = picture_of(wall(0), (40, 40), 120), picture_of(wall(0), camera, 190)
    factor = 256 / SIZE[1]
    onto = map_between(*(Scene.of(each.pixels, each.known(), factor) for each in (one, two)))
    assert onto is not None
    whole = enlarged(onto, 1 / factor)
    assert whole[:, 2] == pytest.approx([40 - camera[0], 40 - camera[1]], abs=0.7)
    assert whole[:, :2] == pytest.approx(np.eye(2), abs=0.01)


def test_a_map_grows_with_its_pictures():
    onto = np.array([[1.1, 0.02, 3.0], [-0.01, 0.95, -2.0]])
    place, factor = np.array([17.0, 9.0]), 2.5
    small = onto[:, :2] @ place + onto[:, 2]
    large = enlarged(onto, factor)
    there = large[:, :2] @ ((place + 0.5) * factor - 0.5) + large[:, 2]
    assert there == pytest.approx((small + 0.5) * factor - 0.5)
    assert enlarged(large, 1 / factor) == pytest.approx(onto)


@pytest.mark.parametrize("camera", [(40.0, 40.0), (52.0, 36.0)])
def test_the_wall_behind_the_sitter_comes_from_the_other_picture(camera):
    scene = wall(1)
    found = seen_behind(picture_of(scene, (40, 40), 120), [picture_of(scene, camera, 230)])
    assert found is not None
    lent, own = truth_behind(scene, (40, 40), found)
    assert len(lent) > 4000
    assert np.abs(lent - own).mean() < 6


def test_another_exposure_is_brought_to_the_canvas():
    scene = wall(2)
    other = picture_of(scene, (40, 40), 230)
    dim = Surroundings((other.pixels * 0.75).astype(np.uint8), other.background, FACE_PX)
    found = seen_behind(picture_of(scene, (40, 40), 120), [dim])
    assert found is not None
    lent, own = truth_behind(scene, (40, 40), found)
    assert np.abs(lent - own).mean() < 6


def test_another_scene_lends_nothing():
    canvas = picture_of(wall(3), (40, 40), 120)
    assert seen_behind(canvas, [picture_of(wall(4), (40, 40), 230), picture_of(wall(5), (40, 40), 200)]) is None


def test_where_nobody_sees_more_there_is_nothing():
    canvas = picture_of(wall(3), (40, 40), 120)
    assert seen_behind(canvas, [picture_of(wall(3), (40, 40), 120)]) is None
    assert seen_behind(canvas, []) is None


def test_who_passes_by_does_not_stay_and_order_does_not_matter():
    scene = wall(6)
    canvas = picture_of(scene, (40, 40), 120)
    others = [picture_of(scene, (40, 40), x) for x in (235, 240, 230)]
    passing = others[1].pixels.copy()
    cv2.circle(passing, (110, 130), 16, (250, 20, 20), -1)
    others[1] = Surroundings(passing, others[1].background, FACE_PX)
    found, turned = seen_behind(canvas, others), seen_behind(canvas, others[::-1])
    assert found is not None
    assert turned is not None
    assert np.array_equal(found.pixels, turned.pixels)
    assert np.array_equal(found.share, turned.share)
    lent, own = truth_behind(scene, (40, 40), found)
    assert np.abs(lent - own).max(-1).mean() < 8
    assert (lent[:, 0] - lent[:, 1]).max() < 200


def test_large_pictures_are_kept_small_and_lie_where_they_should():
    colours = np.dstack([np.tile(np.arange(40, dtype=np.uint8), (30, 1))] * 3)
    small = Behind(colours, np.full((30, 40), 255, np.uint8), (100.0, 60.0), 4.0)
    over, share = small.over((90, 50, 300, 200))
    assert share[13:126, 14:166].min() == 1
    assert not share[:8].any()
    assert over[60, 10 + 4 * 20 : 14 + 4 * 20, 0].mean() == pytest.approx(20, abs=0.3)


def test_a_head_taken_apart_stands_before_what_was_seen():
    head = paint_head()
    size = head.picture.size
    stripes = np.zeros((*size, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 255)
    behind = Behind(stripes, np.full(size, 255, np.uint8), (0.0, 0.0), 1.0)
    matte = np.zeros(size, np.float32)
    low, high = head.face.points[:468, :2].min(0).astype(int), head.face.points[:468, :2].max(0).astype(int)
    matte[low[1] : high[1], low[0] : high[0]] = 1
    layers = take_apart(Picture(head.picture.pixels), head.face, head.basis, matte=matte, behind=behind)
    left, top = layers.box[:2]
    inner = layers.background[low[1] - top + 8 : high[1] - top - 8, low[0] - left + 8 : high[0] - left - 8]
    assert np.abs(np.diff(inner[..., 0].astype(int), axis=1)).mean() > 200
    plain = take_apart(Picture(head.picture.pixels), head.face, head.basis, matte=matte)
    assert np.array_equal(layers.background[:4], plain.background[:4])
