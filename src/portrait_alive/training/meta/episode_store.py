"""Batches of patches from shards of episodes, spoiled alike in what the generator sees and in the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from portrait_alive.errors import UnreadableInputError
from portrait_alive.neural.condition import PLANES, as_tensor
from portrait_alive.neural.view import VIEW_PX
from portrait_alive.types import Bytes, Float

_LIPS, _LIDS = 4, 5
"""Planes of the landmark image that say where mouth and eyes are."""
_OPACITY = 7
_FLOW_X = 9
_RIM = 8
"""View pixels around a patch that its blur and its compression may look at."""
_WHERE = (0.35, 0.3)
"""Shares of patches about the mouth, and about an eye; the others lie anywhere."""


@dataclass(frozen=True, eq=False)
class EpisodeBatch:
    """Episodes ready to learn from."""

    sources: Tensor
    """(B, K, 6, V, V) in [-1, 1]."""
    planes: Tensor
    """(B, 11, P, P) in [-1, 1]: patches of conditions."""
    truth: Tensor
    """(B, 3, P, P) in [-1, 1]."""


@dataclass(frozen=True, eq=False)
class _Shard:
    frames: Bytes
    sources: Bytes
    index: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class EpisodeStore:
    """All frames of some folders of episodes, read from disk as they are needed."""

    shards: tuple[_Shard, ...]
    starts: NDArray[np.int64]
    """Number of the first frame of each shard, and of one past the last."""

    @staticmethod
    def open(folders: Sequence[Path]) -> "EpisodeStore":
        """The shards that are complete by now.

        Raises:
            UnreadableInputError: there are none, or one is damaged.
        """
        shards = []
        for index in sorted(file for folder in folders for file in folder.glob("*-index.npy")):
            stem = str(index).removesuffix("-index.npy")
            try:
                shard = _Shard(
                    np.load(f"{stem}-frames.npy", mmap_mode="r"),
                    np.load(f"{stem}-sources.npy", mmap_mode="r"),
                    np.load(index),
                )
                expected = (VIEW_PX, VIEW_PX, PLANES + 3)
                if shard.frames.shape[1:] != expected or len(shard.frames) != len(shard.index):
                    raise ValueError(f"frames of shape {shard.frames.shape}, expected {expected}")
            except (OSError, ValueError) as error:
                raise UnreadableInputError(
                    f"{stem}: a damaged shard of episodes ({error}); delete its files"
                ) from error
            shards.append(shard)
        if not shards:
            raise UnreadableInputError(
                f"{', '.join(map(str, folders))}: no episodes; make them with "
                "python -m portrait_alive.training.meta.head_episodes"
            )
        return EpisodeStore(tuple(shards), np.cumsum([0, *(len(shard.index) for shard in shards)]))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def batch(
        self, rng: np.random.Generator, size: int, *, patch: int, shots: int, device: torch.device
    ) -> EpisodeBatch:
        """Random episodes. The same generator state gives the same batch.

        Args:
            rng: decides everything.
            size: episodes, B.
            patch: side of the patches.
            shots: at most so many sources; K is the same for all of the batch.
            device: where the tensors go.
        """
        count = int(rng.integers(1, shots + 1))
        sources, planes, truths = [], [], []
        for _ in range(size):
            frame, source = self._episode(int(rng.integers(len(self))), count, rng)
            y, x = _patch(frame, patch, rng)
            # only what is used is spoiled, with a rim for what blurs
            top, left = max(y - _RIM, 0), max(x - _RIM, 0)
            frame = frame[top : y + patch + _RIM, left : x + patch + _RIM]
            spoil = _Spoiling.random(rng, frame.shape[:2])
            frame, source = spoil.apply(frame, source)
            column = frame.shape[1] - patch - (x - left) if spoil.is_mirrored else x - left
            piece = frame[y - top : y - top + patch, column : column + patch]
            sources.append(source)
            planes.append(piece[..., :PLANES])
            truths.append(piece[..., PLANES:])
        several = as_tensor(np.concatenate(sources), device)
        several = several.reshape(size, count, *several.shape[1:])
        return EpisodeBatch(several, as_tensor(np.stack(planes), device), as_tensor(np.stack(truths), device))

    def whole(self, number: int, *, shots: int, device: torch.device) -> EpisodeBatch:
        """One episode as it is, its whole view."""
        frame, source = self._episode(number, shots, np.random.default_rng(number))
        truth = as_tensor(frame[None, ..., PLANES:], device)
        return EpisodeBatch(as_tensor(source, device)[None], as_tensor(frame[None, ..., :PLANES], device), truth)

    def _episode(self, number: int, count: int, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
        at = int(np.searchsorted(self.starts, number, side="right")) - 1
        shard = self.shards[at]
        row = number - int(self.starts[at])
        first, total, shown = (int(one) for one in shard.index[row])
        # the canvas comes first; the frame itself is never among the sources
        others = [one for one in range(1, total) if one != shown]
        picked = [0, *rng.permutation(others)[: count - 1]]
        picked = (picked * count)[:count]
        return np.array(shard.frames[row]), np.array(shard.sources[[first + int(one) for one in picked]])


@dataclass(frozen=True, eq=False)
class _Spoiling:
    """One change of light, colour, sharpness and grain, for all pictures of an episode."""

    curves: Bytes
    """(256, 3) new value of each value of each channel."""
    is_grey: bool
    is_mirrored: bool
    daubed: int
    """Side of the window of a median filter, which makes daubs of paint of a photograph; 0 for none."""
    blur_px: float
    sharpened: float
    """How much of the finest detail is added once more, as cameras and phones do."""
    quality: int
    """Of JPEG, standing for a video's compression; 0 for none. Every picture is compressed on its own."""
    grain: Float | None
    """(h, w, 3) added to warped frame and truth alike: grain is passed on, not smoothed away."""

    @staticmethod
    def random(rng: np.random.Generator, shape: tuple[int, ...]) -> "_Spoiling":
        values = np.arange(256, dtype=np.float32)[:, None] / 255
        gamma = np.exp(rng.normal() * 0.35)
        top = float(np.clip(1 - abs(rng.normal()) * 0.25, 0.2, 1))
        bottom = top * max(0.0, float(rng.normal()) * 0.06)
        cast = np.exp(rng.normal(size=3) * (0.15 if rng.random() < 0.5 else 0.04))
        # eyes and mouths of real films have more contrast than rendered ones; cameras bend light and dark alike
        bend = abs(float(rng.normal())) * 1.5 + 0.1
        bent = 0.5 + 0.5 * np.tanh(bend * (values**gamma - 0.5)) / np.tanh(bend / 2)
        curves = bottom + (top - bottom) * bent * cast / cast.max()
        grain = None
        if rng.random() < 0.35:
            grain = rng.standard_normal((*shape, 3), dtype=np.float32) * np.float32(rng.uniform(1, 10))
            if rng.random() < 0.5:
                # the weave of a canvas, crackled varnish: coarser than a film's grain, as strong
                coarse = float(rng.uniform(0.6, 2.0))
                grain = cv2.GaussianBlur(grain, (0, 0), coarse) * np.float32(2.5 * coarse)
        return _Spoiling(
            np.clip(curves * 255, 0, 255).astype(np.uint8),
            bool(rng.random() < 0.12),
            bool(rng.random() < 0.5),
            int(rng.choice((3, 5))) if rng.random() < 0.15 else 0,
            float(rng.uniform(0.4, 1.8)) if rng.random() < 0.25 else 0.0,
            float(rng.uniform(0.3, 1.5)) if rng.random() < 0.35 else 0.0,
            int(rng.integers(30, 90)) if rng.random() < 0.3 else 0,
            grain,
        )

    def apply(self, frame: Bytes, sources: Bytes) -> tuple[Bytes, Bytes]:
        frame[..., :3] = self._compressed(self._grained(self._lit(frame[..., :3])))
        frame[..., PLANES:] = self._compressed(self._grained(self._lit(frame[..., PLANES:])))
        for source in sources:
            source[..., :3] = self._compressed(self._lit(source[..., :3]))
        if self.is_mirrored:
            frame, sources = frame[:, ::-1], sources[:, :, ::-1]
            frame[..., _FLOW_X] = np.clip(256 - frame[..., _FLOW_X].astype(np.int16), 0, 255)
        return frame, sources

    def _lit(self, pixels: Bytes) -> Bytes:
        pixels = np.ascontiguousarray(pixels)
        if self.is_grey:
            pixels = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if self.daubed:
            pixels = cv2.medianBlur(pixels, self.daubed)
        if self.blur_px:
            pixels = cv2.GaussianBlur(pixels, (0, 0), self.blur_px)
        elif self.sharpened:
            soft = cv2.GaussianBlur(pixels, (0, 0), 1.0)
            pixels = cv2.addWeighted(pixels, 1 + self.sharpened, soft, -self.sharpened, 0)
        return np.asarray(cv2.LUT(pixels, self.curves[None]), np.uint8)

    def _grained(self, pixels: Bytes) -> Bytes:
        if self.grain is None:
            return pixels
        return np.asarray(np.clip(pixels + self.grain, 0, 255), np.uint8)

    def _compressed(self, pixels: Bytes) -> Bytes:
        if not self.quality:
            return pixels
        _, coded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


def _patch(frame: Bytes, side: int, rng: np.random.Generator) -> tuple[int, int]:
    """First row and column of a patch of a frame (V, V, C): about the mouth, an eye, or anywhere on the sitter."""
    kind = rng.random()
    plane = _LIPS if kind < _WHERE[0] else _LIDS if kind < sum(_WHERE) else _OPACITY
    rows, columns = np.nonzero(frame[..., plane] > 128)
    if len(rows) == 0:
        rows, columns = np.array([VIEW_PX // 2]), np.array([VIEW_PX // 2])
    one = int(rng.integers(len(rows)))
    y, x = (int(np.clip(at - side // 2 + rng.integers(-12, 13), 0, VIEW_PX - side)) for at in (rows[one], columns[one]))
    return y, x
