"""Teach the matte network on rendered heads put before real and rendered backgrounds.

python -m portrait_alive.training.tracker.matte --heads cache/heads --taught cache/taught --out runs/matte
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from portrait_alive.nets.matte_net import CLASSES, MatteNet, MatteNetConfig
from portrait_alive.shape import topology
from portrait_alive.tracking.matte import head_crop, matte_input
from portrait_alive.training.tracker.augment import spoil
from portrait_alive.training.tracker.hands import put_hand_before
from portrait_alive.training.tracker.loop import Batch, add_arguments, save_weights, train
from portrait_alive.training.tracker.samples import TaughtFaces, faceless_crop
from portrait_alive.types import Bytes, Float
from portrait_alive.weights import MATTE

_HANDS = 0.3
"""Share of samples that get a hand, or something else, before the face; few rendered heads have one."""
_MIRROR = np.array(topology.MIRROR)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", type=Path, required=True, help="folder of rendered shards with mattes")
    parser.add_argument("--taught", type=Path, required=True, help="folder of real crops, for backgrounds")
    parser.add_argument(
        "--size", type=int, default=MatteNetConfig.size, help="side of the crops, in training as in use; multiple of 32"
    )
    add_arguments(parser)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    config = MatteNetConfig(size=arguments.size)

    def batches(first: int) -> Iterable[Batch]:
        scenes = MatteScenes(arguments.heads, arguments.taught, arguments.size, config.margin, arguments.seed + first)
        return DataLoader(scenes, batch_size=arguments.batch, num_workers=arguments.workers, prefetch_factor=4)

    train(
        MatteNet(config),
        batches,
        matte_loss,
        arguments,
        lambda state, folder: save_weights(state, folder / MATTE, "matte-net-1", config.as_json()),
    )
    return 0


def matte_loss(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Cross entropy with soft shares, heavier along edges; and the head's soft overlap (Dice)."""
    logits = net(batch["seen"].contiguous(memory_format=torch.channels_last))
    shares = batch["shares"]
    edge = nn.functional.max_pool2d(shares, 5, 1, 2) + nn.functional.max_pool2d(-shares, 5, 1, 2)
    weight = 1 + 2 * edge.amax(1)
    entropy = (weight * -(shares * torch.log_softmax(logits, 1)).sum(1)).mean()
    head, truth = torch.softmax(logits, 1)[:, 2], shares[:, 2]
    both = (head * truth).sum((1, 2))
    dice = 1 - ((2 * both + 1) / (head.square().sum((1, 2)) + truth.square().sum((1, 2)) + 1)).mean()
    return {"total": entropy + 0.5 * dice, "entropy": entropy, "dice": dice}


class MatteScenes(IterableDataset[dict[str, Tensor]]):
    """Rendered sitters with their true mattes, half of them before another background."""

    def __init__(self, heads: Path, taught: Path, size: int, margin: float, seed: int) -> None:
        self.points = [np.load(path, mmap_mode="r") for path in sorted(heads.glob("*-points.npy"))]
        self.pixels = [np.load(path, mmap_mode="r") for path in sorted(heads.glob("*-rgb.npy"))]
        self.mattes = [np.load(path, mmap_mode="r") for path in sorted(heads.glob("*-matte.npy"))]
        self.taught, self.size, self.margin, self.seed = TaughtFaces(taught), size, margin, seed

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """Samples: `seen` (5, S, S) as `matte_input` makes it, `shares` (4, S, S)."""
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            pixels, shares, points = self._placed(rng)
            wrong = points[:, :2] + rng.normal(0, 0.004, 2) * self.size  # a tracked mesh is never exact
            seen = matte_input(spoil(rng, pixels, occluded=0.0), wrong.astype(np.float32))
            yield {
                "seen": torch.from_numpy(seen.transpose(2, 0, 1).copy()),
                "shares": torch.from_numpy(shares.transpose(2, 0, 1).copy()),
            }

    def _placed(self, rng: np.random.Generator) -> tuple[Bytes, Float, Float]:
        shard = int(rng.integers(len(self.points)))
        index = int(rng.integers(len(self.points[shard])))
        pixels = np.asarray(self.pixels[shard][index])
        matte = np.asarray(self.mattes[shard][index])
        points = np.asarray(self.points[shard][index])
        if rng.random() < 0.5:
            pixels, matte = np.ascontiguousarray(pixels[:, ::-1]), np.ascontiguousarray(matte[:, ::-1])
            points = points[_MIRROR] * np.array([-1, 1, 1], np.float32) + np.array([pixels.shape[1], 0, 0], np.float32)
        if rng.random() < 0.6:
            background = self._background(rng, pixels.shape[0])
            share = matte[..., :1].astype(np.float32) / 255
            pixels = (pixels * (1 - share) + background * share).astype(np.uint8)
        margin = self.margin * float(np.exp(rng.normal(-0.05, 0.12)))
        crop = head_crop(points + rng.normal(0, 3, 3).astype(np.float32), self.size, margin)
        # beyond the rendered picture its edge is repeated, in picture and matte alike, as at a painting's edge
        shares = crop.cut(matte).astype(np.float32)
        total = np.maximum(shares.sum(2, keepdims=True), 1)
        seen, shares, points = crop.cut(pixels), shares / total, crop.to_crop(points)
        if rng.random() < _HANDS:
            seen, hand = put_hand_before(rng, seen, points)
            shares *= 1 - hand[..., None]
            shares[..., CLASSES.index("occluder")] += hand
        return seen, shares, points

    def _background(self, rng: np.random.Generator, size: int) -> Bytes:
        source, points = self.taught.draw(rng)
        if rng.random() < 0.6:
            return faceless_crop(rng, source, points, size)
        # the whole picture, blurred beyond recognition: rooms, skies, crowds
        blurred = cv2.GaussianBlur(source, (0, 0), float(rng.uniform(4, 20)))
        return cast(Bytes, cv2.resize(blurred, (size, size), interpolation=cv2.INTER_LINEAR))


if __name__ == "__main__":
    sys.exit(main())
