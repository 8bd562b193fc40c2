"""What moves the portrait: a clip, a still, a motion file or a built-in motion, brought to one form."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from portrait_alive.errors import UsageError
from portrait_alive.events import Listener, Note, PhaseStarted, Progress
from portrait_alive.media.clips import Clip, fit_within, open_clip
from portrait_alive.media.sound import SoundTrack, find_sound
from portrait_alive.media.stills import is_still, read_picture
from portrait_alive.motion.absolute import MeshTrack, track_meshes
from portrait_alive.motion.builtin import builtin_motion
from portrait_alive.motion.editing import eased_in, looped, trimmed
from portrait_alive.motion.file import as_stored, is_motion_file, load_motion
from portrait_alive.motion.smoothing import smoothed
from portrait_alive.motion.track import track_driver
from portrait_alive.motion.tracks import Motion
from portrait_alive.options import AnimateOptions
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.types import Bytes

TRACKING_SIDE_PX = 960
"""Longer side at which drivers are tracked: a face that fills a quarter of it has 240 px, and 4K decodes cheaply."""
EASED_IN_S = 2.0
"""Time in which the expression of a still is reached."""
_TYPICAL_LENGTH_S = 4.0
STILL_FPS = Fraction(25)
"""Rate of what has none of its own."""


@dataclass(frozen=True, eq=False)
class Drive:
    """What moves a face."""

    name: str
    """For messages."""
    fps: Fraction
    """Its own rate."""
    motion: Motion | MeshTrack
    """A mesh track, in pixels of `tracked_size`, for `--retarget absolute` only."""
    path: Path | None = None
    """The file it was read from; None for built-in motions."""
    sound: SoundTrack | None = None
    clip: Clip | None = None
    """Where frames to show beside the result come from."""
    tracked_size: tuple[int, int] | None = None
    """(height, width) of the frames in which meshes were tracked."""


@dataclass(frozen=True, eq=False)
class DriverReader:
    """Reads drivers; holds what all of them need."""

    tracker: Callable[[], Tracker]
    """Loads the tracker when a face has to be found."""
    fitter: HeadFitter
    options: AnimateOptions
    scratch: Path
    """Folder for the sound that a motion file carries; it has to outlive the film."""
    on_event: Listener

    def of_file(self, path: Path, *, tracked: Path | None = None) -> Drive:
        """The drive of a clip, a still or a motion file.

        Args:
            path: the file.
            tracked: a motion file that was made from this clip, and this part of it, before.

        Raises:
            UsageError: options that this kind of driver cannot follow.
            NoFaceError: nobody is seen in it.
            UnreadableInputError: it cannot be read.
        """
        is_absolute = self.options.retarget == "absolute"
        if is_motion_file(path) or is_still(path):
            if is_absolute:
                raise UsageError(f"{path}: --retarget absolute needs a clip as --driver")
            return self._of_motion_file(path) if is_motion_file(path) else self._of_still(path)
        clip = open_clip(path)
        sound = find_sound(path, start=self.options.start or 0, fps=clip.fps)
        if is_absolute:
            size = fit_within(clip.size, TRACKING_SIDE_PX)
            return Drive(path.name, clip.fps, self.mesh_track(clip), path, sound, clip, size)
        motion = self.motion_of_clip(clip) if tracked is None else load_motion(tracked)
        self._note_bridges(motion, path)
        rested = self._with_neutral(motion, first_s=self.options.start or 0.0)
        return Drive(path.name, clip.fps, self._finished(rested), path, sound, clip)

    def of_builtin(self, name: str) -> Drive:
        """The drive of a built-in motion; `--to` gives its length.

        Raises:
            UsageError: no such motion, or options that only a driver can follow.
        """
        if self.options.retarget == "absolute" or self.options.start is not None:
            raise UsageError("--retarget absolute and --from need a --driver, not a built-in motion")
        motion = builtin_motion(
            name,
            self.fitter.basis,
            seconds=self.options.end,
            fps=self.options.fps or STILL_FPS,
            seed=self.options.seed,
            sound=self.options.sound,
        )
        sound = None if self.options.sound is None else SoundTrack(self.options.sound)
        return Drive(name, motion.fps, looped(motion) if self.options.loop else motion, sound=sound)

    def motion_of(self, path: Path) -> Motion:
        """The raw motion of a clip's (chosen part) or still's face: what a motion file keeps.

        Raises:
            NoFaceError: nobody is seen in it.
            UnreadableInputError: it cannot be read.
        """
        return self._motion_of_still(path) if is_still(path) else self.motion_of_clip(open_clip(path))

    def motion_of_clip(self, clip: Clip) -> Motion:
        """The raw motion of the clip's chosen part."""
        self._begin(clip)
        with closing(tracked_frames(clip, self.options)) as frames:
            motion = track_driver(
                frames,
                self.tracker(),
                self.fitter,
                fps=clip.fps,
                driver_face=self.options.driver_face,
                name=clip.path.name,
                on_frame=self._count,
            )
        return as_stored(motion)

    def mesh_track(self, clip: Clip) -> MeshTrack:
        """The driver's meshes, for `--retarget absolute`."""
        self._begin(clip)
        with closing(tracked_frames(clip, self.options)) as frames:
            return track_meshes(
                frames,
                self.tracker(),
                self.fitter,
                fps=clip.fps,
                driver_face=self.options.driver_face,
                name=clip.path.name,
                on_frame=self._count,
            )

    def _begin(self, clip: Clip) -> None:
        expected = expected_frames(clip, self.options.start, self.options.end)
        self.on_event(PhaseStarted("track-driver", "tracking the driver", expected))

    def _count(self, done: int) -> None:
        self.on_event(Progress("track-driver", done))

    def _of_still(self, path: Path) -> Drive:
        """A single picture: its expression is eased in and held."""
        return Drive(path.name, STILL_FPS, self._held(self._motion_of_still(path)), path)

    def _held(self, motion: Motion) -> Motion:
        """A still's expression eased in, and held for a second or to the end that was asked for."""
        start, end = self.options.start, self.options.end
        eased = eased_in(motion, hold_s=max(1.0, (end or 0.0) - EASED_IN_S), seconds=EASED_IN_S)
        return eased if start is None and end is None else trimmed(eased, start or 0.0, end)

    def _motion_of_still(self, path: Path) -> Motion:
        pixels = read_picture(path).pixels
        self.on_event(PhaseStarted("track-driver", "tracking the driver", 1))
        person = self.options.driver_face
        motion = track_driver(
            [pixels],
            self.tracker(),
            self.fitter,
            fps=STILL_FPS,
            driver_face=person,
            name=path.name,
            on_frame=self._count,
        )
        return as_stored(motion)

    def _of_motion_file(self, path: Path) -> Drive:
        motion = load_motion(path)
        self._note_bridges(motion, path)
        if motion.frame_count == 1:  # of a still
            return Drive(path.name, STILL_FPS, self._held(self._with_neutral(motion, first_s=0.0)), path)
        sound = None
        if motion.sound is not None:
            kept = self.scratch / f"{path.stem}.sound"
            kept.write_bytes(motion.sound)
            sound = find_sound(kept, start=self.options.start or 0, fps=motion.fps)
            motion = replace(motion, sound=None)  # the film takes it from the file; edits need not carry it
        rested = self._with_neutral(motion, first_s=0.0)
        start, end = self.options.start, self.options.end
        part = rested if start is None and end is None else trimmed(rested, start or 0.0, end)
        return Drive(path.name, motion.fps, self._finished(part), path, sound)

    def _note_bridges(self, motion: Motion, path: Path) -> None:
        if motion.bridged_count:
            share = f"{motion.bridged_count} of {motion.frame_count} frames"
            self.on_event(Note("bridged", f"{path.name}: in {share} no face could be followed; they were bridged"))

    def _with_neutral(self, motion: Motion, *, first_s: float) -> Motion:
        """With the neutral that was asked for; `first_s` is the driver's time at the motion's first frame."""
        wanted = self.options.neutral
        return motion if wanted is None else motion.with_neutral_at(wanted - first_s)

    def _finished(self, motion: Motion) -> Motion:
        """Smoothed, and looped where that was asked for."""
        motion = smoothed(motion, self.options.smooth)
        return looped(motion) if self.options.loop else motion


