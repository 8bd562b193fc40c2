"""Contact sheets: many heads on one picture, to be judged by eye."""

import numpy as np

from portrait_alive.heads.flow import flow_between
from portrait_alive.heads.frame import random_frames
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.person import Person
from portrait_alive.heads.regions import find_regions
from portrait_alive.heads.render import HeadRender, render
from portrait_alive.types import Bytes

LAYER_COLOURS = np.array(
    [[30, 30, 40], [60, 90, 170], [220, 170, 130], [120, 70, 30], [240, 240, 240], [150, 20, 30], [255, 255, 120],
     [40, 200, 90]],
    np.uint8,
)  # fmt: skip
"""sRGB colour of each `Layer` on a sheet."""


def grid(pictures: list[Bytes], columns: int) -> Bytes:
    """Pictures (H, W, 3) of one size side by side in rows of `columns`; the last row is filled up with black."""
    rows = []
    for start in range(0, len(pictures), columns):
        row = pictures[start : start + columns]
        row = row + [np.zeros_like(pictures[0])] * (columns - len(row))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows, axis=0)


def marked(head: HeadRender) -> Bytes:
    """(H, W, 3) the picture with its landmarks: green where visible, red where hidden."""
    out = head.rgb.copy()
    height, width = out.shape[:2]
    for (x, y, _), seen in zip(head.landmarks, head.visibility, strict=True):
        column, row = int(x), int(y)
        if 0 <= column < width and 0 <= row < height:
            out[row, column] = (40, 255, 60) if seen > 0.5 else (255, 40, 40)
    return out


def people_sheet(model: HeadModel, *, first: int = 0, count: int = 24, columns: int = 6, size: int = 256) -> Bytes:
    """One random moment of each of `count` people from seed `first` on."""
    regions = find_regions(model)
    pictures = []
    for seed in range(first, first + count):
        person = Person.random(model, regions, seed)
        frame = random_frames(model.expression_names, np.random.default_rng([seed, 1]), 1)[0]
        pictures.append(render(model, person, frame, size).rgb)
    return grid(pictures, columns)


def truth_sheet(model: HeadModel, *, first: int = 0, count: int = 6, size: int = 256) -> Bytes:
    """For each person a row: source, target, source warped to the target by the flow (magenta where it is not seen
    in the source), landmarks, layers.
    """
    regions = find_regions(model)
    pictures = []
    for seed in range(first, first + count):
        person = Person.random(model, regions, seed)
        frames = random_frames(model.expression_names, np.random.default_rng([seed, 1]), 2)
        source, target = (render(model, person, frame, size) for frame in frames)
        flow, seen = flow_between(source, target, person.faces)
        column = np.clip(flow[..., 0].astype(int), 0, size - 1)
        row = np.clip(flow[..., 1].astype(int), 0, size - 1)
        warped = np.where(seen[..., None], source.rgb[row, column], np.array([255, 0, 255], np.uint8))
        pictures += [source.rgb, target.rgb, warped.astype(np.uint8), marked(target), LAYER_COLOURS[target.layers]]
    return grid(pictures, 5)
