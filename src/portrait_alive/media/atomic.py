"""Files and folders that appear under their name only when they are complete.

Work happens under a hidden name in the same folder (renaming is then one step of the file system), which carries the
process's number, so that what a killed run left behind can be told from what another run is working on.
"""

import contextlib
import os
import re
import secrets
import shutil
from pathlib import Path

from portrait_alive.errors import OutputError
from portrait_alive.host import is_alive, sync_folder

_PART = re.compile(r"^\..+\.(\d+)-[0-9a-f]{8}\.part(\.\w+)?$")


def part_name(path: Path) -> Path:
    """A fresh hidden name beside `path`, with its suffix: `.mona-me.mp4.4711-1f2e3d4c.part.mp4`."""
    return path.with_name(f".{_stem(path)}.{os.getpid()}-{secrets.token_hex(4)}.part{path.suffix}")


def leftovers(path: Path) -> list[Path]:
    """Unfinished files and folders for `path` that processes no longer alive left beside it."""
    prefix = f".{_stem(path)}."
    found = []
    for part in path.parent.iterdir():
        match = _PART.match(part.name)
        if match and part.name.startswith(prefix) and not is_alive(int(match[1])):
            found.append(part)
    return sorted(found)


def _stem(path: Path) -> str:
    """The file's name, cut where it is long: file systems allow 255 bytes, and the random part keeps it unique."""
    return path.name.encode()[:180].decode("utf-8", "ignore")


def remove(path: Path) -> None:
    """Remove the file or folder at `path`, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Return when a file or folder of this name may be made.

    Raises:
        OutputError: the name is taken and `overwrite` is off, or the folder it lies in is missing or read-only.
    """
    parent = path.parent
    if not parent.is_dir():
        raise OutputError(f"{path}: the folder {parent} does not exist; make it first, or choose another with -o")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"{path}: the folder {parent} may not be written to; choose another with -o")
    if path.is_dir() and not any(path.iterdir()):
        return
    if os.path.lexists(path) and not overwrite:
        raise OutputError(f"{path} exists already; choose another name with -o, or allow it with --overwrite")


def publish(part: Path, path: Path, *, overwrite: bool) -> None:
    """Give the finished `part` its name, safe against a power cut.

    Raises:
        OutputError: the name was taken meanwhile, or the file system refuses.
    """
    try:
        if part.is_dir():
            _publish_folder(part, path, overwrite=overwrite)
        else:
            _sync(part)
            if path.is_dir():
                raise OutputError(f"{path} is a folder; choose another name with -o")
            if not overwrite and os.path.lexists(path):
                raise OutputError(f"{path} appeared while it was being made; choose another name with -o")
            part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"{path} cannot be given its name ({error}); check the folder's permissions") from error


def _publish_folder(part: Path, path: Path, *, overwrite: bool) -> None:
    for child in part.iterdir():
        _sync(child)
    if path.is_dir():
        if any(path.iterdir()) and not overwrite:
            raise OutputError(f"{path} exists already; choose another name with -o, or allow it with --overwrite")
        old = part_name(path)
        path.rename(old)
        part.rename(path)
        remove(old)
    elif os.path.lexists(path):
        raise OutputError(f"{path} is a file, not a folder; choose another name with -o")
    else:
        part.rename(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # Windows wants a writable handle; its rename is journaled anyway
            os.fsync(handle)
    finally:
        os.close(handle)
