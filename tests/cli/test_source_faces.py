"""Which face is animated, and what is said about it before any work."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from portrait_alive.errors import NoFaceError
from portrait_alive.glasses import evidence_of_glasses, wears_glasses
from portrait_alive.media.stills import read_picture
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.topology import MIRROR
from portrait_alive.source_faces import Sitter, find_sitters, limits
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.tracker import load_tracker
from portrait_alive.types import Box, HeadFit, HeadPose, Landmarks, Picture, SourceFace
from portrait_alive.weights import SHAPE_BASIS, weight_path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


class SomeFaces:
    """A tracker that knows where the faces are."""

    name = "some"

    def __init__(self, *boxes: Box) -> None:
        self.faces = [self._face(box) for box in boxes]

    def detect(self, pixels: np.ndarray) -> list[Landmarks]:
        return self.faces

    def refine(self, pixels: np.ndarray, around: Box) -> Landmarks | None:
        return next((face for face in self.faces if face.box.overlap(around) > 0.1), None)

    @staticmethod
    def _face(box: Box) -> Landmarks:
        points = np.random.default_rng(0).uniform(0, 1, (478, 3)).astype(np.float32)
        points[:2] = (0, 0, 0), (1, 1, 0)
        points[:, 0] = box.x + points[:, 0] * box.width
        points[:, 1] = box.y + points[:, 1] * box.height
        return Landmarks(points, np.ones(478, np.float32), 0.9)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces are not explained by any basis here."""

    def unexplained(face: Landmarks, fitter: object) -> SourceFace:
        pose = HeadPose(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), 1.0)
        return SourceFace(face, HeadFit(pose, np.zeros(1, np.float32), np.zeros(1, np.float32)), face.points)

    monkeypatch.setattr("portrait_alive.source_faces.source_face", unexplained)


LEFT, RIGHT = Box(10, 10, 120, 120), Box(200, 10, 180, 180)


def half_light() -> Picture:
    """A picture that is not its own mirror image: light on the left."""
    pixels = np.zeros((400, 400, 3), np.uint8)
    pixels[:, :200] = 255
    return Picture(pixels)


def numbers(tracker: SomeFaces, **choice: object) -> list[int]:
    picture = half_light()
    chosen = {"face": None, "everyone": False, **choice}
    return [sitter.number for sitter in find_sitters(picture, tracker, None, **chosen)]


def test_the_largest_face_is_animated_unless_another_is_chosen(fitted):
    tracker = SomeFaces(LEFT, RIGHT)
    assert numbers(tracker) == [2]
    assert numbers(tracker, face=1) == [1]
    assert numbers(tracker, everyone=True) == [1, 2]
    assert numbers(tracker, face=(0.0, 0.0, 140.0, 140.0)) == [1]


def test_a_box_drawn_around_a_whole_figure_holds_its_face(fitted):
    picture, tracker, figure = Picture(np.zeros((400, 400, 3), np.uint8)), SomeFaces(LEFT, RIGHT), (190, 0, 210, 2000)
    assert tracker.refine(picture.pixels, Box(*figure)) is None
    (sitter,) = find_sitters(picture, tracker, None, face=figure, everyone=False)
    assert sitter.face.landmarks.box == tracker.faces[1].box


@pytest.mark.parametrize(
    ("faces", "choice", "says"),
    [
        ((), {}, "--face x,y,w,h"),
        ((LEFT,), {"face": 2}, "1 found"),
        ((LEFT,), {"face": (300.0, 300.0, 50.0, 50.0)}, "no face in or near"),
    ],
)
def test_no_face_names_the_options_that_help(fitted, faces, choice, says):
    with pytest.raises(NoFaceError, match=says):
        numbers(SomeFaces(*faces), **choice)


def test_limits_are_told(fitted):
    picture, matter = Picture(np.zeros((400, 400, 3), np.uint8)), Matter.load()

    def codes(box: Box) -> list[str]:
        (sitter,) = find_sitters(picture, SomeFaces(box), None, face=None, everyone=False)
        return [note.code for note in limits(sitter, picture, matter, None)]

    assert codes(LEFT) == []
    assert codes(Box(10, 10, 60, 70)) == ["small-face"]
    assert codes(Box(-30, 10, 200, 200)) == ["cut-off"]


