"""Outputs appear complete or not at all; nothing is left behind, and nothing that was there is lost."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from portrait_alive.errors import OutputError
from portrait_alive.media import ffmpeg, frame_pipe, sinks
from portrait_alive.media.atomic import leftovers, part_name
from portrait_alive.media.outputs import OutputOptions, open_output
from portrait_alive.media.png_folder import SIDE_CAR
from portrait_alive.types import Bytes

Painter = Callable[..., Bytes]

FPS = Fraction(25)
NAMES = ("out.mp4", "out.mov", "out.webm", "out.gif", "out.webp", "out.png", "frames/")
QUICK = OutputOptions(preset="ultrafast", threads=1)


def write(target: str, frames: Iterable[Bytes], *, overwrite: bool = False, stop: BaseException | None = None) -> None:
    """Write `frames`, then raise `stop` before the end."""
    with open_output(target, size=(32, 32), fps=FPS, options=QUICK, overwrite=overwrite) as output:
        for frame in frames:
            output.write(frame)
        if stop is not None:
            raise stop


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError("rendering failed"), SystemExit(143)])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, smooth: Painter, name: str, stop: BaseException) -> None:
    with pytest.raises(type(stop)):
        write(f"{tmp_path}/{name}", [smooth(32, 32, i) for i in range(5)], stop=stop)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_no_frames_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="not a single frame"):
        write(f"{tmp_path}/{name}", [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_existing_files_are_refused_unless_overwritten(tmp_path: Path, smooth: Painter, name: str) -> None:
    target = f"{tmp_path}/{name}"
    write(target, [smooth(32, 32)])
    before = _contents(Path(target))
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        write(target, [smooth(32, 32, 2)])
    with pytest.raises(KeyboardInterrupt):
        write(target, [smooth(32, 32, 2)], overwrite=True, stop=KeyboardInterrupt())
    assert _contents(Path(target)) == before
    write(target, [smooth(32, 32, 2)], overwrite=True)
    assert _contents(Path(target)) != before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_of_other_files_is_never_replaced(tmp_path: Path, smooth: Painter) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    (folder / "000000.png").write_bytes(b"a picture of somebody")
    with pytest.raises(OutputError, match="holds other files and is not replaced"):
        write(f"{folder}/", [smooth(32, 32)], overwrite=True)
    assert _contents(folder) == {"000000.png": b"a picture of somebody"}
    empty = tmp_path / "empty"
    empty.mkdir()
    write(f"{empty}/", [smooth(32, 32)])
    assert set(_contents(empty)) == {"000000.png", SIDE_CAR}


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path, smooth: Painter) -> None:
    path = tmp_path / "out.mp4"

    def frames() -> Iterator[Bytes]:
        yield smooth(32, 32)
        path.write_bytes(b"somebody else's")

    with pytest.raises(OutputError, match="appeared while"):
        write(str(path), frames())
    assert _contents(tmp_path) == {"out.mp4": b"somebody else's"}


def test_missing_and_read_only_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.mp4: the folder .*nowhere does not exist"):
        open_output(tmp_path / "nowhere" / "a.mp4", size=(32, 32), fps=FPS)
    if os.name == "posix" and os.geteuid() != 0:
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="may not be written to"):
            open_output(tmp_path / "a.mp4", size=(32, 32), fps=FPS)
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.gif"])
def test_an_encoder_that_cannot_start_is_reported(
    tmp_path: Path, smooth: Painter, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    original = frame_pipe.running

    def without_encoder(arguments: list[str], **pipes: bool) -> object:
        codec = arguments.index("-c:v") + 1
        return original([*arguments[:codec], "no_such_encoder", *arguments[codec + 1 :]], **pipes)

    monkeypatch.setattr(frame_pipe, "running", without_encoder)
    frames = [smooth(32, 32, i * 0.1) for i in range(20)]
    with pytest.raises(OutputError, match=r"out\.\w+: the encoder failed \(.*no_such_encoder"):
        write(f"{tmp_path}/{name}", frames)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["out.mp4", "out.gif"])
def test_an_encoder_that_dies_is_reported(
    tmp_path: Path, smooth: Painter, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Killed by the system for its memory, say: writing neither hangs nor leaves anything."""
    started: list[subprocess.Popen[bytes]] = []
    original = subprocess.Popen

    def start(*arguments: object, **options: object) -> "subprocess.Popen[bytes]":
        started.append(original(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(ffmpeg.subprocess, "Popen", start)
    frame = smooth(32, 32)

    def frames_until_killed() -> Iterator[Bytes]:
        for index in range(5000):
            if index == 10:
                started[-1].kill()
            yield frame

    with pytest.raises(OutputError, match=r"out\.\w+: the encoder failed"):
        write(f"{tmp_path}/{name}", frames_until_killed())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said_plainly(tmp_path: Path) -> None:
    assert "disk is full" in str(frame_pipe.encoder_failure(tmp_path / "a.mp4", "av_write: No space left on device"))
    with pytest.raises(OutputError, match=r"a\.png: the disk is full"), frame_pipe.disk_failure(tmp_path / "a.png"):
        raise OSError(28, "No space left on device")


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX does")
@pytest.mark.parametrize("name", ["out.mp4", "out.webp", "frames/"])
def test_a_file_system_that_refuses_leaves_nothing(tmp_path: Path, name: str) -> None:
    """No file may grow beyond 20 kB in a process of its own, which is what a full disk looks like."""
    script = f"""
import resource, signal, numpy as np
from fractions import Fraction
from portrait_alive.errors import OutputError
from portrait_alive.media.outputs import open_output
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
noise = np.random.default_rng(0)
try:
    with open_output({f"{tmp_path}/{name}"!r}, size=(200, 200), fps=Fraction(25)) as output:
        for _ in range(30):
            output.write(noise.integers(0, 256, (200, 200, 3), np.uint8))
except OutputError as error:
    print("refused:", error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "refused:" in done.stdout
    assert name.strip("/") in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_a_killed_run_leaves_only_what_is_known_as_leftover(tmp_path: Path) -> None:
    """`kill -9`: no file under the final name, the encoder ends by itself, and the next run clears the rest."""
    script = f"""
import numpy as np, time
from fractions import Fraction
from portrait_alive.media.outputs import open_output
with open_output({str(tmp_path / "out.mp4")!r}, size=(64, 64), fps=Fraction(25)) as output:
    for _ in range(10):
        output.write(np.zeros((64, 64, 3), np.uint8))
    print("writing", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        assert leftovers(tmp_path / "out.mp4") == []  # its process lives
        process.kill()
    assert not (tmp_path / "out.mp4").exists()
    for _ in range(50):
        if len(found := leftovers(tmp_path / "out.mp4")) == 1:
            break
        time.sleep(0.1)
    assert found == list(tmp_path.iterdir())
    assert leftovers(tmp_path / "other.mp4") == []
    write(str(tmp_path / "out.mp4"), [np.zeros((32, 32, 3), np.uint8)])
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_part_names_are_hidden_short_and_our_own(tmp_path: Path) -> None:
    for name in ("a.mp4", "蒙" * 80 + ".webm", "x" * 250, "folder"):
        part = part_name(tmp_path / name)
        assert part.parent == tmp_path
        assert part.name.startswith(".")
        assert len(part.name.encode()) <= 255
        part.touch()
        assert leftovers(tmp_path / name) == []  # this process lives


def test_scratch_is_cleared_when_the_sink_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(sinks, "PngFolderWriter", refuse)
    with pytest.raises(OutputError, match="cannot be written"):
        write(f"{tmp_path}/frames/", [np.zeros((32, 32, 3), np.uint8)])
    assert not list(tmp_path.iterdir())


def _contents(path: Path) -> dict[str, bytes]:
    """Every file under `path`, or `path` itself, by name."""
    files = path.iterdir() if path.is_dir() else [path]
    return {file.name: file.read_bytes() for file in files if file.is_file()}


class _InterruptedError(Exception):
    pass


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="interrupts by a POSIX timer")
def test_interrupted_while_handing_over_a_frame_the_pipe_ends_all_the_same(tmp_path):
    """Whenever the signal comes: a `Queue` wakes nobody any more if it comes while an item is told of."""

    def interrupt(*_: object) -> None:
        raise _InterruptedError

    random, frame = np.random.default_rng(0), np.zeros((2, 2, 3), np.uint8)
    raw = ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "2x2", "-framerate", "25", "-i", "pipe:0"]
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(60):
            pipe = frame_pipe.FramePipe(["-v", "error", *raw, "-f", "null", "-"], (2, 2, 3), tmp_path / "out")
            with contextlib.suppress(_InterruptedError):
                signal.setitimer(signal.ITIMER_REAL, 0.05 + random.uniform(0.0, 0.01))
                while True:
                    pipe.write(frame)
            ending = threading.Thread(target=pipe.abort, daemon=True)
            ending.start()
            ending.join(10)
            assert not ending.is_alive()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
