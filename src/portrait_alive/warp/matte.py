"""How much of each pixel is the sitter's: GrabCut seeded by the head's geometry, refined along the picture's edges."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.tracking.matte import Matter
from portrait_alive.types import MESH_POINTS, Bytes, Float, SourceFace

WORK_SIDE_PX = 260
"""Longer side of the picture in which GrabCut works."""
_GRABCUT_ROUNDS = 4
_SURELY_BEHIND, _SURELY_SITTER = 0.97, 0.12
"""Shares of background from which, and up to which, the network is believed. It is the more so of the sitter: colours
alone took hair before a dark wall, turbans and shoulders for background, and what is cut off hangs in the air."""
_FINE_RADIUS = 6
"""Radius of a guided filter's window from whose double on it works in a smaller picture."""


def person_matte(
    pixels: Bytes,
    face: SourceFace,
    rigid: NDArray[np.int32],
    origin: tuple[float, float],
    face_height: float,
    matter: Matter | None = None,
) -> Float:
    """Opacity of head, hair, hat, neck and body over the background.

    Args:
        pixels: (H, W, 3) uint8 sRGB, the surroundings of the head.
        face: the face, in the whole picture's coordinates.
        rigid: indices of the points on skull and ears.
        origin: (x, y) of the first pixel's corner in the whole picture.
        face_height: height of the face mesh in pixels.
        matter: the matte network, whose opinion counts where it is sure.

    Returns:
        (H, W) float32 in [0, 1].
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, WORK_SIDE_PX / max(height, width))
    size = (max(int(width * scale), 8), max(int(height * scale), 8))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    points = (face.points - np.array([*origin, 0], np.float32)) * np.float32(scale)
    seeds = _seeds(points, rigid, face_height * scale, small.shape[:2])
    if matter is not None:
        _heed(seeds, matter.over_picture(small, points[:MESH_POINTS])[..., 0])
    cut = _grabcut(small, seeds)
    guide = small.astype(np.float32) / np.float32(255)
    radius = max(int(face_height * scale * 0.03), 2)
    coarse = guided_filter(guide, cut.astype(np.float32), radius, 1e-3)
    coarse = np.clip((coarse - 0.04) / 0.9, 0, 1).astype(np.float32)
    if scale >= 1.0:
        return cast(Float, coarse)
    enlarged = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    guide = pixels.astype(np.float32) / np.float32(255)
    refined = guided_filter(guide, enlarged, max(int(face_height * 0.02), 2), 3e-4)
    return cast(Float, np.clip((refined - 0.03) / 0.92, 0, 1).astype(np.float32))


def _seeds(points: Float, rigid: NDArray[np.int32], face_height: float, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """GrabCut's initial labels from what the head's geometry promises.

    In doubt a place counts as the sitter's: background that goes along with the hair looks better than hair that stays
    behind in the background.
    """
    mesh = points[:468, :2]
    head = np.concatenate([mesh, points[rigid, :2]])
    hull = cv2.convexHull(np.ascontiguousarray(head))[:, 0]
    middle = hull.mean(0)
    chin = points[topology.CHIN, :2]
    down = chin - points[topology.FOREHEAD, :2]
    down = down / max(float(np.linalg.norm(down)), 1e-6)
    aside = np.array([-down[1], down[0]])
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    below = (x - chin[0]) * down[0] + (y - chin[1]) * down[1]
    across = np.abs((x - chin[0]) * aside[0] + (y - chin[1]) * aside[1])
    half = float(np.abs((hull - chin) @ aside).max())

    seeds = np.full(shape, cv2.GC_PR_BGD, np.uint8)
    _fill(seeds, middle + (hull - middle) * 1.75, cv2.GC_PR_BGD, outside=cv2.GC_BGD)
    # shoulders: from the neck's width down to beyond the head's, then everything may be body
    shoulders = below > np.maximum(across - 0.55 * half, 0) * 0.55 - 0.1 * face_height
    seeds[(below > -0.1 * face_height) & (seeds == cv2.GC_BGD)] = cv2.GC_PR_BGD
    seeds[shoulders & (below > 0)] = cv2.GC_PR_FGD
    _fill(seeds, middle + (hull - middle) * 1.22, cv2.GC_PR_FGD)
    _fill(seeds, middle + (hull - middle) * 0.86, cv2.GC_FGD)
    face = cv2.convexHull(np.ascontiguousarray(mesh))[:, 0]
    _fill(seeds, face.mean(0) + (face - face.mean(0)) * 0.96, cv2.GC_FGD)
    neck = (below > -0.1 * face_height) & (below < 0.3 * face_height) & (across < 0.4 * half)
    seeds[neck] = cv2.GC_FGD
    seeds[(below >= 0.3 * face_height) & (across < 0.5 * half + 0.5 * (below - 0.3 * face_height))] = cv2.GC_FGD
    return seeds


def _heed(seeds: NDArray[np.uint8], background: Float) -> None:
    """Let the network's share of background (H, W) decide, in place, what the head's geometry leaves open.

    The network knows what a sitter looks like but has soft edges; GrabCut has sharp ones but knows colours alone.
    """
    seeds[(background > _SURELY_BEHIND) & (seeds != cv2.GC_FGD)] = cv2.GC_BGD
    seeds[(background < 0.5) & (seeds == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
    seeds[background < _SURELY_SITTER] = cv2.GC_FGD


def _fill(seeds: NDArray[np.uint8], outline: Float, label: int, *, outside: int | None = None) -> None:
    mask = np.zeros(seeds.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
    seeds[mask > 0] = label
    if outside is not None:
        seeds[mask == 0] = outside


def _grabcut(small: Bytes, seeds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    labels = seeds.copy()
    background, sitter = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(np.ascontiguousarray(small), labels, None, background, sitter, _GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    cut = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    cut = cv2.morphologyEx(cv2.morphologyEx(cut, cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel)
    return _without_islands(cut, seeds == cv2.GC_FGD)


def _without_islands(cut: NDArray[np.uint8], sure: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part connected with what is certain, with its holes closed."""
    _, parts = cv2.connectedComponents(cut)
    kept = np.isin(parts, np.unique(parts[sure & (cut > 0)])) & (cut > 0)
    _, holes = cv2.connectedComponents((~kept).astype(np.uint8))
    rim = np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))
    return kept | ~np.isin(holes, rim)


