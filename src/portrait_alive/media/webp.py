"""Animated WebP, written as a stream: libwebp codes rectangles, the container is put together here.

libwebp's own animation encoder keeps all frames until the end; this one keeps one, and only what moved is coded, so
that the still parts of a portrait do not boil.
"""

import io
import struct
from fractions import Fraction
from pathlib import Path

from PIL import Image

from portrait_alive.errors import OutputError
from portrait_alive.media.animation import Rectangle, Timeline, changed_rectangle
from portrait_alive.media.encoders import PRESETS
from portrait_alive.media.marks import Marks
from portrait_alive.types import Bytes

ALPHA_FLAG, XMP_FLAG, ANIMATION_FLAG = 0x10, 0x04, 0x02
NO_BLEND = 0x02
"""Frame flag: the rectangle replaces what is below it, also where it is transparent."""

MAX_FILE_BYTES = 2**32 - 16

CORNER = Rectangle(0, 1, 0, 1)
"""What is coded where nothing changed."""

PIXEL_CHUNKS = (b"ALPH", b"VP8 ", b"VP8L")
"""What a still holds besides its container."""


class WebpWriter:
    """An animated WebP, written frame by frame.

    Args:
        part: the file to make.
        size: (height, width), at most 16383 each.
        crf: quality on x264's scale.
        preset: effort on x264's scale.
    """

    def __init__(
        self,
        part: Path,
        size: tuple[int, int],
        fps: Fraction,
        marks: Marks | None,
        *,
        alpha: bool,
        lossless: bool,
        crf: int,
        preset: str,
    ) -> None:
        self._path = part
        self._file = part.open("wb")
        self._fps = fps
        self._marks = marks
        self._lossless = lossless
        self._quality = 70 if lossless else max(20, round(100 - 0.8 * crf))
        self._method = (0, 0, 1, 2, 3, 4, 5, 6, 6)[PRESETS.index(preset)]
        self._previous: Bytes | None = None
        self._timeline: Timeline[tuple[bytes, Rectangle]] = Timeline(int((2**24 - 1) / 1000 * fps) - 1)
        self._begin(size, alpha)

    def write(self, frame: Bytes) -> None:
        """Append a frame, (H, W, 3 or 4) uint8."""
        rectangle = changed_rectangle(self._previous, frame)
        coded = None
        if rectangle is not None:
            rectangle = rectangle.from_even()
            coded = (self._coded(frame, rectangle), rectangle)
            self._previous = frame.copy()
        self._store(self._timeline.push(coded, lambda: (self._coded(frame, CORNER), CORNER)))

    def finish(self) -> None:
        """Complete the file."""
        self._store(self._timeline.flush())
        if self._marks is not None:
            self._file.write(_chunk(b"XMP ", self._marks.xmp))
        length = self._file.tell()
        self._file.seek(4)
        self._file.write(struct.pack("<I", length - 8))
        self._file.close()

    def abort(self) -> None:
        """Close the file."""
        self._file.close()

    def _begin(self, size: tuple[int, int], alpha: bool) -> None:
        flags = ANIMATION_FLAG | (ALPHA_FLAG if alpha else 0) | (XMP_FLAG if self._marks else 0)
        height, width = size
        self._file.write(b"RIFF\0\0\0\0WEBP")
        self._file.write(_chunk(b"VP8X", struct.pack("<I", flags) + _u24(width - 1) + _u24(height - 1)))
        self._file.write(_chunk(b"ANIM", struct.pack("<IH", 0, 0)))

    def _coded(self, frame: Bytes, rectangle: Rectangle) -> bytes:
        """The rectangle of `frame` as the chunks that hold a still's pixels."""
        buffer = io.BytesIO()
        Image.fromarray(frame[rectangle.rows, rectangle.columns]).save(
            buffer, "WEBP", lossless=self._lossless, quality=self._quality, method=self._method, exact=self._lossless
        )
        return b"".join(_chunk(kind, data) for kind, data in riff_chunks(buffer.getvalue()) if kind in PIXEL_CHUNKS)

    def _store(self, due: tuple[tuple[bytes, Rectangle], int, int] | None) -> None:
        if due is None:
            return
        (coded, rectangle), first, periods = due
        # Times are whole milliseconds: each is rounded for itself, so that errors do not add up.
        duration = round((first + periods) * 1000 / self._fps) - round(first * 1000 / self._fps)
        height, width = rectangle.size
        head = _u24(rectangle.left // 2) + _u24(rectangle.top // 2) + _u24(width - 1) + _u24(height - 1)
        self._file.write(_chunk(b"ANMF", head + _u24(duration) + bytes([NO_BLEND]) + coded))
        if self._file.tell() > MAX_FILE_BYTES:
            raise OutputError("a WebP file holds at most 4 GB; use .mp4 or .webm, or a smaller --size")


def riff_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(kind, data) of each chunk of a RIFF file in memory."""
    chunks, position = [], 12
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        chunks.append((kind, data[position + 8 : position + 8 + length]))
        position += 8 + length + length % 2
    return chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _u24(value: int) -> bytes:
    return value.to_bytes(3, "little")
