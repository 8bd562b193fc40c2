"""Networks from weight files, ready to run: norms folded into convolutions, precision chosen by a timed probe."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from portrait_alive.errors import UnreadableInputError

Net = TypeVar("Net", bound=nn.Module)
STEP_SUFFIX = ".step"
"""Name of the tensor that holds the steps of an int8 one."""
_LARGE = 4096


def load_net(path: Path, kind: str, build: Callable[[dict[str, Any]], Net], device: torch.device) -> Net:
    """A network in eval mode, fp32, channels last.

    Args:
        kind: the format that the file has to name.
        build: hyperparameters (from the file's metadata) to an untrained network.

    Raises:
        UnreadableInputError: the file is damaged or of another kind.
    """
    try:
        metadata, state = read_weights(path)
        if metadata.get("format") != kind:
            raise ValueError(f"it says {metadata.get('format')!r}, expected {kind!r}")
        net = build(json.loads(metadata["config"]))
        net.load_state_dict(state)
    except Exception as error:
        raise UnreadableInputError(f"{path}: not usable weights ({error}); reinstall the package") from error
    net.eval()
    fold_norms(net)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def read_weights(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors of a weight file: floating ones as float32, int8 ones times their steps.

    Raises:
        OSError, SafetensorError: it is missing or damaged.
    """
    with safe_open(path, framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        metadata = dict(file.metadata() or {})
    tensors = {}
    for name, tensor in stored.items():
        if name.endswith(STEP_SUFFIX):
            continue
        step = stored.get(name + STEP_SUFFIX)
        if step is not None:
            tensor = tensor.float() * _beside(step, tensor)
        tensors[name] = tensor.float() if tensor.is_floating_point() else tensor
    return metadata, tensors


def as_stored(tensors: dict[str, Tensor], *, compact: bool) -> dict[str, Tensor]:
    """Tensors as weight files keep them: in fp16; `compact`: large ones in int8 with a step for each output."""
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            stored[name] = tensor.contiguous()
        elif compact and tensor.ndim > 1 and tensor.numel() >= _LARGE:
            step = (tensor.detach().float().flatten(1).abs().amax(1) / 127).clamp(min=1e-7).half()
            whole = (tensor.detach().float() / _beside(step, tensor)).round()
            stored[name] = whole.clamp(-127, 127).to(torch.int8).contiguous()
            stored[name + STEP_SUFFIX] = step
        else:
            stored[name] = tensor.half().contiguous()
    return stored


def _beside(step: Tensor, tensor: Tensor) -> Tensor:
    """Steps (C,) in the shape in which they meet a tensor (C, ...)."""
    return step.float().view(-1, *[1] * (tensor.ndim - 1))


def fold_norms(net: nn.Module) -> None:
    """Fold every batch norm that follows a convolution in a `Sequential` into it; the network must be in eval mode."""
    for module in net.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for index in range(len(module) - 1):
            conv, norm = module[index], module[index + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[index] = fuse_conv_bn_eval(conv, norm)
                module[index + 1] = nn.Identity()
