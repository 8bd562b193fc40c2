"""Where frames go, by kind of output: a pipe into ffmpeg, a spool, pictures one by one."""

from pathlib import Path
from typing import Protocol

from portrait_alive.media.encoders import Encoding, encode_arguments
from portrait_alive.media.ffmpeg import file_argument
from portrait_alive.media.frame_pipe import FramePipe
from portrait_alive.types import Bytes


class Sink(Protocol):
    """Takes frames and leaves a complete file (or folder) behind; or, aborted, worthless leavings."""

    def write(self, frame: Bytes) -> None:
        """Append a copy of `frame`, (H, W, 3 or 4) uint8."""

    def finish(self) -> None:
        """Complete the file. Raises OutputError when that fails."""

    def abort(self) -> None:
        """Stop at once; may be called twice, and after `finish`."""


def make_sink(encoding: Encoding, part: Path, path: Path) -> Sink:
    """The sink for `encoding` that writes to `part`; `path` is the final name, for messages."""
    shape = (*encoding.frame_size, 4 if encoding.alpha else 3)
    return FramePipe(encode_arguments(encoding, file_argument(part)), shape, path)
