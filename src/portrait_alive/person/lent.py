"""The other pictures of a sitter as far as they lend to the canvas: faces, no sharper than the canvas's, and scene."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from portrait_alive.glasses import wears_glasses
from portrait_alive.nets.matte_net import CLASSES
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.matte import Matter
from portrait_alive.types import MESH_POINTS, Bytes, Float, Landmarks, Picture, SourceFace
from portrait_alive.warp.behind import Behind, Surroundings, seen_behind
from portrait_alive.warp.lender import Lender
from portrait_alive.warp.lending import Lending

MOST_BYTES: Final = 5_000_000
"""Of all pictures that a person file holds for lending."""
MOST_SIDE_PX: Final = 1600
_MARGIN: Final = 0.2
"""What is kept around the mesh, over its longer side."""
_QUALITY: Final = 95
_SCENE_QUALITY: Final = 92
_SHRINK: Final = 0.9
"""Less than the ratio of areas asks for, since small pictures hold more bytes a pixel."""


@dataclass(frozen=True, eq=False)
class LentPicture:
    """A face cut out of one of the other pictures."""

    encoded: Bytes
    """(N,) uint8: a JPEG file."""
    points: Float
    """(478, 3) the mesh in its pixels."""

    @staticmethod
    def of(picture: Picture, face: SourceFace, canvas: SourceFace) -> "LentPicture":
        """The face of a picture, made smaller where it is larger than the canvas's."""
        mesh = face.landmarks.points[:MESH_POINTS]
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        edge = _MARGIN * float((high - low).max())
        left, top = np.maximum(low - edge, 0).astype(int)
        right, bottom = np.minimum(high + edge + 1, picture.size[::-1]).astype(int)
        piece = picture.pixels[top:bottom, left:right]
        factor = min(canvas.fit.pose.scale / face.fit.pose.scale, MOST_SIDE_PX / max(piece.shape[:2]), 1.0)
        return _encoded(piece, mesh - np.array([left, top, 0], np.float32), factor)

    @staticmethod
    def of_view(view: Bytes, mesh: Float) -> "LentPicture":
        """What a person file of an earlier version knows of a picture: view (V, V, 3) and mesh (478, 2) in it."""
        return _encoded(view, np.column_stack([mesh, np.zeros(len(mesh), np.float32)]), 1.0)

    def pixels(self) -> Bytes:
        """(h, w, 3) uint8 sRGB; empty where the file is none."""
        decoded = cv2.imdecode(np.ascontiguousarray(self.encoded), cv2.IMREAD_COLOR_RGB)
        return np.zeros((0, 0, 3), np.uint8) if decoded is None else np.asarray(decoded, np.uint8)

    def shrunk(self, factor: float) -> "LentPicture":
        """The same with sides so many times as long."""
        return _encoded(self.pixels(), self.points, factor)


@dataclass(frozen=True, eq=False)
class LentScene:
    """The background behind the canvas's sitter, as other pictures of the scene show it."""

    encoded: Bytes
    """(N,) uint8: its colours, a JPEG file."""
    share: Bytes
    """(M,) uint8: where it was seen, a PNG file of as many pixels."""
    place: Float
    """(3,) x and y of its corner in the canvas picture, and canvas pixels from one of its pixels to the next."""

    @staticmethod
    def of(behind: Behind) -> "LentScene":
        """Put into files."""
        how = [cv2.IMWRITE_JPEG_QUALITY, _SCENE_QUALITY]
        _, colours = cv2.imencode(".jpg", behind.pixels[..., ::-1], how)
        _, share = cv2.imencode(".png", behind.share)
        return LentScene(colours.reshape(-1), share.reshape(-1), np.array([*behind.corner, behind.pitch], np.float32))

    def behind(self) -> Behind | None:
        """Read again; None where the files are none, or not of one size."""
        pixels = cv2.imdecode(np.ascontiguousarray(self.encoded), cv2.IMREAD_COLOR_RGB)
        share = cv2.imdecode(np.ascontiguousarray(self.share), cv2.IMREAD_GRAYSCALE)
        if pixels is None or share is None or pixels.shape[:2] != share.shape:
            return None
        x, y, pitch = (float(one) for one in self.place)
        return Behind(np.asarray(pixels, np.uint8), np.asarray(share, np.uint8), (x, y), pitch)


@dataclass(frozen=True, eq=False)
class Lent:
    """All that the other pictures lend."""

    faces: tuple[LentPicture, ...] = ()
    scene: LentScene | None = None
    """None where they show another scene, or nothing that the canvas hides."""


def scene_of(canvas: Surroundings, others: Sequence[Surroundings]) -> LentScene | None:
    """What other pictures of the scene show behind the canvas's sitter; None where that is nothing."""
    behind = seen_behind(canvas, others)
    return None if behind is None else LentScene.of(behind)


def surroundings_of(picture: Picture, face: SourceFace, matter: Matter) -> Surroundings:
    """A picture and where it shows no sitter, by the matte network; `face` is the sitter's in it."""
    tall = float(np.linalg.norm(face.points[topology.CHIN] - face.points[topology.FOREHEAD]))
    shares = matter.over_picture(picture.pixels, face.landmarks.points)
    return Surroundings(picture.pixels, np.ascontiguousarray(shares[..., CLASSES.index("background")]), tall)


def within_budget(pictures: Sequence[LentPicture], most_bytes: int = MOST_BYTES) -> tuple[LentPicture, ...]:
    """The pictures, all made smaller where together they would be larger than `most_bytes`."""
    total = sum(each.encoded.size for each in pictures)
    while total > most_bytes:
        factor = _SHRINK * float(np.sqrt(most_bytes / total))
        pictures = [each.shrunk(factor) for each in pictures]
        total = sum(each.encoded.size for each in pictures)
    return tuple(pictures)


def lending_of(
    canvas: Picture,
    face: SourceFace,
    others: Sequence[LentPicture],
    basis: ShapeBasis,
    fitter: HeadFitter | None = None,
) -> Lending | None:
    """The pictures taken apart for lending; None where there are none.

    Args:
        canvas: the picture that is animated.
        face: the sitter's in it.
        others: the other pictures.
        basis: the shape basis.
        fitter: explains faces; None makes one.
    """
    if not others:
        return None
    fitter = fitter or HeadFitter.of(basis)
    lenders = []
    for other in others:
        pixels = other.pixels()
        confidence = np.ones(MESH_POINTS, np.float32)
        landmarks = Landmarks(other.points, confidence, 1.0)
        glasses = wears_glasses(pixels, landmarks)
        lenders.append(Lender.of(pixels, source_face(landmarks, fitter), face, basis, has_glasses=glasses))
    return Lending.of(canvas.pixels, face, lenders, canvas_glasses=wears_glasses(canvas.pixels, face.landmarks))


def _encoded(pixels: Bytes, points: Float, factor: float) -> LentPicture:
    height, width = pixels.shape[:2]
    size = (max(round(width * factor), 8), max(round(height * factor), 8))
    if size != (width, height):
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    how = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, content = cv2.imencode(".jpg", pixels[..., ::-1], how)
    scale = np.array([size[0] / width, size[1] / height, size[0] / width], np.float32)
    return LentPicture(content.reshape(-1), (points * scale).astype(np.float32))
