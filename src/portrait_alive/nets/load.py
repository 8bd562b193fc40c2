"""Networks from weight files, ready to run: norms folded into convolutions, precision chosen by a timed probe."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from portrait_alive.errors import UnreadableInputError

Net = TypeVar("Net", bound=nn.Module)


def load_net(path: Path, kind: str, build: Callable[[dict[str, Any]], Net], device: torch.device) -> Net:
    """A network in eval mode, fp32, channels last.

    Args:
        kind: the format that the file has to name.
        build: hyperparameters (from the file's metadata) to an untrained network.

    Raises:
        UnreadableInputError: the file is damaged or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if metadata.get("format") != kind:
            raise ValueError(f"it says {metadata.get('format')!r}, expected {kind!r}")
        net = build(json.loads(metadata["config"]))
        net.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in state.items()})
    except Exception as error:
        raise UnreadableInputError(f"{path}: not usable weights ({error}); reinstall the package") from error
    net.eval()
    fold_norms(net)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


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


def faster_precision(net: nn.Module, example: Tensor) -> torch.dtype:
    """bfloat16 where the network runs at least a quarter faster in it on this machine, float32 otherwise.

    Machines differ thirtyfold: matrix units make bfloat16 several times faster, without them it is emulated.
    """
    if example.device.type == "mps":
        return torch.float32
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        with torch.inference_mode(), torch.autocast(example.device.type, dtype, enabled=dtype != torch.float32):
            net(example)
            start = time.perf_counter()
            net(example)
            seconds[dtype] = time.perf_counter() - start
    return torch.bfloat16 if seconds[torch.bfloat16] < 0.75 * seconds[torch.float32] else torch.float32
