"""Whole frames of the warp on a painted head: what stays, what moves, and what is drawn."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from warp_heads import IRIS, SKIN, WALL, Head, driven_by, paint_head, turned, with_expression, with_lids_shut

from portrait_alive.composite import Canvas
from portrait_alive.shape import topology
from portrait_alive.types import Box, Picture
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.layers import Layers, take_apart
from portrait_alive.warp.warper import Warper


@pytest.fixture(scope="module")
def head() -> Head:
    return paint_head(grain=4.0)


@pytest.fixture(scope="module")
def layers(head: Head) -> Layers:
    return take_apart(head.picture, head.face, head.basis)


@pytest.fixture(scope="module")
def warper(layers: Layers) -> Warper:
    return Warper(layers)


def frame_of(head: Head, warper: Warper, driven) -> np.ndarray:
    return Canvas.of(head.picture, warper.box).paste(warper.render(driven)).copy()


def blueness(pixels: np.ndarray) -> np.ndarray:
    """How much more blue than red: high only in the irises of the painted head."""
    return pixels[..., 2].astype(int) - pixels[..., 0]


def eye_pixels(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    eyes = points[list(topology.RIGHT_EYE + topology.LEFT_EYE), :2]
    low, high = eyes.min(0).astype(int) - 2, eyes.max(0).astype(int) + 3
    return frame[low[1] : high[1], low[0] : high[0]]


def test_no_motion_gives_the_source_back(head: Head, warper: Warper) -> None:
    frame = frame_of(head, warper, driven_by(head, head.face.points))
    assert np.array_equal(frame, head.picture.pixels)


def test_outside_the_region_nothing_is_touched(head: Head, warper: Warper) -> None:
    frame = frame_of(head, warper, turned(head, 0.3, 0.1))
    left, top, right, bottom = warper.box
    outside = np.ones(frame.shape[:2], bool)
    outside[top:bottom, left:right] = False
    assert outside.any()
    assert np.array_equal(frame[outside], head.picture.pixels[outside])
    assert not np.array_equal(frame, head.picture.pixels)


def test_far_from_the_face_the_picture_stays(head: Head, warper: Warper) -> None:
    frame = frame_of(head, warper, turned(head, 0.25, 0.1))
    box = head.face.landmarks.box.scaled(2.2)
    beyond = np.ones(frame.shape[:2], bool)
    beyond[max(int(box.y), 0) : int(box.y + box.height), max(int(box.x), 0) : int(box.x + box.width)] = False
    same = (frame == head.picture.pixels).all(-1)[beyond]
    assert same.mean() >= 0.95


def test_the_canvas_shows_only_the_latest_frame(head: Head, warper: Warper) -> None:
    canvas = Canvas.of(head.picture, warper.box)
    canvas.paste(warper.render(turned(head, 0.3)))
    again = canvas.paste(warper.render(driven_by(head, head.face.points)))
    assert np.array_equal(again, head.picture.pixels)


def test_translation_moves_the_face_s_pixels(head: Head, warper: Warper) -> None:
    moved = head.face.points.copy()
    moved[:, 0] += 5
    moved[:, 1] -= 3
    frame = frame_of(head, warper, driven_by(head, moved))
    x, y = head.face.points[topology.NOSE_TIP, :2].astype(int)
    reach = 14
    was = head.picture.pixels[y - reach : y + reach, x - reach : x + reach].astype(int)
    now = frame[y - 3 - reach : y - 3 + reach, x + 5 - reach : x + 5 + reach].astype(int)
    assert np.abs(now - was).mean() < 0.6  # whole pixels: only the 1/128-pixel positions of the look-up remain


def test_backward_flow_points_from_output_to_source(head: Head, warper: Warper) -> None:
    moved = head.face.points.copy()
    moved[:, 0] += 6
    moved[:, 1] += 2
    rendered = warper.render_with_masks(driven_by(head, moved))
    left, top, _, _ = warper.box
    x, y = (head.face.points[topology.NOSE_TIP, :2] - (left, top)).astype(int)
    assert rendered.flow[y, x] == pytest.approx((-6, -2), abs=0.05)
    assert np.isfinite(rendered.flow).all()


def test_closed_lids_hide_the_iris(head: Head, warper: Warper) -> None:
    before = eye_pixels(head.picture.pixels, head.face.points)
    assert (blueness(before) > 60).sum() > 40
    points = with_lids_shut(head)
    frame = frame_of(head, warper, driven_by(head, points, shut=1.0))
    assert blueness(eye_pixels(frame, head.face.points)).max() < 20  # 170 in the iris, -74 in the skin


def test_a_closed_lid_has_a_line_darker_than_the_skin(head: Head, warper: Warper) -> None:
    frame = frame_of(head, warper, driven_by(head, with_lids_shut(head), shut=1.0)).astype(int).sum(-1)
    for lower in (topology.RIGHT_EYE_LOWER, topology.LEFT_EYE_LOWER):
        x, y = head.face.points[lower[len(lower) // 2], :2].astype(int)
        assert frame[y - 3 : y + 4, x].min() < 0.85 * frame[y - 12 : y - 5, x].mean()


def test_a_closed_lids_line_runs_from_corner_to_corner_below_the_lids(head: Head, warper: Warper) -> None:
    """One that ended short of the corners, or lay between the lids, looked like a slit."""
    points = with_lids_shut(head)
    frame = frame_of(head, warper, driven_by(head, points, shut=1.0)).astype(int).sum(-1)
    skin = np.sum(SKIN)
    for upper, lower, outer_is_last in (
        (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER, False),
        (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER, True),
    ):
        opening = Opening.between(points, upper, lower)
        for out, most in ((0.12, 0.9), (0.5, 0.75), (0.9, 0.75), (1.03, 0.9)):
            u = opening.width * (out if outer_is_last else 1 - out)
            _, low = opening.curves_at(np.array([u], np.float32))
            x, y = (float(at[0]) for at in opening.place(np.array([u]), low))
            column = frame[int(y) - 4 : int(y) + 7, int(x)]
            assert column.min() < most * skin
            if out > 0.4:
                assert int(y) - 4 + column.argmin() + 0.5 >= y - 0.2


def test_a_closed_lids_line_is_as_soft_as_the_picture_and_as_much_lighter(head: Head, layers: Layers) -> None:
    shut = driven_by(head, with_lids_shut(head), shut=1.0)

    def dark(softness: float) -> np.ndarray:
        """How much darker than skin it is along a line across the middle of the right lid's margin."""
        soft = Warper(replace(layers, eyes=tuple(replace(eye, softness=softness) for eye in layers.eyes)))
        x, y = head.face.points[topology.RIGHT_EYE_LOWER[4], :2].astype(int)
        column = frame_of(head, soft, shut)[y - 9 : y + 12, x - 2 : x + 3].astype(float).sum(-1).mean(1)
        return np.maximum(np.sum(SKIN) - column, 0)

    crisp, soft = dark(1.0), dark(4.0)
    assert soft.max() < 0.9 * crisp.max()
    assert (soft > 15).sum() > (crisp > 15).sum()
    assert soft.sum() == pytest.approx(crisp.sum(), rel=0.15)


