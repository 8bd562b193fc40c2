"""Turn the teacher's faces in depth, with other expressions, by the warp that `animate` runs.

Real skin in turned views:

    python -m portrait_alive.training.tracker.turned_faces cache/taught cache/turned

Reads a folder made by `...tracker.teacher` and writes another of the same kind. Painters like three-quarter views, the
teacher's pictures hold few of them, and rendered heads have another skin. Where the warp puts a point is known, but it
puts the outline's far side where the skin goes out of sight, the teacher where the face ends, 13% of the interocular
distance from there when a head is turned by 35 degrees. So here, too, the teacher rules what it sees.
"""

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from portrait_alive.film import room_of
from portrait_alive.motion.performance import Performance
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.tracks import Motion
from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.with_mediapipe import MediapipeTracker
from portrait_alive.training.tracker.samples import write_taught
from portrait_alive.training.tracker.taught_heads import taught_points
from portrait_alive.training.tracker.teacher import CROP_MARGIN, CROP_SIZE
from portrait_alive.types import MESH_POINTS, Bytes, Float, Landmarks, Picture
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.warper import Warper
from portrait_alive.weights import SHAPE_BASIS, weight_path

_WIDEST_YAW, _WIDEST_PITCH = 0.75, 0.4
_EXPRESSIONS = {"jawOpen": 0.7, "mouthSmile": 0.8, "mouthPucker": 0.6, "mouthFrown": 0.5, "browInnerUp": 0.8,
                "browDown": 0.8, "browOuterUp": 0.8, "eyeSquint": 0.6, "cheekPuff": 0.3}  # fmt: skip
"""The strongest weight of each expression, and how it is called in the basis."""
_OUTLINE_AGREED = 0.3
"""Distance over the interocular distance up to which the outline is the teacher's."""
_COMMON = 0.3
"""Share of frames in which any of them shows."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("taught", type=Path, help="folder made by ...tracker.teacher")
    parser.add_argument("out", type=Path, help="folder for crops.npy, points.npy and names.txt")
    parser.add_argument("--frames", type=int, default=40, help="frames made of each face")
    parser.add_argument("--of-clip", type=int, default=4, help="frames of a clip that are turned")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    basis = load_basis(weight_path(SHAPE_BASIS))
    fitter = HeadFitter.of(basis)
    rng = np.random.default_rng(arguments.seed)
    crops, labels = np.load(arguments.taught / "crops.npy", mmap_mode="r"), np.load(arguments.taught / "points.npy")
    names = (arguments.taught / "names.txt").read_text().splitlines()
    teacher = MediapipeTracker.load()
    turned: list[tuple[Bytes, Float]] = []
    turned_names: list[str] = []
    for name in dict.fromkeys(names):
        of_name = [index for index, other in enumerate(names) if other == name]
        for index in of_name[:: max(len(of_name) // arguments.of_clip, 1)][: arguments.of_clip]:
            for view, exact in turned_views(np.asarray(crops[index]), labels[index], fitter, rng, arguments.frames):
                points = taught_points(teacher.detect(view), exact, outline_agreed=_OUTLINE_AGREED)
                if points is not None:
                    turned.append((view, points))
                    turned_names.append(name)
        sys.stderr.write(f"{name}: {len(turned)} views so far\n")
    write_taught(arguments.out, [pixels for pixels, _ in turned], [points for _, points in turned], turned_names)
    return 0


def turned_views(
    pixels: Bytes, points: Float, fitter: HeadFitter, rng: np.random.Generator, count: int
) -> list[tuple[Bytes, Float]]:
    """Crops (256, 256, 3) of a face in other poses and expressions, with their points (478, 3) in crop pixels.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        points: (478, 3) landmarks in its pixels.
        fitter: explains faces.
        rng: decides everything.
        count: how many.
    """
    face = source_face(Landmarks(points, np.ones(MESH_POINTS, np.float32), 1.0), fitter)
    states = retarget(face, _random_motion(fitter.basis, rng, count), fitter.basis)
    warper = Warper(take_apart(Picture(pixels), face, fitter.basis, room=room_of(states, fitter.basis)))
    left, top, _, _ = warper.box
    views = []
    for state in states:
        picture = pixels.copy()
        region = warper.render(state)
        part = picture[top : top + region.shape[0], left : left + region.shape[1]]
        part[:] = region[: part.shape[0], : part.shape[1]]
        mesh = state.points[:MESH_POINTS]
        crop = FaceCrop.around_points(mesh, CROP_SIZE, margin=CROP_MARGIN)
        views.append((crop.cut(picture), crop.to_crop(mesh)))
    return views


def _random_motion(basis: ShapeBasis, rng: np.random.Generator, count: int) -> Motion:
    """A motion whose frames have nothing to do with each other."""
    play = Performance("random", Fraction(25), count, basis.expression_names)
    play.turn(
        yaw=rng.uniform(-_WIDEST_YAW, _WIDEST_YAW, count), pitch=rng.uniform(-_WIDEST_PITCH, _WIDEST_PITCH, count)
    )
    play.look(right_rad=rng.uniform(-0.4, 0.4, count), down_rad=rng.uniform(-0.2, 0.2, count))
    play.lower_lids(rng.uniform(-0.2, 1.0, count) * (rng.random(count) < _COMMON))
    for shape, strongest in _EXPRESSIONS.items():
        play.express(shape, rng.uniform(0, strongest, count) * (rng.random(count) < _COMMON))
    return play.motion(seed=0)


if __name__ == "__main__":
    sys.exit(main())
