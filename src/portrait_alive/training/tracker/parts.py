"""Teach the part networks.

python -m portrait_alive.training.tracker.parts eye --heads cache/heads --taught cache/taught --out runs/eye
python -m portrait_alive.training.tracker.parts brow --heads cache/heads --taught cache/taught --out runs/brow
python -m portrait_alive.training.tracker.parts mouth --heads cache/heads --taught cache/taught --out runs/mouth
"""

import argparse
import copy
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from portrait_alive.nets.map_net import MapNet, MapNetConfig
from portrait_alive.nets.part_net import PartNet, PartNetConfig
from portrait_alive.shape import topology
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.parts import LIPS, RIGHT_BROW, RIGHT_EYE, Part
from portrait_alive.training.tracker.augment import resample, spoil
from portrait_alive.training.tracker.landmarks import steep
from portrait_alive.training.tracker.loop import Batch, State, add_arguments, save_weights, train
from portrait_alive.training.tracker.samples import EitherFaces, LabelledFaces, RenderedFaces, TaughtFaces
from portrait_alive.types import Bytes, Float
from portrait_alive.weights import BROW, EYE, MOUTH

_MIRROR = np.array(topology.MIRROR)
_PARTS = {"eye": (RIGHT_EYE, EYE, 48), "brow": (RIGHT_BROW, BROW, 64), "mouth": (LIPS, MOUTH, 64)}
_TURNED_SHARE = 0.4
"""Of the faces that are not the teacher's own; the rest are rendered."""
_CENTRE_WEIGHT = 6.0
_GLANCE_WEIGHT = 4.0
"""Irises move little beside lids: weighed alike, looks up and down were learned last."""
_RARE = 6.0
"""A wide open or shut part comes at most this much oftener than its frequency."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=sorted(_PARTS))
    parser.add_argument("--heads", type=Path, required=True, help="folder of rendered shards")
    parser.add_argument("--taught", type=Path, required=True, help="folder made by ...tracker.teacher")
    parser.add_argument("--turned", type=Path, help="folder made by ...tracker.turned_faces from the taught")
    parser.add_argument("--mixed", type=Path, help="folder made by ...tracker.mixed_faces from the taught")
    parser.add_argument("--held-out", type=Path, help="such a folder of held-out faces, for the curve")
    add_arguments(parser)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    part, name, size = _PARTS[arguments.part]
    taught = TaughtFaces(arguments.taught)
    real = [taught, TaughtFaces(arguments.mixed)] if arguments.mixed else [taught]
    net = _untrained(part, size, taught)
    kind = "map-net-1" if isinstance(net, MapNet) else "part-net-1"
    made: LabelledFaces = RenderedFaces(arguments.heads)
    if arguments.turned:
        made = EitherFaces(made, TaughtFaces(arguments.turned), _TURNED_SHARE)

    def batches(first: int) -> Iterable[Batch]:
        samples = PartSamples(part, made, real, size, arguments.seed + first)
        return DataLoader(samples, batch_size=arguments.batch, num_workers=arguments.workers, prefetch_factor=4)

    def judge(state: State) -> str:
        return held_out(part, net, state, arguments.held_out)

    train(
        net,
        batches,
        PartLoss(part),
        arguments,
        lambda state, folder: save_weights(state, folder / name, kind, net.config.as_json(), compact=True),
        judge if arguments.held_out else None,
    )
    return 0


class PartLoss:
    """Distance of the points, of the openings, of the widths, and of the irises from the corners of the eye."""

    def __init__(self, part: Part) -> None:
        place = {index: order for order, index in enumerate(part.points)}
        self.upper, self.lower = ([place[pair[side]] for pair in part.gaps] for side in (0, 1))
        self.iris = [place[index] for index in topology.RIGHT_IRIS if index in place]
        self.corners = [place[index] for index in (33, 133) if index in place]
        self.ends = [[place[a], place[b]] for a, b in ((33, 133), (61, 291), (78, 308)) if a in place]

    def __call__(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Loss terms of a batch."""
        error = net(batch["patch"].contiguous(memory_format=torch.channels_last)) - batch["points"]
        placed = steep(_length(error)).mean()
        gaps = steep(_length(error[:, self.lower] - error[:, self.upper])).mean()
        width = steep(_length(torch.stack([error[:, a] - error[:, b] for a, b in self.ends], 1))).mean()
        # the steep loss hardly pulls at large errors, and those of a misplaced patch are all alike: weigh their mean
        centre = _length(error.mean(1)).mean()
        total = placed + gaps + width + _CENTRE_WEIGHT * centre
        if self.iris:
            glance = error[:, self.iris] - error[:, self.corners].mean(1, keepdim=True)
            total = total + _GLANCE_WEIGHT * steep(_length(glance)).mean()
        return {"total": total, "distance": _length(error).mean(), "centre": centre, "gaps": gaps, "width": width}


