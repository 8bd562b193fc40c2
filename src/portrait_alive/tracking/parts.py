"""Eyes and mouth at their own resolution: lids, irises and lips placed anew in patches of the picture.

The whole face at 128 px leaves an eye some twenty pixels, too few for a blink or a glance. As in MediaPipe's attention
mesh (Grishchenko et al. 2020) the parts that move most are looked at again from near.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray

from portrait_alive.nets.load import load_net
from portrait_alive.nets.part_net import PartNet, PartNetConfig
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.types import MESH_POINTS, Bytes, Float, Landmarks
from portrait_alive.weights import EYE, MOUTH, weight_path

_CARRY_REACH = 0.45
"""Model units (about cm) over which the skin beside a part goes along with it."""


@dataclass(frozen=True)
class Part:
    """Which points a part network places, and the patch in which it sees them."""

    points: tuple[int, ...]
    anchors: tuple[int, ...]
    """Mesh points whose mean is the patch's centre."""
    reach: float
    """Side of the patch over the larger side of the upright face mesh."""

    def patch(self, points: Float, size: int) -> FaceCrop:
        """The patch around this part of a face with landmarks `points` (478, 2 or 3)."""
        face = FaceCrop.around_points(points, size, margin=1.0)
        x, y = points[list(self.anchors), :2].mean(0)
        return FaceCrop((float(x), float(y)), face.side * self.reach, face.angle, size)


RIGHT_EYE: Final = Part(topology.RIGHT_EYE + topology.RIGHT_IRIS, topology.RIGHT_EYE, 0.34)
LEFT_EYE: Final = Part(
    tuple(topology.MIRROR[index] for index in RIGHT_EYE.points),
    tuple(topology.MIRROR[index] for index in RIGHT_EYE.anchors),
    0.34,
)
"""The left eye is seen as the mirror image of a right one, in the right one's order."""
LIPS: Final = Part(topology.LIPS, topology.LIPS, 0.64)


@dataclass(frozen=True, eq=False)
class PartRefiner:
    """Both part networks, and how the skin around the parts goes along."""

    eye: PartNet
    mouth: PartNet
    carried: NDArray[np.float32]
    """(478, N) share of each placed point's shift that each mesh point takes on; N: right eye, left eye, lips."""
    device: torch.device

    @staticmethod
    def load(basis: ShapeBasis, device: torch.device) -> "PartRefiner":
        """The shipped networks."""

        def net(name: str) -> PartNet:
            return load_net(weight_path(name), "part-net-1", lambda c: PartNet(PartNetConfig(**c)), device)

        return PartRefiner(net(EYE), net(MOUTH), _carried(basis), device)

    def refine(self, pictures: Sequence[Bytes], faces: Sequence[Landmarks]) -> list[Landmarks]:
        """The faces with lids, irises and lips placed anew; all patches go through the networks together.

        Args:
            pictures: (H, W, 3) uint8 RGB, one for each face.
            faces: as the landmark network placed them.
        """
        if not faces:
            return []
        size, wide = self.eye.config.size, self.mouth.config.size
        rights = [RIGHT_EYE.patch(face.points, size) for face in faces]
        lefts = [LEFT_EYE.patch(face.points, size) for face in faces]
        mouths = [LIPS.patch(face.points, wide) for face in faces]
        right_cuts = [patch.cut(pixels) for patch, pixels in zip(rights, pictures, strict=True)]
        left_cuts = [patch.cut(pixels)[:, ::-1] for patch, pixels in zip(lefts, pictures, strict=True)]
        mouth_cuts = [patch.cut(pixels) for patch, pixels in zip(mouths, pictures, strict=True)]
        eyes = self._run(self.eye, np.stack(right_cuts + left_cuts))  # (2F, N, 2)
        lips = self._run(self.mouth, np.stack(mouth_cuts))
        eyes[len(faces) :] = eyes[len(faces) :] * np.array([-1, 1], np.float32) + np.array([size, 0], np.float32)
        refined = []
        for index, face in enumerate(faces):
            placed = np.concatenate(
                [
                    rights[index].to_picture(eyes[index]),
                    lefts[index].to_picture(eyes[len(faces) + index]),
                    mouths[index].to_picture(lips[index]),
                ]
            )
            points = face.points.copy()
            points[:, :2] += self.carried @ (placed - points[list(_PLACED), :2])
            refined.append(replace(face, points=points))
        return refined

    def _run(self, net: PartNet, patches: Bytes) -> Float:
        batch = torch.from_numpy(np.ascontiguousarray(patches)).to(self.device).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            found = net(batch.div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last))
        return cast(Float, found.cpu().numpy() * np.float32(net.config.size))


_PLACED: Final = RIGHT_EYE.points + LEFT_EYE.points + LIPS.points


def _carried(basis: ShapeBasis) -> Float:
    """Placed points take their own shift whole; the skin beside them a share that falls with distance."""
    mesh = basis.mean[:MESH_POINTS]
    squared = ((mesh[:, None] - mesh[None, list(_PLACED)]) ** 2).sum(2)
    weights = np.exp(-squared / (2 * _CARRY_REACH**2))
    weights[:, [i for i, index in enumerate(_PLACED) if index >= 468]] = 0.0  # gaze moves no skin
    shares = weights / np.maximum(weights.sum(1, keepdims=True), 1.0)
    shares[list(_PLACED)] = 0.0
    shares[list(_PLACED), range(len(_PLACED))] = 1.0
    return cast(Float, shares.astype(np.float32))
