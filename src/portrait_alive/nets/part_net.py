"""The part network: a small patch around an eye or the mouth in, its points out, finer than the whole face's view."""

from dataclasses import asdict, dataclass
from typing import cast

import torch
from torch import Tensor, nn

from portrait_alive.nets.landmark_net import ResidualBlock, conv_norm


@dataclass(frozen=True)
class PartNetConfig:
    """Hyperparameters; they travel in the weight file."""

    points: int
    """Points that are placed."""
    size: int = 48
    """Side of the patch in pixels; a multiple of 8."""
    widths: tuple[int, ...] = (24, 48, 80)
    """Channels at 1/2, 1/4 and 1/8 of the patch."""
    hidden: int = 160
    """Width of the fully connected layer."""

    def as_json(self) -> dict[str, object]:
        """Plain values, for a weight file's metadata."""
        return asdict(self)


class PartNet(nn.Module):
    """Three strided stages, each after the first with a residual block, and a fully connected layer."""

    def __init__(self, config: PartNetConfig) -> None:
        super().__init__()
        self.config = config
        stages: list[nn.Module] = []
        channels = 3
        for depth, width in enumerate(config.widths):
            stages.append(conv_norm(channels, width, stride=2))
            if depth:
                stages.append(ResidualBlock(width))
            channels = width
        grid = config.size // 2 ** len(config.widths)
        self.body = nn.Sequential(*stages)
        self.whole = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * grid * grid, config.hidden), nn.ReLU(inplace=True)
        )
        self.points = nn.Linear(config.hidden, config.points * 2)

    def forward(self, patches: Tensor) -> Tensor:
        """Points (B, N, 2), x and y in units of the patch's side, for patches (B, 3, S, S) RGB in [-1, 1]."""
        features = self.whole(self.body(patches).float()).float()
        with torch.autocast(patches.device.type, enabled=False):  # bfloat16 would put points on a coarse grid
            found = self.points(features)
        return cast(Tensor, found.unflatten(1, (self.config.points, 2)))

    def start_from(self, mean: Tensor) -> None:
        """Let the untrained network answer with a mean shape (N, 2)."""
        with torch.no_grad():
            self.points.weight.mul_(0.1)
            self.points.bias.copy_(mean.flatten())
