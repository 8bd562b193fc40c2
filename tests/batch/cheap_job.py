"""A job that costs nothing but does all that the real one does to the disk: for tests of the batch around it.

The output of a row is a long text that depends on its source, driver and options alone, written in pieces, so that a
kill can come in the middle. A source that contains "broken" fails; one with "suicide" takes its worker down.
"""

import hashlib
import os
import time
from pathlib import Path

from portrait_alive.batch.rows import RowResult
from portrait_alive.batch.tasks import MakeRow, TrackDriver
from portrait_alive.errors import NoFaceError
from portrait_alive.events import Listener, PhaseStarted, Progress
from portrait_alive.options import as_plain

PIECES = 12
PAUSE_S = float(os.environ.get("CHEAP_JOB_PAUSE_S", "0.002"))


def track_driver(task: TrackDriver, partial: Path, on_event: Listener) -> None:
    text = Path(task.driver.name).read_bytes()
    if b"faceless" in text:
        raise NoFaceError(f"{task.driver.name}: no face")
    with partial.open("wb") as file:
        for _ in range(PIECES):
            file.write(hashlib.sha256(text).digest())
            file.flush()
            time.sleep(PAUSE_S)
    log = os.environ.get("CHEAP_JOB_LOG")
    if log:
        with Path(log).open("a") as file:
            file.write(f"{task.driver.name}\n")


def make_row(task: MakeRow, on_event: Listener) -> RowResult:
    source = task.row.sources[0].read_bytes()
    if b"broken" in source:
        raise NoFaceError(f"{task.row.sources[0]}: no face found; choose one with --face")
    if b"full" in source:
        raise OSError(28, "No space left on device")
    if b"suicide" in source:
        os._exit(9)
    wanted = {name: value for name, value in as_plain(task.row.options).items() if name != "overwrite"}
    motion = task.motion.read_bytes() if task.motion else task.row.driver.name.encode()
    seed = hashlib.sha256(source + motion + repr(sorted(wanted.items())).encode()).hexdigest()
    on_event(PhaseStarted("render", "rendering", total=PIECES))
    with task.target.open("w") as file:
        for piece in range(PIECES):
            file.write(f"{seed} frame {piece}\n" * 50)
            file.flush()
            on_event(Progress("render", piece + 1))
            time.sleep(PAUSE_S)
    if task.thumbnail:
        task.thumbnail.write_bytes(b"thumbnail of " + seed.encode())
    return RowResult(frames=PIECES, seconds=PIECES * PAUSE_S, warnings=("small-face",))
