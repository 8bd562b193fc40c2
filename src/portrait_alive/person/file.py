"""Person files: a sitter learned once, to be animated again and again. Format in docs/person.md.

safetensors holds numbers and strings and nothing that could run; everything is checked against its shape and range
before it is used, since person files are made to be passed around.
"""

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from portrait_alive.errors import OutputError, UnreadableInputError
from portrait_alive.media.atomic import check_writable, part_name, publish, remove
from portrait_alive.media.stills import read_picture
from portrait_alive.neural.view import VIEW_PX
from portrait_alive.person.lent import Lent, LentPicture, LentScene
from portrait_alive.person.person import MOST_PICTURES, Person
from portrait_alive.types import MESH_POINTS, Bytes, Landmarks, Picture

FORMAT: Final = "portrait-alive-person-1"
SUFFIX: Final = ".person"
_MOST_BYTES: Final = 1 << 30
_MOST_HEADER_BYTES: Final = 1 << 20
_MOST_CHANGES: Final = 4_000_000
"""Tuned parameters, all together: 8 MB in fp16."""
_CHANGE: Final = "change."
_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,120}")


@dataclass(frozen=True, eq=False)
class StoredPerson:
    """What a person file holds."""

    person: Person
    canvas: Picture
    """The picture that is animated; its path is the person file's."""
    landmarks: Landmarks
    """The face in it."""


def save_person(person: Person, canvas: Bytes, landmarks: Landmarks, path: Path, *, overwrite: bool = False) -> None:
    """Write a person file; it appears under its name only when it is complete.

    Args:
        person: what is known of the sitter.
        canvas: (N,) the canvas picture's file, byte for byte.
        landmarks: the face in it.
        path: where to.
        overwrite: replace a file of this name.

    Raises:
        OutputError: the file exists and `overwrite` is off, or the folder cannot be written.
    """
    check_writable(path, overwrite=overwrite)
    tensors = {
        **person_tensors(person),
        "canvas": canvas,
        "canvas.points": np.ascontiguousarray(landmarks.points, np.float32),
        "canvas.confidence": np.ascontiguousarray(landmarks.confidence, np.float32),
        "canvas.presence": np.array([landmarks.presence], np.float32),
        "views": np.ascontiguousarray(person.views),
        "meshes": np.ascontiguousarray(person.meshes, np.float32),
        **_lent_tensors(person.lent),
    }
    write_whole(save(tensors, _metadata_of(person)), path, overwrite=overwrite)


def load_person(path: Path) -> StoredPerson:
    """Read a person file.

    Raises:
        UnreadableInputError: missing, damaged, of another kind or version, or with values no person has.
    """
    tensors, made = _read(path)
    canvas = _tensor(tensors, "canvas", (None,), np.uint8, path)
    points = _floats(tensors, "canvas.points", (MESH_POINTS, 3), 1e6, path)
    confidence = _floats(tensors, "canvas.confidence", (MESH_POINTS,), 1.0, path)
    presence = float(_floats(tensors, "canvas.presence", (1,), 1.0, path)[0])
    views = _tensor(tensors, "views", (None, VIEW_PX, VIEW_PX, 3), np.uint8, path)
    meshes = _floats(tensors, "meshes", (len(views), MESH_POINTS, 2), 1e5, path)
    if len(views) >= MOST_PICTURES:
        raise _damaged(path, f"{len(views) + 1} pictures")
    picture = _decoded(canvas.tobytes(), path)
    if not _lies_in(points, picture.size):
        raise _damaged(path, "its face does not lie in its picture")
    lent = Lent(_lent(tensors, views, meshes, path), _scene(tensors, picture, path))
    person = replace(_person(tensors, made, path), views=views, meshes=meshes, lent=lent)
    return StoredPerson(person, picture, Landmarks(points, confidence, presence))


