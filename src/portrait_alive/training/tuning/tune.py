"""The generator tuned to one person: a brief descent on their own pairs, kept only where held-out pairs prefer it.

The paper tunes everything against the discriminator for 40 epochs. Here a frame already contains the warped paint, few
parameters move, and no adversary is needed; whatever the pictures do not show is held to what the untuned generator
says.
"""

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from portrait_alive.nets.generator import Generator, composed
from portrait_alive.neural.condition import as_tensor
from portrait_alive.neural.repaint import NeuralLayer
from portrait_alive.neural.view import VIEW_PX
from portrait_alive.training.meta.losses import pyramid_distance
from portrait_alive.training.tuning.pairs import Pair
from portrait_alive.types import Float

_BATCH = 6
_PATCH = 96
_HOLD = 2.0
"""Weight of differences to the untuned output where no truth is known."""
_LOOK_EVERY = 10
"""Steps between looks at held-out pairs."""
_PATIENCE = 4
"""Looks without improvement after which tuning ends."""
_GAIN = 0.002
"""Share by which the held-out distance has to fall for tuned parameters to be kept."""


@dataclass(frozen=True)
class TuneSettings:
    """How far to go."""

    steps: int
    """At most."""
    rate: float
    is_full: bool
    """Tune the whole upper half of the generator, not only its style layers and its output."""
    seconds: float | None = None
    """End after this long at the latest; the result then depends on the machine's speed."""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Tuned:
    """What came of it."""

    changes: dict[str, Float]
    """Added to the generator's parameters by name; empty where the untuned ones are better or as good."""
    before: float
    """Distance of the untuned generator on held-out pairs."""
    after: float
    """Of the best tuned one; of parameters that are kept always less."""
    steps: int
    """Steps made."""
    best_step: int
    """Step of the parameters that are kept; 0 where none are."""


@dataclass(frozen=True, eq=False)
class _Pairs:
    planes: Tensor
    """(N, 11, V, V)."""
    truth: Tensor
    """(N, 3, V, V)."""
    known: Tensor
    """(N, 1, V, V)."""
    untuned: Tensor
    """(N, 3, V, V) what the generator made before."""


def tune(
    layer: NeuralLayer,
    embedding: Float,
    learning: Sequence[Pair],
    held: Sequence[Pair],
    settings: TuneSettings,
    on_step: Callable[[int], None] = lambda step: None,
) -> Tuned:
    """Tune the generator to a person.

    Args:
        layer: the networks.
        embedding: (E,) of the person.
        learning: what to learn from, at least one.
        held: what decides, at least one, of other motions or pictures.
        settings: how far to go.
        on_step: told of each step.
    """
    person = torch.from_numpy(embedding)[None].to(layer.device)
    generator = deepcopy(layer.generator)
    parameters = {
        name: parameter for name, parameter in generator.named_parameters() if is_tuned(name, is_full=settings.is_full)
    }
    base = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    best = base
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    lessons, exam = (_seen(layer, person, generator, pairs) for pairs in (learning, held))
    before = after = _distance(layer, person, generator, exam)
    optimiser = torch.optim.Adam(parameters.values(), settings.rate, betas=(0.9, 0.99))
    rng = np.random.default_rng([settings.seed, 17])
    began, step, best_step, worse = time.monotonic(), 0, 0, 0
    while step < settings.steps and worse < _PATIENCE:
        if settings.seconds is not None and time.monotonic() - began > settings.seconds:
            break
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * min(1.0, (step + 1) / 5)
        loss = _loss(layer, person, generator, _patches(lessons, rng))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        optimiser.step()
        step += 1
        on_step(step)
        if step % _LOOK_EVERY == 0 or step == settings.steps:
            distance = _distance(layer, person, generator, exam)
            worse = 0 if distance < after else worse + 1
            if distance < after:
                after, best_step = distance, step
                best = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    if after > before * (1 - _GAIN):
        return Tuned({}, before, after, step, 0)
    # as a person file holds them, so that tuning and loading give the same frames
    changes = {name: (best[name] - base[name]).cpu().half().float().numpy() for name in best}
    return Tuned(changes, before, after, step, best_step)


def is_tuned(name: str, *, is_full: bool) -> bool:
    """Whether a parameter of the generator is the person's own. With one embedding, a style's bias stands for all."""
    if name.startswith("out.") or name.endswith("style.bias"):
        return True
    return is_full and name.startswith("up.") and "style" not in name


def _seen(layer: NeuralLayer, person: Tensor, generator: Generator, pairs: Sequence[Pair]) -> _Pairs:
    planes = as_tensor(np.stack([pair.planes for pair in pairs]), layer.device)
    truth = as_tensor(np.stack([pair.truth for pair in pairs]), layer.device)
    known = torch.from_numpy(np.stack([pair.known for pair in pairs]))[:, None].to(layer.device)
    with torch.no_grad():
        made = [_made(layer, person, generator.eval(), one[None]) for one in planes]
    return _Pairs(planes, truth, known, torch.cat(made))


def _made(layer: NeuralLayer, person: Tensor, generator: Generator, planes: Tensor) -> Tensor:
    with torch.autocast(layer.device.type, layer.precision, enabled=layer.precision != torch.float32):
        said = generator(planes, person.expand(len(planes), -1))
    return composed(planes[:, :3], said)


def _apart(made: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    share = known.mean().clamp_min(1e-3)
    return ((known * (made - truth).abs()).mean() + pyramid_distance(made, truth, known)) / share


def _loss(layer: NeuralLayer, person: Tensor, generator: Generator, pairs: _Pairs) -> Tensor:
    made = _made(layer, person, generator.train(), pairs.planes)
    held = ((1 - pairs.known) * (made - pairs.untuned).abs()).mean()
    return _apart(made, pairs.truth, pairs.known) + _HOLD * held


@torch.no_grad()
def _distance(layer: NeuralLayer, person: Tensor, generator: Generator, pairs: _Pairs) -> float:
    generator.eval()
    several = zip(pairs.planes, pairs.truth, pairs.known, strict=True)
    each = [_apart(_made(layer, person, generator, p[None]), t[None], k[None]) for p, t, k in several]
    return float(torch.stack(each).mean())


def _patches(pairs: _Pairs, rng: np.random.Generator) -> _Pairs:
    """A batch of patches, most of them where the truth is known."""
    cut: list[tuple[Tensor, ...]] = []
    for _ in range(_BATCH):
        number = int(rng.integers(len(pairs.planes)))
        best = max(
            (rng.integers(0, VIEW_PX - _PATCH + 1, 2) for _ in range(3)), key=lambda at: _share(pairs, number, at)
        )
        y, x = (int(one) for one in best)
        cut.append(
            tuple(
                plane[number, :, y : y + _PATCH, x : x + _PATCH]
                for plane in (pairs.planes, pairs.truth, pairs.known, pairs.untuned)
            )
        )
    planes, truth, known, untuned = (torch.stack(several) for several in zip(*cut, strict=True))
    return _Pairs(planes, truth, known, untuned)


def _share(pairs: _Pairs, number: int, at: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
    y, x = (int(one) for one in at)
    return float(pairs.known[number, :, y : y + _PATCH, x : x + _PATCH].mean())
