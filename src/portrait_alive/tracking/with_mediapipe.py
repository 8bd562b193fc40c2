"""MediaPipe's face landmarker behind the `Tracker` interface (extra: portrait-alive[mediapipe])."""

import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from portrait_alive.errors import MissingDependencyError, UnreadableInputError
from portrait_alive.types import Box, Bytes, Landmarks
from portrait_alive.weights import sha256_of

MODEL_NAME = "face_landmarker_v2_with_blendshapes.task"
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
MODEL_VARIABLE = "PORTRAIT_ALIVE_MEDIAPIPE_MODEL"
MODEL_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
_CROP_FACTOR = 2.0
"""A face is searched in a square of twice its box: MediaPipe's short-range detector wants some surroundings."""


def model_file() -> Path:
    """Where the model file is looked for: $PORTRAIT_ALIVE_MEDIAPIPE_MODEL, else the user's cache folder."""
    named = os.environ.get(MODEL_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "portrait-alive" / MODEL_NAME


@dataclass(frozen=True, eq=False)
class MediapipeTracker:
    """The landmarker in image mode: each call stands for itself."""

    landmarker: Any
    name: str = "mediapipe"

    @staticmethod
    def load(model: Path | None = None, *, max_faces: int = 8) -> "MediapipeTracker":
        """Open the landmarker.

        Args:
            model: the `.task` file; None looks where `model_file` says.

        Raises:
            MissingDependencyError: mediapipe or its model file is not there.
            UnreadableInputError: the model file is not the one whose hash is known.
        """
        path = model or model_file()
        if not path.is_file():
            raise MissingDependencyError(
                f"{path}: MediaPipe's model file is missing. Download {MODEL_URL} to that path "
                f"(or name it in ${MODEL_VARIABLE}), or use --tracker native"
            )
        if sha256_of(path) != MODEL_SHA256:
            raise UnreadableInputError(
                f"{path}: not the model file that was tested (SHA-256 differs); download it again"
            )
        try:
            from mediapipe.tasks import python as tasks
            from mediapipe.tasks.python import vision
        except ImportError as error:
            raise MissingDependencyError(
                f"--tracker mediapipe needs its package: pip install 'portrait-alive[mediapipe]' ({error})"
            ) from error
        options = vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(path)),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=max_faces,
        )
        tracker = MediapipeTracker(vision.FaceLandmarker.create_from_options(options))
        # closed before the interpreter takes its modules apart, or MediaPipe complains while it exits
        weakref.finalize(tracker, tracker.landmarker.close)
        return tracker

    def detect(self, pixels: Bytes) -> list[Landmarks]:
        """Every face in a picture, from left to right."""
        import mediapipe

        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
        height, width = pixels.shape[:2]
        faces = []
        for found in self.landmarker.detect(image).face_landmarks:
            points = np.array([(p.x * width, p.y * height, p.z * width) for p in found], np.float32)
            faces.append(Landmarks(points, np.ones(len(points), np.float32), 1.0))
        return sorted(faces, key=lambda face: face.box.centre[0])

    def refine(self, pixels: Bytes, around: Box) -> Landmarks | None:
        """The face in or near a box; None where there is none."""
        height, width = pixels.shape[:2]
        side = _CROP_FACTOR * max(around.width, around.height)
        cx, cy = around.centre
        left, top = max(int(cx - side / 2), 0), max(int(cy - side / 2), 0)
        right, bottom = min(int(cx + side / 2) + 1, width), min(int(cy + side / 2) + 1, height)
        if right - left < 16 or bottom - top < 16:
            return None
        faces = self.detect(pixels[top:bottom, left:right])
        if not faces:
            return None
        offset = np.array([left, top, 0], np.float32)
        moved = [Landmarks(face.points + offset, face.confidence, face.presence) for face in faces]
        return max(moved, key=lambda face: face.box.overlap(around))

    def follow(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        """One face through consecutive frames."""
        followed: list[Landmarks | None] = []
        for frame in frames:
            face = self.refine(frame, last.box) if last is not None else None
            if face is None:
                face = max(self.detect(frame), key=lambda found: found.box.area, default=None)
            followed.append(face)
            last = face
        return followed
