"""Where lips, brows, eyes, scalp and beard lie on the neutral head: one number per vertex each."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.drawn import DrawnMesh, find_drawn
from portrait_alive.heads.mesh478 import LEFT_BROW, LEFT_EYE, OUTER_LIP, RIGHT_BROW, RIGHT_EYE
from portrait_alive.heads.model import FACE, HeadModel
from portrait_alive.types import Float

SCALP_CENTRE = np.array([0.0, 4.0, 0.3], np.float32)
"""Model units: about the middle of the skull; hair is described by directions from here."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Signed distances (model units, positive inside) on the neutral mesh, (V,) each."""

    lips: Float
    brows: Float
    eyes: Float
    """Positive inside the lids' opening, growing negative away from it."""
    scalp: Float
    """Positive where hair grows, by a usual hairline."""
    beard: Float
    """Positive where a full beard grows."""
    moustache: Float
    cheeks: Float
    """0..1: blush."""
    nose: Float
    """0..1: tip of the nose."""
    folds: Float
    """0..1: the folds from nose to mouth and under the eyes."""
    furrows: Float
    """0..1: lines across the forehead and beside the eyes."""
    outer: NDArray[np.bool_]
    """The head's outside, where hair and clothes may lie."""
    ears: NDArray[np.bool_]
    drawn: DrawnMesh
    skull_radius: Float
    """(64, 32) farthest skin from SCALP_CENTRE by azimuth and elevation, ears left out."""


def inside_distance(points: Float, polygon: Float) -> Float:
    """Signed distance of `points` (N, 2) to `polygon` (M, 2), positive inside."""
    contour = polygon.astype(np.float32).reshape(-1, 1, 2)
    return np.array([cv2.pointPolygonTest(contour, (float(x), float(y)), True) for x, y in points], np.float32)


FOLDS = ((129, 203, 206, 216, 212), (358, 423, 426, 436, 432))
"""From the wings of the nose past the corners of the mouth; subject's right, left."""
BAGS = ((226, 31, 228, 229, 230, 231, 232), (446, 261, 448, 449, 450, 451, 452))
"""Under the eyes."""


def line_field(points: Float, *lines: Float, width: float) -> Float:
    """(N,) 1 on the polylines (M, 3), falling off smoothly over `width` model units."""
    nearest = np.full(len(points), np.inf, np.float32)
    for line in lines:
        for a, b in pairwise(line):
            along = b - a
            t = np.clip((points - a) @ along / float(along @ along), 0, 1)
            gap = points - a - t[:, None] * along
            nearest = np.minimum(nearest, (gap * gap).sum(1))
    return np.asarray(np.exp(-nearest / width**2), np.float32)


def hair_depth(points: Float, rise: float = 0.0, recede: float = 0.0) -> Float:
    """How far inside the hairline points of the head's surface lie, in model units; negative is bare skin.

    Args:
        points: (N, 3) model axes.
        rise: model units the line is raised by over the forehead.
        recede: model units the temples are bared by.
    """
    x, y, z = points.T
    azimuth = np.abs(np.arctan2(x, z - SCALP_CENTRE[2]))
    line = np.interp(
        azimuth,
        np.radians([0, 18, 34, 48, 62, 76, 88, 100, 125, 180]),
        np.array([9.4, 9.5, 9.2, 8.0, 6.0, 4.0, 4.4, 3.0, -4.5, -6.0])
        + rise * np.array([1, 1, 1, 0.8, 0.5, 0, 0, 0, 0, 0])
        + recede * np.array([0.1, 0.5, 1.0, 0.9, 0.4, 0, 0, 0, 0, 0]),
    )
    return np.asarray(y - line, np.float32)


