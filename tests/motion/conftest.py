"""A portrait and a driver made from the shipped head model: exact, offline, no picture needed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from portrait_alive.motion.angles import matrix_of
from portrait_alive.motion.tracks import Motion, motion_at_rest
from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.types import MESH_POINTS, Box, Bytes, HeadFit, HeadPose, Landmarks, SourceFace
from portrait_alive.weights import SHAPE_BASIS, weight_path

FPS = Fraction(25)


@pytest.fixture(scope="session")
def basis() -> ShapeBasis:
    return load_basis(weight_path(SHAPE_BASIS))


@pytest.fixture(scope="session")
def fitter(basis: ShapeBasis) -> HeadFitter:
    return HeadFitter.of(basis)


@pytest.fixture(scope="session")
def names(basis: ShapeBasis) -> tuple[str, ...]:
    return tuple(n for n in basis.expression_names if not n.startswith(("eyeBlink", "eyeWide")))


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


@pytest.fixture(scope="session")
def source(basis: ShapeBasis) -> SourceFace:
    return posed_source(basis)


@pytest.fixture(scope="session")
def lively(names: tuple[str, ...]) -> Motion:
    """Three seconds in which every track moves."""
    rest = motion_at_rest(75, FPS, names)
    time = np.arange(75) / 25.0
    wave = np.sin(2 * np.pi * np.outer(time, [0.5, 0.7, 0.9]))
    expression = rest.expression.copy()
    expression[:, names.index("mouthSmile_L")] = 0.3 + 0.3 * wave[:, 0]
    expression[:, names.index("browInnerUp_R")] = 0.2 + 0.2 * wave[:, 1]
    return rest.with_tracks(
        lambda name, track: {
            "rotation": (0.2 * wave).astype(np.float32),
            "translation": (0.5 * wave[:, :2]).astype(np.float32),
            "expression": expression,
            "lids": (0.6 + 0.4 * wave[:, :2]).astype(np.float32),
            "gaze": (0.2 * np.repeat(wave[:, None, :2], 2, 1)).astype(np.float32),
            "mouth": (0.1 + 0.1 * wave[:, 2]).astype(np.float32),
            "contact": np.ones(75, np.float32),
        }.get(name, track)
    )


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
