"""The head's own side behind ear and jaw, which a picture from the front does not have: where it ends, and its colours.

Once per source; `nape.py` paints it. It ends where the hair above the ear and the neck end in the source, since a round
head keeps its outline when it turns.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float, SourceFace
from portrait_alive.warp.filling import continue_smoothly, grain_of
from portrait_alive.warp.grid import Grid, looked_up
from portrait_alive.warp.region import HeadFrame, Hold

_LEVELS = 40
"""At which the outline is known."""
_ABOVE_EAR, _BELOW_LOBE = 0.12, 0.75
"""Face heights above the ear and below its lobe between which a side is painted."""
_CHEEK = (0.03, 0.22)
"""Face heights below the lobe between which a cheek is bare, or hair hangs beside it."""
_HAIR_BESIDE = 0.12
"""Face heights of hair from which on a cheek is not bare."""
_EAR, _RIM_OF_EAR, _MOST_EAR = 0.3, (0.01, 0.025), 0.12
"""Share of an ear's height that hair may hide; face heights beside the mesh, and inside the sitter's outline, between
which an ear is looked for, and how far from the mesh at most."""
_THICKEST, _BARE = 0.18, 0.6
"""Face heights beside the mesh from which on it is more than an ear; share of skin from which on it is a bare one."""
_TURNED_AWAY = 0.3
"""Sine of the source's own turn from which on the far side's outline is the face's, not the neck's."""
_NECK = (0.2, 0.55)
"""Face heights below the lobe between which the neck is looked for, where the sitter is narrowest."""
_NECK_BEYOND = (-0.03, 0.1)
"""Face heights by which a neck is at least, and at most, broader than the head model's: a jaw or a collar hides it."""
_NECK_GROWS = 0.02
"""Face heights by which a neck is broader from the side."""
_MOST_HAIR = 0.08
"""Face heights of hair on the skull: curls and caps that reach out further hang over a neck, they do not end in it."""
_BELOW_HAIR = 0.12
"""Face heights below the lobe at which the outline has come from the hair's width to the neck's."""
_TUCKED = 0.05
"""Face heights that the outline begins beneath the hair above the ear."""
_AT_REST = 0.03
"""Face heights inside the sitter's outline from which a side comes out: more than the rim that opacity is grown by."""
_RIM = (0.006, 0.018)
"""Face heights inside the sitter's outline over which its paint is less and less the background's."""
_HAIRLINE = (-0.1, 0.02)
"""Face heights below the lobe over which hair goes over into skin."""
_WORK_PX = 160
"""Height of the face in the picture in which colours are looked for."""
_SMOOTH = 0.03
"""Face heights; sigma of what is left of the colours' unevenness."""
_HAIR, _NECK_SEEN = (-0.25, -0.02), (0.3, 0.8)
"""Face heights below the ear's top between which hair, and below the lobe between which neck is looked for."""
_CLEAR_OF_FACE, _CLEAR_OF_RIM = 0.05, 0.03
"""Face heights outside the mesh, and inside the sitter's outline, from which on paint is the neck's."""
_SKIN_APART, _LIGHTEST = 16.0, 1.3
"""8-bit steps of a* and b* from the cheek's, and times its lightness, up to which it is skin."""
_SHADED, _SHADOW = 0.4, 0.7
"""Times the cheek's lightness from which on an ear is skin, and a neck lies in no shadow: its side does not."""
_CHEEK_RIM = (0.08, 0.2)
"""Face heights inside the mesh's edge between which a cheek tells how much light its side of the head gets."""
_FEWEST_SEEDS = 0.006
"""Squared face heights of neck in view below which the jaw's own rim stands for it."""
_JAW = 0.08
"""Face heights of that rim."""
_GRAIN, _HAIR_PATCH, _STRANDS = 0.8, 0.1, 4.0
"""Sigma of the skin's grain in medians of the cheek's; face heights of the patch that hair's is taken from; how much
coarser than skin's it is."""


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a head, at levels (K) from above the ear down to the collar."""

    way: Float
    """(2,) unit vector outwards, in the source."""
    resting: Float
    """(K, 2) where it ends in the source, hidden beneath the sitter."""
    outline: Float
    """(K, 2) where it would end there if it were in view."""
    head: Float
    """(K,) how far each level goes with the head."""
    body: Float
    """(K,) how far it goes with the body."""
    from_hair: Float
    """(K,) share that a level takes on of what moves the hair above the ear outwards."""


@dataclass(frozen=True, eq=False)
class NapeLayer:
    """What lies behind ears and jaw."""

    grid: Grid
    colours: Bytes
    """(h, w, 3) uint8 of the region: hair down to the ears' lobes, skin below, as if nothing were in front."""
    inner: Bytes
    """(h, w) uint8: the sitter's opacity without the rim, which is background."""
    middle: Float
    """(3,) of the skull."""
    tall: float
    """Pixels of the face's height."""
    sides: tuple[Side, ...]
    """Those with a bare ear that a turn may bring into view."""


