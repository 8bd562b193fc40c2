"""Where a turned head ends, in the warp and in truth: rendered heads, one pose as the picture, another as the truth.

    python benchmarks/turned_outline.py               # sixteen heads, two minutes of one core
    python benchmarks/turned_outline.py --heads 4
    python benchmarks/turned_outline.py --bare-ears --skip 40 --heads 80     # two minutes
    python benchmarks/turned_outline.py --far-side --skip 40 --heads 64     # three minutes

Mesh and matte are the renderer's, so that what is measured is the warp's. "Front": a three-quarter head comes round;
"aside": a head seen from the front turns away; "nod". IoU and mean distance of outlines (% of the face's height) are
the sitter's above the chin, the rim by which the opacity is grown taken off; "coming" is the outline beside the face on
the side that comes into view. With `--bare-ears`, heads that turn aside and show a bare ear on that side, without and
with what the warp paints behind it. With `--far-side`, three-quarter heads (30 and 40 degrees) that come round to the
front, without and with the near side's mirror image over the far one.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import torch
from measured_with import DATA, command_line
from numpy.typing import NDArray

from portrait_alive.composite import Canvas
from portrait_alive.evaluation.crops import cut_region
from portrait_alive.evaluation.evaluate import LPIPS_FILE, SQUEEZENET_FILE
from portrait_alive.evaluation.lpips import Lpips, load_lpips
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.heads.frame import Camera, Frame
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.person import Person
from portrait_alive.heads.regions import find_regions
from portrait_alive.heads.render import HeadRender, render
from portrait_alive.motion.absolute import mesh_track, retarget_absolute
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.types import MESH_POINTS, Float, Landmarks, Picture
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.warper import Warper
from portrait_alive.weights import SHAPE_BASIS, weight_path

Pose = tuple[int, int]
TURNS: dict[str, list[tuple[Pose, Pose]]] = {
    "front": [((a, 0), (b, 0)) for a, b in ((-40, -10), (-40, 0), (-30, 0), (30, 0), (40, 10), (30, 10))],
    "aside": [((a, 0), (b, 0)) for a, b in ((0, 20), (0, 30), (0, -20), (0, -30), (-20, -40))],
    "nod": [((0, 0), (0, 15)), ((0, 0), (0, -15))],
}
"""(yaw, pitch) of source and truth, degrees."""
ASIDE = (10, 20, 30)
"""Degrees of yaw for bare ears."""
COLUMNS = ("IoU", "outline %", "coming %", "face LPIPS")
ROUND = (10, 20, 30)
"""Degrees of yaw by which a three-quarter head comes round to the front."""
THREE_QUARTER = (-40, -30, 30, 40)
FIRST_SEED = 920000
SIZE = 320
_CAMERA = Camera(unit=0.024, distance=120.0, centre=(0.5, 0.5))
_RIM = 0.02
_NECK = 0.12
"""Face heights above the chin below which a neck may be seen beside the head."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", type=int, default=16)
    parser.add_argument("--skip", type=int, default=0, help="heads that are left out, of those, from the first on")
    parser.add_argument("--bare-ears", action="store_true")
    parser.add_argument("--far-side", action="store_true")
    parser.add_argument("--networks", type=Path, default=DATA / "eval_nets")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    basis = load_basis(weight_path(SHAPE_BASIS))
    lpips = load_lpips(arguments.networks / SQUEEZENET_FILE, arguments.networks / LPIPS_FILE)
    model = HeadModel.load(DATA / "head_model.npz")
    regions = find_regions(model)
    people = (Person.random(model, regions, FIRST_SEED + number) for number in range(arguments.skip, arguments.heads))
    if arguments.bare_ears:
        of_ears = bare_ears(model, people, basis, lpips)
        print(command_line())
        print(markdown_table(["aside by", "behind the ear", "sides", *COLUMNS], of_ears, digits=4))
        return
    if arguments.far_side:
        print(command_line())
        of_far_sides = far_sides(model, people, basis, lpips)
        print(markdown_table(["to the front by", "far side", "better", "face LPIPS"], of_far_sides, digits=4))
        return
    found: dict[str, list[list[float]]] = {kind: [] for kind in TURNS}
    for person in people:
        pairs = list(chain.from_iterable(TURNS.values()))
        renders = {pose: _rendered(model, person, pose) for pose in {pose for pair in pairs for pose in pair}}
        warpers = {pose: _warper(renders[pose], basis) for pose in {source for source, _ in pairs}}
        for kind, turns in TURNS.items():
            for first, then in turns:
                found[kind].append(
                    measured(renders[first], warpers[first], renders[then], then[0] - first[0], basis, lpips)
                )
    print(command_line())
    rows: list[list[str | float]] = [
        [kind, *(_mean(column) for column in zip(*each, strict=True))] for kind, each in found.items()
    ]
    print(markdown_table(["turn", *COLUMNS], rows, digits=4))


