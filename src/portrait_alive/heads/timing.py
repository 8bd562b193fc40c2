"""How long a head takes."""

import time
from pathlib import Path

import numpy as np

from portrait_alive.heads.frame import random_frame
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.person import Person
from portrait_alive.heads.regions import find_regions
from portrait_alive.heads.render import render


def report(model_path: Path | str, *, people: int = 12, size: int = 256) -> str:
    """Median and fastest processor milliseconds to make a person and to render a frame of `size` pixels."""
    model = HeadModel.load(model_path)
    regions = find_regions(model)
    making, rendering = [], []
    for seed in range(people + 1):
        rng = np.random.default_rng(seed)
        start = time.process_time()
        person = Person.random(model, regions, seed)
        making.append(time.process_time() - start)
        render(model, person, random_frame(model.expression_names, rng), size)
        for _ in range(3):
            frame = random_frame(model.expression_names, rng)
            start = time.process_time()
            render(model, person, frame, size)
            rendering.append(time.process_time() - start)
    # the first person pays for loading the compiled kernels
    person_ms, frame_ms = np.array(making[1:]) * 1e3, np.array(rendering[3:]) * 1e3
    return (
        f"person: median {np.median(person_ms):.1f} ms, fastest {person_ms.min():.1f} ms; "
        f"frame of {size} px: median {np.median(frame_ms):.1f} ms, fastest {frame_ms.min():.1f} ms"
    )
