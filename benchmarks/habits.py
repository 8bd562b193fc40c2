"""What a portrait wears of its drivers all through a film: brows that are set low, an eye that droops.

    python benchmarks/habits.py
    python benchmarks/habits.py --source a.jpg --clips a.mp4 b.mp4

The median over a film is what a face looks like most of the time; a portrait's should be the
portrait's own. How far it is from that, in the head's own frame: brows in % of the distance of the
eyes' outer corners, positive raised; lids in the source's own openings.
"""

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from measured_with import DATA, command_line

from portrait_alive.evaluation.clip_frames import read_frames
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.media.stills import read_picture
from portrait_alive.motion.measures import brow_heights, measured
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.track import track_driver
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.source_faces import find_sitters
from portrait_alive.tracking.tracker import load_tracker
from portrait_alive.types import MESH_POINTS, DrivenFace, Float, SourceFace
from portrait_alive.weights import SHAPE_BASIS, weight_path

_EVERY = 4
_SEEN = 1.0
"""% from which a brow's habit is counted."""


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=DATA / "paintings" / "leonardo_mona_lisa.jpg")
    parser.add_argument("--clips", type=Path, nargs="+", default=sorted((DATA / "clips").glob("*.m*")))
    options = parser.parse_args()
    basis, tracker = load_basis(weight_path(SHAPE_BASIS)), load_tracker("native")
    sitters = find_sitters(read_picture(options.source), tracker, HeadFitter.of(basis), face=None, everyone=False)
    source = sitters[0].face
    home = _measures(source.points, source.fit.pose.rotation)
    table, habits = [], []
    for clip in options.clips:
        motion = track_driver(read_frames(clip), tracker, HeadFitter.of(basis), fps=Fraction(25))
        film = retarget(source, motion, basis)
        habit = np.median([_of_frame(source, film[at], home) for at in range(0, len(film), _EVERY)], axis=0)
        habits.append(habit)
        table.append([clip.stem, *(f"{value:+.2f}" for value in habit[:2]), *(f"{value:.2f}" for value in habit[2:])])
        print(*table[-1], file=sys.stderr, flush=True)
    brows, lids = np.abs(np.array(habits)[:, :2]), np.array(habits)[:, 2:]
    print(command_line())
    print(markdown_table(["clip", "right brow", "left brow", "right lid", "left lid"], table))
    print(f"\nBrows are {brows.mean():.2f}% off in the mean, {brows.max():.2f}% at most, more than {_SEEN:g}% ", end="")
    print(f"in {(brows > _SEEN).sum()} of {brows.size}; the two lids differ by {np.abs(np.diff(lids)).mean():.3f}.")


def _of_frame(source: SourceFace, face: DrivenFace, home: Float) -> Float:
    now = _measures(face.points, face.turn @ source.fit.pose.rotation)
    return np.concatenate([100 * (now - home)[:2], now[2:] / home[2:]])


def _measures(points: Float, rotation: Float) -> Float:
    """(4,) heights of both brows over their eyes, in distances of the outer corners, and openings of both eyes."""
    own = points[:MESH_POINTS] @ rotation
    brows = np.array(brow_heights(own)) / np.linalg.norm(own[33] - own[263])
    return np.concatenate([brows, measured(own).lid_opening]).astype(np.float32)


if __name__ == "__main__":
    main()
