"""Motion files: a driver's motion without the driver's picture. Format in docs/motion.md.

safetensors holds numbers and strings and nothing that could run; everything is checked against its shape and range
before it is used, since motion files are made to be passed around.
"""

import json
import os
import re
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from portrait_alive.errors import OutputError, UnreadableInputError
from portrait_alive.motion.packed_cells import in_steps, packed, unpacked
from portrait_alive.motion.tracks import Motion, Neutral, track_shapes
from portrait_alive.types import INSIDE_SHAPE

FORMAT: Final = "portrait-alive-motion-1"
SUFFIX: Final = ".motion"
_PRECISE: Final = ("rotation", "translation", "scale")
"""Tracks that move the whole head are stored in fp32, 0.0005 rad being a visible step; all others in fp16."""
_INSIDE: Final = "inside"
"""The track that is packed; older files lack it, or hold fewer cells as they are."""
_PACKED: Final = "inside.packed"
_FEWER_CELLS: Final = (6, 9, 2)
_MOST_BYTES: Final = 1 << 30
_MOST_HEADER_BYTES: Final = 1 << 20
_LARGEST: Final = {"rotation": 7.0, "translation": 1e4, "scale": 1e3, "expression": 20.0, "gaze": 20.0}
"""Farthest from 0 that a sane track gets; 10 where not listed."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


def as_stored(motion: Motion) -> Motion:
    """The motion rounded to what a file holds, so that driving from the clip and from its file are the same."""
    return motion.with_tracks(lambda name, track: in_steps(track) if name == _INSIDE else _read(_stored(name, track)))


def motion_bytes(motion: Motion) -> bytes:
    """The motion as the content of a file: 170 to 295 bytes a frame, and the sound where there is one."""
    tensors: dict[str, NDArray[Any]] = {}
    for name in track_shapes(len(motion.expression_names)):
        if name != _INSIDE:
            tensors[name] = np.ascontiguousarray(_stored(name, getattr(motion, name)))
    tensors[_PACKED] = packed(motion.inside)
    neutral = motion.neutral
    for name in ("rotation", "translation", "expression", "lids", "gaze"):
        tensors[f"neutral.{name}"] = np.ascontiguousarray(getattr(neutral, name), np.float32)
    tensors["neutral.mouth"] = np.array([neutral.mouth], np.float32)
    if motion.sound is not None:
        tensors["sound"] = np.frombuffer(motion.sound, np.uint8)
    metadata = {
        "format": FORMAT,
        "fps": f"{motion.fps.numerator}/{motion.fps.denominator}",
        "expression_names": " ".join(motion.expression_names),
        "provenance": json.dumps(dict(motion.provenance), sort_keys=True),
    }
    return save(tensors, metadata)


def save_motion(motion: Motion, path: Path, *, overwrite: bool = False) -> None:
    """Write a motion file; it appears under its name only when it is complete.

    Raises:
        OutputError: the file exists and `overwrite` is off, or the folder cannot be written.
    """
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; choose another name or --overwrite")
    temporary: str | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.stem}.", delete=False) as file:
            temporary = file.name
            file.write(motion_bytes(motion))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error}); choose another folder with -o") from error


def load_motion(path: Path) -> Motion:
    """Read a motion file.

    Raises:
        UnreadableInputError: missing, damaged, of another kind or version, or with values no motion has.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise UnreadableInputError(
                f"{path}: {size >> 20} MB is too large for a motion file; track the driver again"
            )
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableInputError(f"{path}: cannot be read ({error}); check the path") from error
    return _motion_from(content, str(path))


def is_motion_file(path: Path) -> bool:
    """Whether a driver path names a motion file, by its suffix."""
    return path.suffix.lower() == SUFFIX


def _motion_from(content: bytes, name: str) -> Motion:
    metadata = _metadata(content, name)
    if metadata.get("format") != FORMAT:
        raise UnreadableInputError(
            f"{name}: not a motion file of this version (found {metadata.get('format', 'no format')!r:.40}, "
            f"expected {FORMAT!r}); track the driver again with: portrait-alive track"
        )
    try:
        tensors = load(content)
    except Exception as error:
        raise _damaged(name, str(error)) from error
    expression_names = tuple(str(metadata.get("expression_names", "")).split())
    if len(set(expression_names)) != len(expression_names) or not all(_NAME.fullmatch(n) for n in expression_names):
        raise _damaged(name, "expression names")
    shapes = track_shapes(len(expression_names))
    frames = len(tensors["rotation"]) if np.ndim(tensors.get("rotation", 0)) else 0
    if frames == 0:
        raise _damaged(name, "no frames")
    tracks = {
        track: _checked(tensors, track, (frames, *shape), name) for track, shape in shapes.items() if track != _INSIDE
    }
    tracks["bridged"] = tracks["bridged"] > 0.5
    tracks[_INSIDE] = _inside(tensors, frames, name)
    rest = {
        track: _checked(tensors, f"neutral.{track}", shapes[track], name)
        for track in ("rotation", "translation", "expression", "lids", "gaze")
    }
    return Motion(
        fps=_rate(metadata.get("fps", ""), name),
        expression_names=expression_names,
        neutral=Neutral(**rest, mouth=float(_checked(tensors, "neutral.mouth", (1,), name)[0])),
        sound=_sound(tensors, name),
        provenance=_provenance(metadata.get("provenance", "{}"), name),
        **tracks,
    )


