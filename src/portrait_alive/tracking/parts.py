"""Eyes, brows and mouth at their own resolution: placed anew in patches of the picture.

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
from portrait_alive.weights import BROW, EYE, MOUTH, weight_path

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
    gaps: tuple[tuple[int, int], ...]
    """Pairs of its points whose distance is what the part expresses: an opening, a raised brow."""
    only_seen: tuple[int, ...] = ()
    """Points that are found but not moved: another part places them better."""

    @property
    def placed(self) -> tuple[int, ...]:
        """The points that it moves."""
        return tuple(point for point in self.points if point not in self.only_seen)

    def patch(self, points: Float, size: int, face: FaceCrop | None = None) -> FaceCrop:
        """The patch around this part of a face with landmarks `points` (478, 2 or 3).

        Args:
            face: the crop without margin around the whole face, where it is known.
        """
        face = face or FaceCrop.around_points(points, size, margin=1.0)
        x, y = points[list(self.anchors), :2].mean(0).tolist()
        return FaceCrop((x, y), face.side * self.reach, face.angle, size)

    def mirrored(self) -> "Part":
        """The other side's part, seen as the mirror image of this one, in this one's order."""

        def other(points: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(topology.MIRROR[point] for point in points)

        gaps = tuple((topology.MIRROR[a], topology.MIRROR[b]) for a, b in self.gaps)
        return Part(other(self.points), other(self.anchors), self.reach, gaps, other(self.only_seen))


_CORNERS: Final = (33, 133)
RIGHT_EYE: Final = Part(
    topology.RIGHT_EYE + topology.RIGHT_IRIS,
    topology.RIGHT_EYE,
    0.34,
    tuple(zip(topology.RIGHT_EYE_UPPER[1:-1], topology.RIGHT_EYE_LOWER[1:-1], strict=True)),
)
LEFT_EYE: Final = RIGHT_EYE.mirrored()
RIGHT_BROW: Final = Part(
    topology.RIGHT_BROW + _CORNERS,
    topology.RIGHT_BROW + _CORNERS,
    0.48,
    tuple((point, corner) for point in topology.RIGHT_BROW for corner in _CORNERS),
    _CORNERS,
)
LEFT_BROW: Final = RIGHT_BROW.mirrored()
LIPS: Final = Part(
    topology.LIPS,
    topology.LIPS,
    0.64,
    tuple(zip(topology.UPPER_LIP_INNER[1:-1], topology.LOWER_LIP_INNER[1:-1], strict=True)),
)


@dataclass(frozen=True, eq=False)
class PartRefiner:
    """The part networks, and how the skin around the parts goes along."""

    eye: PartNet
    brow: PartNet
    mouth: PartNet
    carried: NDArray[np.float32]
    """(478, N) share of each placed point's shift that each mesh point takes on; N: the points of all parts."""
    device: torch.device

    @staticmethod
    def load(basis: ShapeBasis, device: torch.device) -> "PartRefiner":
        """The shipped networks."""

        def net(name: str) -> PartNet:
            return load_net(weight_path(name), "part-net-1", lambda c: PartNet(PartNetConfig(**c)), device)

        return PartRefiner(net(EYE), net(BROW), net(MOUTH), _carried(basis), device)

    def refine(self, pictures: Sequence[Bytes], faces: Sequence[Landmarks]) -> list[Landmarks]:
        """The faces with lids, irises, brows and lips placed anew; all patches of a kind go through together.

        Args:
            pictures: (H, W, 3) uint8 RGB, one for each face.
            faces: as the landmark network placed them.
        """
        if not faces:
            return []
        around = [FaceCrop.around_points(face.points, 1, margin=1.0) for face in faces]
        placed = np.concatenate(
            [
                *self._sides(self.eye, RIGHT_EYE, LEFT_EYE, pictures, faces, around),
                *self._sides(self.brow, RIGHT_BROW, LEFT_BROW, pictures, faces, around),
                self._looked(self.mouth, self._patches(self.mouth, LIPS, faces, around), pictures)[:, : len(_LIPS)],
            ],
            1,
        )  # (F, N, 2)
        refined = []
        for face, there in zip(faces, placed, strict=True):
            moved = face.points.copy()
            moved[:, :2] += self.carried @ (there - moved[_PLACED, :2])
            refined.append(replace(face, points=moved))
        return refined

    def _patches(
        self, net: PartNet, part: Part, faces: Sequence[Landmarks], around: Sequence[FaceCrop]
    ) -> list[FaceCrop]:
        return [part.patch(face.points, net.config.size, crop) for face, crop in zip(faces, around, strict=True)]

    def _sides(
        self,
        net: PartNet,
        right: Part,
        left: Part,
        pictures: Sequence[Bytes],
        faces: Sequence[Landmarks],
        around: Sequence[FaceCrop],
    ) -> tuple[Float, Float]:
        """Picture points (F, N, 2) that a part of the right side moves, and one of the left, in one pass."""
        patches = [*self._patches(net, right, faces, around), *self._patches(net, left, faces, around)]
        both = self._looked(net, patches, [*pictures, *pictures], mirrored_from=len(faces))[:, : len(right.placed)]
        return both[: len(faces)], both[len(faces) :]

    def _looked(
        self, net: PartNet, patches: Sequence[FaceCrop], pictures: Sequence[Bytes], mirrored_from: int | None = None
    ) -> Float:
        """Picture points (P, N, 2) of patches; those from `mirrored_from` on are seen as their mirror images."""
        cuts = np.stack([patch.cut(pixels) for patch, pixels in zip(patches, pictures, strict=True)])
        if mirrored_from is not None:
            cuts[mirrored_from:] = cuts[mirrored_from:, :, ::-1].copy()
        batch = torch.from_numpy(cuts).to(self.device).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            seen = net(batch.div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last))
        points = cast(Float, seen.cpu().numpy() * np.float32(net.config.size))
        if mirrored_from is not None:
            points[mirrored_from:, :, 0] = net.config.size - points[mirrored_from:, :, 0]
        return np.stack([patch.to_picture(placed) for patch, placed in zip(patches, points, strict=True)])


_PARTS: Final = (RIGHT_EYE, LEFT_EYE, RIGHT_BROW, LEFT_BROW, LIPS)
_PLACED: Final = [point for part in _PARTS for point in part.placed]
_LIPS: Final = LIPS.placed


def _carried(basis: ShapeBasis) -> Float:
    """Placed points take their own shift whole; the skin beside them a share that falls with distance."""
    mesh = basis.mean[:MESH_POINTS]
    squared = ((mesh[:, None] - mesh[None, _PLACED]) ** 2).sum(2)
    weights = np.exp(-squared / (2 * _CARRY_REACH**2))
    weights[:, [i for i, index in enumerate(_PLACED) if index >= 468]] = 0.0  # gaze moves no skin
    shares = weights / np.maximum(weights.sum(1, keepdims=True), 1.0)
    shares[_PLACED] = 0.0
    shares[_PLACED, range(len(_PLACED))] = 1.0
    return cast(Float, shares.astype(np.float32))
