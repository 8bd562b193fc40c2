"""The project's own engines as methods under test: the stages that `animate` runs, on frames in memory."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from portrait_alive.errors import NoFaceError
from portrait_alive.evaluation.methods import animated, faces_of, laid_over
from portrait_alive.film import room_of
from portrait_alive.motion.absolute import retarget_absolute, track_meshes
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.smoothing import smoothed
from portrait_alive.motion.track import track_driver
from portrait_alive.motion.tracks import Motion
from portrait_alive.options import Engine as EngineName
from portrait_alive.person.person import SitterPicture
from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.tracker import TrackerName, load_tracker
from portrait_alive.types import MESH_POINTS, Bytes, DrivenFace, Float, Picture, SourceFace
from portrait_alive.weights import SHAPE_BASIS, weight_path


class WarpEngineMethod:
    """A `Reenactor`: tracks with one of the project's trackers and animates the first source, to which others lend."""

    def __init__(
        self,
        tracker: TrackerName = "native",
        *,
        engine: EngineName = "warp",
        absolute: bool = True,
        aligned: bool = True,
        fps: Fraction = Fraction(25),
    ) -> None:
        self._engine: EngineName = engine
        self._tracker = load_tracker(tracker)
        self._basis = load_basis(weight_path(SHAPE_BASIS))
        self._fitter = HeadFitter.of(self._basis)
        self._absolute = absolute
        self._aligned = aligned
        self._fps = fps
        self._motion: tuple[Sequence[Bytes], Motion] | None = None

    @property
    def basis(self) -> ShapeBasis:
        """The shape basis that faces are fitted with."""
        return self._basis

    def __call__(self, sources: Sequence[Bytes], driving: Sequence[Bytes]) -> list[Bytes]:
        face = self.face(sources[0])
        others = faces_of(sources[1:], self._tracker, self._fitter)
        driven = self.driven(face, driving)
        if self._absolute and self._aligned:
            room = room_of(driven, self._basis)
            driven = laid_over(Picture(sources[0]), face, driven, driving, self._basis, room)
        return self.rendered(sources[0], face, driven, others)

    def rendered(
        self, source: Bytes, face: SourceFace, driven: Sequence[DrivenFace], others: Sequence[SitterPicture] = ()
    ) -> list[Bytes]:
        """The picture's frames; `others` are pictures of the same sitter."""
        room = room_of(driven, self._basis) if self._absolute else None
        return animated(self._engine, Picture(source), face, driven, self._basis, others=others, room=room)

    def face(self, source: Bytes) -> SourceFace:
        """The largest face of a picture.

        Raises:
            NoFaceError: there is none.
        """
        found = self._tracker.detect(source)
        if not found:
            raise NoFaceError(f"{self._tracker.name} finds no face in the source")
        return source_face(max(found, key=lambda landmarks: landmarks.box.area), self._fitter)

    def driven(self, face: SourceFace, driving: Sequence[Bytes]) -> Sequence[DrivenFace]:
        """The portrait's face in each frame."""
        if self._absolute:
            track = track_meshes(driving, self._tracker, self._fitter, fps=self._fps)
            return retarget_absolute(face, track, self._basis)
        if self._motion is None or self._motion[0] is not driving:  # one driver is often driven onto many sources
            self._motion = driving, smoothed(track_driver(driving, self._tracker, self._fitter, fps=self._fps))
        return retarget(face, self._motion[1], self._basis)

    def raw_points(self, driving: Sequence[Bytes]) -> Float:
        """(N, 478, 3) landmarks as tracked, unsmoothed; NaN where the face is lost."""
        empty = np.full((MESH_POINTS, 3), np.nan, np.float32)
        return np.stack([empty if f is None else f.points for f in self._tracker.follow(driving, None)])
