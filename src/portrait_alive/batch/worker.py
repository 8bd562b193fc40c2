"""A worker process: takes tasks from its parent one by one, and dies with it."""

import errno
import os
import signal
import threading
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from portrait_alive.batch.rows import RowResult
from portrait_alive.batch.tasks import Ended, Job, MakeRow, Said, Task
from portrait_alive.events import Event, Listener
from portrait_alive.host import MemoryWatch, sync_folder

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_ORPHANED = 1


def work(
    number: int, job_name: str, threads: int, tasks: "Connection[Any, Any]", lifeline: "Connection[Any, Any]", log: Path
) -> None:
    """Do tasks until the parent closes the connection.

    Args:
        number: of this worker.
        job_name: import path of the module that does the work (`tasks.Job`).
        threads: CPU threads that the numerical libraries may use.
        tasks: tasks come in, messages go out.
        lifeline: nothing ever comes; its end means that the parent is gone.
        log: what libraries write to the terminal goes here instead, for the terminal shows progress.
    """
    threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    _write_to(log)
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    watch = MemoryWatch()
    while True:
        try:
            task: Task = tasks.recv()
        except EOFError:
            return

        def say(event: Event, task: Task = task) -> None:
            watch.look()
            tasks.send(Said(number, task, event))

        try:
            tasks.send(_do(number, job_name, task, say, watch))
        except (BrokenPipeError, ConnectionResetError):
            return


def _write_to(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)


def _do(number: int, job_name: str, task: Task, on_event: Listener, watch: MemoryWatch) -> Ended:
    try:
        result = perform(cast(Job, import_module(job_name)), task, on_event)
    except Exception as error:
        kind, message = describe(error)
        return Ended(
            number, task, memory=watch.peak(), error_kind=kind, error=message, stops_batch=is_everybodys(error)
        )
    return Ended(number, task, result, watch.peak())


def perform(job: Job, task: Task, on_event: Listener) -> RowResult | None:
    """Do one task; what it makes is complete and on the disk on return."""
    if isinstance(task, MakeRow):
        task.target.parent.mkdir(parents=True, exist_ok=True)
        result = job.make_row(task, on_event)
        _sync(task)
        return result
    partial = task.target.with_name(f".{os.getpid()}-{task.target.name}")
    task.target.parent.mkdir(parents=True, exist_ok=True)
    try:
        job.track_driver(task, partial, on_event)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(task.target)
        sync_folder(task.target.parent)
    finally:
        partial.unlink(missing_ok=True)
    return None


def describe(error: BaseException) -> tuple[str, str]:
    """(kind, message) of what went wrong, for the manifest."""
    from portrait_alive.errors import PortraitAliveError

    known = isinstance(error, (PortraitAliveError, OSError, MemoryError))
    text = str(error) or type(error).__name__
    return type(error).__name__, text if known else f"{type(error).__name__}: {text}"


def is_everybodys(error: BaseException | None) -> bool:
    """Whether `error` would meet every other task too: a full disk, or something that is not installed."""
    from portrait_alive.errors import MissingDependencyError

    while error is not None:
        if isinstance(error, (ImportError, MissingDependencyError)):
            return True
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "No space left on device" in str(error):  # ffmpeg says it in words
            return True
        error = error.__cause__ or error.__context__
    return False


def _sync(task: MakeRow) -> None:
    files = task.target.rglob("*") if task.target.is_dir() else (task.target,)
    for path in files:
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def _die_with_parent(lifeline: "Connection[Any, Any]") -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(_ORPHANED)
