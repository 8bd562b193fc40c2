"""Eyes per frame: lids that close as skin with a lash line, and an iris that moves over the white inside the lids."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.eye_layer import LID_BEGINS, SHUT, EyeFrame, EyeLayer, eye_frame, take_eye_apart
from portrait_alive.warp.fine_texture import FineTexture
from portrait_alive.warp.lid_skin import strip_place

__all__ = ["EyeFrame", "EyeLayer", "eye_frame", "paint_eye", "take_eye_apart"]

_GAZE_LIMIT = 0.3
"""Largest shift of the iris as a fraction of the eye's width."""
_LASH_SHADE = (0.6, 1.0)
"""Opacity of the drawn lash line where the picture shows no lashes, and where it shows some."""
_PAST_CORNER = 0.12
"""How far a shut lid's line runs on past the outer corner, in widths of the opening."""
_THIN = 0.6
"""Thickness of a shut lid's line at the inner corner, of what it is towards the outer one."""
_HANGING = 0.03
"""How far thick lashes hang below a shut lid's margin, in widths of the opening."""
_MARGIN_DARKENS = 0.02
"""Widths of the opening below the margin from which on a drawn lid gets no darker: less than a pixel in a tiny eye."""
_LASHES_TURN = (0.35, 0.8)
"""Closures between which lashes that stood up over the eye come to hang below it."""
_UNROLLS = (0.1, 0.85)
"""Closures between which the fold above an open eye unrolls into the lid."""
_LOOKS_AWAY, _CLOSES = (0.03, 0.1), (0.25, 0.5)
"""Ways of the iris, in widths of the opening, and closures between which the completed eyeball takes over from the
picture of it: as long as it can be carried, the picture is the better one."""
_GLINT_STAYS = 0.4
"""Share of the iris's way by which the light's reflection on it stays behind: a cornea is rounder than the eye."""
_GLINT_LAG = 0.2
"""The most of that, in radii of the iris."""
_BALL_RADIUS = 0.42
"""Of the eyeball, in widths of the opening: how soon an iris that turns is foreshortened."""


def paint_eye(
    layer: EyeLayer,
    frame: EyeFrame,
    view: Bytes,
    opacity: Bytes,
    texture: FineTexture,
    shift: tuple[float, float],
    driven: Float,
) -> Float:
    """Paint lid and eyeball, in place.

    Args:
        layer: the eye taken apart.
        frame: from `eye_frame`.
        view: (h, w, 3) uint8 the eye's rectangle with its skin.
        opacity: (h, w) uint8 of the sitter there.
        texture: of the region.
        shift: (x, y) pixels from this rectangle's corner back to the region's.
        driven: (P, 3) points of the frame.

    Returns:
        (h, w) in [0, 1]: how much of each pixel the source did not supply.
    """
    drawn = np.zeros(view.shape[:2], np.float32)
    if frame.socket is not None:
        _paint_skin(layer, frame, view, opacity, drawn)
    cover = frame.opening.coverage(frame.u, frame.v, frame.upper, frame.lower)
    box = _box(cover > 0)
    if box is not None:
        ball, made = _ball(layer, frame, box, texture, shift, driven)
        _mix(view[box], ball, cover[box])
        drawn[box] += (made - drawn[box]) * cover[box]
    if frame.socket is not None:
        _paint_lashes(layer, frame, view, opacity)
    return drawn


