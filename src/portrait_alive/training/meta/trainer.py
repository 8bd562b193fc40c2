"""Meta-training of embedder and generator against the discriminator; on one process or, under torchrun, on many.

Every batch is drawn from the seed and the step alone, so a run that was killed goes on as if it had not been.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from portrait_alive.device import faster_precision
from portrait_alive.errors import UnreadableInputError
from portrait_alive.events import Listener, PhaseStarted, Progress, ignore
from portrait_alive.nets.discriminator import Discriminator
from portrait_alive.nets.embedder import Embedder
from portrait_alive.nets.generator import Generated, Generator, composed
from portrait_alive.neural.condition import PLANES, SOURCE_PLANES
from portrait_alive.neural.view import VIEW_PX
from portrait_alive.training.meta.config import MetaTrainConfig
from portrait_alive.training.meta.episode_store import EpisodeBatch, EpisodeStore
from portrait_alive.training.meta.losses import PHASES, PictureLoss, discriminator_loss, feature_distance
from portrait_alive.training.meta.sample_sheet import write_sheet
from portrait_alive.training.tracker.loop import State, follow_average, save_weights
from portrait_alive.weights import EMBEDDER, GENERATOR

CHECKPOINT = "last.pt"
_HELD_EPISODES = 24
_WARM_STEPS = 100


class Talker(nn.Module):
    """Embedder and generator as one network, so that both are in one pass."""

    def __init__(self, embedder: Embedder, generator: Generator) -> None:
        super().__init__()
        self.embedder, self.generator = embedder, generator

    def forward(self, sources: Tensor, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Person embedding, and the generator's colour and flow."""
        embedding = self.embedder(sources)
        said: Generated = self.generator(planes, embedding)
        return embedding, said.colour, said.flow


@dataclass(frozen=True)
class _World:
    rank: int
    size: int
    device: torch.device

    @staticmethod
    def join() -> "_World":
        """This process among those that torchrun started; alone without it."""
        size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        local = int(os.environ.get("LOCAL_RANK", "0"))
        device = torch.device(f"cuda:{local}" if torch.cuda.is_available() else "cpu")
        if size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return _World(rank, size, device)

    def spread(self, net: nn.Module) -> nn.Module:
        """The network with its gradients averaged over all processes."""
        if self.size == 1:
            return net
        # spectral norm's vectors are buffers: each process computes the same, broadcasting would change them mid-step
        return DistributedDataParallel(net, broadcast_buffers=False)

    def agreed(self, choice: str) -> str:
        """What the first process chose."""
        if self.size == 1:
            return choice
        said: list[str | None] = [choice]
        dist.broadcast_object_list(said)
        return str(said[0])


def meta_train(config: MetaTrainConfig, on_event: Listener = ignore) -> None:
    """Train to the last step or minute, from the run's checkpoint if there is one.

    Args:
        config: the run.
        on_event: told of each step, in the first process.

    Raises:
        UnreadableInputError: episodes, loss networks or the checkpoint cannot be used.
    """
    torch.set_num_threads(config.run.threads)
    cv2.setNumThreads(1)
    world = _World.join()
    run = _Run.start(config, world)
    started = time.monotonic()
    first = run.step
    if world.rank == 0:
        on_event(PhaseStarted("train", f"training in {config.run.out}", config.run.steps, "steps"))

    def minutes() -> float:
        return run.minutes + (time.monotonic() - started) / 60

    while (done := _done(config, run.step, minutes())) < 1:
        terms = run.advance(done)
        if world.rank:
            continue
        run.curve.add(terms, run.step, time.monotonic() - started, (run.step - first) * config.run.batch * world.size)
        on_event(Progress("train", run.step))
        if run.step % config.run.checkpoint_steps == 0:
            run.save(minutes())
        if run.step % config.run.sheet_steps == 0:
            run.look()
    if world.rank == 0:
        run.save(minutes())
        run.look()
    if world.size > 1:
        dist.barrier()


def _done(config: MetaTrainConfig, step: int, minutes: float) -> float:
    share = step / config.run.steps
    return share if config.run.minutes is None else max(share, minutes / config.run.minutes)


