"""The full-size frame: the source's own pixels with the moving region put in its place."""

from dataclasses import dataclass

import numpy as np

from portrait_alive.types import Bytes, Picture


@dataclass(eq=False)
class Canvas:
    """A full-size frame that is written again and again: only the moving region is ever touched."""

    pixels: Bytes
    """(H, W, 3) uint8 sRGB; valid until the next `paste`."""
    box: tuple[int, int, int, int]
    """(left, top, right, bottom) of the moving region; right and bottom may pass the picture's edge."""

    @staticmethod
    def of(picture: Picture, box: tuple[int, int, int, int]) -> "Canvas":
        """A canvas that shows the source."""
        return Canvas(picture.pixels.copy(), box)

    def paste(self, region: Bytes) -> Bytes:
        """Put one frame's region in.

        Args:
            region: (h, w, 3) uint8 of the box; what passes the picture's edge is cut off.

        Returns:
            (H, W, 3) uint8: the canvas itself, not a copy. Outside the box it equals the source.
        """
        left, top, right, bottom = self.box
        target = self.pixels[top:bottom, left:right]
        np.copyto(target, region[: target.shape[0], : target.shape[1]])
        return self.pixels
