"""A frame of the portrait: the region that moves, rendered from the layers by the driven points."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.types import MESH_POINTS, Bytes, DrivenFace, Float
from portrait_alive.warp.detail import Detail
from portrait_alive.warp.eyes import render_eye
from portrait_alive.warp.head_field import SKULL_POINTS, RigidMotion
from portrait_alive.warp.layers import Layers
from portrait_alive.warp.mouth import render_mouth

STILL_PX = 0.02
"""Displacements shorter than this leave the source's own pixels in place."""


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
    """(h, w) float32 in [0, 1]: mouth inside, drawn lids, uncovered eyeball: what the source could not supply."""
    uncovered: Float
    """(h, w) float32 in [0, 1]: background that the sitter used to cover."""


@dataclass(frozen=True, eq=False)
class Warper:
    """Renders frames of one portrait. Holds no state between frames: the same motion gives the same pixels."""

    layers: Layers

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of the region; right and bottom may pass the picture's edge by less than a cell."""
        return self.layers.box

    def render(self, driven: DrivenFace) -> Bytes:
        """The region's pixels, (h, w, 3) uint8 sRGB; equal to the source where nothing moves."""
        return self._render(driven, None)

    def render_with_masks(self, driven: DrivenFace) -> Rendered:
        """The same with flow and masks."""
        height, width = self.layers.grid.size
        drawn = np.zeros((height, width), np.float32)
        pixels = self._render(driven, drawn)
        _, _, origins = self._motion(driven)
        columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        flow = self.layers.grid.full_size(origins) - np.dstack([columns, rows])
        sampled = self.layers.sitter.sample(self.layers.grid.full_size(origins, factor=self.layers.sitter.factor))
        opacity = sampled[..., 3].astype(np.float32) / 255
        uncovered = np.clip(self.layers.opacity - opacity, 0, 1)
        return Rendered(pixels, cast(Float, flow), opacity, drawn, uncovered)

    def _motion(self, driven: DrivenFace) -> tuple[Float, RigidMotion, Float]:
        source = self.layers.face.points
        skull = slice(MESH_POINTS, MESH_POINTS + SKULL_POINTS)
        rigid = RigidMotion.between(source[skull], driven.points[skull], driven.turn)
        field = self.layers.field.displacement(driven.points, source, rigid)
        return field, rigid, self.layers.grid.invert(field, self.layers.indices)

    def _render(self, driven: DrivenFace, drawn: Float | None) -> Bytes:
        layers = self.layers
        source = layers.face.points
        if np.abs(driven.points - source)[:, :2].max() < STILL_PX:
            return layers.still.copy()
        field, rigid, origins = self._motion(driven)
        sampled = layers.sitter.sample(layers.grid.full_size(origins, factor=layers.sitter.factor))
        out = _over(sampled, layers.background)
        for eye, shut in zip(layers.eyes, driven.lid_closure, strict=False):
            shift = _shift(eye.detail, layers)
            frame = render_eye(eye, layers.sitter, shift, field, source, driven.points, shut)
            _blend(out, frame.pixels, eye.detail, layers)
            _note(drawn, frame.drawn, eye.detail, layers)
        if layers.mouth is not None:
            shift = _shift(layers.mouth.detail, layers)
            mouth = render_mouth(layers.mouth, layers.sitter, shift, field, source, driven.points, rigid)
            _blend(out, mouth.pixels, layers.mouth.detail, layers)
            _note(drawn, mouth.drawn, layers.mouth.detail, layers)
        _keep_still(out, layers, origins)
        return out


def _over(sitter: Bytes, background: Bytes) -> Bytes:
    """Sitter (h, w, 4) over background (h, w, 3)."""
    opacity = sitter[..., 3]
    out = np.ascontiguousarray(sitter[..., :3])
    np.copyto(out, background, where=(opacity == 0)[..., None])
    rows, columns = np.nonzero((opacity > 0) & (opacity < 255))
    share = opacity[rows, columns].astype(np.float32)[:, None] * np.float32(1 / 255)
    behind = background[rows, columns].astype(np.float32)
    mixed = behind + (out[rows, columns] - behind) * share
    out[rows, columns] = (mixed + 0.5).astype(np.uint8)
    return out


def _keep_still(out: Bytes, layers: Layers, origins: Float) -> None:
    """Put the source's own pixels back where the region does not move, in place."""
    moving = np.abs(origins - layers.indices).max(-1) * layers.grid.cell > STILL_PX
    near = cv2.dilate(moving.astype(np.uint8), np.ones((3, 3), np.uint8))
    height, width = layers.grid.size
    mask = cv2.resize(near[1:-1, 1:-1], (width, height), interpolation=cv2.INTER_NEAREST)
    cv2.copyTo(layers.still, 1 - mask, out)


def _shift(detail: Detail, layers: Layers) -> tuple[float, float]:
    return float(detail.grid.left - layers.grid.left), float(detail.grid.top - layers.grid.top)


def _view(detail: Detail, layers: Layers) -> tuple[slice, slice]:
    left, top, right, bottom = detail.view
    return (
        slice(top - layers.grid.top, bottom - layers.grid.top),
        slice(left - layers.grid.left, right - layers.grid.left),
    )


def _blend(out: Bytes, pixels: Float, detail: Detail, layers: Layers) -> None:
    view = _view(detail, layers)
    under = out[view].astype(np.float32)
    mixed = under + (pixels - under) * detail.feather
    out[view] = np.clip(mixed + np.float32(0.5), 0, 255).astype(np.uint8)


def _note(drawn: Float | None, made: Float, detail: Detail, layers: Layers) -> None:
    if drawn is not None:
        view = _view(detail, layers)
        drawn[view] = np.maximum(drawn[view], made * detail.feather[..., 0])


