"""Behind a bare ear and the jaw of a head that turns aside there is hair and neck, not the background."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from warp_heads import SKIN, WALL, Head, driven_by, paint_head, turned, with_expression

from portrait_alive.shape import topology
from portrait_alive.types import DrivenFace, Picture
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.warper import Warper

SIZE, ASIDE = 480, 0.5


def with_ears(head: Head) -> Head:
    """The same head with ears of skin before its hair."""
    pixels = head.picture.pixels.copy()
    for ear in ("right_ear", "left_ear"):
        hull = cv2.convexHull(np.ascontiguousarray(head.face.points[head.basis.beyond[ear], :2]))[:, 0]
        middle = hull.mean(0)
        inwards = np.sign(head.face.points[topology.NOSE_TIP, 0] - middle[0]) * np.array([0.03 * SIZE, 0])
        outline = np.concatenate([middle + 1.2 * (hull - middle), middle + 1.2 * (hull - middle) + inwards])
        cv2.fillConvexPoly(pixels, cv2.convexHull(np.round(outline).astype(np.int32)), SKIN, cv2.LINE_AA)
    return Head(Picture(pixels), head.face, head.basis)


def warper_of(head: Head) -> Warper:
    matte = (np.abs(head.picture.pixels.astype(int) - WALL).max(-1) > 20).astype(np.float32)
    return Warper(take_apart(head.picture, head.face, head.basis, matte=matte))


def without(warper: Warper) -> Warper:
    """The same without what lies behind the ears."""
    return Warper(replace(warper.layers, nape=None))


@pytest.fixture(scope="module")
def head() -> Head:
    return with_ears(paint_head(SIZE))


@pytest.fixture(scope="module")
def warper(head: Head) -> Warper:
    return warper_of(head)


def below_ear(warper: Warper, driven: DrivenFace, ear: str) -> tuple[int, int]:
    """(row, column) in the region halfway from an ear's lobe down to the chin, beside the jaw."""
    points, tall = driven.points, warper.layers.frame.face_height
    lobe = points[warper.layers.rigid, :2][-12:] if ear == "left_ear" else points[warper.layers.rigid, :2][-24:-12]
    row = (lobe[:, 1].max() + points[topology.CHIN, 1]) / 2 - 0.05 * tall
    near = points[:468, :2][np.abs(points[:468, 1] - row) < 0.04 * tall]
    column = near[:, 0].max() + 0.06 * tall if ear == "left_ear" else near[:, 0].min() - 0.06 * tall
    return round(float(row)) - warper.box[1], round(float(column)) - warper.box[0]


@pytest.mark.parametrize(("yaw", "ear"), [(ASIDE, "left_ear"), (-ASIDE, "right_ear")])
def test_there_is_a_neck_behind_the_jaw_that_turns_aside(head: Head, warper: Warper, yaw: float, ear: str) -> None:
    driven = turned(head, yaw)
    at = below_ear(warper, driven, ear)
    bare, full = without(warper).render_with_masks(driven), warper.render_with_masks(driven)
    assert np.abs(bare.pixels[at].astype(int) - WALL).max() < 12
    assert np.abs(full.pixels[at].astype(int) - SKIN).max() < 70
    assert full.opacity[at] > 0.95
    assert full.drawn[at] > 0.95


def test_the_face_itself_is_left_as_it_is(head: Head, warper: Warper) -> None:
    driven = turned(head, ASIDE)
    inner = np.zeros(warper.layers.grid.size, np.uint8)
    mesh = cv2.convexHull(np.ascontiguousarray(driven.points[:468, :2]))[:, 0] - np.array(warper.box[:2])
    cv2.fillConvexPoly(inner, np.round(mesh).astype(np.int32), 1)
    inner = cv2.erode(inner, np.ones((25, 25), np.uint8))
    apart = np.abs(warper.render(driven).astype(int) - without(warper).render(driven))
    assert apart.max() > 50
    assert apart[inner > 0].max() <= 1


def test_small_turns_and_expressions_are_as_without(head: Head, warper: Warper) -> None:
    frames = [turned(head, np.radians(yaw)) for yaw in (-6, -3, 3, 6)]
    frames += [turned(head, 0, 0.3), driven_by(head, with_expression(head, jawOpen=0.8))]
    for driven in frames:
        assert (warper.render(driven) == without(warper).render(driven)).all()


def test_it_comes_out_little_by_little(head: Head, warper: Warper) -> None:
    painted = []
    for yaw in np.radians(np.arange(5, 35, 0.5)):
        driven = turned(head, float(yaw))
        painted.append(
            (warper.render_with_masks(driven).opacity - without(warper).render_with_masks(driven).opacity).sum()
        )
    tall = warper.layers.frame.face_height
    assert painted[0] == 0
    assert painted[-1] > 0.02 * tall**2
    assert np.abs(np.diff(painted)).max() < 0.006 * tall**2


def test_ears_under_hair_are_left_alone() -> None:
    assert warper_of(paint_head(SIZE)).layers.nape is None


def test_a_side_that_the_source_turns_away_is_left_alone() -> None:
    nape = warper_of(with_ears(paint_head(SIZE, yaw=-0.6))).layers.nape
    assert nape is None or len(nape.sides) == 1
