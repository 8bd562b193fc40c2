"""Two seconds of the real work, with nothing but what is installed: a face made from the shape basis is animated."""

import time
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from portrait_alive.engine import make_engine
from portrait_alive.media.clips import open_clip
from portrait_alive.media.outputs import open_output
from portrait_alive.motion.builtin import builtin_motion
from portrait_alive.motion.retarget import retarget
from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.tracking.tracker import load_tracker
from portrait_alive.types import MESH_POINTS, HeadFit, HeadPose, Landmarks, Picture, SourceFace
from portrait_alive.weights import SHAPE_BASIS, weight_path

_SIDE_PX = 320
_FPS = Fraction(25)
_SECONDS = 1.0


def self_test() -> str:
    """Animate, write and read back a made-up face; what was done, in words.

    Raises:
        Exception: whatever is broken.
    """
    began = time.monotonic()
    basis = load_basis(weight_path(SHAPE_BASIS))
    picture, face = _made_up(basis)
    engine = make_engine("warp", picture, [face], basis, with_alpha=False)
    states = retarget(face, builtin_motion("smile", basis, seconds=_SECONDS, fps=_FPS), basis)
    with TemporaryDirectory(prefix="portrait-alive-") as folder:
        path = Path(folder) / "self-test.mp4"
        with open_output(path, size=picture.size, fps=_FPS) as output:
            for state in states:
                output.write(engine.compose(engine.render([state])))
        count = sum(1 for _ in open_clip(path).frames())
    if count != len(states):
        raise RuntimeError(f"{len(states)} frames were written, {count} were read back")
    return f"{count} frames rendered, encoded and decoded in {time.monotonic() - began:.1f} s"


def tracker_test() -> str:
    """Load the shipped tracker, and look for faces in grey; what was done, in words.

    Raises:
        Exception: whatever is broken.
    """
    began = time.monotonic()
    tracker = load_tracker("native")
    faces = tracker.detect(np.full((_SIDE_PX, _SIDE_PX, 3), 128, np.uint8))
    if faces:
        raise RuntimeError(f"{len(faces)} faces were found in a grey picture")
    return f"loaded, and no face found in grey, in {time.monotonic() - began:.1f} s"


def _made_up(basis: ShapeBasis) -> tuple[Picture, SourceFace]:
    """A picture of noise, and a neutral face in the middle of it."""
    shades = np.random.default_rng(0).integers(90, 160, (_SIDE_PX, _SIDE_PX, 3))
    reach = float(np.ptp(basis.mean[:MESH_POINTS, 1]))
    scale = 0.4 * _SIDE_PX / reach
    centre = np.array([_SIDE_PX / 2, _SIDE_PX / 2, 0], np.float32)
    middle = basis.mean[:MESH_POINTS].mean(0)
    pose = HeadPose(np.eye(3, dtype=np.float32), (centre - scale * middle).astype(np.float32), scale)
    fit = HeadFit(pose, np.zeros(len(basis.identity), np.float32), np.zeros(len(basis.expression), np.float32))
    points = basis.project(fit)
    landmarks = Landmarks(points[:MESH_POINTS].copy(), np.ones(MESH_POINTS, np.float32), 1.0)
    return Picture(shades.astype(np.uint8)), SourceFace(landmarks, fit, points)
