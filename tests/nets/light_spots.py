"""Pictures of one light spot, for networks that say where things are."""

import torch
from torch import Tensor


def spots(at: Tensor, size: int) -> Tensor:
    """(B, 3, size, size) dark pictures with a light spot at places (B, 2), in their sides."""
    middles = (torch.arange(size) + 0.5) / size
    away = torch.stack(torch.meshgrid(middles, middles, indexing="xy"), -1) - at[:, None, None]
    return (2 * torch.exp(-away.square().sum(-1) / (2 * 0.05**2)) - 1)[:, None].expand(-1, 3, -1, -1)
