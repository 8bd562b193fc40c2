"""Render heads into the shards that the tracker's networks learn from.

    python -m portrait_alive.training.tracker.render_heads head_model.npz cache/heads --first 0 --count 8000

A shard of 500 frames is three arrays: `NNNNNN-rgb.npy` (N, S, S, 3) uint8, `NNNNNN-matte.npy` (N, S, S, 4) uint8
shares of background, body, head and occluder, and `NNNNNN-points.npy` (N, 478, 3) float32 in pixels, written last.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from portrait_alive.heads.frame import random_frames
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.person import Person
from portrait_alive.heads.regions import find_regions
from portrait_alive.heads.render import render
from portrait_alive.types import Bytes, Float

SHARD_FRAMES = 500
FRAMES_PER_PERSON = 3


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="packed head model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=0, help="first frame's number; a multiple of 500")
    parser.add_argument("--count", type=int, default=8000)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    model = HeadModel.load(arguments.model)
    regions = find_regions(model)
    for first in range(arguments.first, arguments.first + arguments.count, SHARD_FRAMES):
        stem = arguments.out / f"{first:06d}"
        if Path(f"{stem}-points.npy").is_file():
            continue
        frames: list[tuple[Bytes, Bytes, Float]] = []
        seed = first
        while len(frames) < SHARD_FRAMES:
            person = Person.random(model, regions, seed)
            rng = np.random.default_rng([seed, 1])
            for frame in random_frames(model.expression_names, rng, FRAMES_PER_PERSON):
                head = render(model, person, frame, arguments.size)
                frames.append((head.rgb, head.matte, head.landmarks.astype(np.float32)))
            seed += 1
        pixels, mattes, points = zip(*frames[:SHARD_FRAMES], strict=True)
        np.save(f"{stem}-rgb.npy", np.stack(pixels))
        np.save(f"{stem}-matte.npy", np.stack(mattes))
        np.save(f"{stem}-points.npy", np.stack(points))
        sys.stderr.write(f"{stem}: {SHARD_FRAMES} heads\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
