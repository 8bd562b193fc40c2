"""What the networks see in training is what they see when `animate` runs."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from portrait_alive.engine import WarpEngine
from portrait_alive.film import room_of
from portrait_alive.media.stills import read_picture
from portrait_alive.motion.absolute import retarget_absolute, track_meshes
from portrait_alive.neural.condition import PLANES, see_frame
from portrait_alive.neural.view import View
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.native import NativeTracker
from portrait_alive.training.meta.episodes import person_episodes
from portrait_alive.types import Box, Bytes, Landmarks, Picture
from portrait_alive.weights import SHAPE_BASIS, weight_path

PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.jpg"


@pytest.fixture(scope="module")
def frames() -> list[Bytes]:
    """The example portrait, wandering by a few pixels and degrees."""
    pixels = read_picture(PORTRAIT).pixels
    small = cv2.resize(pixels, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    moved = []
    for step in range(5):
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 1.5 * step, 1.0)
        turn[:, 2] += 2 * step, -step
        moved.append(cv2.warpAffine(small, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))
    return moved


class Remembering:
    """A tracker that gives the same answer for a frame, whichever way it is asked."""

    name = "remembering"

    def __init__(self, frames: list[Bytes]) -> None:
        native = NativeTracker.load()
        self.known = {id(frame): native.detect(frame)[0] for frame in frames}

    def detect(self, pixels: Bytes) -> list[Landmarks]:
        return [self.known[id(pixels)]]

    def refine(self, pixels: Bytes, around: Box) -> Landmarks:
        return self.known[id(pixels)]

    def follow(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        return [self.known[id(frame)] for frame in frames]


def test_training_and_animating_see_the_same(frames):
    basis, tracker, matter = load_basis(weight_path(SHAPE_BASIS)), Remembering(frames), Matter.load()
    fitter = HeadFitter.of(basis)
    learned = person_episodes(frames, tracker, basis, matter)
    assert learned is not None
    assert len(learned.frames) == len(frames) - 1

    face = source_face(tracker.detect(frames[0])[0], fitter)
    track = track_meshes(frames, tracker, fitter, fps=Fraction(25))
    driven = retarget_absolute(face, track, basis)
    engine = WarpEngine.of(Picture(frames[0]), [face], basis, [room_of(driven, basis)], matter, with_alpha=False)
    warper, side = engine.warpers[0], View.side_for(face)
    for number in range(1, len(frames)):
        seen = see_frame(warper.render_with_masks(driven[number]), warper.box[:2], driven[number], side)
        difference = np.abs(seen.planes.astype(int) - learned.frames[number - 1, ..., :PLANES])
        assert difference.max() <= 1


def test_truth_lies_under_the_driven_landmarks(frames):
    basis, tracker, matter = load_basis(weight_path(SHAPE_BASIS)), NativeTracker.load(), Matter.load()
    learned = person_episodes(frames, tracker, basis, matter)
    assert learned is not None
    warped, truth = learned.frames[..., :3].astype(int), learned.frames[..., PLANES:].astype(int)
    still = np.abs(learned.sources[0][..., :3].astype(int) - truth).mean()
    assert np.abs(warped - truth).mean() < 0.7 * still
