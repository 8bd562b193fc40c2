"""The judge of landmarks: MediaPipe's face mesh on whole clips, remembered on disk.

The judge is not the tracker that drives: it looks at outputs and truths alike, frame by frame (image mode, so that the
answer for a frame never depends on its neighbours), through MediaPipe's current API and a model file that the user has.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import MissingDependencyError, UnreadableInputError
from portrait_alive.types import MESH_POINTS, Bytes, Float


class Judge(Protocol):
    """Tells where the face is in each frame."""

    def meshes(self, frames: Sequence[Bytes]) -> Float:
        """Face meshes (N, 478, 3) in pixels of N frames (H, W, 3); NaN where no face is seen."""
        ...


class MediaPipeJudge:
    """MediaPipe's FaceLandmarker with a cache by content."""

    def __init__(self, model: Path, cache: Path | None = None) -> None:
        """Prepare, without loading MediaPipe yet.

        Args:
            model: the `.task` file of the face landmarker.
            cache: folder for remembered meshes; created when needed; None remembers nothing.

        Raises:
            UnreadableInputError: the model file is missing.
        """
        if not model.is_file():
            raise UnreadableInputError(f"{model}: no such file; name MediaPipe's face_landmarker .task file")
        self._model = model
        self._cache = cache
        self._model_digest = hashlib.blake2b(model.read_bytes(), digest_size=8).digest()

    def meshes(self, frames: Sequence[Bytes]) -> Float:
        """Face meshes (N, 478, 3) in pixels of N frames (H, W, 3) uint8 sRGB; NaN where no face is seen.

        The largest face of each frame. z is MediaPipe's, in pixels, growing away from the viewer.
        """
        remembered = self._remembered_at(frames)
        if remembered is not None and remembered.is_file():
            stored: Float = np.load(remembered, allow_pickle=False)
            if stored.shape == (len(frames), MESH_POINTS, 3):
                return stored
        found = self._detect(frames)
        if remembered is not None:
            remembered.parent.mkdir(parents=True, exist_ok=True)
            partial = remembered.with_suffix(".part")
            with partial.open("wb") as file:
                np.save(file, found)
            partial.replace(remembered)
        return found

    def _remembered_at(self, frames: Sequence[Bytes]) -> Path | None:
        if self._cache is None:
            return None
        digest = hashlib.blake2b(self._model_digest, digest_size=16)
        for frame in frames:
            digest.update(repr(frame.shape).encode())
            digest.update(np.ascontiguousarray(frame).data)
        return self._cache / f"{digest.hexdigest()}.npy"

    def _detect(self, frames: Sequence[Bytes]) -> Float:
        try:
            import mediapipe
            from mediapipe.tasks.python import BaseOptions
            from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions
        except ImportError as error:
            raise MissingDependencyError(
                "the landmark judge needs MediaPipe: pip install 'portrait-alive[mediapipe]'"
            ) from error
        options = FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(self._model)),
            num_faces=3,
            min_face_detection_confidence=0.3,
            min_face_presence_confidence=0.3,
        )
        meshes = np.full((len(frames), MESH_POINTS, 3), np.nan, np.float32)
        with FaceLandmarker.create_from_options(options) as landmarker:
            for mesh, frame in zip(meshes, frames, strict=True):
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
                faces = [
                    np.array([(p.x, p.y, p.z) for p in face], np.float32)
                    for face in landmarker.detect(image).face_landmarks
                ]
                if faces:
                    height, width = frame.shape[:2]
                    scale = np.array([width, height, width], np.float32)
                    mesh[:] = max(faces, key=lambda face: float(np.ptp(face[:, :2] * scale[:2], 0).prod())) * scale
        return meshes


def face_seen(meshes: Float) -> NDArray[np.bool_]:
    """(N,) True where `meshes` (N, 478, 3) holds a face."""
    return np.asarray(~np.isnan(meshes).any((1, 2)))
