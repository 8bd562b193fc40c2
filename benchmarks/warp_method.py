"""The project's own warp engine as a method under test: the stages that `animate` runs, on frames in memory."""

from collections.abc import Sequence
from fractions import Fraction

from portrait_alive.engine import make_engine
from portrait_alive.errors import NoFaceError
from portrait_alive.motion.absolute import retarget_absolute, track_meshes
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.smoothing import smoothed
from portrait_alive.motion.track import track_driver
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.tracker import TrackerName, load_tracker
from portrait_alive.types import Bytes, DrivenFace, Picture, SourceFace
from portrait_alive.weights import SHAPE_BASIS, weight_path


class WarpEngineMethod:
    """A `Reenactor`: tracks with one of the project's trackers and warps the first source."""

    def __init__(self, tracker: TrackerName = "native", *, absolute: bool = True, fps: Fraction = Fraction(25)) -> None:
        self._tracker = load_tracker(tracker)
        self._basis = load_basis(weight_path(SHAPE_BASIS))
        self._fitter = HeadFitter.of(self._basis)
        self._absolute = absolute
        self._fps = fps

    def __call__(self, sources: Sequence[Bytes], driving: Sequence[Bytes]) -> list[Bytes]:
        face = self.face(sources[0])
        engine = make_engine("warp", Picture(sources[0]), [face], self._basis, with_alpha=False)
        return [engine.compose(engine.render([driven])).copy() for driven in self.driven(face, driving)]

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
        motion = smoothed(track_driver(driving, self._tracker, self._fitter, fps=self._fps))
        return retarget(face, motion, self._basis)
