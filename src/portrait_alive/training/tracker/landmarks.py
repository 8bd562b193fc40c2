"""Teach the landmark network.

    python -m portrait_alive.training.tracker.landmarks --heads cache/heads --taught cache/taught --out runs/tracker

Resumes from `runs/tracker/last.pt` when it is there; writes `tracker.safetensors` (averaged weights) beside it. See
docs/tracking.md for the data recipe.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from portrait_alive.nets.landmark_net import LandmarkNet, LandmarkNetConfig
from portrait_alive.shape import topology
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.training.tracker.beards import BeardedFaces
from portrait_alive.training.tracker.loop import Batch, State, add_arguments, save_weights, train
from portrait_alive.training.tracker.samples import (
    EitherFaces,
    FaceSamples,
    LabelledFaces,
    Mixture,
    RenderedFaces,
    TaughtFaces,
)
from portrait_alive.weights import TRACKER

_TURNED_SHARE = 0.35
"""Of the real faces; the rest stand as the teacher saw them."""
_MIXED_SHARE = 0.5
"""Of the rest."""
_BEARDED_SHARE = 0.25
"""Of the real faces."""
_CENTRE_WEIGHT = 2.0
_HEAVY = {"eyes": 2.0, "irises": 2.5, "mouth": 2.0, "brows": 1.3, "contour": 1.2}


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", type=Path, required=True, help="folder of rendered shards")
    parser.add_argument("--taught", type=Path, required=True, help="folder made by ...tracker.teacher")
    parser.add_argument("--turned", type=Path, help="folder made by ...tracker.turned_faces from the taught")
    parser.add_argument("--mixed", type=Path, help="folder made by ...tracker.mixed_faces from the taught")
    parser.add_argument("--held-out", type=Path, help="such a folder of held-out faces, for the curve")
    parser.add_argument(
        "--last-layers",
        action="store_true",
        help="with --start: teach only what reads the features, a quarter of the weights",
    )
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.last_layers and not arguments.start:
        parser.error("--last-layers goes on from weights: name them with --start")
    torch.manual_seed(arguments.seed)
    config = LandmarkNetConfig()
    net = LandmarkNet(config)
    if arguments.last_layers:
        hold_features(net)
    taught: LabelledFaces = TaughtFaces(arguments.taught)
    if arguments.mixed:
        taught = EitherFaces(taught, TaughtFaces(arguments.mixed), _MIXED_SHARE)
    if arguments.turned:
        taught = EitherFaces(taught, TaughtFaces(arguments.turned), _TURNED_SHARE)
    taught = BeardedFaces(taught, _BEARDED_SHARE)
    mirror = np.array(topology.MIRROR)

    def batches(first: int) -> Iterable[Batch]:
        samples = FaceSamples(
            RenderedFaces(arguments.heads), taught, mirror, config.crop_size, arguments.seed + first, Mixture()
        )
        return DataLoader(samples, batch_size=arguments.batch, num_workers=arguments.workers, prefetch_factor=4)

    train(
        net,
        batches,
        LandmarkLoss(),
        arguments,
        lambda state, folder: save_weights(state, folder / TRACKER, "landmark-net-2", config.as_json(), compact=True),
        (lambda state: f"held out {held_out_error(state, config, arguments.held_out):.4f}")
        if arguments.held_out
        else None,
    )
    return 0


def hold_features(net: LandmarkNet) -> None:
    """Let only what reads the features learn: their layers, and what these know of usual crops, stay as they are."""
    net.stages.requires_grad_(False).eval()


class LandmarkLoss:
    """Distance of points, of the openings of lids and lips, of depth; likelihood of the stated error; presence."""

    def __init__(self) -> None:
        weights = torch.ones(478)
        for group, weight in _HEAVY.items():
            weights[list(topology.GROUPS[group])] = weight
        self.weights = weights / weights.mean()
        self.upper = list(topology.RIGHT_EYE_UPPER + topology.LEFT_EYE_UPPER + topology.UPPER_LIP_INNER)
        self.lower = list(topology.RIGHT_EYE_LOWER + topology.LEFT_EYE_LOWER + topology.LOWER_LIP_INNER)

    def __call__(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Loss terms of a batch; crops without a face count for presence alone."""
        output = net(batch["crop"].contiguous(memory_format=torch.channels_last))
        face = batch["face"]
        share = face / face.sum().clamp(min=1)
        error = output.points - batch["points"]
        distance = (error[..., :2].square().sum(-1) + 1e-8).sqrt()  # (B, 478)
        placed = (share * (steep(distance) * self.weights.to(face.device)).mean(1)).sum()
        gap = error[:, self.lower, :2] - error[:, self.upper, :2]
        opening = (share * steep((gap.square().sum(-1) + 1e-8).sqrt()).mean(1)).sum()
        depth = (share * batch["exact"] * error[..., 2].abs().mean(1)).sum()
        # the steep loss hardly pulls at large errors, and those of a misplaced crop are all alike: weigh their mean
        centre = (share * (error[..., :2].mean(1).square().sum(-1) + 1e-8).sqrt()).sum()
        stated = (distance.detach() * torch.exp(-output.log_scale) + 2 * output.log_scale).mean(1)
        presence = functional.binary_cross_entropy_with_logits(output.presence, face)
        total = placed + 0.6 * opening + _CENTRE_WEIGHT * centre + 0.1 * depth
        total = total + 0.001 * (share * stated).sum() + 0.02 * presence
        return {"total": total, "distance": (share * distance.mean(1)).sum(), "centre": centre, "presence": presence}


def steep(distance: Tensor) -> Tensor:
    """A wing loss (Feng et al. 2018): small errors weigh more than under L1, which is what 1% needs."""
    width, curve = 0.06, 0.012
    near = width * torch.log1p(distance / curve)
    return torch.where(distance < width, near, distance - width + width * float(np.log1p(width / curve)))


def held_out_error(state: State, config: LandmarkNetConfig, folder: Path) -> float:
    """Mean distance over interocular distance on held-out faces in perfect crops."""
    crops, points = np.load(folder / "crops.npy", mmap_mode="r"), np.load(folder / "points.npy")
    net = LandmarkNet(config)
    net.load_state_dict(state)
    net.eval()
    errors = []
    for pixels, truth in zip(crops, points, strict=True):
        crop = FaceCrop.around_points(truth, config.crop_size)
        tensor = torch.from_numpy(crop.cut(np.asarray(pixels)).transpose(2, 0, 1).copy()).float()[None] / 127.5 - 1
        with torch.no_grad():
            found = net(tensor).points[0].numpy() * config.crop_size
        expected = crop.to_crop(truth)
        apart = np.linalg.norm(expected[468, :2] - expected[473, :2])
        errors.append(float(np.linalg.norm(found[:, :2] - expected[:, :2], axis=1).mean() / apart))
    return float(np.median(errors))


if __name__ == "__main__":
    sys.exit(main())
