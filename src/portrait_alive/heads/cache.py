"""Rendered heads kept on disk by seed, so that training waits for reading, not for rendering."""

import json
import os
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import UnreadableInputError, UsageError
from portrait_alive.heads.flow import flow_between
from portrait_alive.heads.frame import random_frames
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.person import Person
from portrait_alive.heads.regions import Regions, find_regions
from portrait_alive.heads.render import HeadRender, render
from portrait_alive.types import Bytes, Float

RENDERER_VERSION = 5
"""Raised whenever the same seed gives another picture, so that caches of two versions are never mixed."""

JPEG_QUALITY = 95


@dataclass(frozen=True, eq=False)
class Sitting:
    """All frames of one person. K is their number, (H, W) their size."""

    seed: int
    rgb: Bytes
    """(K, H, W, 3) uint8 sRGB, after JPEG of quality 95."""
    landmarks: Float
    """(K, 478, 3) as `HeadRender.landmarks`."""
    visibility: Float
    """(K, 478)."""
    extra: Float
    """(K, X, 3)."""
    pose: Float
    """(K, 3, 3)."""
    expression: Float
    """(K, E)."""
    gaze: Float
    """(K, 2) yaw, pitch in radians."""
    layers: Bytes
    """(K, H, W)."""
    matte: Bytes
    """(K, H, W, 4)."""
    surface: "Surface | None"
    """What `flow` needs; None where the cache was made without it."""

    def flow(self, source: int, target: int) -> tuple[Float, NDArray[np.bool_]]:
        """Backward flow from frame `target` to frame `source`, and where `source` shows the same surface.

        As `flow_between`: (H, W, 2) source pixels and (H, W) bool.

        Raises:
            UsageError: the cache was made without flow.
        """
        if self.surface is None:
            raise UsageError("This cache of heads holds no flow. Make it with flow to train on it.")
        faces = self.surface.faces
        return flow_between(self.surface.frame(source), self.surface.frame(target), faces)


@dataclass(frozen=True, eq=False)
class SurfaceFrame:
    """The part of a `HeadRender` that flow is computed from."""

    triangle: NDArray[np.int32]
    weights: Float
    projected: Float
    depth: Float


@dataclass(frozen=True, eq=False)
class Surface:
    """What each pixel of each frame lies on. Only triangles that some frame shows are kept."""

    faces: NDArray[np.int32]
    """(T, 3)."""
    triangle: NDArray[np.int32]
    """(K, H, W)."""
    weights: NDArray[np.uint16]
    """(K, H, W, 2): (w + 2) * 13107, so that weights from -2 to 3 fit."""
    projected: Float
    """(K, N, 3)."""
    depth: NDArray[np.float16]
    """(K, H, W)."""

    def frame(self, index: int) -> SurfaceFrame:
        """One frame's share."""
        return SurfaceFrame(
            triangle=self.triangle[index],
            weights=self.weights[index].astype(np.float32) / np.float32(13107) - np.float32(2),
            projected=self.projected[index],
            depth=self.depth[index].astype(np.float32),
        )


def surface_of(frames: list[HeadRender], faces: NDArray[np.int32]) -> Surface:
    """The frames' surfaces, with unseen triangles and vertices left out."""
    triangles = np.stack([frame.triangle for frame in frames])
    shown, local = np.unique(triangles, return_inverse=True)
    local = np.reshape(local, triangles.shape)
    if shown[0] == -1:
        shown, local = shown[1:], local - 1
    used, corners = np.unique(faces[shown], return_inverse=True)
    return Surface(
        faces=corners.reshape(-1, 3).astype(np.int32),
        triangle=np.asarray(local, np.int32),
        weights=np.stack([np.rint((frame.weights.clip(-2, 2.99) + 2) * 13107) for frame in frames]).astype(np.uint16),
        projected=np.stack([frame.projected[used] for frame in frames]),
        depth=np.stack([frame.depth for frame in frames]).astype(np.float16),
    )


