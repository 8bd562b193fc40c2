"""Where the landmark network's samples come from: taught real faces, rendered heads, and crops without a face."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from portrait_alive.shape import topology
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.training.tracker.augment import random_view, spoil
from portrait_alive.types import Bytes, Float


class LabelledFaces(Protocol):
    """Pictures of faces with their 478 points."""

    def draw(self, rng: np.random.Generator) -> tuple[Bytes, Float]:
        """A random picture (H, W, 3) uint8 RGB and its points (478, 3) in its pixels."""
        ...


class TaughtFaces:
    """Real faces labelled by the teacher: every still and every clip comes equally often, clips four times a still."""

    def __init__(self, folder: Path) -> None:
        self.crops: NDArray[np.uint8] = np.load(folder / "crops.npy", mmap_mode="r")
        self.points: Float = np.load(folder / "points.npy")
        self.names = (folder / "names.txt").read_text().splitlines()
        _, inverse, counts = np.unique(self.names, return_inverse=True, return_counts=True)
        weight = np.where(counts > 8, 4.0, 1.0)[inverse] / counts[inverse]
        self.probability = weight / weight.sum()

    def draw(self, rng: np.random.Generator) -> tuple[Bytes, Float]:
        """A random labelled crop."""
        index = int(rng.choice(len(self.points), p=self.probability))
        return np.asarray(self.crops[index]), self.points[index]


def write_taught(folder: Path, crops: Sequence[Bytes], points: Sequence[Float], names: Sequence[str]) -> None:
    """Write what `TaughtFaces` reads: crops (S, S, 3), their points (478, 3), and what each is of."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "crops.npy", np.stack(crops))
    np.save(folder / "points.npy", np.stack(points))
    (folder / "names.txt").write_text("\n".join(names) + "\n")


@dataclass(frozen=True, eq=False)
class EitherFaces:
    """Faces of two kinds, mixed."""

    first: LabelledFaces
    second: LabelledFaces
    share: float
    """Of the second."""

    def draw(self, rng: np.random.Generator) -> tuple[Bytes, Float]:
        """A random one."""
        return (self.second if rng.random() < self.share else self.first).draw(rng)


class RenderedFaces:
    """Rendered heads from the shards of ...tracker.render_heads, as the teacher sees them where it has been asked.

    Shards that appear while training runs are taken in, so that rendering and training can go side by side. Turned
    heads come oftener than they were rendered: three-quarter views are what painters like.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shards: dict[Path, tuple[NDArray[np.uint8], Float, NDArray[np.float64]]] = {}
        self.draws = 0
        self._look()

    def _look(self) -> None:
        for path in sorted(self.folder.glob("*-points.npy")):
            pixels = path.with_name(path.name.replace("-points", "-rgb"))
            if path not in self.shards and pixels.is_file():
                taught = path.with_name(path.name.replace("-points", "-taught"))
                points = np.load(taught if taught.is_file() else path)
                share = _turned(points)
                self.shards[path] = np.load(pixels, mmap_mode="r"), points, np.cumsum(share / share.sum())

    def draw(self, rng: np.random.Generator) -> tuple[Bytes, Float]:
        """A random rendered head."""
        self.draws += 1
        if self.draws % 2000 == 0:
            self._look()
        shards = list(self.shards.values())
        pixels, points, cumulative = shards[int(rng.integers(len(shards)))]
        index = min(int(np.searchsorted(cumulative, rng.random())), len(points) - 1)
        return np.asarray(pixels[index]), points[index].astype(np.float32)


def _turned(points: Float) -> NDArray[np.float64]:
    """(N,) weight of faces (N, 478, 3): how far the nose is from the middle between the eyes."""
    eyes = points[:, list(topology.EYE_CORNERS), :2]
    across = eyes[:, 3] - eyes[:, 0]
    aside = ((points[:, topology.NOSE_TIP, :2] - eyes.mean(1)) * across).sum(1) / (across**2).sum(1)
    weight: NDArray[np.float64] = 0.4 + np.minimum(2.5 * np.abs(aside), 2.0).astype(np.float64)
    return weight


@dataclass(frozen=True)
class Mixture:
    """Shares of the kinds of sample; they add up to 1."""

    rendered: float = 0.35
    taught: float = 0.55
    faceless: float = 0.1


class FaceSamples(IterableDataset[dict[str, Tensor]]):
    """An endless stream of crops with labels, different in every worker and every run position."""

    def __init__(
        self,
        rendered: LabelledFaces,
        taught: LabelledFaces,
        mirror: NDArray[np.int64],
        size: int,
        seed: int,
        mixture: Mixture,
    ) -> None:
        self.rendered, self.taught, self.mirror = rendered, taught, mirror
        self.size, self.seed, self.mixture = size, seed, mixture

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """Samples: `crop` (3, S, S) in [-1, 1], `points` (478, 3) in crop sides, `face` 0 or 1, `exact` 1: rendered."""
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            kind = rng.random()
            rendered = kind < self.mixture.rendered
            pixels, points = (self.rendered if rendered else self.taught).draw(rng)
            if kind > 1 - self.mixture.faceless:
                yield _sample(
                    spoil(rng, faceless_crop(rng, pixels, points, self.size)),
                    np.zeros((len(points), 3), np.float32),
                    0.0,
                    0.0,
                )
                continue
            view = random_view(rng, pixels, points, self.size, self.mirror, elastic=not rendered)
            yield _sample(view.pixels, (view.points / self.size).astype(np.float32), 1.0, float(rendered))


def _sample(pixels: Bytes, points: Float, face: float, exact: float) -> dict[str, Tensor]:
    crop = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 127.5 - 1
    return {
        "crop": crop,
        "points": torch.from_numpy(np.ascontiguousarray(points, np.float32)),
        "face": torch.tensor(face),
        "exact": torch.tensor(exact),
    }


def faceless_crop(rng: np.random.Generator, pixels: Bytes, points: Float, size: int) -> Bytes:
    """A crop (size, size, 3) that holds no whole face: beside one, deep inside one, or shuffled pieces of one."""
    face = FaceCrop.around_points(points, size)
    kind = rng.integers(3)
    if kind == 0:
        direction = rng.uniform(0, 2 * np.pi)
        reach = face.side * rng.uniform(0.7, 1.0)
        centre = (face.centre[0] + float(np.cos(direction) * reach), face.centre[1] + float(np.sin(direction) * reach))
        return FaceCrop(centre, face.side * float(rng.uniform(0.3, 0.8)), float(rng.uniform(-3, 3)), size).cut(pixels)
    if kind == 1:
        spot = points[int(rng.integers(len(points))), :2]
        side = face.side * float(rng.uniform(0.06, 0.2))
        return FaceCrop((float(spot[0]), float(spot[1])), side, 0.0, size).cut(pixels)
    tile = size // 4
    tiles = face.cut(pixels).reshape(4, tile, 4, tile, 3).transpose(0, 2, 1, 3, 4).reshape(16, tile, tile, 3)
    mixed = tiles[rng.permutation(16)].reshape(4, 4, tile, tile, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(mixed.reshape(size, size, 3))
