"""Smooth random fields in space and in the plane."""

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.compiled import compiled
from portrait_alive.types import Float

GRID = 16


@compiled
def add_space_noise(
    points: NDArray[np.float32],
    volume: NDArray[np.float32],
    scale: NDArray[np.float32],
    start: NDArray[np.float32],
    gain: float,
    out: NDArray[np.float32],
) -> None:
    """Add `gain` times the smoothly interpolated `volume` (G, G, G), which repeats, at points * scale + start."""
    grid = volume.shape[0]
    one, three, two = np.float32(1), np.float32(3), np.float32(2)
    for n in range(points.shape[0]):
        x = points[n, 0] * scale[0] + start[0]
        y = points[n, 1] * scale[1] + start[1]
        z = points[n, 2] * scale[2] + start[2]
        fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
        tx, ty, tz = x - fx, y - fy, z - fz
        tx = tx * tx * (three - two * tx)
        ty = ty * ty * (three - two * ty)
        tz = tz * tz * (three - two * tz)
        i, j, k = int(fx) % grid, int(fy) % grid, int(fz) % grid
        i2, j2, k2 = (i + 1) % grid, (j + 1) % grid, (k + 1) % grid
        a = volume[i, j, k] * (one - tx) + volume[i2, j, k] * tx
        b = volume[i, j2, k] * (one - tx) + volume[i2, j2, k] * tx
        c = volume[i, j, k2] * (one - tx) + volume[i2, j, k2] * tx
        d = volume[i, j2, k2] * (one - tx) + volume[i2, j2, k2] * tx
        near = a * (one - ty) + b * ty
        far = c * (one - ty) + d * ty
        out[n] += gain * (near * (one - tz) + far * tz)


def space_noise(
    points: Float,
    rng: np.random.Generator,
    *,
    size: float,
    octaves: int = 3,
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Float:
    """(N,) smooth noise about -1..1 at `points` (N, 3); the coarsest bumps are `size` model units wide.

    `stretch` divides their width along x, y, z.
    """
    total = np.zeros(len(points), np.float32)
    gain = 0.8
    scale = np.array(stretch, np.float32) / np.float32(size)
    for _ in range(octaves):
        volume = rng.standard_normal((GRID, GRID, GRID), np.float32)
        start = (rng.random(3, np.float32) * GRID).astype(np.float32)
        add_space_noise(points, volume, scale, start, gain, total)
        gain *= 0.55
        scale = scale * np.float32(2)
    return total


def plane_noise(height: int, width: int, rng: np.random.Generator, *, cells: float, octaves: int = 4) -> Float:
    """(height, width) smooth noise about -1..1 with `cells` bumps across the width."""
    total = np.zeros((height, width), np.float32)
    gain = 0.7
    for _ in range(octaves):
        columns = max(int(cells), 1) + 3
        rows = max(int(cells * height / width), 1) + 3
        coarse = rng.standard_normal((rows, columns), np.float32)
        total += np.float32(gain) * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        gain *= 0.55
        cells *= 2
        if cells > width:
            break
    return total
