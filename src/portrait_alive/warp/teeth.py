"""What a closed mouth hides, drawn in the picture's own colours: dark, tongue and two rows of teeth."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from portrait_alive.types import Bytes, Float
from portrait_alive.warp.filling import LUMA

_UPPER_EDGES = (0.0, 0.165, 0.295, 0.40, 0.475)
"""Boundaries of the upper teeth from the middle outwards, as fractions of the mouth's width, as seen from the front."""
_TONGUE_TINT = np.array([1.0, 0.93, 1.0], np.float32)
_LOWER_EDGES = (0.0, 0.095, 0.195, 0.30, 0.39)


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours (3,) sRGB, 0..255, taken from the picture."""

    dark: Float
    teeth: Float
    tongue: Float
    gums: Float


def palette_of(pixels: Bytes, lips: Float, skin: Float) -> Palette:
    """Colours of the mouth's inside.

    Args:
        pixels: (N, 3) uint8 of the face.
        lips: (3,) the lips' median colour.
        skin: (3,) the face's median colour.
    """
    colours = pixels.reshape(-1, 3).astype(np.float32)
    luma = colours @ LUMA
    shadow = colours[luma <= np.percentile(luma, 3)].mean(0)
    shadow = 0.5 * shadow + 0.5 * float(shadow @ LUMA)
    light = colours[luma >= np.percentile(luma, 92)].mean(0)
    # no darker than the picture's own shadows, no redder than its lips
    dark = 0.3 * shadow + 0.4 * lips
    dark *= min(1.0, 0.32 * float(skin @ LUMA) / max(float(dark @ LUMA), 1.0))
    grey = float(light @ LUMA)
    teeth = 0.4 * grey + 0.6 * light
    return Palette(
        dark.astype(np.float32),
        np.minimum(teeth * 1.06, 245).astype(np.float32),
        (0.87 * lips * _TONGUE_TINT + 0.03 * skin).astype(np.float32),
        (0.55 * lips).astype(np.float32),
    )


def upper_row(u: Float, v: Float, palette: Palette, pixel: float) -> Float:
    """Upper teeth and gums, (h, w, 4) float32: colour, then opacity in [0, 1].

    Args:
        u: along the mouth, 0 in the middle, in mouth widths.
        v: across, 0 where the lips meet, downwards, in mouth widths.
        palette: the colours.
        pixel: one pixel in mouth widths: edges are that soft.
    """
    x = np.abs(u)
    edge = 0.05 - 0.10 * x * x - 0.012 * _between(x, _UPPER_EDGES)
    return _row(x, edge - v, 0.19, _UPPER_EDGES, palette, 1.0, pixel)


def lower_row(u: Float, v: Float, palette: Palette, pixel: float) -> Float:
    """Lower teeth and gums; arguments as in `upper_row`."""
    x = np.abs(u)
    edge = 0.055 + 0.06 * x * x + 0.006 * _between(x, _LOWER_EDGES)
    return _row(x, v - edge, 0.15, _LOWER_EDGES, palette, 0.8, pixel)


def tongue(u: Float, v: Float, palette: Palette, gap: float) -> Float:
    """The tongue's back behind the lower teeth, (h, w, 4) float32; arguments as in `upper_row`.

    It fills the lower half of an opening, which is `gap` mouth widths high.
    """
    high = 0.14 + 0.75 * gap
    reach = np.hypot(u / np.float32(0.44), (v - np.float32(0.15)) / np.float32(high))
    opacity = np.clip((1.0 - reach) / 0.45, 0, 1)
    front = np.clip((v - np.float32(0.15 - high)) / np.float32(high), 0, 1)
    light = (0.68 + 0.32 * front) * (1 - 0.1 * np.exp(-np.square(u * np.float32(1 / 0.025))) * front)
    return np.dstack([palette.tongue * light[..., None], 0.95 * opacity]).astype(np.float32)


def _row(
    x: Float, inward: Float, height: float, edges: tuple[float, ...], palette: Palette, light: float, pixel: float
) -> Float:
    """One row: `inward` is the distance from the biting edge towards the gums, in mouth widths."""
    soft = max(pixel, 0.008)
    tooth = np.clip(inward / soft + 0.5, 0, 1)
    # a row is an arch: it recedes into the dark of the corners
    depth = np.clip(x / edges[-1], 0, 1.4)
    shade = light * (1.0 - 0.7 * depth**2.5)
    gap = np.full_like(x, 1.0)
    for boundary in edges:
        gap = np.minimum(gap, np.abs(x - boundary))
    line = 0.17 * np.exp(-((gap / (0.008 + 0.5 * pixel)) ** 2)) * min(0.02 / soft, 1.0)
    roundness = 1.0 - 0.10 * np.clip(inward / height, 0, 1)
    tip = 1.0 - 0.10 * np.exp(-inward / 0.02)
    colour = palette.teeth * (shade * (1 - line) * roundness * tip)[..., None]
    gum = np.clip((inward - height) / (2 * soft) + 0.5, 0, 1)[..., None]
    colour = colour * (1 - gum) + palette.gums * (shade * 0.8)[..., None] * gum
    opacity = tooth * np.clip((edges[-1] + 0.02 - x) / 0.04, 0, 1)
    return np.dstack([colour, opacity]).astype(np.float32)


def _between(x: Float, edges: tuple[float, ...]) -> Float:
    """1 at the boundaries between teeth, 0 in the middle of each: biting edges are rounded there."""
    place = np.interp(x, edges, np.arange(len(edges))).astype(np.float32)
    part = np.abs(place - np.round(place)) * 2
    return cast(Float, np.clip(1 - part * 2.2, 0, 1) ** 2)
