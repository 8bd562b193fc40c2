"""Motion files: they come back as they were, stay small, and nothing hostile gets through."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from safetensors.numpy import load, save

from portrait_alive.errors import OutputError, UnreadableInputError
from portrait_alive.motion.file import as_stored, load_motion, motion_bytes, save_motion
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.tracks import TRACK_NAMES, motion_at_rest


def rewritten(content: bytes, *, metadata=None, **tensors) -> bytes:
    """The file with some metadata and tensors replaced (None: removed)."""
    length = int.from_bytes(content[:8], "little")
    found = json.loads(content[8 : 8 + length])["__metadata__"] | (metadata or {})
    held = load(content) | tensors
    return save({k: v for k, v in held.items() if v is not None}, {k: v for k, v in found.items() if v is not None})


def test_round_trip(lively, tmp_path):
    stored = as_stored(replace(lively, sound=b"RIFF....", provenance={"kind": "tracked", "note": "Tōkyō"}))
    path = tmp_path / "mein Film ü.motion"
    save_motion(stored, path)
    found = load_motion(path)
    for name in TRACK_NAMES:
        np.testing.assert_array_equal(getattr(found, name), getattr(stored, name))
    assert (found.fps, found.sound, dict(found.provenance)) == (stored.fps, stored.sound, dict(stored.provenance))
    assert found.expression_names == stored.expression_names
    np.testing.assert_array_equal(found.neutral.expression, stored.neutral.expression)


def test_driving_from_the_file_is_driving_from_the_clip(lively, tmp_path, source, basis):
    """`track_driver` rounds to what a file holds, so the two are the same to the last bit."""
    tracked = as_stored(lively)
    save_motion(tracked, tmp_path / "a.motion")
    loaded = load_motion(tmp_path / "a.motion")
    for one, other in zip(retarget(source, tracked, basis)[::20], retarget(source, loaded, basis)[::20], strict=True):
        np.testing.assert_array_equal(one.points, other.points)


def test_at_most_300_bytes_a_frame(names):
    """Of somebody who talks before a noisy camera all the time."""
    rng = np.random.default_rng(0)
    time, down, across = np.arange(1100)[:, None, None, None], np.arange(14)[:, None, None], np.arange(24)[:, None]
    talking = 90 + 50 * np.sin(time * 0.5 + np.array([0, 1])) * np.cos(across / 5 + time / 5) + 4 * down
    inside = np.clip(talking + rng.normal(0, 3, talking.shape), 0, 255).astype(np.uint8)
    talks = replace(motion_at_rest(1100, Fraction(25), names), inside=inside)
    sizes = [len(motion_bytes(talks.with_tracks(lambda _, track, n=count: track[:n]))) for count in (100, 1100)]
    assert 200 < (sizes[1] - sizes[0]) / 1000 < 300


def test_an_existing_file_is_refused_and_left_alone(lively, tmp_path):
    path = tmp_path / "a.motion"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        save_motion(lively, path)
    assert path.read_bytes() == b"mine"
    save_motion(lively, path, overwrite=True)
    assert load_motion(path).frame_count == lively.frame_count
    assert [p.name for p in tmp_path.iterdir()] == ["a.motion"]  # nothing half-made lies around


def test_a_folder_that_is_not_there(lively, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save_motion(lively, tmp_path / "no" / "a.motion")


def _hostile(content: bytes) -> dict[str, bytes]:
    rotation = load(content)["rotation"]
    nan = rotation.copy()
    nan[3, 1] = np.nan
    return {
        "empty": b"",
        "short": content[:5],
        "truncated": content[: len(content) // 2],
        "text": b"not a motion at all, but long enough to have a length field",
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n",
        "huge header": (1 << 62).to_bytes(8, "little") + content[8:],
        "nested header": (200_000).to_bytes(8, "little") + b"[" * 200_000,
        "header is a list": (2).to_bytes(8, "little") + b"[]",
        "other format": rewritten(content, metadata={"format": "shape-basis-1"}),
        "later version": rewritten(content, metadata={"format": "portrait-alive-motion-9"}),
        "no rate": rewritten(content, metadata={"fps": ""}),
        "rate by zero": rewritten(content, metadata={"fps": "25/0"}),
        "rate of a million": rewritten(content, metadata={"fps": "1000000/1"}),
        "names with code": rewritten(content, metadata={"expression_names": "__import__('os') jawOpen"}),
        "names missing": rewritten(content, metadata={"expression_names": "jawOpen"}),
        "provenance": rewritten(content, metadata={"provenance": "[1, 2"}),
        "not a number": rewritten(content, rotation=nan),
        "infinite": rewritten(content, lids=np.full_like(load(content)["lids"], np.inf)),
        "far away": rewritten(content, translation=load(content)["translation"] + 1e9),
        "no size": rewritten(content, scale=load(content)["scale"] * 0),
        "missing track": rewritten(content, gaze=None),
        "missing neutral": rewritten(content, **{"neutral.lids": None}),
        "wrong length": rewritten(content, mouth=load(content)["mouth"][:-1]),
        "no frames": rewritten(content, rotation=rotation[:0]),
        "flat rotation": rewritten(content, rotation=np.array(3.0, np.float32)),
        "sound of floats": rewritten(content, sound=np.zeros(4, np.float32)),
    }


def test_hostile_files_are_named_and_refused(lively, tmp_path):
    for kind, content in _hostile(motion_bytes(lively)).items():
        path = tmp_path / f"{kind}.motion"
        path.write_bytes(content)
        with pytest.raises(UnreadableInputError, match=kind) as refused:
            load_motion(path)
        assert "track" in str(refused.value)  # says what to do


def test_flipped_bytes_never_crash(lively, tmp_path):
    content = motion_bytes(lively)
    generator = np.random.default_rng(5)
    path = tmp_path / "a.motion"
    for _ in range(150):
        damaged = bytearray(content)
        for at in generator.integers(0, min(len(damaged), 3000), 3):
            damaged[at] ^= int(generator.integers(1, 256))
        path.write_bytes(damaged)
        try:
            load_motion(path)
        except UnreadableInputError:
            continue


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UnreadableInputError, match="cannot be read"):
        load_motion(tmp_path / "none.motion")
