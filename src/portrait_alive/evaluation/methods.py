"""Methods by name, for tables: what `animate` makes, and what it is compared with.

Another engine is another line in `METHODS`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from portrait_alive.aligning import Aligner, aligned
from portrait_alive.engine import make_engine
from portrait_alive.errors import NoFaceError
from portrait_alive.evaluation.baselines import TruthReencoded, still_source
from portrait_alive.evaluation.reenactment import Reenactor
from portrait_alive.film import room_of
from portrait_alive.motion.absolute import retarget_absolute, track_meshes
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.smoothing import smoothed
from portrait_alive.motion.track import track_driver
from portrait_alive.neural.repaint import NeuralLayer
from portrait_alive.options import Engine as EngineName
from portrait_alive.person.lent import Lent, LentPicture, scene_of, surroundings_of
from portrait_alive.person.person import Person, SitterPicture
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.types import MESH_POINTS, Box, Bytes, DrivenFace, Float, Picture, SourceFace

_FPS = Fraction(25)


@dataclass(frozen=True, eq=False)
class Tools:
    """What methods are made with."""

    tracker: Callable[[], Tracker]
    """Loads the tracker when a face has to be found."""
    basis: ShapeBasis
    absolute: bool = True
    """Self-reenactment: the driver's mesh where it is. Otherwise its motion in the portrait's own proportions."""


@dataclass(frozen=True, eq=False)
class EngineMethod:
    """One of the engines: tracks, retargets and renders as `animate` does; sources after the first lend to it."""

    engine: EngineName
    tools: Tools

    def __call__(self, sources: Sequence[Bytes], driving: Sequence[Bytes]) -> list[Bytes]:
        """The first source, moved as the driver moves.

        Raises:
            NoFaceError: nobody is seen in the source or the driver.
        """
        tools, fitter, tracker = self.tools, HeadFitter.of(self.tools.basis), self.tools.tracker()
        found = tracker.detect(sources[0])
        if not found:
            raise NoFaceError(f"{tracker.name} finds no face in the source")
        face = source_face(max(found, key=lambda each: each.box.area), fitter)
        driven: Sequence[DrivenFace]
        room: Box | None = None
        picture = Picture(sources[0])
        if tools.absolute:
            driven = retarget_absolute(face, track_meshes(driving, tracker, fitter, fps=_FPS), tools.basis)
            room = room_of(driven, tools.basis)
            driven = laid_over(picture, face, driven, driving, tools.basis, room)
        else:
            motion = smoothed(track_driver(driving, tracker, fitter, fps=_FPS))
            driven = retarget(face, motion, tools.basis)
        others = faces_of(sources[1:], tracker, fitter)
        return animated(self.engine, picture, face, driven, tools.basis, others=others, room=room)


def laid_over(
    picture: Picture,
    face: SourceFace,
    states: Sequence[DrivenFace],
    driving: Sequence[Bytes],
    basis: ShapeBasis,
    room: Box,
) -> Sequence[DrivenFace]:
    """The states of `--retarget absolute` as `animate` uses them: aligned with the driver's frames where they fit."""
    aligner = Aligner.of(picture, face, basis, room, Matter.load())
    return aligned(aligner, states, driving) or states


def animated(
    name: EngineName,
    picture: Picture,
    face: SourceFace,
    driven: Sequence[DrivenFace],
    basis: ShapeBasis,
    *,
    others: Sequence[SitterPicture] = (),
    room: Box | None = None,
) -> list[Bytes]:
    """An engine's frames of a picture, each (H, W, 3) uint8 sRGB.

    Args:
        name: of the engine.
        picture: the canvas.
        face: the sitter's in it.
        driven: what the face does in each frame.
        basis: the shape basis that `face` was fitted with.
        others: further pictures of the sitter, which lend to the canvas.
        room: box that the face's points will ever be in, where the head travels.
    """
    engine = make_engine(
        name,
        picture,
        [face],
        basis,
        with_alpha=False,
        rooms=[room],
        person=person_of([SitterPicture(picture, face), *others]) if name == "neural" and others else None,
        lent=_lent_by(others, picture, face),
    )
    return [engine.compose(engine.render([one])).copy() for one in driven]


def _lent_by(others: Sequence[SitterPicture], picture: Picture, face: SourceFace) -> Lent | None:
    """What `animate` lets other pictures lend; None where there are none."""
    if not others:
        return None
    matter = Matter.load()
    canvas, *scenes = (
        surroundings_of(each.picture, each.face, matter) for each in (SitterPicture(picture, face), *others)
    )
    faces = tuple(LentPicture.of(other.picture, other.face, face) for other in others)
    return Lent(faces, scene_of(canvas, scenes))


def faces_of(sources: Sequence[Bytes], tracker: Tracker, fitter: HeadFitter) -> list[SitterPicture]:
    """The largest face of each picture (H, W, 3); those without one are left out."""
    found = ((pixels, tracker.detect(pixels)) for pixels in sources)
    return [
        SitterPicture(Picture(pixels), source_face(max(faces, key=lambda each: each.box.area), fitter))
        for pixels, faces in found
        if faces
    ]


def person_of(pictures: Sequence[SitterPicture]) -> Person:
    """What the shipped networks see of a sitter at first sight; the canvas is the first picture."""
    return Person.untuned(pictures, NeuralLayer.load(torch.device("cpu")))


METHODS: Mapping[str, Callable[[Tools], Reenactor]] = {
    "still": lambda tools: still_source,
    "reencoded": lambda tools: TruthReencoded(18),
    "warp": lambda tools: EngineMethod("warp", tools),
    "neural": lambda tools: EngineMethod("neural", tools),
}
"""Still source; the truth through x264 at crf 18 (self-reenactment only); the engines, the other sources lending."""


@dataclass(frozen=True, eq=False)
class TrackerJudge:
    """A judge for those who have no MediaPipe: one of the project's trackers, looking at every frame by itself."""

    tracker: Callable[[], Tracker]

    def meshes(self, frames: Sequence[Bytes]) -> Float:
        """Face meshes (N, 478, 3) in pixels of N frames (H, W, 3); NaN where no face is seen."""
        out = np.full((len(frames), MESH_POINTS, 3), np.nan, np.float32)
        for mesh, frame in zip(out, frames, strict=True):
            found = self.tracker().detect(frame)
            if found:
                mesh[:] = max(found, key=lambda face: face.box.area).points
        return out