def _paint_skin(layer: EyeLayer, frame: EyeFrame, view: Bytes, opacity: Bytes, drawn: Float) -> None:
    """Draw the upper lid's skin, down to its margin, over the squeezed skin of the source."""
    assert frame.socket is not None
    width = frame.opening.width
    below = frame.v - frame.upper
    beside = np.maximum(-np.minimum(frame.u, width - frame.u), 0)
    # what is left of the white along the lower lid, where landmarks lie inside the opening, is under a shut lid
    slack = np.float32(smoothstep(*SHUT, frame.closure) * (0.02 * width + 1))
    # the margin is sharp between the corners; outwards lid and cheek pass into each other
    edge = 0.5 - (below - slack) / (1 + beside * np.float32(0.8))
    high = below * np.float32(1 / (0.25 * width)) + np.float32(4.4)
    side = np.float32(2.2) - beside * np.float32(1 / (0.22 * width))
    share = np.minimum(np.minimum(edge, high), side)
    box = _box(share > 0)
    if box is None:
        return
    strength = np.float32(smoothstep(LID_BEGINS, 0.4, frame.closure))
    share = np.clip(share[box], 0, 1)
    sampled = layer.lid.sample(np.ascontiguousarray(frame.socket[box])).astype(np.float32)
    plain = sampled[..., :3]
    still_folded = 1 - smoothstep(*_UNROLLS, frame.closure)
    share *= 1 - sampled[..., 3] * np.float32(still_folded / 255)
    # the lid is a ball's skin: a little lighter where it bulges, darker towards the lashes
    arch = np.clip(np.minimum(frame.u[box], width - frame.u[box]) * np.float32(3.5 / width), 0, 1)
    at = below[box] * np.float32(1 / width)
    darker = 0.2 * np.exp(np.minimum(at, np.float32(_MARGIN_DARKENS)) / np.float32(0.035))
    plain *= (1 + (0.05 * np.exp(-(((at + 0.17) / 0.1) ** 2)) - darker) * arch)[..., None]
    _mix(view[box], plain, share * (layer.detail.feather[box][..., 0] * opacity[box] * (strength / np.float32(255))))
    drawn[box] = np.clip(at * 5 + 2.5, 0, 1) * share * arch * strength


def _paint_lashes(layer: EyeLayer, frame: EyeFrame, view: Bytes, opacity: Bytes) -> None:
    """Draw the lash line along the upper margin: a soft dark line, and the source's own lashes carried along."""
    width = frame.opening.width
    below = frame.v - frame.upper
    near = (np.abs(below) < 0.17 * width) & (frame.u > -_PAST_CORNER * width) & (frame.u < (1 + _PAST_CORNER) * width)
    box = _box(near)
    if box is None:
        return
    u, below, closure = frame.u[box], below[box], frame.closure
    strength = smoothstep(LID_BEGINS, 0.45, closure)
    down = np.float32(smoothstep(*_LASHES_TURN, closure))
    inner = np.minimum(u, width - u) * np.float32(1 / width)
    heft = layer.lash_heft
    shade = _LASH_SHADE[0] + (_LASH_SHADE[1] - _LASH_SHADE[0]) * min(2 * heft, 1.0)
    # an open lid's line is bent away at both corners; a shut one's runs on to them and past the outer one
    out = layer.from_inner(u, width)
    taper = np.sqrt(np.clip(inner * np.float32(1 / 0.3), 0.03, 1))
    taper += (np.float32(_THIN) + np.float32(1 - _THIN) * smoothstep(0.05, 0.7, out) - taper) * down
    ends = np.clip(inner * 7, 0, 1)
    ends += (smoothstep(0.0, 0.15, out) * np.clip((1 + _PAST_CORNER - out) * 6, 0, 1) - ends) * down
    # lashes that hang over the cheek: a band under a heavy line, nothing under a bare one
    over, under = (0.016 + 0.014 * down) * width + 0.35, (0.016 + _HANGING * heft * down) * width + 0.4
    # no sharper than the picture's own edges, and as much lighter as it is wider
    soft_over, soft_under = (np.float32(np.hypot(reach, layer.softness - 1)) for reach in (over, under))
    lighter = (over + under) / (soft_over + soft_under)
    away = np.where(below < 0, below / -soft_over, below / soft_under) / taper
    line = np.exp(-(away**2)) * ends * np.float32(shade * strength * lighter)
    scale = np.float32(layer.opening.width / width)
    hang = np.where(below < 0, below, below * np.float32(-1.3)) * scale
    place = strip_place(u * scale, hang, layer.opening.width, layer.lashes.shape)
    own = cv2.remap(layer.lashes, place, None, cv2.INTER_LINEAR) * np.float32(strength / 255)
    # what stood far up over the lid comes down; the line itself stays at the margin
    own *= np.where(below < 0, 1 - down * np.clip((-below / width - 0.03) * 25, 0, 1), down)
    _mix(view[box], layer.lash_colour, np.maximum(line, own) * opacity[box] * np.float32(1 / 255))


