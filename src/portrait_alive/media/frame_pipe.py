"""Frames into a running ffmpeg, from a small ring of buffers, so that drawing and encoding overlap."""

import contextlib
import errno
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from portrait_alive.errors import OutputError
from portrait_alive.media.ffmpeg import Process, running
from portrait_alive.media.streams import reason
from portrait_alive.types import Bytes

RING = 3
"""Frames in flight between the caller and ffmpeg."""

Fill = Callable[[Bytes, Bytes], None]


def grown(frame: Bytes, buffer: Bytes) -> None:
    """Copy `frame` (h, w, C) into `buffer` (H, W, C), h <= H, w <= W; edge pixels are repeated."""
    height, width = frame.shape[:2]
    buffer[:height, :width] = frame
    buffer[:height, width:] = buffer[:height, width - 1 : width]
    buffer[height:] = buffer[height - 1 : height]


class FramePipe:
    """An encoder that is fed frame by frame; `finish` or `abort` must end it.

    Args:
        arguments: of ffmpeg, which reads raw frames from `pipe:0` and writes the file by itself.
        shape: of a frame as ffmpeg expects it.
        path: the output's final name, for messages.
        fill: writes a frame, (h, w, C) uint8, into an array of that shape; `grown` copies it.
        refill: does so where the array holds an earlier frame, if that is less work.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        shape: tuple[int, ...],
        path: Path,
        fill: Fill = grown,
        refill: Fill | None = None,
    ) -> None:
        self._path = path
        self._fills = chain(repeat(fill, RING), repeat(refill or fill))  # buffers come back in their order
        self._stack = contextlib.ExitStack()
        self._process: Process = self._stack.enter_context(running(arguments, reads=True, writes=False))
        # not Queue: a signal that interrupts its `put` at the wrong moment makes the next one wake nobody
        self._free: queue.SimpleQueue[Bytes] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[Bytes | None] = queue.SimpleQueue()
        for _ in range(RING):
            self._free.put(np.empty(shape, np.uint8))
        self._broken = threading.Event()
        self._feeder = threading.Thread(target=self._feed, name="ffmpeg-frames", daemon=True)
        self._feeder.start()

    def write(self, frame: Bytes) -> None:
        """Hand over a copy of `frame` (h, w, C) uint8; waits while the encoder is behind.

        Raises:
            OutputError: the encoder has ended early.
        """
        buffer = self._free.get()
        if self._broken.is_set():
            self.abort()
            raise self._failure()
        next(self._fills)(frame, buffer)
        self._full.put(buffer)

    def finish(self) -> None:
        """Let the encoder write the rest.

        Raises:
            OutputError: it failed.
        """
        self._full.put(None)
        self._feeder.join()
        code = self._process.wait()
        failed = code != 0 or self._broken.is_set()
        self._stack.close()
        if failed:
            raise self._failure()

    def abort(self) -> None:
        """End the encoder at once; what it wrote is worthless."""
        self._stack.close()  # kills ffmpeg, which breaks the feeder's pipe
        self._full.put(None)
        self._feeder.join()

    def _feed(self) -> None:
        pipe = self._process.stdin_pipe()
        while (buffer := self._full.get()) is not None:
            if not self._broken.is_set():
                try:
                    view = buffer.data.cast("B")
                    while view:
                        view = view[pipe.write(view) :]
                except (OSError, ValueError):  # ffmpeg has ended, or the pipe was closed by `abort`
                    self._broken.set()
            self._free.put(buffer)
        with contextlib.suppress(OSError):
            pipe.close()

    def _failure(self) -> OutputError:
        return encoder_failure(self._path, self._process.messages())


@contextlib.contextmanager
def disk_failure(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write into the error that `path` could not be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(f"{path}: the disk is full; make room, or choose another folder with -o") from error
        raise OutputError(f"{path} cannot be written ({error}); choose another folder with -o") from error


def encoder_failure(path: Path, messages: str) -> OutputError:
    """The error that ffmpeg's messages on writing `path` amount to."""
    if "No space left on device" in messages or "Disk quota exceeded" in messages:
        return OutputError(f"{path}: the disk is full; make room, or choose another folder with -o")
    return OutputError(
        f"{path}: the encoder failed ({reason(messages)}); try another format or --size, and report it if it persists"
    )
