"""Worker processes on this machine: started by spawn, one task each at a time, replaced when they die."""

import contextlib
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from portrait_alive.batch.tasks import Ended, Message, Said, Task
from portrait_alive.batch.worker import work

_PATIENCE_S = 5.0
"""How long a worker may take to end when it is told to."""
_TRIES = 2
"""A task that takes its worker down with it is tried once more: the worker may have been somebody else's victim."""


@dataclass
class _Worker:
    number: int
    process: SpawnProcess
    tasks: "Connection[Any, Any]"
    lifeline: "Connection[Any, Any]"
    task: Task | None = None


class ProcessExecutor:
    """The `Executor` of one machine."""

    def __init__(self, job_name: str, *, workers: int, threads: int, logs: Path) -> None:
        """Start the workers.

        Args:
            job_name: import path of the module that does the work.
            workers: how many processes.
            threads: CPU threads for each.
            logs: folder for what they write to the terminal.
        """
        self._job_name = job_name
        self._threads = threads
        self._logs = logs
        self._deaths: dict[Task, int] = {}
        self._workers: list[_Worker] = []
        try:
            for number in range(workers):
                self._workers.append(self._start(number))
        except BaseException:
            self.close()
            raise

    @property
    def worker_count(self) -> int:
        """How many tasks can run at once."""
        return len(self._workers)

    def free_workers(self) -> int:
        """How many workers wait for a task."""
        return sum(worker.task is None for worker in self._workers)

    def submit(self, task: Task) -> None:
        """Give a task to a free worker."""
        worker = next(worker for worker in self._workers if worker.task is None)
        worker.task = task
        with contextlib.suppress(BrokenPipeError):  # it has just died; `wait` notices
            worker.tasks.send(task)

    def wait(self, timeout_s: float) -> Sequence[Message]:
        """What workers said since the last call; waits up to `timeout_s` for the first word."""
        handles = [worker.tasks for worker in self._workers]
        sentinels = [worker.process.sentinel for worker in self._workers]
        ready = wait([*handles, *sentinels], timeout_s)
        messages: list[Message] = []
        for worker in list(self._workers):
            if worker.tasks in ready or worker.process.sentinel in ready:
                messages += self._hear(worker)
        return messages

    def close(self) -> None:
        """Stop all workers at once, whatever they are doing."""
        for worker in self._workers:
            worker.lifeline.close()
            worker.tasks.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_PATIENCE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []
        for log in self._logs.glob(f"worker-{os.getpid()}-*.log"):
            if log.stat().st_size == 0:
                log.unlink()

    def _start(self, number: int) -> _Worker:
        spawn = multiprocessing.get_context("spawn")
        tasks, tasks_of_child = spawn.Pipe()
        lifeline_of_child, lifeline = spawn.Pipe(duplex=False)
        log = self._logs / f"worker-{os.getpid()}-{number + 1}.log"
        process = spawn.Process(
            target=work,
            args=(number, self._job_name, self._threads, tasks_of_child, lifeline_of_child, log),
            name=f"portrait-alive worker {number + 1}",
            daemon=True,
        )
        process.start()
        tasks_of_child.close()
        lifeline_of_child.close()
        return _Worker(number, process, tasks, lifeline)

    def _hear(self, worker: _Worker) -> list[Message]:
        """Everything a worker has said; where it has died, that its task failed, unless it may be tried again."""
        messages: list[Message] = []
        try:
            while worker.tasks.poll():
                message: Said | Ended = worker.tasks.recv()
                messages.append(message)
                if isinstance(message, Ended):
                    worker.task = None
            if worker.process.is_alive():
                return messages
        except (EOFError, OSError):
            pass
        worker.process.join(_PATIENCE_S)
        return messages + self._bury(worker)

    def _bury(self, worker: _Worker) -> list[Message]:
        worker.lifeline.close()
        worker.tasks.close()
        replacement = self._start(worker.number)
        self._workers[self._workers.index(worker)] = replacement
        task = worker.task
        if task is None:
            return []
        deaths = self._deaths[task] = self._deaths.get(task, 0) + 1
        if deaths < _TRIES:
            replacement.task = task
            replacement.tasks.send(task)
            return []
        reason = f"the worker process died twice at it (exit code {worker.process.exitcode})"
        advice = "out of memory? try --jobs with a smaller number"
        return [Ended(worker.number, task, error_kind="WorkerDied", error=f"{reason}; {advice}")]
