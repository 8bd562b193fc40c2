"""The driver's mesh where it is (`--retarget absolute`): for a driver and a source that are one person in one framing.

Without neutral, lock, limits or strengths. Meshes are kept only for the length of a run and never saved.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import NoFaceError
from portrait_alive.motion.driven_faces import DrivenFaces
from portrait_alive.motion.following import Followed, Follower, meet_subject
from portrait_alive.motion.lips import mouth_opening
from portrait_alive.motion.measures import in_head_frame, measured, unplaced
from portrait_alive.motion.mouth_inside import inside_track, mouth_inside
from portrait_alive.motion.neck import Neck
from portrait_alive.motion.people import watch
from portrait_alive.motion.recording import MEETING_FRAMES
from portrait_alive.motion.tracks import shares_of_one
from portrait_alive.shape.basis import ShapeBasis, place
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.types import MESH_POINTS, Bytes, DrivenFace, Float, HeadPose, Landmarks, SourceFace

_STEPS = 32767


@dataclass(frozen=True, eq=False)
class MeshTrack:
    """A face's mesh and pose in each of T frames; 3.3 kB a frame."""

    fps: Fraction
    meshes: NDArray[np.int16]
    """(T, 478, 3) points in steps from the centre: see `points`."""
    centres: Float
    """(T, 3) picture pixels."""
    step_px: Float
    """(T,) picture pixels per step."""
    rotations: Float
    """(T, 3, 3)."""
    translations: Float
    """(T, 3)."""
    scales: Float
    """(T,)."""
    inside: Bytes
    """(T, 14, 24, 2) as in `Motion.inside`."""
    bridged: NDArray[np.bool_]
    """(T,) True where no face was followed and the nearest seen mesh stands in."""

    def __len__(self) -> int:
        return len(self.meshes)

    def points(self, frame: int) -> Float:
        """(478, 3) picture pixels."""
        return np.asarray(self.meshes[frame] * self.step_px[frame] + self.centres[frame], np.float32)

    def pose(self, frame: int) -> HeadPose:
        """Head pose in the picture."""
        return HeadPose(self.rotations[frame], self.translations[frame], float(self.scales[frame]))


@dataclass(eq=False)
class _MeshRecorder:
    fitter: HeadFitter
    follower: Follower | None = None
    before: Followed | None = None
    waiting: list[tuple[int, Landmarks, Bytes | None]] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    rows: list[tuple[NDArray[np.int16], Float, float, HeadPose, Bytes | None]] = field(default_factory=list)
    weight: float = 0.0

    def add(self, frame: int, face: Landmarks, pixels: Bytes) -> None:
        self.weight += face.box.height
        inside = mouth_inside(pixels, face.points)
        if self.follower is None:
            self.waiting.append((frame, face, inside))
            if len(self.waiting) >= MEETING_FRAMES:
                self.settle()
        else:
            self._write(frame, face, inside)

    def settle(self) -> None:
        if self.follower is None:
            self.follower = Follower.of(self.fitter, meet_subject([face for _, face, _ in self.waiting], self.fitter))
            for frame, face, inside in self.waiting:
                self._write(frame, face, inside)
            self.waiting.clear()

    def _write(self, frame: int, face: Landmarks, inside: Bytes | None) -> None:
        assert self.follower is not None
        self.before = self.follower.follow(face.points, self.before)
        pose = self.before.pose
        points = place(self.follower.shape(self.before).astype(np.float32), pose)
        points[:, :2] = face.points[:MESH_POINTS, :2]
        centre = points.mean(0)
        step = float(np.abs(points - centre).max()) / _STEPS
        self.frames.append(frame)
        self.rows.append((np.rint((points - centre) / step).astype(np.int16), centre, step, pose, inside))


