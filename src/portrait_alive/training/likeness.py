"""Write the eigenfaces that tell whether pictures may be of one sitter, from rendered heads of the episodes.

python -m portrait_alive.training.likeness cache/episodes weights/likeness.safetensors
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.numpy import save_file

from portrait_alive.neural.view import VIEW_PX
from portrait_alive.person.likeness import FORMAT, chip, chip_shape
from portrait_alive.shape.basis import load_basis
from portrait_alive.tracking.native import NativeTracker
from portrait_alive.types import Box, Float
from portrait_alive.weights import SHAPE_BASIS, weight_path

_COMPONENTS = 32
_FACE = Box(0.14 * VIEW_PX, 0.14 * VIEW_PX, 0.72 * VIEW_PX, 0.72 * VIEW_PX)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("episodes", type=Path, help="folder of episodes of rendered heads")
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    chips = np.stack(list(_chips(arguments.episodes, arguments.people)))
    tensors = eigenfaces(chips, _COMPONENTS)
    metadata = {"format": FORMAT, "faces": str(len(chips))}
    save_file({name: value.astype(np.float16) for name, value in tensors.items()}, arguments.out, metadata)
    sys.stderr.write(f"{arguments.out}: {len(chips)} rendered heads\n")
    return 0


def eigenfaces(chips: Float, count: int) -> dict[str, Float]:
    """Mean, leading directions and how far each is damped: to the spread of the last.

    Args:
        chips: (N, P) from `person.likeness.chip`.
        count: directions.
    """
    mean = chips.mean(0)
    _, strengths, directions = np.linalg.svd(chips - mean, full_matrices=False)
    kept = np.ascontiguousarray(directions[:count])
    return {"mean": mean, "components": kept, "damping": strengths[count - 1] / strengths[:count]}


def _chips(folder: Path, most: int) -> Iterator[Float]:
    """A chip of each person, of the canvas picture."""
    tracker, shape = NativeTracker.load(), chip_shape(load_basis(weight_path(SHAPE_BASIS)))
    found = 0
    for index in sorted(folder.glob("*-index.npy")):
        sources = np.load(str(index).replace("-index", "-sources"), mmap_mode="r")
        for first in np.unique(np.load(index)[:, 0]):
            pixels = np.ascontiguousarray(sources[first][..., :3])
            face = tracker.refine(pixels, _FACE)
            if face is None:
                continue
            yield chip(pixels, face.points, shape)
            found += 1
            if found == most:
                return


if __name__ == "__main__":
    sys.exit(main())
