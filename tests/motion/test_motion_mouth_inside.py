"""What an open mouth shows: where it is light, where that is teeth, and how it travels with the motion."""

import zlib
from fractions import Fraction

import cv2
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from portrait_alive.motion.editing import mirrored
from portrait_alive.motion.file import as_stored, load_motion, save_motion
from portrait_alive.motion.mouth_inside import inside_track, mouth_inside
from portrait_alive.motion.packed_cells import in_steps, packed, unpacked
from portrait_alive.motion.smoothing import smoothed
from portrait_alive.motion.tracks import motion_at_rest
from portrait_alive.shape import topology
from portrait_alive.types import INSIDE_SHAPE

SKIN, TEETH, DARK = (190, 140, 115), (205, 200, 190), (50, 25, 25)


def seen_in(pixels, points):
    """What `mouth_inside` sees, as lightness against the skin and certainty of teeth."""
    inside = mouth_inside(pixels, points)
    assert inside is not None
    return inside / np.array([127, 255], np.float32)


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
    inside = seen_in(*face_with_mouth(36, teeth=0.5, angle=angle))
    assert inside.shape == INSIDE_SHAPE
    upper, lower = inside[1:6, 2:-2], inside[8:-1, 2:-2]
    assert upper[..., 0].min() > 0.9
    assert lower[..., 0].max() < 0.4
    assert upper[..., 1].min() > 0.9
    assert lower[..., 1].max() < 0.05


def test_skin_between_the_lips_is_no_teeth():
    pixels, points = face_with_mouth(36, teeth=0.0)
    pixels[:] = SKIN
    inside = seen_in(pixels, points)
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
    inside = seen_in(np.rint(pixels * np.array(light)).astype(np.uint8), points)
    assert inside[:4, 2:-2, 1].max() < 0.2
    assert inside[6:10, 2:-2, 1].min() > 0.8


def test_grey_pictures_show_teeth_by_lightness():
    pixels, points = face_with_mouth(36, teeth=0.5)
    grey = np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    inside = seen_in(grey, points)
    assert inside[1:6, 2:-2, 1].min() > 0.9 > 0.1 > inside[8:-1, 2:-2, 1].max()


def test_closed_lips_show_nothing():
    assert mouth_inside(*face_with_mouth(2, teeth=1.0)) is None


def test_a_mouth_that_reaches_out_of_the_picture_is_looked_at_all_the_same():
    pixels, points = face_with_mouth(36, teeth=0.5)
    points[:, 0] += 120
    assert seen_in(pixels, points)[..., 0].min() > 0


def test_frames_that_show_nothing_keep_what_the_nearest_one_shows():
    one, other = (np.full(INSIDE_SHAPE, value, np.uint8) for value in (60, 90))
    track = inside_track([None, one, None, other, None])
    assert track.dtype == np.uint8
    assert (track[1] < track[3]).any()
    np.testing.assert_array_equal(track[0], track[1])
    np.testing.assert_array_equal(track[4], track[3])


def test_teeth_lighter_than_skin_are_the_measure():
    dark_skin = np.full(INSIDE_SHAPE, 230, np.uint8)
    assert (inside_track([dark_skin] * 3)[..., 0] == 255).all()
    no_teeth = np.stack([np.full(INSIDE_SHAPE[:2], 127, np.uint8), np.zeros(INSIDE_SHAPE[:2], np.uint8)], -1)
    assert (inside_track([no_teeth])[..., 0] == 255).all()


def test_nothing_at_all_is_zero():
    assert not inside_track([None] * 4).any()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def with_inside(rng: np.random.Generator):
    motion = motion_at_rest(7, Fraction(25), ("jawOpen",))
    return motion.with_tracks(
        lambda name, track: rng.integers(0, 256, track.shape).astype(np.uint8) if name == "inside" else track
    )


def test_it_survives_a_file(tmp_path, rng):
    motion = with_inside(rng)
    save_motion(motion, tmp_path / "a.motion")
    loaded = load_motion(tmp_path / "a.motion").inside
    np.testing.assert_array_equal(loaded, as_stored(motion).inside)
    off = np.abs(loaded.astype(int) - motion.inside).max((0, 1, 2))
    assert off[0] <= 13  # of lightness, a step and a half near white
    assert off[1] <= 24
    np.testing.assert_array_equal(in_steps(loaded), loaded)


@pytest.mark.parametrize("harm", ["cut", "longer", "noise", "lighter"])
def test_damaged_cells_are_refused(rng, harm):
    data = packed(with_inside(rng).inside)
    if harm == "cut":
        data = data[: len(data) // 2]
    elif harm == "longer":
        data = packed(np.zeros((8, *INSIDE_SHAPE), np.uint8))
    elif harm == "noise":
        data = rng.integers(0, 256, 500).astype(np.uint8)
    else:
        data = np.frombuffer(zlib.compress(bytes([40]) * (7 * 14 * 24 * 2)), np.uint8)
    with pytest.raises(ValueError, match=r"cells|Error|lighter"):
        unpacked(data, 7)


def test_camera_noise_takes_no_room(rng):
    still = np.full((200, *INSIDE_SHAPE), 120, np.uint8)
    noisy = np.clip(still + rng.normal(0, 3, still.shape), 0, 255).astype(np.uint8)
    assert len(packed(noisy)) < 20 * 200


def test_files_of_fewer_cells_show_the_same_mouth(tmp_path):
    save_motion(motion_at_rest(3, Fraction(25), ("jawOpen",)), tmp_path / "now.motion")
    with safe_open(tmp_path / "now.motion", "numpy") as file:
        metadata = file.metadata()
    tensors = {name: track for name, track in load_file(tmp_path / "now.motion").items() if "packed" not in name}
    few = np.zeros((3, 6, 9, 2), np.uint8)
    few[:, :3], few[:, 3:] = 200, 40
    save_file(tensors | {"inside": few}, tmp_path / "old.motion", metadata)
    inside = load_motion(tmp_path / "old.motion").inside
    assert inside.shape == (3, *INSIDE_SHAPE)
    assert (inside[:, :5] == 200).all()
    assert (inside[:, -5:] == 40).all()


def test_smoothing_and_other_rates_keep_it_in_its_cells(rng):
    motion = with_inside(rng)
    for changed in (smoothed(motion, 1.0), motion.resampled(Fraction(60)), motion.resampled(Fraction(10))):
        assert changed.inside.dtype == np.uint8
        assert changed.inside.shape[1:] == INSIDE_SHAPE
        assert np.abs(changed.inside.mean(0) - motion.inside.mean(0)).mean() < 40


def test_a_mirrored_mouth_is_seen_from_the_other_side(rng):
    motion = with_inside(rng)
    np.testing.assert_array_equal(mirrored(motion).inside, motion.inside[:, :, ::-1])