def test_both_eyes_lashes_are_alike(head: Head, warper: Warper) -> None:
    right, left = warper.layers.eyes
    assert right.lash_heft == left.lash_heft
    assert right.softness == left.softness


def test_an_open_mouth_is_dark_inside_and_its_lips_are_not_stretched(head: Head, warper: Warper) -> None:
    points = with_expression(head, jawOpen=0.7)
    frame = frame_of(head, warper, driven_by(head, points))
    opening = Opening.between(points, topology.UPPER_LIP_INNER, topology.LOWER_LIP_INNER)
    assert opening.gap > 10
    middle = points[[13, 14], :2].mean(0)
    inside = frame[int(middle[1]) - 2 : int(middle[1]) + 3, int(middle[0]) - 4 : int(middle[0]) + 5]
    assert inside.astype(int).sum(-1).mean() < 0.55 * head.picture.pixels[tuple(middle[::-1].astype(int))].sum()
    # as many lip-coloured rows below the opening as there were
    x = int(points[14, 0])

    def lip_rows(picture: np.ndarray, low: float, high: float) -> int:
        column = picture[int(low) : int(high), x].astype(int)
        return int(((column[:, 0] - column[:, 1]) > 90).sum())

    now = lip_rows(frame, points[14, 1], points[17, 1] + 6)
    was = lip_rows(head.picture.pixels, head.face.points[14, 1], head.face.points[17, 1] + 6)
    assert abs(now - was) <= max(2, 0.4 * was)


