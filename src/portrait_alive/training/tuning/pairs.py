"""What a person is tuned on: frames as the generator sees them, beside what they should have been.

From one picture: it is moved by some motion and back, in one composed resampling, so that nothing is softer than the
picture and no sharpening is learned; the picture itself is the truth, where it still shows after both ways. From
several: the canvas is driven by the other pictures' tracked meshes, as in `training.meta.episodes`, and they are the
truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np

from portrait_alive.film import room_of
from portrait_alive.glasses import wears_glasses
from portrait_alive.motion.absolute import mesh_track, retarget_absolute
from portrait_alive.motion.builtin import builtin_motion
from portrait_alive.motion.retarget import retarget
from portrait_alive.neural.condition import see_frame
from portrait_alive.neural.view import VIEW_PX, View
from portrait_alive.person.person import SitterPicture
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import face_of_piece, source_face
from portrait_alive.tracking.matte import Matter
from portrait_alive.types import MESH_POINTS, Bytes, DrivenFace, Float, Landmarks, Picture
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.lender import Lender
from portrait_alive.warp.lending import Lending
from portrait_alive.warp.warper import Rendered, Warper

_MOTIONS = ("speak", "smile", "nod", "look-around", "idle")
_MOTION_S = 4.0
_LARGEST_VIEW_PX = 240
"""Side of the networks' square up to which pictures are worked on as they are; larger ones are reduced."""
_LARGE_PICTURE = 12_000_000
"""Bytes from which pictures are cut down to the head; clips' frames stay whole, and in one framing."""
_SURE = 0.9
"""Opacity from which a pixel is the sitter's."""
_DRAWN = 0.05
"""Share of drawing up to which a pixel is the picture's own."""
_DRAWN_PLANE = 6
_LIGHT_PX = 10.0
"""Radius, in pixels of the networks' square, beyond which differences of brightness are light, not features."""
_RIM_PX = 11
"""Width of the strip along the face's outline, inside and out, that is not learned from."""
_STRANGE = 2.0
"""Pictures so many times farther from their warped frame than most are left out: the warp does not reach them."""
_SAME_FRAMING = 0.35
"""Shift of the head, over its view, within which pictures of one size are taken to be frames of one sitting."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A frame to learn from."""

    planes: Bytes
    """(V, V, 11) uint8, of a condition."""
    truth: Bytes
    """(V, V, 3) uint8 sRGB."""
    known: Float
    """(V, V) in [0, 1]: where the truth is known."""
    name: str = ""
    """Of the picture that is the truth."""


