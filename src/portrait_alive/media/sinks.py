"""Where frames go, by kind of output: a pipe into ffmpeg, a spool, pictures one by one."""

from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from portrait_alive.media.encoders import Encoding, encode_arguments, is_fed_yuv
from portrait_alive.media.ffmpeg import file_argument
from portrait_alive.media.frame_pipe import FramePipe
from portrait_alive.media.gif import GifWriter
from portrait_alive.media.marks import Marks
from portrait_alive.media.png import ApngWriter
from portrait_alive.media.png_folder import PngFolderWriter
from portrait_alive.media.webp import WebpWriter
from portrait_alive.media.yuv import planes_shape, write_planes
from portrait_alive.types import Bytes, Corners


class Sink(Protocol):
    """Takes frames and leaves a complete file (or folder) behind; or, aborted, worthless leavings."""

    def write(self, frame: Bytes) -> None:
        """Append a copy of `frame`, (H, W, 3 or 4) uint8."""

    def finish(self) -> None:
        """Complete the file. Raises OutputError or OSError when that fails."""

    def abort(self) -> None:
        """Stop at once; may be called twice, and after `finish`."""


def make_sink(
    encoding: Encoding, part: Path, spool: Path, path: Path, marks: Marks | None, moving: Corners | None
) -> Sink:
    """The sink for `encoding`.

    Args:
        part: what it makes.
        spool: a scratch file's name, for kinds that need one.
        path: the final name, for messages.
        marks: written by all kinds but mp4 and mov, whose boxes come last.
        moving: all that may differ between the frames; None where everything may.
    """
    if encoding.kind in ("mp4", "mov", "webm"):
        tags = [] if marks is None else marks_as_tags(encoding, marks)
        arguments = encode_arguments(encoding, tags, file_argument(part))
        if is_fed_yuv(encoding):
            refill = partial(write_planes, part=moving)
            return FramePipe(arguments, planes_shape(encoding.frame_size), path, write_planes, refill)
        return FramePipe(arguments, (*encoding.frame_size, 4 if encoding.alpha else 3), path)
    if encoding.kind == "gif":
        return GifWriter(encoding, part, spool, path, marks)
    writer: Sink
    if encoding.kind == "webp":
        writer = WebpWriter(
            part,
            encoding.size,
            encoding.fps,
            marks,
            alpha=encoding.alpha,
            lossless=encoding.lossless,
            crf=encoding.crf,
            preset=encoding.preset,
        )
    elif encoding.kind == "apng":
        writer = ApngWriter(part, encoding.fps, marks)
    else:
        writer = PngFolderWriter(part, encoding.fps, marks)
    return writer if encoding.size == encoding.frame_size else _Scaled(writer, encoding.size)


def marks_as_tags(encoding: Encoding, marks: Marks) -> list[str]:
    """Output arguments that put the marks among the container's own tags; WebM's also hold the XMP packet."""
    tags = ["-metadata", f"comment={marks.comment}"]
    if encoding.kind == "webm":
        tags += ["-metadata", f"XMP={marks.xmp.decode()}", "-metadata", f"software={marks.tool} {marks.version}"]
    return tags


class _Scaled:
    """A sink whose frames are scaled on their way, with Lanczos' filter (alpha weighs the colours)."""

    def __init__(self, sink: Sink, size: tuple[int, int]) -> None:
        self._sink = sink
        self._size = size

    def write(self, frame: Bytes) -> None:
        height, width = self._size
        scaled = Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS, reducing_gap=None)
        self._sink.write(np.asarray(scaled))

    def finish(self) -> None:
        self._sink.finish()

    def abort(self) -> None:
        self._sink.abort()