def test_what_is_drawn_is_reported(head: Head, warper: Warper) -> None:
    mouth = warper.render_with_masks(driven_by(head, with_expression(head, jawOpen=0.7)))
    lids = warper.render_with_masks(driven_by(head, with_lids_shut(head), shut=1.0))
    still = warper.render_with_masks(driven_by(head, head.face.points))
    left, top, _, _ = warper.box
    x, y = (with_expression(head, jawOpen=0.7)[[13, 14], :2].mean(0) - (left, top)).astype(int)
    assert mouth.drawn[y, x] > 0.9
    x, y = (head.face.points[topology.RIGHT_IRIS[0], :2] - (left, top)).astype(int)
    assert lids.drawn[y, x] > 0.7
    assert mouth.drawn[y, x] < 0.1
    for mask in (mouth.drawn, mouth.opacity, mouth.uncovered):
        assert mask.min() >= 0
        assert mask.max() <= 1
    assert np.abs(still.flow).max() < 0.05


def test_gaze_moves_the_iris_within_the_lids(head: Head, warper: Warper) -> None:
    shift = 3.0
    points = head.face.points.copy()
    points[list(topology.RIGHT_IRIS + topology.LEFT_IRIS), 0] += shift
    frame = frame_of(head, warper, driven_by(head, points))
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE):
        low = head.face.points[list(ring), :2].min(0).astype(int) - 1
        high = head.face.points[list(ring), :2].max(0).astype(int) + 2
        view = slice(low[1], high[1]), slice(low[0], high[0])
        columns = np.arange(low[0], high[0])

        def centre(picture: np.ndarray, view=view, columns=columns) -> float:
            weight = np.clip(blueness(picture[view]), 0, None).sum(0)
            return float((columns * weight).sum() / weight.sum())

        assert centre(frame) - centre(head.picture.pixels) == pytest.approx(shift, abs=1.2)
    assert (blueness(frame) > 60).sum() <= 1.5 * (blueness(head.picture.pixels) > 60).sum()


@pytest.mark.parametrize("yaw", [-0.35, 0.35])
def test_a_turned_head_leaves_no_hole_and_no_ghost(head: Head, warper: Warper, yaw: float) -> None:
    frame = frame_of(head, warper, turned(head, yaw)).astype(int)
    # every colour of the frame is one of the picture's, or between two of them, or an iris in its lid's shadow
    low, high = head.picture.pixels.reshape(-1, 3).min(0) - 16, head.picture.pixels.reshape(-1, 3).max(0) + 12
    assert ((frame >= low) & (frame <= high)).all()
    # where the wall was and the head did not come, the wall is untouched
    top_left = frame[:20, :20]
    assert np.array_equal(top_left, head.picture.pixels[:20, :20].astype(int))