class MirrorTracker(SomeFaces):
    """Its largest "face" is one in this picture only: in a mirrored one, whose light side is the right, it is gone."""

    def __init__(self, real: Box, false: Box, width: int) -> None:
        super().__init__(real, false)
        self.width = width

    def refine(self, pixels: np.ndarray, around: Box) -> Landmarks | None:
        if pixels[0, 0, 0]:
            return super().refine(pixels, around)
        real = self.faces[0]
        points = real.points.copy()
        points[:, 0] = self.width - points[:, 0]
        seen = Landmarks(points[list(MIRROR)], real.confidence, real.presence)
        return seen if seen.box.overlap(around) > 0.1 else None


def test_what_is_no_face_in_the_mirror_is_not_the_sitter(fitted):
    assert numbers(MirrorTracker(LEFT, RIGHT, 400)) == [1]
    assert numbers(MirrorTracker(LEFT, RIGHT, 400), face=2) == [2]


def test_a_real_face_within_does_not_confirm_what_is_no_face(fitted):
    """Near the box of either it is the real one that is found, in the mirror too."""
    tracker = MirrorTracker(LEFT, Box(0, 0, 190, 190), 400)
    found = tracker.refine(half_light().pixels, tracker.faces[1].box)
    assert found is tracker.faces[0]
    assert numbers(tracker) == [1]


def test_a_face_that_the_mirror_puts_elsewhere_is_doubted(fitted):
    picture, matter = half_light(), Matter.load()
    tracker = MirrorTracker(LEFT, RIGHT, 400)
    sitter, other = find_sitters(picture, tracker, None, face=None, everyone=True)

    def codes(sitter: Sitter) -> list[str]:
        return [note.code for note in limits(sitter, picture, matter, tracker)]

    assert codes(sitter) == []
    assert codes(other) == ["low-confidence"]
    tracker.width += 6  # of 200 px that the face is wide
    assert codes(sitter) == ["low-confidence"]


def _drawn_face(*, rims: bool) -> tuple[np.ndarray, Landmarks]:
    """A face of shaded skin with eyes and a nose, and its points; with rims and bridge of dark glasses or without."""
    basis = load_basis(weight_path(SHAPE_BASIS))
    scale = 300 / float(np.ptp(basis.mean[:468, 1]))
    points = (basis.mean[:478] * scale).astype(np.float32)
    points += np.array([250, 250, 0], np.float32) - points.mean(0)
    y, x = np.mgrid[:500, :500]
    light = 200 - 0.25 * np.hypot(x - 210, y - 200)
    image = Image.fromarray(np.stack([light, 0.82 * light, 0.7 * light], -1).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for outer, inner, iris in ((33, 133, 468), (263, 362, 473)):
        (cx, cy), reach = points[iris, :2], abs(points[outer, 0] - points[inner, 0]) / 2
        pen.ellipse((cx - reach, cy - 0.4 * reach, cx + reach, cy + 0.4 * reach), fill=(235, 230, 225))
        pen.ellipse((cx - 0.4 * reach, cy - 0.4 * reach, cx + 0.4 * reach, cy + 0.4 * reach), fill=(50, 40, 35))
        if rims:
            pen.ellipse((cx - 1.6 * reach, cy - 1.5 * reach, cx + 1.6 * reach, cy + 1.7 * reach), outline=20, width=5)
    if rims:
        pen.line([tuple(points[133, :2]), tuple(points[362, :2])], fill=(30, 25, 25), width=5)
    return np.asarray(image), Landmarks(points, np.ones(478, np.float32), 1.0)


@pytest.mark.parametrize("rims", [False, True])
@pytest.mark.parametrize("size", [1.0, 0.4, 2.5])
def test_glasses_are_told(rims, size):
    pixels, face = _drawn_face(rims=rims)
    pixels = cv2.resize(pixels, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
    points = face.points * np.float32(size)
    assert wears_glasses(pixels, Landmarks(points, face.confidence, 1.0)) == rims


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the test material beside the repository")
def test_glasses_on_real_pictures():
    tracker = load_tracker("native")

    def evidence(name: str) -> float:
        pixels = read_picture(DATA / name).pixels
        return evidence_of_glasses(pixels, max(tracker.detect(pixels), key=lambda face: face.box.area))

    assert min(map(evidence, ("portraits/sets/guido_4.jpg", "paintings/digital_st_art15_man_ruff.png"))) > 0.2
    assert max(map(evidence, ("portraits/at_sad_woman.jpg", "paintings/vangogh_self_1887.jpg"))) < 0.15
