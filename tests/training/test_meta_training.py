"""Meta-training on a made-up handful of episodes: it learns, survives a kill, and runs on several processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from portrait_alive.errors import UnreadableInputError, UsageError
from portrait_alive.evaluation.lpips import Lpips
from portrait_alive.neural.condition import PLANES
from portrait_alive.neural.view import VIEW_PX
from portrait_alive.training.meta.config import read_config
from portrait_alive.training.meta.episode_store import EpisodeStore
from portrait_alive.training.meta.episodes import PersonEpisodes, write_shard
from portrait_alive.training.meta.losses import harm
from portrait_alive.training.meta.perceptual import perceptual_distance
from portrait_alive.training.meta.trainer import CHECKPOINT, meta_train

TEMPLATE = """
[data]
episodes = ["episodes"]
held_out = "episodes"
shots = 3
patch = 32
[run]
out = "{out}"
steps = {steps}
batch = 2
seed = 3
precision = "{precision}"
rate = {rate}
checkpoint_steps = 3
sheet_steps = 100
[loss]
adversarial_from = {adversarial}
[generator]
widths = [8, 16, 16]
embedding = 16
[embedder]
widths = [8, 8, 16, 16]
embedding = 16
[discriminator]
widths = [8, 16, 16, 16]
embedding = 16
"""


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    people = []
    for _ in range(2):
        smooth = rng.integers(0, 255, (4, 12, 12, PLANES + 3), np.uint8).repeat(16, 1).repeat(16, 2)
        smooth[..., PLANES:] = 255 - smooth[..., :3]  # the truth is the negative of the warped frame
        sources = rng.integers(0, 255, (5, VIEW_PX, VIEW_PX, 6), np.uint8)
        people.append(PersonEpisodes(smooth, sources, np.arange(1, 5, dtype=np.int32)))
    (tmp_path / "episodes").mkdir()
    write_shard(str(tmp_path / "episodes" / "000000"), people)
    return tmp_path


def config_of(
    folder: Path, *, steps: int, out: str = "run", adversarial: float = 0.5, rate: float = 4e-4, precision: str = "auto"
) -> Path:
    path = folder / f"{out}-{steps}.toml"
    text = TEMPLATE.format(steps=steps, out=out, adversarial=adversarial, rate=rate, precision=precision)
    path.write_text(text, "utf-8")
    return path


def averages(run: Path) -> dict[str, torch.Tensor]:
    with safe_open(run / "generator.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def checkpoint(run: Path) -> dict[str, torch.Tensor]:
    kept = torch.load(run / CHECKPOINT, weights_only=True)
    return {**kept["talker"], **{f"d.{name}": value for name, value in kept["discriminator"].items()}}


def test_it_learns(folder):
    meta_train(read_config(config_of(folder, steps=150, adversarial=1.0, rate=5e-3)))
    lines = [line for line in (folder / "run" / "curve.tsv").read_text().splitlines() if "held out" in line]
    figures = dict(one.rsplit(" ", 1) for one in lines[-1].split("\t")[2:])
    assert float(figures["pixels made"]) < 0.9 * float(figures["pixels warp"])
    assert list((folder / "run").glob("sheet-*.png"))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_that_was_cut_goes_on_as_if_it_had_not(folder, precision):
    whole, cut = folder / "whole", folder / "cut"
    meta_train(read_config(config_of(folder, steps=6, out="whole", adversarial=0.0, precision=precision)))
    # the same schedule, killed at the checkpoint of step 3: what came after is lost
    killed = read_config(config_of(folder, steps=6, out="cut", adversarial=0.0, precision=precision))

    class KilledError(Exception):
        pass

    def kill(event: object) -> None:
        if getattr(event, "done", 0) == 5:
            raise KilledError

    with pytest.raises(KilledError):
        meta_train(killed, kill)
    meta_train(killed)
    for name, value in checkpoint(whole).items():
        assert torch.equal(value, checkpoint(cut)[name]), name
    for name, value in averages(whole).items():
        assert torch.equal(value, averages(cut)[name]), name


def test_minutes_before_a_kill_count(folder):
    path = config_of(folder, steps=3, adversarial=1.0)
    meta_train(read_config(path))
    kept = torch.load(folder / "run" / CHECKPOINT, weights_only=True)
    assert kept["minutes"] > 0
    path.write_text(path.read_text().replace("steps = 3", f"steps = 9\nminutes = {kept['minutes'] / 2}", 1))
    meta_train(read_config(path))
    assert torch.load(folder / "run" / CHECKPOINT, weights_only=True)["step"] == 3


def test_a_run_keeps_the_precision_it_began_with(folder):
    meta_train(read_config(config_of(folder, steps=3, precision="bfloat16")))
    meta_train(read_config(config_of(folder, steps=6, precision="auto")))
    notes = [line for line in (folder / "run" / "curve.tsv").read_text().splitlines() if "networks in" in line]
    assert notes == ["0\tnetworks in bfloat16", "3\tnetworks in bfloat16"]
    assert checkpoint(folder / "run")["generator.out.weight"].dtype == torch.float32


def test_the_perceptual_loss_is_the_judges_distance_and_gradient():
    torch.manual_seed(0)
    net = Lpips().requires_grad_(False)
    for head in net.heads:
        head.uniform_(0, 1)
    truth = torch.rand(2, 3, 48, 48) * 2 - 1
    gradients = []
    for distance in (net, lambda made, truth: perceptual_distance(net, made, truth)):
        made = (truth * 0.8 + 0.1 * torch.sin(torch.arange(48.0))).requires_grad_()
        value = distance(made, truth)
        (value * torch.tensor([1.0, 2.0])).sum().backward()
        gradients.append((value.detach(), made.grad))
    (judged, wanted), (found, gradient) = gradients
    assert torch.allclose(judged, found, rtol=1e-4)
    assert torch.allclose(wanted, gradient, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes to kill where Linux lists them")
def test_two_processes_go_on_after_one_was_killed(folder):
    def start(config: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        return subprocess.Popen(
            [*command, "-m", "portrait_alive", "train", str(config), "--quiet"],
            env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    whole = config_of(folder, steps=24, out="whole", adversarial=0.0, precision="float32")
    assert start(whole).wait(timeout=240) == 0
    config = config_of(folder, steps=24, out="cut", adversarial=0.0, precision="float32")
    torchrun = start(config)
    while not (folder / "cut" / CHECKPOINT).exists():
        assert torchrun.poll() is None
        time.sleep(0.01)
    children = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    assert torchrun.wait(timeout=120) != 0
    assert torch.load(folder / "cut" / CHECKPOINT, weights_only=True)["step"] < 24
    assert start(config).wait(timeout=240) == 0
    resumed = checkpoint(folder / "cut")
    for name, value in checkpoint(folder / "whole").items():
        assert torch.allclose(value, resumed[name], atol=1e-6), name


def test_batches_depend_on_the_generator_alone(folder):
    store = EpisodeStore.open([folder / "episodes"])
    device = torch.device("cpu")
    one, other = (store.batch(np.random.default_rng(5), 3, patch=32, shots=3, device=device) for _ in range(2))
    assert torch.equal(one.planes, other.planes)
    assert torch.equal(one.sources, other.sources)
    assert one.planes.shape == (3, PLANES, 32, 32)
    assert one.truth.shape == (3, 3, 32, 32)


def test_an_episodes_frame_is_never_among_its_sources(folder):
    store = EpisodeStore.open([folder / "episodes"])
    shard = store.shards[0]
    for number in range(len(store)):
        shown = shard.sources[shard.index[number, 0] + shard.index[number, 2]]
        seen = store.whole(number, shots=4, device=torch.device("cpu")).sources[0]
        values = ((seen.permute(0, 2, 3, 1) + 1) * 127.5).round().byte().numpy()
        assert all(not np.array_equal(shown, value) for value in values)


def test_harm_is_what_leads_away_from_the_truth():
    truth, everywhere = torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
    warped = torch.full_like(truth, 0.5)
    assert harm(torch.full_like(truth, 0.2), truth, warped, everywhere) == 0
    assert harm(warped, truth, warped, everywhere) == 0
    assert harm(torch.full_like(truth, 0.8), truth, warped, everywhere) == pytest.approx(0.3)
    assert harm(torch.full_like(truth, -0.8), truth, warped, everywhere) == pytest.approx(0.3)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_right_already_stays_right_however_a_batch_is_spoiled(folder, seed):
    # frames that are the truth: pictures are spoiled alike, so that nothing is left to learn from them
    stem = folder / "same" / "000000"
    stem.parent.mkdir()
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 255, (4, 24, 24, PLANES + 3), np.uint8).repeat(8, 1).repeat(8, 2)
    frames[..., PLANES:] = frames[..., :3]
    sources = rng.integers(0, 255, (5, VIEW_PX, VIEW_PX, 6), np.uint8)
    write_shard(str(stem), [PersonEpisodes(frames, sources, np.arange(1, 5, dtype=np.int32))])
    batch = EpisodeStore.open([stem.parent]).batch(rng, 8, patch=32, shots=1, device=torch.device("cpu"))
    assert torch.equal(batch.planes[:, :3], batch.truth)


def test_wrong_configurations_are_explained(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("[data]\nepisodes = ['e']\n[run]\nout = 'r'\nstepz = 3\n")
    with pytest.raises(UsageError, match="stepz: unknown"):
        read_config(path)
    path.write_text("[data]\nepisodes = ['e']\n[run]\nout = 'r'\nsteps = 'many'\n")
    with pytest.raises(UsageError, match="many"):
        read_config(path)
    path.write_text("[data]\nepisodes = ['e']\n[run]\nout = 'r'\nprecision = 'half'\n")
    with pytest.raises(UsageError, match="half"):
        read_config(path)
    path.write_text("[data")
    with pytest.raises(UnreadableInputError):
        read_config(path)
    path.write_text("[data]\nepisodes = ['nowhere']\n[run]\nout = 'r'\n")
    with pytest.raises(UnreadableInputError, match="no episodes"):
        meta_train(read_config(path))
