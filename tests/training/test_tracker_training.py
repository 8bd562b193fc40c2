"""What the tracker's networks are taught with: labels go where the pixels go, runs resume, weights come back."""

import argparse
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from portrait_alive.errors import UnreadableInputError
from portrait_alive.nets.detector_net import SIZE_PER_STRIDE, STRIDES
from portrait_alive.nets.landmark_net import LandmarkNet, LandmarkNetConfig
from portrait_alive.nets.load import load_net, read_weights
from portrait_alive.nets.matte_net import MatteNet, MatteNetConfig
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.training.tracker.augment import resample, spoil
from portrait_alive.training.tracker.landmarks import hold_features
from portrait_alive.training.tracker.loop import Batch, save_weights, train
from portrait_alive.training.tracker.matte import matte_loss
from portrait_alive.training.tracker.scenes import targets


@pytest.mark.parametrize("bent", [False, True])
def test_labels_move_with_the_pixels(bent: bool) -> None:
    """A bright spot is found in the training crop where its label says."""
    rng = np.random.default_rng(1)
    pixels = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(pixels, (119, 84), 5, (255, 255, 255), -1)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 2)
    points = np.array([[119.5, 84.5, 0.0]], np.float32)
    coarse = rng.normal(0, 4, (5, 5, 2)).astype(np.float32)
    bend = cv2.resize(coarse, (128, 128), interpolation=cv2.INTER_CUBIC) if bent else None
    crop = FaceCrop((105.0, 95.0), 130.0, 0.3, 128)
    cut, moved = resample(pixels, points, crop, np.array([1.1, 0.95], np.float32), bend)
    light = cut[..., 0].astype(np.float64)
    ys, xs = np.mgrid[0:128, 0:128] + 0.5
    centre = np.array([(light * xs).sum(), (light * ys).sum()]) / light.sum()
    np.testing.assert_allclose(centre, moved[0, :2], atol=0.7)


def test_spoiling_keeps_size_and_is_repeatable() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for seed in range(20):
        first, second = (spoil(np.random.default_rng(seed), pixels) for _ in range(2))
        assert first.shape == pixels.shape
        assert first.dtype == np.uint8
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("grid", range(len(STRIDES)))
def test_a_face_is_asked_of_the_grid_of_its_size(grid: int) -> None:
    stride = STRIDES[grid]
    face = FaceCrop((100.0, 90.0), SIZE_PER_STRIDE * stride, 0.4, 192)
    wanted = targets([face])
    for other in range(len(STRIDES)):
        assert bool(wanted[f"score{other}"].sum() > 0) == (other == grid)
    row, column = np.argwhere(wanted[f"score{grid}"].numpy() > 0)[0]
    dx, dy, log_size, cos, sin = wanted[f"shape{grid}"][:, row, column].tolist()
    assert (column + 0.5 + dx) * stride == pytest.approx(100, abs=1e-3)
    assert (row + 0.5 + dy) * stride == pytest.approx(90, abs=1e-3)
    assert log_size == pytest.approx(0, abs=1e-5)
    assert np.arctan2(sin, cos) == pytest.approx(0.4, abs=1e-5)


def test_matte_loss_prefers_the_truth() -> None:
    shares = torch.zeros(2, 4, 16, 16)
    shares[:, 2, 4:12, 4:12] = 1
    shares[:, 0] = 1 - shares[:, 2]

    class Says(nn.Module):
        def __init__(self, logits: torch.Tensor) -> None:
            super().__init__()
            self.logits = logits

        def forward(self, _: torch.Tensor) -> torch.Tensor:
            return self.logits

    batch = {"seen": torch.zeros(2, 5, 16, 16), "shares": shares}
    right, unsure = (float(matte_loss(Says(scale * shares), batch)["total"]) for scale in (12.0, 0.0))
    wrong = float(matte_loss(Says(12 * shares.flip(1)), batch)["total"])
    assert right < 0.01 < unsure < wrong


