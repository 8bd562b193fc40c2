"""The sound in a motion goes where its frames go."""

import io
import wave
from dataclasses import replace

import numpy as np
import pytest

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.ffmpeg import file_argument, run
from portrait_alive.motion import editing

RATE = 8000


def tones(*parts):
    """A WAV file of tones: (hertz, seconds) after each other; 0 Hz is silence."""
    samples = np.concatenate([0.4 * np.sin(2 * np.pi * hz * np.arange(round(s * RATE)) / RATE) for hz, s in parts])
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture
def heard(tmp_path):
    """(seconds, the loudest hertz around each asked moment; 0 for silence) of a sound file."""

    def listen(sound, *moments):
        path = tmp_path / "heard.sound"
        path.write_bytes(sound)
        decoded = run(["-v", "error", "-i", file_argument(path), "-ac", "1", "-ar", str(RATE), "-f", "s16le", "pipe:1"])
        samples = np.frombuffer(decoded.stdout, "<i2") / 32768
        pitches = []
        for moment in moments:
            piece = samples[round((moment - 0.06) * RATE) : round((moment + 0.06) * RATE)]
            loud = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 8 * RATE))
            pitches.append(round(float(np.argmax(loud)) / 8) if np.sqrt((piece**2).mean()) > 0.02 else 0)
        return len(samples) / RATE, pitches

    return listen


@pytest.fixture
def spoken(lively):
    """Three seconds: 300 Hz, 600 Hz and 900 Hz."""
    return replace(lively, sound=tones((300, 1), (600, 1), (900, 1)))


def close(found, wanted):
    return np.allclose(found, wanted, rtol=0.03)


def test_a_part_has_its_part_of_the_sound(spoken, heard):
    part = editing.trimmed(spoken, 0.8, 2.2)
    seconds, pitches = heard(part.sound, 0.1, 0.7, 1.3)
    assert seconds == pytest.approx(part.duration_s, abs=0.03)
    assert close(pitches, [300, 600, 900])
    assert editing.trimmed(spoken).sound == spoken.sound


def test_a_retimed_sound_lasts_as_long_as_the_motion_at_its_own_pitch(spoken, heard):
    for speed in (0.4, 2.0, 3.0):
        changed = editing.retimed(spoken, speed)
        seconds, pitches = heard(changed.sound, *(t / speed for t in (0.5, 1.5, 2.5)))
        assert seconds == pytest.approx(changed.duration_s, abs=0.05)
        assert close(pitches, [300, 600, 900])


def test_joined_sounds_follow_each_other_and_a_silent_motion_is_silent(spoken, lively, heard):
    whole = editing.joined([spoken, lively, spoken], seam_s=0.4)
    seconds, pitches = heard(whole.sound, 2.3, 4.0, 5.6, 7.5)
    assert seconds == pytest.approx(whole.duration_s, abs=0.05)
    assert close(pitches, [900, 0, 300, 900])
    assert editing.joined([lively, lively]).sound is None
    assert heard(editing.joined([spoken, spoken], seam_s=0).sound, 3.5)[1] == pytest.approx([300], rel=0.03)


def test_a_sound_shorter_than_its_motion_does_not_pull_the_next_one_forward(lively, heard):
    short = replace(lively, sound=tones((300, 0.5)))
    whole = editing.joined([short, replace(lively, sound=tones((600, 3)))], seam_s=0.2)
    assert close(heard(whole.sound, 0.25, 1.5, 3.3)[1], [300, 0, 600])


def test_a_looped_sound_ends_where_it_begins(spoken, heard):
    loop = editing.looped(spoken, seam_s=0.8)
    seconds, pitches = heard(loop.sound, 0.07, 0.75, 1.5, 2.1)
    assert seconds == pytest.approx(loop.duration_s, abs=0.05)
    assert close(pitches, [900, 300, 600, 900])


def test_backwards_there_is_no_sound_and_other_edits_keep_it(spoken):
    assert editing.ping_pong(spoken).sound is None
    assert editing.mirrored(spoken).sound == spoken.sound
    assert editing.scaled(spoken, "pose", 2).sound == spoken.sound


def test_what_is_no_sound_is_refused_with_advice(lively):
    with pytest.raises(UnreadableInputError, match="--with-sound"):
        editing.trimmed(replace(lively, sound=b"no sound at all"), 0, 1)
