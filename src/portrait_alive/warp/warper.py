"""A frame of the portrait: the region that moves, rendered from the layers by the driven points."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.types import MESH_POINTS, Alignment, Bytes, DrivenFace, Float
from portrait_alive.warp.detail import Cut, Detail, Sheet
from portrait_alive.warp.eyes import EyeFrame, EyeLayer, eye_frame, paint_eye
from portrait_alive.warp.head_field import RigidMotion
from portrait_alive.warp.layers import Layers
from portrait_alive.warp.lending import Lending
from portrait_alive.warp.look_up import STILL_PX, moving_nodes, sitter_over_plate, sitter_strips, still_pixels
from portrait_alive.warp.mouth import mouth_frame, paint_mouth
from portrait_alive.warp.nape import Turn, paint_nape
from portrait_alive.warp.patch import Target

_BODY_FOLLOWS = 0.75
"""How much of a travelling head's way the shoulders go along."""
_ALIGNED_FROM = (0.0, 0.08)
"""Face heights outside the mesh from which an alignment counts, and from which on nothing else does."""
_OWN_STEEP = np.float32(3)
"""Reciprocal of the share of a sheet's own motion from which its own positions are taken: two inversions of one field
differ where it is steep, that is along the outline of a head that turns."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """One frame of the moving region, with what the neural layer wants to know about it."""

    pixels: Bytes
    """(h, w, 3) uint8 sRGB."""
    flow: Float
    """(h, w, 2) float32 backward: source position minus output position, in pixels, of the sitter's skin and hair."""
    opacity: Float
    """(h, w) float32 of the sitter."""
    drawn: Float
    """(h, w) float32 in [0, 1]: mouth inside, drawn lids, uncovered eyeball, what a turn brings into view of nape and
    temple: what the source could not supply."""
    uncovered: Float
    """(h, w) float32 in [0, 1]: background that the sitter used to cover."""


@dataclass(frozen=True, eq=False)
class _Frame:
    """One frame, with what was found on the way."""

    pixels: Bytes
    """(h, w, 3) uint8 sRGB."""
    opacity: Bytes
    """(h, w) uint8 of the sitter, where something moves."""
    origins: Float
    """(rows, columns, 2) from `Grid.invert`."""
    still: Bytes
    """(h, w) uint8 from `still_pixels`."""


