"""Motion: what a face does over time, without whose face it is.

Low-dimensional tracks, some 800 bytes a frame (670 of them what the mouth shows; a quarter of that in a file), that any
portrait can be driven by. Tracks are absolute; `Neutral` says where the subject rests, and retargeting uses the
difference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import UsageError
from portrait_alive.types import INSIDE_SHAPE, Bytes, Float

RIGHT, LEFT = 0, 1
"""Index of the subject's right and left eye in every track that has two."""


@dataclass(frozen=True, eq=False)
class Neutral:
    """The subject at rest: one value for each track, in the track's units."""

    rotation: Float
    """(3,) yaw, pitch, roll."""
    translation: Float
    """(2,)."""
    expression: Float
    """(E,)."""
    lids: Float
    """(2,); 1 unless another moment was declared the neutral one."""
    gaze: Float
    """(2, 2)."""
    mouth: float
    """Opening of the lips at rest."""


@dataclass(frozen=True, eq=False)
class Motion:
    """What one face does, frame by frame. T frames at a constant rate."""

    fps: Fraction
    """Frames per second, exact."""
    rotation: Float
    """(T, 3) yaw, pitch, roll of the head against the camera, radians (see `angles`)."""
    translation: Float
    """(T, 2) x right, y down: where the head model's origin is, in model units (about a centimetre)."""
    scale: Float
    """(T,) size of the head against the clip's usual size: 1 there, more when nearer."""
    expression: Float
    """(T, E) weights of the expression shapes, about 0..1. Lids are not in it: they have a track of their own."""
    expression_names: tuple[str, ...]
    """E names after ARKit."""
    lids: Float
    """(T, 2) right, left: 0 shut, 1 the subject's own relaxed opening, more when wide."""
    gaze: Float
    """(T, 2, 2) right and left iris, x to the viewer's right and y down in the head's own frame, from the middle
    between the eye's
    corners, in half-widths of the eye. Independent of lids and head."""
    mouth: Float
    """(T,) gap between the inner lips over the distance of the eyes' centres; 0 where the lips touch."""
    contact: Float
    """(T,) in [0, 1]: how literally `mouth` is meant. 1: closed here is closed in the portrait. 0: only the difference
    from the neutral counts, so that a portrait's open smile stays open (built-in motions)."""
    inside: Bytes
    """(T, 14, 24, 2) uint8, in 255ths: what is seen between the lips, in cells from the upper to the lower lip and from
    the right corner to the left: lightness against the skin (or the teeth, where they are lighter), and how surely it
    is teeth.
    All 0: not known, as in built-in motions."""
    body: Float
    """(T,) lift of the shoulders by breathing, as a fraction of the head's height (0..0.01)."""
    confidence: Float
    """(T,) in [0, 1] as tracked; 0 where no face was seen."""
    bridged: NDArray[np.bool_]
    """(T,) True where the tracks were filled in between seen frames."""
    neutral: Neutral
    sound: bytes | None = None
    """A sound file as it is, to be muxed with the output."""
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Where it comes from, in words: tool, kind, edits."""

    def __post_init__(self) -> None:
        frames = len(self.rotation)
        if frames == 0:
            raise UsageError("a motion needs at least one frame; the part that was chosen is empty")
        for name, shape in track_shapes(len(self.expression_names)).items():
            found = getattr(self, name).shape
            if found != (frames, *shape):
                raise UsageError(f"motion track {name}: expected {(frames, *shape)}, got {found}")

    @property
    def frame_count(self) -> int:
        """T."""
        return len(self.rotation)

    @property
    def duration_s(self) -> float:
        """Seconds that the frames fill."""
        return float(self.frame_count / self.fps)

    @property
    def bridged_count(self) -> int:
        """Frames that were filled in because no face could be followed there."""
        return int(self.bridged.sum())

    def with_tracks(self, change: "Callable[[str, NDArray[Any]], NDArray[Any]]", **more: Any) -> "Motion":
        """The motion with `change(name, track)` in place of every track, and the fields in `more` replaced."""
        changed = {name: as_track(name, change(name, getattr(self, name))) for name in TRACK_NAMES}
        return replace(self, **(changed | more))

    def resampled(self, fps: Fraction) -> "Motion":
        """The same motion at another frame rate; the duration stays within half a frame."""
        from portrait_alive.motion.resampling import resample

        return resample(self, fps)

    def with_neutral_at(self, time_s: float) -> "Motion":
        """The motion with the state at `time_s` declared the subject's rest (`--neutral TIME`).

        Raises:
            UsageError: the time lies outside the motion.
        """
        if not 0 <= time_s <= self.duration_s:
            raise UsageError(f"--neutral {time_s:g}: the driver lasts {self.duration_s:.2f} s; name a time within it")
        at = min(int(time_s * self.fps), self.frame_count - 1)
        near = slice(max(at - 1, 0), at + 2)
        values = {f.name: np.median(getattr(self, f.name)[near], 0).astype(np.float32) for f in fields(Neutral)}
        values["lids"] = np.maximum(values["lids"], 0.3)  # a blink is nobody's rest
        return replace(self, neutral=Neutral(**(values | {"mouth": float(values["mouth"])})))


def track_shapes(expressions: int) -> dict[str, tuple[int, ...]]:
    """Shape of each track after the time axis, for a number of expression shapes."""
    return {
        "rotation": (3,),
        "translation": (2,),
        "scale": (),
        "expression": (expressions,),
        "lids": (2,),
        "gaze": (2, 2),
        "mouth": (),
        "contact": (),
        "inside": INSIDE_SHAPE,
        "body": (),
        "confidence": (),
        "bridged": (),
    }


TRACK_NAMES: Final = tuple(track_shapes(0))


def as_track(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Values in the type in which a motion holds that track: `inside` is most of a motion, and held in bytes."""
    if name == "bridged":
        return np.asarray(values, np.bool_)
    if name == "inside":
        return values if values.dtype == np.uint8 else np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return np.asarray(values, np.float32)


def shares_of_one(inside: Bytes) -> Float | None:
    """One frame of `Motion.inside` as shares of 1; None where it is not known."""
    return inside.astype(np.float32) / np.float32(255) if inside.any() else None


def still_neutral(expression_names: tuple[str, ...]) -> Neutral:
    """The head model's own rest: frontal, relaxed, lips together, eyes open and straight."""
    return Neutral(
        rotation=np.zeros(3, np.float32),
        translation=np.zeros(2, np.float32),
        expression=np.zeros(len(expression_names), np.float32),
        lids=np.ones(2, np.float32),
        gaze=np.zeros((2, 2), np.float32),
        mouth=0.0,
    )


def motion_at_rest(frame_count: int, fps: Fraction, expression_names: tuple[str, ...]) -> Motion:
    """A motion in which nothing moves: what built-in motions start from."""
    tracks = {
        name: as_track(name, np.zeros((frame_count, *shape), np.float32))
        for name, shape in track_shapes(len(expression_names)).items()
    }
    tracks["scale"] += 1
    tracks["lids"] += 1
    tracks["confidence"] += 1
    return Motion(
        fps=fps,
        expression_names=expression_names,
        neutral=still_neutral(expression_names),
        **tracks,  # type: ignore[arg-type]
    )