@dataclass(frozen=True, eq=False)
class _Upright:
    """The source in the head's own upright axes; levels are pixels below the skull's middle."""

    grid: Grid
    middle: Float
    down: Float
    tall: float
    ears: tuple[tuple[float, float], tuple[float, float]]
    """Levels of the tops and lobes of both, as lie on the viewer's left and right."""

    def levels(self, height: int, width: int) -> Float:
        """(height, width) levels of the region's pixels, in a picture of that size of it."""
        rows, columns = self.grid.size
        y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) * (rows / height) + (self.grid.top - self.middle[1])
        x = (np.arange(width, dtype=np.float32) + 0.5) * (columns / width) + (self.grid.left - self.middle[0])
        return cast(Float, (x * self.down[0] + y * self.down[1]).astype(np.float32))


def take_nape_apart(
    still: Bytes,
    grid: Grid,
    face: SourceFace,
    basis: ShapeBasis,
    frame: HeadFrame,
    hold: Hold,
    covered: NDArray[np.bool_],
    opacity: Float,
    at_nodes: Float,
    skin: tuple[slice, slice],
    grain_px: float,
) -> NapeLayer | None:
    """The layer of a source; None where neither side shows a bare ear.

    Args:
        still: (h, w, 3) uint8 of the region.
        grid: over the region.
        face: the source's face.
        basis: the shape basis.
        frame: where the head is.
        hold: what goes with the head and what with the body.
        covered: (rows, columns) nodes within the mesh.
        opacity: (h, w) of the sitter, without a rim.
        at_nodes: (rows, columns) of the sitter at the nodes, rim included.
        skin: rows and columns of bare skin in the region.
        grain_px: how coarse its grain is.
    """
    tall, points = frame.face_height, face.points
    skull = points[basis.beyond["skull"]]
    middle = ((skull.min(0) + skull.max(0)) / 2).astype(np.float32)
    levels = [(points[basis.beyond[ear], :2] - middle[:2]) @ frame.down for ear in ("right_ear", "left_ear")]
    ears = [(float(each.min()), float(each.max())) for each in levels]
    upright = _Upright(grid, middle, frame.down, tall, (ears[0], ears[1]))
    cheek = cv2.cvtColor(still[skin], cv2.COLOR_RGB2LAB)
    like = _like_skin(cv2.resize(still, (grid.columns, grid.rows), interpolation=cv2.INTER_AREA), cheek, _SHADED)
    profiles = [
        _profile(upright, at, covered, (at_nodes > 0.5) | covered, np.pad(like, 1, mode="edge")) for at in (0, 1)
    ]
    found = [_side(upright, at, profile, face, basis, hold) for at, profile in enumerate(profiles)]
    sides = tuple(side for side in found if side is not None)
    if not sides:
        return None
    mesh = covered[1:-1, 1:-1].astype(np.uint8)
    # glasses may be none of the matte's, but the mesh's edge may lie in the background
    face_within = cv2.resize(
        cv2.erode(mesh, np.ones((5, 5), np.uint8)), still.shape[1::-1], interpolation=cv2.INTER_NEAREST
    )
    solid = (opacity >= 0.5) | (face_within > 0)
    inside = cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 5) * np.float32(1 / tall)
    # an ear is stretched by a turn: the steps of its outline's pixels would be seen
    smooth = cv2.GaussianBlur(smoothstep(*_RIM, inside), (0, 0), max(_RIM[0] * tall, 1.0))
    inner = np.rint(smooth * 255).astype(np.uint8)
    return NapeLayer(grid, _colours(still, inside, mesh, upright, skin, grain_px), inner, middle, tall, sides)


@dataclass(frozen=True, eq=False)
class _Profile:
    """Where face and sitter end on one side of the head, at levels (K)."""

    way: Float
    """(2,) unit vector outwards."""
    level: Float
    """(K,) pixels below the skull's middle."""
    rims: Float
    """(K,) pixels from the head's axis to the mesh's edge; 0 where there is no mesh."""
    ends: Float
    """(K,) to where the sitter ends beyond that."""
    skin: Float
    """Shares of skin at places on what may be an ear."""

    def within(self, low: float, high: float) -> NDArray[np.bool_]:
        """(K,) which levels lie between two."""
        return np.asarray((self.level > low) & (self.level < high))

    def beside_mesh(self, low: float, high: float) -> float:
        """Pixels of the sitter beside the mesh, most of the way from one level to another."""
        return float(np.median((self.ends - self.rims)[self.within(low, high)]))


