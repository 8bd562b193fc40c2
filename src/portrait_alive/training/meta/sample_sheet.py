"""What the networks make of held-out episodes, as a picture to look at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from portrait_alive.training.meta.episode_store import EpisodeBatch
from portrait_alive.types import Bytes


def write_sheet(path: Path, rows: Sequence[tuple[EpisodeBatch, Tensor]], columns: int = 2) -> None:
    """Write a PNG; for each episode source, warped frame, made frame, truth, and the change, four times as strong."""
    strips = []
    for episode, made in rows:
        pictures = [
            episode.sources[:, 0, :3],
            episode.planes[:, :3],
            made,
            episode.truth,
            4 * (made - episode.planes[:, :3]),
        ]
        strips.append(np.hstack([_pixels(picture) for picture in pictures]))
    strips += [np.zeros_like(strips[0])] * (-len(strips) % columns)
    per_column = len(strips) // columns
    sheet = np.hstack([np.vstack(strips[at * per_column : (at + 1) * per_column]) for at in range(columns)])
    cv2.imwrite(str(path), sheet[..., ::-1])


def _pixels(picture: Tensor) -> Bytes:
    """(H, W, 3) uint8 of (1, 3, H, W) in [-1, 1]."""
    return ((picture[0].clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
