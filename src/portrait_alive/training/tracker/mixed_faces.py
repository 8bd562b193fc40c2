"""Mix the teacher's faces in pairs: other people, with real skin, out of few.

    python -m portrait_alive.training.tracker.mixed_faces cache/taught cache/mixed --count 6000

Reads a folder made by `...tracker.teacher` and writes another of the same kind. Two people whose heads, mouths and lids
do about the same are brought to a mesh between theirs and blended there; the teacher labels what comes out.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.similarity import Similarity
from portrait_alive.tracking.with_mediapipe import MediapipeTracker
from portrait_alive.training.tracker.samples import TaughtFaces, write_taught
from portrait_alive.training.tracker.taught_heads import taught_points
from portrait_alive.training.tracker.teacher import CROP_MARGIN, CROP_SIZE
from portrait_alive.types import Bytes, Float

_CANDIDATES = 40
"""Faces that are drawn for one to be mixed with the likest of them."""
_UNLIKE = 0.2
"""How differently two faces may stand and do (`_doing`), that lips are not blended with teeth."""
_NODES = 33
"""Nodes along each side of the crop between which the way of the pixels is interpolated."""
_RIM = 0.06
"""Of the crop's side: over this width the mixed face goes over into the first one's hair and background."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("taught", type=Path, help="folder made by ...tracker.teacher")
    parser.add_argument("out", type=Path, help="folder for crops.npy, points.npy and names.txt")
    parser.add_argument("--count", type=int, default=6000, help="pairs that are drawn; a part of them is not mixed")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    teacher = MediapipeTracker.load()
    rng = np.random.default_rng(arguments.seed)
    faces = TaughtFaces(arguments.taught)
    names = faces.names
    doing = np.stack([_doing(points) for points in faces.points])
    crops, labels, mixed_names = [], [], []
    for drawn in range(arguments.count):
        first, *others = rng.choice(len(names), _CANDIDATES + 1, p=faces.probability)
        strangers = [other for other in others if names[other] != names[first]]
        second = min(strangers, key=lambda other: float(np.abs(doing[other] - doing[first]).max()))
        if np.abs(doing[second] - doing[first]).max() > _UNLIKE:
            continue
        pair = [(np.asarray(faces.crops[index]), faces.points[index]) for index in (first, second)]
        pixels, points = mixed(*pair, shape=float(rng.uniform(0, 1)), skin=float(rng.uniform(0.2, 1)))
        seen = taught_points(teacher.detect(pixels), points)
        if seen is not None:
            crop = FaceCrop.around_points(seen, CROP_SIZE, margin=CROP_MARGIN)
            crops.append(crop.cut(pixels))
            labels.append(crop.to_crop(seen))
            mixed_names.append(f"{names[first]} {names[second]}")
        if drawn % 500 == 499:
            sys.stderr.write(f"{len(crops)} of {drawn + 1}\n")
    write_taught(arguments.out, crops, labels, mixed_names)
    return 0


def mixed(first: tuple[Bytes, Float], second: tuple[Bytes, Float], *, shape: float, skin: float) -> tuple[Bytes, Float]:
    """A picture (S, S, 3) of a face between two, in the first one's place, and its points (478, 3).

    Args:
        first: picture (S, S, 3) uint8 RGB and points (478, 3) in its pixels.
        second: the same of somebody else.
        shape: how far the mesh is the second one's, 0..1.
        skin: how far the face's paint is, 0..1; hair and background are the first one's.
    """
    (first_pixels, first_points), (second_pixels, second_points) = first, second
    corners = [*topology.EYE_CORNERS, topology.NOSE_TIP]
    brought = Similarity.between(second_points[corners, :2], first_points[corners, :2])(second_points)
    points = (first_points + np.float32(shape) * (brought - first_points)).astype(np.float32)
    size = first_pixels.shape[0]
    ways = _ways_to(points, [first_points, second_points], size)
    one, other = (_moved(pixels, way) for pixels, way in zip((first_pixels, second_pixels), ways, strict=True))
    hull = cv2.convexHull(points[:, :2].astype(np.float32))
    inside = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(inside, np.rint(hull).astype(np.int32), 1)
    away = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    share = np.float32(skin) * np.clip(away / np.float32(_RIM * size), 0, 1)[..., None]
    return np.rint(one + share * (other - one)).astype(np.uint8), points


