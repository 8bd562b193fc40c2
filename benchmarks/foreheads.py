"""How far real foreheads go along with their brows, seen in the pixels of clips.

    python benchmarks/foreheads.py
    python benchmarks/foreheads.py --clips a.mp4 b.mp4

The head is held still by the points of eye corners and nose; dense optical flow from a frame with
low brows says how far brows and three rows of forehead above them have gone up; a row's share is
the slope of its way over the brows', what nods explain taken out. The last line is the head model's
own shapes', and what a portrait is driven with.
"""

import argparse
import sys
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from measured_with import DATA, command_line

from portrait_alive.evaluation.clip_frames import read_frames
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.motion.forehead import goes_with_brows
from portrait_alive.motion.track import track_driver
from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.tones import LUMA
from portrait_alive.tracking.tracker import Tracker, load_tracker
from portrait_alive.training.meta.episodes import largest_face
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.face_shapes import STILL
from portrait_alive.weights import SHAPE_BASIS, weight_path

ROWS: Final = {
    "brows": (105, 66, 296, 334),
    "low forehead": (69, 108, 337, 299),
    "middle": (104, 109, 338, 333),
    "hairline": (103, 67, 297, 332),
}
_LOOKS = 60
"""Frames of a clip that are looked at."""
_SAME_POSE = np.radians(5)
_LEAST_RAISE = 8.0
"""% of the distance of the eyes' outer corners: of clips whose brows move less, what holds the head still decides."""
_FACE_PX = 256


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, nargs="+", default=sorted((DATA / "clips").glob("*.m*")))
    options = parser.parse_args()
    basis, tracker = load_basis(weight_path(SHAPE_BASIS)), load_tracker("native")
    table, shares = [], []
    for clip in options.clips:
        found = shares_in(clip, tracker, HeadFitter.of(basis))
        print(clip.stem, "tells nothing" if found is None else found.round(2), file=sys.stderr, flush=True)
        if found is not None:
            shares.append(found)
            table.append([clip.stem, *(f"{share:.2f}" for share in found)])
    if shares:
        table.append(["median", *(f"{share:.2f}" for share in np.median(shares, axis=0))])
    table.append(["the head model's shapes; driven", *(f"{a:.2f}; {b:.2f}" for a, b in of_shapes(basis).tolist())])
    print(command_line())
    print(markdown_table(["clip", *list(ROWS)[1:]], table))


def of_shapes(basis: ShapeBasis) -> Float:
    """(3, 2) each row's share of the brows' way when all shapes raise them: the basis's own, and a portrait's."""
    raised = [name.startswith(("browInnerUp", "browOuterUp")) for name in basis.expression_names]
    up = basis.expression[raised].sum(0)[:, 1]
    driven = up * goes_with_brows(basis)
    ways = np.array([[part[list(row)].mean() for part in (up, driven)] for row in ROWS.values()])
    return np.asarray(ways[1:] / ways[0], np.float32)


def shares_in(clip: Path, tracker: Tracker, fitter: HeadFitter) -> Float | None:
    """(3,) shares in one clip; None where brows move too little, or the head too much."""
    frames = read_frames(clip)
    motion = track_driver(frames, tracker, fitter, fps=Fraction(25))
    raised = _mean_of(motion.expression, motion.expression_names, ("browInnerUp", "browOuterUp"))
    raised -= _mean_of(motion.expression, motion.expression_names, ("browDown",))
    off_rest = np.abs(raised - np.percentile(raised, 20)) + np.abs(motion.lids.mean(1) - 1)
    rest = int(np.argmin(np.where(motion.bridged, np.inf, off_rest)))
    alike = (np.abs(motion.rotation - motion.rotation[rest]).max(1) < _SAME_POSE) & ~motion.bridged
    seen = largest_face(tracker.detect(frames[rest]))
    if seen is None:
        return None
    home = seen.points[:, :2]
    scale = _FACE_PX / float(np.ptp(home[:, 0]))
    home = ((home - home.mean(0)) * scale + _FACE_PX).astype(np.float32)
    still = _held_still(frames[rest], seen.points[:, :2], home)
    flows = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    ways, nods = [], []
    for frame in range(0, len(frames), max(len(frames) // _LOOKS, 1)):
        face = largest_face(tracker.detect(frames[frame])) if alike[frame] else None
        if face is not None:
            flow = flows.calc(still, _held_still(frames[frame], face.points[:, :2], home), None)
            ways.append(_ways(cv2.GaussianBlur(flow, (0, 0), _FACE_PX / 64)[..., 1], home))
            nods.append(float(motion.rotation[frame, 1]))
    gone = np.array(ways) * (100 / float(np.linalg.norm(home[33] - home[263])))
    if len(gone) < 2 or np.ptp(gone[:, 0]) < _LEAST_RAISE:
        return None
    known = np.stack([gone[:, 0].reshape(-1), np.repeat(nods, 2), np.ones(gone[:, 0].size)], -1)
    slopes = np.linalg.lstsq(known, gone[:, 1:].swapaxes(1, 2).reshape(-1, len(ROWS) - 1), rcond=None)[0]
    return np.asarray(slopes[0], np.float32)


def _mean_of(weights: Float, names: tuple[str, ...], wanted: tuple[str, ...]) -> Float:
    return weights[:, [name.startswith(wanted) for name in names]].mean(1)


def _held_still(frame: Bytes, points: Float, home: Float) -> Bytes:
    """(512, 512) luma with the steady points (478, 2) brought to their home."""
    moves, _ = cv2.estimateAffinePartial2D(points[list(STILL)].astype(np.float32), home[list(STILL)], method=cv2.LMEDS)
    soft = max(0.5 / float(np.hypot(moves[0, 0], moves[1, 0])) - 0.5, 0.01)  # what is shrunk would else be aliased
    held = cv2.warpAffine(cv2.GaussianBlur(frame, (0, 0), soft), moves, (2 * _FACE_PX, 2 * _FACE_PX))
    return np.rint(held.astype(np.float32) @ LUMA).astype(np.uint8)


def _ways(flow: Float, home: Float) -> list[list[float]]:
    """Pixels down at each row's right and left half."""
    at = np.clip(home.astype(int), 0, 2 * _FACE_PX - 1)
    down = flow[at[:, 1], at[:, 0]]
    return [[float(down[list(half)].mean()) for half in (row[:2], row[2:])] for row in ROWS.values()]


if __name__ == "__main__":
    main()
