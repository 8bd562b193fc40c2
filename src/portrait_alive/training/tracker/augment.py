"""What happens to a face crop before the landmark network sees it: geometry, light, dirt, paint and things in front."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.types import Bytes, Float


@dataclass(frozen=True, eq=False)
class View:
    """One training crop and its labels."""

    pixels: Bytes
    """(S, S, 3) uint8 RGB."""
    points: Float
    """(478, 3) in crop pixels."""


def random_view(
    rng: np.random.Generator, pixels: Bytes, points: Float, size: int, mirror: NDArray[np.int64], *, elastic: bool
) -> View:
    """A randomly placed, bent, lit and spoiled crop of a face.

    Args:
        pixels: (H, W, 3) uint8 RGB around the face.
        points: (478, 3) its landmarks in those pixels.
        mirror: (478,) the point that each becomes in a mirrored picture.
        elastic: bend the face smoothly, which makes other faces of few.
    """
    if rng.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
        points = points[mirror] * np.array([-1, 1, 1], np.float32) + np.array([pixels.shape[1], 0, 0], np.float32)
    crop = _jittered(rng, FaceCrop.around_points(points, size))
    stretch = np.exp(rng.normal(0, 0.06 if elastic else 0.02, 2)).astype(np.float32)
    bend = _bend(rng, size, strength=float(rng.uniform(0, 0.035)) * size) if elastic and rng.random() < 0.6 else None
    cut, moved = resample(pixels, points, crop, stretch, bend)
    return View(spoil(rng, cut), moved)


def _jittered(rng: np.random.Generator, crop: FaceCrop) -> FaceCrop:
    """A crop as following leaves it most of the time, as a first detection leaves it otherwise."""
    rough = rng.random() < 0.3
    angle = rng.uniform(-1.05, 1.05) if rough and rng.random() < 0.6 else rng.normal(0, 0.06)
    scale = rng.uniform(0.75, 1.5) if rough else np.exp(rng.normal(0, 0.06))
    spread = 0.12 if rough else 0.035
    shift = rng.normal(0, spread, 2) * crop.side
    return FaceCrop(
        (crop.centre[0] + float(shift[0]), crop.centre[1] + float(shift[1])),
        crop.side * float(scale),
        crop.angle + float(angle),
        crop.size,
    )


def _bend(rng: np.random.Generator, size: int, strength: float) -> Float:
    """A smooth random displacement (size, size, 2) of about `strength` pixels."""
    coarse = rng.normal(0, strength, (5, 5, 2)).astype(np.float32)
    return cast(Float, cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))


def resample(pixels: Bytes, points: Float, crop: FaceCrop, stretch: Float, bend: Float | None) -> tuple[Bytes, Float]:
    """Cut the crop through a stretch about its centre and a bend, and take the points along."""
    size = crop.size
    half = size / 2
    moved = crop.to_crop(points)
    moved[:, :2] = (moved[:, :2] - half) * stretch + half
    matrix = crop.to_picture_matrix.copy()
    linear = matrix[:, :2] / stretch
    offset = matrix[:, 2] + matrix[:, :2] @ np.full(2, half, np.float32) - linear @ np.full(2, half, np.float32)
    shrink = crop.side / size
    if shrink > 1.5:
        pixels = cast(Bytes, cv2.GaussianBlur(pixels, (0, 0), 0.4 * shrink))
    if bend is None:
        affine = np.column_stack([linear, offset + linear.sum(1) * 0.5 - 0.5])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cut = cv2.warpAffine(pixels, affine, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return cast(Bytes, cut), moved
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32) + 0.5
    seen = np.stack([xs, ys], 2) + bend
    where = (seen @ linear.T + offset - 0.5).astype(np.float32)
    cut = cv2.remap(pixels, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    target = moved[:, :2].copy()
    for _ in range(4):  # the bend maps output to input; invert it at the points
        here = np.clip(moved[:, :2], 0, size - 1).astype(np.float32)
        shift = cv2.remap(bend, (here - 0.5)[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
        moved[:, :2] = target - shift
    return cast(Bytes, cut), moved


def spoil(rng: np.random.Generator, pixels: Bytes, *, blur_px: float = 2.2, occluded: float = 0.3) -> Bytes:
    """The crop as bad cameras, old photographs and painters would have left it.

    Args:
        blur_px: the strongest blur.
        occluded: how often something is in front.
    """
    image = pixels
    if rng.random() < occluded:
        image = _occluded(rng, image)
    if rng.random() < 0.25:
        image = _painterly(rng, image)
    if rng.random() < 0.25:
        image = cast(Bytes, cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, blur_px))))
    elif rng.random() < 0.15:
        small = rng.uniform(0.25, 0.7)
        size = image.shape[0]
        less = cv2.resize(image, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        image = cast(Bytes, cv2.resize(less, (size, size), interpolation=cv2.INTER_LINEAR))
    light = _relit(rng, image.astype(np.float32) / 255.0)
    if rng.random() < 0.5:
        light += rng.normal(0, rng.uniform(0.005, 0.06), light.shape).astype(np.float32)
    image = (np.clip(light, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.25:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        image = cast(Bytes, cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR))
    return image


def _relit(rng: np.random.Generator, light: Float) -> Float:
    """Exposure, contrast, gamma, colour cast, side light, grey."""
    light = np.power(light, float(np.exp(rng.normal(0, 0.25))))
    gain = np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.08, 3))
    if rng.random() < 0.1:
        gain = gain * rng.uniform(0.15, 0.5)  # a dark picture
    light = (light - 0.5) * float(np.exp(rng.normal(0, 0.2))) + 0.5
    light = light * gain.astype(np.float32)
    if rng.random() < 0.3:
        size = light.shape[0]
        angle = rng.uniform(0, 2 * np.pi)
        ramp = np.linspace(-1, 1, size, dtype=np.float32)
        slope = np.cos(angle) * ramp[None] + np.sin(angle) * ramp[:, None]
        light = light * (1 + float(rng.uniform(0, 0.5)) * slope)[..., None]
    if rng.random() < 0.2:
        grey = light.mean(2, keepdims=True)
        tint = 1 + rng.normal(0, 0.06, 3).astype(np.float32)
        light = grey * tint
    elif rng.random() < 0.3:
        grey = light.mean(2, keepdims=True)
        light = grey + (light - grey) * float(rng.uniform(0.2, 1.8))
    if rng.random() < 0.03:
        light = light[:, :, ::-1]
    return cast(Float, light.astype(np.float32))


def _occluded(rng: np.random.Generator, pixels: Bytes) -> Bytes:
    """A blob, a bar or a straight edge of some colour or of the picture's own texture in front of the face."""
    size = pixels.shape[0]
    mask = np.zeros((size, size), np.uint8)
    kind = rng.integers(3)
    x, y = (int(v) for v in rng.integers(0, size, 2))
    if kind == 0:
        axes = tuple(int(v) for v in rng.integers(size // 20, size // 4, 2))
        cv2.ellipse(mask, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    elif kind == 1:
        far = tuple(int(v) for v in rng.integers(0, size, 2))
        cv2.line(mask, (x, y), far, 255, int(rng.integers(2, size // 8)))
    else:
        cut = int(rng.integers(size * 2 // 3, size))
        side = rng.integers(4)
        mask[(slice(cut, None), slice(None)) if side % 2 else (slice(None), slice(cut, None))] = 255
        mask = np.ascontiguousarray(mask[::-1, ::-1]) if side > 1 else mask
    fill = np.empty_like(pixels)
    if rng.random() < 0.5:
        fill[:] = rng.integers(0, 256, 3)
    else:
        fill = np.roll(pixels, tuple(int(v) for v in rng.integers(size // 4, size * 3 // 4, 2)), (0, 1))
    soft = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.5, 2.0)))[..., None] / 255.0
    return cast(Bytes, (pixels * (1 - soft) + fill * soft).astype(np.uint8))


def _painterly(rng: np.random.Generator, pixels: Bytes) -> Bytes:
    """Strokes, flat patches, canvas or a drawing's lines."""
    kind = rng.integers(4)
    size = pixels.shape[0]
    if kind == 0:
        return cast(Bytes, cv2.medianBlur(pixels, int(rng.choice([3, 5, 7]))))
    if kind == 1:
        levels = int(rng.integers(4, 10))
        flat = cv2.bilateralFilter(pixels, 5, 60, 3)
        return cast(
            Bytes, ((flat.astype(np.float32) * levels / 255).round() * (255 / levels)).clip(0, 255).astype(np.uint8)
        )
    if kind == 2:
        noise = rng.normal(0, 1, (size, size)).astype(np.float32)
        angle = rng.uniform(0, np.pi)
        kernel = np.zeros((9, 9), np.float32)
        dx, dy = round(4 * np.cos(angle)), round(4 * np.sin(angle))
        cv2.line(kernel, (4 - dx, 4 - dy), (4 + dx, 4 + dy), 1, 1)
        strokes = cv2.filter2D(noise, -1, kernel / kernel.sum())
        strength = rng.uniform(8, 35)
        return cast(Bytes, (pixels + strokes[..., None] * strength).clip(0, 255).astype(np.uint8))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    lines = cv2.divide(grey, np.maximum(cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(2, 6))), 1), scale=220)
    drawn = cv2.addWeighted(lines, 0.7, grey, 0.3, 0)
    return cast(Bytes, np.repeat(drawn[..., None], 3, 2))
