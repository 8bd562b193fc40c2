"""Do two pictures show the same scene, and where does a place in the one lie in the other? Told by what is no sitter.

Frames of one camera differ by a shift (a crop that follows the head), a little zoom and turn, and in exposure; an
affine map and a gain say all of that. Pictures of other scenes find no map under which their surroundings agree.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float

WORK_PX = 256
"""Longer side of the pictures that are compared."""
_COARSE_PX = 64
_FARTHEST = 0.3
"""Shift that is looked for, over the longer side."""
_LEAST_OVERLAP = 0.35
"""Share of the smaller background that has to be seen in both."""
_LEAST_SEEN = 0.03
"""Share of the picture that has to be background in both, for anything to be said."""
_ROUNDS = 12
_OUTLIER = 12.0
"""8-bit steps at which a difference counts half in the alignment."""
_DAMPING = 0.02 * np.array([1, 30, 30, 1, 30, 30, 0.001, 30])
"""Of shifts, of zoom and shear, and of exposure: without structure nothing is to move."""
AGREES_WITHIN = 14.0
"""8-bit steps within which two pixels agree, exposure evened out."""
_LEAST_AGREEING = 0.85
"""Share of the common background that has to agree."""
_PLAIN = 1.0
"""Spread, in 8-bit steps, of a background without structure: every map agrees on it, and it can be filled in."""
_LEAST_ALIKE = 0.75
"""Correlation of the structures that there are."""
_MOST_STRETCH = 0.15
"""Farthest from a mere shift that a map of one camera's frames is: zoom, turn and shear."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture's surroundings, reduced."""

    colours: Float
    """(h, w, 3) 8-bit steps."""
    known: Float
    """(h, w) in [0, 1]: 1 where there is background."""
    factor: float
    """Reduced over full size."""

    @staticmethod
    def of(pixels: Bytes, background: Float, factor: float) -> "Scene":
        """Reduce a picture (H, W, 3) with its share of background (H, W) in [0, 1]."""
        height, width = pixels.shape[:2]
        size = (max(round(width * factor), 8), max(round(height * factor), 8))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        return Scene(cv2.GaussianBlur(small, (0, 0), 0.8), _reduced(background, size), factor)

    def at(self, longer_px: int) -> "Scene":
        """Reduced further."""
        height, width = self.known.shape
        factor = min(1.0, longer_px / max(height, width))
        size = (max(round(width * factor), 4), max(round(height * factor), 4))
        colours = cv2.resize(self.colours, size, interpolation=cv2.INTER_AREA)
        return Scene(colours, _reduced(self.known, size), factor)


def map_between(canvas: Scene, other: Scene) -> NDArray[np.float64] | None:
    """(2, 3) affine map from the canvas's reduced pixels to the other's; None where they do not show the same scene.

    OpenCV's pixel centres, at whole numbers, hold on both sides.
    """
    if min(float(canvas.known.mean()), float(other.known.mean())) < _LEAST_SEEN:
        return None
    for start in (np.zeros(2), coarse_shift(canvas, other)):
        onto = np.column_stack([np.eye(2), start])
        for longer in (WORK_PX // 4, WORK_PX // 2, WORK_PX):
            less = canvas.at(longer)
            factor = max(less.known.shape) / max(canvas.known.shape)
            onto = enlarged(_refined(less, other.at(longer), enlarged(onto, factor)), 1 / factor)
        if agreement(canvas, other, onto) >= _LEAST_AGREEING:
            return onto
    return None


def coarse_shift(canvas: Scene, other: Scene) -> NDArray[np.float64]:
    """(2,) x, y by which the other's background lies off the canvas's: best masked correlation (Padfield 2012)."""
    one, two = canvas.at(_COARSE_PX), other.at(_COARSE_PX)
    (a, in_a), (b, in_b) = ((each.colours @ LUMA, each.known) for each in (one, two))
    shape = tuple(cv2.getOptimalDFTSize(m + n) for m, n in zip(a.shape, b.shape, strict=True))

    def spectrum(plane: Float) -> NDArray[np.complex128]:
        return np.fft.rfft2(plane, shape)

    def correlated(first: NDArray[np.complex128], second: NDArray[np.complex128]) -> NDArray[np.float64]:
        return np.fft.irfft2(np.conj(first) * second, shape)

    ones_a, ones_b = spectrum(in_a), spectrum(in_b)
    sum_a, sum_b = spectrum(a * in_a), spectrum(b * in_b)
    count = np.maximum(correlated(ones_a, ones_b), 1e-6)
    mean_a, mean_b = correlated(sum_a, ones_b), correlated(ones_a, sum_b)
    both = correlated(sum_a, sum_b) - mean_a * mean_b / count
    spread_a = correlated(spectrum(a * a * in_a), ones_b) - mean_a**2 / count
    spread_b = correlated(ones_a, spectrum(b * b * in_b)) - mean_b**2 / count
    alike = both / np.sqrt(np.maximum(spread_a, _PLAIN**2 * count) * np.maximum(spread_b, _PLAIN**2 * count))
    rows, columns = (np.fft.fftfreq(length, 1 / length) for length in shape)
    far = np.maximum(np.abs(rows)[:, None], np.abs(columns)[None]) > _FARTHEST * max(a.shape)
    few = count < _LEAST_OVERLAP * min(float(in_a.sum()), float(in_b.sum()))
    alike[far | few] = -1
    row, column = np.unravel_index(int(alike.argmax()), alike.shape)
    found = np.array([columns[column], rows[row]], np.float64)
    return found * np.float64(max(canvas.known.shape) / max(a.shape))


def agreement(canvas: Scene, other: Scene, onto: NDArray[np.float64]) -> float:
    """Share of the common background, in [0, 1], that agrees under a map; 0 where that says nothing."""
    if np.abs(onto[:, :2] - np.eye(2)).max() > _MOST_STRETCH:
        return 0.0
    brought, both = brought_to(canvas, other, onto)
    common = float(both.sum())
    if common < max(_LEAST_SEEN * both.size, _LEAST_OVERLAP * min(float(canvas.known.sum()), float(other.known.sum()))):
        return 0.0
    own, lent = canvas.colours @ LUMA, brought @ LUMA
    fine_own, fine_lent = (plane - _local_mean(plane, both) for plane in (own, lent))
    spread_own, spread_lent = (float((plane**2 * both).sum() / common) for plane in (fine_own, fine_lent))
    alike = float((fine_own * fine_lent * both).sum() / common)
    if min(spread_own, spread_lent) < _PLAIN**2 or alike < _LEAST_ALIKE * np.sqrt(spread_own * spread_lent):
        return 0.0
    return float((both * (difference(canvas.colours, brought, both) < AGREES_WITHIN)).sum() / common)


def difference(own: Float, brought: Float, both: Float) -> Float:
    """(h, w) largest difference of a channel, in 8-bit steps, after one gain a channel, found where `both` is 1."""
    weight = both[..., None]
    gain = (own * weight).sum((0, 1)) / np.maximum((brought * weight).sum((0, 1)), 1e-3)
    return cast(Float, np.abs(own - brought * np.clip(gain, 0.5, 2.0).astype(np.float32)).max(-1))


def brought_to(canvas: Scene, other: Scene, onto: NDArray[np.float64]) -> tuple[Float, Float]:
    """The other's colours (h, w, 3) as the canvas frames them, and (h, w) where both show background."""
    size = (canvas.known.shape[1], canvas.known.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    brought = cv2.warpAffine(other.colours, onto, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpAffine(other.known, onto, size, flags=flags, borderValue=0)
    return cast(Float, brought), cast(Float, np.where(there > 0.99, canvas.known, 0).astype(np.float32))


def _refined(canvas: Scene, other: Scene, onto: NDArray[np.float64]) -> NDArray[np.float64]:
    """A better map, by Gauss-Newton on lightness (Lucas and Kanade 1981), outliers weighing less."""
    own = canvas.colours @ LUMA
    height, width = own.shape
    x, y = np.meshgrid(np.arange(width) / width - 0.5, np.arange(height) / height - 0.5)
    for _ in range(_ROUNDS):
        colours, both = brought_to(canvas, other, onto)
        if both.sum() < 16:
            break
        lent = colours @ LUMA
        gx, gy = (cv2.Sobel(lent, cv2.CV_32F, dx, dy, scale=1 / 8) for dx, dy in ((1, 0), (0, 1)))
        rest = own - lent - float(((own - lent) * both).sum() / both.sum())
        weight = both / (1 + (rest / _OUTLIER) ** 2)
        # how far off each place looks: six numbers of an affine map, then exposure
        slopes = np.stack([gx, gx * x, gx * y, gy, gy * x, gy * y, np.ones_like(gx), lent / 64], -1)
        slopes = slopes.reshape(-1, 8).astype(np.float64)
        seen = weight.reshape(-1, 1)
        normal = slopes.T @ (slopes * seen)
        normal[np.diag_indices(8)] += _DAMPING * float(weight.sum()) + 1e-6
        step = np.linalg.solve(normal, (slopes * seen).T @ rest.reshape(-1))[:6].reshape(2, 3)
        linear = step[:, 1:] / (width, height)
        off = step[:, 0] - linear @ ((width - 1) / 2, (height - 1) / 2)
        onto = np.column_stack([onto[:, :2] @ (np.eye(2) + linear), onto[:, :2] @ off + onto[:, 2]])
        if float(np.abs(step).max()) < 0.01:
            break
    return onto


def enlarged(onto: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """A map between two pictures as it is between the same pictures with sides `factor` times as long."""
    shift = factor * onto[:, 2] + (1 - factor) / 2 * (onto[:, :2].sum(1) - 1)
    return np.column_stack([onto[:, :2], shift])


def _local_mean(plane: Float, weight: Float) -> Float:
    sigma = max(plane.shape) / 16
    total = cv2.GaussianBlur(weight, (0, 0), sigma)
    return cast(Float, cv2.GaussianBlur(plane * weight, (0, 0), sigma) / np.maximum(total, 1e-3))


def _reduced(known: Float, size: tuple[int, int]) -> Float:
    """Reduced to a size (width, height): 1 only where all of it is known."""
    return cast(Float, (cv2.resize(known, size, interpolation=cv2.INTER_AREA) > 0.97).astype(np.float32))
