"""The block that all of the generator is made of: a convolution whose channels the person embedding scales and shifts.

Adaptive instance normalisation (Huang & Belongie 2017; Zakharov et al. 2019) without the normalisation: dividing by the
statistics of a frame makes a dark picture as bright as any, makes colours depend on what else is in the frame, and
differs between the patches that training sees and whole frames. What the embedding does to channels is the same.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class Modulated(nn.Module):
    """Convolution 3x3, channels scaled and shifted by the embedding, leaky rectifier; a residual where shapes allow."""

    def __init__(self, inputs: int, outputs: int, embedding: int, *, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.style = nn.Linear(embedding, 2 * outputs)
        self.is_residual = inputs == outputs and stride == 1
        nn.init.kaiming_normal_(self.convolution.weight, 0.2)
        nn.init.zeros_(cast(Tensor, self.convolution.bias))
        nn.init.normal_(self.style.weight, std=0.02)
        nn.init.zeros_(self.style.bias)
        if self.is_residual:
            with torch.no_grad():
                self.convolution.weight.mul_(0.3)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(B, outputs, H, W) from (B, inputs, H, W) and (B, E)."""
        scale, shift = self.style(embedding)[..., None, None].chunk(2, 1)
        made = functional.leaky_relu(self.convolution(x) * (1 + scale) + shift, 0.2)
        return x + made if self.is_residual else made
