"""The tracker that ships with the package: a detector for whole pictures and a landmark network for crops."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from portrait_alive.nets.landmark_net import LandmarkNet, LandmarkNetConfig
from portrait_alive.nets.load import faster_precision, load_net
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.detector import Detector
from portrait_alive.types import Box, Bytes, Landmarks
from portrait_alive.weights import TRACKER, weight_path

PRESENT = 0.5
"""Presence from which a crop counts as a face."""
STILL_PRESENT = 0.2
"""Presence under which a followed face counts as lost: lower, so that a hand before the face does not lose it."""
_ROLLS = (0.0, np.pi / 2, -np.pi / 2, np.pi)
_SIDES = (512, 1024, 2048)
"""Sizes at which a picture is searched, until a face is found."""


@dataclass(frozen=True, eq=False)
class NativeTracker:
    """Detects at low resolution, then places the landmarks in two or three looks, each from a better crop."""

    net: LandmarkNet
    detector: Detector
    device: torch.device
    precision: torch.dtype
    name: str = "native"

    @staticmethod
    def load(device: str | torch.device = "cpu") -> "NativeTracker":
        """The shipped networks."""
        place = torch.device(device)
        net = load_net(weight_path(TRACKER), "landmark-net-1", lambda c: LandmarkNet(LandmarkNetConfig(**c)), place)
        size = net.config.crop_size
        precision = faster_precision(net, torch.zeros(1, 3, size, size, device=place))
        return NativeTracker(net, Detector.load(place), place, precision)

    def detect(self, pixels: Bytes) -> list[Landmarks]:
        """Every face in a picture, from left to right."""
        for side in _SIDES:
            if side > _SIDES[0] and side / 2 >= max(pixels.shape[:2]):
                break
            candidates = self.detector.candidates(pixels, side=side)
            faces = self._look([c.crop(self.net.config.crop_size) for c in candidates], pixels, looks=3)
            present = [face for face in faces if face.presence >= PRESENT]
            if present:
                return sorted(_distinct(present), key=lambda face: face.box.centre[0])
        return []

    def refine(self, pixels: Bytes, around: Box) -> Landmarks | None:
        """The face in or near a box, at any roll; None where there is none."""
        size = self.net.config.crop_size
        crops = [FaceCrop.around_box(around, size, angle=float(roll)) for roll in _ROLLS]
        best = max(self._look(crops, pixels, looks=3), key=lambda face: face.presence)
        return best if best.presence >= PRESENT else None

    def follow(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        """One face through consecutive frames; looked for in the whole frame where it was lost."""
        followed: list[Landmarks | None] = []
        for frame in frames:
            face = self._again(frame, last) if last is not None else None
            if face is None:
                face = max(self.detect(frame), key=lambda found: found.box.area, default=None)
            followed.append(face)
            last = face
        return followed

    def _again(self, frame: Bytes, last: Landmarks) -> Landmarks | None:
        crop = FaceCrop.around_points(last.points, self.net.config.crop_size)
        face = self._look([crop], frame, looks=1)[0]
        return face if face.presence >= STILL_PRESENT else None

    def _look(self, crops: list[FaceCrop], pixels: Bytes, *, looks: int) -> list[Landmarks]:
        """Landmarks in each crop, recropped around what was found `looks - 1` times."""
        faces: list[Landmarks] = []
        for _ in range(looks if crops else 0):
            faces = self._run(crops, pixels)
            crops = [FaceCrop.around_points(face.points, self.net.config.crop_size) for face in faces]
        return faces

    def _run(self, crops: list[FaceCrop], pixels: Bytes) -> list[Landmarks]:
        cut = np.stack([crop.cut(pixels) for crop in crops])  # (N, S, S, 3)
        batch = torch.from_numpy(cut).to(self.device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        # a view of HWC bytes already is channels-last
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32),
        ):
            output = self.net(batch)
        points = output.points.float().cpu().numpy() * self.net.config.crop_size  # (N, 478, 3)
        confidence = np.exp(-12 * np.exp(output.log_scale.float().cpu().numpy()))
        presence = torch.sigmoid(output.presence.float()).cpu().numpy()
        return [
            Landmarks(crop.to_picture(p), c.astype(np.float32), float(s))
            for crop, p, c, s in zip(crops, points, confidence, presence, strict=True)
        ]


def _distinct(faces: list[Landmarks]) -> list[Landmarks]:
    """Drop faces that lie on one seen more surely."""
    kept: list[Landmarks] = []
    for face in sorted(faces, key=lambda found: -found.presence):
        if all(face.box.overlap(other.box) < 0.3 for other in kept):
            kept.append(face)
    return kept
