"""A folder of pictures that are only bytes, and an executor that works in this process."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # worker processes inherit it and import the cheap job by name

import cheap_job

from portrait_alive.batch.tasks import Ended, MakeRow, Message, Said, Task
from portrait_alive.batch.worker import describe, is_everybodys, perform


class InlineExecutor:
    """Does each task at once, in this process."""

    worker_count = 1

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.tasks: list[Task] = []

    def free_workers(self) -> int:
        return 1 - len([m for m in self.messages if isinstance(m, Ended)])

    def submit(self, task: Task) -> None:
        self.tasks.append(task)
        try:
            result = perform(cheap_job, task, lambda event: self.messages.append(Said(0, task, event)))
            self.messages.append(Ended(0, task, result, memory=1 << 20))
        except Exception as error:
            kind, text = describe(error)
            self.messages.append(Ended(0, task, error_kind=kind, error=text, stops_batch=is_everybodys(error)))

    def wait(self, timeout_s: float) -> Sequence[Message]:
        heard, self.messages = self.messages, []
        return heard

    def close(self) -> None:
        pass

    @property
    def rows(self) -> list[str]:
        return [task.row.name for task in self.tasks if isinstance(task, MakeRow)]


@pytest.fixture
def inline() -> InlineExecutor:
    return InlineExecutor()


@pytest.fixture
def gallery(tmp_path: Path) -> Callable[..., Path]:
    """Make pictures/ with the given names (and contents) and a driver me.mp4 beside it."""

    def make(*names: str, **contents: str) -> Path:
        for name in names:
            path = tmp_path / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"picture {name}")
        for stem, content in contents.items():
            path = tmp_path / "pictures" / f"{stem}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        (tmp_path / "me.mp4").write_text("the driver")
        return tmp_path

    return make
