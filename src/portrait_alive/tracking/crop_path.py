"""Where a followed face's crop will be in the next frames, so that several frames can be looked at together."""

import math
from dataclasses import dataclass

from portrait_alive.tracking.crop import FaceCrop

_TRUST = 0.5
"""Share of the last frames' motion that is expected to go on."""
_SURE_MOTION, _LEAST = 0.06, 0.1
"""From which distance on a difference is all motion, and the share of the smallest that is followed."""


@dataclass(frozen=True)
class CropPath:
    """A crop and its motion from one frame to the next, taken to go on half as fast: much of it is noise."""

    crop: FaceCrop
    """Around the face in the last frame seen."""
    drift: tuple[float, float] = (0.0, 0.0)
    """(x, y) in picture pixels per frame."""
    growth: float = 0.0
    """Change of the side's logarithm per frame."""
    turn: float = 0.0
    """Radians per frame, clockwise."""

    def after(self, frames: int) -> FaceCrop:
        """The crop so many frames on."""
        crop = self.crop
        centre = (crop.centre[0] + frames * self.drift[0], crop.centre[1] + frames * self.drift[1])
        return FaceCrop(centre, crop.side * math.exp(frames * self.growth), crop.angle + frames * self.turn, crop.size)

    def led_to(self, seen: FaceCrop, frames: int) -> "CropPath":
        """The path from where the face was seen `frames` frames after this path's crop.

        Small differences from what was foreseen are mostly taken for noise: the points move a little with the crop, and
        a crop that followed them at once would make a resting face tremble.
        """
        foreseen = self.after(frames)
        crop = between(foreseen, seen, min(max(distance(seen, foreseen) / _SURE_MOTION, _LEAST), 1.0))
        before, share = self.crop, _TRUST / frames
        return CropPath(
            crop,
            ((crop.centre[0] - before.centre[0]) * share, (crop.centre[1] - before.centre[1]) * share),
            math.log(crop.side / before.side) * share,
            _turned(crop.angle - before.angle) * share,
        )


def between(first: FaceCrop, second: FaceCrop, share: float) -> FaceCrop:
    """A crop on the way from `first` (share 0) to `second` (1)."""
    (x, y), (x1, y1) = first.centre, second.centre
    return FaceCrop(
        (x + share * (x1 - x), y + share * (y1 - y)),
        first.side * (second.side / first.side) ** share,
        first.angle + share * _turned(second.angle - first.angle),
        first.size,
    )


def distance(crop: FaceCrop, other: FaceCrop) -> float:
    """How differently two crops see a face: the largest of shift (in sides), log zoom and roll in radians."""
    shift = math.hypot(crop.centre[0] - other.centre[0], crop.centre[1] - other.centre[1])
    return max(shift / crop.side, abs(math.log(crop.side / other.side)), abs(_turned(crop.angle - other.angle)))


def _turned(angle: float) -> float:
    """The same angle within half a turn of 0."""
    return math.remainder(angle, 2 * math.pi)
