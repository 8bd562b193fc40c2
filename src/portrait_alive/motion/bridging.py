"""Tracks across frames in which no face could be followed: eased over, never dropped and never jumped."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SHORT_GAP_S = 1.0
"""Up to this long a gap is crossed directly; beyond it the face comes to rest in between."""
_EASE_S = 0.5


def bridged(values: NDArray[Any], frames: NDArray[np.intp], count: int, rest: NDArray[Any], fps: float) -> NDArray[Any]:
    """(count, ...) a track filled in from the frames that were seen: uint8 if `values` are, else float32.

    Args:
        values: (N, ...) at the seen frames.
        frames: (N,) their numbers, rising, N >= 1.
        count: frames of the whole clip.
        rest: (...) value that long gaps, and the ends before the first and after the last seen frame, ease to.
        fps: frames per second.
    """
    full = np.empty((count, *values.shape[1:]), values.dtype if values.dtype == np.uint8 else np.float32)
    full[frames] = values
    ease = max(_EASE_S * fps, 1.0)
    shape = (-1, *[1] * (values.ndim - 1))
    for before, after in _gaps(frames, count):
        inside = np.arange(before + 1, after)
        start = np.asarray(full[before] if before >= 0 else rest, np.float32)
        end = np.asarray(full[after] if after < count else rest, np.float32)
        if before >= 0 and after < count and after - before <= _SHORT_GAP_S * fps:
            along = _smooth((inside - before) / (after - before)).reshape(shape)
            full[inside] = _as_kept(start + along * (end - start), full)
            continue
        leave = 1 - _smooth((inside - before) / ease) if before >= 0 else np.zeros(len(inside))
        arrive = 1 - _smooth((after - inside) / ease) if after < count else np.zeros(len(inside))
        eased = rest + leave.reshape(shape) * (start - rest) + arrive.reshape(shape) * (end - rest)
        full[inside] = _as_kept(eased, full)
    return full


def _as_kept(values: NDArray[Any], track: NDArray[Any]) -> NDArray[Any]:
    return np.rint(values) if track.dtype == np.uint8 else values


def _gaps(frames: NDArray[np.intp], count: int) -> list[tuple[int, int]]:
    edges = np.concatenate([[-1], frames, [count]])
    return [(int(a), int(b)) for a, b in pairwise(edges) if b - a > 1]


def _smooth(at: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(at, 0.0, 1.0)
    return inside * inside * (3.0 - 2.0 * inside)
