"""What differs between operating systems, all in this module: locks, processes, pipes, memory, cores, folders."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_LOCK_OFFSET = 1 << 30
"""Windows locks byte ranges against reading, too: lock a byte beyond the text."""
_LOOK_EVERY_S = 0.5


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process alone; False when another process holds it.

    The operating system lets go of the lock when the process ends, however it ends, so no lock is ever stale.
    """
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _LOCK_OFFSET, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power failure, where the system lets a program ask for it."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems refuse; the rename itself has happened
        pass
    finally:
        os.close(descriptor)


def settings_folder() -> Path:
    """Where programs keep what belongs to this user."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def cache_folder() -> Path:
    """Where programs keep what they could make again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def is_alive(process: int) -> bool:
    """Whether a process of this number runs (also one that is not ours)."""
    if sys.platform == "win32":
        return _windows_is_alive(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def undisturbed() -> dict[str, Any]:
    """Options of `subprocess.Popen` for a child that a Ctrl-C in the terminal does not reach: its parent decides."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def widen_pipe(pipe: IO[bytes], size: int) -> None:
    """Ask for a pipe that holds `size` bytes, where the system offers it: fewer switches between two processes."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # a limit of the system
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, size)


def core_count() -> int:
    """CPU cores that this process may use, at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_cores()
    return max(1, min(allowed, quota) if quota else allowed)


@dataclass(frozen=True)
class Memory:
    """Main memory in bytes."""

    total: int
    available: int


def memory() -> Memory:
    """Main memory of the machine, or of the container this process is confined to."""
    if sys.platform == "win32":
        return _windows_memory()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    available = _linux_available() or total // 2
    limit = _read_number(Path("/sys/fs/cgroup/memory.max"))
    if limit is not None and limit < total:
        used = _read_number(Path("/sys/fs/cgroup/memory.current")) or 0
        total, available = limit, min(available, max(limit - used, 0))
    return Memory(total, available)


class MemoryWatch:
    """Most memory that this process and its children (encoder, decoder) have had at once; look at it now and then."""

    def __init__(self) -> None:
        self._children = 0
        self._looked = -_LOOK_EVERY_S

    def look(self) -> None:
        """Note what the children take now, at most twice a second."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self._children = max(self._children, _linux_children_peak())

    def peak(self) -> int:
        """Bytes: this process's own peak, and the largest sum of its children's."""
        if sys.platform == "win32":
            return _windows_peak()
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        if sys.platform == "linux":
            return own + self._children  # Linux counts the parent's memory into the peak of a child that has ended
        return own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def _linux_children_peak() -> int:
    """Bytes: sum of the peaks of the children that run now; 0 on other systems."""
    pids: set[str] = set()
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # the thread has ended meanwhile
                pids.update((task / "children").read_text().split())
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            total += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return total


def _linux_available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return int(found) * 1024 if found else None


def _cgroup_cores() -> int | None:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))


def _read_number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _windows_call(library: str, function: str) -> Callable[..., Any]:
    import ctypes

    loader: Any = ctypes.windll  # type: ignore[attr-defined,unused-ignore]
    return getattr(getattr(loader, library), function)  # type: ignore[no-any-return]


def _windows_is_alive(process: int) -> bool:
    # os.kill(process, 0) would end the process there
    import ctypes

    handle = _windows_call("kernel32", "OpenProcess")(0x1000, False, process)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return False
    code = ctypes.c_ulong()
    is_known = _windows_call("kernel32", "GetExitCodeProcess")(handle, ctypes.byref(code))
    _windows_call("kernel32", "CloseHandle")(handle)
    return bool(is_known) and code.value == 259  # STILL_ACTIVE


def _windows_memory() -> Memory:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "available", "a", "b", "c", "d", "e")),
        )

    status = Status(length=ctypes.sizeof(Status))
    _windows_call("kernel32", "GlobalMemoryStatusEx")(ctypes.byref(status))
    return Memory(int(status.total), int(status.available))


def _windows_peak() -> int:
    import ctypes

    class Counters(ctypes.Structure):
        _fields_ = (
            ("size", ctypes.c_ulong),
            ("faults", ctypes.c_ulong),
            *((name, ctypes.c_size_t) for name in ("peak", "now", "a", "b", "c", "d", "e", "f")),
        )

    counters = Counters(size=ctypes.sizeof(Counters))
    process = _windows_call("kernel32", "GetCurrentProcess")()
    _windows_call("psapi", "GetProcessMemoryInfo")(process, ctypes.byref(counters), counters.size)
    return int(counters.peak)