@pytest.mark.parametrize("yaw", [-0.55, 0.3, 0.55])
def test_eyes_and_mouth_leave_the_outline_of_a_turned_head_alone(head: Head, layers: Layers, yaw: float) -> None:
    # their finer fields, inverted anew, used to leave steps in the far cheek at the edges of their rectangles
    driven = turned(head, yaw)
    whole = Warper(layers).render(driven).astype(int)
    without = Warper(replace(layers, eyes=(), mouth=None)).render(driven).astype(int)
    own = np.zeros(whole.shape[:2], np.uint8)
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE, topology.LIPS_OUTER):
        cv2.fillPoly(own, [np.round(driven.points[list(ring), :2] - layers.box[:2]).astype(np.int32)], 1)
    reach = int(0.2 * layers.frame.face_height)
    own = cv2.dilate(own, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    assert np.abs(whole - without).max(-1)[own == 0].max() <= 2


def test_small_motion_changes_little_and_the_same_motion_gives_the_same_frame(head: Head, warper: Warper) -> None:
    one = frame_of(head, warper, turned(head, 0.10)).astype(int)
    again = frame_of(head, warper, turned(head, 0.10)).astype(int)
    near = frame_of(head, warper, turned(head, 0.101)).astype(int)
    assert np.array_equal(one, again)
    assert np.abs(one - near).mean() < 0.25
    assert np.percentile(np.abs(one - near), 99.9) < 25


def test_texture_stays_as_sharp_as_it_was(head: Head, warper: Warper) -> None:
    """Half a pixel is the worst place to resample at; Lanczos keeps most of the grain there, a blur would not."""
    moved = head.face.points.copy()
    moved[:, 0] += 4.5
    frame = frame_of(head, warper, driven_by(head, moved))
    x, y = head.face.points[50, :2].astype(int)
    was = head.picture.pixels[y - 8 : y + 8, x - 8 : x + 8, 1].astype(float)
    now = frame[y - 8 : y + 8, x - 4 : x + 12, 1].astype(float)
    assert np.diff(now, axis=1).std() > 0.85 * np.diff(was, axis=1).std()


def test_room_lets_a_head_travel(head: Head) -> None:
    face_box = head.face.landmarks.box
    room = Box(face_box.x - 60, face_box.y - 30, face_box.width + 90, face_box.height + 60)
    roomy = Warper(take_apart(head.picture, head.face, head.basis, room=room))
    points = head.face.points.copy()
    points[:, 0] -= 55
    frame = frame_of(head, roomy, driven_by(head, points))
    x, y = head.face.points[topology.NOSE_TIP, :2].astype(int)
    assert np.abs(frame[y, x - 55].astype(int) - head.picture.pixels[y, x]).max() < 12
    right, bottom = roomy.box[2:]
    assert roomy.box[0] <= room.x
    assert right >= room.x + room.width
    assert bottom >= room.y + room.height


def test_hair_leaves_nothing_behind_where_a_head_travels() -> None:
    bare = paint_head(480)
    frame = take_apart(bare.picture, bare.face, bare.basis).frame
    chin, centre = int(frame.chin[1]), frame.hull.mean(0)
    mane, skull = np.zeros((480, 480), np.uint8), np.zeros((480, 480), np.uint8)
    cv2.fillConvexPoly(mane, np.round(centre + (frame.hull - centre) * 1.5).astype(np.int32), 1)
    cv2.fillConvexPoly(skull, np.round(frame.hull).astype(np.int32), 1)
    mane[chin:] = 0
    pixels = bare.picture.pixels.copy()
    pixels[(mane > 0) & (skull == 0)] = (90, 60, 30)
    mane[chin:] = 1
    shift = -round(float(frame.face_height))
    points = bare.face.points + np.array([shift, 0, 0], np.float32)
    room = Box.around(np.concatenate([bare.face.points, points]))
    maned = Head(Picture(pixels), bare.face, bare.basis)
    warper = Warper(take_apart(maned.picture, maned.face, maned.basis, matte=mane.astype(np.float32), room=room))
    out = frame_of(maned, warper, driven_by(maned, points))
    cheeks = chin - int(0.4 * frame.face_height)
    width = 480 + shift
    right_of_it = slice(int(np.nonzero(mane[:cheeks].any(0))[0].max()) + shift + 12, None)
    assert np.abs(out[:cheeks, right_of_it].astype(int) - WALL).max() < 12
    kept = cv2.erode(mane[:cheeks], np.ones((5, 5), np.uint8))[:, -shift + 20 :] > 0
    moved, were = out[:cheeks, 20:width].astype(int), pixels[:cheeks, -shift + 20 :].astype(int)
    assert np.abs(moved - were).max(-1)[kept].max() < 12


def test_breath_lifts_the_shoulders_and_leaves_the_edges(head: Head, warper: Warper) -> None:
    lift = 0.01
    rise = lift * warper.layers.frame.head_height
    points = head.face.points - np.array([0, rise, 0], np.float32)
    lifted = replace(driven_by(head, points), body_lift=lift)
    flow = warper.render_with_masks(lifted).flow
    left, top, _, bottom = warper.box
    chin = head.face.points[topology.CHIN]
    below = int(chin[1] + 0.45 * warper.layers.frame.face_height) - top
    assert flow[below, int(chin[0]) - left, 1] == pytest.approx(rise, abs=0.3)
    assert abs(flow[bottom - top - 1, int(chin[0]) - left, 1]) < 1.1 * rise
    assert np.abs(flow[:, 0]).max() < 0.05
    assert np.array_equal(warper.render(replace(lifted, points=head.face.points, body_lift=0.0)), warper.layers.still)


def test_shoulders_follow_a_head_that_travels(head: Head) -> None:
    shift = np.array([30.0, 0.0, 0.0], np.float32)
    points = head.face.points + shift
    travelling = Warper(take_apart(head.picture, head.face, head.basis, room=Box.around(points)))
    staying = Warper(take_apart(head.picture, head.face, head.basis))
    chin = head.face.points[topology.CHIN]
    place = (int(chin[0]), int(chin[1] + 0.5 * travelling.layers.frame.face_height))
    ways = []
    for warper in (travelling, staying):
        left, top, _, _ = warper.box
        ways.append(-warper.render_with_masks(driven_by(head, points)).flow[place[1] - top, place[0] - left, 0])
    assert ways[0] > 20
    assert ways[1] < 12


def test_a_given_matte_is_used(head: Head) -> None:
    everything = np.ones(head.picture.size, np.float32)
    whole = take_apart(head.picture, head.face, head.basis, matte=everything)
    assert whole.opacity.min() == 1


def test_iris_colour_is_the_paint_s(head: Head) -> None:
    """The other tests look for the iris by colour; make sure that it can be found by it."""
    assert IRIS[2] - IRIS[0] > 100