@dataclass(frozen=True, eq=False)
class Warper:
    """Renders frames of one portrait. Holds no state between frames: the same motion gives the same pixels."""

    layers: Layers
    lending: Lending | None = None
    """Other pictures of the sitter that lend what this one cannot show."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of the region; right and bottom may pass the picture's edge."""
        return self.layers.box

    def render(self, driven: DrivenFace) -> Bytes:
        """The region's pixels, (h, w, 3) uint8 sRGB; equal to the source where nothing moves."""
        if self._rests(driven):
            return self.layers.still.copy()
        return self._frame(driven, None).pixels

    def render_with_masks(self, driven: DrivenFace) -> Rendered:
        """The same pixels with flow and masks."""
        layers = self.layers
        height, width = layers.grid.size
        drawn, flow = np.zeros((height, width), np.float32), np.zeros((height, width, 2), np.float32)
        if self._rests(driven):
            return Rendered(layers.still.copy(), flow, layers.opacity.copy(), drawn, np.zeros_like(drawn))
        frame = self._frame(driven, drawn)
        flow = layers.grid.full_size(frame.origins)
        flow[..., 0] -= np.arange(width, dtype=np.float32)
        flow[..., 1] -= np.arange(height, dtype=np.float32)[:, None]
        opacity = frame.opacity * np.float32(1 / 255)
        cv2.copyTo(layers.opacity, frame.still, opacity)  # what does not move was not looked up
        return Rendered(frame.pixels, flow, opacity, drawn, np.maximum(layers.opacity - opacity, 0))

    def _rests(self, driven: DrivenFace) -> bool:
        moved = driven.points[:, :2] - self.layers.face.points[:, :2]
        lifted = abs(driven.body_lift) * self.layers.frame.head_height
        flow = 0.0 if driven.alignment is None else float(np.abs(driven.alignment.flow).max())
        return max(float(np.abs(moved).max()), lifted, flow) < STILL_PX

    def _rigid(self, driven: DrivenFace) -> RigidMotion:
        skull = self.layers.rigid
        return RigidMotion.between(self.layers.face.points[skull], driven.points[skull], driven.turn)

    def _body(self, driven: DrivenFace, rigid: RigidMotion) -> Float:
        """(2,) pixels by which the shoulders move."""
        body = np.array([0.0, -driven.body_lift * self.layers.frame.head_height], np.float32)
        if self.layers.travels:
            pivot = self.layers.frame.neck[None]
            body += _BODY_FOLLOWS * (rigid.apply(pivot) - pivot)[0, :2]
        return body

    def _motion(self, driven: DrivenFace, rigid: RigidMotion, body: Float) -> tuple[Float, Float]:
        source = self.layers.face.points
        field = self.layers.field.displacement(driven.points, source, rigid, body)
        return field, self.layers.grid.invert(field, self.layers.indices)

    def _flow_at_nodes(self, alignment: Alignment) -> Float:
        """(rows, columns, 2) nodes by which each place of the frame looks elsewhere."""
        grid = self.layers.grid
        rows, columns = alignment.flow.shape[:2]
        per_cell = np.array([alignment.box.width / columns, alignment.box.height / rows], np.float32)
        at = (grid.nodes() - np.array([alignment.box.x, alignment.box.y], np.float32)) / per_cell - np.float32(0.5)
        flow = cv2.remap(alignment.flow, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return cast(Float, flow * np.float32(1 / grid.cell))

    def _surroundings_aligned(self, origins: Float, driven: DrivenFace, alignment: Alignment, flow: Float) -> Float:
        """Origins that beyond the face look where the flow says, in the frame of the alignment's points."""
        layers = self.layers
        grid, source = layers.grid, layers.face.points
        before = replace(driven, points=alignment.points, alignment=None)
        rigid = self._rigid(before)
        points = layers.brows.carried(before.points, source, rigid)
        _, base = self._motion(replace(before, points=points), rigid, self._body(before, rigid))
        moved = cv2.remap(base, layers.indices + flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        within = grid.filled([cv2.convexHull(np.ascontiguousarray(driven.points[:MESH_POINTS, :2]))])
        away = cv2.distanceTransform(1 - within, cv2.DIST_L2, 5) * np.float32(grid.cell / layers.frame.face_height)
        return cast(Float, origins + (moved - origins) * smoothstep(*_ALIGNED_FROM, away)[..., None])

    def _frame(self, driven: DrivenFace, drawn: Float | None) -> _Frame:
        layers = self.layers
        source, texture, rigid = layers.face.points, layers.sitter, self._rigid(driven)
        points = layers.brows.carried(driven.points, source, rigid)
        driven = replace(driven, points=points)
        moved = np.ascontiguousarray(points[:, :2] - source[:, :2])
        body = self._body(driven, rigid)
        field, origins = self._motion(driven, rigid, body)
        background = layers.background
        if driven.alignment is not None:
            flow = self._flow_at_nodes(driven.alignment)
            origins = self._surroundings_aligned(origins, driven, driven.alignment, flow)
            at = layers.grid.full_size(layers.indices + flow)
            background = cv2.remap(background, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        position = layers.grid.full_size(origins, factor=texture.factor)
        eyes = [self._eye(eye, field, moved, points, rigid, shut) for eye, shut in self._eyes(driven)]
        views, own = [], []
        for eye, eye_now in zip(layers.eyes, eyes, strict=True):
            views.append(layers.view(eye.detail, eye_now.offset))
            own.append(self._own(eye.detail, eye.upper_skin, origins, eye_now.offset))
            _refine(position, eye_now.cut, eye.detail, views[-1], own[-1])
        lips = layers.mouth
        if lips is not None:
            offset = lips.detail.offset(layers.grid, moved[list(topology.LIPS)])
            shift = layers.shift(lips.detail)
            mouth_now = mouth_frame(lips, field, moved, points, offset=offset, shift=shift, factor=texture.factor)
            mouth_view = layers.view(lips.detail, offset)
            mouth_own = self._own(lips.detail, lips.upper_skin, origins, offset)
            _refine(position, mouth_now.cut, lips.detail, mouth_view, mouth_own)
            views.append(mouth_view)
        moving = moving_nodes(origins, layers)
        out, opacity = sitter_over_plate(layers, background, position, sitter_strips(layers, origins, moving, views))
        if layers.nape is not None:
            paint_nape(layers.nape, Turn(field, rigid, body), position, texture.factor, out, opacity, drawn)
        target = Target(out, opacity, drawn, self.box[:2])
        if layers.far_side is not None:
            layers.far_side.lay_over(driven, layers.grid, origins, target)
        for eye, eye_now, view, moves in zip(layers.eyes, eyes, views, own, strict=False):
            eye_now.cut.soften(out[view], opacity[view], texture, moves)
            painted = out[view].copy()
            made = paint_eye(eye, eye_now, painted, opacity[view], texture, layers.shift(eye.detail), points)
            # a nose that is turned before an eye hides it
            shown = eye.detail.seen(eye.detail.shown, layers.grid, origins, eye_now.offset)
            _put_over(out[view], painted, shown)
            _note(drawn, made * shown, view)
        if lips is not None:
            mouth_now.cut.soften(out[mouth_view], opacity[mouth_view], texture, mouth_own)
            made = paint_mouth(lips, mouth_now, out[mouth_view], source, driven, rigid)
            _note(drawn, made, mouth_view)
        still = still_pixels(layers, moving, views)
        cv2.copyTo(layers.still, still, out)
        if self.lending is not None:
            cv2.copyTo(layers.opacity_steps, still, opacity)
            self.lending.lend(driven, target)
        return _Frame(out, opacity, origins, still)

    def _own(self, detail: Detail, sheet: Sheet, origins: Float, offset: tuple[int, int]) -> Float:
        """(h, w) in [0, 1]: 1 where a detail's rectangle shows what moves by itself, 0 where the region holds."""
        share = detail.seen(sheet.share[..., 0], self.layers.grid, origins, offset)
        return cast(Float, np.minimum(share * _OWN_STEEP, np.float32(1)))

    def _eyes(self, driven: DrivenFace) -> Iterator[tuple[EyeLayer, float]]:
        for eye in self.layers.eyes:
            right = eye.upper == topology.RIGHT_EYE_UPPER
            yield eye, driven.lid_closure[0 if right else 1]

    def _eye(
        self, eye: EyeLayer, field: Float, moved: Float, points: Float, rigid: RigidMotion, shut: float
    ) -> EyeFrame:
        layers = self.layers
        offset = eye.detail.offset(layers.grid, moved[list(eye.upper + eye.lower)])
        shift, factor = layers.shift(eye.detail), layers.sitter.factor
        return eye_frame(eye, field, moved, points, rigid, shut, offset=offset, shift=shift, factor=factor)


def _refine(position: Float, cut: Cut, detail: Detail, view: tuple[slice, slice], own: Float) -> None:
    """Put a detail's positions into the region's, in place, where (h, w) in [0, 1] says that it moves by itself."""
    place = position[view]
    place += (cut.positions - place) * (detail.feather * own[..., None])


def _put_over(view: Bytes, painted: Bytes, share: Float) -> None:
    """Put (h, w, 3) colours over a view, in place, by shares (h, w) in [0, 1]."""
    under = view.astype(np.float32)
    view[:] = (under + (painted - under) * share[..., None] + np.float32(0.5)).astype(np.uint8)


def _note(drawn: Float | None, made: Float, view: tuple[slice, slice]) -> None:
    if drawn is not None:
        drawn[view] = np.maximum(drawn[view], made)
