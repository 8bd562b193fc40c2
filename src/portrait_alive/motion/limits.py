"""Soft limits: what the portrait can show is approached, never torn through."""

import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Float

_KNEE = 0.6
"""Share of the room that is passed through unchanged."""
_ROOM_AHEAD = 0.87  # rad, 50 degrees of yaw either way from the front
_LEAST_ROOM = 0.17  # rad: even a profile turns a little further
_ROOM_PITCH = 0.52
_ROOM_ROLL = 0.70
_ROOM_SHIFT = (3.0, 2.0)
"""Model units (centimetres) that the head may travel sideways and up and down before the neck would tear."""


def softly(value: float, low: float, high: float) -> float:
    """`value` kept inside [low, high] (low < 0 < high) by a curve of slope 1 near 0 that bends towards the ends."""
    return float(softly_each(np.array([value]), np.array([low]), np.array([high]))[0])


def softly_each(
    values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`softly` for each of N values, with limits (N,) of its own."""
    room = np.where(values > 0, high, -low)
    knee = _KNEE * room
    beyond = np.maximum(np.abs(values) - knee, 0.0)
    bent = (room - knee) * np.tanh(beyond / (room - knee))
    return np.where(beyond > 0, np.sign(values) * (knee + bent), values)


def reachable_turn(turn: Float, source: Float) -> Float:
    """(3,) yaw, pitch, roll changes that a source with angles `source` (3,) can show of the wanted `turn` (3,).

    A profile has one side only: it turns to the front and a little past it, and hardly further away.
    """
    yaw = float(source[0])
    away = max(_ROOM_AHEAD - abs(yaw), _LEAST_ROOM)
    back = max(_ROOM_AHEAD - yaw**2 / 3, 2 * _LEAST_ROOM)
    low, high = (-back, away) if yaw >= 0 else (-away, back)
    pitch = float(source[1])
    return np.array(
        [
            softly(float(turn[0]), low, high),
            softly(float(turn[1]), -max(_ROOM_PITCH + pitch, _LEAST_ROOM), max(_ROOM_PITCH - pitch, _LEAST_ROOM)),
            softly(float(turn[2]), -_ROOM_ROLL, _ROOM_ROLL),
        ],
        np.float32,
    )


def reachable_shift(shift: Float) -> Float:
    """(2,) head travel in model units that shoulders which stay where they are allow."""
    return np.array([softly(float(s), -room, room) for s, room in zip(shift, _ROOM_SHIFT, strict=True)], np.float32)
