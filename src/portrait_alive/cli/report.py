"""The only thing that writes to the terminal.

Three ways of saying the same: for people (`HumanReport`: progress on stderr, results on stdout), for programs
(`JsonReport`: one JSON object per event on stdout) and for scripts that want only the result (`QuietReport`).
The events of `JsonReport` are described in `docs/command-line.md`.
"""

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from portrait_alive.events import Event, Note, PhaseStarted, Progress

Mode = Literal["human", "json", "quiet"]
_PROGRESS_INTERVAL_S = 0.25


class Report(ABC):
    """Where a command says what it does and what came out."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def listen(self, event: Event) -> None:
        """Show an event of a long job."""
        match event:
            case PhaseStarted():
                self.phase(event)
            case Progress():
                self.progress(event)
            case Note():
                self.note(event)

    @abstractmethod
    def phase(self, event: PhaseStarted) -> None:
        """A phase begins."""

    @abstractmethod
    def progress(self, event: Progress) -> None:
        """A phase goes on."""

    @abstractmethod
    def note(self, event: Note) -> None:
        """Something the user should know."""

    @abstractmethod
    def result(self, headline: str, summary: Mapping[str, object], details: Sequence[str] = ()) -> None:
        """What came out: `headline` (a path mostly) and details for people, `summary` for programs."""

    @abstractmethod
    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows of text under column names."""

    @abstractmethod
    def sheet(self, rows: Sequence[tuple[str, str]], summary: Mapping[str, object]) -> None:
        """What was found about one thing: names and values for people, `summary` for programs."""

    @abstractmethod
    def error(self, kind: str, message: str, exit_code: int) -> None:
        """Why the command ends without its result."""

    @abstractmethod
    def workers(self, lines: Sequence[str], done: int, total: int, remaining_s: float | None) -> None:
        """What each worker of a batch does now, and how far the whole is."""

    @abstractmethod
    def row(self, name: str, status: str, error: str | None) -> None:
        """A row of a batch has ended."""

    def close(self) -> None:  # noqa: B027  (most have nothing to restore)
        """Leave the terminal as it was."""


class JsonReport(Report):
    """One JSON object per line on stdout, flushed at once."""

    def __init__(self) -> None:
        self._phase: PhaseStarted | None = None
        self._began = self._last = 0.0

    def phase(self, event: PhaseStarted) -> None:
        self._phase, self._began, self._last = event, time.monotonic(), 0.0
        self._write("phase", phase=event.phase, title=event.title, total=event.total, unit=event.unit)

    def progress(self, event: Progress) -> None:
        now = time.monotonic()
        total = self._phase.total if self._phase else None
        if now - self._last < _PROGRESS_INTERVAL_S and event.done != total:
            return
        self._last = now
        rate = event.done / max(now - self._began, 1e-6)
        remaining = (total - event.done) / rate if total and rate else None
        self._write(
            "progress",
            phase=event.phase,
            done=event.done,
            total=total,
            rate_hz=round(rate, 2),
            remaining_s=None if remaining is None else round(max(remaining, 0.0), 1),
        )

    def note(self, event: Note) -> None:
        self._write("note", code=event.code, message=event.message)

    def result(self, headline: str, summary: Mapping[str, object], details: Sequence[str] = ()) -> None:
        self._write("result", **summary)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._write("table", title=title, columns=list(columns), rows=[list(row) for row in rows])

    def sheet(self, rows: Sequence[tuple[str, str]], summary: Mapping[str, object]) -> None:
        self._write("result", **summary)

    def error(self, kind: str, message: str, exit_code: int) -> None:
        self._write("error", kind=kind, message=message, exit_code=exit_code)

    def workers(self, lines: Sequence[str], done: int, total: int, remaining_s: float | None) -> None:
        now = time.monotonic()
        if now - self._last < _PROGRESS_INTERVAL_S and done != total:
            return
        self._last = now
        self._write("workers", workers=list(lines), done=done, total=total, remaining_s=remaining_s)

    def row(self, name: str, status: str, error: str | None) -> None:
        self._write("row", row=name, status=status, error=error)

    def _write(self, event: str, **values: object) -> None:
        print(json.dumps({"event": event, **values}, ensure_ascii=False, default=str), flush=True)


