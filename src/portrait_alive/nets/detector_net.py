"""The detector: a whole picture in, on four grids a face score, centre, size and roll for every cell."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from portrait_alive.nets.landmark_net import ResidualBlock, conv_norm

STRIDES = (8, 16, 32, 64)
"""Pixels per cell of each grid."""
SIZE_PER_STRIDE = 3.5
"""A face of this many cells across sits in the middle of a grid's range; each grid covers a factor of two."""


@dataclass(frozen=True)
class DetectorNetConfig:
    """Hyperparameters; they travel in the weight file."""

    widths: tuple[int, ...] = (12, 24, 32, 48, 64, 64)
    """Channels at 1/2, 1/4 ... 1/64 of the picture."""
    blocks: tuple[int, ...] = (0, 1, 1, 1, 1, 1)
    """Residual blocks at each of these."""

    def as_json(self) -> dict[str, object]:
        """Plain values, for a weight file's metadata."""
        return asdict(self)


class DetectorOutput(NamedTuple):
    """One entry a grid, finest first."""

    score: list[Tensor]
    """(B, H, W) logits that a face of the grid's range is centred in or near the cell."""
    shape: list[Tensor]
    """(B, 5, H, W): offset of the face's centre from the cell's in cells (x, y), log of size over
    SIZE_PER_STRIDE * stride, cosine and sine of the roll (clockwise)."""


class DetectorNet(nn.Module):
    """A small pyramid without anchors, after FCOS (Tian et al. 2019)."""

    def __init__(self, config: DetectorNetConfig) -> None:
        super().__init__()
        self.config = config
        stages: list[nn.Module] = []
        channels = 3
        for width, blocks in zip(config.widths, config.blocks, strict=True):
            stages.append(
                nn.Sequential(conv_norm(channels, width, stride=2), *[ResidualBlock(width) for _ in range(blocks)])
            )
            channels = width
        self.stages = nn.ModuleList(stages)
        self.heads = nn.ModuleList(
            nn.Sequential(conv_norm(w, w), nn.Conv2d(w, 6, 1)) for w in config.widths[-len(STRIDES) :]
        )
        self.coarser = nn.ModuleList(
            nn.Conv2d(wide, fine, 1)
            for fine, wide in zip(config.widths[-len(STRIDES) : -1], config.widths[-3:], strict=True)
        )

    def forward(self, pictures: Tensor) -> DetectorOutput:
        """Grids for pictures (B, 3, H, W) RGB in [-1, 1], sides multiples of 64."""
        features, pyramid = pictures, []
        for stage in self.stages:
            features = stage(features)
            pyramid.append(features)
        levels = pyramid[-len(STRIDES) :]
        for index in range(len(levels) - 2, -1, -1):  # what is around a small face is known one grid up
            above = nn.functional.interpolate(self.coarser[index](levels[index + 1].float()), scale_factor=2.0)
            levels[index] = levels[index] + above
        grids = [
            last(near(level).float())  # (B, 6, H, W)
            for (near, last), level in zip(cast(Iterable[nn.Sequential], self.heads), levels, strict=True)
        ]
        return DetectorOutput([grid[:, 0] for grid in grids], [grid[:, 1:] for grid in grids])

    def expect_few(self) -> None:
        """Start with the belief that a face is rare, so that the first steps are not spent on background."""
        with torch.no_grad():
            for head in self.heads:
                last = head[-1]  # type: ignore[index]
                last.weight.mul_(0.1)
                last.bias.zero_()
                last.bias[0] = -4.0
