"""`portrait-alive doctor`: what is installed, which devices and weights are there, and a two-second self-test."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from portrait_alive.cli.failures import explain
from portrait_alive.cli.report import Report
from portrait_alive.errors import MissingDependencyError

State = Literal["ok", "missing", "broken"]
_CORE = (
    "torch",
    "numpy",
    "opencv-python",
    "pillow",
    "safetensors",
    "imageio-ffmpeg",
    "typer",
    "rich",
    "face-alignment",
)
_EXTRAS = ("mediapipe", "numba", "c2pa-python", "ray")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    state: State
    detail: str
    is_needed: bool = True


def doctor(report: Report) -> None:
    """Say what is installed, which devices and weights are there, and try everything for two seconds."""
    findings = [*_packages(), *_devices(), *_media(), *_weights(), *_self_test()]
    rows = [(finding.subject, finding.state, finding.detail) for finding in findings]
    report.table("", ("what", "state", "detail"), rows)
    ill = [finding for finding in findings if finding.is_needed and finding.state != "ok"]
    if ill:
        names = ", ".join(finding.subject for finding in ill)
        raise MissingDependencyError(f"not everything is in order: {names}; see the table")


def _packages() -> Iterator[Finding]:
    import platform

    from portrait_alive import __version__

    yield Finding("portrait-alive", "ok", __version__)
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}")
    headless = _version("opencv-python-headless")
    for name in _CORE:
        version = _version(name) or (headless if name == "opencv-python" else None)
        # face-alignment is imported only where it is asked for
        needed = name != "face-alignment"
        yield Finding(name, "ok" if version else "missing", version or f"pip install {name}", needed)
    for name in _EXTRAS:
        version = _version(name)
        yield Finding(name, "ok" if version else "missing", version or "optional", is_needed=False)


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _devices() -> Iterator[Finding]:
    from portrait_alive.host import core_count, memory

    yield Finding("cpu", "ok", f"{core_count()} cores, {memory().total / 2**30:.1f} GiB of memory")
    try:
        import torch
    except Exception as error:
        yield Finding("torch", "broken", explain(error).message)
        return
    for number in range(torch.cuda.device_count()):
        yield Finding(f"cuda:{number}", "ok", torch.cuda.get_device_name(number), is_needed=False)
    if torch.backends.mps.is_available():
        yield Finding("mps", "ok", "Apple GPU", is_needed=False)


def _media() -> Iterator[Finding]:
    try:
        import cv2

        yield Finding("opencv", "ok", f"{cv2.__version__}, {cv2.getNumThreads()} threads")
    except ImportError as error:
        yield Finding("opencv", "broken", explain(error).message)
    try:
        import imageio_ffmpeg

        yield Finding("ffmpeg", "ok", f"{imageio_ffmpeg.get_ffmpeg_version()}: {imageio_ffmpeg.get_ffmpeg_exe()}")
    except Exception as error:
        yield Finding("ffmpeg", "broken", str(error))


def _weights() -> Iterator[Finding]:
    from portrait_alive.weights import check_weights, weights_folder

    checks = check_weights()
    if not checks:
        yield Finding(
            "weights", "missing", f"nothing in {weights_folder()}; pip install --force-reinstall portrait-alive"
        )
    for check in checks:
        detail = f"sha256 {check.sha256[:16]}" + ("" if check.intact else " is not the one on its card")
        yield Finding(check.name, "ok" if check.intact else "broken", detail)


def _self_test() -> Iterator[Finding]:
    from portrait_alive.cli.self_test import self_test, tracker_test

    for subject, test in (("tracker", tracker_test), ("self-test", self_test)):
        try:
            yield Finding(subject, "ok", test())
        except Exception as error:
            yield Finding(subject, "broken", explain(error).message)
