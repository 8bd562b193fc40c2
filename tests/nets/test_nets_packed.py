"""Quickened networks say what the plain ones say, in every way that convolutions can run."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from portrait_alive.nets import packed
from portrait_alive.nets.detector_net import DetectorNet, DetectorNetConfig
from portrait_alive.nets.landmark_net import LandmarkNet, LandmarkNetConfig
from portrait_alive.nets.load import load_net
from portrait_alive.nets.map_net import MapNet, MapNetConfig
from portrait_alive.nets.packed import Way, fastest_way, quickened
from portrait_alive.nets.part_net import PartNet, PartNetConfig
from portrait_alive.types import Bytes
from portrait_alive.weights import DETECTOR, EYE, MOUTH, TRACKER, weight_path

CPU = torch.device("cpu")
PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.jpg"


@pytest.fixture(params=[(True, torch.float32), (True, torch.bfloat16), (False, torch.bfloat16)], ids=str)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Each way in turn, whichever is fastest here."""
    chosen = Way(*request.param)
    if chosen.packed and not torch.backends.mkldnn.is_available():
        pytest.skip("this build of torch has no oneDNN")
    if chosen.packed and chosen.dtype == torch.bfloat16 and packed._probe("cpu", chosen) == float("inf"):
        pytest.skip("this processor has no bfloat16")
    monkeypatch.setattr(packed, "fastest_way", lambda _: chosen)
    return chosen


def seen(size: int, *, batch: int = 1) -> Tensor:
    """Squares of the example portrait around its face, (B, 3, S, S) in [-1, 1]."""
    pixels = cv2.cvtColor(cv2.imread(str(PORTRAIT)), cv2.COLOR_BGR2RGB)
    height, width = pixels.shape[:2]
    side = min(height, width)
    square: Bytes = cv2.resize(pixels[:side, (width - side) // 2 :][:, :side], (size, size))
    shifted = np.stack([np.roll(square, shift, 1) for shift in range(batch)])
    return (torch.from_numpy(shifted).permute(0, 3, 1, 2).float() / 127.5 - 1).to(memory_format=torch.channels_last)


def landmark_net() -> LandmarkNet:
    return load_net(weight_path(TRACKER), "landmark-net-2", lambda c: LandmarkNet(LandmarkNetConfig(**c)), CPU)


def eye_net() -> PartNet:
    return load_net(weight_path(EYE), "part-net-1", lambda c: PartNet(PartNetConfig(**c)), CPU)


def mouth_net() -> MapNet:
    return load_net(weight_path(MOUTH), "map-net-1", lambda c: MapNet(MapNetConfig(**c)), CPU)


def detector_net() -> DetectorNet:
    return load_net(weight_path(DETECTOR), "detector-net-1", lambda c: DetectorNet(DetectorNetConfig(**c)), CPU)


@pytest.mark.parametrize("batch", [1, 3])
@torch.inference_mode()
def test_points_agree_within_a_third_of_a_percent_of_the_crop(way: Way, batch: int) -> None:
    plain = landmark_net()
    crops = seen(plain.config.crop_size, batch=batch)
    quick = quickened(landmark_net(), crops[:1])(crops)
    assert quick.points.dtype == torch.float32
    off = (quick.points - plain(crops).points).abs()
    assert float(off.max()) < 0.003
    # not on bfloat16's grid, whose steps above a half are 1/256 of the crop
    assert len(quick.points[..., :2].unique()) > 0.9 * quick.points[..., :2].numel()


@pytest.mark.parametrize("part_net", [eye_net, mouth_net])
@torch.inference_mode()
def test_parts_agree_within_a_third_of_a_percent_of_the_patch(
    way: Way, part_net: Callable[[], PartNet | MapNet]
) -> None:
    plain = part_net()
    patches = seen(plain.config.size, batch=4)
    quick = quickened(part_net(), patches[:2])
    assert float((quick(patches) - plain(patches)).abs().max()) < 0.003


@torch.inference_mode()
def test_detectors_agree_at_another_size(way: Way) -> None:
    pictures = seen(256)
    quick = quickened(detector_net(), pictures[..., :128])(pictures)
    plain = detector_net()(pictures)
    for found, wanted in zip(quick.score, plain.score, strict=True):
        assert float((found.sigmoid() - wanted.sigmoid()).abs().max()) < 0.02
    best = max(range(len(plain.score)), key=lambda grid: float(plain.score[grid].max()))
    at = plain.score[best][0] > 0
    assert at.any()
    assert float((quick.shape[best] - plain.shape[best])[0][:, at].abs().max()) < 0.05


def test_the_fastest_way_can_be_had_and_leaves_threads_and_random_numbers() -> None:
    fastest_way.cache_clear()
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    chosen = fastest_way("cpu")
    assert packed._probe("cpu", chosen) < float("inf")
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads
