"""Painted sitters lend to one another: an open eye, a mouth that shows its inside; and nothing from other light."""

from dataclasses import dataclass
from itertools import permutations

import cv2
import numpy as np
import pytest
from warp_heads import CLOTH, LIPS, SCLERA, SKIN, WALL, driven_by, paint_head, with_expression, with_lids_shut

from portrait_alive.shape import topology
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.types import MESH_POINTS, Bytes, Float, Landmarks, Picture, SourceFace
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.lender import Lender
from portrait_alive.warp.lending import Lending
from portrait_alive.warp.warper import Warper
from portrait_alive.weights import SHAPE_BASIS, weight_path

SIZE = 320
GREEN, BLUE = (40, 150, 60), (15, 20, 90)
HEAD = paint_head(SIZE)
BASIS = load_basis(weight_path(SHAPE_BASIS))
FITTER = HeadFitter.of(BASIS)
INSIDE = (*topology.UPPER_LIP_INNER, *topology.LOWER_LIP_INNER[-2:0:-1])


@dataclass(frozen=True, eq=False)
class Sitter:
    """A painted picture of the one sitter."""

    pixels: Bytes
    face: SourceFace

    def lit(self, light: Float) -> "Sitter":
        """In another light: (H, W) factors."""
        return Sitter(np.clip(self.pixels * light[..., None], 0, 255).astype(np.uint8), self.face)

    def lender(self, canvas: "Sitter") -> Lender:
        """As it lends to a canvas."""
        return Lender.of(self.pixels, self.face, canvas.face, BASIS)


def sitter(points: Float, *, iris: tuple[int, int, int] = GREEN) -> Sitter:
    """The painted head with its mesh at the given points; what lies between the lips is blue."""
    pixels = np.full((SIZE, SIZE, 3), WALL, np.uint8)
    fill(pixels, np.array([[0, SIZE], [0, 290], [110, 250], [210, 250], [SIZE, 290], [SIZE, SIZE]]), CLOTH)
    fill(pixels, cv2.convexHull(np.ascontiguousarray(points[BASIS.beyond["skull"], :2]))[:, 0], (70, 45, 30))
    fill(pixels, cv2.convexHull(np.ascontiguousarray(points[:468, :2]))[:, 0], SKIN)
    fill(pixels, points[list(topology.LIPS_OUTER), :2], LIPS)
    gap = points[list(topology.LOWER_LIP_INNER), 1] - points[list(topology.UPPER_LIP_INNER), 1]
    if gap.max() > 1:
        fill(pixels, points[list(INSIDE), :2], BLUE)
    for ring, look in ((topology.RIGHT_EYE, topology.RIGHT_IRIS), (topology.LEFT_EYE, topology.LEFT_IRIS)):
        mask, eye = np.zeros((SIZE, SIZE), np.uint8), np.full_like(pixels, SCLERA)
        fill(mask, points[list(ring), :2], 255)
        centre = points[look[0], :2]
        radius = float(np.linalg.norm(points[list(look[1:]), :2] - centre, axis=1).mean())
        cv2.circle(eye, tuple(np.round((centre - 0.5) * 16).astype(int).tolist()), int(radius * 16), iris, -1, 0, 4)
        pixels = np.where(mask[..., None] > 127, eye, pixels)
    grain = np.random.default_rng(0).normal(0, 2, (SIZE, SIZE, 1))
    pixels = np.clip(pixels + grain, 0, 255).astype(np.uint8)
    marks = Landmarks(points[:MESH_POINTS].astype(np.float32), np.ones(MESH_POINTS, np.float32), 1.0)
    return Sitter(pixels, source_face(marks, FITTER))


