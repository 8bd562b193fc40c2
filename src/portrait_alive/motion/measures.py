"""What lids, irises and lips do, read from mesh points in the head's own frame.

The shape basis explains skin; these three are measured directly, because they have to be exact: a blink that is fitted
in the mean is a blink that does not close.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.types import MESH_POINTS, Float, HeadPose

EYE_UPPER: Final = (topology.RIGHT_EYE_UPPER, topology.LEFT_EYE_UPPER)
EYE_LOWER: Final = (topology.RIGHT_EYE_LOWER, topology.LEFT_EYE_LOWER)
IRISES: Final = (topology.RIGHT_IRIS, topology.LEFT_IRIS)
_EYE_CORNERS: Final = [[upper[end] for upper in EYE_UPPER] for end in (0, -1)]
"""First and last corner, each of right and left eye."""
_LID_MIDDLES: Final = [[list(margin[3:6]) for margin in margins] for margins in zip(EYE_UPPER, EYE_LOWER, strict=True)]
"""By eye, upper and lower margin: the three middle pairs of the nine."""
_IRIS_MIDDLES: Final = [iris[0] for iris in IRISES]
_UPPER_LIP_MIDDLE: Final = list(topology.UPPER_LIP_INNER)[4:7]
_LOWER_LIP_MIDDLE: Final = list(topology.LOWER_LIP_INNER)[4:7]
"""The three middle pairs of the eleven on the inner lips."""


@dataclass(frozen=True, eq=False)
class FaceMeasures:
    """Lids, gaze and mouth of one face."""

    lid_opening: Float
    """(2,) right, left: gap between the lids over the eye's width; negative never."""
    gaze: Float
    """(2, 2) iris off the middle of the eye in half-widths, head frame: x to the viewer's right, y down."""
    lid_heights: Float
    """(2, 2) right, left eye; upper, lower margin: how far below the line between the eye's corners, in half-widths."""
    mouth: float
    """Signed gap between the inner lips over the distance of the eyes' centres; negative where tracked lips overlap."""


def measured(points: NDArray[np.floating]) -> FaceMeasures:
    """Measures of mesh points (478 or more, 3) in model units and model axes (see `in_head_frame`)."""
    return measured_all(points[None])[0]


def measured_all(points: NDArray[np.floating]) -> list[FaceMeasures]:
    """`measured` for each of N frames' points (N, 478 or more, 3)."""
    right, left = points[:, _EYE_CORNERS, :2].transpose(1, 0, 2, 3)  # (N, 2, 2) corners by eye
    half_widths = np.linalg.norm(left - right, axis=2) / 2  # (N, 2)
    middles = (right + left) / 2
    lids = points[:, _LID_MIDDLES, 1].mean(3)  # (N, 2, 2) by eye, upper and lower
    heights = ((lids - middles[:, :, 1:]) / half_widths[:, :, None]).astype(np.float32)
    openings = np.maximum(heights[:, :, 1] - heights[:, :, 0], 0) / 2
    gazes = ((points[:, _IRIS_MIDDLES, :2] - middles) / half_widths[:, :, None]).astype(np.float32)
    apart = np.linalg.norm(middles[:, 1] - middles[:, 0], axis=1)
    gaps = (points[:, _LOWER_LIP_MIDDLE, 1] - points[:, _UPPER_LIP_MIDDLE, 1]).mean(1)
    each = zip(openings, gazes, heights, (gaps / apart).tolist(), strict=True)
    return [FaceMeasures(opening, gaze, height, mouth) for opening, gaze, height, mouth in each]


def lip_gap(points: NDArray[np.floating]) -> float:
    """Signed distance from upper to lower inner lip in the middle of the mouth, in the unit of the points."""
    upper = points[_UPPER_LIP_MIDDLE, 1]
    lower = points[_LOWER_LIP_MIDDLE, 1]
    return float((lower - upper).mean())


def eye_distance(points: NDArray[np.floating]) -> float:
    """Distance between the middles of the two eyes (between their corners, so that gaze does not change it)."""
    right, left = (points[[upper[0], upper[-1]], :2].mean(0) for upper in EYE_UPPER)
    return float(np.linalg.norm(left - right))


def brow_heights(points: NDArray[np.floating]) -> tuple[float, float]:
    """Heights of the right and the left brow above the corners of their eyes, in the unit of the points."""
    right, left = (
        float(points[[upper[0], upper[-1]], 1].mean() - points[list(brow), 1].mean())
        for upper, brow in zip(EYE_UPPER, (topology.RIGHT_BROW, topology.LEFT_BROW), strict=True)
    )
    return right, left


def brow_height(points: NDArray[np.floating]) -> float:
    """The mean of both `brow_heights`."""
    return sum(brow_heights(points)) / 2


def in_head_frame(points: NDArray[np.floating], pose: HeadPose, shape: NDArray[np.floating]) -> NDArray[np.float64]:
    """Seen points in model units and axes: x and y as seen through the pose, z that of the fitted shape.

    Undoes turn and foreshortening, so that an iris or a lid measures the same from the front and from the side.

    Args:
        points: (N, 2 or more) picture pixels.
        pose: of the head.
        shape: (N or more, 3) the fitted shape in model units, which lends the depths.
    """
    count = len(points)
    depth = shape[:count, 2].astype(np.float64)
    rotation = pose.rotation.astype(np.float64)
    seen = (points[:, :2] - pose.translation[:2]) / pose.scale - depth[:, None] * rotation[:2, 2]
    flat = np.linalg.solve(rotation[:2, :2], seen.T).T
    return np.column_stack([flat, depth])


def unplaced(points: Float, pose: HeadPose) -> NDArray[np.float64]:
    """Picture points (N, 3) taken back into model units and axes: the inverse of `shape.basis.place`."""
    centred = (points.astype(np.float64) - pose.translation) / pose.scale
    return centred @ pose.rotation.astype(np.float64)


def relaxed_lid_opening(basis: ShapeBasis, identity: Float) -> Float:
    """(2,) lid opening (see `FaceMeasures`) that the basis expects of this identity at rest."""
    return measured(basis.shape(identity, np.zeros(len(basis.expression), np.float32))[:MESH_POINTS]).lid_opening
