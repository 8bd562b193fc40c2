"""Refine where MediaPipe's 478 points lie on the neutral head, from renders that MediaPipe has labelled.

    python -m portrait_alive.training.mesh_attachment head_model.npz points.json --people 150 --first 100000

One round: it starts from the points the model has now, prints how far they are from MediaPipe's, and writes better ones
as the file that `heads/ict_mesh478.json` is. Put the result in its place for the next round. Needs mediapipe.
"""

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.frame import random_frames
from portrait_alive.heads.mesh478 import symmetric
from portrait_alive.heads.model import HeadModel, refined_points
from portrait_alive.heads.person import Person
from portrait_alive.heads.regions import find_regions
from portrait_alive.heads.render import render
from portrait_alive.shape.topology import GROUPS
from portrait_alive.tracking.tracker import Tracker, load_tracker
from portrait_alive.types import Float

SKIN_POINTS = 468
_SIDE_PX = 320
_FRAMES = 3
_MOST_YAW = 0.8
"""Radians; beyond it the teacher guesses."""
_SEEN = 0.4
"""Visibility from which a point of a render counts."""
_FEWEST = 30
"""Renders that have to show a point; with fewer it stays."""
_RIDGE = 0.02
_ROUNDS = 12


@dataclass(frozen=True, eq=False)
class Labelled:
    """Renders (N) with their own points and the teacher's."""

    truth: Float
    """(N, 478, 2) pixels."""
    taught: Float
    """(N, 478, 2) pixels."""
    visibility: Float
    """(N, 478)."""
    axes: Float
    """(N, 2, 3) what a model unit along each model axis is in pixels."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="packed head model")
    parser.add_argument("out", type=Path, help="JSON file for the refined points")
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--first", type=int, default=100_000, help="seed of the first person; another one each round")
    arguments = parser.parse_args()
    model = HeadModel.load(arguments.model)
    labelled = labelled_renders(
        model, load_tracker("mediapipe"), range(arguments.first, arguments.first + arguments.people)
    )
    for name, (middle, high) in errors(labelled).items():
        sys.stderr.write(
            f"{name}: median {middle:.1f}%, 90th percentile {high:.1f}% of the outer eye corners' distance\n"
        )
    points = refined_points()
    points[:SKIN_POINTS] = model.skin_points.at(model.vertices) + offsets(labelled)
    rounded = np.round(symmetric(points), 3).astype(float)
    written = {"points": rounded.tolist(), "lm68": model.lm68.tolist()}
    arguments.out.write_text(json.dumps(written, separators=(",", ":")), encoding="utf-8")
    return 0


def labelled_renders(model: HeadModel, teacher: Tracker, seeds: range) -> Labelled:
    """Random people, each in three moments, as both the renderer and the teacher see them; poses are moderate."""
    regions = find_regions(model)
    truth, taught, visibility, axes = [], [], [], []
    for seed in seeds:
        person = Person.random(model, regions, seed)
        rng = np.random.default_rng([seed, 7])
        for frame in random_frames(model.expression_names, rng, _FRAMES):
            camera = replace(frame.camera, unit=0.03 + 0.01 * float(rng.random()), centre=(0.5, 0.5))
            yaw = float(np.clip(frame.yaw, -_MOST_YAW, _MOST_YAW))
            head = render(model, person, replace(frame, camera=camera, yaw=yaw, shift=(0.0, 0.0, 0.0)), _SIDE_PX)
            face = max(teacher.detect(head.rgb), key=lambda found: found.box.area, default=None)
            if face is None:
                continue
            truth.append(head.landmarks[:, :2])
            taught.append(face.points[:, :2])
            visibility.append(head.visibility)
            # the model's y points up and its z to the viewer
            axes.append((head.pose @ np.diag([1.0, -1.0, -1.0]))[:2] * camera.unit * _SIDE_PX)
    arrays = (np.stack(one).astype(np.float32) for one in (truth, taught, visibility, axes))
    return Labelled(*arrays)


def errors(labelled: Labelled) -> dict[str, tuple[float, float]]:
    """By group the median and 90th percentile distance of visible points in % of the outer eye corners' distance."""
    across = np.linalg.norm(labelled.truth[:, 33] - labelled.truth[:, 263], axis=1)
    far = 100 * np.linalg.norm(labelled.taught - labelled.truth, axis=2) / across[:, None]
    found = {}
    for name, points in {"all": tuple(range(far.shape[1])), **GROUPS}.items():
        values = far[:, list(points)][labelled.visibility[:, list(points)] > 0.5]
        found[name] = (float(np.median(values)), float(np.percentile(values, 90)))
    return found


def offsets(labelled: Labelled) -> Float:
    """(468, 3) shift in model axes that brings each skin point to where the teacher sees it, in most renders.

    Least absolute deviations by reweighting, with a little ridge: what no view tells stays.
    """
    found = np.zeros((SKIN_POINTS, 3), np.float32)
    units = np.linalg.norm(labelled.axes[:, 0], axis=1, keepdims=True)
    for point in range(SKIN_POINTS):
        seen = labelled.visibility[:, point] > _SEEN
        if seen.sum() < _FEWEST:
            continue
        per_unit = np.maximum(units[seen], 1e-6)
        rows = (labelled.axes[seen] / per_unit[:, :, None]).reshape(-1, 3).astype(np.float64)
        missing = ((labelled.taught - labelled.truth)[seen, point] / per_unit).reshape(-1).astype(np.float64)
        found[point] = _robust(rows, missing, _RIDGE * float(seen.sum()))
    return found


def _robust(rows: NDArray[np.float64], values: NDArray[np.float64], ridge: float) -> NDArray[np.floating]:
    weights: NDArray[np.floating] = np.ones(len(values))
    solution: NDArray[np.floating] = np.zeros(rows.shape[1])
    for _ in range(_ROUNDS):
        weighted = rows.T * weights
        solution = np.linalg.solve(weighted @ rows + ridge * np.eye(rows.shape[1]), weighted @ values)
        weights = np.asarray(1 / np.maximum(np.abs(values - rows @ solution), 0.05), np.float64)
        weights /= weights.mean()
    return solution


if __name__ == "__main__":
    sys.exit(main())
