"""The same plan on a Ray cluster (extra: portrait-alive[ray]): rows as tasks, drivers and weights placed once.

Nodes need the package installed, and no shared file system: a task carries its source picture, takes the driver's
motion and the shipped weights from the object store, and returns the bytes of what it made. The machine that started
the batch writes outputs and manifest, so resuming is the same as on one machine.
"""

import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from portrait_alive.batch.rows import Driver, RowResult
from portrait_alive.batch.tasks import Ended, MakeRow, Message, Task, TrackDriver
from portrait_alive.errors import MissingDependencyError, OutputError
from portrait_alive.options import AnimateOptions
from portrait_alive.signing import credentials_of

_RETRIES = 4
"""How often Ray starts a task again whose node has died."""


@dataclass(frozen=True)
class _Made:
    """What a node sends back."""

    files: Mapping[str, bytes]
    """Contents by path relative to the folder that the task wrote to."""
    result: RowResult | None = None
    memory: int = 0
    node: str = ""
    error_kind: str | None = None
    error: str | None = None
    stops_batch: bool = False


@dataclass(frozen=True)
class _Running:
    worker: int
    task: Task


class RayExecutor:
    """The `Executor` of a cluster."""

    def __init__(self, job_name: str, *, address: str, threads: int, weights: Path) -> None:
        """Join a cluster.

        Args:
            job_name: import path of the module that does the work.
            address: of the cluster; "auto" finds the one this machine belongs to; "local" starts one here.
            threads: CPU cores that a task takes.
            weights: folder of the weight files, which are placed in the object store once.

        Raises:
            MissingDependencyError: Ray is not installed.
            OutputError: there is no cluster at the address.
        """
        self._ray = _ray()
        self._job_name = job_name
        self._threads = threads
        try:
            self._ray.init(
                address=None if address == "local" else address,
                ignore_reinit_error=True,
                log_to_driver=False,
                configure_logging=False,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise OutputError(
                f"--ray {address}: no Ray cluster answers there ({error}); start one with: ray start --head"
            ) from error
        self._weights = self._ray.put(
            {path.name: path.read_bytes() for path in sorted(weights.glob("*")) if path.is_file()}
        )
        self._placed: dict[Path, Any] = {}
        self._running: dict[Any, _Running] = {}
        self._make = self._ray.remote(num_cpus=threads, max_retries=_RETRIES)(_work)

    @property
    def worker_count(self) -> int:
        """How many tasks the cluster can run at once, now."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)) // self._threads)

    def free_workers(self) -> int:
        """How many more tasks can be submitted."""
        return max(0, self.worker_count - len(self._running))

    def submit(self, task: Task) -> None:
        """Send a task to the cluster."""
        taken = {running.worker for running in self._running.values()}
        worker = next(number for number in range(len(taken) + 1) if number not in taken)
        driver = task.row.driver if isinstance(task, MakeRow) else task.driver
        sources = [path.read_bytes() for path in task.row.sources] if isinstance(task, MakeRow) else []
        motion = task.motion if isinstance(task, MakeRow) else None
        attached = {name: path.read_bytes() for name, path in _files_of(_options_of(task)).items()}
        reference = self._make.remote(
            self._job_name, task, sources, attached, self._place(driver.path), self._place(motion), self._weights
        )
        self._running[reference] = _Running(worker, task)

    def wait(self, timeout_s: float) -> Sequence[Message]:
        """The tasks that have ended since the last call; waits up to `timeout_s` for the first."""
        if not self._running:
            time.sleep(min(timeout_s, 0.05))
            return []
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout_s)
        return [self._end(reference) for reference in ready]

    def close(self) -> None:
        """Stop all tasks, and leave the cluster."""
        for reference in self._running:
            with contextlib.suppress(Exception):
                self._ray.cancel(reference, force=True)
        self._running = {}
        self._ray.shutdown()

    def _place(self, path: Path | None) -> Any:
        """A file in the object store, placed once; None for none."""
        if path is None:
            return None
        if path not in self._placed:
            self._placed[path] = self._ray.put(path.read_bytes())
        return self._placed[path]

    def _end(self, reference: Any) -> Ended:
        running = self._running.pop(reference)
        try:
            made: _Made = self._ray.get(reference)
        except Exception as error:  # Ray's own: the task's node died again and again, or it was cancelled
            advice = f"the cluster gave it up after {_RETRIES} retries ({type(error).__name__})"
            return Ended(running.worker, running.task, error_kind="WorkerDied", error=advice)
        if made.error_kind is None:
            target = running.task.target
            target.parent.mkdir(parents=True, exist_ok=True)
            for name, content in made.files.items():
                _write(target.parent / name, content)
        return Ended(
            running.worker, running.task, made.result, made.memory, made.error_kind, made.error, made.stops_batch
        )


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(f"--ray needs Ray: pip install 'portrait-alive[ray]' ({error})") from error
    return ray


def _write(path: Path, content: bytes) -> None:
    """Write a file completely, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _work(
    job_name: str,
    task: Task,
    sources: list[bytes],
    attached: dict[str, bytes],
    driver: bytes | None,
    motion: bytes | None,
    weights: dict[str, bytes],
) -> _Made:
    """Do a task on a node, in a folder of its own; what it made as bytes.

    Args:
        job_name: import path of the module that does the work.
        task: with the paths of the machine that sent it.
        sources: contents of its pictures.
        attached: contents of the files that its options name, by option.
        driver: content of its driver's file.
        motion: content of the motion file that was tracked before.
        weights: contents of the weight files by name.
    """
    from importlib import import_module

    from portrait_alive.batch.worker import describe, is_everybodys, perform
    from portrait_alive.host import MemoryWatch

    with TemporaryDirectory(prefix="portrait-alive-") as folder:
        here = Path(folder)
        watch = MemoryWatch()
        _use_weights(_unpacked(weights))
        made = here / "made"
        made.mkdir()
        try:
            local = _localised(task, sources, attached, driver, motion, here / "inputs", made)
            result = perform(import_module(job_name), local, lambda event: watch.look())
        except Exception as error:
            kind, text = describe(error)
            return _Made({}, None, watch.peak(), _node(), kind, text, is_everybodys(error))
        files = {path.relative_to(made).as_posix(): path.read_bytes() for path in made.rglob("*") if path.is_file()}
        return _Made(files, result, watch.peak(), _node())


def _localised(
    task: Task,
    sources: list[bytes],
    attached: dict[str, bytes],
    driver: bytes | None,
    motion: bytes | None,
    folder: Path,
    made: Path,
) -> Task:
    """The task with files of this node in place of those of the machine that sent it; file names stay."""
    files: dict[str, Any] = {name: _keep(folder / name / name, content) for name, content in attached.items()}
    options = dataclasses.replace(_options_of(task), **files)
    if isinstance(task, TrackDriver):
        return dataclasses.replace(
            task, options=options, driver=_local(task.driver, driver, folder), target=made / task.target.name
        )
    pictures = [
        _keep(folder / f"source-{number}" / path.name, content)
        for number, (path, content) in enumerate(zip(task.row.sources, sources, strict=True))
    ]
    row = dataclasses.replace(
        task.row, options=options, sources=tuple(pictures), driver=_local(task.row.driver, driver, folder)
    )
    return dataclasses.replace(
        task,
        row=row,
        motion=None if motion is None or task.motion is None else _keep(folder / "motion" / task.motion.name, motion),
        target=made / task.target.name,
        thumbnail=None if task.thumbnail is None else made / task.thumbnail.name,
    )


def _options_of(task: Task) -> AnimateOptions:
    return task.row.options if isinstance(task, MakeRow) else task.options


def _files_of(options: AnimateOptions) -> dict[str, Path]:
    """The files that options name; with the certificate that signs where the user named none."""
    named = {each.name: getattr(options, each.name) for each in dataclasses.fields(options)}
    files = {name: value for name, value in named.items() if isinstance(value, Path)}
    credentials = credentials_of(options)
    if credentials is not None:
        files |= {"certificate": credentials.certificate, "certificate_key": credentials.key}
    return files


def _local(driver: Driver, content: bytes | None, folder: Path) -> Driver:
    if content is None:
        return driver
    return Driver(driver.kind, str(_keep(folder / "driver" / Path(driver.name).name, content)))


def _keep(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _use_weights(folder: Path) -> None:
    """Let this process, which works for the cluster alone, read its weights from `folder`."""
    from portrait_alive import weights

    weights.weights_folder = lambda: folder


def _unpacked(weights: dict[str, bytes]) -> Path:
    """A folder of this node with the weights in it, written once for each version of them."""
    import hashlib
    import tempfile

    digest = hashlib.sha256()
    for name, content in sorted(weights.items()):
        digest.update(name.encode() + b"\0" + content)
    folder = Path(tempfile.gettempdir()) / f"portrait-alive-weights-{digest.hexdigest()[:16]}"
    if not folder.is_dir():
        partial = Path(tempfile.mkdtemp(prefix="portrait-alive-weights-"))
        for name, content in weights.items():
            (partial / name).write_bytes(content)
        try:
            partial.rename(folder)
        except OSError:  # another task of this node was quicker
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def _node() -> str:
    import socket

    return socket.gethostname()
