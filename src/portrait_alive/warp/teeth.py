"""What a closed mouth hides, drawn in the picture's own colours: dark, tongue and two rows of teeth."""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from portrait_alive.tones import LUMA
from portrait_alive.types import Bytes, Float

UPPER_EDGES = (0.0, 0.165, 0.295, 0.40, 0.475, 0.53)
"""Boundaries of the upper teeth from the middle outwards, as fractions of the mouth's width, as seen from the front."""
LOWER_EDGES = (0.0, 0.095, 0.195, 0.30, 0.39, 0.46)
"""The same of the lower teeth."""
_TONGUE_TINT = np.array([1.02, 0.92, 0.94], np.float32)
"""Of a tongue over that of lips."""
_ARCH_WIDE, _ARCH_DEEP = 0.58, 0.73
"""Half-axes of the ellipse along which teeth stand, in mouth widths."""
_ARCH_END = 1.4
"""Radians along that ellipse, from the middle, to its last teeth."""
_ROW_ENDS = 0.08
"""Mouth widths over which a row ends."""
_ARCH_STRETCH = 1.7
"""How much wider than a head's own an arch may be made, to reach the corners of its mouth."""
_WHITES_SHARE = 0.5
"""How far the teeth's tint is that of the eyes' whites; the rest is that of the brightest skin."""


@dataclass(frozen=True, eq=False)
class Arch:
    """Where teeth that stand along an arch are seen when the head is turned: the far ones closer together."""

    seen: Float
    """(N,) along the mouth, increasing, 0 at the middle tooth, in mouth widths."""
    front: Float
    """(N,) where the same teeth would be seen from the front."""
    raised: Float
    """(N,) how much further down than the middle tooth they are seen."""

    @staticmethod
    def of(axes: Float) -> "Arch":
        """The arch of a head whose own axes (right, down, back) are seen as the columns of `axes` (2, 3), in (u, v)."""
        angle = np.linspace(-_ARCH_END, _ARCH_END, 57)
        front, depth = _ARCH_WIDE * np.sin(angle), _ARCH_DEEP * (1 - np.cos(angle))
        seen = front * axes[0, 0] + depth * axes[0, 2]
        # what stands behind nearer teeth is not seen
        middle = len(angle) // 2
        seen[middle:] = np.maximum.accumulate(seen[middle:])
        seen[: middle + 1] = np.minimum.accumulate(seen[middle::-1])[::-1]
        seen += np.arange(-middle, middle + 1) * 1e-6
        return Arch(*(part.astype(np.float32) for part in (seen, front, depth * axes[1, 2])))

    def reaching(self, left: float, right: float) -> "Arch":
        """The arch, made wider to either side where it ends short of places `left` and `right` of its middle."""
        wider = np.where(
            self.front < 0,
            np.clip(left / max(-float(self.seen[0]), 1e-3), 1, _ARCH_STRETCH),
            np.clip(right / max(float(self.seen[-1]), 1e-3), 1, _ARCH_STRETCH),
        )
        return replace(self, seen=(self.seen * wider).astype(np.float32))

    def place(self, u: Float, v: Float, soft: float) -> tuple[Float, Float, Float]:
        """Teeth seen at (u, v) in mouth widths: where they would be from the front, and what is left of them.

        Beyond the last tooth nothing is; the rows end over `soft` mouth widths.
        """
        front = np.interp(u, self.seen, self.front).astype(np.float32)
        lower = v - np.interp(u, self.seen, self.raised).astype(np.float32)
        beyond = np.maximum(u - self.seen[-1], self.seen[0] - u)
        return front, lower, np.clip(0.5 - beyond / np.float32(soft), 0, 1)


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours (3,) sRGB, 0..255, taken from the picture."""

    dark: Float
    teeth: Float
    tongue: Float
    gums: Float
    skin: Float


def palette_of(pixels: Bytes, lips: Float, skin: Float, whites: Float | None = None) -> Palette:
    """Colours of the mouth's inside.

    Args:
        pixels: (N, 3) uint8 of the face.
        lips: (3,) the lips' median colour.
        skin: (3,) the face's median colour.
        whites: (3,) colour of the eyes' whites: what is white in the picture's light, under its varnish.
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
    if whites is not None:
        teeth += _WHITES_SHARE * (whites * (grey / max(float(whites @ LUMA), 1.0)) - teeth)
        # reddened eyes are no reason for pink teeth
        teeth[1] = max(float(teeth[1]), 0.49 * float(teeth[0] + teeth[2]))
        teeth *= grey / max(float(teeth @ LUMA), 1.0)
    return Palette(
        dark.astype(np.float32),
        np.minimum(teeth * 1.06, 245).astype(np.float32),
        (0.87 * lips * _TONGUE_TINT + 0.03 * skin).astype(np.float32),
        (0.7 * lips).astype(np.float32),
        skin.astype(np.float32),
    )