def _ball(
    layer: EyeLayer,
    frame: EyeFrame,
    box: tuple[slice, slice],
    texture: FineTexture,
    shift: tuple[float, float],
    driven: Float,
) -> tuple[Float, Float]:
    """Eyeball colours behind the opening, and how much of them is made up."""
    detail, rest, opening, closure = layer.detail, layer.opening, frame.opening, frame.closure
    u, v, upper = frame.u[box], frame.v[box], frame.upper[box]
    scale = np.float32(rest.width / opening.width)
    u_rest, v_rest = u * scale, v * scale
    iris_u, iris_v = opening.axes(driven[layer.iris_point, 0], driven[layer.iris_point, 1])
    here_u, here_v = rest.axes(layer.iris_rest[0], layer.iris_rest[1])
    limit = _GAZE_LIMIT * rest.width
    du = float(np.clip(iris_u * scale - here_u, -limit, limit))
    dv = float(np.clip(iris_v * scale - here_v, -limit, limit))
    away = float(np.hypot(du, dv)) / rest.width
    gone = max(smoothstep(*_LOOKS_AWAY, away), smoothstep(*_CLOSES, abs(closure)))
    colours = np.zeros(1, np.float32)
    if gone > 0:
        colours = _made(layer, frame, box, u_rest, v_rest, (du, dv))
        if closure > 0:
            depth = np.maximum(v - upper, 0) * np.float32(1 / (0.06 * opening.width))
            colours *= (1 - np.exp(-depth) * np.float32(0.35 * smoothstep(0.05, 0.5, closure)))[..., None]
    if gone >= 1:
        return colours, np.ones_like(u)
    # nearly at rest the picture itself is the best that there is, carried as a whole
    distance = np.hypot(u_rest - (here_u + du), v_rest - (here_v + dv)) / layer.iris.radius
    carry = np.clip(2.4 - distance, 0, 1).astype(np.float32) if away > 0 else np.float32(0)
    x, y = rest.place(cast(Float, u_rest - np.float32(du) * carry), cast(Float, v_rest - np.float32(dv) * carry))
    factor = texture.factor
    at = detail.positions(x, y, factor) + np.array(shift, np.float32) * factor
    seen = texture.sample(at)[..., :3].astype(np.float32)
    if gone <= 0:
        return seen, np.zeros_like(u)
    return cast(Float, seen + (colours - seen) * np.float32(gone)), np.full_like(u, gone)


def _made(
    layer: EyeLayer, frame: EyeFrame, box: tuple[slice, slice], u: Float, v: Float, turned: tuple[float, float]
) -> Float:
    """The completed eyeball, turned by (du, dv) source pixels, under the opening's shade, at (u, v) source pixels."""
    rest, detail = layer.opening, layer.detail
    du, dv = (np.float32(part) for part in turned)
    middle_u, _ = rest.axes(layer.iris.centre[0], layer.iris.centre[1])
    narrow = _foreshortening(float(middle_u) / rest.width - 0.5, float(middle_u + du) / rest.width - 0.5)
    x, y = rest.place((u - (middle_u + du)) * np.float32(1 / narrow) + middle_u, v - dv)
    ball = layer.ball.sample(detail.positions(x, y, layer.ball.factor)).astype(np.float32)
    made, iris = ball[..., :3], ball[..., 3] * np.float32(1 / 255)
    upper, lower = frame.upper[box], frame.lower[box]
    rows, columns = layer.shade.shape[:2]
    across = (frame.v[box] - upper) * np.float32(rows) / np.maximum(lower - upper, np.float32(1e-3)) - np.float32(0.5)
    along = frame.u[box] * np.float32(columns / frame.opening.width) - np.float32(0.5)
    shade = cv2.remap(layer.shade, along, across, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shade += ((shade @ LUMA)[..., None] - shade) * iris[..., None]
    made *= shade
    if layer.glint is not None:
        stays = min(_GLINT_STAYS, _GLINT_LAG * layer.iris.radius / max(float(np.hypot(du, dv)), 1e-3))
        x, y = rest.place(u - du * np.float32(1 - stays), v - dv * np.float32(1 - stays))
        made += layer.glint.sample(detail.positions(x, y, layer.glint.factor))
    return made


def _foreshortening(before: float, after: float) -> float:
    """How much narrower an iris looks at `after` than at `before`, both off the middle in widths of the opening."""
    then, now = (np.sqrt(1 - min(abs(at) / _BALL_RADIUS, 0.8) ** 2) for at in (before, after))
    return float(np.clip(now / then, 0.8, 1.15))


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Rows and columns that hold all of a mask (h, w); None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _mix(view: Bytes, colours: Float, share: Float) -> None:
    """Put colours (h, w, 3) over a view, in place, by shares (h, w)."""
    under = view.astype(np.float32)
    view[:] = np.clip(under + (colours - under) * share[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)
