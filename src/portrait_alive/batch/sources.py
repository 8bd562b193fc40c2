"""From what the user typed (folders, patterns, lists, pictures) to the pictures of a batch."""

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from portrait_alive.batch.rows import MOTION_SUFFIX
from portrait_alive.errors import UnreadableInputError, UsageError

PICTURE_SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp"))
CLIP_SUFFIXES = frozenset(
    (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".3gp", ".mts", ".ogv", ".gif", MOTION_SUFFIX)
)
LIST_SUFFIXES = frozenset((".txt", ".list"))


@dataclass(frozen=True)
class Found:
    """A file of a batch and its place in the tree it was found in."""

    path: Path
    place: PurePath
    """Path below the folder it was found in: what the output's path mirrors."""
    root: str
    """Name of that folder; empty for files named one by one."""


def find_files(
    arguments: Iterable[str],
    *,
    suffixes: frozenset[str],
    recursive: bool = False,
    leave_out: Path | None = None,
    listed: Sequence[str] = (),
) -> list[Found]:
    """Every file that the arguments stand for, in a stable order, each once.

    Args:
        arguments: folders, glob patterns, files, lists of files (.txt), or "-" for the lines of `listed`.
        suffixes: which files of a folder count.
        recursive: look into folders of folders.
        leave_out: folder whose files do not count: the batch's own outputs.
        listed: lines read from standard input.

    Raises:
        UsageError: nothing was found for an argument.
        UnreadableInputError: a list cannot be read.
    """
    seen: dict[Path, Found] = {}
    for argument in arguments:
        count = 0
        for found in _expand(argument, suffixes, recursive, listed):
            if leave_out is not None and found.path.resolve().is_relative_to(leave_out.resolve()):
                continue
            count += 1
            seen.setdefault(found.path.resolve(), found)
        if not count:
            hint = "" if recursive or not Path(argument).is_dir() else " (--recursive looks into its folders)"
            raise UsageError(f"{argument}: no such file, or no picture or clip in it{hint}")
    return list(seen.values())


def _expand(argument: str, suffixes: frozenset[str], recursive: bool, listed: Sequence[str]) -> Iterator[Found]:
    path = Path(argument)
    if argument == "-":
        yield from _of_list(listed, Path())
    elif path.is_dir():
        yield from _of_folder(path, suffixes, recursive)
    elif path.is_file() and path.suffix.lower() in LIST_SUFFIXES:
        yield from _of_list(_lines(path), path.parent)
    elif path.is_file():
        yield Found(path, PurePath(path.name), "")
    else:
        for match in sorted(glob.glob(argument, recursive=True)):  # ** is understood
            if Path(match).is_dir():
                yield from _of_folder(Path(match), suffixes, recursive)
            elif Path(match).suffix.lower() in suffixes:
                yield Found(Path(match), PurePath(Path(match).name), Path(match).parent.name)


def _of_folder(folder: Path, suffixes: frozenset[str], recursive: bool) -> Iterator[Found]:
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        place = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in place.parts)
        if not hidden and path.suffix.lower() in suffixes and path.is_file():
            yield Found(path, place, folder.resolve().name)


def _of_list(lines: Iterable[str], base: Path) -> Iterator[Found]:
    for line in lines:
        name = line.strip().removeprefix("\ufeff")
        if not name or name.startswith("#"):
            continue
        path = base / name
        yield Found(path, PurePath(path.name), path.parent.name)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableInputError(f"{path}: cannot be read as a list of files, one a line ({error})") from error
