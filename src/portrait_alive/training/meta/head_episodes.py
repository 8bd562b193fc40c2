"""Episodes of rendered heads.

    python -m portrait_alive.training.meta.head_episodes head_model.npz cache/episodes --people 2000

A shard holds the people of 40 seeds; shards that are there already are left, so the command goes on where it stopped.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from portrait_alive.heads.frame import Frame, mirrored, random_frame
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.person import Person
from portrait_alive.heads.regions import find_regions
from portrait_alive.heads.render import render
from portrait_alive.shape.basis import load_basis
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.native import NativeTracker
from portrait_alive.training.meta.episodes import FRAMES, PEOPLE_A_SHARD, is_complete, person_episodes, write_shard
from portrait_alive.types import Float
from portrait_alive.weights import SHAPE_BASIS, weight_path

_TURN_DEG = (9.0, 6.0, 5.0)
"""Spread of yaw, pitch and roll about the sitting's own pose."""
_FARTHEST_DEG = (35.0, 20.0, 18.0)
"""How far from frontal the sitting's own pose may be."""
_SIZES = (288, 448)
"""Smallest and largest side of the rendered pictures: most faces have more pixels than the networks see."""
_SAMPLES = 3
"""Samples along each side of a pixel: lashes and hair have to be as soft as a camera sees them."""
_EVEN = (3.0, 1.2)
"""Beta distribution of how far both halves of a mouth do the same: most mouths that talk do."""
_SIDED = ("mouth", "jaw", "cheek", "nose")
_CALM = 0.5
"""Share of moments that are near the first: what is right already has to be left alone."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="packed head model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=0, help="first person's seed; a multiple of 40")
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    model, basis = HeadModel.load(arguments.model), load_basis(weight_path(SHAPE_BASIS))
    regions, tracker = find_regions(model), NativeTracker.load()
    matter = Matter.load()
    for first in range(arguments.first, arguments.first + arguments.people, PEOPLE_A_SHARD):
        stem = str(arguments.out / f"{first:06d}")
        if is_complete(stem):
            continue
        found = []
        for seed in range(first, first + PEOPLE_A_SHARD):
            person = Person.random(model, regions, seed)
            rng = np.random.default_rng([seed, 2])
            moments = conversation(model.expression_names, rng, FRAMES)
            size = int(rng.integers(*_SIZES))
            pictures = [render(model, person, moment, size, samples=_SAMPLES).rgb for moment in moments]
            if (made := person_episodes(pictures, tracker, basis, matter)) is not None:
                found.append(made)
        write_shard(stem, found)
        sys.stderr.write(f"{stem}: {len(found)} people, {sum(len(one.frames) for one in found)} frames\n")
    return 0


def conversation(names: tuple[str, ...], rng: np.random.Generator, count: int) -> list[Frame]:
    """`count` random moments of somebody who talks: any expression, the head never far from where it was.

    A share of them, `_CALM`, lies anywhere between the first moment and a random one.
    """
    first = random_frame(names, rng)
    spread, farthest = np.radians(_TURN_DEG), np.radians(_FARTHEST_DEG)
    rest = np.clip([first.yaw, first.pitch, first.roll], -farthest, farthest)
    moments: list[Frame] = []
    for _ in range(count):
        yaw, pitch, roll = rest + rng.normal(size=3) * spread
        moment = random_frame(names, rng, camera=first.camera, body_yaw=first.body_yaw + float(rng.normal()) * 0.03)
        right, down, away = (float(at) for at in np.array(first.shift) + rng.normal(size=3) * 0.3)
        moment = replace(
            moment,
            expression=evened(names, moment.expression, float(rng.beta(*_EVEN))),
            yaw=float(yaw),
            pitch=float(pitch),
            roll=float(roll),
            shift=(right, down, away),
        )
        if moments and rng.random() < _CALM:
            moment = between(moments[0], moment, float(rng.random()))
        moments.append(moment)
    return moments


def evened(names: tuple[str, ...], expression: Float, share: float) -> Float:
    """(E,) the expression with both halves of mouth, jaw, cheeks and nose `share` (0..1) of the way to their mean."""
    lower = np.array([name.startswith(_SIDED) for name in names])
    even = (expression + mirrored(names, np.asarray(expression, np.float32))) / 2
    return np.asarray(np.where(lower, expression + share * (even - expression), expression), np.float32)


def between(one: Frame, other: Frame, share: float) -> Frame:
    """The moment `share` (0..1) of the way from one to another, under the first one's camera."""

    def mixed(name: str) -> Float:
        first, second = (np.asarray(getattr(frame, name), np.float32) for frame in (one, other))
        return np.asarray(first + np.float32(share) * (second - first), np.float32)

    gaze, shift = mixed("gaze"), mixed("shift")
    return replace(
        one,
        expression=mixed("expression"),
        gaze=(float(gaze[0]), float(gaze[1])),
        shift=(float(shift[0]), float(shift[1]), float(shift[2])),
        vergence=float(mixed("vergence")),
        yaw=float(mixed("yaw")),
        pitch=float(mixed("pitch")),
        roll=float(mixed("roll")),
        body_yaw=float(mixed("body_yaw")),
        lids_follow=float(mixed("lids_follow")),
    )


if __name__ == "__main__":
    sys.exit(main())
