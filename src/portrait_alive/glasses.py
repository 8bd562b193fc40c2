"""Does the sitter wear glasses? Looks for what every pair has: a line across the nose, and rims under the eyes.

A line is a stretch of a profile that is darker or brighter than both its sides (black hat, top hat). What is measured
is compared with the contrast of the face itself, so that a pale scan counts as much as a stark one. Heavy and metal
frames are seen; rimless and very thin ones are not. On 77 portraits and clips: 6 of 9 pairs found, none where there is
none (the nearest has 0.12, the faintest pair found 0.21).
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape.topology import EYE_CORNERS
from portrait_alive.types import Bytes, Float, Landmarks

LEAST_EVIDENCE: Final = 0.17
_EYES_PX: Final = 160
"""Distance of the outer eye corners in the upright crop that is looked at."""
_CROP_PX: Final = (340, 255)
_CENTRE_PX: Final = (170, 105)
"""Where the middle of the eyes lies in the crop."""
_BRIDGE_LINE_PX, _RIM_LINE_PX = 13, 9
"""Thickest line across the nose, and of a rim."""
_DARK: Final = 0.45
"""Lightness about the eyes, over that of the skin, of dark glasses at most. Of 80 pictures the darkest eyes have 0.67;
glass that lets 7% of the light through has 0.3."""
_DIM: Final = 40.0
"""Lightness up to which skin is too dim to tell by."""
_ABOUT_EYE: Final = (0.75, 0.5)
"""Half axes, in eye widths, of what is looked at about an eye."""
LEAST_EYE_PX: Final = 43.0
"""Width of an eye in the crop at least: far eyes are foreshortened."""
_SKIN: Final = (50, 280, 205, 425, 151, 9, 108, 337)
"""Mesh points on cheeks and forehead."""
_SLACK: Final = np.ones((7, 1), np.uint8)
"""A line may lie a few pixels higher or lower from strip to strip."""


def wears_glasses(pixels: Bytes, face: Landmarks) -> bool:
    """Whether a face clearly wears glasses."""
    return UprightEyes.of(pixels, face).show_glasses


def evidence_of_glasses(pixels: Bytes, face: Landmarks) -> float:
    """Strength of the line across the nose times that of the clearer rim, both over the face's own contrast.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        face: as tracked in it.
    """
    return UprightEyes.of(pixels, face).evidence


@dataclass(frozen=True, eq=False)
class UprightEyes:
    """A face's surroundings of the eyes, turned upright, the outer corners 160 pixels apart."""

    lightness: Float
    """(255, 340) 0..255, hardly blurred."""
    points: Float
    """(N, 2) the face's points in it."""
    turn: NDArray[np.float64]
    """(2, 2) from picture pixels to its own."""
    shift: NDArray[np.float64]
    """(2,)."""

    @staticmethod
    def of(pixels: Bytes, face: Landmarks) -> "UprightEyes":
        """Those of a face in a picture (H, W, 3) uint8 sRGB."""
        points = face.points[:, :2]
        right, left = points[EYE_CORNERS[0]], points[EYE_CORNERS[3]]
        across = left - right
        scale = _EYES_PX / max(float(np.linalg.norm(across)), 1e-3)
        angle = float(np.arctan2(across[1], across[0]))
        turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        shift = np.array(_CENTRE_PX) - turn @ ((right + left) / 2)
        # only the part that is looked at is blurred: the crop's corners say which
        width, height = _CROP_PX
        seen = np.linalg.solve(turn, (np.array([(0, 0), (width, 0), (0, height), (width, height)]) - shift).T).T
        low = np.clip(np.floor(seen.min(0)) - 2, 0, np.array(pixels.shape[1::-1]) - 1).astype(int)
        high = np.maximum(np.ceil(seen.max(0)).astype(int) + 2, low + 1)
        part = np.ascontiguousarray(pixels[low[1] : high[1], low[0] : high[0]])
        if scale < 1:
            part = cv2.GaussianBlur(part, (0, 0), 0.5 / scale)
        to_crop = np.column_stack([turn, turn @ low + shift])
        crop = cv2.warpAffine(part, to_crop, _CROP_PX, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        lightness = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32)
        placed = (points @ turn.T + shift).astype(np.float32)
        return UprightEyes(cv2.GaussianBlur(lightness, (0, 0), 1.0), placed, turn, shift)

    def to_picture(self, places: Float) -> Float:
        """Its places (N, 2) in picture pixels."""
        return np.asarray(np.linalg.solve(self.turn, (places - self.shift).T).T, np.float32)

    @property
    def corners(self) -> tuple[Float, Float]:
        """(2, 2) each: corners of the right eye and of the left one."""
        corners = self.points[list(EYE_CORNERS)]
        return corners[:2], corners[2:]

    @property
    def show_glasses(self) -> bool:
        """Whether there clearly are glasses."""
        return self.evidence > LEAST_EVIDENCE or self.are_hidden

    @property
    def evidence(self) -> float:
        """See `evidence_of_glasses`."""
        contrast = max(float(self.lightness[75:215, 100:240].std()), 4.0)
        right, left = self.corners
        bridge = _strongest_line(_across_nose(self.lightness, right[1], left[0]), _BRIDGE_LINE_PX, share=0.75)
        rims = [
            _strongest_line(_under_eye(self.lightness, outer, inner), _RIM_LINE_PX, share=0.7)
            for outer, inner in (right, left)
        ]
        return bridge / contrast * (max(rims) / contrast)

    @property
    def are_hidden(self) -> bool:
        """Whether no eye is seen through the glasses: what is light about an eye, lids and skin, is not there."""
        at = self.points[list(_SKIN)][None]
        even = cv2.blur(self.lightness, (9, 9))
        skin = float(np.median(cv2.remap(even, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)))
        if skin <= _DIM:
            return False
        y, x = np.indices(self.lightness.shape)
        found = 0.0
        for one, other in self.corners:
            centre, width = (one + other) / 2, max(float(np.linalg.norm(other - one)), LEAST_EYE_PX)
            away = np.hypot((x - centre[0]) / (_ABOUT_EYE[0] * width), (y - centre[1]) / (_ABOUT_EYE[1] * width))
            found = max(found, float(np.percentile(self.lightness[away < 1], 80)))
        return found / skin < _DARK


