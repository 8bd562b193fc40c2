"""What passes between stages.

Conventions, everywhere in the package:
    Points are (x, y) in pixels, origin top left, pixel centres at .5. Depth z grows away from the viewer and is
    measured in the same pixels, so (x, y, z) is a right-handed frame: x right, y down, z into the picture.
    Sizes are (height, width). Pictures are (H, W, 3) uint8 sRGB. Tensors are (B, C, H, W) float in [-1, 1].
    A flow is always backward: for each output pixel, the source position to look at.
    "left" and "right" are the subject's own, as in MediaPipe's and iBUG's mark-ups.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Corners = tuple[int, int, int, int]
"""(left, top, right, bottom) in whole picture pixels."""

MESH_POINTS = 478
"""Points of the face mesh: MediaPipe's 468 and five for each iris (centre, then four on its rim)."""

INSIDE_SHAPE = (14, 24, 2)
"""Cells down and across what an open mouth shows, each a lightness and a share of teeth."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel rectangle in picture pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """Centre as (x, y)."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        """Area in square pixels; 0 for an empty box."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    def scaled(self, factor: float) -> "Box":
        """The box grown by `factor` about its centre."""
        cx, cy = self.centre
        width, height = self.width * factor, self.height * factor
        return Box(cx - width / 2, cy - height / 2, width, height)

    def overlap(self, other: "Box") -> float:
        """Intersection over union with `other`, in [0, 1]."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        both = max(width, 0.0) * max(height, 0.0)
        union = self.area + other.area - both
        return both / union if union > 0 else 0.0

    @staticmethod
    def around(points: Float) -> "Box":
        """The smallest box that holds `points` (N, 2 or more)."""
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


@dataclass(frozen=True, eq=False)
class Picture:
    """A still picture, upright, in sRGB."""

    pixels: Bytes
    """(H, W, 3) uint8 sRGB."""
    alpha: Bytes | None = None
    """(H, W) uint8, 255 opaque; None where the file has none."""
    path: Path | None = None
    """Where it was read from, for messages."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a clip before its frames are read."""

    path: Path
    size: tuple[int, int]
    """(height, width) of the upright frames as they are delivered."""
    fps: Fraction
    """Constant rate at which frames are delivered, exact: 30000/1001, not 29.97."""
    frame_count: int | None
    """Expected number of frames at `fps`; None where the container does not tell. An estimate, not a promise."""
    has_sound: bool
    native_size: tuple[int, int] | None = None
    """(height, width) of the upright frames before any reduction while decoding; None means the same as `size`."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """One face as a tracker saw it."""

    points: Float
    """(478, 3) x, y in picture pixels, z in the same pixels away from the viewer, 0 near the head's centre of depth."""
    confidence: Float
    """(478,) in [0, 1], per point."""
    presence: float
    """In [0, 1]: how sure the tracker is that this is a face at all."""

    @cached_property
    def box(self) -> Box:
        """Smallest box around the points."""
        return Box.around(self.points)


@dataclass(frozen=True, eq=False)
class HeadPose:
    """Weak-perspective pose of a head: p = scale * rotation @ model + translation."""

    rotation: Float
    """(3, 3) model axes to picture axes (x right, y down, z away); identity faces the viewer upright."""
    translation: Float
    """(3,) picture pixels: where the head model's origin lands (z arbitrary but consistent)."""
    scale: float
    """Picture pixels per model unit (about a centimetre)."""


@dataclass(frozen=True, eq=False)
class HeadFit:
    """A face explained by the shape basis."""

    pose: HeadPose
    identity: Float
    """(I,) coefficients of the identity modes, ~ N(0, 1)."""
    expression: Float
    """(E,) weights of the expression shapes, about 0..1."""


@dataclass(frozen=True, eq=False)
class SourceFace:
    """The portrait's face: what was tracked, and its explanation by the shape basis."""

    landmarks: Landmarks
    fit: HeadFit
    points: Float
    """(P, 3) picture pixels: the 478 tracked mesh points (x, y as tracked), then skull, ear and neck points."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """What the driver's own picture says beyond landmarks, of hair and shoulders; see `aligning`."""

    points: Float
    """(P, 3) the driven points before they were put in place."""
    flow: Float
    """(rows, columns, 2) backward, in picture pixels: by how much further a place outside the face has to look in the
    frame that `points` would give."""
    box: Box
    """Rectangle that the flow's equal cells fill."""


@dataclass(frozen=True, eq=False)
class DrivenFace:
    """The portrait's face as one output frame wants it, in the source's picture pixels."""

    points: Float
    """(P, 3) picture pixels, in the order of `SourceFace.points`: mesh, then skull, ear and neck points."""
    turn: Float
    """(3, 3) head rotation relative to the source's, in picture axes: driven = turn @ source."""
    lid_closure: tuple[float, float]
    """(right, left) eye: 0 as open as in the source or wider, 1 shut. The lid points already agree with it."""
    mouth_opening: float
    """Distance between the inner lips over the interocular distance; 0 when the lips touch."""
    body_lift: float = 0.0
    """Upward shift of the shoulders by breathing, as a fraction of the head's height (at most 0.01)."""
    inside: Float | None = None
    """(14, 24, 2) in [0, 1]: what the driver's mouth shows between the lips; see `Motion.inside`. None: not known."""
    alignment: Alignment | None = None
    """Where more is known of the surroundings of the face than its points tell."""
