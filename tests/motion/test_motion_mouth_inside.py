"""What an open mouth shows: where it is light, where that is teeth, and how it travels with the motion."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from portrait_alive.motion.editing import mirrored
from portrait_alive.motion.file import load_motion, save_motion
from portrait_alive.motion.mouth_inside import inside_track, mouth_inside
from portrait_alive.motion.tracks import motion_at_rest
from portrait_alive.shape import topology
from portrait_alive.types import INSIDE_SHAPE

SKIN, TEETH, DARK = (190, 140, 115), (205, 200, 190), (50, 25, 25)
NOTHING = np.full(INSIDE_SHAPE, np.nan, np.float32)


def face_with_mouth(gap: float, *, teeth: float, angle: float = 0.0):
    """A picture (200, 200, 3) of skin with an open mouth whose upper share `teeth` is teeth, and mesh points."""
    points = np.full((478, 3), 100.0, np.float32)
    points[:, 0] = np.linspace(60, 140, 478)
    points[:, 1] = 60
    across = np.linspace(60, 140, len(topology.UPPER_LIP_INNER))
    points[list(topology.UPPER_LIP_INNER), :2] = np.stack([across, np.full_like(across, 120)], 1)
    points[list(topology.LOWER_LIP_INNER), :2] = np.stack([across, np.full_like(across, 120 + gap)], 1)
    points[[topology.UPPER_LIP_INNER[0], topology.UPPER_LIP_INNER[-1]], 1] = 120 + gap / 2
    pixels = np.full((200, 200, 3), SKIN, np.uint8)
    pixels[120 : round(120 + gap), 55:145] = DARK
    pixels[120 : round(120 + gap * teeth), 55:145] = TEETH
    turn = cv2.getRotationMatrix2D((100, 100), angle, 1)
    points[:, :2] = points[:, :2] @ turn[:, :2].T + turn[:, 2]
    return cv2.warpAffine(pixels, turn, (200, 200), borderMode=cv2.BORDER_REPLICATE), points


@pytest.mark.parametrize("angle", [0, 25, -60])
def test_teeth_are_told_from_the_dark(angle):
    inside = mouth_inside(*face_with_mouth(36, teeth=0.5, angle=angle))
    assert inside.shape == INSIDE_SHAPE
    upper, lower = inside[:2, 1:-1], inside[4:, 1:-1]
    assert upper[..., 0].min() > 0.9
    assert lower[..., 0].max() < 0.4
    assert upper[..., 1].min() > 0.9
    assert lower[..., 1].max() < 0.05


def test_skin_between_the_lips_is_no_teeth():
    pixels, points = face_with_mouth(36, teeth=0.0)
    pixels[:] = SKIN
    inside = mouth_inside(pixels, points)
    assert inside[..., 1].max() < 0.35
    np.testing.assert_allclose(inside[..., 0], 1, atol=0.02)


@pytest.mark.parametrize("light", [(1, 1, 1), (1, 0.8, 0.5), (0.85, 0.95, 1)])
def test_yellow_teeth_are_teeth_and_gums_are_none_in_any_light(light):
    pixels, points = face_with_mouth(36, teeth=0.5)
    lips, gums, yellow_teeth = (185, 110, 100), (190, 115, 105), (190, 155, 95)
    for point in (11, 72, 302, 16, 85, 315):  # the lips' red, where it is looked at
        x, y = points[point, :2].astype(int)
        pixels[y - 2 : y + 3, x - 2 : x + 3] = lips
    pixels[120:132, 55:145], pixels[132:150, 55:145], pixels[150:156, 55:145] = gums, yellow_teeth, DARK
    inside = mouth_inside(np.rint(pixels * np.array(light)).astype(np.uint8), points)
    assert inside[0, 1:-1, 1].max() < 0.2
    assert inside[3, 1:-1, 1].min() > 0.8


def test_grey_pictures_show_teeth_by_lightness():
    pixels, points = face_with_mouth(36, teeth=0.5)
    grey = np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    inside = mouth_inside(grey, points)
    assert inside[:2, 1:-1, 1].min() > 0.9 > 0.1 > inside[4:, 1:-1, 1].max()


def test_closed_lips_show_nothing():
    assert np.isnan(mouth_inside(*face_with_mouth(2, teeth=1.0))).all()


def test_a_mouth_that_reaches_out_of_the_picture_is_looked_at_all_the_same():
    pixels, points = face_with_mouth(36, teeth=0.5)
    points[:, 0] += 120
    assert np.isfinite(mouth_inside(pixels, points)).all()


def test_frames_that_show_nothing_keep_what_the_nearest_one_shows():
    one = np.full(INSIDE_SHAPE, 0.5, np.float32)
    track = inside_track(np.stack([NOTHING, one, NOTHING, one * 1.5, NOTHING]))
    assert np.isfinite(track).all()
    np.testing.assert_array_equal(track[0], track[1])
    np.testing.assert_array_equal(track[4], track[3])


def test_teeth_lighter_than_skin_are_the_measure():
    dark_skin = np.full((3, *INSIDE_SHAPE), 1.8, np.float32)
    dark_skin[..., 1] = 1.0
    assert inside_track(dark_skin)[..., 0] == pytest.approx(1.0)


def test_nothing_at_all_is_zero():
    assert not inside_track(np.stack([NOTHING] * 4)).any()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def with_inside(rng: np.random.Generator):
    motion = motion_at_rest(7, Fraction(25), ("jawOpen",))
    return motion.with_tracks(
        lambda name, track: rng.random(track.shape).astype(np.float32) if name == "inside" else track
    )


def test_it_survives_a_file_within_half_a_step(tmp_path, rng):
    motion = with_inside(rng)
    save_motion(motion, tmp_path / "a.motion")
    np.testing.assert_allclose(load_motion(tmp_path / "a.motion").inside, motion.inside, atol=0.5 / 255 + 1e-6)


def test_a_mirrored_mouth_is_seen_from_the_other_side(rng):
    motion = with_inside(rng)
    np.testing.assert_array_equal(mirrored(motion).inside, motion.inside[:, :, ::-1])
