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
    grid: int = 3
    """Rows and columns of places whose mean is taken: a face lies alike in every view, its mouth below its eyes."""

    def as_json(self) -> dict[str, object]:
        """Plain values, for a weight file's metadata."""
        return asdict(self)


class Embedder(nn.Module):
    """Strided convolutions, averaged over places of the view; sources are embedded apart and averaged.

    The paper sums over the whole picture. Its sources are as loosely framed as its frames; ours are cut by the face.
    """

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
        self.head = nn.Linear(channels * config.grid**2, config.embedding)
        # torch's own start halves the signal at each of the eight layers: all people would be the same to six digits,
        # and nothing would ever be learnt of them
        for layer in stages:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, 0.2)
                nn.init.zeros_(cast(Tensor, layer.bias))
        nn.init.normal_(self.head.weight, std=3 * (channels * config.grid**2) ** -0.5)
        nn.init.zeros_(self.head.bias)

    def forward(self, sources: Tensor) -> Tensor:
        """Person embeddings (B, E) of sources (B, K, 6, V, V) in [-1, 1]."""
        count = sources.shape[1]
        # the mean of four pixels, twice as fast as pooling
        halved = functional.interpolate(sources.flatten(0, 1), scale_factor=0.5, mode="bilinear")
        seen = functional.adaptive_avg_pool2d(self.body(halved), self.config.grid).flatten(1)
        return cast(Tensor, self.head(seen).float().unflatten(0, (-1, count)).mean(1))
