import cv2
import numpy as np
import pytest
from face_material import smooth_picture

from portrait_alive.evaluation.image_metrics import PSNR_CEILING_DB, l1, luma, psnr_db, ssim


@pytest.fixture
def picture():
    return smooth_picture(64, 80)


def test_a_picture_is_equal_to_itself(picture):
    assert l1(picture, picture) == 0
    assert psnr_db(picture, picture) == PSNR_CEILING_DB
    assert ssim(picture, picture) == pytest.approx(1, abs=1e-6)


def test_known_values_of_a_constant_offset():
    dark, light = np.full((32, 32, 3), 100, np.uint8), np.full((32, 32, 3), 110, np.uint8)
    assert l1(dark, light) == pytest.approx(10 / 255)
    assert psnr_db(dark, light) == pytest.approx(20 * np.log10(255 / 10), abs=1e-4)
    # flat pictures have no contrast: SSIM is the luminance term alone
    c1 = (0.01 * 255) ** 2
    assert ssim(dark, light) == pytest.approx((2 * 100 * 110 + c1) / (100**2 + 110**2 + c1), abs=1e-4)


def test_ssim_agrees_with_a_window_by_window_computation():
    first, second = smooth_picture(16, 16, 1), smooth_picture(16, 16, 2)
    g = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = np.outer(g, g) / np.outer(g, g).sum()
    a, b = luma(first).astype(np.float64), luma(second).astype(np.float64)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    scores = []
    for y in range(6):
        for x in range(6):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            both = (window * (p - mp) * (q - mq)).sum()
            scores.append((2 * mp * mq + c1) * (2 * both + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    assert ssim(first, second) == pytest.approx(np.mean(scores), abs=1e-4)


@pytest.mark.parametrize("measure", [l1, psnr_db, ssim])
def test_symmetric(measure, picture):
    other = smooth_picture(64, 80, 3)
    assert measure(picture, other) == pytest.approx(measure(other, picture), abs=1e-6)


def test_more_noise_is_worse_by_all(picture):
    noise = np.random.default_rng(0).normal(0, 1, picture.shape)
    worse = [np.clip(picture + level * noise, 0, 255).astype(np.uint8) for level in (4, 8, 16, 32)]
    assert np.all(np.diff([l1(picture, w) for w in worse]) > 0)
    assert np.all(np.diff([psnr_db(picture, w) for w in worse]) < 0)
    assert np.all(np.diff([ssim(picture, w) for w in worse]) < 0)


def test_ssim_notices_blur_that_l1_hardly_sees(picture):
    grainy = np.clip(picture + np.random.default_rng(1).normal(0, 12, picture.shape), 0, 255).astype(np.uint8)
    picture, blurred = grainy, cv2.GaussianBlur(grainy, (0, 0), 2)
    assert l1(picture, blurred) < 0.05
    assert ssim(picture, blurred) < 0.8
