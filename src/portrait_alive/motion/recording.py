"""Low-dimensional records of a person while a clip streams by: some 1000 bytes a frame, no mesh kept."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.angles import angles_of
from portrait_alive.motion.following import Followed, Follower, meet_subject
from portrait_alive.motion.measures import in_head_frame, measured_all
from portrait_alive.motion.mouth_inside import mouth_inside
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.types import MESH_POINTS, Bytes, Landmarks

MEETING_FRAMES: Final = 150
"""Frames of landmarks that are held (0.9 MB) before the subject's identity is settled from them."""
_TOGETHER: Final = 8
"""Frames that are explained at a time."""
_Frame = tuple[int, int, Landmarks, Bytes | None]
"""Its number, its scene's number, its face, and what the mouth shows."""


@dataclass(frozen=True, eq=False)
class Records:
    """One person's raw measurements in the N frames in which they were seen."""

    frame: NDArray[np.intp]
    """(N,) frame numbers, rising."""
    scene: NDArray[np.intp]
    """(N,) number of the scene, counted by cuts."""
    rotation: NDArray[np.float32]
    """(N, 3) yaw, pitch, roll."""
    position: NDArray[np.float32]
    """(N, 2) picture pixels."""
    scale: NDArray[np.float32]
    """(N,) picture pixels per model unit."""
    lid_opening: NDArray[np.float32]
    """(N, 2)."""
    gaze: NDArray[np.float32]
    """(N, 2, 2)."""
    lid_heights: NDArray[np.float32]
    """(N, 2, 2), see `FaceMeasures`."""
    mouth: NDArray[np.float32]
    """(N,) signed."""
    inside: tuple[Bytes | None, ...]
    """N from `mouth_inside`."""
    residual: NDArray[np.float32]
    """(N,) what the basis does not explain, over the eyes' distance."""
    confidence: NDArray[np.float32]
    """(N,) the tracker's own."""
    expression: NDArray[np.float32]
    """(N, E)."""


@dataclass(eq=False)
class Recorder:
    """Turns one person's landmarks into records, frame by frame."""

    fitter: HeadFitter
    follower: Follower | None = None
    before: Followed | None = None
    waiting: list[_Frame] = field(default_factory=list)
    rows: "array[float]" = field(default_factory=lambda: array("f"))
    inside: list[Bytes | None] = field(default_factory=list)
    weight: float = 0.0
    """Sum of face heights: the larger and longest-seen person is the driver."""

    def add(self, frame: int, scene: int, face: Landmarks, pixels: Bytes) -> None:
        """Record one frame; of its pixels (H, W, 3) only what the open mouth shows is kept."""
        self.weight += face.box.height
        inside = mouth_inside(pixels, face.points)
        self.waiting.append((frame, scene, face, inside))
        if self.follower is None and len(self.waiting) >= MEETING_FRAMES:
            self._meet()
        elif self.follower is not None and len(self.waiting) >= _TOGETHER:
            self._write()

    def records(self) -> Records:
        """Everything recorded."""
        if self.follower is None:
            self._meet()
        self._write()
        table = np.array(self.rows).reshape(-1, self._row_length)
        narrow = table[:, 2:].astype(np.float32)
        return Records(
            frame=table[:, 0].astype(np.intp),
            scene=table[:, 1].astype(np.intp),
            rotation=narrow[:, 0:3],
            position=narrow[:, 3:5],
            scale=narrow[:, 5],
            lid_opening=narrow[:, 6:8],
            gaze=narrow[:, 8:12].reshape(-1, 2, 2),
            lid_heights=narrow[:, 12:16].reshape(-1, 2, 2),
            mouth=narrow[:, 16],
            residual=narrow[:, 17],
            confidence=narrow[:, 18],
            inside=tuple(self.inside),
            expression=narrow[:, 19:],
        )

    @property
    def _row_length(self) -> int:
        return 21 + len(self.fitter.basis.expression)

    def _meet(self) -> None:
        self.follower = Follower.of(self.fitter, meet_subject([face for _, _, face, _ in self.waiting], self.fitter))
        self._write()

    def _write(self) -> None:
        """Explain the frames that wait, and record them."""
        assert self.follower is not None
        for start in range(0, len(self.waiting), _TOGETHER):
            self._record(self.follower, self.waiting[start : start + _TOGETHER])
        self.waiting.clear()

    def _record(self, follower: Follower, frames: Sequence[_Frame]) -> None:
        points = np.stack([face.points[:MESH_POINTS] for _, _, face, _ in frames])
        followed = follower.follow_all(points, self.before)
        self.before = followed[-1]
        shapes = follower.shapes_of(followed)
        poses = [frame.pose for frame in followed]
        flat = [in_head_frame(*seen) for seen in zip(points, poses, shapes, strict=True)]
        measures = measured_all(np.stack(flat))
        table = np.empty((len(followed), self._row_length), np.float32)
        table[:, 0:2] = [(frame, scene) for frame, scene, _, _ in frames]
        table[:, 2:5] = angles_of(np.stack([pose.rotation for pose in poses]))
        table[:, 5:7] = [pose.translation[:2] for pose in poses]
        table[:, 7] = [pose.scale for pose in poses]
        table[:, 8:10] = [measure.lid_opening for measure in measures]
        table[:, 10:14] = [measure.gaze.reshape(-1) for measure in measures]
        table[:, 14:18] = [measure.lid_heights.reshape(-1) for measure in measures]
        table[:, 18] = [measure.mouth for measure in measures]
        table[:, 19] = [frame.residual for frame in followed]
        table[:, 20] = [face.presence * face.confidence.mean() for _, _, face, _ in frames]
        table[:, 21:] = [frame.expression for frame in followed]
        self.rows.frombytes(table.tobytes())
        self.inside += [inside for _, _, _, inside in frames]
