"""Work done ahead by other threads, delivered in order, with a bounded number of results in memory."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")
_END: Final = object()


def in_order(work: Callable[[Item], Result], items: Iterable[Item], *, threads: int) -> Generator[Result, None, None]:
    """`work(item)` for every item, in the order of the items, computed ahead.

    At most `threads` + 1 results exist at once, however slowly they are taken. Closing the generator waits for the work
    that has begun, and begins no more. The first error is raised in its place in the order.

    Args:
        work: called from `threads` threads at the same time.
        items: taken in the caller's thread, as the work proceeds.
        threads: at least 1.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="render")
    coming: deque[Future[Result]] = deque()
    with _one_opencv_thread():
        try:
            for item in items:
                coming.append(pool.submit(work, item))
                if len(coming) > threads:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Whole frames keep all cores busy: OpenCV's own threads would only get in their way."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def ahead(
    items: Iterable[Item], *, most: int = 1, at_start: Callable[[], object] | None = None
) -> Generator[Item, None, None]:
    """The items, in their order, while one thread already makes those that come next.

    At most `most` items wait while another is in the making. Closing the generator waits until that one is made, and
    leaves `items` where it then is. An error comes in its place in the order.

    Args:
        items: taken in the other thread.
        most: at least 1.
        at_start: called first of all in the other thread.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead", initializer=at_start)
    try:
        source = iter(items)
        coming = deque(pool.submit(next, source, _END) for _ in range(most + 1))
        while (item := coming.popleft().result()) is not _END:
            coming.append(pool.submit(next, source, _END))
            yield item  # type: ignore[misc]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
