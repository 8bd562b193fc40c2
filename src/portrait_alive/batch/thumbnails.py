"""Small animated previews of a batch's outputs, taken from the frames as they are made."""

from fractions import Fraction
from pathlib import Path

import cv2
from PIL import Image

from portrait_alive.batch.index import still_name
from portrait_alive.types import Bytes

SIDE_PX = 240
"""Longer side of a preview."""
LONGEST_FRAMES = 96
"""Frames of the output that a preview covers."""
_EVERY = 2
"""Every so-manyeth frame is kept."""
_QUALITY = 70


class Preview:
    """Collects the first seconds of a film, small."""

    def __init__(self) -> None:
        self._frames: list[Image.Image] = []

    def see(self, number: int, frame: Bytes) -> None:
        """Look at a frame of the film.

        Args:
            number: of the frame, from 0.
            frame: (H, W, 3 or 4) uint8 sRGB; copied as far as it is needed.
        """
        if number >= LONGEST_FRAMES or number % _EVERY:
            return
        height, width = frame.shape[:2]
        scale = min(1.0, SIDE_PX / max(height, width))
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        self._frames.append(Image.fromarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA)))

    def write(self, path: Path, fps: Fraction) -> None:
        """Write the animated preview, and beside it the still that stands for it (`index.still_name`).

        Args:
            path: of the animated WebP.
            fps: of the film.
        """
        if not self._frames:
            return
        first, *others = self._frames
        first.save(path.with_name(still_name(path.name)), quality=_QUALITY)
        duration_ms = round(1000 * _EVERY / fps)
        first.save(path, save_all=True, append_images=others, duration=duration_ms, loop=0, quality=_QUALITY, method=2)
