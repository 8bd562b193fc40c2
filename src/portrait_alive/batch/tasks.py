"""What a batch hands to whoever does the work, and what comes back: the same for processes here and for a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from portrait_alive.batch.rows import Driver, Row, RowResult
from portrait_alive.events import Event, Listener
from portrait_alive.options import AnimateOptions


@dataclass(frozen=True)
class TrackDriver:
    """Track a driver once, for all rows that use it."""

    driver: Driver
    options: AnimateOptions
    target: Path
    """Where the motion file goes; written elsewhere first, so that it is there only when it is complete."""

    @property
    def title(self) -> str:
        """What progress calls it."""
        return f"tracking {Path(self.driver.name).name}"


@dataclass(frozen=True)
class MakeRow:
    """Make one output."""

    row: Row
    motion: Path | None
    """The driver's motion file where it was tracked before."""
    target: Path
    """Where the output is written: a file (or folder of frames) in the row's unfinished folder."""
    thumbnail: Path | None
    """Where a small animated preview is written; None for none."""
    threads: int

    @property
    def title(self) -> str:
        """What progress calls it."""
        return self.row.name


Task = TrackDriver | MakeRow


@dataclass(frozen=True)
class Said:
    """A worker says something about the task it is at."""

    worker: int
    task: Task
    event: Event


@dataclass(frozen=True)
class Ended:
    """A task came to its end."""

    worker: int
    task: Task
    result: RowResult | None = None
    """Of a row that was made; None for drivers and failures."""
    memory: int = 0
    """Peak of the worker in bytes."""
    error_kind: str | None = None
    """None when the task succeeded."""
    error: str | None = None
    stops_batch: bool = False
    """Nothing is wrong with the task: the disk is full, or something is not installed. Others would fail like it."""


Message = Said | Ended


class Job(Protocol):
    """What does the work: a module with these two functions, named to the workers by its import path."""

    def track_driver(self, task: TrackDriver, partial: Path, on_event: Listener) -> None:
        """Write the motion file of a driver to `partial`."""
        ...

    def make_row(self, task: MakeRow, on_event: Listener) -> RowResult:
        """Write the output of a row to `task.target` and its preview to `task.thumbnail`."""
        ...


class Executor(Protocol):
    """A set of workers, each with at most one task."""

    @property
    def worker_count(self) -> int:
        """How many tasks can run at once."""
        ...

    def free_workers(self) -> int:
        """How many workers wait for a task."""
        ...

    def submit(self, task: Task) -> None:
        """Give a task to a free worker."""
        ...

    def wait(self, timeout_s: float) -> Sequence[Message]:
        """What workers said since the last call; waits up to `timeout_s` for the first word."""
        ...

    def close(self) -> None:
        """Stop all workers at once, whatever they are doing."""
        ...
