"""Look at what a batch is about to do, without doing it: sizes, faces, time, bytes, and how many workers fit."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from portrait_alive.batch.estimate import Expectation, Size, expect, job_count
from portrait_alive.batch.manifest import read_records
from portrait_alive.batch.rows import Driver, Plan, Row, Shard
from portrait_alive.batch.state import foresee
from portrait_alive.errors import PortraitAliveError
from portrait_alive.events import Listener, PhaseStarted, Progress
from portrait_alive.host import core_count, memory
from portrait_alive.options import AnimateOptions


@dataclass(frozen=True)
class View:
    """What was seen of a row, in words."""

    faces: str
    """Their number, or why there is none."""
    size: str
    state: str
    """done, failed or pending."""


@dataclass(frozen=True)
class Survey:
    """A plan, looked at."""

    rows: Sequence[Row]
    views: Sequence[View]
    pending: int
    jobs: int
    expectation: Expectation
    """Of the pending rows."""


def survey(plan: Plan, shard: Shard, jobs: int | None, on_event: Listener) -> Survey:
    """Look at every source and driver of (a shard of) a plan: faces found, expected time and bytes.

    Writes nothing.
    """
    part = plan.part(shard)
    records = read_records(plan.folder)
    states = foresee(part, records)
    on_event(PhaseStarted("survey", "looking at sources", len(part.rows), "rows"))
    views, sizes = [], []
    count_faces = _face_counter(part.rows[0].options) if part.rows else None
    for number, (row, state) in enumerate(zip(part.rows, states, strict=True), start=1):
        pixels = picture_pixels(row.sources[0])
        faces = count_faces(row.sources[0]) if count_faces and state == "pending" else "-"
        views.append(View(faces, "-" if pixels is None else f"{pixels / 1e6:.1f} MP", state))
        if state == "pending":
            sizes.append(Size(_frames(row.driver, row.options), pixels or 0))
        on_event(Progress("survey", number))
    workers = min(jobs or fitting_jobs(part), max(len(sizes), 1))
    return Survey(part.rows, views, len(sizes), workers, expect(sizes, workers, records.values(), core_count()))


def fitting_jobs(plan: Plan) -> int:
    """How many workers the cores and the memory of this machine can hold, by the largest source of the plan."""
    largest = max((picture_pixels(row.sources[0]) or 0 for row in plan.rows), default=0)
    return job_count(memory(), core_count(), largest)


@cache
def picture_pixels(path: Path) -> int | None:
    """Pixels of a picture, from its header alone; None where it cannot be read."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                width, height = image.size
            return width * height
    except Exception:  # unreadable in any of the ways a file can be; the row itself will say how
        return None


def _face_counter(options: AnimateOptions) -> Callable[[Path], str]:
    """What counts the faces of a picture, in words."""
    from portrait_alive.device import pick_device
    from portrait_alive.media.stills import read_picture
    from portrait_alive.tracking.tracker import load_tracker

    tracker = load_tracker(options.tracker, device=str(pick_device(options.device)))

    def count(path: Path) -> str:
        try:
            return str(len(tracker.detect(read_picture(path).pixels)))
        except PortraitAliveError:
            return "unreadable"

    return count


@cache
def _frames(driver: Driver, options: AnimateOptions) -> int:
    """Frames that a driver will make, 0 where it cannot be read."""
    from portrait_alive.driving import expected_length

    try:
        return expected_length(driver.path, options)
    except PortraitAliveError:
        return 0
