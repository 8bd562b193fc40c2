"""Trackers whose work falls into two steps of about the same length, so that two threads can share it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import cv2
import torch

from portrait_alive.device import limit_threads
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.types import Bytes, Landmarks


@runtime_checkable
class TwoStepTracker(Tracker, Protocol):
    """A tracker that can say first where a face is, and later how it looks: the second step is not needed to follow."""

    def find(self, pixels: Bytes, known: Sequence[Landmarks] = ()) -> list[Landmarks]:
        """Every face of a picture as a clip's first frame shows it, to be finished by `finish`.

        `known` faces are not looked for, and are among those returned.
        """
        ...

    def keep_up(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        """`follow` without its last step, `finish`."""
        ...

    def finish(self, pictures: Sequence[Bytes], faces: Sequence[Landmarks]) -> list[Landmarks]:
        """The faces, one of each picture, as exactly as the tracker can place them."""
        ...


@contextmanager
def shared_threads() -> Iterator[int]:
    """How many threads networks may use in each of two threads while the block runs; 0 where there is but one for all.

    The calling thread is limited to so many already; the other has to call `take_threads`.
    """
    before, opencvs = torch.get_num_threads(), cv2.getNumThreads()
    if before < 2:
        yield 0
        return
    take_threads(before // 2)
    try:
        yield before // 2
    finally:
        torch.set_num_threads(before)
        cv2.setNumThreads(opencvs)


def take_threads(count: int) -> None:
    """Limit networks to so many threads where they are called from the present thread; OpenCV everywhere."""
    limit_threads(count)