@dataclass(frozen=True, eq=False)
class HeadCache:
    """A folder of sittings, rendered on first use. Two processes may fill one folder at a time."""

    folder: Path
    model: HeadModel
    regions: Regions
    size: int
    """Side of the square frames in pixels."""
    frames: int
    """Frames of each person."""
    has_flow: bool

    @staticmethod
    def open(
        folder: Path | str,
        model: HeadModel,
        *,
        size: int = 256,
        frames: int = 4,
        has_flow: bool = False,
        regions: Regions | None = None,
    ) -> "HeadCache":
        """The cache in `folder`, which is made if it does not exist. `regions` of the model, where they are at hand.

        Raises:
            UsageError: the folder holds heads of another size, number of frames, model or renderer.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        wanted = {
            "renderer": RENDERER_VERSION,
            "model": zlib.crc32(model.vertices.tobytes()) & 0xFFFFFFFF,
            "size": size,
            "frames": frames,
            "flow": has_flow,
        }
        card = path / "cache.json"
        if card.exists():
            found = json.loads(card.read_text("utf-8"))
            if found != wanted:
                raise UsageError(
                    f"{path}: holds heads made as {found}, but {wanted} are wanted. Use another folder or empty it."
                )
        else:
            _write(card, json.dumps(wanted).encode())
        return HeadCache(path, model, find_regions(model) if regions is None else regions, size, frames, has_flow)

    def path(self, seed: int) -> Path:
        """Where the sitting of `seed` is or will be."""
        return self.folder / f"{seed // 1000:05d}" / f"{seed:08d}.npz"

    def __contains__(self, seed: int) -> bool:
        return self.path(seed).exists()

    def get(self, seed: int) -> Sitting:
        """The sitting of `seed`: read, or rendered and written.

        Raises:
            UnreadableInputError: its file is damaged.
        """
        path = self.path(seed)
        if not path.exists():
            self._make(seed)
        try:
            with np.load(path, allow_pickle=False) as packed:
                return _unpacked(seed, {name: packed[name] for name in packed.files})
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UnreadableInputError(f"{path}: damaged ({error}). Delete it; it will be rendered again.") from error

    def fill(self, seeds: Iterable[int]) -> int:
        """Render the sittings that are missing; returns how many were."""
        made = 0
        for seed in seeds:
            if seed not in self:
                self._make(seed)
                made += 1
        return made

    def _make(self, seed: int) -> None:
        person = Person.random(self.model, self.regions, seed)
        rng = np.random.default_rng([seed, 1])
        moments = random_frames(self.model.expression_names, rng, self.frames)
        heads = [render(self.model, person, moment, self.size) for moment in moments]
        arrays: dict[str, NDArray[Any]] = {
            "landmarks": np.stack([head.landmarks for head in heads]),
            "visibility": np.rint(np.stack([head.visibility for head in heads]) * 255).astype(np.uint8),
            "extra": np.stack([head.extra for head in heads]),
            "pose": np.stack([head.pose for head in heads]),
            "expression": np.stack([moment.expression for moment in moments]),
            "gaze": np.array([moment.gaze for moment in moments], np.float32),
        }
        for number, head in enumerate(heads):
            quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
            arrays[f"rgb{number}"] = _encoded(".jpg", head.rgb[..., ::-1], quality)
            arrays[f"layers{number}"] = _encoded(".png", head.layers, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            arrays[f"matte{number}"] = _encoded(".png", head.matte, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if self.has_flow:
            surface = surface_of(heads, person.faces)
            arrays |= {
                f"surface_{name}": getattr(surface, name)
                for name in ("faces", "triangle", "weights", "projected", "depth")
            }
        path = self.path(seed)
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        part.replace(path)


def _encoded(kind: str, pixels: Bytes, options: list[int]) -> Bytes:
    done, data = cv2.imencode(kind, pixels, options)
    if not done:
        raise RuntimeError(f"OpenCV cannot encode {kind}")
    return np.asarray(data, np.uint8)


def _decoded(data: Bytes) -> Bytes:
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("a picture in it cannot be decoded")
    return np.asarray(pixels, np.uint8)


def _unpacked(seed: int, arrays: dict[str, NDArray[Any]]) -> Sitting:
    count = len(arrays["landmarks"])
    surface = None
    if "surface_faces" in arrays:
        surface = Surface(**{name: arrays[f"surface_{name}"] for name in Surface.__dataclass_fields__})
    return Sitting(
        seed=seed,
        rgb=np.stack([_decoded(arrays[f"rgb{n}"])[..., ::-1] for n in range(count)]),
        landmarks=arrays["landmarks"],
        visibility=(arrays["visibility"] / 255).astype(np.float32),
        extra=arrays["extra"],
        pose=arrays["pose"],
        expression=arrays["expression"],
        gaze=arrays["gaze"],
        layers=np.stack([_decoded(arrays[f"layers{n}"]) for n in range(count)]),
        matte=np.stack([_decoded(arrays[f"matte{n}"]) for n in range(count)]),
        surface=surface,
    )


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