def line_run(folder: Path, steps: int, start: Path | None = None) -> list[int]:
    """Teach y = 2x for so many steps; returns the first steps that batches were asked for."""
    asked: list[int] = []

    def batches(first: int) -> Iterable[Batch]:
        asked.append(first)
        x = torch.linspace(-1, 1, 16)[:, None]
        return repeat({"x": x, "y": 2 * x})

    def loss(net: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        return {"total": (net(batch["x"]) - batch["y"]).square().mean()}

    options = argparse.Namespace(threads=1, rate=0.05, out=folder, steps=steps, batch=16, minutes=None, start=start)
    torch.manual_seed(0)
    train(nn.Linear(1, 1), batches, loss, options, lambda state, out: torch.save(state, out / "net.pt"))
    return asked


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    assert line_run(tmp_path, 200) == [0]
    assert line_run(tmp_path, 400) == [200]
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == 400
    weight = torch.load(tmp_path / "net.pt", weights_only=True)["weight"]
    assert weight.item() == pytest.approx(2, abs=0.05)


def test_a_run_begins_from_exported_weights(tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_weights({"weight": torch.tensor([[2.0]]), "bias": torch.tensor([0.5])}, start, "line-1", {})
    line_run(tmp_path / "run", 1, start)
    after = torch.load(tmp_path / "run" / "net.pt", weights_only=True)
    assert after["weight"].item() == pytest.approx(2, abs=0.1)
    assert after["bias"].item() == pytest.approx(0.5, abs=0.1)


def test_held_features_stay_while_what_reads_them_learns(tmp_path: Path) -> None:
    net = LandmarkNet(LandmarkNetConfig(crop_size=32, widths=(8, 8, 8, 8, 8), blocks=(0, 0, 1, 0, 0)))
    hold_features(net)
    before = {name: value.clone() for name, value in net.state_dict().items()}

    def loss(learning: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        return {"total": (learning(batch["crop"]).points - 0.3).square().mean()}

    options = argparse.Namespace(threads=1, rate=0.05, out=tmp_path, steps=3, batch=2, minutes=None, start=None)
    train(net, lambda _: repeat({"crop": torch.randn(2, 3, 32, 32)}), loss, options, lambda state, out: None)

    changed = {name.split(".")[0] for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"narrowed", "both", "maps", "words", "always"}


def test_saved_weights_come_back_with_norms_folded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = MatteNetConfig(size=32, widths=(8, 8, 16, 16, 16))
    net = MatteNet(config).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    path = tmp_path / "net.safetensors"
    save_weights(net.state_dict(), path, "matte-net-1", config.as_json())
    back = load_net(path, "matte-net-1", lambda c: MatteNet(MatteNetConfig(**c)), torch.device("cpu"))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in back.modules())
    pictures = torch.randn(1, 5, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(back(pictures), net(pictures), atol=0.02, rtol=0.02)


def test_large_tensors_are_stored_in_a_byte_each_and_come_back_within_half_a_step(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = {
        "large.weight": torch.randn(48, 16, 3, 3) * torch.logspace(-3, 0, 48).view(-1, 1, 1, 1),
        "silent.weight": torch.zeros(64, 64),
        "small.bias": torch.randn(48),
        "count": torch.tensor(7),
    }
    path = tmp_path / "net.safetensors"
    save_weights(state, path, "some-net-1", {}, compact=True)
    assert path.stat().st_size < 48 * 16 * 9 + 64 * 64 + 2000
    metadata, back = read_weights(path)
    assert metadata["format"] == "some-net-1"
    assert back.keys() == state.keys()
    assert back["count"] == 7
    step = state["large.weight"].flatten(1).abs().amax(1) / 127
    off = (back["large.weight"] - state["large.weight"]).flatten(1).abs().amax(1)
    assert (off <= 0.6 * step).all()
    torch.testing.assert_close(back["silent.weight"], state["silent.weight"])
    torch.testing.assert_close(back["small.bias"], state["small.bias"], atol=1e-3, rtol=1e-3)


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_weights(MatteNet(MatteNetConfig()).state_dict(), path, "matte-net-1", MatteNetConfig().as_json())
    with pytest.raises(UnreadableInputError, match="matte-net-1"):
        load_net(path, "part-net-1", lambda c: MatteNet(MatteNetConfig(**c)), torch.device("cpu"))
