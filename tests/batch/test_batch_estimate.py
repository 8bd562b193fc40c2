"""What a plan is expected to cost, and how many workers fit."""

import pytest

from portrait_alive.batch.estimate import Size, expect, job_count, worker_bytes
from portrait_alive.batch.manifest import FileMark, Record
from portrait_alive.host import Memory

GIB = 2**30


def done(frames: int, seconds: float, size: int) -> Record:
    mark = FileMark("a.mp4", size, 0, "")
    return Record(
        **{"key": "k", "status": "done", "row": "a.mp4", "sources": (), "driver": "built-in:nod", "driver_file": None},
        **{"options": {}, "seed": 0, "tool": "t", "finished": "now", "output": mark},
        **{"frames": frames, "seconds": seconds},
    )


def test_one_worker_for_each_core_as_far_as_memory_reaches():
    assert job_count(Memory(64 * GIB, 64 * GIB), 8, 1_000_000) == 8
    assert job_count(Memory(8 * GIB, 4 * GIB), 8, 1_000_000) == 3
    assert job_count(Memory(8 * GIB, 4 * GIB), 8, 12_000_000) == 1
    assert job_count(Memory(1 * GIB, 0), 8, 100_000_000) == 1
    assert worker_bytes(12_000_000) > worker_bytes(1_000_000)


def test_the_first_guess_shares_the_cores_whatever_the_number_of_workers():
    sizes = [Size(250, 1_000_000)] * 4
    one, two = expect(sizes, 1, (), cores=2), expect(sizes, 2, (), cores=2)
    assert one == two
    assert expect(sizes, 1, (), cores=1).seconds == pytest.approx(2 * one.seconds)
    assert expect(sizes * 2, 1, (), cores=2).seconds == pytest.approx(2 * one.seconds)
    assert expect([], 1, (), cores=2).seconds == 0


def test_what_earlier_rows_took_says_more():
    found = expect([Size(100, 10)] * 6, 2, [done(50, 5.0, 5000), done(50, 7.0, 5000), done(50, 6.0, 5000)], cores=2)
    assert found.seconds == pytest.approx(6 * 100 * 6.0 / 50 / 2)
    assert found.bytes == 6 * 100 * 100
