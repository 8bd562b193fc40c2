"""The one curve by which things come and go: smooth at both ends."""

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
