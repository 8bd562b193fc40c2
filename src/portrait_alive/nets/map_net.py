"""The map network: a small patch around a part of the face in, its points out, by a map of where each may be."""

from dataclasses import asdict, dataclass
from typing import cast

import torch
from torch import Tensor, nn

from portrait_alive.nets.landmark_net import CORRECTION, ResidualBlock, cell_places, conv_norm


@dataclass(frozen=True)
class MapNetConfig:
    """Hyperparameters; they travel in the weight file."""

    points: int
    """Points that are placed."""
    size: int = 64
    """Side of the patch in pixels; a multiple of 8."""
    widths: tuple[int, int, int] = (24, 48, 80)
    """Channels at 1/2, 1/4 and 1/8 of the patch."""

    def as_json(self) -> dict[str, object]:
        """Plain values, for a weight file's metadata."""
        return asdict(self)


class MapNet(nn.Module):
    """A small U of residual blocks; a point is the mean of its map's places, each with a correction of its own.

    What is moved in the patch moves in the map: such a network learns from far fewer faces than one whose last layer
    sees the patch as a list of numbers (`PartNet`).
    """

    def __init__(self, config: MapNetConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.widths
        self.halved = conv_norm(3, first, stride=2)
        self.fine = nn.Sequential(conv_norm(first, second, stride=2), ResidualBlock(second))
        self.coarse = nn.Sequential(conv_norm(second, third, stride=2), ResidualBlock(third), ResidualBlock(third))
        self.narrowed = nn.Conv2d(third, second, 1)
        self.both = ResidualBlock(second)
        self.maps = nn.Conv2d(second, 3 * config.points, 1)

    def forward(self, patches: Tensor) -> Tensor:
        """Points (B, N, 2), x and y in units of the patch's side, for patches (B, 3, S, S) RGB in [-1, 1]."""
        fine = self.fine(self.halved(patches)).float()
        coarse = self.narrowed(self.coarse(fine).float())
        coarse = nn.functional.interpolate(coarse.float(), scale_factor=2.0, mode="nearest")
        maps = self.maps(self.both(fine + coarse).float())
        with torch.autocast(patches.device.type, enabled=False):  # bfloat16 would put points on a coarse grid
            rows, columns = maps.shape[-2:]
            maps = maps.float().unflatten(1, (self.config.points, 3)).flatten(3)  # (B, N, 3, cells)
            share = torch.softmax(maps[:, :, 0], -1)
            places = cell_places(rows, columns, maps.device)
            return cast(Tensor, ((places + CORRECTION * maps[:, :, 1:]) * share[:, :, None]).sum(-1))