class PartSamples(IterableDataset[dict[str, Tensor]]):
    """Patches around a part as a coarse look would cut them; every opening and gaze about equally often.

    Faces with real skin come from all of `taught` equally often.
    """

    def __init__(self, part: Part, made: LabelledFaces, taught: Sequence[TaughtFaces], size: int, seed: int) -> None:
        self.part, self.size, self.seed = part, size, seed
        self.made, self.taught = made, [(faces, _cumulative(part, faces)) for faces in taught]

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """Samples: `patch` (3, S, S) in [-1, 1], `points` (N, 2) in patch sides."""
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            if rng.random() < 0.4:
                pixels, points = self.made.draw(rng)
                flipped = bool(rng.random() < 0.5)
            else:
                faces, cumulative = self.taught[int(rng.integers(len(self.taught)))]
                drawn = min(int(np.searchsorted(cumulative, rng.random())), len(cumulative) - 1)
                flipped, index = drawn >= len(faces.points), drawn % len(faces.points)
                pixels, points = np.asarray(faces.crops[index]), faces.points[index]
            if flipped:
                pixels = np.ascontiguousarray(pixels[:, ::-1])
                points = points[_MIRROR] * np.array([-1, 1, 1], np.float32) + np.array(
                    [pixels.shape[1], 0, 0], np.float32
                )
            patch, moved = self._seen(rng, pixels, points)
            placed = (moved[list(self.part.points), :2] / self.size).astype(np.float32)
            yield {
                "patch": torch.from_numpy(patch.transpose(2, 0, 1).copy()).float() / 127.5 - 1,
                "points": torch.from_numpy(placed),
            }

    def _seen(self, rng: np.random.Generator, pixels: Bytes, points: Float) -> tuple[Bytes, Float]:
        exact = self.part.patch(points, self.size)
        rough = 2.0 if rng.random() < 0.15 else 1.0
        shift = rng.normal(0, 0.035 * rough, 2) * exact.side
        crop = FaceCrop(
            (exact.centre[0] + float(shift[0]), exact.centre[1] + float(shift[1])),
            exact.side * float(np.exp(rng.normal(0, 0.05 * rough))),
            exact.angle + float(rng.normal(0, 0.06 * rough)),
            self.size,
        )
        stretch = np.exp(rng.normal(0, 0.07, 2)).astype(np.float32)
        cut, moved = resample(pixels, points, crop, stretch, None)
        return spoil(rng, cut, blur_px=1.0, occluded=0.08), moved


def _untrained(part: Part, size: int, taught: TaughtFaces) -> PartNet | MapNet:
    if part is LIPS:
        return MapNet(MapNetConfig(len(part.points), size))
    net = PartNet(PartNetConfig(len(part.points), size))
    net.start_from(torch.from_numpy(_mean(part, taught.points, size)))
    return net