class QuietReport(Report):
    """The result on stdout, errors on stderr, nothing else."""

    def phase(self, event: PhaseStarted) -> None: ...

    def progress(self, event: Progress) -> None: ...

    def note(self, event: Note) -> None: ...

    def result(self, headline: str, summary: Mapping[str, object], details: Sequence[str] = ()) -> None:
        print(headline, flush=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        for row in rows:
            print("\t".join(row), flush=True)

    def sheet(self, rows: Sequence[tuple[str, str]], summary: Mapping[str, object]) -> None:
        self.table("", (), rows)

    def error(self, kind: str, message: str, exit_code: int) -> None:
        print(f"error: {message}", file=sys.stderr, flush=True)

    def workers(self, lines: Sequence[str], done: int, total: int, remaining_s: float | None) -> None: ...

    def row(self, name: str, status: str, error: str | None) -> None:
        if error is not None:
            print(f"{name}: {error}", file=sys.stderr, flush=True)


class HumanReport(Report):
    """Bars, rates and remaining times on stderr; results on stdout. Colour as the terminal and NO_COLOR allow."""

    def __init__(self) -> None:
        self._bars: Any = None  # rich's Progress; rich is imported when there is something to show
        self._bar: Any = None
        self._phase: PhaseStarted | None = None
        self._began = 0.0
        self._done = 0
        self._worker_bars: list[Any] = []

    def phase(self, event: PhaseStarted) -> None:
        self._end_phase()
        self._phase, self._began, self._done = event, time.monotonic(), 0
        if sys.stderr.isatty():
            self._start_bars()
            self._bar = self._bars.add_task(event.title, total=event.total, unit=event.unit, rate="")

    def progress(self, event: Progress) -> None:
        self._done = event.done
        if self._bar is not None:
            self._bars.update(self._bar, completed=event.done, rate=self._rate())

    def note(self, event: Note) -> None:
        self._say(f"note: {event.message}")

    def result(self, headline: str, summary: Mapping[str, object], details: Sequence[str] = ()) -> None:
        self.close()
        for line in details:
            self._say(line)
        print(headline, flush=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        self.close()
        table = Table(title=title or None, title_justify="left")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)

    def sheet(self, rows: Sequence[tuple[str, str]], summary: Mapping[str, object]) -> None:
        self.close()
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            print(f"{name:<{width}}  {value}", flush=True)

    def error(self, kind: str, message: str, exit_code: int) -> None:
        self._phase = None
        self.close()
        mark = "\033[1;31merror:\033[0m" if _is_coloured() else "error:"
        print(f"{mark} {message}", file=sys.stderr, flush=True)

    def workers(self, lines: Sequence[str], done: int, total: int, remaining_s: float | None) -> None:
        if not sys.stderr.isatty():
            if done != self._done:
                self._done = done
                left = "" if remaining_s is None else f", {duration(remaining_s)} left"
                self._say(f"{done}/{total} done{left}")
            return
        self._start_bars()
        while len(self._worker_bars) <= len(lines):
            self._worker_bars.append(self._bars.add_task("", total=None, unit="", rate=""))
        for bar, line in zip(self._worker_bars, lines, strict=False):
            self._bars.update(bar, description=line)
        left = "" if remaining_s is None else f"{duration(remaining_s)} left"
        self._bars.update(self._worker_bars[-1], description="all", total=total, completed=done, rate=left)

    def row(self, name: str, status: str, error: str | None) -> None:
        if error is not None:
            self._say(f"failed: {name}: {error}")

    def close(self) -> None:
        self._end_phase()
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
        self._worker_bars = []

    def _start_bars(self) -> None:
        if self._bars is not None:
            return
        from rich import progress
        from rich.console import Console

        self._bars = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=24),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[rate]}", markup=False),
            progress.TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._bars.start()

    def _end_phase(self) -> None:
        if self._phase is None:
            return
        took = time.monotonic() - self._began
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None
        counted = f"{self._done} {self._phase.unit}, " if self._done else ""
        rate = f" ({self._rate()})" if self._done > 1 else ""
        self._say(f"{self._phase.title}: {counted}{took:.1f} s{rate}")
        self._phase = None

    def _rate(self) -> str:
        took = max(time.monotonic() - self._began, 1e-6)
        return f"{self._done / took:.0f} {self._phase.unit if self._phase else ''}/s"

    def _say(self, line: str) -> None:
        if self._bars is not None:
            self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)


def make_report(mode: Mode) -> Report:
    """The report of the mode that the user chose."""
    kinds: dict[Mode, type[Report]] = {"human": HumanReport, "json": JsonReport, "quiet": QuietReport}
    return kinds[mode]()


def show(line: str) -> None:
    """Print one line on stdout, for what comes before there is a report."""
    print(line, flush=True)


def duration(seconds: float) -> str:
    """`seconds` as people write it: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _is_coloured() -> bool:
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ
