"""The near side's mirror image over the far side of a head that comes round to the front."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from warp_heads import SKIN, Head, driven_by, paint_head, turned

from portrait_alive.shape import topology
from portrait_alive.types import Float, Picture
from portrait_alive.warp.far_side import _held_back
from portrait_alive.warp.far_temple import FarTemple
from portrait_alive.warp.glasses_rims import GlassesRims
from portrait_alive.warp.grid import Grid
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.patch import Target
from portrait_alive.warp.warper import Warper

_SIZE = 480
_YAW = 0.65
_BLUE = (40, 70, 200)
_CHEEK = (101, 36, 205, 142, 126)
"""On the side that is far when the yaw is positive."""


def _mottled(yaw: float, *, contrast: float = 14.0) -> Head:
    """A painted head whose skin has a shade for each triangle, the same on both sides."""
    head = paint_head(_SIZE, yaw=yaw)
    pixels, mesh = head.picture.pixels.copy(), head.face.points
    places = head.basis.mean[head.basis.triangles].mean(1)  # (T, 3)
    lips_and_eyes = set(topology.GROUPS["mouth"] + topology.GROUPS["eyes"])
    for corners, (x, y, _) in zip(head.basis.triangles, places, strict=True):
        first, second, third = mesh[corners, :2]
        across, along = second - first, third - first
        if across[0] * along[1] < across[1] * along[0] or lips_and_eyes & set(corners.tolist()):
            continue
        shade = np.random.default_rng([round(abs(x) * 50), round(y * 50) + 9999]).normal(0, contrast)
        ring = np.round((mesh[corners, :2] - 0.5) * 16).astype(np.int32)
        cv2.fillConvexPoly(pixels, ring, np.clip(np.array(SKIN) + shade, 0, 255).tolist(), cv2.LINE_8, 4)
    return replace(head, picture=Picture(pixels))


@pytest.fixture(scope="module")
def head() -> Head:
    return _mottled(_YAW)


@pytest.fixture(scope="module")
def warper(head: Head) -> Warper:
    return Warper(take_apart(head.picture, head.face, head.basis))


def _stretched(warper: Warper) -> Warper:
    return Warper(replace(warper.layers, far_side=None))


def _within(warper: Warper, ring: Float) -> NDArray[np.bool_]:
    """(h, w) the region's pixels in the convex outline of canvas points (N, 2)."""
    left, top, right, bottom = warper.box
    mask = np.zeros((bottom - top, right - left), np.uint8)
    hull = cv2.convexHull(np.ascontiguousarray(ring - np.array([left, top], np.float32)))
    cv2.fillConvexPoly(mask, np.round(hull).astype(np.int32), 1)
    return mask > 0


def test_a_far_cheek_that_comes_round_is_nearer_to_the_truth(head: Head, warper: Warper) -> None:
    truth = _mottled(0.1)
    driven = driven_by(head, truth.face.points)
    cheek = _within(warper, driven.points[list(_CHEEK), :2])
    left, top, right, bottom = warper.box
    real = truth.picture.pixels[top:bottom, left:right].astype(int)

    off = [np.abs(each.render(driven) - real)[cheek].mean() for each in (_stretched(warper), warper)]

    assert off[1] < 0.75 * off[0]


def test_a_face_seen_from_the_front_has_no_far_side() -> None:
    head = paint_head(320, yaw=0.05)
    assert take_apart(head.picture, head.face, head.basis).far_side is None


@pytest.mark.parametrize("yaw", [0.0, -0.06, 0.2])
def test_a_head_that_stays_or_turns_away_keeps_its_own_paint(head: Head, warper: Warper, yaw: float) -> None:
    driven = turned(head, yaw)
    np.testing.assert_array_equal(warper.render(driven), _stretched(warper).render(driven))