def held_out(part: Part, trained: PartNet | MapNet, state: State, folder: Path) -> str:
    """Correlation and slope of the part's measures against the teacher on held-out faces, from patches cut 3% off."""
    net = copy.deepcopy(trained)
    net.load_state_dict(state)
    net.eval()
    crops, truth = np.load(folder / "crops.npy", mmap_mode="r"), np.load(folder / "points.npy")
    rng = np.random.default_rng(0)
    loss = PartLoss(part)
    seen, known = [], []
    for pixels, points in zip(crops, truth, strict=True):
        exact = part.patch(points, net.config.size)
        shift = rng.normal(0, 0.03, 2) * exact.side
        crop = FaceCrop(
            (exact.centre[0] + shift[0], exact.centre[1] + shift[1]), exact.side, exact.angle, net.config.size
        )
        tensor = torch.from_numpy(crop.cut(np.asarray(pixels)).transpose(2, 0, 1).copy()).float()[None] / 127.5 - 1
        with torch.no_grad():
            seen.append(net(tensor)[0].numpy())
        known.append(crop.to_crop(points)[list(part.points), :2] / net.config.size)
    found, told = np.array(seen), np.array(known)
    words = [f"held out {np.linalg.norm(found - told, axis=2).mean():.4f}"]
    a, b = loss.ends[0]
    measures = {"width": [np.linalg.norm(p[:, a] - p[:, b], axis=1) for p in (found, told)]}
    measures |= {
        "opening": [np.linalg.norm(p[:, loss.lower] - p[:, loss.upper], axis=2).mean(1) for p in (found, told)]
    }
    if loss.iris:
        for axis, name in enumerate(("gaze x", "gaze y")):
            measures[name] = [(p[:, loss.iris[0]] - p[:, loss.corners].mean(1))[:, axis] for p in (found, told)]
    for name, (own, teachers) in measures.items():
        r, slope = np.corrcoef(own, teachers)[0, 1], np.polyfit(teachers, own, 1)[0]
        words.append(f"{name} r {r:.2f} slope {slope:.2f}")
    return "  ".join(words)


def _cumulative(part: Part, faces: TaughtFaces) -> NDArray[np.float64]:
    """(2 N,) cumulative chance of each face, then of its mirror image: both eyes serve, the left one mirrored."""
    weight = faces.probability[None] * np.stack(
        [_rarity(part, points) for points in (faces.points, _mirrored(faces.points))]
    )
    return np.cumsum(weight.ravel() / weight.sum())


def _rarity(part: Part, points: Float) -> NDArray[np.float64]:
    """(N,) how much oftener than it is found each face should come, from how rare its opening and gaze are."""
    loss = PartLoss(part)
    own = points[:, list(part.points), :2]
    unit = np.linalg.norm(points[:, 33, :2] - points[:, 263, :2], axis=1)
    measures = [np.linalg.norm(own[:, loss.lower] - own[:, loss.upper], axis=2).mean(1) / unit]
    if loss.iris:
        glance = (own[:, loss.iris[0]] - own[:, loss.corners].mean(1)) / unit[:, None]
        measures += [glance[:, 0], glance[:, 1]]
    rarity = np.ones(len(points))
    for measure in measures:
        counts, edges = np.histogram(measure, 12)
        bins = np.clip(np.digitize(measure, edges) - 1, 0, 11)
        rarity *= np.clip(np.median(counts[counts > 0]) / counts[bins], 1 / _RARE, _RARE)
    return np.clip(rarity, 1 / _RARE, 2 * _RARE)


def _mirrored(points: Float) -> Float:
    mirrored: Float = points[:, _MIRROR] * np.array([-1, 1, 1], np.float32)
    return mirrored


def _length(vectors: Tensor) -> Tensor:
    return (vectors.square().sum(-1) + 1e-8).sqrt()


def _mean(part: Part, points: Float, size: int) -> Float:
    some = points[:: max(len(points) // 200, 1)]
    placed = [part.patch(face, size).to_crop(face)[list(part.points), :2] / size for face in some]
    mean: Float = np.mean(placed, 0).astype(np.float32)
    return mean


if __name__ == "__main__":
    sys.exit(main())