def track_meshes(
    frames: Iterable[Bytes],
    tracker: Tracker,
    fitter: HeadFitter,
    *,
    fps: Fraction,
    driver_face: int | None = None,
    name: str = "the driver",
    on_frame: Callable[[int], None] | None = None,
) -> MeshTrack:
    """Mesh and pose in every frame of a clip; arguments and errors as in `motion.track.track_driver`."""
    recorders: dict[int, _MeshRecorder] = {}
    count = 0
    with closing(watch(frames, tracker)) as glimpses:
        for glimpse in glimpses:
            count = glimpse.frame + 1
            for person, face in glimpse.faces.items():
                recorders.setdefault(person, _MeshRecorder(fitter)).add(glimpse.frame, face, glimpse.pixels)
            if on_frame is not None:
                on_frame(count)
    if not recorders or (driver_face is not None and driver_face - 1 not in recorders):
        raise NoFaceError(f"{name}: {len(recorders)} faces were followed; choose another clip or --driver-face")
    person = max(recorders, key=lambda p: recorders[p].weight) if driver_face is None else driver_face - 1
    chosen = recorders[person]
    chosen.settle()
    return _track(chosen, count, fps)


def mesh_track(seen: Sequence[tuple[Bytes, Landmarks]], fitter: HeadFitter, *, fps: Fraction) -> MeshTrack:
    """The same from pictures (H, W, 3) whose landmarks are known."""
    recorder = _MeshRecorder(fitter)
    for frame, (pixels, face) in enumerate(seen):
        recorder.add(frame, face, pixels)
    recorder.settle()
    return _track(recorder, len(seen), fps)


def _track(recorder: _MeshRecorder, count: int, fps: Fraction) -> MeshTrack:
    nearest = [recorder.rows[i] for i in _nearest(np.array(recorder.frames), count)]
    return MeshTrack(
        fps=fps,
        meshes=np.stack([mesh for mesh, *_ in nearest]),
        centres=np.stack([centre for _, centre, *_ in nearest]),
        step_px=np.array([step for _, _, step, *_ in nearest], np.float32),
        rotations=np.stack([pose.rotation for *_, pose, _ in nearest]),
        translations=np.stack([pose.translation for *_, pose, _ in nearest]),
        scales=np.array([pose.scale for *_, pose, _ in nearest], np.float32),
        inside=inside_track([inside for *_, inside in nearest]),
        bridged=~np.isin(np.arange(count), recorder.frames),
    )


def _nearest(frames: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    wanted = np.arange(count)
    after = np.clip(np.searchsorted(frames, wanted), 0, len(frames) - 1)
    before = np.clip(after - 1, 0, None)
    return np.where(np.abs(frames[before] - wanted) < np.abs(frames[after] - wanted), before, after)


@dataclass(frozen=True, eq=False)
class _Absolute(DrivenFaces):
    source: SourceFace
    track: MeshTrack
    basis: ShapeBasis
    own: NDArray[np.float64]
    neck: Neck
    own_opening: Float

    def __len__(self) -> int:
        return len(self.track)

    def driven(self, frame: int) -> DrivenFace:
        pose, source_pose = self.track.pose(frame), self.source.fit.pose
        own = self.own.astype(np.float32)
        points = self.neck.blended(self.source.points, place(own, pose) - place(own, source_pose), 0.0)
        mesh = self.track.points(frame)
        points[:MESH_POINTS] = mesh
        seen = in_head_frame(mesh, pose, unplaced(mesh, pose).astype(np.float32))
        closure = np.clip(1 - measured(seen).lid_opening / np.maximum(self.own_opening, 0.02), 0.0, 1.0)
        return DrivenFace(
            points=points,
            turn=(pose.rotation @ source_pose.rotation.T).astype(np.float32),
            lid_closure=(float(closure[0]), float(closure[1])),
            mouth_opening=mouth_opening(seen),
            inside=shares_of_one(self.track.inside[frame]),
        )


def retarget_absolute(source: SourceFace, track: MeshTrack, basis: ShapeBasis) -> Sequence[DrivenFace]:
    """The driver's mesh in the source's picture, coordinate for coordinate, one `DrivenFace` per frame, lazily.

    Skull, ears and neck, which no mesh has, are the source's own, moved with the driver's head.
    """
    own = unplaced(source.points, source.fit.pose)
    return _Absolute(source, track, basis, own, Neck.of(basis, source), measured(own).lid_opening)
