"""Frames of a clip for measuring: every n-th of a stretch, all in memory at once."""

from itertools import islice
from pathlib import Path

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.clips import open_clip
from portrait_alive.types import Bytes


def read_frames(path: Path, *, step: int = 1, limit: int | None = None, skip: int = 0) -> list[Bytes]:
    """Frames `skip`, `skip + step`, ... of a clip at its own constant rate, at most `limit` of them.

    For short stretches: all of them are in memory. Colours are converted accurately, since they are compared.

    Returns:
        (H, W, 3) uint8 sRGB, upright.

    Raises:
        UnreadableInputError: missing, damaged, or over before frame `skip`.
    """
    last = None if limit is None else skip + step * (limit - 1) + 1
    frames = open_clip(path).frames(accurate=True, threads=1)
    chosen = list(islice(frames, skip, last, step))
    del frames  # ends the decoder
    if not chosen:
        raise UnreadableInputError(f"{path}: ends before frame {skip}; choose an earlier one")
    return chosen


def count_frames(path: Path) -> int:
    """Number of frames that `read_frames` could deliver with step 1; the clip is decoded where its header is silent.

    Raises:
        UnreadableInputError: missing or damaged.
    """
    clip = open_clip(path)
    declared = clip.info().frame_count
    return declared if declared is not None else sum(1 for _ in clip.frames(max_side=64, threads=1))
