"""Where the rims of a sitter's glasses run: the strongest closed line around each eye, or the edge of dark glass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from portrait_alive.glasses import LEAST_EYE_PX, UprightEyes
from portrait_alive.types import Bytes, Float, Landmarks

_LEAST_EVIDENCE: Final = 0.72
"""Mean strength of both rims. Of 80 pictures the weakest with glasses that `wears_glasses` sees has 0.79, the strongest
without has 0.69 (folds, brows and shadows around an eye)."""
_LEAST_EDGE: Final = 0.5
"""The same of the edges of dark glass."""
_EDGE_PX: Final = 4
_SPOKES: Final = 72
_FARTHEST: Final = 1.75
"""Eye widths from the eye's middle within which rims run."""
_NEAREST: Final = (0.78, 0.44)
"""Half axes, in eye widths, of the ellipse outside which they do: what is nearer is lids."""
_USUAL: Final = (1.12, 0.9)
"""Half axes of usual glasses, and how dear it is, for each eye width squared, to depart from them."""
_DEPARTING: Final = 0.5
_LINE_PX: Final = (7, 15, 21)
"""Widths of what counts as a line; dark ones for more than light ones."""
_LIGHT_LINE: Final = 0.7
_JUMP_PX: Final = 6
"""How far the rim may jump from spoke to spoke, and how dear each pixel of it is."""
_JUMPING: Final = 0.12
_LIDS: Final = 10.0
"""How dear it is to run through them."""


@dataclass(frozen=True, eq=False)
class GlassesRims:
    """A sitter's glasses in picture pixels."""

    right: Float
    """(72, 2) places along the rim about the sitter's right eye."""
    left: Float
    """(72, 2)."""
    are_dark: bool
    """No eye is seen through them."""


def glasses_rims(pixels: Bytes, face: Landmarks) -> GlassesRims | None:
    """The glasses that a face clearly wears; None without any.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        face: as tracked in it.
    """
    eyes = UprightEyes.of(pixels, face)
    if not eyes.show_glasses:
        return None
    are_dark = eyes.are_hidden
    contrast = max(float(eyes.lightness[60:200, 80:260].std()), 4.0)
    find = _edges if are_dark else _lines
    found = [_traced(eyes.lightness, find, contrast, *pair) for pair in eyes.corners]
    if np.mean([evidence for _, evidence in found]) < (_LEAST_EDGE if are_dark else _LEAST_EVIDENCE):
        return None
    right, left = (eyes.to_picture(rim) for rim, _ in found)
    return GlassesRims(right, left, are_dark)


def _traced(
    lightness: Float, find: Callable[[Float], Float], contrast: float, one: Float, other: Float
) -> tuple[Float, float]:
    """(72, 2) the strongest closed line around an eye between two corners (2,), and its mean strength in [0, 1]."""
    centre, width = (one + other) / 2, max(float(np.linalg.norm(other - one)), LEAST_EYE_PX)
    angle = np.arange(_SPOKES) * (2 * np.pi / _SPOKES)
    spokes = np.stack([np.cos(angle), np.sin(angle)], 1)
    radius = np.arange(min(_NEAREST) * width, _FARTHEST * width)
    at = (centre + spokes[:, None] * radius[:, None]).astype(np.float32)  # (spokes, radii, 2)
    profiles = cv2.remap(lightness, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    strength = np.clip(find(profiles) / contrast, 0, 1)
    nearest, usual = (
        1 / np.linalg.norm(spokes / (np.array(axes) * width), axis=1)[:, None] for axes in (_NEAREST, _USUAL)
    )
    cost = 1 - strength + _DEPARTING * ((radius - usual) / width) ** 2 + _LIDS * (radius < nearest)
    path = _cheapest_ring(cost)
    number = np.arange(_SPOKES)
    return at[number, path], float(strength[number, path].mean())


def _edges(profiles: Float) -> Float:
    """How much lighter profiles (n, length) are just outside each place than just inside."""
    found = np.zeros_like(profiles)
    found[:, _EDGE_PX:-_EDGE_PX] = np.maximum(profiles[:, 2 * _EDGE_PX :] - profiles[:, : -2 * _EDGE_PX], 0)
    return found


def _lines(profiles: Float) -> Float:
    """How far each place of profiles (n, length) departs from both its sides."""
    found = np.zeros_like(profiles)
    for width in _LINE_PX:
        kernel = np.ones((1, width), np.uint8)
        found = np.maximum(found, cv2.morphologyEx(profiles, cv2.MORPH_BLACKHAT, kernel))
        found = np.maximum(found, _LIGHT_LINE * cv2.morphologyEx(profiles, cv2.MORPH_TOPHAT, kernel))
    return found


def _cheapest_ring(cost: Float) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """(n,) the column of each row of costs (n, m) that the cheapest closed path takes.

    Found in two passes of dynamic programming: what the open path does half-way round is where the closed one begins.
    """
    half = len(cost) // 2
    start = int(_cheapest_path(cost)[half])
    turned = np.roll(cost, -half, 0)
    begun = turned.copy()
    begun[0, np.arange(cost.shape[1]) != start] = np.inf
    begun[-1] += _JUMPING * np.abs(np.arange(cost.shape[1]) - start)
    return np.roll(_cheapest_path(begun), half)


def _cheapest_path(cost: Float) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    jumps = np.arange(-_JUMP_PX, _JUMP_PX + 1)
    before = np.arange(cost.shape[1])[None] - jumps[:, None]
    is_out = (before < 0) | (before >= cost.shape[1])
    before = np.clip(before, 0, cost.shape[1] - 1)
    dear = _JUMPING * np.abs(jumps)[:, None] + np.where(is_out, np.inf, 0.0)
    spent, came_from = cost[0], []
    for row in cost[1:]:
        reached = spent[before] + dear
        best = reached.argmin(0)
        came_from.append(np.take_along_axis(before, best[None], 0)[0])
        spent = np.take_along_axis(reached, best[None], 0)[0] + row
    path = [int(spent.argmin())]
    for origin in reversed(came_from):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1], np.int64)
