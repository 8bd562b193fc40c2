"""What animated picture formats share: only what changed is stored, and still moments are one long frame."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from portrait_alive.types import Bytes

Coded = TypeVar("Coded")


@dataclass(frozen=True)
class Rectangle:
    """Rows and columns of a picture, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def rows(self) -> slice:
        """Of an array's first axis."""
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """Of an array's second axis."""
        return slice(self.left, self.right)

    def from_even(self) -> "Rectangle":
        """Grown so that its left and top are even."""
        return Rectangle(self.top - self.top % 2, self.bottom, self.left - self.left % 2, self.right)


def changed_rectangle(previous: Bytes | None, frame: Bytes) -> Rectangle | None:
    """The smallest rectangle outside of which `frame` equals `previous`; None when nothing changed, all at first."""
    if previous is None:
        return Rectangle(0, frame.shape[0], 0, frame.shape[1])
    differs = (previous != frame).any(axis=2)
    rows = np.flatnonzero(differs.any(axis=1))
    if len(rows) == 0:
        return None
    columns = np.flatnonzero(differs[rows[0] : rows[-1] + 1].any(axis=0))
    return Rectangle(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


class Timeline(Generic[Coded]):
    """Holds the latest coded frame back until it is known for how many periods it stands.

    Args:
        longest: periods that one stored frame may stand for.
    """

    def __init__(self, longest: int) -> None:
        self._longest = max(1, longest)
        self._pending: tuple[Coded, int, int] | None = None
        self._periods = 0

    def push(self, coded: Coded | None, unchanged: Callable[[], Coded]) -> tuple[Coded, int, int] | None:
        """Add the next period's frame, None if nothing changed; returns a frame that is due to be stored, if any.

        Args:
            unchanged: codes a frame that changes nothing, for stillness longer than one frame may stand.

        Returns:
            (coded frame, first period, number of periods).
        """
        due = None
        if self._pending is not None and coded is None and self._pending[2] < self._longest:
            self._pending = (self._pending[0], self._pending[1], self._pending[2] + 1)
        else:
            due = self._pending
            self._pending = (unchanged() if coded is None else coded, self._periods, 1)
        self._periods += 1
        return due

    def flush(self) -> tuple[Coded, int, int] | None:
        """The last frame."""
        due, self._pending = self._pending, None
        return due