def tracked_frames(clip: Clip, options: AnimateOptions) -> Generator[Bytes, None, None]:
    """The frames of a clip's chosen part, (H, W, 3) uint8, of the size at which drivers are tracked."""
    yield from clip.frames(start=options.start or 0, end=options.end, max_side=TRACKING_SIDE_PX)


def expected_length(path: Path | None, options: AnimateOptions) -> int:
    """About how many frames a driver makes; for a built-in motion (no path) a guess.

    Raises:
        UnreadableInputError: the driver cannot be read.
    """
    if path is None or is_still(path):
        return round((options.end or _TYPICAL_LENGTH_S) * (options.fps or STILL_FPS))
    if is_motion_file(path):
        motion = load_motion(path)
        return round(motion.duration_s * (options.fps or motion.fps))
    clip = open_clip(path)
    count = expected_frames(clip, options.start, options.end) or round(_TYPICAL_LENGTH_S * clip.fps)
    return round(count * (options.fps or clip.fps) / clip.fps)


def expected_frames(clip: Clip, start: float | None, end: float | None) -> int | None:
    """How many frames a part of a clip has at its own rate; None where its length is unknown."""
    duration = clip.streams.duration
    until = end if duration is None else min(end or duration, duration)
    return None if until is None else max(round((until - (start or 0.0)) * clip.fps), 1)
