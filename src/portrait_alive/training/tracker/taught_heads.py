"""Let the teacher say where the face of rendered heads is, where it can.

    python -m portrait_alive.training.tracker.taught_heads cache/heads

Writes `NNNNNN-taught.npy` beside every shard of ...tracker.render_heads: points (N, 478, 3) in its pixels. Outline,
brows, nose, cheeks and mouth are the teacher's where it is about right; eyes, irises, depth and all that it misses are
the renderer's. On real pictures the teacher rules, and it puts an outline by habits of its own, 6% of the interocular
distance from where the skin of a rendered head ends: two truths for one face would teach the mean of both.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from portrait_alive.shape import topology
from portrait_alive.tracking.with_mediapipe import MediapipeTracker
from portrait_alive.types import Float, Landmarks

AGREED = 0.12
"""Mean distance over the interocular distance up to which a part is the teacher's; the median is a third of it."""
_EYES = topology.GROUPS["eyes"] + topology.GROUPS["irises"]
_OWN_PARTS = ("mouth", "brows", "contour")
_SAME_OPENING = 0.05
"""By how much of the interocular distance lips may part otherwise than rendered; the renderer's are exact."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heads", type=Path, help="folder of shards")
    arguments = parser.parse_args()
    teacher = MediapipeTracker.load()
    for path in sorted(arguments.heads.glob("*-points.npy")):
        taught = path.with_name(path.name.replace("-points", "-taught"))
        if taught.is_file():
            continue
        pixels = np.load(path.with_name(path.name.replace("-points", "-rgb")), mmap_mode="r")
        exact = np.load(path)
        seen = [taught_points(teacher.detect(np.array(one)), own) for one, own in zip(pixels, exact, strict=True)]
        np.save(taught, np.stack([own if points is None else points for own, points in zip(exact, seen, strict=True)]))
        sys.stderr.write(f"{taught}: {sum(points is not None for points in seen)} of {len(seen)}\n")
    return 0


def taught_points(faces: Sequence[Landmarks], exact: Float, *, outline_agreed: float = AGREED) -> Float | None:
    """(478, 3) points of a made face, the teacher's where it agrees; None where it does not see that face.

    Args:
        faces: all that the teacher sees in the picture.
        exact: (478, 3) the points as the face was made.
        outline_agreed: `AGREED` for the outline.
    """
    if not faces:
        return None
    off = [np.linalg.norm(face.points[:, :2] - exact[:, :2], axis=1) for face in faces]
    nearest = min(range(len(faces)), key=lambda index: float(off[index].mean()))
    unit = float(np.linalg.norm(exact[topology.EYE_CORNERS[0], :2] - exact[topology.EYE_CORNERS[3], :2])) / 1.5
    seen, distance = faces[nearest].points, off[nearest] / max(unit, 1.0)
    if distance.mean() > AGREED:
        return None
    points = exact.copy()
    parts = {name: list(topology.GROUPS[name]) for name in _OWN_PARTS}
    elsewhere = sorted(set(range(len(exact))) - set(_EYES) - set().union(*parts.values()))
    for name, part in [*parts.items(), ("elsewhere", elsewhere)]:
        if distance[part].mean() > (outline_agreed if name == "contour" else AGREED):
            continue
        if name == "mouth" and abs(_opening(seen) - _opening(exact)) > _SAME_OPENING * unit:
            continue
        points[part, :2] = seen[part, :2]
    return points


def _opening(points: Float) -> float:
    upper, lower = list(topology.UPPER_LIP_INNER), list(topology.LOWER_LIP_INNER)
    return float(np.linalg.norm(points[upper, :2] - points[lower, :2], axis=1).mean())


if __name__ == "__main__":
    sys.exit(main())
