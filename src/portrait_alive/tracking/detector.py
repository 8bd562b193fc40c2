"""Where faces may be in a whole picture, before the landmark network has had a closer look."""

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import torch

from portrait_alive.nets.detector_net import SIZE_PER_STRIDE, STRIDES, DetectorNet, DetectorNetConfig
from portrait_alive.nets.load import load_net
from portrait_alive.nets.packed import quickened
from portrait_alive.tracking.crop import CROP_MARGIN, FaceCrop, halved
from portrait_alive.types import Bytes
from portrait_alive.weights import DETECTOR, weight_path

_MULTIPLE = STRIDES[-1]
_SHRINK = 1.5
"""How much smaller the picture may become by interpolation between neighbours alone."""


@dataclass(frozen=True)
class Candidate:
    """Something that looks like a face from afar."""

    centre: tuple[float, float]
    """(x, y) in picture pixels."""
    size: float
    """Larger side of the upright face mesh in picture pixels."""
    angle: float
    """Clockwise roll in radians."""
    score: float
    """In [0, 1]."""

    def crop(self, size: int) -> FaceCrop:
        """The crop for the landmark network."""
        return FaceCrop(self.centre, self.size * CROP_MARGIN, self.angle, size)


@dataclass(frozen=True, eq=False)
class Detector:
    """The detector network and how its grids are read."""

    net: DetectorNet
    device: torch.device

    @staticmethod
    def load(device: torch.device) -> "Detector":
        """The shipped detector."""
        net = load_net(weight_path(DETECTOR), "detector-net-1", lambda c: DetectorNet(DetectorNetConfig(**c)), device)
        example = torch.zeros(1, 3, 256, 256, device=device).to(memory_format=torch.channels_last)
        return Detector(quickened(net, example), device)

    def candidates(self, pixels: Bytes, *, side: int = 512, threshold: float = 0.25, most: int = 12) -> list[Candidate]:
        """Candidates in a picture (H, W, 3) uint8 RGB, best first, without doubles.

        Args:
            side: the longer side of the picture as the network sees it; faces under about side / 50 of it are missed.
        """
        small, scale = _shrunk(pixels, side)
        padded = np.full((_up(small.shape[0]), _up(small.shape[1]), 3), 127, np.uint8)
        padded[: small.shape[0], : small.shape[1]] = small
        # a view of HWC bytes already is channels-last
        picture = torch.from_numpy(padded).to(self.device).permute(2, 0, 1)[None].float().div_(127.5).sub_(1)
        with torch.inference_mode():
            output = self.net(picture)
        found = []
        for stride, score, shape in zip(STRIDES, output.score, output.shape, strict=True):
            likely = torch.sigmoid(score[0]).cpu().numpy()
            rows, columns = np.nonzero(likely > threshold)
            values = shape[0].cpu().numpy()[:, rows, columns].T  # (N, 5)
            for row, column, (dx, dy, log_size, cos, sin) in zip(rows, columns, values, strict=True):
                found.append(
                    Candidate(
                        centre=(
                            float(column + 0.5 + dx) * stride / scale[0],
                            float(row + 0.5 + dy) * stride / scale[1],
                        ),
                        size=math.exp(min(log_size, 3.0)) * SIZE_PER_STRIDE * stride / max(scale),
                        angle=math.atan2(sin, cos),
                        score=float(likely[row, column]),
                    )
                )
        return _distinct(sorted(found, key=lambda candidate: -candidate.score))[:most]


def _shrunk(pixels: Bytes, side: int) -> tuple[Bytes, tuple[float, float]]:
    """A picture with its longer side `side` (at most enlarged fourfold), and by how much x and y are scaled."""
    height, width = pixels.shape[:2]
    scale = min(side / max(height, width), 4.0)
    seen = (max(round(width * scale), 1), max(round(height * scale), 1))
    shrink = 1
    while max(pixels.shape[:2]) > _SHRINK * side and min(pixels.shape[:2]) > 1:
        pixels = halved(pixels)
        shrink *= 2
    scales = (seen[0] / (shrink * pixels.shape[1]), seen[1] / (shrink * pixels.shape[0]))
    return cast(Bytes, cv2.resize(pixels, seen, interpolation=cv2.INTER_LINEAR)), scales


def _up(length: int) -> int:
    return -(-length // _MULTIPLE) * _MULTIPLE


def _distinct(candidates: list[Candidate]) -> list[Candidate]:
    """Drop what lies on a better candidate."""
    kept: list[Candidate] = []
    for candidate in candidates:
        near = (
            float(np.hypot(candidate.centre[0] - k.centre[0], candidate.centre[1] - k.centre[1]))
            < 0.45 * max(candidate.size, k.size)
            for k in kept
        )
        if not any(near):
            kept.append(candidate)
    return kept
