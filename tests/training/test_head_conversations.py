"""Moments of a sitting that episodes are made of: some far from the first, some near it."""

import numpy as np
import pytest

from portrait_alive.heads.frame import random_frame
from portrait_alive.training.meta.head_episodes import between, conversation, evened

SIDED = (
    "PupilDilate", "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekSquint", "eyeBlink", "eyeLookDown",
    "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown",
    "mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
WHOLE = (
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel", "mouthLeft", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
)  # fmt: skip
NAMES = (*(name + side for name in SIDED for side in ("_L", "_R")), *WHOLE)


def test_between_ends_at_both_moments():
    rng = np.random.default_rng(0)
    one, other = random_frame(NAMES, rng), random_frame(NAMES, rng)
    for share, whole in ((0.0, one), (1.0, other)):
        moment = between(one, other, share)
        assert moment.expression == pytest.approx(whole.expression, abs=1e-6)
        assert moment.gaze == pytest.approx(whole.gaze, abs=1e-6)
        assert (moment.yaw, moment.pitch, moment.roll) == pytest.approx((whole.yaw, whole.pitch, whole.roll), abs=1e-6)
        assert moment.camera == one.camera


def test_an_even_mouth_leaves_eyes_and_gaze_alone():
    expression = random_frame(NAMES, np.random.default_rng(3)).expression
    even = evened(NAMES, expression, 1.0)
    for left, right in (("mouthSmile_L", "mouthSmile_R"), ("jawLeft", "jawRight"), ("noseSneer_L", "noseSneer_R")):
        assert even[NAMES.index(left)] == pytest.approx(even[NAMES.index(right)])
    eyes = [name.startswith(("eye", "brow", "Pupil")) for name in NAMES]
    assert np.array_equal(even[eyes], expression[eyes])
    assert np.array_equal(evened(NAMES, expression, 0.0), expression)


def test_a_sitting_has_calm_moments_and_lively_ones():
    far = []
    for seed in range(40):
        first, *others = conversation(NAMES, np.random.default_rng(seed), 9)
        assert all(one.camera == first.camera for one in others)
        assert all(one.expression.min() >= 0 and one.expression.max() <= 1 for one in others)
        far += [float(np.abs(one.expression - first.expression).sum()) for one in others]
    usual = np.median(far)
    assert np.mean(np.array(far) < 0.3 * usual) > 0.05
    assert np.mean(np.array(far) > 1.5 * usual) > 0.1
