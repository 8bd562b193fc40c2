"""What is measured: a method, and the episodes it is tried on.

Self-reenactment: sources and driver come from one clip, so the driver's frames are the truth. Cross-reenactment: the
source is somebody else, and only the motion can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from portrait_alive.errors import UsageError
from portrait_alive.evaluation.clip_frames import count_frames, read_frames
from portrait_alive.types import Bytes

EPISODE_FRAMES = 60
"""Driven frames of an episode, unless told otherwise."""
_LONGEST_STEP = 3


class Reenactor(Protocol):
    """A method under test."""

    def __call__(self, sources: Sequence[Bytes], driving: Sequence[Bytes]) -> Sequence[Bytes]:
        """The first source picture, moved as the driver moves: one frame for each driving frame.

        Args:
            sources: 1 to 32 pictures (H, W, 3) uint8 sRGB of one person; the first is the canvas.
            driving: N frames (h, w, 3) of the driver. In self-reenactment they are as large as the sources, and the
                method puts the face where the driver's is (`--retarget absolute`).

        Returns:
            N pictures of the canvas's size.
        """
        ...


@dataclass(frozen=True, eq=False)
class Episode:
    """One trial: source pictures and driving frames."""

    name: str
    sources: tuple[Bytes, ...]
    """The first is the canvas."""
    driving: tuple[Bytes, ...]

    @property
    def shots(self) -> int:
        """Number of source pictures, K."""
        return len(self.sources)


def reading_step(frame_count: int, wanted: int = EPISODE_FRAMES) -> int:
    """Every how many-th frame to read: 1, or 2 or 3 for clips more than twice as long as `wanted`."""
    return min(_LONGEST_STEP, frame_count // wanted) if frame_count > 2 * wanted else 1


def first_frame_episode(clip: Path, *, frames: int = EPISODE_FRAMES) -> Episode:
    """K = 1: the first frame is the source, the clip's first `frames` frames (long clips: every second or third) drive.

    Raises:
        UnreadableInputError: the clip cannot be read.
    """
    step = reading_step(count_frames(clip), frames)
    driving = read_frames(clip, step=step, limit=frames)
    return Episode(clip.stem, (driving[0],), tuple(driving))


def few_shot_episodes(clip: Path, shots: Sequence[int] = (1, 8, 32), *, frames: int = EPISODE_FRAMES) -> list[Episode]:
    """One episode for each K: sources evenly spread over the clip's first half, driven by its second half for every K.

    Raises:
        UnreadableInputError: the clip cannot be read.
        UsageError: its first half has fewer frames than the largest K.
    """
    count = count_frames(clip)
    half = count // 2
    if half < max(shots):
        raise UsageError(f"{clip}: {count} frames are too few for {max(shots)} sources; leave that K out")
    first_half = read_frames(clip, limit=half)
    driving = tuple(read_frames(clip, skip=half, step=max(1, (count - half) // frames), limit=frames))
    return [
        Episode(f"{clip.stem}", tuple(first_half[i] for i in canvas_first(spread(half, k))), driving)
        for k in sorted(shots)
    ]


def across_clips_episode(
    source_clips: Sequence[Path], driver_clip: Path, shots: int, *, frames: int = EPISODE_FRAMES
) -> Episode:
    """K sources evenly spread over some clips of a person, another clip of the same person drives and is the truth.

    Raises:
        UnreadableInputError: a clip cannot be read.
        UsageError: the source clips together have fewer than K frames.
    """
    counts = [count_frames(clip) for clip in source_clips]
    chosen = spread(sum(counts), shots)
    sources: list[Bytes] = []
    start = 0
    for clip, count in zip(source_clips, counts, strict=True):
        here = [i - start for i in chosen if start <= i < start + count]
        if here:
            stretch = read_frames(clip, limit=here[-1] + 1)
            sources += [stretch[min(i, len(stretch) - 1)] for i in here]
        start += count
    sources = [sources[i] for i in canvas_first(range(len(sources)))]
    count = count_frames(driver_clip)
    driving = read_frames(driver_clip, step=max(1, count // frames), limit=frames)
    return Episode(driver_clip.stem, tuple(sources), tuple(driving))


def spread(count: int, wanted: int) -> list[int]:
    """`wanted` indices evenly over `range(count)`, each in the middle of its share.

    Raises:
        UsageError: there are fewer than `wanted`.
    """
    if wanted > count:
        raise UsageError(f"{wanted} sources asked for, but there are only {count} frames to take them from")
    return [int((i + 0.5) * count / wanted) for i in range(wanted)]


def canvas_first(chosen: Sequence[int]) -> list[int]:
    """The middle one of `chosen` first, then the others in order: so the canvas is nearly the same for every K."""
    middle = (len(chosen) - 1) // 2
    return [chosen[middle], *chosen[:middle], *chosen[middle + 1 :]]
