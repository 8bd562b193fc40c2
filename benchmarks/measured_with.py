"""Where benchmarks find their material, and the lines that say what a table was made with."""

import os
import platform
import sys
import tempfile
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Test material; kept beside the repository, never in it."""

_TELLING = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "OMP_NUM_THREADS")


def default_cache() -> Path:
    """Folder for judgements that are worth remembering between runs."""
    return Path(os.environ.get("PORTRAIT_ALIVE_JUDGE_CACHE", Path(tempfile.gettempdir()) / "portrait-alive-judge"))


def command_line() -> str:
    """Markdown: the command that made what follows, and the machine it ran on."""
    settings = [f"{name}={value}" for name in _TELLING if (value := os.environ.get(name))]
    words = [word if " " not in word else f"'{word}'" for word in sys.argv[1:]]
    command = " ".join([*settings, "python", f"benchmarks/{Path(sys.argv[0]).name}", *words])
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}"
    return f"    {command}\n\nOn {machine}.\n"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"
