"""Every way a command can fail, turned into one line of advice and an exit code, in one place.

0 done, 1 failed, 2 usage, 3 no face, 4 some of a batch failed, 130 interrupted.
"""

import errno
import signal
from dataclasses import dataclass
from types import FrameType

from portrait_alive.errors import PortraitAliveError

INTERRUPTED = 130
_LIBRARY_ADVICE = {
    "libGL": "Debian or Ubuntu: apt install libgl1; Fedora: dnf install mesa-libGL",
    "libgthread": "Debian or Ubuntu: apt install libglib2.0-0",
    "libglib": "Debian or Ubuntu: apt install libglib2.0-0",
    "libxcb": "Debian or Ubuntu: apt install libxcb1",
    "libSM": "Debian or Ubuntu: apt install libsm6 libxext6",
    "libXext": "Debian or Ubuntu: apt install libsm6 libxext6",
    "libEGL": "Debian or Ubuntu: apt install libegl1",
    "libGLESv2": "Debian or Ubuntu: apt install libgles2",
    "libgomp": "Debian or Ubuntu: apt install libgomp1",
    "libstdc++": "Debian or Ubuntu: apt install libstdc++6",
}
_HEADLESS = "or, without any system library: pip uninstall -y opencv-python && pip install opencv-python-headless"


@dataclass(frozen=True)
class Failure:
    """What to tell the user, and the exit code."""

    kind: str
    message: str
    exit_code: int


class Interrupted(Exception):  # noqa: N818  (it is none)
    """A command was interrupted, and has cleaned up."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end, by Ctrl-C or another signal."""


def end_gracefully_on_signals() -> None:
    """Turn the signals that ask a process to end into an exception, so that clean-up runs; the first one counts.

    More of them, from an impatient user or a supervisor, would interrupt the clean-up: they are ignored.
    """
    # the last two exist on one family of systems each
    known = (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"))
    heard = [each for each in known if each is not None and signal.getsignal(each) is not signal.SIG_IGN]  # nohup

    def stop(number: int, frame: FrameType | None) -> None:
        for each in heard:
            signal.signal(each, signal.SIG_IGN)
        raise Terminated(signal.Signals(number).name)

    for each in heard:
        signal.signal(each, stop)


def explain(error: BaseException) -> Failure:
    """The one line that helps with `error`, whatever it is."""
    kind = type(error).__name__
    if isinstance(error, PortraitAliveError):
        return Failure(kind, str(error), error.exit_code)
    if isinstance(error, (Interrupted, KeyboardInterrupt)):
        return Failure("Interrupted", "interrupted; nothing half-written is left behind", INTERRUPTED)
    if isinstance(error, ImportError):
        return Failure(kind, _import_advice(error), 1)
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError":
        return Failure(kind, "out of memory; try --size with fewer pixels, or --device cpu", 1)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" while writing {error.filename}" if error.filename else ""
        return Failure(kind, f"the disk is full{where}; make room and run the same command again", 1)
    if isinstance(error, PermissionError):
        return Failure(kind, f"{error.filename or 'a file'}: not allowed ({error.strerror})", 1)
    if isinstance(error, OSError):
        return Failure(kind, f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    return Failure(kind, f"{kind}: {error} (this is a bug; run again with --debug and report what it prints)", 1)


def _import_advice(error: ImportError) -> str:
    text = str(error)
    if "cannot open shared object file" in text or "DLL load failed" in text:
        library = text.split(":")[0].strip() if "cannot open" in text else "a DLL"
        advice = next((line for name, line in _LIBRARY_ADVICE.items() if library.startswith(name)), None)
        if "DLL load failed" in text:
            advice = "install the Microsoft Visual C++ redistributable"
        return f"the system library {library} is missing; {advice or 'install it'}; {_HEADLESS}"
    package = (error.name or "a package").split(".")[0]
    package = {"cv2": "opencv-python", "PIL": "pillow", "c2pa": "c2pa-python"}.get(package, package)
    return f"{package} is not installed or broken ({text}); pip install {package}"
