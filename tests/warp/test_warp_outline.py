"""Where a turn brings a side of the head into view, the sitter reaches as far as the head does."""

from dataclasses import replace

import numpy as np
import pytest
from warp_heads import Head, driven_by, paint_head, turned, with_expression

from portrait_alive.shape import topology
from portrait_alive.types import DrivenFace
from portrait_alive.warp.head_field import RigidMotion
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.outline import profile_of
from portrait_alive.warp.warper import Warper

SIZE, YAW, BACK = 480, -0.6, 0.5


@pytest.fixture(scope="module")
def aside() -> Head:
    return paint_head(SIZE, yaw=YAW)


@pytest.fixture(scope="module")
def warper(aside: Head) -> Warper:
    return Warper(take_apart(aside.picture, aside.face, aside.basis))


@pytest.fixture(scope="module")
def frontal() -> Head:
    return paint_head(SIZE)


@pytest.fixture(scope="module")
def frontal_warper(frontal: Head) -> Warper:
    return Warper(take_apart(frontal.picture, frontal.face, frontal.basis))


def pushed(warper: Warper, driven: DrivenFace) -> np.ndarray:
    """(rows, columns, 2) pixels that the outline adds to the field of a frame."""
    layers = warper.layers
    source, outline = layers.face.points, layers.field.outline
    rigid = RigidMotion.between(source[layers.rigid], driven.points[layers.rigid], driven.turn)
    without = replace(layers.field, outline=replace(outline, trust=np.zeros_like(outline.trust)))
    first, second = (
        field.displacement(driven.points, source, rigid, np.zeros(2, np.float32)) for field in (layers.field, without)
    )
    return first - second


def far_ends(warper: Warper, driven: DrivenFace, rows: np.ndarray) -> np.ndarray:
    """The last column of the sitter in some rows, in the picture."""
    opacity = warper.render_with_masks(driven).opacity[rows - warper.box[1]] > 0.5
    return warper.box[0] + opacity.shape[1] - opacity[:, ::-1].argmax(1)


def test_a_three_quarter_head_that_turns_to_the_front_has_a_temple(aside: Head, warper: Warper) -> None:
    driven = turned(aside, BACK)
    mesh = driven.points[:468, :2]
    tall = np.ptp(mesh[:, 1])
    brow, mouth = (int(mesh[list(part), 1].mean()) for part in (topology.LEFT_BROW, topology.LIPS))
    rows = np.arange(brow - int(0.08 * tall), mouth)
    reach = np.array([mesh[np.abs(mesh[:, 1] - row) < 0.04 * tall, 0].max() for row in rows])
    short = (reach - far_ends(warper, driven, rows)) / tall
    assert short.max() < 0.015


def test_the_outline_comes_out_smoothly(aside: Head, warper: Warper) -> None:
    fields = np.stack([pushed(warper, turned(aside, yaw)) for yaw in np.radians(np.arange(0, 30, 0.5))])
    tall = warper.layers.frame.face_height
    assert not fields[0].any()
    assert np.abs(fields[-1]).max() > 0.05 * tall
    assert np.abs(np.diff(fields, axis=0)).max() < 0.006 * tall
    assert np.abs(np.diff(fields, 2, axis=0)).max() < 0.002 * tall


def test_a_face_that_looks_at_the_viewer_is_not_stretched(frontal: Head, frontal_warper: Warper) -> None:
    oval = frontal.face.points[list(topology.FACE_OVAL), :2]
    centre = oval.mean(0)
    nodes = frontal_warper.layers.grid.nodes()
    inner = (np.abs((nodes - centre) / (np.ptp(oval, axis=0) / 2)) ** 2).sum(-1) < 0.9
    for yaw in (-BACK, BACK):
        assert np.abs(pushed(frontal_warper, turned(frontal, yaw))[inner]).max() < 0.05


def test_an_outline_stays_where_only_the_face_moves(aside: Head, warper: Warper) -> None:
    assert not pushed(warper, driven_by(aside, with_expression(aside, jawOpen=0.8))).any()


def test_the_side_that_turns_away_is_left_alone(aside: Head, warper: Warper) -> None:
    far = warper.layers.grid.nodes()[..., 0] > aside.face.points[topology.NOSE_TIP, 0]
    assert np.abs(pushed(warper, turned(aside, -0.3))[far]).max() < 1e-3


def test_a_point_that_sticks_out_comes_into_a_profile_little_by_little() -> None:
    around = np.linspace(0, 2 * np.pi, 468, endpoint=False)
    ring = np.stack([np.cos(around), np.sin(around), 0 * around], 1) * 50
    profiles = []
    for angle in np.radians(np.arange(0, 40, 0.25)):
        points = np.vstack([ring, [[65 * np.cos(angle), 65 * np.sin(angle), 0]]]).astype(np.float32)
        profiles.append(profile_of(points, np.zeros(3, np.float32), 100.0))
    assert np.ptp(profiles, axis=0).max() > 10
    assert np.abs(np.diff(profiles, axis=0)).max() < 1
