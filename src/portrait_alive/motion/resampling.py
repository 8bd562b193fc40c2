"""Motion at other frame rates and speeds: cubic interpolation of the tracks in time."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.tracks import Motion, as_track

_BLOCK = 1024
"""Frames that are read at a time: as float64 a track is eight times what is held of it."""


def resample(motion: Motion, fps: Fraction) -> Motion:
    """The same motion at another frame rate; the duration stays within half a frame."""
    if fps == motion.fps:
        return motion
    count = max(round(motion.frame_count * fps / motion.fps), 1)
    # exact rational times: no drift over an hour
    positions = np.array([float(k * motion.fps / fps) for k in range(count)])
    return at_positions(motion, positions, fps)


def at_positions(motion: Motion, positions: NDArray[np.float64], fps: Fraction) -> Motion:
    """The motion read at fractional frame numbers, one per new frame; held beyond both ends."""

    def read(name: str, track: NDArray[Any]) -> NDArray[Any]:
        if name == "bridged":
            return np.asarray(track[np.clip(np.rint(positions).astype(int), 0, len(track) - 1)])
        blocks = np.split(positions, range(_BLOCK, len(positions), _BLOCK))
        return np.concatenate([as_track(name, interpolated(track, block)) for block in blocks])

    return motion.with_tracks(read, fps=fps)


def interpolated(track: NDArray[Any], positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Catmull-Rom values of `track` (T, ...) at fractional positions, kept between the two neighbouring samples' range
    widened by nothing: no overshoot, so a shut eye never shuts beyond shut."""
    last = len(track) - 1
    clipped = np.clip(positions, 0, last)
    base = np.clip(np.floor(clipped).astype(int), 0, max(last - 1, 0))
    fraction = (clipped - base).reshape(-1, *[1] * (track.ndim - 1))
    before, start, end, after = (track[np.clip(base + offset, 0, last)].astype(np.float64) for offset in (-1, 0, 1, 2))
    slope_start, slope_end = (end - before) / 2, (after - start) / 2
    square, cube = fraction**2, fraction**3
    value = (
        (2 * cube - 3 * square + 1) * start
        + (cube - 2 * square + fraction) * slope_start
        + (3 * square - 2 * cube) * end
        + (cube - square) * slope_end
    )
    return np.asarray(np.clip(value, np.minimum(start, end), np.maximum(start, end)))
