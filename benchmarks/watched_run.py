"""Run a command and watch it: when each phase begins, and how much memory it and its children take."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WatchedRun:
    """What was seen of a run of `portrait-alive animate --json`."""

    seconds: float
    """From start to end of the process."""
    phase_starts: dict[str, float]
    """Seconds after the start at which each phase began."""
    summary: dict[str, object]
    """The result event."""
    own_mb: float
    """Peak resident memory of the process itself."""
    tree_mb: float
    """Peak of the sum over the process and its children (the encoder and decoder), sampled."""


def run_animate(arguments: Sequence[str | Path], environment: dict[str, str] | None = None) -> WatchedRun:
    """Run the command line as a user would, in its own process.

    Raises:
        RuntimeError: it fails; holds what it said.
    """
    command = [sys.executable, "-m", "portrait_alive", "animate", *map(str, arguments), "--json", "--overwrite"]
    start = time.monotonic()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    memory = _MemoryWatch(process.pid)
    memory.start()
    complaints: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    errors = threading.Thread(target=lambda: complaints.extend(process.stderr or ()), daemon=True)
    errors.start()
    phases: dict[str, float] = {}
    summary: dict[str, object] = {}
    for line in process.stdout:
        event = json.loads(line)
        if event.get("event") == "phase":
            phases.setdefault(str(event["phase"]), time.monotonic() - start)
        if event.get("event") == "result":
            summary = event
        elif event.get("event") == "error":
            complaints.append(str(event.get("message")))
    code = process.wait()
    seconds = time.monotonic() - start
    errors.join()
    memory.stop()
    if code:
        raise RuntimeError(f"{' '.join(command)} ended with {code}: {''.join(complaints)[-2000:]}")
    return WatchedRun(seconds, phases, summary, memory.own_kb / 1024, memory.tree_kb / 1024)


class _MemoryWatch:
    """Samples resident memory of a process tree ten times a second (Linux)."""

    def __init__(self, pid: int) -> None:
        self.own_kb = self.tree_kb = 0.0
        self._pid = pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(0.1):
            own = _resident_kb(self._pid)
            self.own_kb = max(self.own_kb, own)
            self.tree_kb = max(self.tree_kb, own + sum(map(_resident_kb, _children(self._pid))))


def _resident_kb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0.0)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found + [grandchild for child in found for grandchild in _children(child)]
