"""Processes of the ffmpeg binary: found, started by argument lists, listened to, and never left behind.

No shell is ever involved, and a file name never reaches ffmpeg bare: `file_argument` makes it a `file:` address, so
that names with leading dashes, colons or percent signs mean themselves. Children get a session of their own (a
Ctrl-C in the terminal reaches Python alone, which then decides), and all of them read from or write to a pipe of
ours, so that they end by themselves should this process be killed outright.
"""

import contextlib
import os
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from portrait_alive.errors import MissingDependencyError
from portrait_alive.host import undisturbed, widen_pipe

PIPE_BYTES = 1 << 20
"""Wanted capacity of a pipe that carries frames; Linux gives 64 KiB unless asked."""

STDERR_LINES = 2000
STDERR_LINE_LENGTH = 500
"""What is kept of ffmpeg's messages, from the end, in lines and characters: a damaged clip can produce millions."""

_ADVICE = (
    "install it with `pip install imageio-ffmpeg`, or put the path of an ffmpeg binary (version 5.1 or newer) "
    "into the environment variable IMAGEIO_FFMPEG_EXE"
)


@dataclass(frozen=True)
class Finished:
    """What a process left behind."""

    code: int
    stdout: bytes
    messages: str
    """Its stderr, at most `STDERR_LINES` lines from the end."""


def ffmpeg_path() -> Path:
    """Path of the ffmpeg binary that imageio-ffmpeg brings (or that IMAGEIO_FFMPEG_EXE names).

    Raises:
        MissingDependencyError: there is none for this platform, or the variable points nowhere.
    """
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise MissingDependencyError(f"imageio-ffmpeg, which brings ffmpeg, is not installed: {_ADVICE}") from error
    try:
        path = Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise MissingDependencyError(f"no ffmpeg binary for this platform was found: {_ADVICE}") from error
    return path


def file_argument(path: Path) -> str:
    """The address that makes ffmpeg read or write exactly this file, whatever its name looks like."""
    return "file:" + os.path.abspath(path)


def run(arguments: Sequence[str]) -> Finished:
    """Run ffmpeg with `arguments` to its end and return what it said; for short jobs, output in memory.

    Raises:
        MissingDependencyError: the binary is missing or cannot be started.
    """
    with running(arguments, reads=False, writes=True) as process:
        stdout = process.stdout_pipe().read()
        code = process.wait()
        return Finished(code, stdout, process.messages())


class Process:
    """A running ffmpeg: its pipes, and its last messages. Made by `running`, which also ends it."""

    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self._popen = popen
        self._lines: deque[str] = deque(maxlen=STDERR_LINES)
        self._listener = threading.Thread(target=self._listen, name="ffmpeg-messages", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._popen.stderr is not None
        with contextlib.suppress(ValueError, OSError):  # closed under our hands when the process is given up
            for line in self._popen.stderr:
                self._lines.append(line.decode("utf-8", "replace").rstrip()[:STDERR_LINE_LENGTH])

    def stdin_pipe(self) -> IO[bytes]:
        """The unbuffered pipe into ffmpeg."""
        assert self._popen.stdin is not None
        return self._popen.stdin

    def stdout_pipe(self) -> IO[bytes]:
        """The unbuffered pipe out of ffmpeg."""
        assert self._popen.stdout is not None
        return self._popen.stdout

    def wait(self) -> int:
        """Exit code, once it has ended by itself and all its messages are in."""
        code = self._popen.wait()
        self._listener.join(timeout=5)
        return code

    def messages(self) -> str:
        """The last lines of its stderr."""
        return "\n".join(self._lines)

    def kill(self) -> None:
        """End it now if it still runs, and close every pipe; returns when it is gone."""
        if self._popen.poll() is None:
            self._popen.kill()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._popen.wait()
        self._listener.join(timeout=5)
        if self._popen.stderr is not None:
            self._popen.stderr.close()


@contextlib.contextmanager
def running(arguments: Sequence[str], *, reads: bool, writes: bool) -> Iterator[Process]:
    """A started ffmpeg that is gone when the block ends, however it ends.

    Args:
        arguments: what follows the binary's name; banner, statistics and questions are switched off already.
        reads: frames will be written into `stdin_pipe()`.
        writes: output will be read from `stdout_pipe()`.

    Raises:
        MissingDependencyError: the binary is missing or cannot be started.
    """
    command = [str(ffmpeg_path()), "-hide_banner", "-nostats", *([] if reads else ["-nostdin"]), *arguments]
    try:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.PIPE if writes else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            **undisturbed(),
        )
    except OSError as error:
        raise MissingDependencyError(f"{command[0]}: ffmpeg could not be started ({error}): {_ADVICE}") from error
    process = Process(popen)
    try:
        for pipe in (popen.stdin, popen.stdout):
            if pipe is not None:
                widen_pipe(pipe, PIPE_BYTES)
        yield process
    finally:
        process.kill()
