"""What mouths show, small enough for a motion file: in coarse steps, as changes from frame to frame, deflated."""

import zlib
from typing import Final

import numpy as np

from portrait_alive.types import INSIDE_SHAPE, Bytes

_STEPS: Final = (32, 8)
"""Steps from dark to white, and from no tooth to a certain one."""
_HELD: Final = 0.75
"""Steps by which a cell has to leave its value before it changes: what is less is the camera's noise."""


def in_steps(inside: Bytes) -> Bytes:
    """(T, 14, 24, 2) as `packed` keeps it; twice is the same as once."""
    return _values(_steps(inside))


def _steps(inside: Bytes) -> Bytes:
    """(T, 14, 24, 2) numbers of steps; of lightness they are finer in the dark, where mouths are: steps of its root."""
    share = np.arange(256, dtype=np.float32) / 255
    wanted = np.sqrt(share) * _STEPS[0], share * _STEPS[1]
    steps = np.empty_like(inside)
    now = np.zeros(INSIDE_SHAPE, np.float32)
    for frame, cells in enumerate(inside):
        seen = np.stack([wanted[kind][cells[..., kind]] for kind in range(2)], -1)
        now = np.where(np.abs(seen - now) > _HELD, np.rint(seen), now) if frame else np.rint(seen)
        steps[frame] = now
    return steps


def _values(steps: Bytes) -> Bytes:
    light, teeth = (np.arange(256, dtype=np.float32) / count for count in _STEPS)
    kinds = np.square(light), teeth
    values = [np.rint(np.minimum(kind, 1) * 255).astype(np.uint8)[steps[..., at]] for at, kind in enumerate(kinds)]
    return np.stack(values, -1)


def packed(inside: Bytes) -> Bytes:
    """(N,) the deflated changes of `in_steps` of (T, 14, 24, 2)."""
    steps = _steps(inside)
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
    if any(steps[:, kind].max(initial=0) > most for kind, most in enumerate(_STEPS)):
        raise ValueError("cells lighter than white")
    return _values(np.moveaxis(steps, 1, 3))
