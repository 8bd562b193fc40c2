"""The discriminator: is this patch of a frame real, does it agree with its landmarks, is it this person?"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Hyperparameters."""

    planes: int = 6
    """Colours and landmark image."""
    widths: tuple[int, ...] = (32, 64, 128, 192)
    """Channels at 1/2, 1/4, 1/8 and 1/16."""
    embedding: int = 128

    def as_json(self) -> dict[str, object]:
        """Plain values, for a checkpoint."""
        return asdict(self)


class Discriminator(nn.Module):
    """A projection discriminator (Miyato & Koyama 2018) with spectral norm.

    The paper gives each training person a vector of their own, learned from scratch, which needs each to come back
    hundreds of times. Here it is a linear image of the embedding, as for a person that is newly tuned.
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        stages: list[nn.Module] = []
        channels = config.planes
        for width in config.widths:
            stages.append(spectral_norm(nn.Conv2d(channels, width, 4, 2, 1)))
            channels = width
        self.stages = nn.ModuleList(stages)
        self.score = spectral_norm(nn.Conv2d(channels, 1, 1))
        self.person = spectral_norm(nn.Linear(config.embedding, channels))

    def forward(self, pictures: Tensor, landmarks: Tensor, embedding: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores (B, 1, h, w), and the features of each stage for feature matching.

        Args:
            pictures: (B, 3, H, W) in [-1, 1].
            landmarks: (B, 3, H, W) landmark images.
            embedding: (B, E), of other frames of the same person.
        """
        x = torch.cat([pictures, landmarks], 1)
        features = []
        for stage in self.stages:
            x = functional.leaky_relu(stage(x), 0.2)
            features.append(x)
        likeness = (x * self.person(embedding)[..., None, None]).sum(1, keepdim=True) / x.shape[1] ** 0.5
        return self.score(x) + likeness, features
