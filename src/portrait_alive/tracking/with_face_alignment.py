"""face-alignment (Bulat and Tzimiropoulos 2017) behind the `Tracker` interface: 68 points, completed to the mesh."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError

import numpy as np

from portrait_alive.errors import MissingDependencyError
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.shape.complete import complete_landmarks, selection_of
from portrait_alive.types import Box, Bytes, Float, Landmarks
from portrait_alive.weights import SHAPE_BASIS, weight_path

_NETWORKS = ("s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar")
_CERTAIN = 0.7
"""Heat-map peak that counts as full confidence."""


@dataclass(frozen=True, eq=False)
class FaceAlignmentTracker:
    """The 2-D network with its SFD detector; slow on a CPU (about a second a frame)."""

    network: Any
    basis: ShapeBasis
    name: str = "face-alignment"

    @staticmethod
    def load(*, device: str = "cpu") -> "FaceAlignmentTracker":
        """Build the tracker; face-alignment fetches its networks when they are not in torch's cache.

        Raises:
            MissingDependencyError: the package is not there or its networks cannot be had; says what to do.
        """
        try:
            import face_alignment
        except ImportError as error:
            raise MissingDependencyError(
                f"--tracker face-alignment needs its package: pip install face-alignment ({error})"
            ) from error
        try:
            network = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D, device=device, flip_input=False, compile=False
            )
        except (URLError, OSError) as error:
            import torch

            raise MissingDependencyError(
                f"--tracker face-alignment: its networks could not be downloaded ({error}). "
                f"Put {' and '.join(_NETWORKS)} from https://www.adrianbulat.com/downloads/python-fan into "
                f"{torch.hub.get_dir()}/checkpoints, or use --tracker native, which needs no download"
            ) from error
        return FaceAlignmentTracker(network, load_basis(weight_path(SHAPE_BASIS)))

    def detect(self, pixels: Bytes) -> list[Landmarks]:
        """Every face in a picture, from left to right."""
        return self._faces(pixels, None)

    def refine(self, pixels: Bytes, around: Box) -> Landmarks | None:
        """The face in a box; None where the network sees none."""
        corners = [around.x, around.y, around.x + around.width, around.y + around.height]
        return next(iter(self._faces(pixels, [corners])), None)

    def follow(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        """One face through consecutive frames, each looked for where the last one was."""
        followed: list[Landmarks | None] = []
        for frame in frames:
            face = self.refine(frame, last.box) if last is not None else None
            if face is None:
                face = max(self.detect(frame), key=lambda found: found.box.area, default=None)
            followed.append(face)
            last = face
        return followed

    def _faces(self, pixels: Bytes, boxes: list[list[float]] | None) -> list[Landmarks]:
        found, scores, _ = self.network.get_landmarks_from_image(
            np.ascontiguousarray(pixels), detected_faces=boxes, return_landmark_score=True, return_bboxes=True
        ) or (None, None, None)
        faces = [
            lift68(points[:, :2].astype(np.float32), np.asarray(score, np.float32), self.basis)
            for points, score in zip(found or [], scores or [], strict=True)
        ]
        return sorted(faces, key=lambda face: face.box.centre[0])


def lift68(points: Float, score: Float, basis: ShapeBasis) -> Landmarks:
    """The mesh through 68 iBUG points (68, 2) in picture pixels, whose heat-map peaks are `score` (68,)."""
    face = complete_landmarks(basis, points, selection_of([(index,) for index in topology.IBUG68]))
    sure = float(np.clip(np.mean(score) / _CERTAIN, 0.0, 1.0))
    return Landmarks(face.points, np.full_like(face.confidence, sure), sure)