def _profile(
    upright: _Upright, at: int, covered: NDArray[np.bool_], sitter: NDArray[np.bool_], like_skin: NDArray[np.bool_]
) -> _Profile:
    """The profile on the viewer's left (0) or right (1), from masks of the nodes (rows, columns)."""
    tall, cell, down = upright.tall, upright.grid.cell, upright.down
    way = np.array([down[1], -down[0]], np.float32) * np.float32(2 * at - 1)
    top, lobe = upright.ears[at]
    level = np.linspace(top - _ABOVE_EAR * tall, lobe + _BELOW_LOBE * tall, _LEVELS).astype(np.float32)
    steps = np.arange(0, 2 * tall, cell / 4, dtype=np.float32)
    places = upright.middle[:2] + level[:, None, None] * down + steps[:, None] * way
    rays = upright.grid.indices_of(places)
    face = looked_up(covered, rays, cv2.BORDER_CONSTANT) > 0.5
    rims = np.where(face.any(1), steps[-1 - face[:, ::-1].argmax(1)], 0).astype(np.float32)
    outside = (looked_up(sitter, rays) < 0.5) & (steps >= rims[:, None])
    ends = np.where(outside.any(1), steps[outside.argmax(1)], steps[-1]).astype(np.float32)
    ear = (steps > rims[:, None] + _RIM_OF_EAR[0] * tall) & (steps < ends[:, None] - _RIM_OF_EAR[1] * tall)
    ear &= steps < rims[:, None] + _MOST_EAR * tall
    ear &= ((level > top + _EAR * (lobe - top)) & (level < lobe))[:, None]
    return _Profile(way, level, rims, ends, looked_up(like_skin, rays)[ear])


def _side(
    upright: _Upright, at: int, profile: _Profile, face: SourceFace, basis: ShapeBasis, hold: Hold
) -> Side | None:
    """The side on the viewer's left (0) or right (1); None where it is turned away, or its ear or cheek not bare."""
    way, level, ends, tall = profile.way, profile.level, profile.ends, upright.tall
    top, lobe = upright.ears[at]
    if -float(way @ face.fit.pose.rotation[:2, 2]) > _TURNED_AWAY:
        return None
    hair = profile.beside_mesh(lobe + _CHEEK[0] * tall, lobe + _CHEEK[1] * tall)
    thick = profile.beside_mesh(top + _EAR * (lobe - top), lobe)
    if hair > _HAIR_BESIDE * tall or thick > _THICKEST * tall:
        return None
    if profile.skin.size == 0 or float(profile.skin.mean()) < _BARE:
        return None
    offset = face.points[:, :2] - upright.middle[:2]
    jaw, skull = offset[basis.beyond["jaw"]], offset[basis.beyond["skull"]]
    low = jaw @ upright.down > (lobe + float((jaw @ upright.down).max())) / 2
    neck = float((jaw[low] @ way).max())
    seen = float(ends[profile.within(lobe + _NECK[0] * tall, lobe + _NECK[1] * tall)].min())
    below = float(np.clip(seen, neck + _NECK_BEYOND[0] * tall, neck + _NECK_BEYOND[1] * tall)) + _NECK_GROWS * tall
    above = min(float(ends[0]), float((skull @ way).max()) + _MOST_HAIR * tall)
    half = (top + lobe) / 2
    share = smoothstep(half, lobe + _BELOW_HAIR * tall, level)
    across = above + (below - above) * share
    across -= np.float32(_TUCKED * tall) * (1 - smoothstep(float(level[0]), half, level)) ** 2
    axis = upright.middle[:2] + level[:, None] * upright.down
    outline = (axis + across[:, None] * way).astype(np.float32)
    resting = axis + np.minimum(across, ends - np.float32(_AT_REST * tall))[:, None] * way
    nodes = upright.grid.indices_of(outline)
    head, body = (looked_up(each, nodes) for each in (hold.head, hold.body))
    return Side(way, resting.astype(np.float32), outline, head, body, 1 - share)


