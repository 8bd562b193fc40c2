"""`--compare`: source, driver and result side by side."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.driving import Drive
from portrait_alive.film import Film
from portrait_alive.types import Bytes, Picture


@dataclass(frozen=True, eq=False)
class Comparison:
    """Panels of one height, from left to right: the source, the driver where there are frames of one, the result."""

    sheet: Bytes
    """(H, W of all panels, 3) uint8, written again and again; the source is drawn into it."""
    driver_columns: slice
    """Empty where the driver has no frames."""
    result_columns: slice

    @staticmethod
    def of(picture: Picture, drive: Drive) -> "Comparison":
        """Panels for a source and a drive."""
        height, width = picture.size
        driver_width = 0
        if drive.clip is not None:
            clip_height, clip_width = drive.clip.size
            driver_width = max(round(clip_width * height / clip_height), 1)
        sheet = np.empty((height, 2 * width + driver_width, 3), np.uint8)
        sheet[:, :width] = picture.pixels
        middle = slice(width, width + driver_width)
        return Comparison(sheet, middle, slice(width + driver_width, 2 * width + driver_width))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the sheet."""
        return self.sheet.shape[0], self.sheet.shape[1]

    def join(self, frame: Bytes, driver: Bytes | None) -> Bytes:
        """The sheet with a frame of the result, and of the driver; valid until the next call."""
        self.sheet[:, self.result_columns] = frame
        if driver is not None:
            height, width = self.sheet.shape[0], self.driver_columns.stop - self.driver_columns.start
            shrinks = driver.shape[0] > height
            method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
            self.sheet[:, self.driver_columns] = cv2.resize(driver, (width, height), interpolation=method)
        return self.sheet


def driver_frames(
    drive: Drive, film: Film, height: int, start: float | None, end: float | None
) -> Generator[Bytes, None, None]:
    """A frame of the driver for each frame of the film; the last is held where the clip is over.

    Args:
        drive: one with a clip.
        film: its rate and length count.
        height: of the panel, so that larger frames are reduced while decoding.
        start: seconds into the clip.
        end: seconds into the clip; None for all.
    """
    assert drive.clip is not None
    clip_height, clip_width = drive.clip.size
    side = round(max(clip_height, clip_width) * height / clip_height)
    frames = drive.clip.frames(start=start or 0, end=end, fps=film.fps, max_side=side)
    with closing(cast(Generator[Bytes, None, None], frames)):  # it ends the decoder when it is closed
        last = next(frames)
        for _ in range(film.frame_count):
            yield last
            last = next(frames, last)
