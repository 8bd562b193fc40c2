"""Choose where networks run, in one place."""

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


def limit_threads(count: int | None) -> None:
    """Let torch and OpenCV use `count` threads each; None leaves the defaults (all cores)."""
    if count is None:
        return
    if count < 1:
        raise UsageError(f"--threads {count}: must be at least 1")
    import cv2

    torch.set_num_threads(count)
    cv2.setNumThreads(count)
