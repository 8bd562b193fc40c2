"""Whole pictures for the detector: faces of every size and roll pasted into backgrounds that hold none."""

from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from portrait_alive.nets.detector_net import SIZE_PER_STRIDE, STRIDES
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.training.tracker.augment import spoil
from portrait_alive.training.tracker.samples import LabelledFaces, faceless_crop
from portrait_alive.types import Bytes, Float

SCENE_SIZE = 192
_SMALLEST, _LARGEST = 9.0, 180.0
"""Face sizes in scene pixels, drawn log-uniformly."""
_REACH = 0.22
"""Cells nearer to a face's centre than this share of its size have to find it."""


class Scenes(IterableDataset[dict[str, Tensor]]):
    """An endless stream of scenes with the grids that the detector should answer."""

    def __init__(self, sources: list[LabelledFaces], mirror: NDArray[np.int32], seed: int) -> None:
        self.sources, self.mirror, self.seed = sources, mirror, seed

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """Samples: `picture` (3, S, S) in [-1, 1]; for each grid g `score{g}` (H, W), `shape{g}` (5, H, W)."""
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            pixels, faces = self.scene(rng)
            yield {"picture": torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float() / 127.5 - 1, **targets(faces)}

    def scene(self, rng: np.random.Generator) -> tuple[Bytes, list[FaceCrop]]:
        """A scene (S, S, 3) uint8 and the tight crops (margin 1) of the faces in it."""
        canvas = self._background(rng)
        faces: list[FaceCrop] = []
        for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3, 5]))):
            placed = self._placed(rng, canvas, faces)
            if placed is not None:
                canvas, face = placed
                faces.append(face)
        return spoil(rng, canvas), faces

    def _draw(self, rng: np.random.Generator) -> tuple[Bytes, Float]:
        pixels, points = self.sources[int(rng.integers(len(self.sources)))].draw(rng)
        if rng.random() < 0.5:
            return pixels, points
        flipped = points[self.mirror] * np.array([-1, 1, 1], np.float32) + np.array([pixels.shape[1], 0, 0], np.float32)
        return np.ascontiguousarray(pixels[:, ::-1]), flipped

    def _background(self, rng: np.random.Generator) -> Bytes:
        tiles = [faceless_crop(rng, *self._draw(rng), SCENE_SIZE) for _ in range(int(rng.integers(1, 3)))]
        canvas = tiles[0]
        if len(tiles) > 1:
            cut = int(rng.integers(48, 144))
            canvas = np.concatenate([tiles[0][:cut], tiles[1][cut:]])
        return canvas if rng.random() < 0.5 else np.ascontiguousarray(canvas.transpose(1, 0, 2))

    def _placed(self, rng: np.random.Generator, canvas: Bytes, others: list[FaceCrop]) -> tuple[Bytes, FaceCrop] | None:
        """The canvas with one more face, or None where it would cover one that is there."""
        pixels, points = self._draw(rng)
        tight = FaceCrop.around_points(points, SCENE_SIZE, margin=1.0)
        size = float(np.exp(rng.uniform(np.log(_SMALLEST), np.log(_LARGEST))))
        turn = float(
            rng.choice([rng.normal(0, 0.15), rng.uniform(-1.0, 1.0), rng.uniform(-np.pi, np.pi)], p=[0.6, 0.3, 0.1])
        )
        centre = rng.uniform(0.2 * size, SCENE_SIZE - 0.2 * size, 2) if size < 110 else rng.uniform(70, 122, 2)
        for other in others:
            if np.hypot(centre[0] - other.centre[0], centre[1] - other.centre[1]) < 0.8 * (size + other.side):
                return None
        face = FaceCrop((float(centre[0]), float(centre[1])), size, tight.angle + turn, SCENE_SIZE)
        scale = size / tight.side
        if scale < 0.7:  # reduce first, against aliasing
            side = max(round(pixels.shape[0] * scale), 4)
            pixels = cast(Bytes, cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA))
            tight = FaceCrop.around_points(points * scale, SCENE_SIZE, margin=1.0)
            scale = 1.0
        cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
        linear = np.array([[cos, -sin], [sin, cos]])
        offset = centre - linear @ np.array(tight.centre)
        matrix = np.column_stack([linear, offset + linear.sum(1) * 0.5 - 0.5])
        area = (SCENE_SIZE, SCENE_SIZE)
        pasted = cv2.warpAffine(pixels, matrix, area, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if size > 80 and rng.random() < 0.6:
            return cast(Bytes, pasted), face
        mask = np.zeros(pixels.shape[:2], np.uint8)
        if rng.random() < 0.5:
            mask[1:-1, 1:-1] = 255
        else:
            middle = (int(tight.centre[0]), int(tight.centre[1] - 0.08 * tight.side))
            cv2.ellipse(
                mask, middle, (int(0.62 * tight.side), int(0.8 * tight.side)), np.degrees(tight.angle), 0, 360, 255, -1
            )
        soft = cv2.warpAffine(cv2.blur(mask, (3, 3)), matrix, area)[..., None].astype(np.float32) / 255
        return (canvas * (1 - soft) + pasted * soft).astype(np.uint8), face


def targets(faces: list[FaceCrop]) -> dict[str, Tensor]:
    """The grids that a scene with these faces should give; `near{g}` marks cells that count neither way."""
    grids: dict[str, Tensor] = {}
    for index, stride in enumerate(STRIDES):
        cells = SCENE_SIZE // stride
        score = np.zeros((cells, cells), np.float32)
        shape = np.zeros((5, cells, cells), np.float32)
        near = np.zeros((cells, cells), np.float32)
        rows, columns = np.mgrid[0:cells, 0:cells] + 0.5
        for face in faces:
            octave = float(np.log2(face.side / (SIZE_PER_STRIDE * stride)))
            first, last = index == 0, index == len(STRIDES) - 1
            if (octave < -0.75 and not first) or (octave > 0.75 and not last):
                continue
            dx, dy = face.centre[0] / stride - columns, face.centre[1] / stride - rows
            distance = np.hypot(dx, dy)
            inside = (distance < _REACH * face.side / stride) | (distance == distance.min())
            owned = -0.5 <= octave <= 0.5 or (octave < 0 and first) or (octave > 0 and last)
            near[inside] = 1.0
            if owned:
                score[inside] = 1.0
                values = (dx, dy, np.full_like(dx, octave * np.log(2)), np.cos(face.angle), np.sin(face.angle))
                for channel, value in enumerate(values):
                    shape[channel][inside] = value[inside] if isinstance(value, np.ndarray) and value.ndim else value
        near[score > 0] = 0.0
        grids |= {f"score{index}": torch.from_numpy(score), f"shape{index}": torch.from_numpy(shape)}
        grids[f"near{index}"] = torch.from_numpy(near)
    return grids