def bare_ears(model: HeadModel, people: Iterable[Person], basis: ShapeBasis, lpips: Lpips) -> list[list[str | float]]:
    """Rows for `ASIDE`, without and with what is painted behind an ear: how many sides, and the means of `measured`."""
    found: dict[tuple[int, str], list[list[float]]] = {(turn, how): [] for turn in ASIDE for how in ("nothing", "nape")}
    for person in people:
        source = _rendered(model, person, (0, 0))
        warper = _warper(source, basis)
        if warper.layers.nape is None:
            continue
        both = {"nothing": Warper(replace(warper.layers, nape=None)), "nape": warper}
        # a turn by positive yaw brings the side on the viewer's left into view
        for way in (-1 if side.way[0] > 0 else 1 for side in warper.layers.nape.sides):
            for turn in ASIDE:
                truth = _rendered(model, person, (way * turn, 0))
                for how, one in both.items():
                    found[turn, how].append(measured(source, one, truth, way * turn, basis, lpips))
    return [
        [f"{turn}", how, f"{len(each)}", *(_mean(column) for column in zip(*each, strict=True))]
        for (turn, how), each in found.items()
    ]


def far_sides(model: HeadModel, people: Iterable[Person], basis: ShapeBasis, lpips: Lpips) -> list[list[str | float]]:
    """Rows for `ROUND`, stretched and with the near side's mirror image: share of the pairs it is better in, LPIPS."""
    found: dict[tuple[int, str], list[float]] = {(turn, how): [] for turn in ROUND for how in ("stretched", "mirrored")}
    for person in people:
        for yaw in THREE_QUARTER:
            source = _rendered(model, person, (yaw, 0))
            warper = _warper(source, basis)
            both = {"stretched": Warper(replace(warper.layers, far_side=None)), "mirrored": warper}
            for turn in ROUND:
                way = -turn if yaw > 0 else turn
                truth = _rendered(model, person, (yaw + way, 0))
                for how, one in both.items():
                    found[turn, how].append(measured(source, one, truth, way, basis, lpips)[-1])
    return [
        [f"{turn}", how, f"{float(np.mean(np.less(each, found[turn, 'stretched']))):.0%}", float(np.mean(each))]
        for (turn, how), each in found.items()
    ]


def measured(
    source: HeadRender, warper: Warper, truth: HeadRender, turn: float, basis: ShapeBasis, lpips: Lpips
) -> list[float]:
    """IoU, distance of outlines, the same on the side that comes into view, LPIPS of the face."""
    seen = [(truth.rgb, _landmarks(truth))]
    driven = retarget_absolute(warper.layers.face, mesh_track(seen, HeadFitter.of(basis), fps=Fraction(25)), basis)[0]
    frame = warper.render_with_masks(driven)
    picture = Canvas.of(Picture(source.rgb), warper.box).paste(frame.pixels)
    left, top, right, bottom = warper.box
    opacity = np.zeros((SIZE, SIZE), np.float32)
    part = opacity[top:bottom, left:right]
    part[:] = frame.opacity[: part.shape[0], : part.shape[1]]
    mesh = truth.landmarks[:MESH_POINTS]
    low, chin = float(mesh[:468, 1].min()), float(mesh[topology.CHIN, 1])
    tall = chin - low
    ours = cv2.distanceTransform((opacity > 0.5).astype(np.uint8), cv2.DIST_L2, 5) > _RIM * tall
    true = _sitter(truth) > 0.5
    y, x = np.mgrid[:SIZE, :SIZE]
    compared = (y >= top) & (y < chin - _NECK * tall) & (x >= left) & (x < right)
    comes = compared & (y > low) & ((x < mesh[:468, 0].mean()) == (turn > 0))
    return [
        float((ours & true & compared).sum() / ((ours | true) & compared).sum()),
        _apart(ours, true, compared) / tall * 100,
        _apart(ours, true, comes) / tall * 100 if turn else np.nan,
        float(lpips.distances([cut_region(picture, mesh, "face")], [cut_region(truth.rgb, mesh, "face")])[0]),
    ]


def _apart(first: NDArray[np.bool_], second: NDArray[np.bool_], where: NDArray[np.bool_]) -> float:
    """Mean distance in pixels from each outline to the other."""
    edges = [
        cv2.morphologyEx(each.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0 for each in (first, second)
    ]
    far = [cv2.distanceTransform((~(edge & where)).astype(np.uint8), cv2.DIST_L2, 5) for edge in edges]
    gaps: Sequence[Float] = (far[1][edges[0] & where], far[0][edges[1] & where])
    return float(np.mean([gap.mean() for gap in gaps])) if all(gap.size for gap in gaps) else float("nan")


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _rendered(model: HeadModel, person: Person, pose: Pose) -> HeadRender:
    still = np.zeros(len(model.expression_names), np.float32)
    yaw, pitch = np.radians(pose).tolist()
    return render(model, person, Frame(expression=still, yaw=yaw, pitch=pitch, camera=_CAMERA), SIZE)


def _warper(source: HeadRender, basis: ShapeBasis) -> Warper:
    face = source_face(_landmarks(source), HeadFitter.of(basis))
    return Warper(take_apart(Picture(source.rgb), face, basis, matte=_sitter(source)))


def _landmarks(seen: HeadRender) -> Landmarks:
    return Landmarks(seen.landmarks[:MESH_POINTS].copy(), np.ones(MESH_POINTS, np.float32), 1.0)


def _sitter(seen: HeadRender) -> Float:
    """(H, W) in [0, 1]."""
    return np.clip((seen.matte[..., 1].astype(np.float32) + seen.matte[..., 2]) / 255, 0, 1)


if __name__ == "__main__":
    main()
