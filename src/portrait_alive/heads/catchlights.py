"""What eyes mirror: a window, a ring lamp, a lamp, or nothing bright."""

import numpy as np

from portrait_alive.types import Float


def random_catchlight(rng: np.random.Generator) -> Float:
    """(6,) as `shade.catchlight` has it: middle x, y, half width, half height, brightness, shape (0 for nothing)."""
    shape = int(rng.choice([0, 1, 2, 3], p=[0.3, 0.28, 0.1, 0.32]))
    across = float(rng.uniform(-0.55, 0.55))
    up = float(rng.uniform(-0.6, -0.05))
    half = float(rng.uniform(0.12, 0.3))
    bright = float(np.exp(rng.uniform(np.log(0.15), np.log(1.6))))
    if shape == 2:
        across, up, half = across * 0.15, up * 0.2, float(rng.uniform(0.25, 0.5))
    tall = half * (float(rng.uniform(0.7, 1.6)) if shape == 1 else 1.0)
    return np.array([across, up, half, tall, bright, shape], np.float32)
