import wave
from fractions import Fraction

import numpy as np
import pytest

from portrait_alive.errors import UnreadableInputError, UsageError
from portrait_alive.motion.builtin import builtin_motion, builtin_motions
from portrait_alive.motion.performance import blink_curve
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.speech import heard
from portrait_alive.motion.tracks import LEFT, RIGHT, TRACK_NAMES

NAMES = [entry.name for entry in builtin_motions()]


def blink_count(lids):
    shut = lids < 0.5
    return int((shut[1:] & ~shut[:-1]).sum())


def test_what_the_list_promises():
    assert NAMES == ["idle", "blink", "smile", "nod", "shake", "look-around", "surprise", "wink", "laugh", "speak"]
    for entry in builtin_motions():
        assert entry.description.endswith(".")
        assert len(entry.description) < 90


@pytest.mark.parametrize("name", NAMES)
def test_begins_and_ends_at_rest_so_that_it_loops(name, basis, source):
    for seed in range(3):
        motion = builtin_motion(name, basis, seed=seed)
        driven = retarget(source, motion, basis)
        for frame in (0, -1):
            moved = np.abs(driven[frame].points - source.points).max()
            assert moved < 0.05 * np.ptp(source.points[:468, 1]) / 4
        assert np.abs(motion.rotation[0] - motion.rotation[-1]).max() < np.radians(0.5)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_a_performance(name, basis):
    one, same = (builtin_motion(name, basis, seed=4) for _ in range(2))
    for track in TRACK_NAMES:
        np.testing.assert_array_equal(getattr(one, track), getattr(same, track))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seconds", [0.2, 1.0, 30.0])
def test_any_length_and_rate_stay_in_range(name, seconds, basis):
    motion = builtin_motion(name, basis, seconds=seconds, fps=Fraction(30000, 1001))
    assert motion.duration_s == pytest.approx(seconds, abs=0.04)
    assert motion.lids.min() >= 0
    assert motion.lids.max() <= 1.6
    assert motion.body.min() >= 0
    assert motion.body.max() <= 0.01
    assert np.abs(motion.rotation).max() < np.radians(30)
    assert np.isfinite(motion.expression).all()
    assert motion.expression.max() < 1.3


def test_idle_blinks_as_often_as_people_do(basis):
    """15 to 20 a minute (Bentivoglio et al. 1997), at irregular times, each 100 to 400 ms."""
    counts = [blink_count(builtin_motion("idle", basis, seconds=60, seed=seed).lids[:, RIGHT]) for seed in range(12)]
    assert 13 <= np.mean(counts) <= 22
    time = np.arange(0, 1, 0.001)
    shut_s = (blink_curve(time) > 0.1).sum() / 1000
    assert 0.1 <= shut_s <= 0.4


def test_a_wink_is_of_one_eye(basis):
    lids = builtin_motion("wink", basis).lids
    assert lids[:, LEFT].min() < 0.05
    assert lids[:, RIGHT].min() > 0.95


def test_a_nod_nods_and_a_shake_shakes(basis):
    nod, shake = (np.ptp(builtin_motion(name, basis).rotation, axis=0) for name in ("nod", "shake"))
    assert nod[1] > 5 * nod[0]
    assert shake[0] > 5 * shake[1]


def test_silent_speech_opens_in_the_rhythm_of_syllables_and_closes_for_plosives(basis):
    motion = builtin_motion("speak", basis, seconds=20, seed=2)
    jaw = motion.expression[:, motion.expression_names.index("jawOpen")]
    peaks = ((jaw[1:-1] > jaw[:-2]) & (jaw[1:-1] >= jaw[2:]) & (jaw[1:-1] > 0.05)).sum()
    assert 2.0 <= peaks / 20 <= 7.0  # Hz, Chandrasekaran et al. 2009
    assert motion.contact.max() == 1.0


def write_voice(path, f1, f2, seconds=1.0, rate=16000):
    """A vowel: pulses at 120 Hz through two resonators, with silence before and after."""
    count = int(seconds * rate)
    signal = np.zeros(count)
    signal[:: rate // 120] = 1.0
    for formant, width in ((f1, 80), (f2, 120)):
        radius, angle = np.exp(-np.pi * width / rate), 2 * np.pi * formant / rate
        for at in range(2, count):
            signal[at] += 2 * radius * np.cos(angle) * signal[at - 1] - radius**2 * signal[at - 2]
    silence = np.zeros(rate // 2)
    samples = np.concatenate([silence, 0.5 * signal / np.abs(signal).max(), silence])
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def test_a_voice_opens_the_mouth_when_it_sounds_and_shapes_it(basis, tmp_path):
    shapes = {}
    for vowel, formants in {"a": (750, 1300), "u": (340, 800), "i": (320, 2300)}.items():
        path = tmp_path / f"{vowel}.wav"
        write_voice(path, *formants)
        motion = builtin_motion("speak", basis, sound=path)
        assert motion.sound == path.read_bytes()
        assert motion.duration_s == pytest.approx(2.0, abs=0.05)
        at = motion.expression_names.index
        jaw = motion.expression[:, at("jawOpen")]
        assert jaw[:8].max() < 0.02
        assert jaw[-6:].max() < 0.02
        shapes[vowel] = {
            n: float(motion.expression[20:30, at(n)].mean()) for n in ("jawOpen", "mouthPucker", "mouthStretch_L")
        }
    assert shapes["a"]["jawOpen"] > 1.5 * max(shapes["i"]["jawOpen"], shapes["u"]["jawOpen"])
    assert shapes["u"]["mouthPucker"] > 2 * shapes["i"]["mouthPucker"]
    assert shapes["i"]["mouthStretch_L"] > 2 * shapes["u"]["mouthStretch_L"]


def test_silence_keeps_the_mouth_shut():
    assert heard(np.zeros(8000)).loudness.max() == 0.0
    assert heard(np.zeros(0)).loudness.shape == (1,)


def test_what_is_refused(basis, tmp_path):
    with pytest.raises(UsageError, match="choose one of idle"):
        builtin_motion("dance", basis)
    with pytest.raises(UsageError, match="no voice"):
        builtin_motion("nod", basis, sound=tmp_path / "a.wav")
    with pytest.raises(UsageError, match=r"0\.2 s to an hour"):
        builtin_motion("idle", basis, seconds=0)
    with pytest.raises(UnreadableInputError, match="no such sound file"):
        builtin_motion("speak", basis, sound=tmp_path / "a.wav")
    (tmp_path / "a.wav").write_bytes(b"not a sound")
    with pytest.raises(UnreadableInputError, match=r"a\.wav"):
        builtin_motion("speak", basis, sound=tmp_path / "a.wav")
