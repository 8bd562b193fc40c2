"""The portrait taken apart, once per source: everything that a frame needs and that does not depend on the motion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.tracking.matte import Matter
from portrait_alive.types import Box, Bytes, Float, Picture, SourceFace
from portrait_alive.warp.behind import Behind
from portrait_alive.warp.brow_skin import BrowSkin, brow_skin
from portrait_alive.warp.detail import Detail, inside
from portrait_alive.warp.eyes import EyeLayer, take_eye_apart
from portrait_alive.warp.far_side import FarSide
from portrait_alive.warp.filling import grain_of
from portrait_alive.warp.fine_texture import LANCZOS_RADIUS, FineTexture
from portrait_alive.warp.glasses_hold import Glasses
from portrait_alive.warp.grid import Grid
from portrait_alive.warp.head_field import HeadField, head_field, rigid_points
from portrait_alive.warp.matte import person_matte
from portrait_alive.warp.mouth_layer import MouthLayer, take_mouth_apart
from portrait_alive.warp.nape_layer import NapeLayer, take_nape_apart
from portrait_alive.warp.plate import separate, with_rim, with_strands
from portrait_alive.warp.region import HeadFrame, hold_of_head, region_grid

_STRANDS_REACH = 0.15
"""How far strands of hair stick out of the matte at most, in heights of the face."""
_EYE_CORE = (0.3, 0.6)
"""Distances from the lids, in widths of the eye, up to which they move their surroundings by themselves."""
_EYE_SHOWN = (0.25, 0.45)
"""Distances from the lids, in widths of the eye, up to which, and from which on not, lids and eyeball are drawn."""
_MOUTH_CORE = (0.05, 0.13)
"""Distances from the lips, in heights of the face, up to which they move their surroundings by themselves."""


@dataclass(frozen=True, eq=False)
class Layers:
    """A portrait taken apart. The region is `grid`'s rectangle; it may reach past the picture by less than a cell."""

    face: SourceFace
    frame: HeadFrame
    rigid: NDArray[np.int32]
    """Indices of the points on skull and ears."""
    grid: Grid
    indices: Float
    """(rows, columns, 2) node indices of the grid."""
    still: Bytes
    """(h, w, 3) uint8: the region of the source as it is."""
    background: Bytes
    """(h, w, 3) uint8: the region without the sitter."""
    sitter: FineTexture
    """(h, w, 4) uint8: the sitter's colours, continued beyond the silhouette, and opacity."""
    opacity: Float
    """(h, w) float32 in [0, 1] of the sitter."""
    travels: bool
    """The head leaves its place, and the shoulders follow."""
    reach: Bytes
    """(rows, columns) uint8: 1 at the nodes near which there is anything of the sitter."""
    field: HeadField
    nape: NapeLayer | None
    """None where no turn brings the head's side into view behind a bare ear."""
    far_side: FarSide | None
    """None where the face is seen from the front."""
    brows: BrowSkin
    eyes: tuple[EyeLayer, ...]
    """Right, left; those that lie in the picture and not behind dark glasses."""
    mouth: MouthLayer | None
    """None where the mouth lies outside the picture."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of the region in picture pixels; right and bottom may pass the picture's edge."""
        height, width = self.grid.size
        return self.grid.left, self.grid.top, self.grid.left + width, self.grid.top + height

    @cached_property
    def opacity_steps(self) -> Bytes:
        """(h, w) uint8: the opacity in 8-bit steps."""
        return np.rint(self.opacity * 255).astype(np.uint8)

    def view(self, detail: Detail, offset: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of the region that a detail's rectangle covers, put off by `offset` (x, y)."""
        left, top, right, bottom = detail.view
        dx, dy = offset[0] - self.grid.left, offset[1] - self.grid.top
        return slice(top + dy, bottom + dy), slice(left + dx, right + dx)

    def shift(self, detail: Detail) -> tuple[float, float]:
        """(x, y) pixels from a detail's corner back to the region's."""
        return float(detail.grid.left - self.grid.left), float(detail.grid.top - self.grid.top)


def take_apart(
    picture: Picture,
    face: SourceFace,
    basis: ShapeBasis,
    *,
    matte: Float | None = None,
    matter: Matter | None = None,
    room: Box | None = None,
    behind: Behind | None = None,
) -> Layers:
    """Take a portrait apart.

    Args:
        picture: the source.
        face: its face.
        basis: the shape basis, for the mesh's triangles.
        matte: (H, W) float in [0, 1], opacity of the sitter over the whole picture; None computes one.
        matter: the matte network, which helps to compute it.
        room: box that the driven points will ever be in; None expects a head that turns and nods where it is. Only
            `--retarget absolute` carries a head further.
        behind: what other pictures show of the scene behind the sitter.
    """
    rigid = rigid_points(basis)
    frame = HeadFrame.of(face, rigid)
    grid = region_grid(frame, picture.size, room)
    height, width = grid.size
    still = region_of(picture.pixels, grid)
    if matte is None:
        opacity = person_matte(still, face, rigid, (grid.left, grid.top), frame.face_height, matter)
    else:
        opacity = region_of(np.round(matte * 255).astype(np.uint8), grid).astype(np.float32) / np.float32(255)
    opacity = with_strands(still, opacity, max(_STRANDS_REACH * frame.face_height, 2.0))
    without_rim = opacity
    opacity = with_rim(opacity, max(0.02 * frame.face_height, 1.5))
    grain_px = frame.face_height / 120
    background_grain = grain_of(still, _clearest_patch(still, opacity), (height, width), radius_px=grain_px)
    seen = None if behind is None else behind.over((grid.left, grid.top, grid.left + width, grid.top + height))
    layers = separate(still, opacity, margin_px=0.004 * frame.face_height, fill_grain=background_grain, seen=seen)
    sitter = FineTexture.of(np.dstack([layers.sitter, np.round(opacity * 255).astype(np.uint8)]))
    at_nodes = grid.means(opacity)
    hold = hold_of_head(grid, frame, picture.size, None if room is None else at_nodes)
    skin = cheek_patch(face, grid, frame)
    glasses = Glasses.of(picture.pixels, face)
    hides_eyes = glasses is not None and glasses.rims.are_dark
    eyes = tuple(
        eye
        for upper, lower, iris in (
            (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER, topology.RIGHT_IRIS),
            (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER, topology.LEFT_IRIS),
        )
        if not hides_eyes
        and (eye := eye_of(still, face, basis, grid, skin, grain_px, upper, lower, iris, glasses)) is not None
    )
    field = head_field(grid, face, basis, frame, at_nodes, hold, glasses)
    covered = np.ones(grid.shape, bool)
    covered.reshape(-1)[field.outer] = False
    nape = take_nape_apart(still, grid, face, basis, frame, hold, covered, without_rim, at_nodes, skin, grain_px)
    return Layers(
        face=face,
        frame=frame,
        rigid=rigid,
        grid=grid,
        indices=grid.indices(),
        still=still,
        background=layers.background,
        sitter=sitter,
        opacity=opacity,
        travels=room is not None,
        reach=_reach(at_nodes, grid.cell),
        field=field,
        nape=nape,
        far_side=FarSide.of(
            picture.pixels, face, basis.triangles, grid, still, without_rim, has_glasses=glasses is not None
        ),
        brows=brow_skin(still, (grid.left, grid.top), face.points, basis.triangles),
        eyes=_with_like_lashes(eyes),
        mouth=mouth_of(still, face, basis, grid, frame, skin, grain_px, whites_of(eyes)),
    )


def region_of(pixels: Bytes, grid: Grid) -> Bytes:
    """A picture's pixels, (H, W) or (H, W, C), in the region of a grid; past the picture's edge, mirrored."""
    height, width = grid.size
    piece = pixels[grid.top : grid.top + height, grid.left : grid.left + width]
    missing = (height - piece.shape[0], width - piece.shape[1])
    if missing != (0, 0):
        piece = cv2.copyMakeBorder(piece, 0, missing[0], 0, missing[1], cv2.BORDER_REFLECT_101)
    return np.ascontiguousarray(piece)


def _reach(opacity: Float, cell: int) -> Bytes:
    """Nodes near the sitter: of those around it, as many as a look-up's kernel may see across."""
    side = 2 * max(2, -(-2 * LANCZOS_RADIUS // cell)) + 1
    reach: Bytes = cv2.dilate((opacity > 0).astype(np.uint8), np.ones((side, side), np.uint8))
    return reach


def _part(still: Bytes, grid: Grid, detail: Detail) -> Bytes:
    left, top, right, bottom = detail.view
    return np.ascontiguousarray(still[top - grid.top : bottom - grid.top, left - grid.left : right - grid.left])


def eye_of(
    still: Bytes,
    face: SourceFace,
    basis: ShapeBasis,
    grid: Grid,
    skin: tuple[slice, slice],
    grain_px: float,
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    iris: tuple[int, ...],
    glasses: Glasses | None = None,
) -> EyeLayer | None:
    """One eye taken apart; None where the region does not hold it. Grain is that of `skin`, `grain_px` coarse."""
    points = face.points
    corners = points[[upper[0], upper[-1]], :2]
    width = max(float(np.linalg.norm(corners[1] - corners[0])), 0.12 * float(np.ptp(points[:468, 1])))
    centre = points[list(upper + lower), :2].mean(0)
    reach = np.array([0.85, 0.75], np.float32) * width
    cell, nose = max(grid.cell // 2, 1), points[topology.NOSE_TIP]
    ring = points[list(upper + lower[-2:0:-1]), :2]
    detail = Detail.around(
        grid,
        centre - reach,
        centre + reach,
        cell,
        nose=nose,
        feather_px=max(0.15 * width, 2.0),
        core=ring,
        core_px=(_EYE_CORE[0] * width, _EYE_CORE[1] * width),
        shown_px=(_EYE_SHOWN[0] * width, _EYE_SHOWN[1] * width),
    )
    if detail is None:
        return None
    if glasses is not None:
        nodes = detail.grid.nodes()
        core, shown = 1 - glasses.held(nodes), 1 - glasses.before(nodes, inside(nodes, ring))
        detail = replace(detail, core=detail.core * core, shown=detail.shown * shown)
    grain = grain_of(still, skin, detail.grid.size, radius_px=grain_px)
    return take_eye_apart(_part(still, grid, detail), detail, points, basis.triangles, upper, lower, iris, grain)


def mouth_of(
    still: Bytes,
    face: SourceFace,
    basis: ShapeBasis,
    grid: Grid,
    frame: HeadFrame,
    skin: tuple[slice, slice],
    grain_px: float,
    whites: Float | None = None,
) -> MouthLayer | None:
    """The mouth taken apart; None where the region does not hold it. Grain as in `eye_of`, `whites` of the eyes."""
    points = face.points
    lips = points[list(topology.LIPS), :2]
    low, high = lips.min(0), lips.max(0)
    tall = frame.face_height
    low, high = low - np.array([0.2, 0.17]) * tall, high + np.array([0.2, 0.38]) * tall
    cell = max(grid.cell // 2, 1)
    detail = Detail.around(
        grid,
        low,
        high,
        cell,
        nose=points[topology.NOSE_TIP],
        feather_px=max(0.06 * tall, 2.0),
        core=points[list(topology.LIPS_OUTER), :2],
        core_px=(_MOUTH_CORE[0] * tall, _MOUTH_CORE[1] * tall),
    )
    if detail is None:
        return None
    grain = grain_of(still, skin, detail.grid.size, radius_px=grain_px) * np.float32(0.5)
    box = points[:468, :2]
    x0, y0 = np.maximum(box.min(0) - (grid.left, grid.top), 0).astype(int)
    x1, y1 = (box.max(0) - (grid.left, grid.top)).astype(int)
    face_pixels = still[y0 + (y1 - y0) // 4 : y1, x0 + (x1 - x0) // 5 : x1 - (x1 - x0) // 5].reshape(-1, 3)
    pixels, turn = _part(still, grid, detail), face.fit.pose.rotation
    return take_mouth_apart(pixels, detail, points, basis.triangles, grain, face_pixels, turn, whites)


def _with_like_lashes(eyes: tuple[EyeLayer, ...]) -> tuple[EyeLayer, ...]:
    """A picture's eyes with lashes of one thickness and softness: what differs in the picture is the light on them."""
    count = max(len(eyes), 1)
    heft, softness = sum(eye.lash_heft for eye in eyes) / count, sum(eye.softness for eye in eyes) / count
    return tuple(replace(eye, lash_heft=heft, softness=softness) for eye in eyes)


def whites_of(eyes: Sequence[EyeLayer]) -> Float | None:
    """(3,) colour of the whites of a picture's eyes, those that show more of it counting more; None where none does."""
    total = sum(eye.white_seen for eye in eyes)
    if total == 0:
        return None
    return cast(Float, sum(eye.white * np.float32(eye.white_seen / total) for eye in eyes))


def cheek_patch(face: SourceFace, grid: Grid, frame: HeadFrame) -> tuple[slice, slice]:
    """Rows and columns, in the region, of bare skin: the cheek that is turned to the viewer."""
    sides = [face.points[list(cheek), :2] for cheek in ((50, 101, 205, 36), (280, 330, 425, 266))]
    widest = max(sides, key=lambda corners: float(np.ptp(corners[:, 0]) * np.ptp(corners[:, 1])))
    centre = widest.mean(0) - (grid.left, grid.top)
    half = 0.09 * frame.face_height
    low, high = np.maximum(centre - half, 0).astype(int), (centre + half).astype(int) + 1
    return slice(low[1], high[1]), slice(low[0], high[0])


def _clearest_patch(still: Bytes, opacity: Float) -> tuple[slice, slice]:
    """Rows and columns of a square of background that shows grain but no structure."""
    height, width = opacity.shape
    side = max(min(height, width) // 5, 4)
    grey = cv2.cvtColor(still, cv2.COLOR_RGB2GRAY).astype(np.float32)
    window = (side, side)
    spread = cv2.blur(grey * grey, window) - cv2.blur(grey, window) ** 2
    covered = cv2.blur(opacity, window, borderType=cv2.BORDER_CONSTANT)
    price = spread + 1e4 * covered
    half = side // 2
    inner = price[half : height - half, half : width - half]
    row, column = np.unravel_index(int(inner.argmin()), inner.shape)
    return slice(int(row), int(row) + side), slice(int(column), int(column) + side)
