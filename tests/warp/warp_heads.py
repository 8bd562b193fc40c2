"""Painted heads for the tests of the warp: the shape basis projected and shaded flatly; every colour is known."""

from dataclasses import dataclass

import cv2
import numpy as np

from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis, load_basis, place
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.types import MESH_POINTS, DrivenFace, Float, HeadPose, Landmarks, Picture, SourceFace
from portrait_alive.weights import SHAPE_BASIS, weight_path

SKIN = (214, 170, 140)
IRIS = (30, 60, 200)
SCLERA = (235, 235, 230)
LIPS = (190, 70, 80)
WALL = (90, 120, 95)
CLOTH = (60, 60, 90)


@dataclass(frozen=True, eq=False)
class Head:
    """A painted head and what is known of it."""

    picture: Picture
    face: SourceFace
    basis: ShapeBasis


def paint_head(size: int = 320, *, grain: float = 0.0, yaw: float = 0.0) -> Head:
    """A face about a third of the picture high, turned by `yaw` (radians), in flat colours, on a flat wall."""
    basis = load_basis(weight_path(SHAPE_BASIS))
    fitter = HeadFitter.of(basis)
    still = np.zeros(len(basis.identity), np.float32), np.zeros(len(basis.expression), np.float32)
    shape = basis.shape(*still)
    scale = size / 48.0
    pose = HeadPose(_rotation(yaw, 0.0), np.array([size * 0.5, size * 0.45, 0], np.float32), scale)
    points = place(shape, pose)
    pixels = np.full((size, size, 3), WALL, np.uint8)
    mesh = points[:468, :2]
    chin = mesh[topology.CHIN]
    cloth = np.array([[0, size], [0, chin[1] + 60], [chin[0] - 30, chin[1] + 25], [chin[0] + 30, chin[1] + 25],
                      [size, chin[1] + 60], [size, size]])  # fmt: skip
    _fill(pixels, cloth, CLOTH)
    _fill(pixels, chin + np.array([[-26, -20], [26, -20], [30, 40], [-30, 40]]), SKIN)
    skull = cv2.convexHull(np.ascontiguousarray(points[basis.beyond["skull"], :2]))[:, 0]
    _fill(pixels, skull, (70, 45, 30))
    _fill(pixels, cv2.convexHull(np.ascontiguousarray(mesh))[:, 0], SKIN)
    _fill(pixels, mesh[list(topology.LIPS_OUTER)], LIPS)
    for ring, iris in ((topology.RIGHT_EYE, topology.RIGHT_IRIS), (topology.LEFT_EYE, topology.LEFT_IRIS)):
        layer, mask = pixels.copy(), np.zeros((size, size), np.uint8)
        _fill(mask, mesh[list(ring)], 255)
        layer[:] = SCLERA
        centre = points[iris[0], :2]
        radius = float(np.linalg.norm(points[list(iris[1:]), :2] - centre, axis=1).mean())
        cv2.circle(layer, _fixed(centre), int(radius * 16), IRIS, -1, cv2.LINE_AA, 4)
        pixels = np.where(mask[..., None] > 127, layer, pixels)
    if grain:
        noise = np.random.default_rng(0).normal(0, grain, (size, size, 1))
        pixels = np.clip(pixels + cv2.GaussianBlur(noise, (0, 0), 1.0)[..., None] * 2, 0, 255).astype(np.uint8)
    landmarks = Landmarks(points[:MESH_POINTS].copy(), np.ones(MESH_POINTS, np.float32), 1.0)
    return Head(Picture(pixels), source_face(landmarks, fitter), basis)


def driven_by(head: Head, points: Float, *, shut: float = 0.0, turn: Float | None = None) -> DrivenFace:
    """A driven face with the given points."""
    rotation = np.eye(3, dtype=np.float32) if turn is None else turn
    return DrivenFace(points.astype(np.float32), rotation, (shut, shut), 0.0)


def with_expression(head: Head, **weights: float) -> Float:
    """The source's points moved by expression shapes; both sides of those that have sides."""
    moved = head.face.points.copy()
    for name, weight in weights.items():
        for side in ("", "_L", "_R"):
            if name + side in head.basis.expression_names:
                shape = head.basis.expression[head.basis.expression_index(name + side)]
                moved += weight * head.face.fit.pose.scale * shape @ head.face.fit.pose.rotation.T
    return moved


def with_lids_shut(head: Head, closure: float = 1.0) -> Float:
    """The source's points with the upper lids drawn down to the lower ones."""
    moved = head.face.points.copy()
    for upper, lower in (
        (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER),
        (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER),
    ):
        down = head.face.points[list(lower)] - head.face.points[list(upper)]
        moved[list(upper)] += closure * down
    return moved


def turned(head: Head, yaw: float, pitch: float = 0.0) -> DrivenFace:
    """The head turned rigidly (radians) about the middle of the neck; neck points stay."""
    rotation = _rotation(yaw, pitch)
    points = head.face.points
    pivot = points[topology.CHIN] + np.array([0, 0, 6 * head.face.fit.pose.scale])
    moved = (points - pivot) @ rotation.T + pivot
    neck = head.basis.beyond["neck"]
    moved[neck] = points[neck]
    return driven_by(head, moved, turn=rotation)


def _rotation(yaw: float, pitch: float) -> Float:
    c, s, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return turn.astype(np.float32)


def _fill(pixels: np.ndarray, outline: np.ndarray, colour: object) -> None:
    cv2.fillPoly(pixels, [np.round((outline - 0.5) * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def _fixed(place_: np.ndarray) -> tuple[int, int]:
    x, y = np.round((place_ - 0.5) * 16).astype(int)
    return int(x), int(y)
