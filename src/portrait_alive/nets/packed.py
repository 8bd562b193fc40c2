"""Networks as a processor likes them: weights laid out once, ReLUs and shortcuts in the convolutions' own passes.

PyTorch's CPU convolutions are oneDNN's, and arrange their weights anew at every call: with matrix units, which make
bfloat16 three times faster, and few pictures at a time that takes longer than the arithmetic.
The operators used here are those that PyTorch's own compiler emits; where they are missing networks stay as they are.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from portrait_alive.nets.landmark_net import ResidualBlock

Net = TypeVar("Net", bound=nn.Module)
_WORTH = 0.75
"""Share of float32's time from which bfloat16 is worth its noise (0.04% of the interocular distance in landmarks)."""
_TRIES = 8


@dataclass(frozen=True)
class Way:
    """How convolutions run on a device."""

    packed: bool
    dtype: torch.dtype


class PackedConv(nn.Module):
    """A 3x3 convolution with ReLU, for inference on the CPU; takes any floating type and answers in its own."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, input_size: Sequence[int], dtype: torch.dtype, *, stride: int = 1
    ) -> None:
        """Of weights (C', C, 3, 3) and bias (C',); the size of its input need not be kept to."""
        super().__init__()
        self.dtype = dtype
        self.bias = None if bias is None else bias.detach().to(dtype)
        self.where = ([1, 1], [stride, stride], [1, 1], 1)  # padding, stride, dilation, groups
        # without a size of the input weights are laid out for the slowest way
        self.weight = torch.ops.aten.mkldnn_reorder_conv2d_weight(
            weight.detach().to(dtype).to_mkldnn(), *self.where, list(input_size)
        )

    @staticmethod
    def of(conv: nn.Conv2d, input_size: Sequence[int], dtype: torch.dtype) -> "PackedConv":
        """Of a convolution as `conv_norm` makes them."""
        return PackedConv(conv.weight, conv.bias, input_size, dtype, stride=conv.stride[0])

    def forward(self, features: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """ReLU of the convolution of (B, C, H, W), with (B, C', H', W') added before it where there is a shortcut."""
        features = features.to(self.dtype)
        given = (self.weight, self.bias, *self.where)
        if shortcut is None:
            return cast(Tensor, torch.ops.mkldnn._convolution_pointwise(features, *given, "relu", [], ""))
        add = torch.ops.mkldnn._convolution_pointwise.binary
        return cast(Tensor, add(features, shortcut, *given, "add", 1.0, "relu", [], ""))


class PackedBlock(nn.Module):
    """A `ResidualBlock` of packed convolutions."""

    def __init__(self, first: PackedConv, second: PackedConv) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape, in the convolutions' type."""
        features = features.to(self.first.dtype)
        return cast(Tensor, self.second(self.first(features), features))


class Cast(nn.Module):
    """Convolutions whose weights and work are of another type; takes any floating type and answers in its own."""

    def __init__(self, inner: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner, self.dtype = inner.to(dtype), dtype

    def forward(self, features: Tensor) -> Tensor:
        """What the convolutions make of (B, C, H, W)."""
        return cast(Tensor, self.inner(features.to(self.dtype)))


def quickened(net: Net, example: Tensor) -> Net:
    """The network, whose convolutions run as fast as the device can; it is changed, and is for inference only.

    What it computes stays the same but for rounding: 3x3 convolutions under a ReLU may work, and then answer, in
    bfloat16; all other layers, those that say places among them, are left in float32.

    Args:
        net: from `load_net`, of `conv_norm`s and `ResidualBlock`s.
        example: a batch as large as will often come; other sizes work as well.
    """
    way = fastest_way(example.device.type)
    sizes: dict[nn.Module, torch.Size] = {}
    if way.packed:
        hooks = [
            module.register_forward_pre_hook(lambda conv, inputs: sizes.__setitem__(conv, inputs[0].shape))
            for module in net.modules()
            if isinstance(module, nn.Conv2d)
        ]
        with torch.inference_mode():
            net(example)
        for hook in hooks:
            hook.remove()
    if way.packed or way.dtype != torch.float32:
        _replace(net, sizes, way)
    return net


def _replace(module: nn.Module, sizes: dict[nn.Module, torch.Size], way: Way) -> None:
    for name, child in module.named_children():
        if isinstance(child, ResidualBlock) or _is_conv_norm(child):
            setattr(module, name, _packed(child, sizes, way.dtype) if way.packed else Cast(child, way.dtype))
        else:
            _replace(child, sizes, way)


def _packed(module: nn.Module, sizes: dict[nn.Module, torch.Size], dtype: torch.dtype) -> nn.Module:
    convs = [PackedConv.of(conv, sizes[conv], dtype) for conv in module.modules() if isinstance(conv, nn.Conv2d)]
    return PackedBlock(*convs) if isinstance(module, ResidualBlock) else convs[0]


def _is_conv_norm(module: nn.Module) -> bool:
    """Whether it is a `conv_norm` whose norm was folded into its convolution."""
    kinds = (nn.Conv2d, nn.Identity, nn.ReLU)
    return (
        isinstance(module, nn.Sequential)
        and len(module) == len(kinds)
        and all(isinstance(part, kind) for part, kind in zip(module, kinds, strict=True))
    )


@cache
def fastest_way(device: str) -> Way:
    """How convolutions are fastest on a kind of device ("cpu", "cuda"), by a timed probe of one, once a process.

    Machines differ thirtyfold: matrix units make bfloat16 several times faster, without them it is emulated.
    """
    if device == "mps":
        return Way(False, torch.float32)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several wait for each other, for milliseconds where another program has a core
    try:
        is_packed = device == "cpu" and _probe(device, Way(True, torch.float32)) < math.inf
        seconds = {dtype: _probe(device, Way(is_packed, dtype)) for dtype in (torch.float32, torch.bfloat16)}
    finally:
        torch.set_num_threads(threads)
    pays = seconds[torch.bfloat16] < _WORTH * seconds[torch.float32]
    # in float32 packing does not pay: weights that were just arranged anew lie in the processor's cache, packed ones
    # have left it since the frames before
    return Way(is_packed, torch.bfloat16) if pays else Way(False, torch.float32)


def _probe(device: str, way: Way) -> float:
    """Seconds that a middling convolution takes; infinite where it cannot be had or computes something else."""
    waves = torch.arange(64 * 64 * 9, dtype=torch.float32).sin_().to(device)
    weight = waves.reshape(64, 64, 3, 3) / 24
    features = waves[: 2 * 64 * 16 * 16].reshape(2, 64, 16, 16).contiguous(memory_format=torch.channels_last)
    spent = []
    with torch.inference_mode():
        wanted = torch.relu(nn.functional.conv2d(features, weight, padding=1))
        features, weight = features.to(way.dtype), weight.to(way.dtype)
        try:
            packed = PackedConv(weight, None, features.shape, way.dtype) if way.packed else None
            for _ in range(_TRIES):
                start = time.perf_counter()
                found = nn.functional.conv2d(features, weight, padding=1).relu() if packed is None else packed(features)
                found = found.float().cpu()  # waits for a device that works by itself
                spent.append(time.perf_counter() - start)
        except (AttributeError, RuntimeError):  # another build of torch, or a processor that the type is beyond
            return math.inf
    return min(spent) if torch.allclose(found, wanted.cpu(), rtol=0.02, atol=0.02) else math.inf
