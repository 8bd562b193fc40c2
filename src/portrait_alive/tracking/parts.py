"""Eyes, brows and mouth at their own resolution: placed anew in patches of the picture.

The whole face at 128 px leaves an eye some twenty pixels, too few for a blink or a glance. As in MediaPipe's attention
mesh (Grishchenko et al. 2020) the parts that move most are looked at again from near.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray

from portrait_alive.nets.load import load_net
from portrait_alive.nets.map_net import MapNet, MapNetConfig
from portrait_alive.nets.packed import quickened
from portrait_alive.nets.part_net import PartNet, PartNetConfig
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.following import BetweenFace, FollowedFace
from portrait_alive.tracking.similarity import Similarity
from portrait_alive.types import MESH_POINTS, Bytes, Float, Landmarks
from portrait_alive.weights import BROW, EYE, MOUTH, weight_path

_Net = TypeVar("_Net", PartNet, MapNet)
_WITH_LIP = 0.8
"""Share of the lower lip's movement between two looks that is the jaw's; the rest is the lip's own."""
_TOGETHER = 8
"""Patches that often go through a network together."""
_LAY_ASIDE = 0.025
"""Of the interocular distance: by so much lips are moved that lay aside in their patch. Seen whole they are nearer to
MediaPipe's (3.45 -> 2.96%, mean of 21 held-out pictures); eyes and brows are not."""
_LAY_FAR_ASIDE = 0.08
"""The same of eyes in a frame between two looks: through glasses, open ones were read as shut from so far aside."""
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
    mouth: MapNet
    carried: NDArray[np.float32]
    """(478, N) share of each placed point's shift that each mesh point takes on; N: the points of all parts."""
    jaw: NDArray[np.float32]
    """(478,) share of the lower lip's shift that each mesh point takes on in a frame between two looks."""
    device: torch.device

    @staticmethod
    def load(basis: ShapeBasis, device: torch.device) -> "PartRefiner":
        """The shipped networks."""

        def quick(net: _Net) -> _Net:
            size = net.config.size
            example = torch.zeros(_TOGETHER, 3, size, size, device=device).to(memory_format=torch.channels_last)
            return quickened(net, example)

        eye, brow = (
            quick(load_net(weight_path(name), "part-net-1", lambda c: PartNet(PartNetConfig(**c)), device))
            for name in (EYE, BROW)
        )
        mouth = quick(load_net(weight_path(MOUTH), "map-net-1", lambda c: MapNet(MapNetConfig(**c)), device))
        return PartRefiner(eye, brow, mouth, _carried(basis), _jaw(basis), device)

    def refine(self, pictures: Sequence[Bytes], faces: Sequence[Landmarks]) -> list[Landmarks]:
        """The faces with lids, irises, brows and lips placed anew; all patches of a kind go through together.

        Args:
            pictures: (H, W, 3) uint8 RGB, one for each face.
            faces: as the landmark network placed them.
        """
        if not faces:
            return []
        between = _between(faces)
        looked = [index for index in range(len(faces)) if index not in between]
        points = np.stack([face.points for face in faces])  # (F, 478, 3)
        placed = points[:, _PLACED, :2].copy()  # (F, N, 2)
        around = [FaceCrop.around_points(face, 1, margin=1.0) for face in points]
        every = range(len(faces))
        placed[:, _EYES] = self._sides(self.eye, RIGHT_EYE, LEFT_EYE, every, pictures, points, around)
        placed[looked, _BROWS] = self._sides(self.brow, RIGHT_BROW, LEFT_BROW, looked, pictures, points, around)
        far_off = []
        for index, neighbours in between.items():
            usual = (placed[neighbours] - points[neighbours][:, _PLACED, :2]).mean(0)
            before = points[index].copy()
            points[index] = _laid_on_eyes(before, placed[index, _EYES] - usual[_EYES])
            placed[index, _BROWS] = points[index][_PLACED, :2][_BROWS] + usual[_BROWS]
            around[index] = FaceCrop.around_points(points[index], 1, margin=1.0)
            if max(_laid_aside(before, points[index], eye) for eye in _EYE_ENDS) > _LAY_FAR_ASIDE:
                far_off.append(index)
        if far_off:
            placed[far_off, _EYES] = self._sides(self.eye, RIGHT_EYE, LEFT_EYE, far_off, pictures, points, around)
        patches = self._patches(self.mouth, LIPS, every, points, around)
        placed[:, _MOUTH] = self._looked(self.mouth, patches, pictures)[:, : len(LIPS.placed)]
        for index, neighbours in between.items():
            usual = (placed[neighbours] - points[neighbours][:, _PLACED, :2]).mean(0)
            opened = (placed[index] - points[index][_PLACED, :2] - usual)[_LOWER_LIP].mean(0)
            points[index, :, :2] += self.jaw[:, None] * opened
        points[:, :, :2] += self.carried @ (placed - points[:, _PLACED, :2])
        return [_finished(face, moved) for face, moved in zip(faces, points, strict=True)]

    def with_mouths_seen_whole(
        self, pictures: Sequence[Bytes], faces: Sequence[Landmarks], before: Sequence[Landmarks]
    ) -> list[Landmarks]:
        """Faces, of which those whose lips `refine` moved far have them placed once more, in patches about them."""
        settled = list(faces)
        lips = list(LIPS.placed)
        for index, (pixels, face, old) in enumerate(zip(pictures, faces, before, strict=True)):
            if _laid_aside(old.points, face.points, LIPS.anchors) < _LAY_ASIDE:
                continue
            found = self._looked(self.mouth, [LIPS.patch(face.points, self.mouth.config.size)], [pixels])[0]
            points = face.points.copy()
            points[:, :2] += self.carried[:, _MOUTH] @ (found[: len(lips)] - points[lips, :2])
            settled[index] = replace(face, points=points)
        return settled

    def _patches(
        self, net: PartNet | MapNet, part: Part, which: Sequence[int], points: Float, around: Sequence[FaceCrop]
    ) -> list[FaceCrop]:
        return [part.patch(points[index], net.config.size, around[index]) for index in which]

    def _sides(
        self,
        net: PartNet,
        right: Part,
        left: Part,
        which: Sequence[int],
        pictures: Sequence[Bytes],
        points: Float,
        around: Sequence[FaceCrop],
    ) -> Float:
        """Picture points (W, 2 N, 2) that a part of the right side moves, then one of the left, in one pass."""
        patches = [part for side in (right, left) for part in self._patches(net, side, which, points, around)]
        seen = [pictures[index] for index in which]
        both = self._looked(net, patches, [*seen, *seen], mirrored_from=len(which))[:, : len(right.placed)]
        return np.concatenate([both[: len(which)], both[len(which) :]], 1)

    def _looked(
        self,
        net: PartNet | MapNet,
        patches: Sequence[FaceCrop],
        pictures: Sequence[Bytes],
        mirrored_from: int | None = None,
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
_EYES: Final = slice(0, 2 * len(RIGHT_EYE.placed))
_BROWS: Final = slice(_EYES.stop, _EYES.stop + 2 * len(RIGHT_BROW.placed))
_MOUTH: Final = slice(_BROWS.stop, len(_PLACED))
_EYE_CORNERS: Final = [_PLACED.index(point) for point in topology.EYE_CORNERS]
"""Among the points of both eyes."""
_EYE_ENDS: Final = (topology.EYE_CORNERS[:2], topology.EYE_CORNERS[2:])
"""Mesh points, of either eye."""
_LOWER_LIP_POINTS: Final = (17, 84, 314, 181, 405, 14, 87, 317)
_LOWER_LIP: Final = [_PLACED.index(point) for point in _LOWER_LIP_POINTS]


def _between(faces: Sequence[Landmarks]) -> dict[int, list[int]]:
    """Which faces lie between two looks, and where among the faces these looks are, one of them at least."""
    place = {id(face): index for index, face in enumerate(faces)}
    neighbours = {
        index: [place[id(look)] for look in (face.before, face.after) if id(look) in place]
        for index, face in enumerate(faces)
        if isinstance(face, BetweenFace)
    }
    return {index: looks for index, looks in neighbours.items() if looks}


def _laid_aside(before: Float, after: Float, points: Sequence[int]) -> float:
    """How far the middle of some points of a mesh (478, 2 or more) went, over the interocular distance."""
    way = (after - before)[list(points), :2].mean(0)
    apart = float(np.linalg.norm(after[468, :2] - after[473, :2]))
    return float(np.linalg.norm(way)) / max(apart, 1e-6)


def _laid_on_eyes(points: Float, eyes: Float) -> Float:
    """A mesh (478, 3), shifted, turned and zoomed so that the corners of its eyes lie where they were seen.

    Args:
        eyes: (2 N, 2) points of both eyes in the order of `_PLACED`, less what the part network usually moves them.
    """
    corners = list(topology.EYE_CORNERS)
    return Similarity.between(points[corners, :2], eyes[_EYE_CORNERS])(points)


def _finished(face: Landmarks, points: Float) -> Landmarks:
    if isinstance(face, BetweenFace):  # lets go of the looks
        return FollowedFace(
            points, face.confidence, face.presence, path=face.path, looked=face.looked, boldness=face.boldness
        )
    return replace(face, points=points)


def _jaw(basis: ShapeBasis) -> Float:
    """How much of the lower lip's way each mesh point goes when the jaw opens."""
    opening = basis.expression[basis.expression_names.index("jawOpen"), :MESH_POINTS]
    lip = opening[list(_LOWER_LIP_POINTS)].mean(0)
    return cast(Float, (_WITH_LIP * np.clip(opening @ lip / (lip @ lip), 0.0, 1.2)).astype(np.float32))


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
