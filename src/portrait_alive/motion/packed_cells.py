"""What mouths show, small enough for a motion file: in coarse steps, as changes from frame to frame, deflated."""

import zlib
from typing import Final

import numpy as np

from portrait_alive.types import INSIDE_SHAPE, Bytes

_STEP: Final = 15
"""255ths between two stored values: 17 steps from dark to white."""
_HELD: Final = 0.75
"""Steps by which a cell has to leave its value before it changes: what is less is the camera's noise."""


def in_steps(inside: Bytes) -> Bytes:
    """(T, 14, 24, 2) as `packed` keeps it; twice is the same as once."""
    kept = np.empty_like(inside)
    steps = np.zeros(INSIDE_SHAPE, np.float32)
    for frame, cells in enumerate(inside):
        wanted = cells.astype(np.float32) / _STEP
        steps = np.where(np.abs(wanted - steps) > _HELD, np.rint(wanted), steps) if frame else np.rint(wanted)
        kept[frame] = steps.astype(np.uint8) * _STEP
    return kept


def packed(inside: Bytes) -> Bytes:
    """(N,) the deflated changes of `in_steps` of (T, 14, 24, 2)."""
    steps = in_steps(inside) // _STEP
    changes = np.diff(steps, axis=0, prepend=np.zeros_like(steps[:1]))  # modulo 256
    # light and teeth apart: each is more like itself
    return np.frombuffer(zlib.compress(np.ascontiguousarray(np.moveaxis(changes, 3, 1)).tobytes(), 9), np.uint8)


def unpacked(data: Bytes, frames: int) -> Bytes:
    """(T, 14, 24, 2) from `packed`.

    Raises:
        ValueError: the data are not those of so many frames; nothing larger than those is ever unpacked.
    """
    rows, columns, kinds = INSIDE_SHAPE
    size = frames * rows * columns * kinds
    inflating = zlib.decompressobj()
    try:
        content = inflating.decompress(data.tobytes(), size)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(content) != size or inflating.decompress(inflating.unconsumed_tail, 1):
        raise ValueError(f"not the cells of {frames} frames")
    changes = np.frombuffer(content, np.uint8).reshape(frames, kinds, rows, columns)
    steps = np.add.accumulate(changes, axis=0, dtype=np.uint8)
    if steps.max(initial=0) > 255 // _STEP:
        raise ValueError("cells lighter than white")
    return np.moveaxis(steps * np.uint8(_STEP), 1, 3)
