"""The far side of a head seen from the side, which the near side shows better, in the mirror.

A three-quarter portrait shows a narrow strip of the far cheek. Where the head comes round to the front that strip is
stretched over half a face: a smear, with half a nose. Both halves of a face are nearly alike, so the mirror image of
the near one is laid over what is stretched, by the same code that renders any other picture of the sitter, in the light
and colour of what it covers; beyond the mesh, on the temple, skin is continued (`far_temple.py`).
"""

from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.shape.source import yaw_of
from portrait_alive.tones import LUMA
from portrait_alive.types import MESH_POINTS, Bytes, DrivenFace, Float, SourceFace
from portrait_alive.warp.face_shapes import EYES, height_of, outline_of
from portrait_alive.warp.far_temple import FarTemple
from portrait_alive.warp.fine_texture import FineTexture
from portrait_alive.warp.grid import Grid
from portrait_alive.warp.patch import Part, Patch, Target, averaged, depth_within, filled, gain_of, keep_clear, weighed
from portrait_alive.warp.skin_sheet import LaidSkin, SkinSheet

_TURNED: Final = (0.17, 0.35)
"""Radians of yaw of the source from which its far side is lent, and from which on as far as it is stretched."""
_PAST_THE_NOSE: Final = 0.12
"""Face heights beyond the nose up to which the near side's mirror image is kept."""
_STRETCHED: Final = (0.6, 1.3)
"""log2 of how many times more the picture's own is stretched than the mirror image, from which that is laid over it,
and from which on it alone is seen."""
_STRETCHED_NODES: Final = 20
"""Fewer nodes of the far side that are stretched are not worth a look."""
_SOURCE_WITHIN: Final = (0.01, 0.06)
"""Face heights inside the mirror image's own outline: hair and hats begin there."""
_SITTER: Final = (0.2, 0.7)
"""Opacity of the sitter, without its rim, where the picture's own paint comes from."""
_SOLID: Final = (0.85, 0.99)
"""Opacity of the sitter: at its edge the background is in the paint."""
_KEPT: Final = (
    (topology.LIPS_OUTER, (0.05, 0.15)),
    *((upper + lower[-2:0:-1], (0.03, 0.2)) for upper, lower, _ in EYES),
)
"""Mouth and eyes stay the picture's own: up to how many of their widths beyond, and from which on nothing does."""
_BROWS: Final = ((*topology.RIGHT_BROW, 21, 162, 127), (*topology.LEFT_BROW, 251, 389, 356))
"""With the outline beside them."""
_TEXTURE_BYTES: Final = 48_000_000
"""Of the mirror image, enlarged."""
_STEP: Final = 0.017
"""Face heights from pixel to pixel where light and colour are compared."""
_CAST_REACH, _LIGHT_REACH, _DETAIL_REACH = 0.3, 0.06, 0.03
"""Face heights over which the two sides' colours are compared: for a cast; for the light, which is what it covers; and
for what is no skin in one of them."""
_OTHER_STUFF: Final = (0.13, 0.27)
"""Differences of colour (of the logs of the channels, their mean taken off): there one is hair or a hat."""
_STUFF_SPREADS: Final = 0.08
"""Face heights around it that are no skin either."""
_OTHER_LIGHT: Final = (0.5, 0.9)
"""The same of lightness."""
_LIGHTEST: Final = 1.08
"""How light what is laid is at most, over what it covers."""
_SHADE: Final = 0.2
"""Light on the mirrored side falls from the wrong side: how far (log) a shade of its may differ from what is there."""