def _metadata(content: bytes, name: str) -> dict[str, str]:
    """The string table of the header, read without touching any tensor."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or not 2 <= length <= min(len(content) - 8, _MOST_HEADER_BYTES):
        raise _damaged(name, "it has no safetensors header")
    try:
        header = json.loads(content[8 : 8 + length])
        metadata = header.get("__metadata__", {})
        return {str(key): str(value) for key, value in metadata.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise _damaged(name, "its header is not JSON") from error


def _checked(tensors: dict[str, Any], key: str, shape: tuple[int, ...], name: str) -> NDArray[Any]:
    if key not in tensors:
        raise _damaged(name, f"track {key} is missing")
    tensor = np.asarray(tensors[key])
    if tensor.shape != shape:
        raise _damaged(name, f"track {key} has shape {tensor.shape}, expected {shape}")
    if tensor.dtype.kind not in "fbiu":
        raise _damaged(name, f"track {key} holds {tensor.dtype}")
    values = _read(tensor)
    largest = _LARGEST.get(key.removeprefix("neutral."), 10.0)
    if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > largest:
        raise _damaged(name, f"track {key} has values that no face has")
    if key == "scale" and values.min() <= 0:
        raise _damaged(name, "a head of no size")
    return values


def _inside(tensors: dict[str, Any], frames: int, name: str) -> NDArray[np.uint8]:
    """What the mouth shows; all 0, not known, in files that have none, enlarged from those that have fewer cells."""
    if _PACKED in tensors:
        data = np.asarray(tensors[_PACKED])
        if data.dtype != np.uint8 or data.ndim != 1:
            raise _damaged(name, f"track {_PACKED} is not bytes")
        try:
            return unpacked(data, frames)
        except ValueError as error:
            raise _damaged(name, f"track {_PACKED}: {error}") from error
    if _INSIDE not in tensors:
        return np.zeros((frames, *INSIDE_SHAPE), np.uint8)
    cells = np.asarray(tensors[_INSIDE])
    if cells.dtype != np.uint8 or cells.shape != (frames, *_FEWER_CELLS):
        raise _damaged(name, f"track {_INSIDE} has shape {cells.shape}, expected {(frames, *_FEWER_CELLS)} bytes")
    rows, columns, _ = INSIDE_SHAPE
    return np.stack([cv2.resize(one, (columns, rows), interpolation=cv2.INTER_LINEAR) for one in cells])


def _rate(text: str, name: str) -> Fraction:
    if re.fullmatch(r"\d{1,9}/\d{1,9}", text):
        numerator, denominator = (int(part) for part in text.split("/"))
        if denominator and 1 <= Fraction(numerator, denominator) <= 1000:
            return Fraction(numerator, denominator)
    raise _damaged(name, f"frame rate {text!r:.40}")


def _sound(tensors: dict[str, Any], name: str) -> bytes | None:
    if "sound" not in tensors:
        return None
    sound = np.asarray(tensors["sound"])
    if sound.dtype != np.uint8 or sound.ndim != 1:
        raise _damaged(name, "its sound is not bytes")
    return sound.tobytes()


def _provenance(text: str, name: str) -> dict[str, str]:
    try:
        return {str(key)[:80]: str(value)[:500] for key, value in json.loads(text).items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise _damaged(name, "its provenance is not a JSON object") from error


def _damaged(name: str, what: str) -> UnreadableInputError:
    return UnreadableInputError(f"{name}: not an intact motion file ({what}); make it again with: portrait-alive track")


def _stored(name: str, track: NDArray[Any]) -> NDArray[Any]:
    if name == "bridged":
        return track.astype(np.uint8)
    return track.astype(np.float32 if name in _PRECISE else np.float16)


def _read(stored: NDArray[Any]) -> NDArray[Any]:
    return stored if stored.dtype == np.uint8 else stored.astype(np.float32)