def fill(pixels: Bytes, outline: Float, colour: object) -> None:
    cv2.fillPoly(pixels, [np.round((outline - 0.5) * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def frame(canvas: Sitter, points: Float, lenders: list[Sitter]) -> tuple[Bytes, tuple[int, int]]:
    """The frame in which the canvas's face lies at the points, and the picture place of its first pixel."""
    matte = (np.abs(canvas.pixels.astype(int) - WALL).max(-1) > 12).astype(np.float32)
    layers = take_apart(Picture(canvas.pixels), canvas.face, BASIS, matte=matte)
    lending = None
    if lenders:
        lending = Lending.of(canvas.pixels, canvas.face, [each.lender(canvas) for each in lenders])
    warper = Warper(layers, lending)
    return warper.render(driven_by(HEAD, points)), warper.box[:2]


def around(rendered: tuple[Bytes, tuple[int, int]], place: Float) -> Float:
    """(3,) mean colour of 3 x 3 pixels around a place of the picture."""
    pixels, corner = rendered
    x, y = np.round(place[:2] - corner - 0.5).astype(int)
    return np.asarray(pixels[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(0), np.float32)


OPEN_EYES, SHUT_EYES = HEAD.face.points, with_lids_shut(HEAD)
OPEN_MOUTH = with_expression(HEAD, jawOpen=0.6)
SMILE = with_expression(HEAD, mouthSmile=0.8)


def test_a_mouth_that_is_open_elsewhere_comes_from_there():
    canvas, other = sitter(OPEN_EYES), sitter(OPEN_MOUTH)
    middle = OPEN_MOUTH[[INSIDE[5], INSIDE[-5]]].mean(0)
    drawn, lent = (around(frame(canvas, OPEN_MOUTH, lenders), middle) for lenders in ([], [other]))
    assert np.abs(lent - BLUE).max() < 15
    assert np.abs(drawn - BLUE).max() > 30


def test_eyes_that_are_open_elsewhere_come_from_there():
    canvas, other = sitter(SHUT_EYES), sitter(OPEN_EYES)
    pupil = OPEN_EYES[topology.RIGHT_IRIS[0]]
    drawn, lent = (around(frame(canvas, OPEN_EYES, lenders), pupil) for lenders in ([], [other]))
    assert np.abs(lent - GREEN).max() < 25
    assert np.abs(drawn - GREEN).max() > 40


@pytest.mark.parametrize("points", [with_expression(HEAD, jawOpen=0.1), SMILE], ids=["parted", "smiling"])
def test_another_light_lends_nothing(points):
    canvas = sitter(OPEN_EYES)
    light = np.tile(np.interp(np.arange(SIZE), [120, 200], [0.35, 1.1]).astype(np.float32), (SIZE, 1))
    other = sitter(points).lit(light)
    assert other.lender(canvas).strangeness(canvas.lender(canvas)) > 0.2
    alone, beside = (frame(canvas, points, lenders)[0] for lenders in ([], [other]))
    assert np.array_equal(alone, beside)


def test_one_light_is_no_stranger():
    canvas = sitter(OPEN_EYES)
    assert sitter(SMILE).lender(canvas).strangeness(canvas.lender(canvas)) < 0.08
    dim = sitter(SMILE).lit(np.full((SIZE, SIZE), 0.8, np.float32))
    assert dim.lender(canvas).strangeness(canvas.lender(canvas)) < 0.08


def test_the_order_of_the_pictures_does_not_matter_and_frames_repeat():
    canvas = sitter(SHUT_EYES)
    others = [sitter(OPEN_MOUTH), sitter(SMILE), sitter(with_expression(HEAD, jawOpen=0.35))]
    points = with_expression(HEAD, jawOpen=0.45)
    frames = [frame(canvas, points, list(order))[0] for order in list(permutations(others))[::2]]
    assert np.array_equal(frames[0], frame(canvas, points, others)[0])
    assert all(np.array_equal(each, frames[0]) for each in frames[1:])


def test_one_that_is_left_out_might_never_have_been_there():
    canvas = sitter(OPEN_EYES)
    one, two = (sitter(points).lender(canvas) for points in (OPEN_MOUTH, SMILE))
    both = Lending.of(canvas.pixels, canvas.face, [one, two])
    left, alone = both.without(two), Lending.of(canvas.pixels, canvas.face, [one])
    assert left is not None
    assert left.lenders == alone.lenders
    for name in ("mouths", "gaps", "eyes", "skins", "rotations", "penalties", "likeness", "eyes_seen"):
        assert np.array_equal(getattr(left, name), getattr(alone, name))
    assert alone.without(one) is None


def test_what_the_canvas_shows_as_well_stays_its_own():
    canvas, other = sitter(OPEN_EYES), sitter(OPEN_EYES, iris=(120, 40, 40))
    pupil = OPEN_EYES[topology.LEFT_IRIS[0]]
    assert np.abs(around(frame(canvas, OPEN_EYES + np.float32(0.4), [other]), pupil) - GREEN).max() < 25