def guided_filter(guide: Float, values: Float, radius: int, epsilon: float) -> Float:
    """`values` smoothed so that they follow the edges of a colour guide (He, Sun and Tang 2013), by box filters.

    Where the window is wide, slopes and offsets are found in a smaller picture (He and Sun 2015): they are smooth.

    Args:
        guide: (H, W, 3) float32 in [0, 1].
        values: (H, W) float32.
        radius: half the window in pixels.
        epsilon: contrast (squared) below which the guide's edges are ignored.
    """
    height, width = values.shape
    reduction = max(radius // _FINE_RADIUS, 1)
    size = (max(width // reduction, 1), max(height // reduction, 1))
    small_guide, small_values = (
        (guide, values)
        if reduction == 1
        else (cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (guide, values))
    )
    lines = _local_lines(small_guide, small_values, max(round(radius / reduction), 1), np.float32(epsilon))
    if reduction > 1:
        lines = cv2.resize(lines, (width, height), interpolation=cv2.INTER_LINEAR)
    out = lines[..., 3].copy()
    for channel in range(3):
        out += lines[..., channel] * guide[..., channel]
    return out


def _local_lines(guide: Float, values: Float, radius: int, epsilon: np.float32) -> Float:
    """(H, W, 4) slopes and offset of the straight line that explains `values` by the guide around each pixel."""
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(image: Float) -> Float:
        return cast(Float, cv2.blur(image, window, borderType=cv2.BORDER_REFLECT))

    def spread(one: int, other: int) -> Float:
        product = mean(guide[..., one] * guide[..., other]) - mean_guide[..., one] * mean_guide[..., other]
        return product + epsilon if one == other else product

    mean_guide, mean_values = mean(guide), mean(values)
    x, y, z = (mean(guide[..., at] * values) - mean_guide[..., at] * mean_values for at in range(3))
    a, b, c, d, e, f = (spread(*at) for at in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))
    # the inverse of a symmetric 3x3 matrix, written out: a general solver takes ten times as long
    af, bf, cf, df, ef, ff = d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b
    determinant = np.maximum(a * af + b * bf + c * cf, epsilon**3 / 2)
    slopes = [af * x + bf * y + cf * z, bf * x + df * y + ef * z, cf * x + ef * y + ff * z]
    lines = np.dstack([slope / determinant for slope in slopes] + [mean_values])
    lines[..., 3] -= (lines[..., :3] * mean_guide).sum(-1)
    return mean(lines)
