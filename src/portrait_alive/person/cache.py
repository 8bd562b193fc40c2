"""Persons that were tuned before, found again by their pictures' content. No picture is kept, only what was learned.

A cache is a convenience: whatever goes wrong with it, the person is tuned again.
"""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from portrait_alive.errors import OutputError, UnreadableInputError
from portrait_alive.host import cache_folder
from portrait_alive.person.file import FORMAT, load_learned, save_learned
from portrait_alive.person.person import Person, SitterPicture, networks_name
from portrait_alive.types import MESH_POINTS

_MOST_ENTRIES = 64


def cache_entry(pictures: Sequence[SitterPicture], how: str) -> Path:
    """Where the person of these pictures is kept.

    Args:
        pictures: the canvas first.
        how: whatever else decides what is learned: kind of tuning, seed.
    """
    digest = hashlib.sha256(json.dumps([FORMAT, networks_name(), how]).encode())
    for each in pictures:
        digest.update(str(each.picture.pixels.shape).encode())
        digest.update(np.ascontiguousarray(each.picture.pixels).tobytes())
        digest.update(np.ascontiguousarray(each.face.points[:MESH_POINTS], np.float32).tobytes())
    return cache_folder() / "portrait-alive" / "persons" / digest.hexdigest()[:40]


def recalled(entry: Path) -> Person | None:
    """The person of an entry; None where there is none, or it is damaged."""
    try:
        person = load_learned(entry)
    except UnreadableInputError:
        return None
    with contextlib.suppress(OSError):
        entry.touch()
    return person


def remember(person: Person, entry: Path) -> None:
    """Write the entry and drop those that were used longest ago; a folder that cannot be written is no error."""
    with contextlib.suppress(OSError, OutputError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        save_learned(person, entry)
        by_age = sorted(entry.parent.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in by_age[_MOST_ENTRIES:]:
            old.unlink(missing_ok=True)