def person_tensors(person: Person) -> dict[str, NDArray[Any]]:
    """Embedding and tuned parameters by their names in a file."""
    changes = {f"{_CHANGE}{name}": np.ascontiguousarray(each, np.float16) for name, each in person.changes.items()}
    return {"embedding": np.ascontiguousarray(person.embedding, np.float32), **changes}


def save_learned(person: Person, path: Path) -> None:
    """Write what was learned, without any picture: a cache's entry.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_whole(save(person_tensors(person), _metadata_of(person)), path, overwrite=True)


def load_learned(path: Path) -> Person:
    """Read a cache's entry.

    Raises:
        UnreadableInputError: it is damaged.
    """
    return _person(*_read(path), path)


def write_whole(content: bytes, path: Path, *, overwrite: bool) -> None:
    """Write a file that appears under its name only when it is complete.

    Raises:
        OutputError: the file system refuses.
    """
    part = part_name(path)
    try:
        part.write_bytes(content)
        publish(part, path, overwrite=overwrite)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error}); choose another folder with -o") from error
    finally:
        remove(part)


def _metadata_of(person: Person) -> dict[str, str]:
    return {"format": FORMAT, "made": json.dumps(dict(person.made), sort_keys=True)}


def _read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise UnreadableInputError(f"{path}: {size >> 20} MB is too large for a person file; enroll again")
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableInputError(f"{path}: cannot be read ({error}); check the path") from error
    metadata = _metadata(content, path)
    if metadata.get("format") != FORMAT:
        raise UnreadableInputError(
            f"{path}: not a person file of this version (found {metadata.get('format', 'no format')!r:.40}, "
            f"expected {FORMAT!r}); make it again with: portrait-alive enroll"
        )
    try:
        made = {str(key)[:80]: str(value)[:500] for key, value in json.loads(metadata.get("made", "{}")).items()}
        return load(content), made
    except Exception as error:  # safetensors and JSON raise what they like
        raise _damaged(path, str(error)) from error


def _metadata(content: bytes, path: Path) -> dict[str, str]:
    """The string table of the header, read without touching any tensor."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or not 2 <= length <= min(len(content) - 8, _MOST_HEADER_BYTES):
        raise _damaged(path, "it has no safetensors header")
    try:
        header = json.loads(content[8 : 8 + length])
        return {str(key): str(value) for key, value in header.get("__metadata__", {}).items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise _damaged(path, "its header is not JSON") from error


def _person(tensors: Mapping[str, NDArray[Any]], made: dict[str, str], path: Path) -> Person:
    embedding = _floats(tensors, "embedding", (None,), 1e4, path)
    names = [name for name in tensors if name.startswith(_CHANGE)]
    if sum(tensors[name].size for name in names) > _MOST_CHANGES:
        raise _damaged(path, "more tuned parameters than there are")
    changes = {}
    for name in names:
        if not _NAME.fullmatch(name):
            raise _damaged(path, "names of tuned parameters")
        changes[name.removeprefix(_CHANGE)] = _floats(tensors, name, tuple(tensors[name].shape), 100.0, path)
    return Person(embedding, changes, made=made)


def _lent_tensors(lent: Lent) -> dict[str, NDArray[Any]]:
    """Faces: one file after the other; where each ends; the meshes. The scene: its two files and where it lies."""
    tensors: dict[str, NDArray[Any]] = {}
    if lent.faces:
        tensors["lent"] = np.concatenate([each.encoded for each in lent.faces])
        tensors["lent.ends"] = np.cumsum([each.encoded.size for each in lent.faces]).astype(np.int64)
        tensors["lent.points"] = np.stack([each.points for each in lent.faces]).astype(np.float32)
    if lent.scene is not None:
        tensors |= {"scene": lent.scene.encoded, "scene.share": lent.scene.share, "scene.place": lent.scene.place}
    return tensors


def _lent(
    tensors: Mapping[str, NDArray[Any]], views: Bytes, meshes: NDArray[np.float32], path: Path
) -> tuple[LentPicture, ...]:
    """The other pictures' faces; of a file that was made before they were kept, the networks' views of them."""
    if "lent" not in tensors:
        pairs = zip(views, meshes, strict=True)
        return tuple(LentPicture.of_view(view, mesh) for view, mesh in pairs if _lies_in(mesh, view.shape[:2]))
    content = _tensor(tensors, "lent", (None,), np.uint8, path)
    ends = _tensor(tensors, "lent.ends", (None,), np.int64, path)
    points = _floats(tensors, "lent.points", (len(ends), MESH_POINTS, 3), 1e5, path)
    if len(ends) >= MOST_PICTURES or (np.diff(ends, prepend=0) <= 0).any() or ends[-1:].sum() != content.size:
        raise _damaged(path, "other pictures that do not end where they say")
    lent = []
    for start, end, mesh in zip([0, *ends[:-1].tolist()], ends.tolist(), points, strict=True):
        one = LentPicture(content[start:end].copy(), mesh)
        size = _decoded(one.encoded.tobytes(), path).size
        if one.pixels().shape[:2] != size or not _lies_in(mesh, size):
            raise _damaged(path, "a face that does not lie in its picture")
        lent.append(one)
    return tuple(lent)


def _scene(tensors: Mapping[str, NDArray[Any]], canvas: Picture, path: Path) -> LentScene | None:
    """What lies behind the canvas's sitter; None where the file does not say."""
    if "scene" not in tensors:
        return None
    encoded, share = (_tensor(tensors, name, (None,), np.uint8, path) for name in ("scene", "scene.share"))
    place = _floats(tensors, "scene.place", (3,), 1e5, path)
    sizes = {_decoded(one.tobytes(), path).size for one in (encoded, share)}
    scene = LentScene(encoded, share, place)
    behind = scene.behind() if len(sizes) == 1 else None
    if behind is None or behind.share.shape not in sizes or not 0.25 <= behind.pitch <= max(canvas.size):
        raise _damaged(path, "a scene that does not fit its picture")
    return scene


def _lies_in(points: NDArray[np.float32], size: tuple[int, int]) -> bool:
    """Whether a mesh (478, 2 or 3) may be that of a face in a picture of this (height, width)."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    beside = high.min() < 0 or low[0] > size[1] or low[1] > size[0]
    return bool(min(high - low) >= 4 and not beside and max(high - low) <= 4 * max(size))


def _decoded(content: bytes, path: Path) -> Picture:
    with tempfile.TemporaryDirectory(prefix="portrait-alive-") as folder:
        file = Path(folder) / "canvas"
        file.write_bytes(content)
        try:
            picture = read_picture(file)
        except UnreadableInputError as error:
            what = str(error).replace(str(file), "the picture")
            raise UnreadableInputError(f"{path}: its picture cannot be used: {what}") from error
    return replace(picture, path=path)


def _floats(
    tensors: Mapping[str, NDArray[Any]], key: str, shape: tuple[int | None, ...], largest: float, path: Path
) -> NDArray[np.float32]:
    values = _tensor(tensors, key, shape, None, path).astype(np.float32)
    if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > largest:
        raise _damaged(path, f"{key} has values that no person has")
    return values


def _tensor(
    tensors: Mapping[str, NDArray[Any]],
    key: str,
    shape: tuple[int | None, ...],
    kind: type | None,
    path: Path,
) -> NDArray[Any]:
    if key not in tensors:
        raise _damaged(path, f"{key} is missing")
    tensor = np.asarray(tensors[key])
    fits = tensor.ndim == len(shape) and all(b in (None, a) for a, b in zip(tensor.shape, shape, strict=True))
    if not fits:
        raise _damaged(path, f"{key} has shape {tensor.shape}, expected {shape}")
    if tensor.dtype != kind if kind is not None else tensor.dtype.kind != "f":
        raise _damaged(path, f"{key} holds {tensor.dtype}")
    return tensor


def _damaged(path: Path, what: str) -> UnreadableInputError:
    return UnreadableInputError(
        f"{path}: not an intact person file ({what:.300}); make it again with: portrait-alive enroll"
    )
