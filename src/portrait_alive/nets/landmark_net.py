"""The landmark network: an upright face crop in, 478 points with depth, confidence and a face-present score out."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from portrait_alive.types import MESH_POINTS

_WORDS = 4
"""What is said of a point beside its map: corrections in x and y, depth, log of the expected error."""
CORRECTION = 0.2
"""Sides of a crop or patch by which a word of 1 moves a point."""
_USUAL_LOG_SCALE = -3.0
"""The expected error that a word of 0 means."""


@dataclass(frozen=True)
class LandmarkNetConfig:
    """Hyperparameters; they travel in the weight file."""

    crop_size: int = 128
    """Side of the input in pixels; a multiple of 32."""
    widths: tuple[int, ...] = (16, 32, 64, 96, 96)
    """Channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the crop."""
    blocks: tuple[int, ...] = (0, 1, 2, 1, 1)
    """Residual blocks at each of these."""
    coarse: int = 2
    """How many of these are coarser than the maps."""

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
    """A small U of residual blocks; each point is where its own map of the crop says, on the mean, with a correction.

    The corrections, depth and expected error are linear in the features, so their means by a map's shares are those of
    the mean features: one product with all maps gives them for all points. What moves in the crop moves in the maps.
    Such a network learns from far fewer faces than one whose last layer sees the crop as a list of numbers.
    """

    def __init__(self, config: LandmarkNetConfig) -> None:
        super().__init__()
        self.config = config
        stages: list[nn.Module] = []
        channels = 3
        for width, blocks in zip(config.widths, config.blocks, strict=True):
            down = [conv_norm(channels, width, stride=2), *(ResidualBlock(width) for _ in range(blocks))]
            stages.append(nn.Sequential(*down))
            channels = width
        self.stages = nn.ModuleList(stages)
        self.presence = nn.Linear(channels, 1)
        finer = config.widths[-2 : -2 - config.coarse : -1]
        self.narrowed = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1) for coarse, fine in zip((channels, *finer), finer, strict=False)
        )
        channels = finer[-1]
        self.both = ResidualBlock(channels)
        self.maps = nn.Parameter(torch.randn(MESH_POINTS, channels) / channels**0.5)
        self.words = nn.Parameter(torch.randn(MESH_POINTS, channels, _WORDS) * (0.1 / channels**0.5))
        self.always = nn.Parameter(torch.zeros(MESH_POINTS, _WORDS))

    def forward(self, crops: Tensor) -> LandmarkOutput:
        """Landmarks of crops (B, 3, S, S) RGB in [-1, 1]."""
        seen = [crops]
        for stage in self.stages:
            seen.append(stage(seen[-1]))
        features = seen.pop().float()
        presence = self.presence(features.mean((2, 3)))[:, 0]
        for narrowed in self.narrowed:
            features = nn.functional.interpolate(narrowed(features).float(), scale_factor=2.0, mode="nearest")
            features = features + seen.pop().float()
        features = self.both(features).float().contiguous()  # rows of cells, as the products below like them
        # the last layers never in bfloat16: it would put points on a grid of half a pixel
        with torch.autocast(crops.device.type, enabled=False):
            batch, channels, rows, columns = features.shape
            places = cell_places(rows, columns, crops.device)
            cells = features.flatten(2)  # (B, channels, cells)
            share = torch.softmax(self.maps @ cells, -1)  # (B, 478, cells)
            met = share @ torch.cat([cells, places.expand(batch, -1, -1)], 1).mT  # (B, 478, channels + 2)
            words = torch.einsum("bnc,ncw->bnw", met[..., :channels], self.words) + self.always
            flat = met[..., channels:] + CORRECTION * words[..., :2]
            points = torch.cat([flat, CORRECTION * words[..., 2:3]], -1)
            return LandmarkOutput(points, _USUAL_LOG_SCALE + words[..., 3], presence)


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


def cell_places(rows: int, columns: int, device: torch.device) -> Tensor:
    """(2, rows * columns) x and y of the middles of a map's cells, row by row, in sides of the map."""
    y, x = ((torch.arange(count, device=device) + 0.5) / count for count in (rows, columns))
    return torch.stack([x.repeat(rows), y.repeat_interleave(columns)])
