"""The face crop: the way in and the way back agree, in points and in pixels."""

import cv2
import numpy as np
import pytest

from portrait_alive.shape.basis import load_basis, place
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.types import Box, Float, HeadPose
from portrait_alive.weights import SHAPE_BASIS, weight_path


@pytest.fixture(scope="module")
def face() -> Float:
    """An upright face of about 200 px in a picture of 400."""
    mean = load_basis(weight_path(SHAPE_BASIS)).mean[:478]
    return place(mean, HeadPose(np.eye(3, dtype=np.float32), np.array([200, 200, 0], np.float32), 12.0))


def rolled(points: Float, angle: float) -> Float:
    """The points turned clockwise about (200, 200)."""
    cos, sin = np.cos(angle), np.sin(angle)
    turned = (points[:, :2] - 200) @ np.array([[cos, sin], [-sin, cos]]) + 200
    return np.column_stack([turned, points[:, 2]]).astype(np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.2, 3.0])
def test_to_picture_inverts_to_crop(face: Float, angle: float) -> None:
    crop = FaceCrop.around_points(rolled(face, angle), 128)
    np.testing.assert_allclose(crop.to_picture(crop.to_crop(face)), face, atol=1e-2)


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.2, 3.0])
def test_face_stands_upright_in_its_crop_whatever_its_roll(face: Float, angle: float) -> None:
    upright = FaceCrop.around_points(face, 128).to_crop(face)
    turned = rolled(face, angle)
    np.testing.assert_allclose(FaceCrop.around_points(turned, 128).to_crop(turned), upright, atol=0.05)


def test_face_fills_the_crop_by_its_margin(face: Float) -> None:
    inside = FaceCrop.around_points(face, 128, margin=1.6).to_crop(face)
    extent = inside[:, :2].max(0) - inside[:, :2].min(0)
    assert extent.max() == pytest.approx(128 / 1.6, abs=0.5)


@pytest.mark.parametrize(("angle", "side"), [(0.0, 100.0), (0.5, 100.0), (0.5, 600.0)])
def test_pixels_lie_where_the_points_say(angle: float, side: float) -> None:
    """A bright spot in the picture is found in the crop where `to_crop` puts it."""
    pixels = np.zeros((900, 900, 3), np.uint8)
    spot = np.array([[470.5, 430.5]], np.float32)
    cv2.circle(pixels, (470, 430), 6, (255, 255, 255), -1)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 2)
    crop = FaceCrop((450.0, 450.0), side, angle, 128)
    cut = crop.cut(pixels)[..., 0].astype(np.float64)
    ys, xs = np.mgrid[0:128, 0:128] + 0.5
    centre = np.array([(cut * xs).sum(), (cut * ys).sum()]) / cut.sum()
    np.testing.assert_allclose(centre, crop.to_crop(spot)[0], atol=0.12)


def test_crop_beyond_the_picture_repeats_its_edge() -> None:
    pixels = np.full((50, 50, 3), 77, np.uint8)
    assert (FaceCrop.around_box(Box(-30, -30, 200, 200), 64).cut(pixels) == 77).all()