def reduced(sitter: SitterPicture, *, view_px: int = _LARGEST_VIEW_PX) -> SitterPicture:
    """The picture at a size at which frames are made quickly and the networks still see all they can.

    Args:
        sitter: the picture; it is returned as it is where it is small enough.
        view_px: side of the networks' square, in the picture's pixels, that is allowed.
    """
    factor = view_px / View.side_for(sitter.face)
    if factor >= 1:
        return sitter
    pixels = cv2.resize(sitter.picture.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    face = face_of_piece(sitter.face, np.zeros(3, np.float32), np.full(3, factor, np.float32))
    return SitterPicture(replace(sitter.picture, pixels=pixels, alpha=None), face)


def head_of(sitter: SitterPicture) -> SitterPicture:
    """The head of a large picture alone, no larger than is ever looked at: 32 scans need not be kept whole."""
    if sitter.picture.pixels.size < _LARGE_PICTURE:
        return sitter
    small = reduced(sitter, view_px=3 * _LARGEST_VIEW_PX)
    view = View.around(small.face.points, round(2.5 * View.side_for(small.face)))
    left, top = max(view.left, 0), max(view.top, 0)
    pixels = small.picture.pixels[top : view.top + view.side, left : view.left + view.side].copy()
    face = face_of_piece(small.face, np.array([left, top, 0], np.float32), np.ones(3, np.float32))
    return SitterPicture(replace(small.picture, pixels=pixels, alpha=None), face)


def are_one_sitting(canvas: SitterPicture, other: SitterPicture) -> bool:
    """Whether two pictures look like frames of one clip: of one size, with the head in the same place."""
    own, its = canvas.face.fit.pose, other.face.fit.pose
    apart = float(np.linalg.norm(own.translation[:2] - its.translation[:2]))
    is_near = apart < _SAME_FRAMING * View.side_for(canvas.face) and 0.85 < own.scale / its.scale < 1.18
    return canvas.picture.size == other.picture.size and is_near


def pairs_of_one(
    sitter: SitterPicture, fitter: HeadFitter, matter: Matter, rng: np.random.Generator, count: int
) -> list[Pair]:
    """Self-made pairs of one picture; fewer than `count` where the head can hardly be moved.

    Args:
        sitter: as `reduced` gives it.
        fitter: explains faces.
        matter: cuts them out.
        rng: decides everything.
        count: how many.
    """
    basis, face = fitter.basis, sitter.face
    states: list[DrivenFace] = []
    for name in _MOTIONS:
        motion = builtin_motion(name, basis, seconds=_MOTION_S, fps=Fraction(12), seed=int(rng.integers(1 << 30)))
        driven = retarget(face, motion, basis)
        states += [driven[int(frame)] for frame in rng.permutation(len(driven))[: -(-count // len(_MOTIONS))]]
    warper = Warper(take_apart(sitter.picture, face, basis, matter=matter, room=room_of(states, basis)))
    chosen = [states[int(number)] for number in rng.permutation(len(states))[:count]]
    return [_there_and_back(sitter, warper, state, fitter, matter) for state in chosen]


def pairs_of_several(
    canvas: SitterPicture, others: Sequence[SitterPicture], fitter: HeadFitter, matter: Matter
) -> list[Pair]:
    """The canvas driven by each of the other pictures, which are the truth; without those that the warp cannot reach.

    All but the truth lend to the canvas, as they do in a film.

    Args:
        canvas: as `reduced` gives it.
        others: pictures of the same sitter at any size.
        fitter: explains faces.
        matter: cuts them out.
    """
    basis = fitter.basis
    brought = [_brought_to(canvas, other) for other in others]
    seen = [(canvas.picture.pixels, canvas.face.landmarks), *((pixels, face) for pixels, face, _ in brought)]
    driven = retarget_absolute(canvas.face, mesh_track(seen, fitter, fps=Fraction(1)), basis)
    layers = take_apart(canvas.picture, canvas.face, basis, matter=matter, room=room_of(driven, basis))
    lenders = [_lender(other, canvas, basis) for other in others]
    lending = Lending.of(canvas.picture.pixels, canvas.face, lenders, canvas_glasses=_wears_glasses(canvas))
    side = View.side_for(canvas.face)
    pairs = []
    for number, (pixels, _, is_foreign) in enumerate(brought, start=1):
        # as in a film, the others lend; the one that is the truth must not
        warper = Warper(layers, lending.without(lenders[number - 1]))
        rendered = warper.render_with_masks(driven[number])
        condition = see_frame(rendered, warper.box[:2], driven[number], side)
        truth = np.asarray(condition.view.cut(pixels, (0, 0)), np.uint8)
        sitter = np.asarray(condition.view.cut(rendered.opacity, warper.box[:2], beyond=0.0), np.float32)
        known = sitter * _under_mesh(condition.view.points(driven[number].points))
        if is_foreign:
            drawn = condition.planes[..., _DRAWN_PLANE].astype(np.float32) / 255
            truth = _in_light_of(truth, condition.planes[..., :3], known * (drawn < _DRAWN))
        pairs.append(Pair(condition.planes, truth, known, others[number - 1].name))
    usual = float(np.median([_apart(pair) for pair in pairs]))
    return [pair for pair in pairs if _apart(pair) <= _STRANGE * usual]


def _lender(other: SitterPicture, canvas: SitterPicture, basis: ShapeBasis) -> Lender:
    return Lender.of(other.picture.pixels, other.face, canvas.face, basis, has_glasses=_wears_glasses(other))


def _wears_glasses(sitter: SitterPicture) -> bool:
    return wears_glasses(sitter.picture.pixels, sitter.face.landmarks)


def _there_and_back(
    sitter: SitterPicture, warper: Warper, there: DrivenFace, fitter: HeadFitter, matter: Matter
) -> Pair:
    """The picture moved to `there` and driven back to where it was."""
    gone = warper.render_with_masks(there)
    moved = _pasted(sitter.picture.pixels, gone.pixels, warper.box[:2])
    landmarks = Landmarks(np.ascontiguousarray(there.points[:MESH_POINTS]), sitter.face.landmarks.confidence, 1.0)
    face = source_face(landmarks, fitter)
    both = [(moved, landmarks), (sitter.picture.pixels, sitter.face.landmarks)]
    ways = retarget_absolute(face, mesh_track(both, fitter, fps=Fraction(1)), fitter.basis)
    home = Warper(take_apart(Picture(moved), face, fitter.basis, matter=matter))
    back = home.render_with_masks(ways[1])
    composed, known = _composed(sitter.picture.pixels, gone, warper.box[:2], back, home.box[:2])
    seen = see_frame(replace(back, pixels=composed), home.box[:2], ways[1], View.side_for(face))
    truth = np.asarray(seen.view.cut(sitter.picture.pixels, (0, 0)), np.uint8)
    return Pair(seen.planes, truth, np.asarray(seen.view.cut(known, home.box[:2], beyond=0.0), np.float32))


def _composed(
    pixels: Bytes, gone: Rendered, gone_at: tuple[int, int], back: Rendered, back_at: tuple[int, int]
) -> tuple[Bytes, Float]:
    """(h, w, 3) what came back, looked up once in the picture where that is all there is to it; (h, w) there 1."""
    height, width = back.opacity.shape
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    away = np.dstack([columns + back_at[0], rows + back_at[1]]).astype(np.float32) + back.flow
    inside = away - np.array(gone_at, np.float32)
    # the flow, and the masks, of the way there, at the places that the way back looks at
    onward, opaque, drawn = (
        cv2.remap(plane, inside, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        for plane in (gone.flow, gone.opacity, gone.drawn)
    )
    looked_up = cv2.remap(pixels, away + onward, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    is_own = (back.opacity > _SURE) & (opaque > _SURE) & (back.drawn < _DRAWN) & (drawn < _DRAWN)
    known = cv2.erode(is_own.astype(np.float32), np.ones((3, 3), np.uint8))
    return np.where(known[..., None] > 0, looked_up, back.pixels), np.asarray(known, np.float32)


def _pasted(pixels: Bytes, region: Bytes, at: tuple[int, int]) -> Bytes:
    left, top = at
    out = pixels.copy()
    part = out[top : top + region.shape[0], left : left + region.shape[1]]
    part[:] = region[: part.shape[0], : part.shape[1]]
    return out


def _under_mesh(points: Float) -> Float:
    """(V, V) 1 inside the face's outline, 0 at it and outside: hair and silhouette lie where no mesh tells.

    Args:
        points: (478 or more, 2) in pixels of the view.
    """
    outline = np.rint(points[list(topology.FACE_OVAL)]).astype(np.int32)
    inside = np.zeros((VIEW_PX, VIEW_PX), np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(outline), 1)
    inside = cv2.erode(inside, np.ones((_RIM_PX, _RIM_PX), np.uint8), borderValue=1)
    return np.asarray(cv2.blur(inside.astype(np.float32), (5, 5)), np.float32)


def _apart(pair: Pair) -> float:
    """Mean difference between what the warp shows and the truth, where that is known, in 8-bit steps."""
    difference = np.abs(pair.planes[..., :3].astype(np.float32) - pair.truth).mean(-1)
    return float((difference * pair.known).sum() / max(float(pair.known.sum()), 1.0))


def _brought_to(canvas: SitterPicture, other: SitterPicture) -> tuple[Bytes, Landmarks, bool]:
    """Another picture in the canvas's framing: pixels, face, and whether it had to be brought there."""
    own, its = canvas.face.fit.pose, other.face.fit.pose
    if are_one_sitting(canvas, other):
        return other.picture.pixels, other.face.landmarks, False
    factor, pixels = own.scale / its.scale, other.picture.pixels
    small = factor < 0.75
    if small:
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    shift = own.translation[:2] - factor * its.translation[:2]
    zoom = pixels.shape[1] / other.picture.pixels.shape[1]
    onto = np.array([[factor / zoom, 0, shift[0]], [0, factor / zoom, shift[1]]], np.float64)
    onto[:, 2] += (onto[0, 0] - 1) / 2  # pixel centres lie at .5 here, at whole numbers in OpenCV
    height, width = canvas.picture.size
    placed = cv2.warpAffine(pixels, onto, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    corner = np.append(shift / -factor, 0).astype(np.float32)
    return placed, face_of_piece(other.face, corner, np.full(3, factor, np.float32)).landmarks, True


def _in_light_of(truth: Bytes, warped: Bytes, is_own: Float) -> Bytes:
    """The truth in the light of the warped frame: another day's light and shade are not to be learned.

    Colours are scaled, channel by channel, by the ratio of both pictures' surroundings, as the picture's own paint
    shows them; so what is drawn (the inside of a mouth, say) keeps its brightness against the skin around it.

    Args:
        truth: (V, V, 3) uint8 sRGB.
        warped: the same.
        is_own: (V, V) weight of pixels in which both show the same skin.
    """
    weight = np.maximum(is_own, 1e-4)[..., None]
    both = (cv2.GaussianBlur((one + 8.0) * weight, (0, 0), _LIGHT_PX) for one in (warped, truth))
    wanted, own = both
    lit = truth * np.clip(wanted / np.maximum(own, 1e-6), 0.4, 2.5)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)
