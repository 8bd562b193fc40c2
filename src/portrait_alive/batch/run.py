"""Run a plan: drivers first, then the rows that wait for them, with a manifest as it goes."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from portrait_alive import __version__
from portrait_alive.batch.lock import batch_lock
from portrait_alive.batch.manifest import FileMark, Manifest, Record, read_records
from portrait_alive.batch.rows import Driver, Plan, Row, RowResult, Shard
from portrait_alive.batch.state import (
    Standing,
    clear_leftovers,
    put_in_place,
    refuse_foreign_outputs,
    remove_folder,
    take_stock,
)
from portrait_alive.batch.tasks import Ended, Executor, MakeRow, Said, Task, TrackDriver
from portrait_alive.errors import OutputError, PortraitAliveError
from portrait_alive.events import PhaseStarted, Progress
from portrait_alive.options import AnimateOptions, as_plain

_TICK_S = 0.25


@dataclass(frozen=True)
class BatchProgress:
    """Where a running batch is."""

    workers: Sequence[str]
    """What each worker does, in words."""
    ended: int
    """Rows of this run's part that are done or have failed, now or before."""
    total: int
    remaining_s: float | None
    """None until the first row of this run has ended."""


@dataclass(frozen=True)
class BatchSummary:
    """How a run ended."""

    done: int
    """Rows of the part that are done, now or before."""
    failed: tuple[Record, ...]
    """Rows that failed, now or before."""
    failed_now: tuple[Record, ...]
    """Those of this run."""
    made: int
    """Rows done in this run."""
    seconds: float
    memory_mb: int
    """Largest peak of one worker."""
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a plan is run."""

    shard: Shard = field(default_factory=Shard)
    retry_failed: bool = False
    threads: int = 1
    """CPU threads for each worker."""
    thumbnails: bool = True


@dataclass
class _Work:
    """What is left to do in a run, and what is under way."""

    ready: deque[Task]
    waiting: dict[Path, list[MakeRow]]
    """Rows by the motion file they wait for."""
    running: dict[int, str] = field(default_factory=dict)
    under_way: set[Task] = field(default_factory=set)


def run_plan(
    plan: Plan,
    make_executor: Callable[[int], Executor],
    *,
    options: RunOptions | None = None,
    on_progress: Callable[[BatchProgress], None] = lambda progress: None,
    on_record: Callable[[Record], None] = lambda record: None,
) -> BatchSummary:
    """Do what is left of a plan, or of a shard of it.

    Args:
        plan: the whole plan.
        make_executor: starts the workers; told how many tasks there are at most.
        options: how.
        on_progress: called a few times a second.
        on_record: called when a row has ended.

    Raises:
        OutputError: another run is at work in the folder, foreign outputs are in the way, or the disk is full.
        KeyboardInterrupt: passed on after workers are stopped and what they left is removed.
    """
    began = time.monotonic()
    options = options or RunOptions()
    part = plan.part(options.shard)
    with batch_lock(plan.work_folder, options.shard), Manifest.open(plan.folder, options.shard) as manifest:
        records = read_records(plan.folder)
        standing = take_stock(part, records, retry_failed=options.retry_failed)
        clear_leftovers(part, standing.pending, options.shard)
        refuse_foreign_outputs(standing.pending)
        run = _Run(part, standing, manifest, options, on_progress, on_record)
        if standing.pending:
            run.work(make_executor)
    failed = [*(records[row.key] for row in standing.failed), *run.failed]
    return BatchSummary(
        done=len(standing.done) + run.made,
        failed=tuple(failed),
        failed_now=tuple(run.failed),
        made=run.made,
        seconds=time.monotonic() - began,
        memory_mb=run.memory // 2**20,
        plan=part,
    )


class _Run:
    """One run under its lock."""

    def __init__(
        self,
        plan: Plan,
        standing: Standing,
        manifest: Manifest,
        options: RunOptions,
        on_progress: Callable[[BatchProgress], None],
        on_record: Callable[[Record], None],
    ) -> None:
        self.plan = plan
        self.standing = standing
        self.manifest = manifest
        self.options = options
        self.on_progress = on_progress
        self.on_record = on_record
        self.made = 0
        self.failed: list[Record] = []
        self.memory = 0
        self._marks: dict[Path, FileMark | None] = {}
        self._titles: dict[int, tuple[str, int | None]] = {}

    def work(self, make_executor: Callable[[int], Executor]) -> None:
        """Do every pending row."""
        work = self._schedule()
        executor = make_executor(len(work.ready) + sum(map(len, work.waiting.values())))
        began = time.monotonic()
        try:
            while work.ready or work.under_way:
                while work.ready and executor.free_workers():
                    task = work.ready.popleft()
                    work.under_way.add(task)
                    executor.submit(task)
                for message in executor.wait(_TICK_S):
                    if isinstance(message, Said):
                        work.running[message.worker] = self._line(message)
                    else:
                        work.running.pop(message.worker, None)
                        self._end(message, work)
                        work.under_way.discard(message.task)
                self._tell(work, executor.worker_count, began)
        finally:
            executor.close()
            for task in work.under_way:
                if isinstance(task, MakeRow):
                    remove_folder(task.row.unfinished)

    def _schedule(self) -> _Work:
        work = _Work(deque(), {})
        for row in self.standing.pending:
            motion = self._motion_file(row)
            task = MakeRow(
                row,
                motion,
                row.unfinished / row.output.name,
                row.unfinished / row.thumbnail_name if self.options.thumbnails else None,
                self.options.threads,
            )
            if motion is None or motion.is_file():
                work.ready.append(task)
                continue
            if motion not in work.waiting:
                work.ready.append(TrackDriver(row.driver, row.options, motion))
            work.waiting.setdefault(motion, []).append(task)
        # drivers first: rows wait for them
        work.ready = deque(sorted(work.ready, key=lambda task: isinstance(task, MakeRow)))
        return work

    def _motion_file(self, row: Row) -> Path | None:
        """Where the motion of a row's driver is kept; None where there is nothing to track, or no such file."""
        mark = self._mark(row.driver)
        if row.driver.kind != "clip" or mark is None or row.options.retarget == "absolute":
            return None
        name = motion_name(mark.sha256, row.options)
        return self.plan.work_folder / "motions" / name

    def _mark(self, driver: Driver) -> FileMark | None:
        return None if driver.path is None else self._mark_file(driver.path)

    def _mark_file(self, path: Path) -> FileMark | None:
        if path not in self._marks:
            try:
                self._marks[path] = FileMark.of(path)
            except OSError:
                self._marks[path] = None
        return self._marks[path]

    def _end(self, ended: Ended, work: _Work) -> None:
        self.memory = max(self.memory, ended.memory)
        if ended.stops_batch:
            raise OutputError(f"the batch stops at {ended.task.title}: {ended.error}. The same command continues")
        if isinstance(ended.task, TrackDriver):
            for task in work.waiting.pop(ended.task.target):
                if ended.error_kind is None:
                    work.ready.append(task)
                else:
                    self._fail(task.row, ended.error_kind, f"{ended.error}")
        elif ended.error_kind is not None:
            self._fail(ended.task.row, ended.error_kind, f"{ended.error}", ended.memory)
            remove_folder(ended.task.row.unfinished)
        else:
            self._finish(ended.task, ended)

    def _finish(self, task: MakeRow, ended: Ended) -> None:
        row = task.row
        result = ended.result or RowResult(0, 0.0)
        made = replace(FileMark.of(task.target), path=str(row.output))  # where it will be in a moment
        record = self._record(row, ended.memory, result, output=made)
        self.manifest.append(record)
        try:
            put_in_place(row, self.plan.thumbnail_folder, overwrite=row.options.overwrite)
        except PortraitAliveError as error:
            self._fail(row, type(error).__name__, str(error), ended.memory)
            remove_folder(row.unfinished)
            return
        self.made += 1
        self.on_record(record)

    def _fail(self, row: Row, kind: str, message: str, memory: int = 0) -> None:
        record = self._record(row, memory, RowResult(0, 0.0), error=(kind, message))
        self.manifest.append(record)
        self.failed.append(record)
        self.on_record(record)

    def _record(
        self,
        row: Row,
        memory: int,
        result: RowResult,
        *,
        output: FileMark | None = None,
        error: tuple[str, str] | None = None,
    ) -> Record:
        marks = [self._mark_file(source) for source in row.sources]
        plain: Mapping[str, object] = as_plain(row.options)
        return Record(
            key=row.key,
            status="done" if error is None else "failed",
            row=row.name,
            sources=tuple(mark for mark in marks if mark is not None),
            driver=f"{row.driver.kind}:{row.driver.name}",
            driver_file=self._mark(row.driver),
            options=plain,
            seed=row.options.seed,
            tool=f"portrait-alive {__version__}",
            finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
            output=output,
            thumbnail=row.thumbnail_name if error is None and self.options.thumbnails else None,
            weights=result.weights,
            frames=result.frames,
            seconds=round(result.seconds, 3),
            memory_mb=memory // 2**20,
            warnings=result.warnings,
            error_kind=error[0] if error else None,
            error=error[1] if error else None,
        )

    def _line(self, said: Said) -> str:
        """What a worker does now, in words."""
        event = said.event
        if isinstance(event, PhaseStarted):
            self._titles[said.worker] = event.title, event.total
            return f"{said.task.title}: {event.title}"
        if isinstance(event, Progress):
            title, total = self._titles.get(said.worker, ("", None))
            return f"{said.task.title}: {title} {event.done}{f'/{total}' if total else ''}"
        return said.task.title

    def _tell(self, work: _Work, worker_count: int, began: float) -> None:
        ended_now = self.made + len(self.failed)
        before = len(self.standing.done) + len(self.standing.failed)
        left = len(self.standing.pending) - ended_now
        pace = (time.monotonic() - began) / ended_now if ended_now else None
        lines = [work.running.get(number, "-") for number in range(worker_count)]
        self.on_progress(
            BatchProgress(lines, before + ended_now, len(self.plan.rows), None if pace is None else pace * left)
        )


def motion_name(driver_sha256: str, options: AnimateOptions) -> str:
    """File name of a tracked driver: the same only where tracking would give the same."""
    choice = [options.tracker, options.driver_face, options.start, options.end]
    return f"{driver_sha256[:24]}-{'-'.join('' if each is None else f'{each}' for each in choice)}.motion"
