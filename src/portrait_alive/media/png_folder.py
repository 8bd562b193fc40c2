"""A folder of numbered PNGs, with one side-car file that says what they are and how fast they run."""

import json
from fractions import Fraction
from pathlib import Path

from portrait_alive.media.marks import Marks
from portrait_alive.media.png import encode_png
from portrait_alive.types import Bytes

SIDE_CAR = "portrait-alive.json"


class PngFolderWriter:
    """Frames as 000000.png, 000001.png...

    Args:
        part: the folder to make.
        fps: recorded in the side-car.
    """

    def __init__(self, part: Path, fps: Fraction, marks: Marks | None) -> None:
        part.mkdir()
        self._folder = part
        self._fps = fps
        self._marks = marks
        self._count = 0

    def write(self, frame: Bytes) -> None:
        """Append a frame, (H, W, 3 or 4) uint8."""
        (self._folder / f"{self._count:06d}.png").write_bytes(encode_png(frame, self._marks))
        self._count += 1

    def finish(self) -> None:
        """Write the side-car."""
        record = {
            "frames": self._count,
            "fps": str(self._fps),
            "marks": None if self._marks is None else self._marks.as_json(),
        }
        (self._folder / SIDE_CAR).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    def abort(self) -> None:
        """Nothing to stop: each frame is written when it comes."""


def is_ours(folder: Path) -> bool:
    """Whether `folder` holds nothing but what this writer writes, so that it may be replaced as a whole."""
    names = {path.name for path in folder.iterdir()}
    return SIDE_CAR in names and all(
        name == SIDE_CAR or (name.endswith(".png") and name[:-4].isdigit()) for name in names
    )
