"""Zero-phase smoothing that lets go where something happens: a resting head rests, a blink stays a blink.

Nothing is causal when the whole driver is at hand, so every filter here is symmetric in time. Each track group is
smoothed
heavily, moderately and lightly; where the finer version differs from the coarser by more than the tracker's own noise,
something moved, and the finer one is taken (the idea of the One-Euro filter, Casiez et al. 2012, run both ways).
The noise is measured on the clip itself.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.tracks import Motion, as_track
from portrait_alive.types import Bytes

_LIGHT_FRAMES: Final = 0.5
_SCALE_S: Final = 0.6
"""Width (standard deviation) of the Gaussian: the size of a head changes slowly or not at all."""
_INSIDE_FRAMES: Final = 0.6
"""Width of the Gaussian over what the mouth shows: noise of single frames, not the tongue's movements."""
_MOUTH: Final = ("jaw", "mouth", "cheekPuff")
_BROWS: Final = ("brow",)


@dataclass(frozen=True)
class _Manner:
    """How a group is smoothed."""

    start: float = 2.0
    full: float = 5.0
    """Deviations, in units of noise, at which the finer version begins to show and shows alone."""
    heavy_s: float = 0.14
    moderate_s: float = 0.05
    light_frames: float = _LIGHT_FRAMES
    """Standard deviations of the three Gaussians."""
    least_noise: float = 0.008
    most_noise: float = 0.04
    """In the track's unit. Less than the least is not seen: a shape that mostly weighs nothing has no noise to speak
    of, and its first stir is no movement. More than the most no tracker makes: there the driver moves all the time."""
    twice: bool = True
    """See `_level`."""


_TURN = _Manner(
    heavy_s=0.1,
    moderate_s=0.03,
    light_frames=0.6,
    least_noise=0.002,
    most_noise=0.004,
    start=2.0,
    full=5.0,
    twice=False,
)
"""A tenth of a degree is not seen. Every other frame may be the mean of its neighbours, whose noise would be measured
as next to none."""
_SHIFT = _Manner(heavy_s=0.1, moderate_s=0.04, light_frames=0.6, least_noise=0.004, start=2.5, full=7.0, twice=False)
_LIDS = _Manner(light_frames=0.0, twice=False, start=3.0, full=8.0, least_noise=0.012)
"""Two channels are loud by chance more often than many are, and a blink is louder than any noise."""
_SPEECH = _Manner(heavy_s=0.115, moderate_s=0.043, light_frames=0.3, most_noise=0.012)
_MIMIC = _Manner(heavy_s=0.2, moderate_s=0.07, light_frames=0.8, start=2.5, full=6.0, most_noise=0.018)
_GAZE = _Manner(heavy_s=0.2, moderate_s=0.07, light_frames=0.5, start=3.0, full=7.0, most_noise=0.016)
_GAP_WEIGHT: Final = 2.0
"""Units of a mouth shape that an opening of one eye distance counts for."""


def smoothed(motion: Motion, strength: float = 1.0) -> Motion:
    """The motion with its tracks smoothed; scale locked to its slow part. Built-in motions are smooth and stay as
    they are.

    Args:
        motion: as tracked.
        strength: 0 leaves it alone, 1 is meant for tracked clips, 2 is for shaky ones.
    """
    if strength <= 0 or motion.frame_count < 5 or motion.provenance.get("kind") == "built-in":
        return motion
    fps = float(motion.fps)
    names = motion.expression_names
    mouth = np.array([name.startswith(_MOUTH) for name in names])
    brows = np.array([name.startswith(_BROWS) for name in names])
    expression = motion.expression.copy()
    # contact of the lips is kept frame by frame; lips and jaw move as one, so that a plosive is sharp in all of its
    # tracks or in none
    # the gap is measured, the shapes are fitted: it counts as three channels, so that it alone can let go of all
    gap = np.repeat(_GAP_WEIGHT * motion.mouth[:, None], 3, 1)
    speech = _adaptive(np.column_stack([expression[:, mouth], gap]), fps, strength, _SPEECH)
    expression[:, mouth] = speech[:, :-3]
    expression[:, brows] = _adaptive(expression[:, brows], fps, strength, _MIMIC)
    rest = ~mouth & ~brows
    expression[:, rest] = _adaptive(expression[:, rest], fps, strength, _MIMIC)
    gaze = _adaptive(motion.gaze.reshape(-1, 4), fps, strength, _GAZE)
    return replace(
        motion,
        rotation=_adaptive(motion.rotation, fps, strength, _TURN),
        translation=_adaptive(motion.translation, fps, strength, _SHIFT),
        scale=gaussian(motion.scale[:, None], _SCALE_S * fps * strength, level_ends=True)[:, 0].astype(np.float32),
        expression=expression,
        lids=np.maximum(_adaptive(motion.lids, fps, strength, _LIDS), 0.0),
        gaze=gaze.reshape(-1, 2, 2),
        inside=_smooth_cells(motion.inside, _INSIDE_FRAMES * strength),
        mouth=np.where(motion.mouth > 0, np.maximum(speech[:, -1] / _GAP_WEIGHT, 0.0), 0.0),
    )


