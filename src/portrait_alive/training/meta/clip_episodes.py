"""Episodes of real clips, for those who have clips and the right to learn from them.

    python -m portrait_alive.training.meta.clip_episodes voxceleb2/dev/mp4 cache/clips

The folder is searched to any depth: VoxCeleb2's layout (person, video, clip), or one sub-folder a person. Every clip
gives one sitting: frames spread over its length, the first of them the source.
"""

import argparse
import sys
from pathlib import Path

import cv2
import torch

from portrait_alive.errors import NoFaceError, UnreadableInputError
from portrait_alive.evaluation.clip_frames import count_frames, read_frames
from portrait_alive.shape.basis import load_basis
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.native import NativeTracker
from portrait_alive.training.meta.episodes import FRAMES, PEOPLE_A_SHARD, is_complete, person_episodes, write_shard
from portrait_alive.types import Bytes
from portrait_alive.weights import SHAPE_BASIS, weight_path

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")
_LONGEST_SIDE = 512
"""Clips are reduced to this: the networks see 192 px of it."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", help="folders of clips, or clips")
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    basis, tracker = load_basis(weight_path(SHAPE_BASIS)), NativeTracker.load()
    matter = Matter.load()
    clips = find_clips(arguments.clips)
    for first in range(0, len(clips), PEOPLE_A_SHARD):
        stem = str(arguments.out / f"{first:06d}")
        if is_complete(stem):
            continue
        found = []
        for clip in clips[first : first + PEOPLE_A_SHARD]:
            try:
                made = person_episodes(moments(clip), tracker, basis, matter)
            except (UnreadableInputError, NoFaceError) as error:
                sys.stderr.write(f"{error}; left out\n")
                continue
            if made is not None:
                found.append(made)
        if found:
            write_shard(stem, found)
        sys.stderr.write(f"{stem}: {len(found)} clips, {sum(len(one.frames) for one in found)} frames\n")
    return 0


def find_clips(places: list[Path]) -> list[Path]:
    """Clips named, and those in folders at any depth, in order of their paths."""
    inside = [
        file for place in places if place.is_dir() for file in place.rglob("*") if file.suffix.lower() in SUFFIXES
    ]
    return sorted({*(place for place in places if place.is_file()), *inside})


def moments(clip: Path, count: int = FRAMES) -> list[Bytes]:
    """Frames spread evenly over a clip, (H, W, 3) uint8 sRGB, the longer side at most 512 px.

    Raises:
        UnreadableInputError: it cannot be read.
    """
    step = max(count_frames(clip) // count, 1)
    return [_reduced(frame) for frame in read_frames(clip, step=step, limit=count)]


def _reduced(frame: Bytes) -> Bytes:
    factor = _LONGEST_SIDE / max(frame.shape[:2])
    if factor >= 1:
        return frame
    small: Bytes = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return small


if __name__ == "__main__":
    sys.exit(main())
