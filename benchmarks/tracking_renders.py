"""A tracker against the truth: held-out rendered heads, a head that turns, and mattes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from portrait_alive.evaluation.report import markdown_table
from portrait_alive.heads.frame import random_frame, random_frames
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.person import Person
from portrait_alive.heads.regions import find_regions
from portrait_alive.heads.render import HeadRender, render
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.types import Box, Float, Landmarks
from portrait_alive.warp.head_field import rigid_points
from portrait_alive.warp.matte import person_matte
from portrait_alive.warp.region import HeadFrame
from portrait_alive.weights import BROW, DETECTOR, EYE, MATTE, MOUTH, SHAPE_BASIS, TRACKER, weight_path

FIRST_PERSON = 900_000
"""Seeds from here on teach nothing."""
_SIDE_PX = 256
_TURN = np.radians(40)
_TURN_FRAMES = 21

Errors = Callable[[Float, Float], dict[str, float]]


def rendered_tables(model_path: Path, tracker: Tracker, people: int, errors_of: Errors) -> str:
    """Landmarks, turns and mattes of people whom no network has seen.

    Args:
        model_path: packed head model.
        tracker: under test.
        people: how many; two moments of each.
        errors_of: (478, 3) found and true points to % of the interocular distance, by group.
    """
    model = HeadModel.load(model_path)
    heads = list(_heads(model, people))
    found = [max(tracker.detect(head.rgb), key=lambda face: face.box.area, default=None) for head in heads]
    right = [
        face is not None and face.box.overlap(Box.around(h.landmarks)) > 0.5
        for face, h in zip(found, heads, strict=True)
    ]
    errors = [
        errors_of(f.points, h.landmarks) for f, h, ok in zip(found, heads, right, strict=True) if ok and f is not None
    ]
    groups = list(errors[0])
    rows: list[list[str | float]] = [
        [name, *[float(np.percentile([e[group] for e in errors], share)) for group in groups]]
        for name, share in (("median", 50), ("90th percentile", 90))
    ]
    lost = sum(_lost_in_turn(model, tracker, FIRST_PERSON + 500 + index) for index in range(3))
    return "\n".join(
        [
            f"Held-out renders: {len(heads)}, face found in {sum(right)}.\n",
            markdown_table(["renders, against the truth", *groups], rows, digits=2),
            f"Turning from -40 to 40 degrees of yaw in {_TURN_FRAMES} frames, three people: lost in {lost} frames.\n",
            _matte_table(heads),
        ]
    )


def _heads(model: HeadModel, people: int) -> Iterator[HeadRender]:
    regions = find_regions(model)
    for seed in range(FIRST_PERSON, FIRST_PERSON + people):
        person = Person.random(model, regions, seed)
        for frame in random_frames(model.expression_names, np.random.default_rng([seed, 1]), 2):
            yield render(model, person, frame, _SIDE_PX)


def _lost_in_turn(model: HeadModel, tracker: Tracker, seed: int) -> int:
    person = Person.random(model, find_regions(model), seed)
    frame = random_frame(model.expression_names, np.random.default_rng([seed, 1]))
    yaws = np.linspace(-_TURN, _TURN, _TURN_FRAMES)
    frames = [render(model, person, replace(frame, yaw=float(yaw), pitch=0.0, roll=0.0), _SIDE_PX) for yaw in yaws]
    followed = tracker.follow([one.rgb for one in frames], None)
    return sum(
        face is None or face.box.overlap(Box.around(one.landmarks)) < 0.5
        for face, one in zip(followed, frames, strict=True)
    )


def _matte_table(heads: list[HeadRender]) -> str:
    """Intersection over union with the true mattes, given the true landmarks."""
    basis = load_basis(weight_path(SHAPE_BASIS))
    fitter, rigid = HeadFitter.of(basis), rigid_points(basis)
    ones = np.ones(478, np.float32)
    matter = Matter.load()

    def cut_out(head: HeadRender, helped_by: Matter | None) -> Float:
        face = source_face(Landmarks(head.landmarks.astype(np.float32), ones, 1.0), fitter)
        return person_matte(head.rgb, face, rigid, (0.0, 0.0), HeadFrame.of(face, rigid).face_height, helped_by)

    rows: list[list[str | float]] = [
        [name, *_summary([overlap(cut_out(h, helper), _sitter(h)) for h in heads]), "-", "-"]
        for name, helper in (("GrabCut alone", None), ("GrabCut and network (in use)", matter))
    ]
    shares = [matter.over_picture(head.rgb, head.landmarks) for head in heads]
    sitter = [overlap(1 - s[..., 0], _sitter(h)) for s, h in zip(shares, heads, strict=True)]
    alone = [overlap(s[..., 2], h.matte[..., 2] / np.float32(255)) for s, h in zip(shares, heads, strict=True)]
    rows.append(["network alone", *_summary(sitter), *_summary(alone)])
    header = ["matte, IoU on held-out renders", "sitter, median", "10th percentile", "head, median", "10th percentile"]
    return markdown_table(header, rows, digits=3)


def _sitter(head: HeadRender) -> Float:
    return 1 - head.matte[..., 0] / np.float32(255)


def _summary(overlaps: list[float]) -> list[float]:
    return [float(np.median(overlaps)), float(np.percentile(overlaps, 10))]


def overlap(found: Float, truth: Float) -> float:
    """Intersection over union of where two mattes (H, W) are above a half."""
    a, b = found > 0.5, truth > 0.5
    return float((a & b).sum() / max((a | b).sum(), 1))


def sizes_on_disk(folder: Path) -> str:
    """The weights that tracking ships."""
    files = [
        folder / name for name in (TRACKER, DETECTOR, BROW, EYE, MOUTH, MATTE, SHAPE_BASIS) if (folder / name).is_file()
    ]
    rows: list[list[str | float]] = [[file.stem, file.stat().st_size / 1e6] for file in files]
    rows.append(["**all**", sum(file.stat().st_size for file in files) / 1e6])
    return markdown_table(["weights", "MB"], rows, digits=2)