def _colours(
    still: Bytes, inside: Float, mesh: NDArray[np.uint8], upright: _Upright, skin: tuple[slice, slice], grain_px: float
) -> Bytes:
    """(h, w, 3) uint8: hair above the lobes, skin below, continued smoothly, with their own grain.

    Args:
        still: (h, w, 3) uint8 of the region.
        inside: (h, w) face heights from the sitter's outline inwards.
        mesh: (rows, columns) uint8 cells within the mesh.
        upright: the head's axes.
        skin: rows and columns of bare skin in the region.
        grain_px: how coarse its grain is.
    """
    full = still.shape[1], still.shape[0]
    scale = min(1.0, _WORK_PX / upright.tall)
    size = max(round(full[0] * scale), 8), max(round(full[1] * scale), 8)
    tall = upright.tall * size[1] / full[1]
    small, depth = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (still, inside))
    face = cv2.resize(mesh, size, interpolation=cv2.INTER_NEAREST)
    level = upright.levels(size[1], size[0]) / np.float32(upright.tall)
    top, lobe = (float(np.mean(each)) / upright.tall for each in zip(*upright.ears, strict=True))
    away = cv2.distanceTransform(1 - face, cv2.DIST_L2, 5) * np.float32(1 / tall)
    hair = (depth > _CLEAR_OF_RIM / 2) & (away > _CLEAR_OF_FACE) & (level > top + _HAIR[0]) & (level < top + _HAIR[1])
    like = _like_skin(small, cv2.cvtColor(still[skin], cv2.COLOR_RGB2LAB), _SHADOW)
    neck = like & (depth > _CLEAR_OF_RIM) & (away > _CLEAR_OF_FACE)
    neck &= (level > lobe + _NECK_SEEN[0]) & (level < lobe + _NECK_SEEN[1])
    if neck.sum() < _FEWEST_SEEDS * tall**2:
        rim = cv2.distanceTransform(face, cv2.DIST_L2, 5) < _JAW * tall
        neck = (face > 0) & rim & (level > lobe)
    picture = small.astype(np.float32)
    upper, lower = (
        cv2.GaussianBlur(continue_smoothly(picture, seeds.astype(np.float32)), (0, 0), _SMOOTH * tall)
        for seeds in (hair if hair.any() else neck, neck)
    )
    # on the side that lies in shadow the neck does too
    deep = cv2.distanceTransform(face, cv2.DIST_L2, 5) * np.float32(1 / tall)
    cheeks = (deep > _CHEEK_RIM[0]) & (deep < _CHEEK_RIM[1]) & (level > top) & (level < lobe)
    light = continue_smoothly(picture @ LUMA[:, None], cheeks.astype(np.float32))
    lower *= np.minimum(light / np.maximum(lower @ LUMA[:, None], 1), 1)
    below = smoothstep(*_HAIRLINE, level - np.float32(lobe))[..., None]
    plain = cv2.resize(upper + (lower - upper) * below, full, interpolation=cv2.INTER_LINEAR)
    hairs = _fullest(hair, max(round(_HAIR_PATCH * tall), 2), full)
    strands = grain_of(still, hairs, still.shape[:2], radius_px=_STRANDS * grain_px)
    below = cv2.resize(below, full, interpolation=cv2.INTER_LINEAR)[..., None]
    grain = strands + (_skin_grain(still, skin, grain_px) - strands) * below
    return cast(Bytes, np.clip(np.round(plain + grain), 0, 255).astype(np.uint8))


def _like_skin(pixels: Bytes, cheek: Bytes, darkest: float) -> NDArray[np.bool_]:
    """(h, w) which pixels have the colour of a cheek, given in L*a*b*, and at least `darkest` times its lightness."""
    middle = np.median(cheek.reshape(-1, 3), axis=0).astype(np.float32)
    lightness, *tints = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32))
    apart = np.hypot(*(tint - own for tint, own in zip(tints, middle[1:], strict=True)))
    lit = (lightness > darkest * middle[0]) & (lightness < _LIGHTEST * middle[0])
    return np.asarray((apart < _SKIN_APART) & lit)


def _skin_grain(still: Bytes, skin: tuple[slice, slice], grain_px: float) -> Float:
    """(h, w, 1) even noise as strong as a cheek's: stubble and pores that are mirrored make a pattern."""
    own = grain_of(still, skin, still[skin].shape[:2], radius_px=grain_px)
    noise = np.random.default_rng(0).normal(0, 1, still.shape[:2]).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), max(0.5 * grain_px, 0.5))
    return cast(Float, noise[..., None] * np.float32(_GRAIN * np.median(np.abs(own)) / noise.std()))


def _fullest(where: NDArray[np.bool_], side: int, full: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the square that holds most of a mask (h, w), in a picture of size `full` (width, height)."""
    share = cv2.blur(where.astype(np.float32), (side, side), borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(int(share.argmax()), share.shape)
    scale = full[0] / where.shape[1]
    top, left = (max(int((int(first) - side // 2) * scale), 0) for first in (row, column))
    return slice(top, top + int(side * scale)), slice(left, left + int(side * scale))
