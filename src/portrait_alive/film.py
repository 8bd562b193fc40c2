"""What every face of the portrait does in every frame of the film."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from portrait_alive.aligning import Aligner, aligned
from portrait_alive.driving import Drive, tracked_frames
from portrait_alive.errors import UsageError
from portrait_alive.events import Listener, Note, PhaseStarted, Progress, ignore
from portrait_alive.host import core_count
from portrait_alive.motion.absolute import MeshTrack, retarget_absolute
from portrait_alive.motion.retarget import RetargetOptions, retarget
from portrait_alive.motion.tracks import Motion
from portrait_alive.options import AnimateOptions
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.tracking.matte import Matter
from portrait_alive.types import MESH_POINTS, Box, DrivenFace, Picture, SourceFace

_ROOM_STATES = 50
_ROOM_MARGIN = 1.05
_LANDMARKS_ALONE = "its landmarks are followed, its hair and shoulders are not"


@dataclass(frozen=True, eq=False)
class Part:
    """One face's part in the film."""

    states: Sequence[DrivenFace]
    """Computed when asked for."""
    rate: Fraction
    """How many of its states go by in a frame of the film; 1 where it was resampled."""
    room: Box | None = None
    """Box that the face's points are ever in, where the head may travel; None where it stays near its place."""

    def state_at(self, frame: int) -> DrivenFace:
        """What the face does in a frame; the last state is held when the part is over."""
        return self.states[min(int(frame * self.rate), len(self.states) - 1)]


@dataclass(frozen=True, eq=False)
class Film:
    """Every face through time."""

    fps: Fraction
    frame_count: int
    parts: tuple[Part, ...]

    def faces_at(self, frame: int) -> list[DrivenFace]:
        """All faces in a frame, in the order of the parts."""
        return [part.state_at(frame) for part in self.parts]


def film_of(
    picture: Picture,
    faces: Sequence[SourceFace],
    drives: Sequence[Drive],
    basis: ShapeBasis,
    options: AnimateOptions,
    *,
    matter: Matter,
    on_event: Listener = ignore,
) -> Film:
    """The film in which each face follows its drive, at the rate that was asked for or the first drive's own.

    Args:
        picture: the source.
        faces: its faces that move.
        drives: one for each face.
        basis: the shape basis that the faces were fitted with.
        options: strengths, look and rate.
        matter: the matte network.
        on_event: told of what `--retarget absolute` looks at, and what it cannot follow.
    """
    scene = _Scene(picture, basis, options, options.fps or drives[0].fps, matter, on_event)
    parts = tuple(scene.part_of(face, drive) for face, drive in zip(faces, drives, strict=True))
    return Film(scene.fps, max(round(len(part.states) / part.rate) for part in parts), parts)


def room_of(states: Sequence[DrivenFace], basis: ShapeBasis) -> Box:
    """Around the head in some fifty states, with a margin for those between."""
    head = np.concatenate(
        [np.arange(MESH_POINTS), *(basis.beyond[part] for part in ("skull", "right_ear", "left_ear"))]
    )
    some = [states[index].points[head] for index in range(0, len(states), max(len(states) // _ROOM_STATES, 1))]
    return Box.around(np.concatenate(some)).scaled(_ROOM_MARGIN)


@dataclass(frozen=True, eq=False)
class _Scene:
    """What the parts of a film have in common."""

    picture: Picture
    basis: ShapeBasis
    options: AnimateOptions
    fps: Fraction
    matter: Matter
    on_event: Listener

    def part_of(self, face: SourceFace, drive: Drive) -> Part:
        """What a face does that follows a drive."""
        if isinstance(drive.motion, MeshTrack):
            return self._laid_over(face, drive, drive.motion)
        return self._retargeted(face, drive, drive.motion)

    def _laid_over(self, face: SourceFace, drive: Drive, track: MeshTrack) -> Part:
        states = retarget_absolute(face, _in_source_pixels(track, drive, self.picture), self.basis)
        room, rate = room_of(states, self.basis), drive.fps / self.fps
        if drive.clip is None:
            return Part(states, rate, room)
        self.on_event(PhaseStarted("align", "laying the source over the driver", len(states)))
        with closing(tracked_frames(drive.clip, self.options)) as frames:
            found = aligned(
                Aligner.of(self.picture, face, self.basis, room, self.matter),
                states,
                frames,
                threads=self.options.threads or core_count(),
                on_frame=lambda done: self.on_event(Progress("align", done)),
            )
        if found is None:
            self.on_event(Note("not-aligned", f"{drive.name} does not look like the source: {_LANDMARKS_ALONE}"))
        return Part(states if found is None else found, rate, room)

    def _retargeted(self, face: SourceFace, drive: Drive, recorded: Motion) -> Part:
        motion = recorded if drive.fps == self.fps else recorded.resampled(self.fps)
        strengths = RetargetOptions(
            pose=self.options.pose,
            mouth=self.options.mouth,
            brows=self.options.brows,
            lids=self.options.lids,
            gaze=self.options.gaze,
            look=self.options.look,
        )
        return Part(retarget(face, motion, self.basis, strengths), Fraction(1))


def _in_source_pixels(track: MeshTrack, drive: Drive, picture: Picture) -> MeshTrack:
    """Meshes scaled from the frames they were tracked in to the source's size.

    Raises:
        UsageError: source and driver are not of the same shape, so that they cannot be framed alike.
    """
    height, width = picture.size
    tracked_height, tracked_width = drive.tracked_size or picture.size
    factor = width / tracked_width
    if abs(height - tracked_height * factor) > 0.02 * height:
        raise UsageError(
            f"--retarget absolute: the source ({width}x{height}) and {drive.name} ({tracked_width}x{tracked_height}) "
            "have different shapes; it is for the same person in the same framing"
        )
    if factor == 1.0:
        return track
    return replace(
        track,
        centres=track.centres * np.float32(factor),
        step_px=track.step_px * np.float32(factor),
        translations=track.translations * np.float32(factor),
        scales=track.scales * np.float32(factor),
    )