def upper_row(u: Float, v: Float, palette: Palette, pixel: float, arch: Arch) -> Float:
    """Upper teeth and gums, (h, w, 4) float32: colour, then opacity in [0, 1].

    Args:
        u: along the mouth, 0 in the middle of the teeth, in mouth widths.
        v: across, 0 where the lips meet, downwards, in mouth widths.
        palette: the colours.
        pixel: one pixel in mouth widths: edges are that soft.
        arch: along which the teeth stand.
    """
    front, v, there = arch.place(u, v, max(pixel, _ROW_ENDS))
    x = np.abs(front)
    edge = 0.05 - 0.10 * x * x - 0.012 * _between(x, UPPER_EDGES)
    return _row(x, edge - v, there, 0.19, UPPER_EDGES, palette, 1.0, pixel)


def lower_row(u: Float, v: Float, palette: Palette, pixel: float, arch: Arch) -> Float:
    """Lower teeth and gums; arguments as in `upper_row`."""
    front, v, there = arch.place(u, v, max(pixel, _ROW_ENDS))
    x = np.abs(front)
    edge = 0.055 + 0.06 * x * x + 0.006 * _between(x, LOWER_EDGES)
    return _row(x, v - edge, there, 0.15, LOWER_EDGES, palette, 0.8, pixel)


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
    x: Float,
    inward: Float,
    there: Float,
    height: float,
    edges: tuple[float, ...],
    palette: Palette,
    light: float,
    pixel: float,
) -> Float:
    """One row: `inward` is the distance from the biting edge towards the gums, in mouth widths; `there` its opacity."""
    soft = max(pixel, 0.008)
    tooth = np.clip(inward / soft + 0.5, 0, 1)
    # a row is an arch: it recedes into the dark of the corners
    shade = light * np.maximum(1.0 - 0.8 * (x / edges[-1]) ** 2.5, 0.05)
    roundness = 1.0 - 0.10 * np.clip(inward / height, 0, 1)
    tip = 1.0 - 0.10 * np.exp(-inward / 0.02)
    colour = palette.teeth * (shade * enamel(x, edges, pixel) * roundness * tip)[..., None]
    gum = np.clip((inward - height) / (2 * soft) + 0.5, 0, 1)[..., None]
    colour = colour * (1 - gum) + palette.gums * (shade * 0.8)[..., None] * gum
    return np.dstack([colour, tooth * there]).astype(np.float32)


def enamel(x: Float, edges: tuple[float, ...], pixel: float) -> Float:
    """(h, w) lightness of a row of teeth seen from the front, 1 but for the lines between them.

    Args:
        x: distance from the middle of the row, in mouth widths.
        edges: `UPPER_EDGES` or `LOWER_EDGES`.
        pixel: one pixel in mouth widths: lines are that soft.
    """
    gap = np.full_like(x, 1.0)
    for boundary in edges:
        gap = np.minimum(gap, np.abs(x - boundary))
    depth = 0.17 * min(0.02 / max(pixel, 0.008), 1.0)
    return cast(Float, (1 - depth * np.exp(-((gap / (0.008 + 0.5 * pixel)) ** 2))).astype(np.float32))


def _between(x: Float, edges: tuple[float, ...]) -> Float:
    """1 at the boundaries between teeth, 0 in the middle of each: biting edges are rounded there."""
    place = np.interp(x, edges, np.arange(len(edges))).astype(np.float32)
    part = np.abs(place - np.round(place)) * 2
    return cast(Float, np.clip(1 - part * 2.2, 0, 1) ** 2)