def _across_nose(lightness: Float, one: Float, other: Float) -> Float:
    """(62, 9) profiles from above to below the eyes, side by side between the inner eye corners."""
    centre, width = (one + other) / 2, float(np.linalg.norm(other - one))
    x = np.linspace(centre[0] - 0.28 * width, centre[0] + 0.28 * width, 9, dtype=np.float32)
    y = np.arange(-32, 30, dtype=np.float32) + centre[1]
    return _sampled(lightness, np.broadcast_to(x, (len(y), 9)), np.broadcast_to(y[:, None], (len(y), 9)))


def _under_eye(lightness: Float, one: Float, other: Float) -> Float:
    """(40, 15) profiles from an eye downwards and outwards, like spokes."""
    centre, reach = (one + other) / 2, float(np.linalg.norm(other - one)) / 2
    angle = np.radians(np.linspace(35, 145, 15, dtype=np.float32))
    radius = reach * np.linspace(1.0, 2.6, 40, dtype=np.float32)[:, None]
    return _sampled(lightness, centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle))


def _strongest_line(profiles: Float, thickness: int, *, share: float) -> float:
    """Grey levels by which a line departs from both its sides, in at least `share` of the profiles (n, strips)."""
    kernel = np.ones((thickness, 1), np.uint8)
    found = 0.0
    for kind in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT):
        departs = cv2.dilate(cv2.morphologyEx(profiles, kind, kernel), _SLACK)
        found = max(found, float(np.percentile(departs, 100 * (1 - share), axis=1)[4:-4].max()))
    return found


def _sampled(lightness: Float, x: Float, y: Float) -> Float:
    x, y = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)
    out: Float = cv2.remap(lightness, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out
