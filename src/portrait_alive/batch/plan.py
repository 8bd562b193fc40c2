"""From what the user asked for to the rows of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal

from portrait_alive.batch.naming import Pair, name_outputs
from portrait_alive.batch.rows import FRAMES_SUFFIX, Driver, Plan, Row, driver_of_file, driver_of_motion
from portrait_alive.batch.sources import CLIP_SUFFIXES, PICTURE_SUFFIXES, Found, find_files
from portrait_alive.batch.tables import TABLE_SUFFIXES, TableRow, read_table
from portrait_alive.errors import UsageError
from portrait_alive.options import AnimateOptions

Pairing = Literal["all", "each"]
OutputFormat = Literal["mp4", "mov", "webm", "gif", "webp", "png", "frames"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a batch was asked for."""

    sources: Sequence[str]
    """Folders, patterns, pictures, lists (.txt, or "-" for `listed`) and tables (.csv, .jsonl)."""
    folder: Path
    """Where the outputs go."""
    drivers: Sequence[str] = ()
    """Clips, stills, motion files, and folders or patterns of them."""
    motions: Sequence[str] = ()
    """Names of built-in motions, or motion files."""
    pairing: Pairing | None = None
    """With several drivers: every source with every driver, or one each."""
    recursive: bool = False
    listed: Sequence[str] = ()
    """Lines of standard input."""
    output_format: OutputFormat = "mp4"
    options: AnimateOptions = field(default_factory=AnimateOptions)


def make_plan(request: Request) -> Plan:
    """The rows of a batch, in a stable order.

    Raises:
        UsageError: nothing to do, or drivers and sources do not fit together, or two rows have one output.
        UnreadableInputError: a list or table cannot be read.
    """
    tables = [argument for argument in request.sources if Path(argument).suffix.lower() in TABLE_SUFFIXES]
    others = [argument for argument in request.sources if argument not in tables]
    drivers = _drivers(request)
    rows = [row for table in tables for row in _rows_of_table(Path(table), drivers, request)]
    if others:
        rows += _rows_of_files(others, drivers, request)
    if not rows:
        raise UsageError("no pictures; name folders, patterns, pictures, a list or a table")
    _refuse_shared_outputs(rows)
    return Plan(request.folder, tuple(rows))


def _drivers(request: Request) -> list[Driver]:
    files = find_files(request.drivers, suffixes=CLIP_SUFFIXES | PICTURE_SUFFIXES, recursive=request.recursive)
    named = [driver_of_file(found.path) for found in files]
    return named + [driver_of_motion(name) for name in request.motions]


def _rows_of_files(arguments: Sequence[str], drivers: list[Driver], request: Request) -> list[Row]:
    found = find_files(
        arguments,
        suffixes=PICTURE_SUFFIXES,
        recursive=request.recursive,
        leave_out=request.folder,
        listed=request.listed,
    )
    pairs, with_driver = _pairs(found, drivers, request.pairing)
    names = name_outputs(pairs, _suffix(request.output_format), with_driver=with_driver)
    return [
        Row((pair.source.path,), pair.driver, request.folder / name, name, request.options)
        for pair, name in zip(pairs, names, strict=True)
    ]


def _pairs(found: list[Found], drivers: list[Driver], pairing: Pairing | None) -> tuple[list[Pair], bool]:
    """Sources with drivers, and whether names have to tell the drivers apart."""
    if not drivers:
        raise UsageError("no driver; say --driver CLIP or --motion NAME")
    if len(drivers) == 1:
        return [Pair(source, drivers[0]) for source in found], False
    if pairing is None:
        raise UsageError(
            f"{len(drivers)} drivers: say --pairs all (every source with every driver) or --pairs each (one each)"
        )
    if pairing == "all":
        return [Pair(source, driver) for source in found for driver in drivers], True
    return [Pair(source, driver) for source, driver in zip(found, _one_each(found, drivers), strict=True)], False


def _one_each(found: list[Found], drivers: list[Driver]) -> list[Driver]:
    """A driver for each source: of the same name where all have one, else in order."""
    by_stem = {driver.stem.casefold(): driver for driver in drivers}
    stems = [source.place.stem.casefold() for source in found]
    if len(by_stem) == len(drivers) and all(stem in by_stem for stem in stems):
        return [by_stem[stem] for stem in stems]
    if len(found) != len(drivers):
        raise UsageError(
            f"--pairs each: {len(found)} sources and {len(drivers)} drivers; "
            "they have to be as many, or of the same names"
        )
    return drivers


def _rows_of_table(path: Path, drivers: list[Driver], request: Request) -> list[Row]:
    rows = read_table(path, request.options)
    if len(drivers) > 1:
        raise UsageError(f"{path}: with a table there can be one --driver at most, for the rows that name none")
    filled = [(row, row.driver or next(iter(drivers), None)) for row in rows]
    for row, driver in filled:
        if driver is None:
            raise UsageError(f"{row.where}: no driver; fill the column 'driver' or 'motion', or say --driver")
    pairs = [Pair(_place(row, path), driver) for row, driver in filled if driver is not None]
    several = len({pair.driver for pair in pairs}) > 1
    names = name_outputs(pairs, _suffix(request.output_format), with_driver=several)
    return [
        Row(
            row.sources,
            pair.driver,
            request.folder / (row.output or name),
            PurePath(row.output or name).as_posix(),
            row.options,
        )
        for row, pair, name in zip(rows, pairs, names, strict=True)
    ]


def _place(row: TableRow, table: Path) -> Found:
    """Where a table's source lies below the table, for the name of its output."""
    source = row.sources[0]
    inside = source.is_relative_to(table.parent) and ".." not in source.parts
    return Found(source, source.relative_to(table.parent) if inside else PurePath(source.name), source.parent.name)


def _suffix(output_format: OutputFormat) -> str:
    return FRAMES_SUFFIX if output_format == "frames" else f".{output_format}"


def _refuse_shared_outputs(rows: list[Row]) -> None:
    seen: dict[str, Row] = {}
    for row in rows:
        other = seen.setdefault(str(row.output).casefold(), row)
        if other is not row:
            raise UsageError(
                f"{row.name}: the output of both {other.sources[0]} and {row.sources[0]}; give one another name"
            )
