"""PNG as a container: chunks, still pictures with marks, and the animated kind, written as a stream."""

import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from portrait_alive.media.animation import Rectangle, Timeline, changed_rectangle
from portrait_alive.media.marks import Marks
from portrait_alive.types import Bytes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp"

COMPRESSION = 4
"""zlib's level: 9 takes five times as long for 3% less."""


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def mark_chunks(marks: Marks | None) -> bytes:
    """Text chunks with the marks (comment, tool, XMP), or nothing."""
    if marks is None:
        return b""
    texts = ((b"Software", f"{marks.tool} {marks.version}"), (b"Comment", marks.comment))
    plain = b"".join(chunk(b"tEXt", key + b"\0" + text.encode("latin-1", "replace")) for key, text in texts)
    return plain + chunk(b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + marks.xmp)


def encode_png(pixels: Bytes, marks: Marks | None) -> bytes:
    """A PNG file of (H, W, 3 or 4) uint8 sRGB, marks before the pixels."""
    parts = [SIGNATURE]
    for kind, data in _chunks(_encoded(pixels)):
        parts.append(chunk(kind, data))
        if kind == b"IHDR":
            parts.append(mark_chunks(marks))
    return b"".join(parts)


def read_chunks(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """(kind, offset of the data, length) of each chunk of the open PNG file, until it ends or breaks off."""
    position = len(SIGNATURE)
    while True:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        yield kind, position + 8, length
        position += 12 + length


class ApngWriter:
    """An animated PNG, written frame by frame: each frame holds only the rectangle that changed.

    Args:
        part: the file to make.
        fps: constant rate; times are kept exactly.
    """

    def __init__(self, part: Path, fps: Fraction, marks: Marks | None) -> None:
        self._file = part.open("wb")
        # The format counts in fractions of 16-bit numbers; a rate beyond them is met as nearly as they allow.
        exact = fps.numerator <= 65535 and fps.denominator <= 65535
        self._period = 1 / (fps if exact else fps.limit_denominator(max(1, int(65535 / max(Fraction(1), fps)))))
        self._marks = marks
        self._previous: Bytes | None = None
        self._timeline: Timeline[tuple[bytes, Rectangle]] = Timeline(65535 // self._period.numerator)
        self._sequence = 0
        self._frames = 0
        self._count_position = 0

    def write(self, frame: Bytes) -> None:
        """Append a frame, (H, W, 3 or 4) uint8."""
        rectangle = changed_rectangle(self._previous, frame)
        data = None
        if rectangle is not None:
            data = (_encoded(frame[rectangle.rows, rectangle.columns]), rectangle)
            self._previous = frame.copy()
        self._write_due(self._timeline.push(data, lambda: self._unchanged(frame)))

    def finish(self) -> None:
        """Complete the file."""
        self._write_due(self._timeline.flush())
        self._file.write(chunk(b"IEND", b""))
        self._file.seek(self._count_position)
        self._file.write(chunk(b"acTL", struct.pack(">II", self._frames, 0)))
        self._file.close()

    def abort(self) -> None:
        """Close the file."""
        self._file.close()

    def _unchanged(self, frame: Bytes) -> tuple[bytes, Rectangle]:
        return _encoded(frame[:1, :1]), Rectangle(0, 1, 0, 1)

    def _write_due(self, due: tuple[tuple[bytes, Rectangle], int, int] | None) -> None:
        if due is None:
            return
        (png, rectangle), _, periods = due
        chunks = list(_chunks(png))
        if self._frames == 0:
            header = dict(chunks)[b"IHDR"]
            self._file.write(SIGNATURE + chunk(b"IHDR", header))
            self._count_position = self._file.tell()
            self._file.write(chunk(b"acTL", struct.pack(">II", 1, 0)) + mark_chunks(self._marks))
        height, width = rectangle.size
        control = struct.pack(
            ">IIIIIHHBB",
            *(self._next(), width, height, rectangle.left, rectangle.top),
            *(periods * self._period.numerator, self._period.denominator, 0, 0),
        )
        self._file.write(chunk(b"fcTL", control))
        for kind, data in chunks:
            if kind == b"IDAT" and self._frames == 0:
                self._file.write(chunk(b"IDAT", data))
            elif kind == b"IDAT":
                self._file.write(chunk(b"fdAT", struct.pack(">I", self._next()) + data))
        self._frames += 1

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence - 1


def _encoded(pixels: Bytes) -> bytes:
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    done, data = cv2.imencode(".png", cv2.cvtColor(pixels, order), [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION])
    if not done:
        raise OSError("the PNG encoder failed")
    return bytes(np.asarray(data))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of the chunks that hold the picture: IHDR, IDAT, IEND."""
    position = len(SIGNATURE)
    while position < len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            yield kind, png[position + 8 : position + 8 + length]
        position += 12 + length
