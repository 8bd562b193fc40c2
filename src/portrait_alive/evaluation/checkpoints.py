"""Read other people's network weights as data: nothing in a file is ever run."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from portrait_alive.errors import UnreadableInputError


def read_checkpoint(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """The tensors in a torch checkpoint, by name, float32 on the CPU.

    Args:
        path: a file written by `torch.save`; read with `weights_only`, so code in it does not run.
        key: entry under which the state dict lies, where the file holds more than it.

    Raises:
        UnreadableInputError: missing, damaged, or not a dictionary of tensors.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UnreadableInputError(f"{path}: no such file; name the folder of evaluation networks") from None
    except (OSError, RuntimeError, UnpicklingError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableInputError(f"{path}: not a readable checkpoint ({reason}); fetch it again") from error
    if key is not None and isinstance(content, Mapping):
        content = content.get(key)
    if not isinstance(content, Mapping):
        raise UnreadableInputError(f"{path}: holds no dictionary of weights; fetch it again")
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in content.items()
        if isinstance(value, Tensor)
    }


def load_parameters(network: nn.Module, state: Mapping[str, Tensor], *origin: Path) -> None:
    """Put `state` into `network`, all of it and nothing else, and freeze it for measuring.

    Raises:
        UnreadableInputError: names or shapes do not fit; names the files of `origin`.
    """
    try:
        network.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        names = ", ".join(str(path) for path in origin)
        raise UnreadableInputError(
            f"{names}: not the weights of {type(network).__name__} ({str(error).splitlines()[-1].strip()})"
        ) from error
    network.eval().requires_grad_(False)
