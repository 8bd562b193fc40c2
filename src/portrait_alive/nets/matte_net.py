"""The matte network: a picture around a head in, shares of background, body, head and occluder out."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from portrait_alive.nets.landmark_net import ResidualBlock, conv_norm

CLASSES = ("background", "body", "head", "occluder")
"""Head includes hair, hat and ears; body, neck and clothes; occluders are hands, veils, frames."""
INPUT_CHANNELS = 5
"""RGB, and where the face is: the mesh's mask, and distance from the face in face heights."""


@dataclass(frozen=True)
class MatteNetConfig:
    """Hyperparameters; they travel in the weight file."""

    size: int = 256
    """Side of the input in pixels; a multiple of 32."""
    margin: float = 2.8
    """Side of the input over the larger side of the face mesh."""
    widths: tuple[int, ...] = (12, 24, 40, 64, 96)
    """Channels at 1/2, 1/4, 1/8, 1/16 and 1/32."""

    def as_json(self) -> dict[str, object]:
        """Plain values, for a weight file's metadata."""
        return asdict(self)


class MatteNet(nn.Module):
    """A small U-Net (Ronneberger et al. 2015)."""

    def __init__(self, config: MatteNetConfig) -> None:
        super().__init__()
        self.config = config
        down: list[nn.Module] = []
        channels = INPUT_CHANNELS
        for depth, width in enumerate(config.widths):
            stage = [conv_norm(channels, width, stride=2)] + ([ResidualBlock(width)] if depth else [])
            down.append(nn.Sequential(*stage))
            channels = width
        self.down = nn.ModuleList(down)
        self.up = nn.ModuleList(
            nn.Sequential(conv_norm(coarse + fine, fine), *([ResidualBlock(fine)] if fine > config.widths[0] else []))
            for fine, coarse in zip(config.widths[-2::-1], config.widths[:0:-1], strict=True)
        )
        self.last = nn.Conv2d(config.widths[0], 4 * len(CLASSES), 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (B, 4, S, S) of the classes for pictures (B, 5, S, S): RGB in [-1, 1] and the face's place."""
        features, skips = pictures, []
        for stage in self.down:
            features = stage(features)
            skips.append(features)
        for stage, skip in zip(self.up, skips[-2::-1], strict=True):
            wider = nn.functional.interpolate(features, scale_factor=2.0)
            features = stage(torch.cat([wider, skip], 1))
        return nn.functional.pixel_shuffle(self.last(features.float()), 2)