def _smooth_cells(inside: Bytes, sigma: float) -> Bytes:
    """(T, rows, columns, 2) smoothed, a row at a time: all in float64 would be ten times what is kept of a clip."""
    rows = (gaussian(row.reshape(len(row), -1), sigma).reshape(row.shape) for row in inside.transpose(1, 0, 2, 3))
    return np.stack([as_track("inside", row) for row in rows], 1)


def _adaptive(track: NDArray[np.float32], fps: float, strength: float, manner: _Manner) -> NDArray[np.float32]:
    """(T, D) smoothed as one group: one decision for all of its channels."""
    if track.shape[1] == 0:
        return track
    values = track.astype(np.float64)
    noise = np.clip(noise_of(values), manner.least_noise, manner.most_noise)
    versions = [
        _level(values, width) if manner.twice else gaussian(values, width)
        for width in (
            strength * manner.heavy_s * fps,
            strength * manner.moderate_s * fps,
            strength * manner.light_frames,
        )
    ]
    by_chance = max(0.8 * np.sqrt(2 * np.log(max(values.shape[1], 3) / 1.5)), 1.0)
    result = versions[0]
    for finer in versions[1:]:
        apart = np.abs(finer - result) / noise
        # the loudest channels decide, against how loud the loudest of so many are by chance
        loud = np.sqrt((np.sort(apart, axis=1)[:, -3:] ** 2).mean(1)) / by_chance
        share = np.clip((loud / strength - manner.start) / (manner.full - manner.start), 0.0, 1.0)
        share = gaussian(_widened(share, 1)[:, None], 1.0)
        result = result + share * (finer - result)
    return result.astype(np.float32)


def noise_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(D,) standard deviation of the frame-to-frame noise of (T, D) tracks, from the quiet part of their second
    differences.

    For white noise the second difference has sqrt(6) times its deviation; the lower quartile ignores movement.
    """
    second = np.abs(np.diff(values, 2, axis=0))
    return np.asarray(np.percentile(second, 40, axis=0) / (0.5244 * np.sqrt(6.0)))


def _level(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """(T, D) smoothed by a Gaussian, and what that takes off smoothed once more and put back (Tukey's twicing): as calm
    as a Gaussian two thirds as wide, but slow movements keep their size."""
    once = gaussian(values, sigma)
    return once if sigma < 1.0 else once + gaussian(values - once, sigma)


def gaussian(values: NDArray[np.floating], sigma: float, *, level_ends: bool = False) -> NDArray[np.float64]:
    """(T, D) convolved in time with a Gaussian of `sigma` frames.

    Beyond the ends the track goes on reflected through its end point, so that a drift drifts on; with `level_ends`
    mirrored instead, so that the end point itself, noise and all, is not held on to.
    """
    data = np.asarray(values, np.float64)
    if sigma < 0.15:
        return data
    reach = min(max(int(np.ceil(3 * sigma)), 1), len(data) - 1)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-((offsets / sigma) ** 2) / 2)
    kernel /= kernel.sum()
    head, tail = data[reach:0:-1], data[-2 : -reach - 2 : -1]
    if not level_ends:
        head, tail = 2 * data[:1] - head, 2 * data[-1:] - tail
    padded = np.concatenate([head, data, tail])
    result = np.zeros_like(data)
    for weight, offset in zip(kernel, offsets, strict=True):
        result += weight * padded[reach + offset : reach + offset + len(data)]
    return result


def _widened(share: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """Moving maximum over `frames` on either side: sharpness begins before the movement does."""
    padded = np.pad(share, frames, mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * frames + 1).max(1))
