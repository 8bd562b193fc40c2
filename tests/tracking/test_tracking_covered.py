"""Something in front of a face is told."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from portrait_alive.media.stills import read_picture
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.native import NativeTracker
from portrait_alive.training.tracker.hands import put_hand_before

PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.jpg"


@pytest.fixture(scope="module")
def matter() -> Matter:
    return Matter.load()


def test_hands_before_a_face_are_seen(matter: Matter) -> None:
    pixels = read_picture(PORTRAIT).pixels
    points = NativeTracker.load().detect(pixels)[0].points
    assert matter.covered(pixels, points) < 0.02
    face = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(points[:468, :2].astype(np.int32)), 1)
    told = []
    for seed in range(10):
        held, opacity = put_hand_before(np.random.default_rng(seed), pixels, points)
        if opacity[face > 0].mean() > 0.08:
            told.append(matter.covered(held, points) > 0.05)
    assert len(told) >= 5
    assert np.mean(told) >= 0.7


def test_shares_add_up_and_the_face_is_the_head_s(matter: Matter) -> None:
    pixels = read_picture(PORTRAIT).pixels
    points = NativeTracker.load().detect(pixels)[0].points
    shares = matter.over_picture(pixels, points)
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-3)
    nose = points[4, :2].astype(int)
    assert shares[nose[1], nose[0]].argmax() == 2
    assert shares[3, 3].argmax() == 0, "a corner of the picture is background"
