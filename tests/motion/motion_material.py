"""Drivers and sources made for the tests of motion: posed meshes, scripted trackers, numbered frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from portrait_alive.motion.angles import matrix_of
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.types import MESH_POINTS, Box, Bytes, HeadFit, HeadPose, Landmarks, SourceFace

FPS = Fraction(25)


def face_landmarks(points: np.ndarray) -> Landmarks:
    return Landmarks(points[:MESH_POINTS].astype(np.float32), np.ones(MESH_POINTS, np.float32), 1.0)


def posed_source(
    basis: ShapeBasis,
    *,
    yaw: float = 0.15,
    pitch: float = -0.05,
    roll: float = 0.08,
    expression: dict[str, float] | None = None,
    seed: int = 3,
) -> SourceFace:
    """A portrait with its own identity, and residuals such as a tracker leaves."""
    generator = np.random.default_rng(seed)
    weights = np.zeros(len(basis.expression), np.float32)
    for name, weight in (expression or {}).items():
        weights[basis.expression_index(name)] = weight
    rotation = matrix_of(np.array([yaw, pitch, roll])).astype(np.float32)
    identity = (0.6 * generator.normal(size=len(basis.identity))).astype(np.float32)
    fit = HeadFit(HeadPose(rotation, np.array([400, 500, 0], np.float32), 17.0), identity, weights)
    points = basis.project(fit)
    points[: MESH_POINTS - 10, :2] += generator.normal(size=(MESH_POINTS - 10, 2)).astype(np.float32) * 0.4
    return SourceFace(face_landmarks(points), fit, points)


@dataclass
class ScriptedTracker:
    """Sees what a script says: faces by frame, the frame's number being written into its first pixel."""

    script: Sequence[Sequence[np.ndarray]]
    name: str = "scripted"

    def detect(self, pixels: Bytes) -> list[Landmarks]:
        faces = [face_landmarks(points) for points in self.script[number_in(pixels)]]
        return sorted(faces, key=lambda face: face.box.centre[0])

    def refine(self, pixels: Bytes, around: Box) -> Landmarks | None:
        faces = self.detect(pixels)
        return max(faces, key=lambda face: face.box.overlap(around), default=None)

    def follow(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        followed: list[Landmarks | None] = []
        for frame in frames:
            faces = self.detect(frame)
            if last is None:
                face = max(faces, key=lambda found: found.box.area, default=None)
            else:
                face = max(faces, key=lambda found: found.box.overlap(last.box), default=None)
            followed.append(face)
            last = face or last
        return followed


def number_in(pixels: Bytes) -> int:
    return int(pixels[0, 0, 0]) + 256 * int(pixels[0, 0, 1])


def numbered_frames(count: int, cuts: Sequence[int] = ()) -> Iterator[Bytes]:
    """Frames that carry their number; the scene's brightness jumps at each cut."""
    for number in range(count):
        scene = sum(number >= cut for cut in cuts)
        frame = np.full((64, 64, 3), (40, 220, 90)[scene % 3], np.uint8)
        frame[0, 0, :2] = number % 256, number // 256
        yield frame


def driver_meshes(
    basis: ShapeBasis,
    rotation: np.ndarray,
    *,
    expression: dict[str, np.ndarray] | None = None,
    place: tuple[float, float] = (300.0, 250.0),
    scale: float = 11.0,
    seed: int = 9,
) -> list[np.ndarray]:
    """Meshes (478, 3) of a driver who turns by `rotation` (T, 3) and mimics by shapes (T,)."""
    identity = (0.7 * np.random.default_rng(seed).normal(size=len(basis.identity))).astype(np.float32)
    meshes = []
    for frame, angles in enumerate(rotation):
        weights = np.zeros(len(basis.expression), np.float32)
        for name, curve in (expression or {}).items():
            weights[basis.expression_index(name)] = curve[frame]
        pose = HeadPose(matrix_of(angles).astype(np.float32), np.array([*place, 0], np.float32), scale)
        meshes.append(basis.project(HeadFit(pose, identity, weights))[:MESH_POINTS])
    return meshes
