"""The embedder: source pictures with their landmark images in, the person embedding out."""

from dataclasses import asdict, dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class EmbedderConfig:
    """Hyperparameters; they travel in the weight file."""

    planes: int = 6
    """Colours and landmark image of a source."""
    widths: tuple[int, ...] = (24, 48, 96, 128)
    """Channels at 1/4, 1/8, 1/16 and 1/32 of the view."""
    embedding: int = 128

    def as_json(self) -> dict[str, object]:
        """Plain values, for a weight file's metadata."""
        return asdict(self)


class Embedder(nn.Module):
    """Strided convolutions, summed over the picture as in the paper; sources are embedded apart and averaged."""

    def __init__(self, config: EmbedderConfig) -> None:
        super().__init__()
        self.config = config
        stages: list[nn.Module] = []
        channels = config.planes
        for width in config.widths:
            stages += [nn.Conv2d(channels, width, 3, 2, 1), nn.LeakyReLU(0.2)]
            stages += [nn.Conv2d(width, width, 3, 1, 1), nn.LeakyReLU(0.2)]
            channels = width
        self.body = nn.Sequential(*stages)
        self.head = nn.Linear(channels, config.embedding)

    def forward(self, sources: Tensor) -> Tensor:
        """Person embeddings (B, E) of sources (B, K, 6, V, V) in [-1, 1]."""
        count = sources.shape[1]
        halved = functional.avg_pool2d(sources.flatten(0, 1), 2)
        seen = self.body(halved).mean((2, 3))
        return cast(Tensor, self.head(seen).unflatten(0, (-1, count)).mean(1))
