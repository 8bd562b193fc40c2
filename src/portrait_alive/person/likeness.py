"""How alike faces look: enough to notice that pictures are hardly of one sitter, far from recognising anybody.

Eigenfaces (Turk & Pentland 1991) of rendered heads: what heads have in common and how they mostly differ by light, pose
and expression is taken out, the rest is compared. Measured in docs/person.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from safetensors import safe_open

from portrait_alive.errors import UnreadableInputError
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.types import Bytes, Float

CHIP_PX = 64
FORMAT = "likeness-1"
_FITTED = 468
_FACE_TALL = 0.9
"""Height of the average mesh over the chip's side."""
_COARSE_PX = 6.0
"""Radius beyond which differences of brightness count as light."""
_FAR = {2: 0.95, 3: 0.89, 4: 0.87}
"""Mean distance of so many pictures from which they are reported; `_FAR_MANY` for more."""
_FAR_MANY = 0.86


@dataclass(frozen=True, eq=False)
class Likeness:
    """Compares faces."""

    shape: Float
    """(468, 2) where the mesh lies in a chip."""
    mean: Float
    """(P,) of rendered heads' chips, within the face."""
    components: Float
    """(C, P) directions in which rendered heads differ most."""
    damping: Float
    """(C,) share that is left of each direction."""

    @staticmethod
    def load(path: Path, basis: ShapeBasis) -> "Likeness":
        """What `python -m portrait_alive.training.likeness` has written.

        Raises:
            UnreadableInputError: the file is damaged or of another kind.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                if (file.metadata() or {}).get("format") != FORMAT:
                    raise ValueError("it is of another kind")
                mean, components, damping = (
                    file.get_tensor(name).astype(np.float32) for name in ("mean", "components", "damping")
                )
        except Exception as error:
            raise UnreadableInputError(f"{path}: not usable weights ({error}); reinstall the package") from error
        return Likeness(chip_shape(basis), mean, components, damping)

    def code(self, pixels: Bytes, points: Float) -> Float:
        """(P,) of length 1: what is particular about a face.

        Args:
            pixels: (H, W, 3) uint8 sRGB in which the face is some 130 to 200 px high.
            points: (478, 2 or 3) its mesh in these pixels.
        """
        rest = chip(pixels, points, self.shape) - self.mean
        along = self.components @ rest
        rest = rest - (along * (1 - self.damping)) @ self.components
        return np.asarray(rest / max(float(np.linalg.norm(rest)), 1e-6), np.float32)


def chip_shape(basis: ShapeBasis) -> Float:
    """(468, 2) chip pixels of the average head's mesh."""
    mesh = basis.mean[:_FITTED, :2]
    scale = CHIP_PX * _FACE_TALL / float(np.ptp(mesh[:, 1]))
    return np.asarray((mesh - mesh.mean(0)) * scale + CHIP_PX / 2, np.float32)


def chip(pixels: Bytes, points: Float, shape: Float) -> Float:
    """(P,) the face brought to the average head's place, without colour, light and strength of contrast."""
    mesh = np.column_stack([points[:_FITTED, :2], np.ones(_FITTED)]).astype(np.float64)
    onto = np.linalg.lstsq(mesh, shape.astype(np.float64), rcond=None)[0].T
    grey = cv2.GaussianBlur(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), (0, 0), 0.8)
    placed = cv2.warpAffine(grey, onto, (CHIP_PX, CHIP_PX), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    fine = placed - cv2.GaussianBlur(placed, (0, 0), _COARSE_PX)
    even = fine / (np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), _COARSE_PX)) + 2)
    return np.asarray(even[_inside()], np.float32)


def mean_distances(codes: Sequence[Float]) -> Float:
    """(K,) mean of 1 - cosine between each face and the others; 0 is the same picture, strangers have about 0.94."""
    several = np.stack(codes)
    apart = 1 - several @ several.T
    return np.asarray(apart.sum(1) / max(len(codes) - 1, 1), np.float32)


def look_like_strangers(codes: Sequence[Float]) -> bool:
    """Whether pictures of one sitter are hardly ever so unlike each other."""
    return len(codes) > 1 and float(mean_distances(codes).mean()) > _FAR.get(len(codes), _FAR_MANY)


def _inside() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    y, x = np.mgrid[:CHIP_PX, :CHIP_PX] - CHIP_PX / 2
    return np.asarray((x / (0.42 * CHIP_PX)) ** 2 + (y / (0.47 * CHIP_PX)) ** 2 < 1)
