"""The training loop that landmark, detector and matte networks share: a stream of batches, a loss, averaged weights.

Resumable: `last.pt` in the run's folder holds network, optimiser, average and step. `curve.tsv` gets a line every
50 steps.
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from portrait_alive.device import faster_precision
from portrait_alive.nets.load import as_stored, read_weights

Batch = dict[str, Tensor]
State = dict[str, Tensor]

_EMA_DECAY = 0.999
_CURVE_STEPS = 50
_CHECKPOINT_STEPS = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that every run has."""
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run: checkpoint, curve, exported weights"
    )
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--start", type=Path, help="exported weights to begin from where the run has no checkpoint of its own"
    )
    parser.add_argument(
        "--minutes", type=float, help="end after this long at the latest; the rate has fallen to zero by then"
    )


def train(
    net: nn.Module,
    batches: Callable[[int], Iterable[Batch]],
    loss_of: Callable[[nn.Module, Batch], dict[str, Tensor]],
    arguments: argparse.Namespace,
    export: Callable[[State, Path], None],
    judge: Callable[[State], str] | None = None,
) -> None:
    """Train until the last step or minute.

    Args:
        net: trained in place.
        batches: called with the first step (0, or that of the checkpoint); an endless iterable.
        loss_of: network and batch to named terms; `total` is minimised, all go into the curve.
        arguments: see `add_arguments`.
        export: writes the averaged weights to a path.
        judge: says of averaged weights what the curve should keep, every 200 steps.
    """
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if arguments.start:
        net.load_state_dict(read_weights(arguments.start)[1])
    net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = {name: value.detach().clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.AdamW(net.parameters(), lr=arguments.rate, weight_decay=0.02)
    arguments.out.mkdir(parents=True, exist_ok=True)
    checkpoint = arguments.out / "last.pt"
    step = 0
    if checkpoint.is_file():
        kept = torch.load(checkpoint, map_location=device, weights_only=True)
        net.load_state_dict(kept["net"])
        optimiser.load_state_dict(kept["optimiser"])
        average, step = kept["average"], int(kept["step"])
    start, first, sums = time.monotonic(), step, dict[str, float]()
    precision = None
    for batch in batches(step):
        precision = precision or faster_precision_of(net, loss_of, batch, device)
        done = step / arguments.steps
        if arguments.minutes:
            done = max(done, (time.monotonic() - start) / 60 / arguments.minutes)
        if done >= 1:
            break
        warm = min(1.0, (step - first + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = arguments.rate * warm * (0.5 + 0.5 * float(np.cos(np.pi * done)))
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            terms = loss_of(net, {name: value.to(device) for name, value in batch.items()})
        optimiser.zero_grad(set_to_none=True)
        terms["total"].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        follow_average(average, net, min(_EMA_DECAY, step / (step + 20)))
        for name, term in terms.items():
            sums[name] = sums.get(name, 0.0) + float(term.detach())
        if step % _CURVE_STEPS == 0:
            line = f"{step}\t" + "\t".join(f"{name} {value / _CURVE_STEPS:.4f}" for name, value in sums.items())
            line += f"\t{(step - first) * arguments.batch / (time.monotonic() - start):.0f}/s"
            sums.clear()
            if judge and step % _CHECKPOINT_STEPS == 0:
                line += f"\t{judge(average)}"
            with (arguments.out / "curve.tsv").open("a") as curve:
                curve.write(line + "\n")
            sys.stderr.write(line + "\n")
        if step % _CHECKPOINT_STEPS == 0:
            state = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "average": average, "step": step}
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            export(average, arguments.out)
    export(average, arguments.out)


def faster_precision_of(
    net: nn.Module, loss_of: Callable[[nn.Module, Batch], dict[str, Tensor]], batch: Batch, device: torch.device
) -> torch.dtype:
    """The precision in which a copy of the network learns faster from the batch on this machine."""
    probe = copy.deepcopy(net)
    placed = {name: value.to(device) for name, value in batch.items()}

    def learn() -> None:
        total = loss_of(probe, placed)["total"]
        total.backward()  # type: ignore[no-untyped-call]
        float(total.detach())

    return faster_precision(learn, device)


def follow_average(average: State, net: nn.Module, decay: float) -> None:
    """Move averaged weights towards the network's: average = decay * average + (1 - decay) * network."""
    for name, value in net.state_dict().items():
        if average[name].is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


def save_weights(state: State, path: Path, kind: str, config: dict[str, object], *, compact: bool = False) -> None:
    """Write weights as safetensors (see `as_stored`), their kind and hyperparameters in the metadata."""
    save_file(as_stored(state, compact=compact), path, metadata={"format": kind, "config": json.dumps(config)})
