"""The landmark network: an upright face crop in, 478 points with depth, confidence and a face-present score out."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from portrait_alive.types import MESH_POINTS


@dataclass(frozen=True)
class LandmarkNetConfig:
    """Hyperparameters; they travel in the weight file."""

    crop_size: int = 128
    """Side of the input in pixels; a multiple of 32."""
    widths: tuple[int, ...] = (16, 32, 64, 128, 192)
    """Channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the crop."""
    blocks: tuple[int, ...] = (0, 1, 2, 2, 1)
    """Residual blocks at each of these."""
    hidden: int = 384
    """Width of the fully connected layer that sees the whole face."""

    def as_json(self) -> dict[str, object]:
        """Plain values, for a weight file's metadata."""
        return asdict(self)


class LandmarkOutput(NamedTuple):
    """What the network says of each crop."""

    points: Tensor
    """(B, 478, 3) x, y, z in units of the crop's side; x and y in 0..1 inside the crop."""
    log_scale: Tensor
    """(B, 478) log of the expected distance error of each point, in the same units."""
    presence: Tensor
    """(B,) logit that the crop holds a face."""


class LandmarkNet(nn.Module):
    """A plain residual CNN under a fully connected layer, which sees the whole face and so places hidden points too."""

    def __init__(self, config: LandmarkNetConfig) -> None:
        super().__init__()
        self.config = config
        stages: list[nn.Module] = []
        channels = 3
        for width, blocks in zip(config.widths, config.blocks, strict=True):
            stages.append(conv_norm(channels, width, stride=2))
            stages += [ResidualBlock(width) for _ in range(blocks)]
            channels = width
        self.body = nn.Sequential(*stages)
        grid = config.crop_size // 2 ** len(config.widths)
        self.whole = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * grid * grid, config.hidden), nn.ReLU(inplace=True)
        )
        self.points = nn.Linear(config.hidden, MESH_POINTS * 3)
        self.log_scale = nn.Linear(config.hidden, MESH_POINTS)
        self.presence = nn.Linear(config.hidden, 1)

    def forward(self, crops: Tensor) -> LandmarkOutput:
        """Landmarks of crops (B, 3, S, S) RGB in [-1, 1]."""
        features = self.whole(self.body(crops).float()).float()  # (B, hidden)
        # the last layers never in bfloat16: it would put points on a grid of half a pixel
        with torch.autocast(crops.device.type, enabled=False):
            points = self.points(features).unflatten(1, (MESH_POINTS, 3))  # (B, 478, 3)
            return LandmarkOutput(points, self.log_scale(features), self.presence(features)[:, 0])

    def start_from(self, mean: Tensor) -> None:
        """Let the untrained network answer with a mean face (478, 3), in units of the crop's side."""
        with torch.no_grad():
            self.points.weight.mul_(0.1)
            self.points.bias.copy_(mean.flatten())
            self.log_scale.weight.mul_(0.1)
            self.log_scale.bias.fill_(-3.0)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv_norm(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        return torch.relu(features + self.second(self.first(features)))


def conv_norm(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
