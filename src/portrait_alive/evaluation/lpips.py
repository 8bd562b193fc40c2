"""How different two pictures look: LPIPS v0.1 with SqueezeNet 1.1.

Zhang et al.: The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (CVPR 2018).
The layers are written out here; the weights come from files that the user has: the features under torchvision's names
and the linear heads under the names of the authors' repository.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from portrait_alive.evaluation.checkpoints import load_parameters, read_checkpoint
from portrait_alive.types import Bytes, Float

_TAP_CHANNELS = (64, 128, 256, 384, 384, 512, 512)
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
"""ImageNet's mean and spread for pictures in [-1, 1], as the authors' scaling layer has them."""


class _Fire(nn.Module):
    """SqueezeNet's block: squeeze to few channels, expand with 1x1 and 3x3 side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat((self.expand1x1(x).relu(), self.expand3x3(x).relu()), 1)


def _squeezenet_layers() -> list[nn.Module]:
    """SqueezeNet 1.1's feature layers, numbered as torchvision numbers them."""
    return [
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        _Fire(64, 16, 64),
        _Fire(128, 16, 64),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        _Fire(128, 32, 128),
        _Fire(256, 32, 128),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        _Fire(256, 48, 192),
        _Fire(384, 48, 192),
        _Fire(384, 64, 256),
        _Fire(512, 64, 256),
    ]


class Lpips(nn.Module):
    """LPIPS distance network; build it with `load_lpips`."""

    _TAPS = (1, 4, 7, 9, 10, 11, 12)
    """Layers after which the features are compared."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*_squeezenet_layers())
        self.heads = nn.ParameterList([nn.Parameter(torch.zeros(1, c, 1, 1)) for c in _TAP_CHANNELS])
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1))

    def describe(self, pictures: Tensor) -> list[Tensor]:
        """Unit-length features of `pictures`, one tensor for each compared layer.

        Args:
            pictures: (B, 3, H, W) in [-1, 1], sRGB; H and W at least 32.
        """
        return [tap / (tap.square().sum(1, keepdim=True).sqrt() + 1e-10) for tap in self.taps(pictures)]

    def taps(self, pictures: Tensor) -> list[Tensor]:
        """The compared layers' features of `pictures` as they are, see `describe`."""
        x = (pictures - self.shift) / self.scale
        taps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self._TAPS:
                taps.append(x)
        return taps

    def compare(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
        """Distance (B,) between two descriptions from `describe`."""
        layers = [
            ((a - b).square() * head).sum(1).mean((1, 2)) for a, b, head in zip(first, second, self.heads, strict=True)
        ]
        return torch.stack(layers).sum(0)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Distance (B,) between pictures (B, 3, H, W) in [-1, 1]; 0 where they are equal."""
        return self.compare(self.describe(first), self.describe(second))

    @torch.inference_mode()
    def distances(self, first: Sequence[Bytes], second: Sequence[Bytes], batch: int = 8) -> Float:
        """Distance of each pair of pictures.

        Args:
            first, second: equally many (H, W, 3) uint8 sRGB pictures of one size.
            batch: pairs per forward pass.

        Returns:
            (N,) float32, 0 for equal pictures; about 0.7 for unrelated ones.
        """
        parts = [
            self(_tensor(first[start : start + batch]), _tensor(second[start : start + batch]))
            for start in range(0, len(first), batch)
        ]
        return torch.cat(parts).numpy() if parts else np.zeros(0, np.float32)


def _tensor(pictures: Sequence[Bytes]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def load_lpips(features: Path, heads: Path) -> Lpips:
    """LPIPS with the weights of two files, ready for measuring (no gradients).

    Args:
        features: state dict of SqueezeNet 1.1, torchvision's names (a classifier in it is ignored).
        heads: state dict of the linear heads, `lin0.model.1.weight` to `lin6.model.1.weight`.

    Raises:
        UnreadableInputError: a file is missing, damaged or holds something else.
    """
    network = Lpips()
    trunk = {k: v for k, v in read_checkpoint(features).items() if k.startswith("features.")}
    linear: Mapping[str, Tensor] = {
        f"heads.{i}": v
        for i in range(len(_TAP_CHANNELS))
        if (v := read_checkpoint(heads).get(f"lin{i}.model.1.weight")) is not None
    }
    constants = {"shift": network.shift, "scale": network.scale}
    load_parameters(network, {**trunk, **linear, **constants}, features, heads)
    return network
