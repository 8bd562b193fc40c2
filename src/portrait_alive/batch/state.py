"""Where a batch stands: what is finished, what failed, what is still to do; and what a killed run left behind."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from portrait_alive.batch.manifest import Record
from portrait_alive.batch.rows import UNFINISHED_PREFIX, Plan, Row, Shard
from portrait_alive.errors import OutputError
from portrait_alive.host import sync_folder

_SHOWN = 3


@dataclass(frozen=True)
class Standing:
    """The rows of a plan by what is known of them."""

    done: tuple[Row, ...]
    failed: tuple[Row, ...]
    """Failed before, and not to be tried again."""
    pending: tuple[Row, ...]


def take_stock(plan: Plan, records: Mapping[str, Record], *, retry_failed: bool) -> Standing:
    """Sort the rows of a plan by the manifest and by what is on the disk.

    A row is done when its record says so, its inputs are what they were, and its output is there as recorded; an output
    that was complete when a kill came, but had not yet got its name, gets it now.
    """
    done: list[Row] = []
    failed: list[Row] = []
    pending: list[Row] = []
    for row in plan.rows:
        record = records.get(row.key)
        if record is None or not _inputs_fit(row, record):
            pending.append(row)
        elif record.status == "failed":
            (pending if retry_failed else failed).append(row)
        elif _complete(row, record, plan.thumbnail_folder):
            done.append(row)
        else:
            pending.append(row)
    return Standing(tuple(done), tuple(failed), tuple(pending))


def foresee(plan: Plan, records: Mapping[str, Record]) -> list[str]:
    """What `take_stock` would say of each row (done, failed or pending), without touching anything."""
    return [_foresee(row, records.get(row.key)) for row in plan.rows]


def _foresee(row: Row, record: Record | None) -> str:
    if record is None or not _inputs_fit(row, record):
        return "pending"
    if record.status == "failed":
        return "failed"
    finished = row.unfinished / row.output.name
    output = record.output
    return "done" if output and (output.still_fits(row.output) or output.still_fits(finished)) else "pending"


def put_in_place(row: Row, thumbnails: Path, *, overwrite: bool) -> None:
    """Give a finished output its name, all at once, and its preview before it.

    Raises:
        OutputError: something else has that name by now.
    """
    finished = row.unfinished / row.output.name
    for preview in row.unfinished.glob(f"{Path(row.thumbnail_name).stem}*.webp"):
        thumbnails.mkdir(parents=True, exist_ok=True)
        preview.replace(thumbnails / preview.name)
    if row.output.exists() and not overwrite:
        raise OutputError(f"{row.output}: exists; --overwrite replaces it")
    if row.output.is_dir():
        shutil.rmtree(row.output)
    finished.replace(row.output)
    sync_folder(row.output.parent)
    remove_folder(row.unfinished)


def clear_leftovers(plan: Plan, pending: Iterable[Row], shard: Shard) -> None:
    """Remove what killed runs left: only of the rows given, and in a whole run of any row there ever was."""
    for row in pending:
        remove_folder(row.unfinished)
    if shard.count == 1 and plan.folder.is_dir():
        for path in plan.folder.rglob(f"{UNFINISHED_PREFIX}*"):
            if path.is_dir() and path != plan.work_folder:
                remove_folder(path)
        for path in [*(plan.work_folder / "motions").glob(".*"), *plan.log_folder.glob("*")]:
            path.unlink(missing_ok=True)


def refuse_foreign_outputs(pending: Iterable[Row]) -> None:
    """Refuse to start where outputs exist that this batch has not made as it would make them now.

    Raises:
        OutputError: names the first few and says what to do.
    """
    foreign = [row for row in pending if row.output.exists() and not row.options.overwrite]
    if foreign:
        names = ", ".join(str(row.output) for row in foreign[:_SHOWN])
        more = f" and {len(foreign) - _SHOWN} more" if len(foreign) > _SHOWN else ""
        raise OutputError(
            f"{names}{more}: exist, and were not made by this batch from these inputs with these options; "
            "--overwrite replaces them, or choose another folder with -o"
        )


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it, if it is there; patient with programs that are just letting go of a file."""
    for _ in range(3):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def _inputs_fit(row: Row, record: Record) -> bool:
    files = zip(record.sources, row.sources, strict=False)
    if len(record.sources) != len(row.sources) or not all(mark.still_fits(path) for mark, path in files):
        return record.status == "failed" and not record.sources and not any(p.exists() for p in row.sources)
    driver = row.driver.path
    return driver is None or (record.driver_file is not None and record.driver_file.still_fits(driver))


def _complete(row: Row, record: Record, thumbnails: Path) -> bool:
    """Whether the output is there as recorded, naming it where a kill came just before."""
    if record.output is None:
        return False
    if record.output.still_fits(row.output):
        remove_folder(row.unfinished)
        return True
    if record.output.still_fits(row.unfinished / row.output.name):
        put_in_place(row, thumbnails, overwrite=True)
        return True
    return False
