"""A three-quarter head that turns to the front: its far eye, of which the source shows little, stays an eye."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from warp_heads import Head, paint_head, turned

from portrait_alive.composite import Canvas
from portrait_alive.shape import topology
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.mesh_weights import weights_at
from portrait_alive.warp.warper import Warper

SIZE, YAW, BACK = 640, -0.6, 0.5


@pytest.fixture(scope="module")
def head() -> Head:
    return paint_head(SIZE, yaw=YAW)


@pytest.fixture(scope="module")
def warper(head: Head) -> Warper:
    return Warper(take_apart(head.picture, head.face, head.basis))


@pytest.fixture(scope="module")
def frame(head: Head, warper: Warper) -> np.ndarray:
    return Canvas.of(head.picture, warper.box).paste(warper.render(turned(head, BACK))).copy()


def openings(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) uint8 1 between the lids, and up to two pixels from there."""
    mask = np.zeros(size, np.uint8)
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE):
        cv2.fillPoly(mask, [np.round(points[list(ring), :2]).astype(np.int32)], 1)
    return cv2.dilate(mask, np.ones((5, 5), np.uint8))


def test_each_eye_has_one_iris_and_it_stays_between_the_lids(head: Head, frame: np.ndarray) -> None:
    blue = (frame[..., 2].astype(int) - frame[..., 0] > 60).astype(np.uint8)
    _, _, statistics, _ = cv2.connectedComponentsWithStats(blue)
    assert (statistics[1:, cv2.CC_STAT_AREA] > 20).sum() == 2
    assert (blue & (openings(turned(head, BACK).points, blue.shape) == 0)).sum() < 5


def test_the_outline_beside_the_far_eye_has_no_spike(frame: np.ndarray, head: Head) -> None:
    eye = turned(head, BACK).points[list(topology.LEFT_EYE), 1]
    rows = np.arange(int(eye.mean() - 40), int(eye.mean() + 41))
    sitter = frame[rows, :, 0].astype(int) - frame[rows, :, 1] > 20
    ends = SIZE - sitter[:, ::-1].argmax(1)
    assert ends.max() - np.median(ends) < 6


def test_an_eye_that_gets_wider_as_the_head_turns_is_not_taken_for_a_shut_one(head: Head, warper: Warper) -> None:
    driven = turned(head, BACK)
    far, was = (points[list(topology.LEFT_EYE), 0] for points in (driven.points, head.face.points))
    assert np.ptp(far) > 1.3 * np.ptp(was)
    left, top, _, _ = warper.box
    beyond_lids = openings(driven.points - (left, top, 0), warper.layers.grid.size) == 0
    lids_alone = Warper(replace(warper.layers, far_side=None))  # without skin on the far temple, which is drawn as well
    assert lids_alone.render_with_masks(driven).drawn[beyond_lids].max() < 0.1  # no lid is drawn


def test_what_faces_away_is_not_seen_through_the_holes_of_the_eyes(head: Head) -> None:
    points = head.face.points
    low, high = points[:468, :2].min(0), points[:468, :2].max(0)
    at = np.stack(np.meshgrid(np.arange(low[0], high[0], 2), np.arange(low[1], high[1], 2)), -1).astype(np.float32)
    weights = weights_at(at, points, head.basis.triangles)
    depth = (points[weights.points, 2] * weights.weights).sum(1)
    corners = points[[topology.LEFT_EYE_UPPER[0], topology.LEFT_EYE_UPPER[-1]]]
    beside = np.abs(at.reshape(-1, 2)[weights.where] - corners[:, :2].mean(0)).max(1) < 0.4 * np.ptp(corners[:, 0])
    assert beside.any()
    assert depth[beside].max() < corners[:, 2].max() + 5


def test_what_opens_beside_the_nose_is_stretched_over_a_piece_of_cheek(head: Head, warper: Warper) -> None:
    layers = warper.layers
    gaps, (rows, columns) = layers.field.gaps, layers.grid.shape
    moved = turned(head, BACK).points[:, :2] - head.face.points[:, :2]
    field = np.zeros((rows, columns, 2), np.float32)
    layers.field.mesh.scatter(np.ascontiguousarray(moved), field)
    before = field.copy()
    gaps.narrow(field)
    beside = np.abs(gaps.nodes - gaps.edges) == 1
    steps = [np.ptp(each.reshape(-1, 2)[[gaps.nodes, gaps.edges], 0], axis=0)[beside] for each in (before, field)]
    assert steps[0].max() > 2 * layers.grid.cell
    assert steps[1].mean() < 0.4 * steps[0].mean()
    corners = head.face.points[[topology.LEFT_EYE_UPPER[0], topology.LEFT_EYE_UPPER[-1]]]
    column, row = layers.grid.node_at(corners.mean(0))
    assert np.array_equal(field[row, column], before[row, column])  # the eye stays where it is


def test_a_nose_that_hides_more_leaves_the_cheek_behind_it(head: Head, warper: Warper) -> None:
    moved = turned(head, -0.2).points[:, :2] - head.face.points[:, :2]
    field = np.zeros((*warper.layers.grid.shape, 2), np.float32)
    warper.layers.field.mesh.scatter(np.ascontiguousarray(moved), field)
    before = field.copy()
    warper.layers.field.gaps.narrow(field)
    assert np.abs(field - before).max() < 0.1 * np.abs(moved).max()
