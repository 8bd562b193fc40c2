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
    fps = options.fps or drives[0].fps
    parts = tuple(
        _absolute_part(picture, face, drive, drive.motion, fps, basis, options, matter, on_event)
        if isinstance(drive.motion, MeshTrack)
        else _part(face, drive, drive.motion, fps, basis, options)
        for face, drive in zip(faces, drives, strict=True)
    )
    return Film(fps, max(round(len(part.states) / part.rate) for part in parts), parts)


def room_of(states: Sequence[DrivenFace], basis: ShapeBasis) -> Box:
    """Around the head in some fifty states, with a margin for those between."""
    head = np.concatenate(
        [np.arange(MESH_POINTS), *(basis.beyond[part] for part in ("skull", "right_ear", "left_ear"))]
    )
    some = [states[index].points[head] for index in range(0, len(states), max(len(states) // _ROOM_STATES, 1))]
    return Box.around(np.concatenate(some)).scaled(_ROOM_MARGIN)


def _absolute_part(
    picture: Picture,
    face: SourceFace,
    drive: Drive,
    track: MeshTrack,
    fps: Fraction,
    basis: ShapeBasis,
    options: AnimateOptions,
    matter: Matter,
    on_event: Listener,
) -> Part:
    states = retarget_absolute(face, _in_source_pixels(track, drive, picture), basis)
    room = room_of(states, basis)
    if drive.clip is not None:
        on_event(PhaseStarted("align", "laying the source over the driver", len(states)))
        with closing(tracked_frames(drive.clip, options)) as frames:
            found = aligned(
                Aligner.of(picture, face, basis, room, matter),
                states,
                frames,
                threads=options.threads or core_count(),
                on_frame=lambda done: on_event(Progress("align", done)),
            )
        if found is not None:
            return Part(found, drive.fps / fps, room)
        on_event(Note("not-aligned", f"{drive.name} does not look like the source: {_LANDMARKS_ALONE}"))
    return Part(states, drive.fps / fps, room)


def _part(
    face: SourceFace, drive: Drive, recorded: Motion, fps: Fraction, basis: ShapeBasis, options: AnimateOptions
) -> Part:
    motion = recorded if drive.fps == fps else recorded.resampled(fps)
    strengths = RetargetOptions(
        pose=options.pose,
        mouth=options.mouth,
        brows=options.brows,
        lids=options.lids,
        gaze=options.gaze,
        look=options.look,
    )
    return Part(retarget(face, motion, basis, strengths), Fraction(1))


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
