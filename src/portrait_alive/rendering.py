"""Work done ahead by several threads, delivered in order, with a bounded number of results in memory."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


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
    ahead: deque[Future[Result]] = deque()
    try:
        for item in items:
            ahead.append(pool.submit(work, item))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
