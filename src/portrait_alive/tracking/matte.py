"""The learned matte: what in a picture is the sitter's head, body, something in front, and background."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from portrait_alive.nets.load import load_net
from portrait_alive.nets.matte_net import CLASSES, INPUT_CHANNELS, MatteNet, MatteNetConfig
from portrait_alive.nets.packed import quickened
from portrait_alive.shape import topology
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.types import Bytes, Float
from portrait_alive.weights import MATTE, weight_path

_CERTAIN = 0.5
"""Share from which a pixel counts as something in front."""


@dataclass(frozen=True, eq=False)
class Matte:
    """Shares of each pixel of the square around one head."""

    shares: Float
    """(S, S, 4) in [0, 1], adding up to 1, in the order of `CLASSES`."""
    crop: FaceCrop
    """Where the square lies in the picture; it is not rotated."""


@dataclass(frozen=True, eq=False)
class Matter:
    """The shipped matte network."""

    net: MatteNet
    device: torch.device

    @staticmethod
    def load(device: str | torch.device = "cpu") -> "Matter":
        """The network with its shipped weights."""
        place = torch.device(device)
        net = load_net(weight_path(MATTE), "matte-net-1", lambda c: MatteNet(MatteNetConfig(**c)), place)
        size = net.config.size
        example = torch.zeros(1, INPUT_CHANNELS, size, size, device=place).to(memory_format=torch.channels_last)
        return Matter(quickened(net, example), place)

    def matte(self, pixels: Bytes, points: Float) -> Matte:
        """The matte around the face with landmarks `points` (478, 2 or 3) in a picture (H, W, 3) uint8 RGB."""
        config = self.net.config
        crop = head_crop(points, config.size, config.margin)
        seen = matte_input(crop.cut(pixels), crop.to_crop(points))
        batch = torch.from_numpy(seen).to(self.device).permute(2, 0, 1)[None]
        with torch.inference_mode():
            logits = self.net(batch.contiguous(memory_format=torch.channels_last))
        return Matte(torch.softmax(logits[0], 0).permute(1, 2, 0).cpu().numpy(), crop)

    def covered(self, pixels: Bytes, points: Float) -> float:
        """Share of a face, in [0, 1], that a hand or another thing stands before; arguments as in `matte`."""
        found = self.matte(pixels, points)
        oval = found.crop.to_crop(points)[list(topology.FACE_OVAL), :2]
        face = np.zeros(found.shares.shape[:2], np.uint8)
        cv2.fillConvexPoly(face, np.round(cv2.convexHull(oval)).astype(np.int32), 1)
        before = found.shares[..., CLASSES.index("occluder")] > _CERTAIN
        return float((before & (face > 0)).sum() / max(int(face.sum()), 1))

    def over_picture(self, pixels: Bytes, points: Float) -> Float:
        """(H, W, 4) shares over the whole picture; beyond the square around the head, what its edge says."""
        found = self.matte(pixels, points)
        scale = np.float32(found.crop.size / found.crop.side)
        corner = found.crop.to_picture_matrix[:, 2]
        # cv2 puts pixel centres at whole numbers
        to_crop = np.column_stack([np.eye(2, dtype=np.float32) * scale, (0.5 - corner) * scale - 0.5])
        size = (pixels.shape[1], pixels.shape[0])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        placed = cv2.warpAffine(found.shares, to_crop, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return cast(Float, placed)


def head_crop(points: Float, size: int, margin: float) -> FaceCrop:
    """The upright square around the head with these landmarks: the face a little above its middle."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    middle, extent = (low + high) / 2, float((high - low).max())
    return FaceCrop((float(middle[0]), float(middle[1])), extent * margin, 0.0, size)


def matte_input(cut: Bytes, points: Float) -> NDArray[np.float32]:
    """What the network sees, (S, S, 5): RGB in [-1, 1], the mesh's mask, the distance from it in face heights.

    Args:
        cut: (S, S, 3) uint8 RGB.
        points: (478, 2 or 3) landmarks in its pixels.
    """
    oval = points[list(topology.FACE_OVAL), :2]
    mask = np.zeros(cut.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(oval * 16 - 8).astype(np.int32)], 255, cv2.LINE_AA, 4)
    height = max(float(np.ptp(oval[:, 1])), 1.0)
    distance = cast(Float, cv2.distanceTransform(255 - mask, cv2.DIST_L2, 3)) / height
    colour = cut.astype(np.float32) / 127.5 - 1
    return np.dstack([colour, mask.astype(np.float32) / 255, np.minimum(distance, 2.0)]).astype(np.float32)
