"""Another picture of the sitter, taken apart as the canvas is, so that it can lend what the canvas cannot show.

A lender is brought to the canvas's size once. For a frame its mouth and eyes are rendered onto the driven mesh by the
same code that renders the canvas's own, so that a lender whose mouth is nearly the wanted one is hardly warped.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.fit import FITTED_POINTS
from portrait_alive.shape.source import face_of_piece
from portrait_alive.tones import LUMA, saturation
from portrait_alive.types import Bytes, DrivenFace, Float, SourceFace
from portrait_alive.warp.detail import Detail
from portrait_alive.warp.edge_width import edge_width
from portrait_alive.warp.eyes import EyeLayer, eye_frame, paint_eye
from portrait_alive.warp.face_shapes import EYES
from portrait_alive.warp.fine_texture import FineTexture
from portrait_alive.warp.grid import Grid
from portrait_alive.warp.head_field import RigidMotion, rigid_points
from portrait_alive.warp.layers import cheek_patch, eye_of, mouth_of
from portrait_alive.warp.mouth import mouth_frame, paint_mouth
from portrait_alive.warp.mouth_layer import MouthLayer
from portrait_alive.warp.patch import Patch, depth_within, gain_between
from portrait_alive.warp.region import CELLS_PER_FACE, HeadFrame
from portrait_alive.warp.skin_sheet import SkinSheet, whole_pixels

_MARGIN = 0.12
"""What is kept around the mesh, over its longer side."""
_DARK_INSIDE, _PALE_INSIDE = 0.6, 0.6
"""Lightness and saturation, over the lips', below which a pixel between them is the mouth's inside."""
_TEXTURE_BYTES = 24_000_000
"""Of one lender's enlarged picture: up to 31 of them are kept."""


