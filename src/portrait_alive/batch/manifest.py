"""The record of a batch: one JSON object per line, appended and synced as rows end, so that any kill loses none.

`manifest.jsonl` in the batch's folder (`manifest-2-of-8.jsonl` for a shard). The line of a finished row is written
*before* its output gets its name: the line is the decision, the rename its consequence, which the next run completes
where a kill came between. A last line without its end is what a kill leaves; it is cut off.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, Self

from portrait_alive.batch.rows import Shard


@dataclass(frozen=True)
class FileMark:
    """A file as it was: enough to tell later whether it still is."""

    path: str
    bytes: int
    mtime_ns: int
    sha256: str

    @staticmethod
    def of(path: Path) -> "FileMark":
        """Mark a file, or a folder of files (frames) as a whole."""
        size, mtime_ns = _extent(path)
        return FileMark(str(path), size, mtime_ns, _digest(path))

    def still_fits(self, path: Path) -> bool:
        """Whether `path` holds what was marked. Contents are read again only where size agrees and time does not."""
        try:
            size, mtime_ns = _extent(path)
        except OSError:
            return False
        return size == self.bytes and (mtime_ns == self.mtime_ns or _digest(path) == self.sha256)


@dataclass(frozen=True)
class Record:
    """How a row ended."""

    key: str
    status: Literal["done", "failed"]
    row: str
    sources: tuple[FileMark, ...]
    driver: str
    driver_file: FileMark | None
    options: Mapping[str, object]
    seed: int
    tool: str
    finished: str
    """UTC, ISO 8601."""
    output: FileMark | None = None
    thumbnail: str | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    frames: int = 0
    seconds: float = 0.0
    memory_mb: int = 0
    warnings: tuple[str, ...] = ()
    error_kind: str | None = None
    error: str | None = None

    def line(self) -> bytes:
        """The record as a line of the manifest."""
        return json.dumps(asdict(self), ensure_ascii=False).encode() + b"\n"

    @staticmethod
    def parse(line: bytes) -> "Record | None":
        """The record of a line; None where the line is damaged or of a kind unknown here."""
        try:
            values: dict[str, Any] = json.loads(line)
            values["sources"] = tuple(FileMark(**mark) for mark in values["sources"])
            values["warnings"] = tuple(values["warnings"])
            for name in ("driver_file", "output"):
                values[name] = FileMark(**values[name]) if values[name] else None
            return Record(**values)
        except (ValueError, TypeError, KeyError):
            return None


class Manifest:
    """An open manifest, to which records are appended."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file

    @staticmethod
    def open(folder: Path, shard: Shard) -> "Manifest":
        """Open the manifest of a run for appending; what a kill left of a line is cut off."""
        path = folder / f"manifest{shard.suffix}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)  # nothing waits in a buffer when a write fails
        _cut_torn_line(file)
        return Manifest(path, file)

    def append(self, record: Record) -> None:
        """Add a record; on return it is on the disk."""
        start = self._file.seek(0, os.SEEK_END)
        try:
            line = memoryview(record.line())
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError:  # disk full: take back the half line, if that is still possible
            self._file.truncate(start)
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_records(folder: Path) -> dict[str, Record]:
    """The last record of every row by key, from the manifests of all shards in `folder`."""
    records: dict[str, Record] = {}
    for path in sorted(folder.glob("manifest*.jsonl")):
        for record in _records(path.read_bytes().split(b"\n")):
            known = records.get(record.key)
            if known is None or record.finished >= known.finished:
                records[record.key] = record
    return records


def _records(lines: Iterable[bytes]) -> Iterable[Record]:
    for line in lines:
        record = Record.parse(line)
        if record is not None:
            yield record


def _cut_torn_line(file: IO[bytes]) -> None:
    end = file.seek(0, os.SEEK_END)
    position = end
    while position > 0:
        start = max(0, position - 65536)
        file.seek(start)
        newline = file.read(position - start).rfind(b"\n")
        if newline >= 0:
            position = start + newline + 1
            break
        position = start
    if position != end:
        file.truncate(position)


def _extent(path: Path) -> tuple[int, int]:
    """(bytes, time of last change in ns) of a file, or of all files in a folder."""
    files = _files(path)
    if not files:
        raise FileNotFoundError(path)
    stats = [file.stat() for file in files]
    return sum(each.st_size for each in stats), max(each.st_mtime_ns for each in stats)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for file in _files(path):
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