def spherical_bins(directions: Float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row of azimuth (0..63) and of elevation (0..31) of directions (N, 3)."""
    unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-6)
    azimuth = np.arctan2(unit[:, 0], unit[:, 2])
    elevation = np.arcsin(np.clip(unit[:, 1], -1, 1))
    a = np.clip(((azimuth / (2 * np.pi) + 0.5) * 64).astype(int), 0, 63)
    e = np.clip(((elevation / np.pi + 0.5) * 32).astype(int), 0, 31)
    return a, e


def find_regions(model: HeadModel) -> Regions:
    """The regions of the model's neutral head."""
    v = model.vertices
    points = model.skin_points.at(v)
    face = np.zeros(len(v), np.bool_)
    face[model.vertices_of(FACE)] = True
    face &= v[:, 2] > 4

    def field(*polygons: tuple[int, ...]) -> Float:
        out = np.full(len(v), -20, np.float32)
        for polygon in polygons:
            out[face] = np.maximum(out[face], inside_distance(v[face][:, :2], points[list(polygon), :2]))
        return out

    mouth = points[list(OUTER_LIP)].mean(0)
    nose = points[4]
    x, y, z = v.T
    radius = np.linalg.norm(v - SCALP_CENTRE, axis=1)
    a, e = spherical_bins(v - SCALP_CENTRE)
    outer = model.outer_skin
    ears = outer & (np.abs(x) > 7.9) & (y > -2) & (y < 6.6) & (z < 3.6) & (z > -3.5)
    table = np.zeros((64, 32), np.float32)
    counted = outer & ~ears & (y > -9)
    np.maximum.at(table, (a[counted], e[counted]), radius[counted])
    for _ in range(12):
        grown = np.maximum.reduce(
            [
                np.roll(table, 1, 0),
                np.roll(table, -1, 0),
                np.pad(table, ((0, 0), (0, 1)))[:, 1:],
                np.pad(table, ((0, 0), (1, 0)))[:, :-1],
            ]
        )
        table = np.where(table == 0, grown, table)
    table = cv2.blur(np.concatenate([table[-4:], table, table[:4]]), (3, 3))[4:-4]

    scalp = hair_depth(v)
    scalp[~outer | ears] = -20
    jaw_line = np.interp(np.abs(x), [0, 2.6, 4.5, 6.5, 8.0], [-4.3, -3.9, -3.0, -1.0, 2.5])
    under = np.clip(y + 9.6, -20, None)
    beard = np.minimum(jaw_line - y, under)
    beard = np.where(outer & (z > 0.5) & ~ears, beard, -20).astype(np.float32)
    lips = field(OUTER_LIP)
    beard = np.minimum(beard, -lips - 0.25)
    moustache = np.minimum(np.minimum(y - mouth[1] - 0.1, nose[1] - 1.15 - y), 3.0 - np.abs(x) + 0.3 * (mouth[1] - y))
    moustache = np.where(face & (z > 8), np.minimum(moustache, -lips - 0.1), -20).astype(np.float32)
    cheek = np.exp(-(((np.abs(x) - 4.6) / 2.0) ** 2 + ((y + 0.3) / 1.8) ** 2)) * (z > 5)
    tip = np.exp(-((v - nose) ** 2).sum(1) / 2.2)
    folds = np.maximum(
        line_field(v, points[list(FOLDS[0])], points[list(FOLDS[1])], width=0.22),
        0.6 * line_field(v, points[list(BAGS[0])], points[list(BAGS[1])], width=0.2),
    )
    wave = np.clip(np.cos((y - 0.05 * x * x) * 2 * np.pi / 1.05) - 0.55, 0, 1) / 0.45
    forehead = wave * np.exp(-(((y - 7.2) / 1.3) ** 2)) * np.exp(-((x / 4.0) ** 2)) * face
    crow = np.clip(np.cos(np.arctan2(y - 3.2, np.abs(x) - 4.0) * 12) - 0.5, 0, 1) * 2
    crow = crow * np.exp(-((np.abs(x) - 5.4) ** 2 + (y - 3.2) ** 2) / 0.7) * face
    return Regions(
        folds=folds.astype(np.float32),
        furrows=np.maximum(forehead, 0.8 * crow).astype(np.float32),
        drawn=find_drawn(model),
        lips=lips,
        brows=field(RIGHT_BROW, LEFT_BROW),
        eyes=field(RIGHT_EYE, LEFT_EYE),
        scalp=scalp,
        beard=beard,
        moustache=moustache,
        cheeks=cheek.astype(np.float32),
        nose=tip.astype(np.float32),
        outer=outer,
        ears=ears,
        skull_radius=table.astype(np.float32),
    )