def _ways_to(wanted: Float, places: Sequence[Float], size: int) -> list[Float]:
    """(S, S, 2) for each of several places (478, 3): how far off each pixel's origin is once they are `wanted`."""
    ends = np.linspace(0, size, 5)
    border = np.array([(x, y) for x in ends for y in ends if x in (0, size) or y in (0, size)])
    centres = np.concatenate([wanted[:, :2].astype(np.float64), border])
    bordered = np.c_[border, np.zeros(len(border))].astype(np.float32)
    there = [np.concatenate([at, Similarity.between(wanted[:, :2], at[:, :2])(bordered)])[:, :2] for at in places]
    weights = _spline(centres, np.concatenate(there, 1).astype(np.float64))
    at = np.linspace(0, size, _NODES)
    nodes = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
    origins = _kernel(nodes, centres) @ weights[:-3] + np.c_[np.ones(len(nodes)), nodes] @ weights[-3:]
    middles = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32((_NODES - 1) / size)
    grid = np.meshgrid(middles, middles)
    ways = [(some - nodes).astype(np.float32).reshape(_NODES, _NODES, 2) for some in np.split(origins, len(places), 1)]
    return [np.asarray(cv2.remap(way, grid[0], grid[1], cv2.INTER_LINEAR), np.float32) for way in ways]


def _moved(pixels: Bytes, way: Float) -> Float:
    """(S, S, 3) float32 the picture, each pixel from as far off as its way says."""
    at = np.arange(len(pixels), dtype=np.float32)
    pixel = np.stack(np.meshgrid(at, at), -1)
    moved = cv2.remap(pixels, pixel + way, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _spline(centres: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N + 3, D) weights of the thin-plate spline that takes each centre (N, 2) there (N, D): nearly, for noise."""
    count = len(centres)
    linear = np.c_[np.ones(count), centres]
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(centres, centres) + np.eye(count) * 1.0
    system[:count, count:], system[count:, :count] = linear, linear.T
    return np.asarray(np.linalg.solve(system, np.concatenate([there, np.zeros((3, there.shape[1]))])))


def _kernel(at: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    squared = ((at[:, None] - centres[None]) ** 2).sum(2)
    return np.asarray(squared * np.log(squared + 1e-9))


def _doing(points: Float) -> NDArray[np.float64]:
    """(6,) how a face stands and what it does: yaw, pitch, opening and width of the mouth, both lids; by the eyes."""
    eyes = points[list(topology.EYE_CORNERS), :2]
    across = eyes[3] - eyes[0]
    unit = float(np.linalg.norm(across))
    axes = np.array([across, [-across[1], across[0]]]) / unit**2
    nose = axes @ (points[topology.NOSE_TIP, :2] - eyes.mean(0))

    def gap(upper: tuple[int, ...], lower: tuple[int, ...]) -> float:
        return float(np.linalg.norm(points[list(upper), :2] - points[list(lower), :2], axis=1).mean()) / unit

    mouth = gap(topology.UPPER_LIP_INNER, topology.LOWER_LIP_INNER)
    width = float(np.linalg.norm(points[61, :2] - points[291, :2])) / unit
    lids = (
        gap(topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER),
        gap(topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER),
    )
    return np.array([1.5 * nose[0], 0.5 * nose[1], 3 * mouth, 0.7 * width, *(2 * lid for lid in lids)])


if __name__ == "__main__":
    sys.exit(main())
