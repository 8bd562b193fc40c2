"""Tables of a batch: CSV or JSONL files whose rows name source, driver, options and output."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from portrait_alive.batch.rows import Driver, driver_of_file, driver_of_motion
from portrait_alive.errors import UnreadableInputError, UsageError
from portrait_alive.options import AnimateOptions, default_of, parse_option, specs

TABLE_SUFFIXES = frozenset((".csv", ".tsv", ".jsonl", ".ndjson"))
SEPARATOR = ";"
"""Between several sources in one cell."""


@dataclass(frozen=True)
class TableRow:
    """What one row of a table says; None is left to the command line."""

    sources: tuple[Path, ...]
    driver: Driver | None
    output: str | None
    options: AnimateOptions
    where: str
    """File and line, for messages."""


def read_table(path: Path, defaults: AnimateOptions) -> list[TableRow]:
    """The rows of a CSV (with a header), TSV or JSONL file.

    Columns: `source` (several of one subject separated by ";") or, in JSONL, `sources`; `driver` or `motion`;
    `output` (relative to the batch's folder); and any option of `animate` by its name without dashes. Paths
    are relative to the table. Empty cells are left to the command line.

    Raises:
        UnreadableInputError: the file cannot be read, or a row is not what it should be.
        UsageError: an unknown column or a wrong value; the message names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableInputError(f"{path}: cannot be read as a table ({error})") from error
    cells = _jsonl(path, text) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv(path, text)
    return [_row(path, line, values, defaults) for line, values in cells]


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    for values in reader:
        if None in values:
            raise UnreadableInputError(f"{path}, line {reader.line_num}: more cells than the header has columns")
        yield reader.line_num, {key.strip(): cell for key, cell in values.items()}


def _jsonl(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise UnreadableInputError(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(values, dict):
            raise UnreadableInputError(f"{path}, line {number}: not a JSON object")
        options = values.pop("options", {})
        yield number, {**values, **options}


def _row(path: Path, line: int, values: Mapping[str, Any], defaults: AnimateOptions) -> TableRow:
    where = f"{path}, line {line}"
    cells = {key: value for key, value in values.items() if value is not None and value != ""}
    sources = cells.pop("sources", None) or str(cells.pop("source", "")).split(SEPARATOR)
    sources = [sources] if isinstance(sources, str) else sources
    if not all(isinstance(source, str) and source.strip() for source in sources):
        raise UnreadableInputError(f"{where}: no source; name the picture in the column 'source'")
    try:
        driver = _driver(path.parent, cells)
        output = cells.pop("output", None)
        chosen = {_field(name): _value(_field(name), cell) for name, cell in cells.items()}
        options = replace(defaults, **chosen)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    return TableRow(
        tuple(path.parent / source.strip() for source in sources),
        driver,
        None if output is None else str(output),
        options,
        where,
    )


def _driver(base: Path, cells: dict[str, Any]) -> Driver | None:
    clip, motion = cells.pop("driver", None), cells.pop("motion", None)
    if clip and motion:
        raise UsageError("both a driver and a motion")
    if clip:
        return driver_of_file(base / str(clip))
    if not motion:
        return None
    named = driver_of_motion(str(motion))
    return named if named.path is None else driver_of_motion(str(base / str(motion)))


def _field(column: str) -> str:
    """The option a column means: by the name of its field or of its flag."""
    name = column.strip().lstrip("-").replace("-", "_")
    flags = {
        spec.flag.lstrip("-").replace("-", "_"): field
        for field, spec in specs().items()
        if default_of(field) is not True  # a flag that turns off says the opposite of its field
    }
    if name not in specs() and name not in flags:
        raise UsageError(
            f"there is no column {column!r}; there are {', '.join(('source', 'driver', 'motion', 'output', *specs()))}"
        )
    return name if name in specs() else flags[name]


def _value(name: str, cell: object) -> Any:
    text = ",".join(map(str, cell)) if isinstance(cell, list) else str(cell)
    return parse_option(name, text)
