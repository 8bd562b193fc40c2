"""How many workers, how long, how many bytes: from what the machine has and from what earlier rows took."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from portrait_alive.batch.manifest import Record
from portrait_alive.host import Memory

WORKER_BYTES = 700 * 2**20
"""Peak of one worker and its encoder on a small picture."""
WORKER_BYTES_PER_PIXEL = 200
"""What each pixel of the source adds to it: taking the picture apart, and what x264 looks ahead."""
CPU_SECONDS_PER_ROW = 3.0
CPU_SECONDS_PER_FRAME = 0.065
CPU_SECONDS_PER_MEGAPIXEL_FRAME = 0.055
BYTES_PER_PIXEL_FRAME = 0.006
"""First guesses, until the manifest has rows to go by; `benchmarks/batch.py` shows them beside what it measures."""


@dataclass(frozen=True)
class Size:
    """What a row is expected to be."""

    frames: int
    pixels: int
    """Of the source."""


@dataclass(frozen=True)
class Expectation:
    """What a run is expected to cost."""

    seconds: float
    bytes: int


def job_count(memory: Memory, cores: int, pixels: int) -> int:
    """Workers that fit: one for each core, as far as memory reaches; at least 1.

    Args:
        memory: of the machine.
        cores: that may be used.
        pixels: of the largest source.
    """
    return max(1, min(cores, math.floor(0.8 * memory.available / worker_bytes(pixels))))


def worker_bytes(pixels: int) -> int:
    """Memory that one worker takes at most, its encoder included, for a source of so many pixels."""
    return WORKER_BYTES + WORKER_BYTES_PER_PIXEL * pixels


def expect(sizes: Sequence[Size], jobs: int, records: Iterable[Record], cores: int) -> Expectation:
    """Time and bytes of rows: as the rows in `records` took, or a first guess.

    Args:
        sizes: of the rows to come.
        jobs: workers, which share the cores.
        records: of rows that are done.
        cores: that may be used.
    """
    seconds = sum(map(_cpu_seconds, sizes)) / max(cores, jobs)
    size = sum(map(_bytes, sizes))
    done = [record for record in records if record.status == "done" and record.frames and record.seconds]
    if done:
        # rows of one batch resemble each other: their pace says more than any model
        pace = median(record.seconds / record.frames for record in done)
        weight = median(record.output.bytes / record.frames for record in done if record.output)
        seconds = sum(pace * each.frames for each in sizes) / jobs
        size = round(sum(weight * each.frames for each in sizes))
    return Expectation(seconds, size)


def _cpu_seconds(size: Size) -> float:
    per_frame = CPU_SECONDS_PER_FRAME + CPU_SECONDS_PER_MEGAPIXEL_FRAME * size.pixels / 1e6
    return CPU_SECONDS_PER_ROW + per_frame * size.frames


def _bytes(size: Size) -> int:
    return round(BYTES_PER_PIXEL_FRAME * size.pixels * size.frames)
