"""What a worker really does: track a driver, animate a portrait, preview it."""

import time
from dataclasses import replace
from pathlib import Path

from portrait_alive.batch.rows import RowResult
from portrait_alive.batch.tasks import MakeRow, TrackDriver
from portrait_alive.events import Event, Listener, Note


def track_driver(task: TrackDriver, partial: Path, on_event: Listener) -> None:
    """Write the motion file of a driver to `partial`."""
    from portrait_alive.motion.file import save_motion
    from portrait_alive.pipeline import track

    save_motion(track(Path(task.driver.name), options=task.options, on_event=on_event), partial, overwrite=True)


def make_row(task: MakeRow, on_event: Listener) -> RowResult:
    """Write the output of a row to `task.target` and its preview to `task.thumbnail`."""
    from portrait_alive.batch.thumbnails import Preview
    from portrait_alive.pipeline import animate
    from portrait_alive.weights import check_weights

    began = time.monotonic()
    row = task.row
    notes: list[Note] = []
    preview = Preview()

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event)
        on_event(event)

    result = animate(
        row.sources,
        driver=row.driver.path,
        motion=row.driver.name if row.driver.path is None else None,
        output=f"{task.target}/" if row.is_folder else task.target,
        options=replace(row.options, threads=row.options.threads or task.threads, overwrite=True),
        tracked=task.motion,
        on_event=listen,
        on_frame=preview.see if task.thumbnail is not None else None,
    )
    if task.thumbnail is not None:
        preview.write(task.thumbnail, result.fps)
    return RowResult(
        frames=result.frames,
        seconds=time.monotonic() - began,
        warnings=tuple(note.message for note in notes),
        weights={check.name: check.sha256 for check in check_weights()},
    )
