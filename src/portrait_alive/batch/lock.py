"""Keep two runs out of one folder, while the shards of one batch may share it.

A whole run holds the folder's lock; a shard holds its own and only makes sure that no whole run, and no shard of
another division, is at work. Each side takes its own lock before it looks at the others', so of two runs
that start together at least one sees the other.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from portrait_alive.batch.rows import Shard
from portrait_alive.errors import OutputError
from portrait_alive.host import try_lock

_PATIENCE_S = 2.0
"""Another shard looks at the folder's lock for an instant when it starts; wait that long before refusing."""


@contextmanager
def batch_lock(work_folder: Path, shard: Shard) -> Iterator[None]:
    """Hold the lock of a run while the block runs.

    Raises:
        OutputError: another run is at work in the folder; says which process on which machine. Or it is no folder.
    """
    try:
        work_folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OutputError(f"{work_folder.parent} is a file; name a folder with -o") from None
    own = work_folder / f"lock{shard.suffix}"
    descriptor = _take(own)
    try:
        for other in _rivals(work_folder, shard):
            os.close(_take(other))
        _sign(descriptor)
        yield
    finally:
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _rivals(work_folder: Path, shard: Shard) -> list[Path]:
    """Locks of runs that would do the same rows."""
    if shard.count == 1:
        return sorted(work_folder.glob("lock-*"))
    ours = f"-of-{shard.count}"
    return [work_folder / "lock", *(path for path in work_folder.glob("lock-*") if not path.name.endswith(ours))]


def _take(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + _PATIENCE_S
    while not try_lock(descriptor):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise OutputError(
                f"{path.parent.parent}: another batch is at work here ({_holder(path)}); "
                "wait for it, or choose another folder with -o"
            )
        time.sleep(0.05)
    return descriptor


def _sign(descriptor: int) -> None:
    """Write who holds the lock, for the message that another run shows."""
    text = json.dumps({"process": os.getpid(), "host": socket.gethostname()}).encode()
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text)


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['process']} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has just started"