def test_it_comes_in_little_by_little(head: Head, warper: Warper) -> None:
    own = _stretched(warper)
    turns = [turned(head, -yaw) for yaw in np.linspace(0.1, 0.5, 9)]
    laid = [float(np.abs(warper.render(turn).astype(int) - own.render(turn)).mean()) for turn in turns]
    assert laid[0] < 0.1 * laid[-1]
    assert np.abs(np.diff(laid)).max() < 0.4 * laid[-1]


def test_lips_stay_the_pictures_own(head: Head, warper: Warper) -> None:
    driven = turned(head, -0.5)
    lips = _within(warper, driven.points[list(topology.LIPS_OUTER), :2])
    np.testing.assert_array_equal(warper.render(driven)[lips], _stretched(warper).render(driven)[lips])


def test_a_hat_on_the_near_side_is_not_laid_over_the_far_cheek(head: Head) -> None:
    pixels = head.picture.pixels.copy()
    near = head.face.points[[topology.MIRROR[point] for point in _CHEEK], :2]
    band = cv2.convexHull(np.ascontiguousarray(near))[:, 0]
    cv2.fillConvexPoly(pixels, np.round((band - 0.5) * 16).astype(np.int32), _BLUE, cv2.LINE_AA, 4)
    warper = Warper(take_apart(Picture(pixels), head.face, head.basis))
    driven = turned(head, -0.5)
    cheek = _within(warper, driven.points[list(_CHEEK), :2])

    off = np.abs(warper.render(driven).astype(int) - _stretched(warper).render(driven))[cheek]

    assert off.mean() < 3


def test_a_light_beside_a_shade_does_not_glare_on_the_far_cheek() -> None:
    head = _mottled(_YAW, contrast=3.0)
    pixels = head.picture.pixels.copy()
    near = head.face.points[[topology.MIRROR[point] for point in _CHEEK], :2]
    centre, size = near.mean(0), float(np.ptp(near, axis=0).min())
    for radius, shade in ((0.5, 0.65), (0.2, 1.15)):
        colour = np.clip(np.array(SKIN) * shade, 0, 255).tolist()
        cv2.circle(pixels, np.round(centre).astype(int).tolist(), round(radius * size), colour, -1, cv2.LINE_AA)
    warper = Warper(take_apart(Picture(pixels), head.face, head.basis))
    driven = turned(head, -0.5)
    cheek = _within(warper, driven.points[list(_CHEEK), :2])

    made, own = (each.render(driven)[cheek].sum(-1).astype(float) for each in (warper, _stretched(warper)))

    assert np.percentile(made, 99.5) < 1.1 * np.percentile(own, 99.5)


def test_paint_like_what_it_covers_is_not_held_back_whatever_is_around() -> None:
    """It would get a dark rim at the edge of a beard, and be black where nothing is known of what is around."""
    own = np.where(np.arange(40)[None, :, None] < 20, 180.0, 60.0).astype(np.float32) * np.ones((30, 1, 3), np.float32)
    for around in (np.zeros_like(own), cv2.GaussianBlur(own, (0, 0), 6)):
        np.testing.assert_array_equal(_held_back(own, own, around), 1.0)


def _with_brow_to_the_outline(head: Head) -> Picture:
    """A dark bar from the far brow out to the outline."""
    pixels = head.picture.pixels.copy()
    points = head.face.points[:, :2]
    tail, rim = points[[70, 105]].mean(0), points[[162, 21]].mean(0)
    thick = round(0.04 * float(np.ptp(points[:468, 1])))
    cv2.line(pixels, *(np.round(end).astype(int).tolist() for end in (tail, rim)), (40, 30, 25), thick, cv2.LINE_AA)
    return Picture(pixels)


@pytest.fixture(scope="module")
def brows() -> tuple[Head, Warper, Warper]:
    """A head whose far brow ends at its outline, with skin on its temple and without."""
    head = _mottled(_YAW, contrast=4.0)
    warper = Warper(take_apart(_with_brow_to_the_outline(head), head.face, head.basis))
    return head, warper, _with_temple(warper, None)


def _with_temple(warper: Warper, temple: FarTemple | None) -> Warper:
    far_side = warper.layers.far_side
    assert far_side is not None
    return Warper(replace(warper.layers, far_side=replace(far_side, temple=temple)))


