"""Label real pictures and clips with MediaPipe, once, into a folder of square crops.

    python -m portrait_alive.training.tracker.teacher ../shared/data configs/tracker_taught.txt cache/taught

Each face is kept as a 256-px crop of about twice the face, with its 478 points in crop pixels.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from portrait_alive.errors import UnreadableInputError
from portrait_alive.shape import topology
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.with_mediapipe import MediapipeTracker
from portrait_alive.training.tracker.samples import write_taught
from portrait_alive.types import Bytes, Landmarks

CROP_SIZE = 256
CROP_MARGIN = 2.1
STILL_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder that the list's paths are relative to")
    parser.add_argument("list", type=Path, help="text file with a path a line; # starts a comment")
    parser.add_argument("out", type=Path, help="folder for crops.npy, points.npy and names.txt")
    parser.add_argument("--frames", type=int, default=160, help="frames kept of each clip, evenly spread")
    arguments = parser.parse_args()
    teacher = MediapipeTracker.load()
    crops, labels, names = [], [], []
    for name in read_list(arguments.list):
        for pixels in frames_of(arguments.data / name, arguments.frames):
            for face in teacher.detect(pixels):
                if _is_doubtful(face):
                    continue
                crop = FaceCrop.around_points(face.points, CROP_SIZE, margin=CROP_MARGIN)
                crops.append(crop.cut(pixels))
                labels.append(crop.to_crop(face.points))
                names.append(name)
        sys.stderr.write(f"{name}: {len(names)} faces so far\n")
    write_taught(arguments.out, crops, labels, names)
    return 0


def read_list(path: Path) -> list[str]:
    """Paths named in a list file, comments and blank lines left out."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def frames_of(path: Path, count: int) -> Iterator[Bytes]:
    """A still, or about `count` evenly spread frames of a clip, (H, W, 3) uint8 RGB."""
    if path.suffix.lower() in STILL_SUFFIXES:
        still = cv2.imread(str(path))
        if still is None:
            raise UnreadableInputError(f"{path}: not a readable picture; correct the list")
        yield np.ascontiguousarray(still[:, :, ::-1])
        return
    clip = cv2.VideoCapture(str(path))
    step = max(int(clip.get(cv2.CAP_PROP_FRAME_COUNT)) // count, 1)
    index = 0
    while clip.grab():
        if index % step == 0:
            yield np.ascontiguousarray(clip.retrieve()[1][:, :, ::-1])
        index += 1
    clip.release()


def _is_doubtful(face: Landmarks) -> bool:
    """A face too small to label well, or a mesh turned inside out (MediaPipe does so on crops it misreads)."""
    right, left = face.points[list(topology.RIGHT_EYE), :2].mean(0), face.points[list(topology.LEFT_EYE), :2].mean(0)
    return face.box.height < 60 or float(np.linalg.norm(left - right)) < 0.15 * face.box.height


if __name__ == "__main__":
    sys.exit(main())
