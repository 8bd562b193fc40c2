"""Choose where networks run, and in which precision, in one place."""

import time
from collections.abc import Callable
from typing import Literal

import torch

from portrait_alive.errors import UsageError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def pick_device(name: DeviceName = "auto") -> torch.device:
    """The torch device for a name; "auto" prefers CUDA, then MPS, then the CPU.

    Raises:
        UsageError: the named device is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if not available[name]:
        raise UsageError(f"--device {name}: torch finds no such device here; use --device auto or cpu")
    return torch.device(name)


def faster_precision(work: Callable[[], object], device: torch.device) -> torch.dtype:
    """bfloat16 where some work takes at least a quarter less time under autocast to it, float32 otherwise.

    Machines differ thirtyfold: matrix units make bfloat16 several times faster, without them it is emulated.

    Args:
        work: done three times in each, of which the fastest counts; it has to wait for a GPU that works by itself.
        device: where it is done.
    """
    if device.type == "mps":
        return torch.float32
    # on a CPU the process's own time: on a busy machine the clock on the wall says nothing
    now = time.process_time if device.type == "cpu" else time.perf_counter
    seconds: dict[torch.dtype, float] = {}
    for dtype in (torch.float32, torch.bfloat16) * 3:
        start = now()
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype != torch.float32):
            work()
        seconds[dtype] = min(seconds.get(dtype, float("inf")), now() - start)
    return torch.bfloat16 if seconds[torch.bfloat16] < 0.75 * seconds[torch.float32] else torch.float32


def limit_threads(count: int | None) -> None:
    """Let torch and OpenCV use `count` threads each; None leaves the defaults (all cores)."""
    if count is None:
        return
    if count < 1:
        raise UsageError(f"--threads {count}: must be at least 1")
    import cv2

    torch.set_num_threads(count)
    cv2.setNumThreads(count)
