"""Smooth random fields in space and in the plane."""

import cv2
import numpy as np

from portrait_alive.types import Float


def space_noise(points: Float, rng: np.random.Generator, *, size: float, octaves: int = 3) -> Float:
    """Smooth noise about -1..1 at `points` (N, 3); the coarsest bumps are `size` model units wide."""
    grid = 24
    total = np.zeros(len(points), np.float32)
    gain = 1.0
    for octave in range(octaves):
        volume = rng.normal(size=(grid, grid, grid)).astype(np.float32)
        at = points * (2.0**octave / size) + rng.uniform(0, grid, 3).astype(np.float32)
        low = np.floor(at).astype(np.int32)
        t = at - low
        t = t * t * (3 - 2 * t)
        low %= grid
        high = (low + 1) % grid
        acc = np.zeros(len(points), np.float32)
        for i in (0, 1):
            for j in (0, 1):
                for k in (0, 1):
                    wx = t[:, 0] if i else 1 - t[:, 0]
                    wy = t[:, 1] if j else 1 - t[:, 1]
                    wz = t[:, 2] if k else 1 - t[:, 2]
                    ix = high[:, 0] if i else low[:, 0]
                    iy = high[:, 1] if j else low[:, 1]
                    iz = high[:, 2] if k else low[:, 2]
                    acc += wx * wy * wz * volume[ix, iy, iz]
        total += gain * acc
        gain *= 0.55
    return (total * 0.8).astype(np.float32)


def plane_noise(height: int, width: int, rng: np.random.Generator, *, cells: float, octaves: int = 4) -> Float:
    """(height, width) smooth noise about -1..1 with `cells` bumps across the width."""
    total = np.zeros((height, width), np.float32)
    gain = 1.0
    for _ in range(octaves):
        columns = max(int(cells), 1) + 3
        rows = max(int(cells * height / width), 1) + 3
        coarse = rng.normal(size=(rows, columns)).astype(np.float32)
        total += gain * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        gain *= 0.55
        cells *= 2
        if cells > width:
            break
    return total * 0.7
