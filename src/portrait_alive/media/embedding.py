"""XMP packets and comments into and out of containers; each by its own specification (XMP part 3)."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from portrait_alive.media.ffmpeg import run
from portrait_alive.media.gif import XMP_HEAD, XMP_TRAILER
from portrait_alive.media.marks import MAX_XMP_BYTES
from portrait_alive.media.png import SIGNATURE, XMP_KEYWORD, read_chunks
from portrait_alive.media.streams import input_arguments

Container = Literal["mp4", "webm", "png", "webp", "gif", "unknown"]

XMP_UUID = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
"""Of the box that holds XMP in MP4 and QuickTime files."""


def container_of(path: Path) -> Container:
    """The kind of container at `path` by its first bytes, whatever its name says; mp4 includes QuickTime."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return "mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm"
    if head[:8] == SIGNATURE:
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return "gif" if head[:4] == b"GIF8" else "unknown"


def add_xmp_box(path: Path, packet: bytes) -> None:
    """Append `packet` to the finished MP4 or QuickTime file at `path`, in its box.

    At the end it moves nothing: the index stays at the front, and the offsets in it stay true.
    """
    with path.open("r+b") as file:
        for _ in _boxes(file):
            pass  # a file whose last box is open-ended or cut would swallow ours
        file.seek(0, 2)
        file.write(struct.pack(">I4s", 24 + len(packet), b"uuid") + XMP_UUID + packet)


def read_xmp(path: Path) -> bytes | None:
    """The XMP packet in the file at `path`, at most `MAX_XMP_BYTES`; None when it has none."""
    container = container_of(path)
    if container == "webm":
        return read_tags(path).get("xmp", "").encode() or None
    with path.open("rb") as file:
        if container == "mp4":
            return _from_box(file)
        if container == "png":
            return _from_png(file)
        if container == "webp":
            return _from_webp(file)
        return _from_gif(file) if container == "gif" else None


def read_comment(path: Path) -> str | None:
    """The comment among the container's own tags; None when it has none."""
    container = container_of(path)
    if container in ("mp4", "webm"):
        return read_tags(path).get("comment")
    if container == "png":
        with path.open("rb") as file:
            for kind, offset, length in read_chunks(file):
                if kind == b"tEXt" and length < MAX_XMP_BYTES:
                    file.seek(offset)
                    key, _, text = file.read(length).partition(b"\0")
                    if key == b"Comment":
                        return text.decode("latin-1")
    return None


def read_tags(path: Path) -> dict[str, str]:
    """The container's own tags as ffmpeg reads them, keys in lower case."""
    dumped = run(["-v", "error", *input_arguments(path), "-f", "ffmetadata", "pipe:1"])
    return parse_tags(dumped.stdout.decode("utf-8", "replace"))


def parse_tags(text: str) -> dict[str, str]:
    """Tags of ffmpeg's metadata format: `key=value`, backslash before =, ;, #, backslash and line ends."""
    tags: dict[str, str] = {}
    fields, escaped = [""], False
    lines: list[list[str]] = []
    for letter in text:
        if escaped:
            fields[-1] += letter
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == "=" and len(fields) == 1:
            fields.append("")
        elif letter == "\n":
            lines.append(fields)
            fields = [""]
        else:
            fields[-1] += letter
    for line in [*lines, fields]:
        if line[0].startswith("["):  # a section of a stream or chapter; ours are the file's
            break
        if len(line) == 2 and not line[0].startswith(";"):
            tags.setdefault(line[0].lower(), line[1])
    return tags


def _boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """(kind, offset of the payload, its length) of the top-level boxes of an open MP4 file.

    Raises:
        ValueError: a box is open-ended or reaches beyond the file's end.
    """
    file.seek(0, 2)
    end = file.tell()
    position = 0
    while position < end:
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            raise ValueError("the file ends within a box")
        length, kind = struct.unpack(">I4s", head[:8])
        start = position + 8
        if length == 1 and len(head) == 16:
            length, start = struct.unpack(">Q", head[8:])[0], position + 16
        if length < start - position or position + length > end:
            raise ValueError("a box is open-ended or cut")
        yield kind, start, position + length - start
        position += length


def _from_box(file: IO[bytes]) -> bytes | None:
    try:
        for kind, start, length in _boxes(file):
            if kind == b"uuid" and 16 <= length <= MAX_XMP_BYTES:
                file.seek(start)
                data = file.read(length)
                if data.startswith(XMP_UUID):
                    return data[16:]
    except ValueError:
        return None
    return None


def _from_png(file: IO[bytes]) -> bytes | None:
    for kind, offset, length in read_chunks(file):
        if kind == b"iTXt" and length <= MAX_XMP_BYTES:
            file.seek(offset)
            data = file.read(length)
            if data.startswith(XMP_KEYWORD + b"\0\0"):  # not compressed, as XMP demands
                return data[len(XMP_KEYWORD) + 3 :].split(b"\0", 2)[-1]
    return None


def _from_webp(file: IO[bytes]) -> bytes | None:
    position = 12
    while True:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return None
        kind, length = struct.unpack("<4sI", head)
        if kind == b"XMP " and length <= MAX_XMP_BYTES:
            return file.read(length)
        position += 8 + length + length % 2


def _from_gif(file: IO[bytes]) -> bytes | None:
    """Ours stands at the end; other tools' stand near the beginning."""
    file.seek(0, 2)
    end = file.tell()
    for start in (max(0, end - MAX_XMP_BYTES), 0):
        file.seek(start)
        data = file.read(MAX_XMP_BYTES)
        begin = data.find(XMP_HEAD)
        stop = data.find(XMP_TRAILER, begin)
        if 0 <= begin < stop:
            return data[begin + len(XMP_HEAD) : stop]
    return None
