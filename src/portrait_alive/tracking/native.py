"""The tracker that ships with the package: a detector, a landmark network, and part networks for eyes and mouth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch

from portrait_alive.nets.landmark_net import LandmarkNet, LandmarkNetConfig
from portrait_alive.nets.load import load_net
from portrait_alive.nets.packed import quickened
from portrait_alive.shape import topology
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.detector import Detector
from portrait_alive.tracking.following import AHEAD, FaceFollower
from portrait_alive.tracking.nearest_head import drawn_to_nearest_head
from portrait_alive.tracking.parts import PartRefiner
from portrait_alive.types import Box, Bytes, Landmarks
from portrait_alive.weights import SHAPE_BASIS, TRACKER, weight_path

PRESENT = 0.5
"""Presence from which a crop counts as a face."""
CERTAIN = 0.88
"""Mean confidence of a face that is detected; what only resembles one often stays below. Of 243 true faces, at rolls
up to 40 degrees, the least sure has 0.90; with 0.8, five of 1,000 crops without a face passed for one, now one."""
SETTLED = 0.04
"""Mean distance (over the interocular distance) by which another look may still move a detected face's points: on a
face the looks agree, on anything else the mesh wanders."""
EVIDENCE = 0.46
UNREST_WEIGHT = 4.0
"""What has to be left of the detector's score once that movement, so weighted, is taken off. Some texture fools either,
little fools both: of 49 true faces the weakest had 0.51, of 33 false ones the third strongest 0.43."""
_LOOKS = ((0.62, math.inf), (0.75, 0.3), (CERTAIN, 0.12), (CERTAIN, SETTLED))
"""The looks at a candidate: how sure it has to be, and how far it may have moved since the last look, to be worth
another. Of 195 true faces, at rolls up to 40 degrees, the least sure had 0.69 at the first look, and the farthest
moves were 0.17 and 0.07 (with the landmark network before this one, which was less sure)."""
_BESIDE = 0.15
"""By how much less sure than the surest candidate of a picture another may be at the first look."""
_AGREED = 0.012
"""By so little the looks agree already, and no more are needed."""
_BEYOND_DOUBT = 0.1
"""So much more evidence than it needs makes a face of a candidate before its looks agree: after two looks the points
are as near to the truth as after four."""
_ROLLED = 2
"""Best candidates that are looked at lying and upside down as well, where none is an upright face."""
_ROLLS = (0.0, math.pi / 2, -math.pi / 2, math.pi)
_LYING_DOUBT = 0.06
"""By how much a face that lies or stands on its head has to be surer than an upright one in the same place."""
_SIDES = (256, 512, 1024, 2048)
"""Sizes at which a picture is searched: the first alone where it shows one large face, else the first two, the others
until a face is found."""
_LARGE = 0.15
"""Share of the picture's longer side from which a face is large. Of 32 faces beside one such, 31 are found at 256 px,
all at 512, which would double the time."""
_MIRROR: Final = list(topology.MIRROR)


@dataclass(frozen=True, eq=False)
class NativeTracker:
    """Detects at low resolution, then places the landmarks in two or three looks, each from a better crop."""

    net: LandmarkNet
    detector: Detector
    parts: PartRefiner
    fitter: HeadFitter
    device: torch.device
    name: str = "native"

    @staticmethod
    def load(device: str | torch.device = "cpu") -> "NativeTracker":
        """The shipped networks."""
        place = torch.device(device)
        net = load_net(weight_path(TRACKER), "landmark-net-2", lambda c: LandmarkNet(LandmarkNetConfig(**c)), place)
        size = net.config.crop_size
        example = torch.zeros(AHEAD, 3, size, size, device=place).to(memory_format=torch.channels_last)
        basis = load_basis(weight_path(SHAPE_BASIS))
        parts = PartRefiner.load(basis, place)
        return NativeTracker(quickened(net, example), Detector.load(place), parts, HeadFitter.of(basis), place)

    def detect(self, pixels: Bytes) -> list[Landmarks]:
        """Every face in a picture, from left to right, seen in the mirror as well."""
        return self._finished(pixels, _from_left_to_right(self._find(pixels, in_mirror=True)))

    def find(self, pixels: Bytes, known: Sequence[Landmarks] = ()) -> list[Landmarks]:
        """Every face of a picture as a clip's first frame shows it, to be finished by `finish`; not seen in the mirror.

        `known` faces are not looked for, and are among those returned.
        """
        return _from_left_to_right(self._find(pixels, known))

    def finish(self, pictures: Sequence[Bytes], faces: Sequence[Landmarks]) -> list[Landmarks]:
        """Faces, one of each picture, with eyes, brows and mouth placed anew from near."""
        return self.parts.refine(pictures, faces)

    def refine(self, pixels: Bytes, around: Box) -> Landmarks | None:
        """The face in or near a box, at any roll; None where there is none."""
        size = self.net.config.crop_size
        crops = [FaceCrop.around_box(around, size, angle=roll) for roll in _ROLLS]
        surest = sorted(
            self._settled(crops, [1.0] * len(crops), pixels), key=lambda face: -float(face.confidence.mean())
        )[:1]
        return next(iter(self._finished(pixels, surest)), None)

    def follow(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        """One face through consecutive frames; looked for in the whole frame where it was lost."""
        followed = self.keep_up(frames, last)
        seen = [index for index, face in enumerate(followed) if face is not None]
        known = [face for face in followed if face is not None]
        for index, face in zip(seen, self.finish([frames[index] for index in seen], known), strict=True):
            followed[index] = face
        return followed

    def keep_up(self, frames: Sequence[Bytes], last: Landmarks | None) -> list[Landmarks | None]:
        """`follow` without its last step, `finish`."""
        follower = FaceFollower(self._run, self._largest, self.net.config.crop_size)
        return follower.keep_up(frames, last)

    def _finished(self, pixels: Bytes, faces: Sequence[Landmarks]) -> list[Landmarks]:
        """Faces of one picture: parts placed anew, mouths that lay aside seen whole, points drawn to heads."""
        pictures = [pixels] * len(faces)
        finished = self.parts.with_mouths_seen_whole(pictures, self.finish(pictures, faces), faces)
        return [drawn_to_nearest_head(face, self.fitter) for face in finished]

    def _largest(self, pixels: Bytes) -> Landmarks | None:
        return max(self._find(pixels), key=lambda found: found.box.area, default=None)

    def _find(self, pixels: Bytes, known: Sequence[Landmarks] = (), *, in_mirror: bool = False) -> list[Landmarks]:
        """Every face of a picture, in no order, before its parts are placed anew; `in_mirror` as in `_settled`."""
        found = list(known)
        for index, side in enumerate(_SIDES):
            longest = max(pixels.shape[:2])
            if (found and index > 1) or (index > 0 and side / 2 >= longest):
                break
            if index > 0 and len(found) == 1 and max(found[0].box.width, found[0].box.height) >= _LARGE * longest:
                break
            candidates = [
                candidate
                for candidate in self.detector.candidates(pixels, side=side, threshold=EVIDENCE)
                if not any(_holds(face, candidate.centre) for face in found)
            ]
            crops = [candidate.crop(self.net.config.crop_size) for candidate in candidates]
            scores = [candidate.score for candidate in candidates]
            found += self._settled(crops, scores, pixels, in_mirror=in_mirror)
            if index == 0 and not found:  # the detector is unsure of the roll of faces that lie or stand on their head
                best = [pair for pair in zip(crops[:_ROLLED], scores[:_ROLLED], strict=True) for _ in _ROLLS[1:]]
                rolled = [
                    replace(crop, angle=crop.angle + roll)
                    for (crop, _), roll in zip(best, _ROLLS[1:] * _ROLLED, strict=False)
                ]
                found += self._settled(rolled, [score for _, score in best], pixels, in_mirror=in_mirror)
        return _distinct(found)

    def _around(self, face: Landmarks) -> FaceCrop:
        return FaceCrop.around_points(face.points, self.net.config.crop_size)

    def _settled(
        self, crops: Sequence[FaceCrop], scores: Sequence[float], pixels: Bytes, *, in_mirror: bool = False
    ) -> list[Landmarks]:
        """Faces among the crops, each looked at again from a better crop until the looks agree.

        Args:
            crops: where to look first.
            scores: the detector's opinion of each.
            pixels: the picture.
            in_mirror: the points are the mean of the last look and of one at the mirror image of its crop.
        """
        settled: list[Landmarks] = []
        hopeful: list[tuple[Landmarks | None, FaceCrop, float]] = [
            (None, crop, score) for crop, score in zip(crops, scores, strict=True)
        ]
        for index, (certain, calm) in enumerate(_LOOKS):
            if not hopeful:
                break
            looks = self._looks([crop for _, crop, _ in hopeful], pixels, in_mirror=in_mirror and index > 0)
            surest = max(float(face.confidence.mean()) for face, _ in looks)
            least = certain if index else max(certain, surest - _BESIDE)
            left: list[tuple[Landmarks | None, FaceCrop, float]] = []
            for (face, other), (before, _, score) in zip(looks, hopeful, strict=True):
                move = math.inf if before is None else _moved(before, face)
                is_last = move <= _AGREED or index == len(_LOOKS) - 1
                if _is_face(face, move, score if is_last else score - _BEYOND_DOUBT):
                    settled.append(face if other is None else _mean(face, other))
                elif not is_last and face.confidence.mean() >= least and move <= calm:
                    left.append((face, self._around(face), score))
            hopeful = left
        return settled

    def _looks(
        self, crops: Sequence[FaceCrop], pixels: Bytes, *, in_mirror: bool
    ) -> list[tuple[Landmarks, Landmarks | None]]:
        """Faces in crops of a picture, each with what its crop's mirror image shows, if that is wanted."""
        count = len(crops)
        if not in_mirror:
            return [(face, None) for face in self._run(crops, [pixels] * count)]
        both = self._run([*crops, *crops], [pixels] * (2 * count), mirrored_from=count)
        return list(zip(both[:count], both[count:], strict=True))

    def _run(
        self, crops: Sequence[FaceCrop], pictures: Sequence[Bytes], mirrored_from: int | None = None
    ) -> list[Landmarks]:
        """Faces in crops, one of each picture; those from `mirrored_from` on are seen as their mirror images."""
        cut = np.stack([crop.cut(pixels) for crop, pixels in zip(crops, pictures, strict=True)])  # (N, S, S, 3)
        if mirrored_from is not None:
            cut[mirrored_from:] = cut[mirrored_from:, :, ::-1].copy()
        batch = torch.from_numpy(cut).to(self.device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        # a view of HWC bytes already is channels-last
        with torch.inference_mode():
            output = self.net(batch)
        points = output.points.cpu().numpy() * self.net.config.crop_size  # (N, 478, 3)
        confidence = np.exp(-12 * np.exp(output.log_scale.cpu().numpy()))
        if mirrored_from is not None:
            points[mirrored_from:] = points[mirrored_from:, _MIRROR]
            points[mirrored_from:, :, 0] = self.net.config.crop_size - points[mirrored_from:, :, 0]
            confidence[mirrored_from:] = confidence[mirrored_from:, _MIRROR]
        presence = torch.sigmoid(output.presence).cpu().numpy()
        return [
            Landmarks(crop.to_picture(p), c.astype(np.float32), float(s))
            for crop, p, c, s in zip(crops, points, confidence, presence, strict=True)
        ]


def _from_left_to_right(faces: Sequence[Landmarks]) -> list[Landmarks]:
    return sorted(faces, key=lambda face: face.box.centre[0])


def _is_face(face: Landmarks, move: float, score: float) -> bool:
    return bool(
        face.presence >= PRESENT
        and face.confidence.mean() >= CERTAIN
        and move <= SETTLED
        and score - UNREST_WEIGHT * move >= EVIDENCE
    )


def _mean(face: Landmarks, other: Landmarks) -> Landmarks:
    """The face with its points halfway to another look's; as it is where that look sees something else."""
    if _moved(face, other) > SETTLED:
        return face
    return replace(face, points=np.float32(0.5) * (face.points + other.points))


def _moved(before: Landmarks, after: Landmarks) -> float:
    """Mean distance of two looks' points over the interocular distance."""
    apart = float(np.linalg.norm(after.points[468, :2] - after.points[473, :2]))
    return float(np.linalg.norm(after.points[:, :2] - before.points[:, :2], axis=1).mean()) / max(apart, 1e-6)


def _distinct(faces: list[Landmarks]) -> list[Landmarks]:
    """Drop faces that lie on, or in the middle of, one seen more surely."""
    kept: list[Landmarks] = []
    for face in sorted(faces, key=_doubt):
        if all(face.box.overlap(k.box) < 0.3 and not _holds(k, face.box.centre) for k in kept):
            kept.append(face)
    return kept


def _doubt(face: Landmarks) -> float:
    """Lower is likelier. The network may be surer of an upright face turned over than of it as it is."""
    along = face.points[263, :2] - face.points[33, :2]  # from the outer corner of the right eye to that of the left
    lies = along[0] < abs(along[1])
    return (_LYING_DOUBT if lies else 0.0) - float(face.confidence.mean())


def _holds(face: Landmarks, place: tuple[float, float]) -> bool:
    (x, y), (cx, cy) = place, face.box.centre
    return abs(x - cx) < face.box.width / 2 and abs(y - cy) < face.box.height / 2