@dataclass(eq=False)
class _Curve:
    """Means of the terms, a line every fifty steps."""

    path: Path
    sums: dict[str, float]
    steps: int = 0

    def add(self, terms: Mapping[str, float], step: int, seconds: float, samples: int) -> None:
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.steps += 1
        if step % 50 == 0:
            figures = "\t".join(f"{name} {value / self.steps:.5f}" for name, value in self.sums.items())
            self.note(f"{step}\t{figures}\t{samples / max(seconds, 1e-6):.1f}/s")
            self.sums.clear()
            self.steps = 0

    def note(self, line: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


@dataclass(eq=False)
class _Run:
    config: MetaTrainConfig
    world: _World
    store: EpisodeStore
    held: EpisodeStore | None
    talker: Talker
    discriminator: Discriminator
    spread_talker: nn.Module
    spread_discriminator: nn.Module
    optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    average: State
    loss: PictureLoss
    curve: _Curve
    step: int
    precision: str = "float32"
    minutes: float = 0.0
    """That the run had taken when this process took it up."""

    @staticmethod
    def start(config: MetaTrainConfig, world: _World) -> "_Run":
        torch.manual_seed(config.run.seed)
        talker = Talker(Embedder(config.embedder), Generator(config.generator))
        judge = Discriminator(config.discriminator)
        talker.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        judge.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        config.run.out.mkdir(parents=True, exist_ok=True)
        run = _Run(
            config,
            world,
            EpisodeStore.open(config.data.episodes),
            None if config.data.held_out is None else EpisodeStore.open([config.data.held_out]),
            talker,
            judge,
            world.spread(talker),
            world.spread(judge),
            torch.optim.Adam(talker.parameters(), config.run.rate, betas=(0.9, 0.99)),
            torch.optim.Adam(judge.parameters(), config.run.discriminator_rate, betas=(0.0, 0.9)),
            {name: value.detach().clone() for name, value in talker.state_dict().items()},
            PictureLoss.of(config.loss, world.device),
            _Curve(config.run.out / "curve.tsv", {}),
            0,
        )
        run.resume()
        if run.step == 0 and config.run.precision == "auto":
            run.precision = world.agreed(run.faster_precision())
        elif config.run.precision != "auto":
            run.precision = config.run.precision
        if world.rank == 0:
            run.curve.note(f"{run.step}\tnetworks in {run.precision}")
        return run

    def quick(self) -> torch.autocast:
        """Where the networks' convolutions may run in bfloat16."""
        return torch.autocast(self.world.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def faster_precision(self) -> str:
        """In which precision a step of embedder and generator takes less time: "float32" or "bfloat16"."""
        device, patch, size = self.world.device, self.config.data.patch, self.config.run.batch
        sources = torch.zeros(size, 1, SOURCE_PLANES, VIEW_PX, VIEW_PX, device=device)
        planes = torch.zeros(size, PLANES, patch, patch, device=device)

        def step() -> None:
            _, colour, flow = self.talker(sources, planes)
            total = colour.sum() + flow.sum()
            total.backward()
            float(total.detach())

        chosen = faster_precision(step, device)
        self.optimiser.zero_grad(set_to_none=True)
        return "bfloat16" if chosen == torch.bfloat16 else "float32"

    def resume(self) -> None:
        path = self.config.run.out / CHECKPOINT
        if not path.is_file():
            return
        try:
            kept: dict[str, Any] = torch.load(path, map_location=self.world.device, weights_only=True)
            self.talker.load_state_dict(kept["talker"])
            self.discriminator.load_state_dict(kept["discriminator"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.discriminator_optimiser.load_state_dict(kept["discriminator_optimiser"])
            self.average, self.step = kept["average"], int(kept["step"])
            self.precision, self.minutes = str(kept["precision"]), float(kept["minutes"])
        except Exception as error:
            raise UnreadableInputError(
                f"{path}: not a checkpoint of this configuration ({error}); name another folder for the run"
            ) from error

    def save(self, minutes: float) -> None:
        """Write the checkpoint whole, and the averaged weights as they would ship; the run has taken `minutes`."""
        path = self.config.run.out / CHECKPOINT
        state = {
            "talker": self.talker.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "discriminator_optimiser": self.discriminator_optimiser.state_dict(),
            "average": self.average,
            "step": self.step,
            "precision": self.precision,
            "minutes": minutes,
        }
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
        for part, name, config in (
            ("embedder.", EMBEDDER, self.config.embedder.as_json()),
            ("generator.", GENERATOR, self.config.generator.as_json()),
        ):
            tensors = {key.removeprefix(part): value for key, value in self.average.items() if key.startswith(part)}
            save_weights(tensors, self.config.run.out / name, part.removesuffix("."), config)

    def advance(self, done: float) -> dict[str, float]:
        """One step of embedder and generator, and of the discriminator once it has joined."""
        config = self.config
        rng = np.random.default_rng([config.run.seed, self.step, self.world.rank])
        batch = self.store.batch(
            rng, config.run.batch, patch=config.data.patch, shots=config.data.shots, device=self.world.device
        )
        pace = min(1.0, (self.step + 1) / _WARM_STEPS) * (0.03 + 0.97 * (0.5 + 0.5 * float(np.cos(np.pi * done))))
        _set_rate(self.optimiser, config.run.rate * pace)
        _set_rate(self.discriminator_optimiser, config.run.discriminator_rate * pace)
        self.talker.train()
        with self.quick():
            embedding, colour, flow = self.spread_talker(batch.sources, batch.planes)
        said = Generated(colour, flow, self.talker.generator.free(batch.planes))
        made = composed(batch.planes[:, :3], said)
        phase = (int(rng.integers(PHASES)), int(rng.integers(PHASES)))
        near = bool(rng.random() < config.loss.perceptual_near)
        terms = self.loss(made, batch.truth, said, batch.planes, phase=phase, near=near)
        total = terms["total"]
        is_adversarial = done >= config.loss.adversarial_from
        if is_adversarial:
            terms |= self._teach_discriminator(batch, made.detach(), embedding.detach())
            for parameter in self.discriminator.parameters():
                parameter.requires_grad_(False)
            with self.quick():
                score, fake = self.discriminator(made, batch.planes[:, 3:6], embedding.detach())
                with torch.no_grad():
                    _, real = self.discriminator(batch.truth, batch.planes[:, 3:6], embedding)
            terms["adversarial"], terms["features"] = -score.float().mean(), feature_distance(real, fake)
            total = total + config.loss.adversarial * terms["adversarial"] + config.loss.features * terms["features"]
            for parameter in self.discriminator.parameters():
                parameter.requires_grad_(True)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.talker.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        follow_average(self.average, self.talker, min(config.run.average, self.step / (self.step + 20)))
        return {name: float(term.detach()) for name, term in terms.items()}

    def _teach_discriminator(self, batch: EpisodeBatch, made: Tensor, embedding: Tensor) -> dict[str, Tensor]:
        both = torch.cat([batch.truth, made])
        landmarks = batch.planes[:, 3:6].repeat(2, 1, 1, 1)
        with self.quick():
            score, _ = self.spread_discriminator(both, landmarks, embedding.repeat(2, 1))
        real, fake = score.float().chunk(2)
        loss = discriminator_loss(real, fake)
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.discriminator_optimiser.step()
        return {"discriminator": loss.detach()}

    @torch.no_grad()
    def look(self) -> None:
        """Held-out terms into the curve, and a sample sheet, from the averaged weights."""
        if self.held is None:
            return
        living = {name: value.clone() for name, value in self.talker.state_dict().items()}
        self.talker.load_state_dict(self.average)
        self.talker.eval()
        chosen = np.linspace(0, len(self.held) - 1, _HELD_EPISODES).astype(int)
        sums: dict[str, list[float]] = {}
        rows = []
        for number in chosen:
            episode = self.held.whole(int(number), shots=1, device=self.world.device)
            with self.quick():
                _, colour, flow = self.talker(episode.sources, episode.planes)
            said = Generated(colour, flow, self.talker.generator.free(episode.planes))
            made = composed(episode.planes[:, :3], said)
            for name, picture in (("warp", episode.planes[:, :3]), ("made", made)):
                for term, value in self.loss(picture, episode.truth, said, episode.planes).items():
                    if term in ("pixels", "pyramid", "perceptual"):
                        sums.setdefault(f"{term} {name}", []).append(float(value))
            rows.append((episode, made))
        self.talker.load_state_dict(living)
        figures = "\t".join(f"{name} {np.mean(values):.5f}" for name, values in sums.items())
        self.curve.note(f"{self.step}\theld out\t{figures}")
        write_sheet(self.config.run.out / f"sheet-{self.step:06d}.png", rows)


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
