"""LPIPS as a loss: the same distance as the judge's, with its gradient worked out by hand.

Most of the time of a step on a CPU goes into comparing features, not into convolutions. Written out, comparison and
gradient pass over them a third as often as automatic differentiation does.
"""

from typing import Any, cast

import torch
from torch import Tensor

from portrait_alive.evaluation.lpips import Lpips

_SMALL = 1e-10


def perceptual_distance(net: Lpips, made: Tensor, truth: Tensor) -> Tensor:
    """LPIPS (B,) of pictures (B, 3, H, W) in [-1, 1]; only `made` gets a gradient.

    Args:
        net: its convolutions may run in bfloat16 under autocast; features are compared in fp32.
        made: what was made.
        truth: what it should be.
    """
    with torch.no_grad():
        wanted = net.describe(truth)
    layers = [
        cast(Tensor, _TapDistance.apply(one.float(), other.float(), head))  # type: ignore[no-untyped-call]
        for one, other, head in zip(net.taps(made), wanted, net.heads, strict=True)
    ]
    return torch.stack(layers).sum(0)


class _TapDistance(torch.autograd.Function):
    """Weighted squared distance (B,) of features (B, C, H, W) brought to unit length from features that have it."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, wanted: Tensor, head: Tensor) -> Tensor:
        length = features.square().sum(1, keepdim=True).sqrt_().add_(_SMALL)
        unit = features / length
        difference = unit - wanted
        pull = difference * (2 * head)
        distance = difference.mul_(pull).sum(1).mean((1, 2)) / 2
        # along the features nothing changes: they are brought to unit length
        along = (unit * pull).sum(1, keepdim=True)
        pull.addcmul_(unit, along, value=-1).div_(length * (features.shape[2] * features.shape[3]))
        ctx.save_for_backward(pull)
        return distance

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (pull,) = ctx.saved_tensors
        return pull * grads[0][:, None, None, None], None, None
