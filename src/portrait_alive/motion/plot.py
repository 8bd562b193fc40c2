"""A picture of a motion's tracks over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.tracks import Motion
from portrait_alive.types import Bytes

_PAPER: Final = (252, 251, 248)
_INK: Final = (40, 40, 44)
_FAINT: Final = (214, 212, 206)
_BRIDGED: Final = (250, 226, 205)
_COLOURS: Final = ((200, 62, 48), (38, 96, 178), (54, 140, 70), (150, 88, 170), (214, 142, 28), (60, 150, 160))
_LEFT, _RIGHT, _GAP, _TITLE = 74, 16, 12, 22
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SPOKEN: Final = (
    ("jawOpen", ("jawOpen",)),
    ("smile", ("mouthSmile_L", "mouthSmile_R")),
    ("pucker", ("mouthPucker", "mouthFunnel")),
    ("brow up", ("browInnerUp_L", "browInnerUp_R", "browOuterUp_L", "browOuterUp_R")),
    ("brow down", ("browDown_L", "browDown_R")),
)


@dataclass(frozen=True, eq=False)
class _Panel:
    title: str
    unit: str
    curves: tuple[tuple[str, NDArray[np.floating]], ...]
    rest: tuple[float, ...] = ()
    least_span: float = 0.1


def plot_motion(motion: Motion, *, width: int = 1600, panel_height: int = 150) -> Bytes:
    """(H, W, 3) uint8 sRGB: pose, place, lids, mouth, gaze and expression over seconds; filled-in frames are shaded.

    Args:
        motion: of any length.
        width: of the picture, pixels, at least 320.
        panel_height: of each of the six panels.
    """
    panels = _panels(motion)
    step = panel_height + _GAP + _TITLE
    canvas = np.full((len(panels) * step + 34, max(width, 320), 3), _PAPER, np.uint8)
    for row, panel in enumerate(panels):
        top = row * step + _TITLE
        _draw(canvas[top : top + panel_height], panel, motion)
        _legend(canvas, panel, top - 7)
    _seconds(canvas, motion.duration_s)
    return canvas


def _panels(motion: Motion) -> Sequence[_Panel]:
    degrees, rest = np.degrees(motion.rotation), np.degrees(motion.neutral.rotation)
    names = motion.expression_names
    spoken = tuple(
        (label, motion.expression[:, [names.index(shape) for shape in shapes]].mean(1))
        for label, shapes in _SPOKEN
        if all(shape in names for shape in shapes)
    )
    gaze = motion.gaze.mean(1)
    return (
        _Panel("head", "degrees", _named(("yaw", "pitch", "roll"), degrees), tuple(rest.tolist()), 10.0),
        _Panel("place", "cm", _named(("x", "y"), motion.translation), tuple(motion.neutral.translation.tolist()), 1.0),
        _Panel("lids", "1 = relaxed", _named(("right", "left"), motion.lids), (1.0,), 1.2),
        _Panel("mouth", "gap / eye distance", (("opening", motion.mouth),), (motion.neutral.mouth,), 0.2),
        _Panel("gaze", "eye half-widths", _named(("x", "y"), gaze), tuple(motion.neutral.gaze.mean(0).tolist()), 0.4),
        _Panel("expression", "weight", spoken, (), 0.5),
    )


def _named(labels: Sequence[str], columns: NDArray[np.floating]) -> tuple[tuple[str, NDArray[np.floating]], ...]:
    return tuple((label, columns[:, at]) for at, label in enumerate(labels))


def _draw(area: Bytes, panel: _Panel, motion: Motion) -> None:
    height, width = area.shape[:2]
    values = np.concatenate([curve for _, curve in panel.curves]) if panel.curves else np.zeros(1)
    middle = (values.max() + values.min()) / 2
    span = max(float(np.ptp(values)) * 1.1, panel.least_span)
    low, high = middle - span / 2, middle + span / 2
    across = np.linspace(_LEFT, width - _RIGHT, motion.frame_count) if motion.frame_count > 1 else np.array([_LEFT])

    def down(value: "NDArray[np.floating] | float") -> NDArray[np.float64]:
        return np.asarray((high - np.asarray(value, np.float64)) / span * (height - 1))

    half = (width - _LEFT - _RIGHT) / max(motion.frame_count - 1, 1) / 2
    for frame in np.flatnonzero(motion.bridged):
        area[:, int(max(across[frame] - half, _LEFT)) : int(across[frame] + half) + 1] = _BRIDGED
    cv2.rectangle(area, (_LEFT, 0), (width - _RIGHT, height - 1), _FAINT, 1)
    for value in (low + 0.1 * span, middle, high - 0.1 * span):
        y = int(down(value))
        cv2.line(area, (_LEFT, y), (width - _RIGHT, y), _FAINT, 1)
        cv2.putText(area, f"{value:.2f}", (8, y + 4), _FONT, 0.4, _INK, 1, cv2.LINE_AA)
    for value in panel.rest:
        y = int(np.clip(down(value), 0, height - 1))
        for x in range(_LEFT, width - _RIGHT, 8):
            cv2.line(area, (x, y), (x + 3, y), _INK, 1)
    for (_, curve), colour in zip(panel.curves, _COLOURS, strict=False):
        line = np.stack([across, down(curve)], 1)
        cv2.polylines(area, [np.rint(line * 16).astype(np.int32)], False, colour, 1, cv2.LINE_AA, shift=4)


def _legend(canvas: Bytes, panel: _Panel, y: int) -> None:
    text = f"{panel.title} ({panel.unit})"
    cv2.putText(canvas, text, (_LEFT, y), _FONT, 0.45, _INK, 1, cv2.LINE_AA)
    x = _LEFT + 230
    for (label, _), colour in zip(panel.curves, _COLOURS, strict=False):
        cv2.putText(canvas, label, (x, y), _FONT, 0.45, colour, 1, cv2.LINE_AA)
        x += 16 + cv2.getTextSize(label, _FONT, 0.45, 1)[0][0]


def _seconds(canvas: Bytes, duration_s: float) -> None:
    height, width = canvas.shape[:2]
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300) if duration_s / s <= 16), 600)
    for tick in np.arange(0, duration_s + 1e-9, step):
        x = int(_LEFT + tick / duration_s * (width - _LEFT - _RIGHT))
        cv2.putText(canvas, f"{tick:g} s", (x, height - 12), _FONT, 0.4, _INK, 1, cv2.LINE_AA)
