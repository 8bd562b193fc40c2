"""Teeth that are drawn: along an arch that turns with the head, in the picture's own white; and teeth that are seen."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from warp_heads import Head, driven_by, paint_head, with_lids_shut

from portrait_alive.shape import topology
from portrait_alive.tones import LUMA
from portrait_alive.types import Picture
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.mouth_layer import MouthLayer
from portrait_alive.warp.teeth import Arch, palette_of, upper_row
from portrait_alive.warp.warper import Warper

ALONG = np.linspace(-0.5, 0.5, 201, dtype=np.float32)[None]


def turned(yaw: float) -> Arch:
    c, s = np.cos(yaw), np.sin(yaw)
    return Arch.of(np.array([[c, 0, s], [0, 1, 0]], np.float32))


def test_from_the_front_teeth_are_seen_where_they_are() -> None:
    front, lower, there = turned(0.0).place(ALONG, np.zeros_like(ALONG), 0.03)
    assert front == pytest.approx(ALONG, abs=2e-3)
    assert np.all(lower == 0)
    assert np.all(there == 1)


def test_a_head_that_turns_shows_more_of_the_near_teeth() -> None:
    arch = turned(0.5)  # teeth further back come to lie further right
    front, _, _ = arch.place(np.array([[-0.3, 0.3]], np.float32), np.zeros((1, 2), np.float32), 0.03)
    assert -front[0, 0] > front[0, 1] + 0.05  # on the left the same way passes more teeth
    assert np.all(np.diff(arch.seen) > 0)


def test_rows_reach_the_corners() -> None:
    short = turned(0.6)
    assert -short.seen[0] < 0.35
    reaching = short.reaching(0.35, 0.1)
    assert reaching.seen[0] == pytest.approx(-0.35, abs=1e-3)
    assert reaching.seen[-1] == short.seen[-1]


def test_rows_end_softly_and_in_the_dark() -> None:
    pixels = np.full((50, 3), (220, 180, 150), np.uint8)
    palette = palette_of(pixels, np.array([170, 90, 90], np.float32), np.array([220, 180, 150], np.float32))
    u = np.linspace(0, 0.8, 161, dtype=np.float32)[None]
    row = upper_row(u, np.full_like(u, -0.06), palette, 0.01, turned(0.0))[0]
    light = (row[:, :3] @ LUMA) * row[:, 3]
    assert light[0] > 150
    assert np.abs(np.diff(light)).max() < 0.25 * light[0]
    assert light[-1] == 0


def test_teeth_are_white_as_the_eyes_are() -> None:
    pixels = np.full((50, 3), (235, 200, 150), np.uint8)
    lips, skin = np.array([170, 90, 90], np.float32), np.array([220, 180, 150], np.float32)
    yellow, neutral = (
        palette_of(pixels, lips, skin, np.array(white, np.float32)).teeth
        for white in ((180, 150, 105), (160, 160, 160))
    )
    assert yellow[2] / yellow[0] < neutral[2] / neutral[0] - 0.1
    assert float(yellow @ LUMA) == pytest.approx(float(neutral @ LUMA), rel=0.01)
    pink = palette_of(pixels, lips, skin, np.array((200, 120, 120), np.float32)).teeth
    assert pink[1] >= 0.48 * (pink[0] + pink[2])


def with_open_mouth(head: Head, colours: list[tuple[int, int, int]]) -> MouthLayer:
    """The mouth of a painted head that holds horizontal bands of the colours."""
    points = head.face.points.copy()
    inner = points[list(topology.LIPS_INNER), :2]
    pixels = head.picture.pixels.copy()
    top, bottom = inner[:, 1].min() - 3, inner[:, 1].max() + 3
    points[list(topology.UPPER_LIP_INNER[1:-1]), 1] -= 4
    points[list(topology.LOWER_LIP_INNER[1:-1]), 1] += 4
    ring = np.concatenate(
        [points[list(topology.UPPER_LIP_INNER), :2], points[list(topology.LOWER_LIP_INNER[-2:0:-1]), :2]]
    )
    mask = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((ring - 0.5) * 16).astype(np.int32)], 1, shift=4)
    rows = np.arange(pixels.shape[0])
    band = np.clip(((rows - top) / (bottom - top) * len(colours)).astype(int), 0, len(colours) - 1)
    painted = np.array(colours, np.uint8)[band][:, None].repeat(pixels.shape[1], 1)
    pixels[mask > 0] = painted[mask > 0]
    layers = take_apart(Picture(pixels), replace(head.face, points=points), head.basis)
    assert layers.mouth is not None
    return layers.mouth


def test_a_pale_stroke_between_the_lips_is_not_taken_for_teeth() -> None:
    head = paint_head(480)
    teeth, dark = (225, 215, 200), (60, 30, 30)
    assert with_open_mouth(head, [dark, teeth, teeth, dark]).openness > 0.8
    assert with_open_mouth(head, [teeth, teeth, teeth, teeth]).openness < 0.1


def test_rows_of_teeth_part_where_it_is_dark_between_them() -> None:
    head = paint_head(480)
    teeth, dark, lip = (225, 215, 200), (60, 30, 30), (170, 90, 90)
    assert 0.6 < with_open_mouth(head, [teeth, teeth, teeth, dark, teeth]).meets < 0.9
    assert 0.2 < with_open_mouth(head, [teeth, dark, teeth, teeth, teeth]).meets < 0.5
    # upper teeth over a lip, and under a shadow, part from nothing
    assert with_open_mouth(head, [teeth, teeth, teeth, teeth, lip]).meets == 1
    assert with_open_mouth(head, [dark, teeth, teeth, teeth, teeth]).meets == 1


def test_shut_lids_of_a_tiny_face_are_not_black() -> None:
    head = paint_head(110)
    frame = Warper(take_apart(head.picture, head.face, head.basis))
    pixels = frame.render(driven_by(head, with_lids_shut(head), shut=1.0))
    left, top = frame.box[:2]
    eyes = head.face.points[list(topology.RIGHT_EYE + topology.LEFT_EYE), :2] - (left, top)
    low, high = eyes.min(0).astype(int) - 1, eyes.max(0).astype(int) + 2
    assert (pixels[low[1] : high[1], low[0] : high[0]] @ LUMA).min() > 40
