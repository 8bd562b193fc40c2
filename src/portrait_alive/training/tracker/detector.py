"""Teach the detector.

python -m portrait_alive.training.tracker.detector --heads cache/heads --taught cache/taught --out runs/detector
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from portrait_alive.nets.detector_net import STRIDES, DetectorNet, DetectorNetConfig
from portrait_alive.shape import topology
from portrait_alive.training.tracker.loop import Batch, add_arguments, save_weights, train
from portrait_alive.training.tracker.samples import RenderedFaces, TaughtFaces
from portrait_alive.training.tracker.scenes import Scenes
from portrait_alive.weights import DETECTOR


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", type=Path, required=True, help="folder of rendered shards")
    parser.add_argument("--taught", type=Path, required=True, help="folder made by ...tracker.teacher")
    add_arguments(parser)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    config = DetectorNetConfig()
    net = DetectorNet(config)
    net.expect_few()
    mirror = np.array(topology.MIRROR)

    def batches(first: int) -> Iterable[Batch]:
        scenes = Scenes([RenderedFaces(arguments.heads), TaughtFaces(arguments.taught)], mirror, arguments.seed + first)
        return DataLoader(scenes, batch_size=arguments.batch, num_workers=arguments.workers, prefetch_factor=4)

    train(
        net,
        batches,
        detector_loss,
        arguments,
        lambda state, folder: save_weights(state, folder / DETECTOR, "detector-net-1", config.as_json()),
    )
    return 0


def detector_loss(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Focal loss of the scores (Lin et al. 2017), L1 of centre, log size and roll where a face is."""
    output = net(batch["picture"].contiguous(memory_format=torch.channels_last))
    scored, shaped = torch.zeros(()), torch.zeros(())
    faces = sum(batch[f"score{grid}"].sum() for grid in range(len(STRIDES)))
    for grid in range(len(STRIDES)):
        wanted, counted = batch[f"score{grid}"], 1 - batch[f"near{grid}"]
        raw = nn.functional.binary_cross_entropy_with_logits(output.score[grid], wanted, reduction="none")
        wrong = torch.exp(-raw)
        scored = scored + (counted * (0.25 + 0.5 * wanted) * (1 - wrong).square() * raw).sum()
        error = (output.shape[grid] - batch[f"shape{grid}"]).abs().sum(1)
        shaped = shaped + (wanted * error).sum()
    share = 1.0 / torch.as_tensor(faces).clamp(min=1)
    return {"total": share * (scored + 0.3 * shaped), "score": share * scored, "shape": share * shaped}


if __name__ == "__main__":
    sys.exit(main())
