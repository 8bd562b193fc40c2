"""What the generator sees of one frame, made by the same code when a portrait is animated and in training."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from portrait_alive.neural.landmark_image import landmark_image
from portrait_alive.neural.view import View
from portrait_alive.types import Bytes, DrivenFace, SourceFace
from portrait_alive.warp.warper import Rendered

PLANES = 11
"""Warped colours (3), landmark image of the driven face (3), drawn, opacity, uncovered, flow (2)."""
SOURCE_PLANES = 6
"""Colours (3) and landmark image (3) of a source picture."""
_FLOW_STEPS = 2.0
"""Steps of a stored flow per view pixel; 8 bits reach 64 view pixels to either side."""


@dataclass(frozen=True, eq=False)
class Condition:
    """One frame as the generator sees it."""

    view: View
    planes: Bytes
    """(V, V, 11) uint8, see `PLANES`; flow about 128 in steps of half a view pixel."""


def see_frame(rendered: Rendered, corner: tuple[int, int], face: DrivenFace, side: int) -> Condition:
    """The generator's view of a warped frame.

    Args:
        rendered: from `Warper.render_with_masks`.
        corner: (x, y) of the rendered region in the picture.
        face: what was rendered.
        side: from `View.side_for`.
    """
    view = View.around(face.points, side)
    steps = np.clip(rendered.flow * np.float32(view.scale * _FLOW_STEPS) + 128, 0, 255)
    planes = [
        view.cut(rendered.pixels, corner),
        landmark_image(view.points(face.points)),
        *(
            np.rint(view.cut(plane, corner, beyond=0.0) * 255)
            for plane in (rendered.drawn, rendered.opacity, rendered.uncovered)
        ),
        np.rint(view.cut(steps.astype(np.float32), corner, beyond=128.0)),
    ]
    return Condition(view, np.dstack(planes).astype(np.uint8))


def see_source(pixels: Bytes, face: SourceFace) -> Bytes:
    """(V, V, 6) uint8: a source picture's face and its landmark image, as the embedder sees them.

    Args:
        pixels: (H, W, 3) uint8 sRGB, the whole picture.
        face: its face.
    """
    view = View.around(face.points, View.side_for(face))
    return np.dstack([view.cut(pixels, (0, 0)), landmark_image(view.points(face.points))]).astype(np.uint8)


def as_tensor(planes: Bytes, device: torch.device) -> Tensor:
    """(B, C, V, V) float32 in [-1, 1] from planes (B, V, V, C) uint8."""
    batch = torch.from_numpy(np.ascontiguousarray(planes)).to(device).permute(0, 3, 1, 2)
    return batch.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)