@dataclass(frozen=True, eq=False)
class FarSide:
    """The near side's mirror image, ready to be laid over the far one."""

    skin: SkinSheet
    """The near half of the picture's face, mirrored."""
    texture: FineTexture
    """(h, w, 3) its pixels."""
    within: Float
    """(h, w) in [0, 1] of its pixels: well inside the face."""
    far: NDArray[np.intp]
    """Mesh points of the far side."""
    sitter: Float
    """(rows, columns) in [0, 1] at the region's nodes: the picture's sitter, without the rim that goes along."""
    temple: FarTemple | None
    """None behind glasses, whose rims cross it."""
    turned: float
    """In [0, 1]: how far the source is seen from the side."""

    @staticmethod
    def of(
        pixels: Bytes,
        face: SourceFace,
        triangles: NDArray[np.int32],
        grid: Grid,
        still: Bytes,
        sitter: Float,
        *,
        has_glasses: bool,
    ) -> "FarSide | None":
        """Of the picture's pixels (H, W, 3); None where the face is seen from the front, or too small.

        Args:
            pixels: the picture.
            face: its face.
            triangles: (T, 3) of the mesh.
            grid: of the region that moves.
            still: (h, w, 3) that region of the picture.
            sitter: (h, w) in [0, 1] the sitter's opacity in it, without the rim.
            has_glasses: whether the sitter wears some.
        """
        yaw = yaw_of(face)
        turned = float(smoothstep(*_TURNED, abs(yaw)))
        if turned == 0.0:
            return None
        width = pixels.shape[1]
        points = face.points[list(topology.MIRROR)] * np.array([-1, 1, 1], np.float32)
        points[:, 0] += width
        mesh, nose = points[:, :2], float(points[topology.NOSE_TIP, 0])
        tall = height_of(points)
        left, right = float(mesh[:, 0].min()), float(mesh[:, 0].max())
        past = _PAST_THE_NOSE * tall
        if yaw > 0:  # the far side is on the viewer's right, and there the near one is in the mirror
            left = max(left, nose - past)
        else:
            right = min(right, nose + past)
        edge = 0.02 * tall
        x0, x1 = max(int(left - edge), 0), min(int(right + edge) + 1, width)
        y0, y1 = max(int(mesh[:, 1].min() - edge), 0), min(int(mesh[:, 1].max() + edge) + 1, pixels.shape[0])
        if min(x1 - x0, y1 - y0) < 16:
            return None
        piece = np.ascontiguousarray(pixels[y0:y1, width - x1 : width - x0][:, ::-1])
        corner = np.array([x0, y0, 0], np.float32)
        points = points - corner
        depth = depth_within(outline_of(points), piece.shape[:2]) / np.float32(tall)
        temple = None
        if not has_glasses:
            temple = FarTemple.of(still, (grid.left, grid.top), face.points, sitter, is_left=yaw > 0, turned=turned)
        return FarSide(
            skin=SkinSheet.of(piece.shape[:2], points, triangles, grid.cell),
            texture=FineTexture.of(piece, limit_bytes=_TEXTURE_BYTES),
            within=smoothstep(*_SOURCE_WITHIN, depth),
            far=np.flatnonzero(_across(face) * yaw > 0),
            sitter=grid.means(sitter),
            temple=temple,
            turned=turned,
        )

    def lay_over(self, driven: DrivenFace, grid: Grid, origins: Float, target: Target) -> None:
        """Put it into a frame where the picture's own is stretched, in place.

        Args:
            driven: the frame's face.
            grid: of the moving region.
            origins: (rows, columns, 2) where each node of the region comes from, node indices.
            target: the frame.
        """
        points = driven.points[:MESH_POINTS]
        shown = _shown(origins)
        within = grid.filled([cv2.convexHull(np.ascontiguousarray(points[self.far, :2]))])
        within -= within & grid.filled([cv2.convexHull(np.ascontiguousarray(points[list(topology.LIPS), :2]))])
        if np.count_nonzero(shown[within > 0] < 2.0 ** -_STRETCHED[0]) < _STRETCHED_NODES:
            return
        # what goes along of the background, as a rim, is stretched as well: the face ends before it
        sitter = cv2.remap(self.sitter, origins, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if self.temple is not None:
            self.temple.lay_over(grid, origins, shown, sitter, target)
        laid = self.skin.laid_on(points)
        share, part = self._share(laid, grid, shown, sitter)
        if part is None:
            return
        at = laid.positions(self.texture.factor)[part]
        patch = Patch(
            self.texture.sample(at),
            (laid.corner[0] + part[1].start, laid.corner[1] + part[0].start),
            np.zeros(at.shape[:2], np.float32),
        )
        overlap = target.overlap(patch)
        if overlap is None:
            return
        where, inner = overlap
        own, lent = target.pixels[where].astype(np.float32), patch.pixels[inner].astype(np.float32)
        known = cv2.remap(self.within, at[inner] * np.float32(1 / self.texture.factor), None, cv2.INTER_LINEAR)
        gain, same = _brought_over(own, lent, known, points, where, target)
        share = share[part][inner] * same * (target.opacity[where] * np.float32(1 / 255))
        target.blend(where, own, lent * gain, share)
        if target.drawn is not None:  # skin that was laid over the temple is the picture's own here
            target.drawn[where] *= 1 - share

    def _share(self, laid: LaidSkin, grid: Grid, shown: Float, sitter: Float) -> tuple[Float, Part | None]:
        """(h, w) in [0, 1] of the mirror image's rectangle: where it is stretched less; and the part that is not 0."""
        at = grid.indices_of(laid.places)
        own, sitter = (
            cv2.remap(each, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for each in (shown, sitter)
        )
        better = cv2.GaussianBlur(np.log2(np.minimum(_shown(laid.origins), 1) / own), (0, 0), 1.0)
        at_nodes = smoothstep(*_STRETCHED, better) * smoothstep(*_SITTER, sitter) * np.float32(self.turned)
        share = laid.detail.grid.at_pixels(at_nodes)
        rows, columns = (np.flatnonzero(share.max(axis) > 0.01) for axis in (1, 0))
        if len(rows) == 0:
            return share, None
        return share, (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))


def _brought_over(
    own: Float, lent: Float, known: Float, points: Float, where: Part, target: Target
) -> tuple[Float, Float]:
    """Factors (h, w, 3) that give lent paint the light of what it covers, and where (h, w), in [0, 1], it may.

    All of it is found at a smaller size.

    Args:
        own: (h, w, 3) the picture's own paint in a part of the frame.
        lent: (h, w, 3) the mirror image's.
        known: (h, w) in [0, 1]: where that is well inside the face.
        points: (478, 2 or more) the frame's mesh, canvas pixels.
        where: the part.
        target: the frame.
    """
    tall = height_of(points)
    step = max(int(_STEP * tall), 1)
    size = (max(own.shape[1] // step, 2), max(own.shape[0] // step, 2))
    small, scale = size[::-1], np.array(size, np.float32) / np.array(own.shape[1::-1], np.float32)

    def shrunk(full: Float) -> Float:
        return cast(Float, cv2.resize(full, size, interpolation=cv2.INTER_AREA))

    def placed(line: Float) -> Float:
        return cast(Float, target.place(line[:, :2], where) * scale)

    covered, laid = shrunk(own), shrunk(lent)
    inside = filled(placed(outline_of(points)), small)
    solid = shrunk(target.opacity[where].astype(np.float32) * np.float32(1 / 255))
    may = smoothstep(*_SOLID, solid) * shrunk(known) * inside
    seen = may.copy()
    for brow in _BROWS:  # one that is stretched to the outline is no shade for the one that covers it
        cv2.fillConvexPoly(seen, np.round(cv2.convexHull(placed(points[list(brow)]))).astype(np.int32), 0.0)
    here, there = (weighed(colours, seen) for colours in (covered, laid))
    cast_gain = gain_of(here, there, _CAST_REACH * tall / step)
    there[..., :3] *= cast_gain
    light_gain, detail_gain = (gain_of(here, there, reach * tall / step) for reach in (_LIGHT_REACH, _DETAIL_REACH))
    apart, third = np.log(detail_gain), np.full(3, 1 / 3, np.float32)
    stuff = np.abs(apart - (apart @ third)[..., None]).max(-1)
    side = 2 * round(_STUFF_SPREADS * tall / step) + 1
    stuff = cv2.dilate(stuff, np.ones((side, side), np.uint8))
    light = np.log(detail_gain / light_gain) @ third
    may = may * (1 - smoothstep(*_OTHER_STUFF, stuff)) * (1 - smoothstep(*_OTHER_LIGHT, np.abs(light)))
    for line, clear in _KEPT:
        keep_clear(may, placed(points[list(line)]), clear)
    softened = light - np.float32(_SHADE) * np.tanh(light * np.float32(1 / _SHADE))
    gain = cast_gain * light_gain * np.exp(softened)[..., None]
    gain *= _held_back(laid * gain, covered, averaged(here, size, _LIGHT_REACH * tall / step))[..., None]
    brought = np.dstack([gain, may]).astype(np.float32)
    full = cv2.resize(brought, own.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return full[..., :3], full[..., 3]


def _held_back(lent: Float, own: Float, around: Float) -> Float:
    """(h, w) factors up to 1 under which lent paint is hardly lighter than what it covers, there or in the mean around.

    A shade beside a light is lit like it, and the light then twice.
    """
    lightest = np.float32(_LIGHTEST) * np.maximum(around @ LUMA, own @ LUMA)
    held = np.minimum(lightest / np.maximum(lent @ LUMA, 1), 1)
    return cast(Float, cv2.erode(held, np.ones((3, 3), np.uint8)))


def _shown(origins: Float) -> Float:
    """(rows, columns) how many of a picture's pixels are seen in one of the frame's."""
    down, across = (np.gradient(origins, axis=axis) for axis in (0, 1))
    area = np.abs(across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0])
    return cast(Float, np.clip(area, 0.02, 4.0).astype(np.float32))


def _across(face: SourceFace) -> Float:
    """(478,) how far mesh points lie to the head's side, seen from its front; positive on the viewer's right."""
    mesh = face.points[:MESH_POINTS]
    return cast(Float, (mesh - mesh[topology.NOSE_TIP]) @ face.fit.pose.rotation[:, 0])