def test_a_brow_on_the_outline_does_not_smear_over_the_temple_that_comes_into_view(
    brows: tuple[Head, Warper, Warper],
) -> None:
    head, warper, smeared = brows
    driven = turned(head, -0.6)
    temple = _within(warper, driven.points[[70, 21, 105, 162], :2])

    dark = [(sum(SKIN) / 3 - each.render(driven)[temple].mean(-1)).clip(20).mean() - 20 for each in (smeared, warper)]

    assert dark[0] > 8
    assert dark[1] < 0.5 * dark[0]


@pytest.mark.parametrize("yaw", [0.1, 0.0, -0.15, -0.2, -0.25])
def test_a_brow_on_the_outline_stays_where_it_is_hardly_stretched(
    brows: tuple[Head, Warper, Warper], yaw: float
) -> None:
    head, warper, without = brows
    np.testing.assert_array_equal(warper.render(turned(head, yaw)), without.render(turned(head, yaw)))


def test_rims_of_glasses_are_not_cleared_off_the_temple(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    def temple() -> FarTemple | None:
        far_side = take_apart(head.picture, head.face, head.basis).far_side
        assert far_side is not None
        return far_side.temple

    assert temple() is not None
    eyes = (head.face.points[list(ring), :2] for ring in (topology.RIGHT_EYE, topology.LEFT_EYE))
    right, left = (cv2.boxPoints(cv2.minAreaRect(eye)) for eye in eyes)
    rims = GlassesRims(right, left, are_dark=False)
    monkeypatch.setattr("portrait_alive.warp.glasses_hold.glasses_rims", lambda *_: rims)
    assert temple() is None


def test_the_mirror_image_is_the_pictures_own_paint_whatever_lies_under_it(head: Head, warper: Warper) -> None:
    flat = np.broadcast_to(np.float32(SKIN), (*warper.layers.opacity.shape, 3)).copy()
    everywhere = FarTemple(flat, np.ones(flat.shape[:2], np.float32), 1.0)
    driven = turned(head, -0.6)
    plain, laid = (_with_temple(warper, temple).render_with_masks(driven) for temple in (None, everywhere))
    mirrored = np.abs(plain.pixels.astype(int) - _stretched(warper).render(driven)).max(-1) > 12
    on_top = mirrored & (np.abs(plain.pixels.astype(int) - laid.pixels).max(-1) < 3)
    assert on_top.sum() > 50
    assert laid.drawn.max() > 0.9
    assert laid.drawn[on_top].mean() < 0.3


@pytest.mark.parametrize("scale", [1.0, 0.37])
def test_skin_of_the_temple_lies_where_it_comes_from(scale: float) -> None:
    grid = Grid.over(10, 20, 190, 160, 6)
    height, width = grid.size
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    ramp = np.dstack([20 + x, 20 + y, 0 * x + 100])
    size = (round(width * scale), round(height * scale))
    skin = cv2.resize(ramp, size, interpolation=cv2.INTER_AREA)
    temple = FarTemple(skin, np.ones(skin.shape[:2], np.float32), size[0] / width)
    target = Target(
        np.zeros((height, width, 3), np.uint8), np.full((height, width), 255, np.uint8), None, (grid.left, grid.top)
    )
    everywhere = np.ones(grid.shape, np.float32)
    temple.lay_over(grid, grid.indices(), 0.1 * everywhere, everywhere, target)
    inner = slice(12, -12)
    assert np.abs(target.pixels[inner, inner] - ramp[inner, inner]).max() < 1.5


def test_where_no_skin_is_seen_about_the_temple_nothing_is_laid(head: Head) -> None:
    layers = take_apart(head.picture, head.face, head.basis)
    corner, nobody = (layers.grid.left, layers.grid.top), np.zeros_like(layers.opacity)
    temple = FarTemple.of(layers.still, corner, head.face.points, nobody, is_left=False, turned=1.0)
    assert temple.share.max() == 0
