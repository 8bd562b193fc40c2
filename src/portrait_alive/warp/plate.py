"""The picture without its sitter, and the sitter without the picture behind: what a silhouette that moves uncovers."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.types import Bytes, Float
from portrait_alive.warp.filling import continue_smoothly

_CLEAR = 0.01
_STRANDS_PER_REACH = 5
"""How much finer than their reach strands are at most: coarser differences are the background's light."""
_BEGINS_PX = 3.0
"""Distance from the matte within which a strand begins."""
_STRANGE_FROM, _STRANGE_TIMES = 10.0, 2.0
"""8-bit steps, and times what the background itself departs from plain, from which something is no background."""


@dataclass(frozen=True, eq=False)
class Separation:
    """A picture as sitter over background: at rest the two give the picture again, but for the rim's softness."""

    sitter: Bytes
    """(H, W, 3) uint8; the picture itself, whose colours go on smoothly beyond the rim."""
    background: Bytes
    """(H, W, 3) uint8; the picture itself where there is no sitter, filled in behind."""


def with_rim(opacity: Float, rim_px: float) -> Float:
    """A sitter's opacity grown by a soft rim, which goes along with the silhouette.

    What a brush, a lens or a sharpening filter left around the outline belongs to the outline: if it stayed behind, a
    ghost of the sitter would stand in the background.

    Args:
        opacity: (H, W) float32 in [0, 1].
        rim_px: where the rim's opacity is one half.
    """
    distance = cv2.distanceTransform((opacity < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    ramp = smoothstep(0.0, 1.0, 1.5 - distance / rim_px)
    return cast(Float, np.maximum(opacity, ramp).astype(np.float32))


def with_strands(pixels: Bytes, opacity: Float, reach_px: float) -> Float:
    """A sitter's opacity with what sticks out of it into a plain background: strands of hair, lace, feathers.

    A matte is too coarse for them, and what it leaves to the background stays hanging in the air when the head turns.
    Before a background that has structure itself nothing is told apart, and nothing is added.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        opacity: (H, W) float32 in [0, 1].
        reach_px: how far from the matte it may reach.
    """
    inside = opacity > 0.5
    away = cv2.distanceTransform(1 - inside.astype(np.uint8), cv2.DIST_L2, 5)
    picture = pixels.astype(np.float32)
    plain = continue_smoothly(picture, (away > reach_px).astype(np.float32))
    plain = cv2.GaussianBlur(plain, (0, 0), reach_px / _STRANDS_PER_REACH)
    strange = np.abs(picture - plain).max(-1)
    beside = strange[(away > reach_px) & (away < 3 * reach_px)]
    if beside.size == 0:
        return opacity
    limit = _STRANGE_FROM + _STRANGE_TIMES * float(np.percentile(beside, 95))
    found = (strange > limit) & (away <= reach_px) & ~inside
    _, parts = cv2.connectedComponents(cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)))
    # it begins at the matte, and ends within reach: a cupboard's seam does not
    begins, goes_on = np.unique(parts[found & (away < _BEGINS_PX)]), np.unique(parts[found & (away > reach_px - 2)])
    belongs = found & np.isin(parts, np.setdiff1d(begins, goes_on))
    sure = smoothstep(limit, 2 * limit, strange) * belongs
    return cast(Float, np.maximum(opacity, cv2.GaussianBlur(sure.astype(np.float32), (0, 0), 0.7)))


def separate(
    pixels: Bytes,
    opacity: Float,
    *,
    margin_px: float,
    fill_grain: Float,
    seen: tuple[Float, Float] | None = None,
) -> Separation:
    """Take the two layers apart.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        opacity: (H, W) float32 in [0, 1] of the sitter, rim included.
        margin_px: how far beyond the silhouette the background begins to be trusted.
        fill_grain: (H, W, 3) grain for what is filled in.
        seen: colours (H, W, 3) that other pictures show behind the sitter, and (H, W) in [0, 1] where.
    """
    picture = pixels.astype(np.float32)
    size = 2 * int(np.ceil(margin_px)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    near = cv2.dilate((opacity > _CLEAR).astype(np.float32), kernel)
    soft = cv2.GaussianBlur(near, (0, 0), max(margin_px * 0.5, 0.6))
    beyond = np.clip(1 - 2 * soft, 0, 1).astype(np.float32)
    behind_picture, known = picture, beyond
    if seen is not None:
        lent, share = seen[0], seen[1] * (1 - beyond)
        known = beyond + share
        behind_picture = (picture * beyond[..., None] + lent * share[..., None]) / np.maximum(known, 1e-6)[..., None]
    filled = continue_smoothly(behind_picture, known) + fill_grain * (1 - known)[..., None]
    # from the rim outwards the picture itself is the background again
    behind = smoothstep(0.0, 1.0, opacity / 0.2)[..., None]
    background = picture + (filled - picture) * behind
    inside = np.clip((opacity - 0.02) / 0.1, 0, 1).astype(np.float32)
    return Separation(_to_bytes(continue_smoothly(picture, inside)), _to_bytes(background))


def _to_bytes(colours: Float) -> Bytes:
    return np.clip(np.round(colours), 0, 255).astype(np.uint8)