@dataclass(frozen=True, eq=False)
class Lender:
    """A face of the sitter from another picture, at the canvas's size."""

    pixels: Bytes
    """(h, w, 3) uint8 sRGB around the face."""
    face: SourceFace
    """The face in these pixels."""
    basis: ShapeBasis
    has_glasses: bool = False

    @staticmethod
    def of(
        pixels: Bytes, face: SourceFace, canvas: SourceFace, basis: ShapeBasis, *, has_glasses: bool = False
    ) -> "Lender":
        """A picture (H, W, 3) with its face, brought to the size that the canvas's face has."""
        factor = canvas.fit.pose.scale / face.fit.pose.scale
        mesh = face.points[:FITTED_POINTS, :2]
        low, high = mesh.min(0), mesh.max(0)
        edge = _MARGIN * float((high - low).max())
        left, top = np.maximum(low - edge, 0).astype(int)
        right, bottom = np.minimum(high + edge, pixels.shape[1::-1]).astype(int)
        piece = pixels[top:bottom, left:right]
        size = (max(round(piece.shape[1] * factor), 8), max(round(piece.shape[0] * factor), 8))
        kernel = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        scaled: Bytes = cv2.resize(piece, size, interpolation=kernel)
        corner = np.array([left, top, 0], np.float32)
        scale = np.array([size[0] / piece.shape[1], size[1] / piece.shape[0], factor], np.float32)
        return Lender(scaled, face_of_piece(face, corner, scale), basis, has_glasses)

    @property
    def points(self) -> Float:
        """(P, 3) as `SourceFace.points`."""
        return self.face.points

    @property
    def rotation(self) -> Float:
        """(3, 3) of the head."""
        return self.face.fit.pose.rotation

    @cached_property
    def frame(self) -> HeadFrame:
        """Where the head is."""
        return HeadFrame.of(self.face, self._rigid)

    @cached_property
    def _rigid(self) -> NDArray[np.int32]:
        return rigid_points(self.basis)

    @property
    def grid(self) -> Grid:
        """Over the whole picture."""
        return self.skin.grid

    @cached_property
    def texture(self) -> FineTexture:
        """(h, w, 4) the picture, opaque."""
        opaque = np.full(self.pixels.shape[:2], 255, np.uint8)
        return FineTexture.of(np.dstack([self.pixels, opaque]), limit_bytes=_TEXTURE_BYTES)

    @cached_property
    def mouth(self) -> MouthLayer | None:
        """The mouth, taken apart."""
        return mouth_of(
            self._still, self.face, self.basis, self.grid, self.frame, self._skin, self.frame.face_height / 120
        )

    @cached_property
    def eyes(self) -> tuple[EyeLayer | None, EyeLayer | None]:
        """(right, left), taken apart."""
        right, left = (
            eye_of(self._still, self.face, self.basis, self.grid, self._skin, self.frame.face_height / 120, *lines)
            for lines in EYES
        )
        return right, left

    @cached_property
    def skin(self) -> SkinSheet:
        """The whole mesh as one sheet."""
        cell = max(round(self.frame.face_height / CELLS_PER_FACE), 1)
        return SkinSheet.of(self.pixels.shape[:2], self.points, self.basis.triangles, cell)

    def skin_for(self, driven: DrivenFace) -> Patch:
        """The whole face, mouth and eyes as mere skin, as a frame wants it."""
        laid = self.skin.laid_on(driven.points)
        colours, _ = self._sampled(laid.positions(self.texture.factor))
        return Patch(colours, laid.corner, np.zeros(colours.shape[:2], np.float32))

    @property
    def _still(self) -> Bytes:
        height, width = self.grid.size
        return self.pixels[:height, :width]

    @property
    def _skin(self) -> tuple[slice, slice]:
        return cheek_patch(self.face, self.grid, self.frame)

    @cached_property
    def edge_width(self) -> float:
        """Pixels over which the face's edges spread, 1 where they are sharp."""
        low, high = (
            self.points[:FITTED_POINTS, :2].min(0).astype(int),
            self.points[:FITTED_POINTS, :2].max(0).astype(int),
        )
        left, top = np.maximum(low, 0)
        return edge_width(self.pixels[top : high[1], left : high[0]])

    @cached_property
    def inside_shown(self) -> float:
        """Share of what lies between the inner lips that is no lip: teeth or dark. 0 for lips that touch.

        Trackers see a gap between lips that are pressed or pursed.
        """
        height, width = self.pixels.shape[:2]
        outer, inner = (
            depth_within(self.points[list(line), :2], (height, width))
            for line in (topology.LIPS_OUTER, topology.LIPS_INNER)
        )
        lips, between = self.pixels[(outer > 1) & (inner == 0)], self.pixels[inner > 1]
        if len(lips) < 8 or len(between) < 8:
            return 0.0
        light, tint = _light_and_tint(between)
        lip_light, lip_tint = (float(np.median(each)) for each in _light_and_tint(lips))
        other = (light < _DARK_INSIDE * lip_light) | (tint < _PALE_INSIDE * lip_tint)
        return float(other.mean())

    def strangeness(self, canvas: "Lender") -> float:
        """How unlike the canvas light and skin are: spread of the smooth factors between them; 0 is no difference."""
        rest = DrivenFace(canvas.points, np.eye(3, dtype=np.float32), (0.0, 0.0), 0.0)
        patch = self.skin_for(rest)
        left, top = patch.corner
        height, width = canvas.pixels.shape[:2]
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + patch.pixels.shape[1], width), min(top + patch.pixels.shape[0], height)
        own = canvas.pixels[y0:y1, x0:x1].astype(np.float32)
        lent = patch.pixels[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)
        hull = cv2.convexHull(np.ascontiguousarray(canvas.points[list(topology.FACE_OVAL), :2]))[:, 0]
        inside = depth_within(hull - np.array([x0, y0], np.float32), own.shape[:2]) > 0.03 * canvas.frame.face_height
        gain = gain_between(own, lent, inside.astype(np.float32), 0.06 * canvas.frame.face_height)
        return float(np.log(gain[inside]).std(0).mean())

    def mouth_for(self, driven: DrivenFace, rotation: Float) -> Patch | None:
        """The mouth as a frame wants it; None where the picture does not hold it.

        Args:
            driven: the frame's face, in the canvas's pixels.
            rotation: (3, 3) of the driven head.
        """
        layer = self.mouth
        if layer is None:
            return None
        points = driven.points
        moved = np.ascontiguousarray(points[:, :2] - self.points[:, :2])
        offset = whole_pixels(moved[list(topology.LIPS)])
        frame = mouth_frame(
            layer, self.skin.field(moved), moved, points, offset=offset, shift=self._shift(layer.detail),
            factor=self.texture.factor,
        )  # fmt: skip
        colours, opacity = self._sampled(frame.cut.positions)
        frame.cut.soften(colours, opacity, self.texture)
        rigid = self._rigid_motion(points, rotation)
        made = paint_mouth(layer, frame, colours, self.points, driven, rigid)
        return Patch(colours, _corner(layer.detail, offset), made)

    def eye_for(self, driven: DrivenFace, rotation: Float, side: int, shut: float) -> Patch | None:
        """An eye as a frame wants it; None where the picture does not hold it.

        Args:
            driven: the frame's face, in the canvas's pixels.
            rotation: (3, 3) of the driven head.
            side: 0 right, 1 left.
            shut: how far the lender's lid is to be closed, 1 entirely.
        """
        layer = self.eyes[side]
        if layer is None:
            return None
        points = driven.points
        moved = np.ascontiguousarray(points[:, :2] - self.points[:, :2])
        offset = whole_pixels(moved[list(layer.upper + layer.lower)])
        shift = self._shift(layer.detail)
        frame = eye_frame(
            layer, self.skin.field(moved), moved, points, self._rigid_motion(points, rotation), shut, offset=offset,
            shift=shift, factor=self.texture.factor,
        )  # fmt: skip
        colours, opacity = self._sampled(frame.cut.positions)
        frame.cut.soften(colours, opacity, self.texture)
        made = paint_eye(layer, frame, colours, opacity, self.texture, shift, points)
        return Patch(colours, _corner(layer.detail, offset), made)

    def _rigid_motion(self, points: Float, rotation: Float) -> RigidMotion:
        """The skull's from this picture to driven `points` (P, 3) of a head with that rotation (3, 3)."""
        return RigidMotion.between(self.points[self._rigid], points[self._rigid], rotation @ self.rotation.T)

    def _shift(self, detail: Detail) -> tuple[float, float]:
        return float(detail.grid.left), float(detail.grid.top)

    def _sampled(self, positions: Float) -> tuple[Bytes, Bytes]:
        sampled = self.texture.sample(positions)
        return np.ascontiguousarray(sampled[..., :3]), np.ascontiguousarray(sampled[..., 3])


def _light_and_tint(pixels: Bytes) -> tuple[Float, Float]:
    """(N,) lightness, and saturation of pixels (N, 3)."""
    colours = pixels.astype(np.float32)
    return colours @ LUMA, saturation(colours)


def _corner(detail: Detail, offset: tuple[int, int]) -> tuple[int, int]:
    return detail.grid.left + offset[0], detail.grid.top + offset[1]
