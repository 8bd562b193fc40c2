"""The curves by which things come and go: one that is smooth at both ends, and a straight one."""

from typing import cast, overload

import numpy as np

from portrait_alive.types import Float


@overload
def smoothstep(low: float, high: float, value: float) -> float: ...


@overload
def smoothstep(low: float, high: float, value: Float) -> Float: ...


def smoothstep(low: float, high: float, value: float | Float) -> float | Float:
    """0 below `low`, 1 above `high`, smooth in between; of an array, for each of its values."""
    if isinstance(value, np.ndarray):
        part = np.clip((value - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
        return cast(Float, part * part * (3 - 2 * part))
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def rising(low: float, high: float, values: Float) -> Float:
    """0 below `low`, 1 above `high`, straight in between, for each value."""
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)
