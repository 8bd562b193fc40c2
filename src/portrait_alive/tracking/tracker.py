"""The interface every tracker offers."""

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from portrait_alive.errors import UsageError
from portrait_alive.types import Box, Bytes, Landmarks

TrackerName = Literal["native", "mediapipe", "face-alignment"]


@runtime_checkable
class Tracker(Protocol):
    """Finds faces and their 478 landmarks. Stateless: the caller keeps what is known of earlier frames."""

    @property
    def name(self) -> str:
        """Name on the command line."""
        ...

    def detect(self, pixels: Bytes) -> list[Landmarks]:
        """Every face in a picture, from left to right.

        Args:
            pixels: (H, W, 3) uint8 sRGB.
        """
        ...

    def refine(self, pixels: Bytes, around: Box) -> Landmarks | None:
        """The face in or near a box (that of the previous frame, or one drawn by hand); None where there is none."""
        ...

    def follow(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        """One face through consecutive frames, from where it was `last` (None: the largest); None where it is lost."""
        ...


def load_tracker(name: TrackerName = "native", *, device: str = "cpu") -> Tracker:
    """The tracker of a name; each implementation is imported only when it is asked for.

    Raises:
        UsageError: no such tracker.
        MissingDependencyError: its package or its weights are not there; says how to get them.
    """
    if name == "native":
        from portrait_alive.tracking.native import NativeTracker

        return NativeTracker.load(device=device)
    if name == "mediapipe":
        from portrait_alive.tracking.with_mediapipe import MediapipeTracker

        return MediapipeTracker.load()
    if name == "face-alignment":
        from portrait_alive.tracking.with_face_alignment import FaceAlignmentTracker

        return FaceAlignmentTracker.load(device=device)
    raise UsageError(f"--tracker {name}: choose native, mediapipe or face-alignment")
