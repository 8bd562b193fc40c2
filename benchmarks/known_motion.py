"""Where on the way is a movement lost? Known movements of portraits: asked, in the mesh, in the paint, and read.

    python benchmarks/known_motion.py                        # twelve pictures, some four minutes of one core
    python benchmarks/known_motion.py --sources a.jpg b.png

Each picture looks aside, up and down, closes its lids, raises its brows and turns by known amounts, one at a time.
Columns are slopes: of the mesh for what was asked; of the paint for the mesh (irises: the darkest disc between the
lids; brows: their patch found again by template matching); of what MediaPipe and the shipped tracker read for the
mesh, in their subject's own measure (docs/quality.md). First, the same instruments on clips of people: what they read
of a look or a raised brow that the pixels show, and how far a portrait's mesh goes that is driven by it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from brow_on_paint import brows_on_paint
from iris_on_paint import EYES, gaze_of_mesh, gaze_on_paint
from measured_with import DATA, command_line, default_cache
from numpy.typing import NDArray
from warp_method import WarpEngineMethod

from motion import OPEN_LIDS, SEEN_FROM_NEARBY, cut, reduced
from portrait_alive.errors import NoFaceError
from portrait_alive.evaluation.clip_frames import read_frames
from portrait_alive.evaluation.correlation import agreement, motion_tracks, typical_frame
from portrait_alive.evaluation.evaluate import find_judge
from portrait_alive.evaluation.judge import Judge, face_seen
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.media.clips import open_clip
from portrait_alive.media.stills import read_picture
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.track import LID_NAMES
from portrait_alive.motion.tracks import Motion, motion_at_rest
from portrait_alive.shape import topology
from portrait_alive.tones import LUMA
from portrait_alive.types import MESH_POINTS, Box, Bytes, Float
from portrait_alive.warp.curves import Opening

PICTURES = (
    *("leonardo_mona_lisa.jpg", "vermeer_pearl_earring.jpg", "leonardo_lady_ermine.jpg", "vangogh_self_1889_orsay.jpg"),
    *("hals_la_bohemienne.jpg", "digital_hallo1_girl_illustration.jpg", "digital_st_art15_man_ruff.png"),
    *("digital_st_art14_woman_afro.png", "lp_s0_lady_pink.jpg", "lp_s5_child.jpg", "vangogh_self_1887.jpg"),
    "../portraits/hu_nicole.jpg",
)
LOOKS = (-0.35, -0.2, -0.1, 0.0, 0.1, 0.2, 0.35)
"""Sideways, half-widths of the eye; up and down 0.7 of it."""
LIDS = (1.0, 0.85, 0.7, 0.5, 0.3, 0.0)
BROWS = (-0.4, 0.0, 0.3, 0.6, 1.0)
"""Weights of the raising shapes; below 0, of the lowering ones."""
TURNS = (-20.0, -12.0, -6.0, 0.0, 6.0, 12.0, 20.0)
"""Degrees of yaw."""
PARTS = ("gaze x", "gaze y", "right lid", "left lid", "brows", "yaw")
CLIPS = (
    *("hm_tiktok_woman", "lp_d0_man_greenscreen", "lp_d10_woman_studio", "lp_d12_man_orangewall"),
    *("lp_s29_woman_blonde", "small256_lia_driving1_woman", "fye_temple_man", "hm_xzy3_man"),
)
"""Of people who look about."""
BROW_CLIPS = (
    *("fye_temple_man", "lp_d10_woman_studio", "lp_d12_man_orangewall", "lp_d3_woman_film", "ls_demo2_man"),
    *("small256_et_expression_woman", "vr_4_woman_blue", "hm_xzy3_man", "hm_xzy1_man", "lp_d18_man_grey"),
)
"""Of people who move their brows."""
BROW_PICTURE = DATA / "paintings" / "lp_s0_lady_pink.jpg"
"""Whose mesh they drive."""
_CLIP_FRAMES, _CLIP_EVERY, _BROWS_EVERY = 150, 2, 3
_OF_CLIPS = (
    *("eyes agree x", "range", "MediaPipe / paint", "shipped tracker / paint"),
    *("eyes agree y", "range", "MediaPipe / paint", "shipped tracker / paint"),
    *("lower lid / paint", "lower lid / MediaPipe"),
)
_OF_BROWS = ("both agree", "range", "MediaPipe / paint", "shipped tracker / paint", "driven mesh / paint")
_FINER = 4
_REACH_PX = 16


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    judge = find_judge(arguments.judge, arguments.cache)
    method = WarpEngineMethod("native", absolute=False)
    found: dict[str, dict[str, list[float]]] = {}
    for path in arguments.sources:
        try:
            found[path.stem] = slopes(path, method, judge, arguments.side)
        except NoFaceError as error:
            print(f"> {path.name}: {error}")
    print(command_line())
    print(markdown_table(["clip", *_OF_CLIPS], [[clip, *of_clip(clip, method, judge)] for clip in CLIPS], digits=2))
    brows: list[list[str | float]] = [[clip, *of_brows(clip, method, judge, arguments.side)] for clip in BROW_CLIPS]
    middle = np.nanmedian(np.array([row[1:] for row in brows], float), axis=0)
    brows.append(["median", *(float(each) for each in middle)])
    print(markdown_table(["clip, brows", *_OF_BROWS], brows, digits=2))
    for part in PARTS:
        rows: list[list[str | float]] = [[name, *parts[part]] for name, parts in found.items()]
        middle = np.nanmedian(np.array([row[1:] for row in rows], float), axis=0)
        header = [part, "mesh / asked", "paint / mesh", "MediaPipe / mesh", "shipped tracker / mesh"]
        print(markdown_table(header, [*rows, ["median", *(float(each) for each in middle)]], digits=2))


def slopes(path: Path, method: WarpEngineMethod, judge: Judge, side: int) -> dict[str, list[float]]:
    """Four slopes of each part; NaN where nothing was seen."""
    pixels = read_picture(path).pixels
    pixels = reduced(cut(pixels, Box.around(method.face(pixels).points[:MESH_POINTS]).scaled(2.0)), side)
    face = method.face(pixels)
    asked, motion = movements(method.basis.expression_names)
    driven = list(retarget(face, motion, method.basis))
    film = method.rendered(pixels, face, driven)
    mesh = np.stack([one.points[:MESH_POINTS] for one in driven])
    readings = [motion_tracks(mesh, 0), _tracks(judge.meshes(film)), _tracks(method.raw_points(film))]
    paint = _painted(film, mesh)
    result = {}
    for part in PARTS:
        at = np.array([name == part.removeprefix("right ").removeprefix("left ") for name, _ in asked])
        wanted = np.array([amount for _, amount in asked])[at]
        ours, judged, tracked = (reading[part][at] for reading in readings)
        on_paint = _slope(*(track[at] for track in paint[part])) if part in paint else np.nan
        result[part] = [_slope(wanted, ours), on_paint, _slope(ours, judged), _slope(ours, tracked)]
    return result


def of_clip(name: str, method: WarpEngineMethod, judge: Judge) -> list[float]:
    """`_OF_CLIPS`: for each axis of a person's gaze, in frames with open eyes, how well both eyes agree in the pixels,
    the range there in eye widths, and the slopes of what is read; and how far lower lids go along with looks down, the
    gap between the lids being what it is."""
    clip = next((DATA / "clips").glob(f"{name}.*"))
    frames = [reduced(frame, 512) for frame in read_frames(clip, limit=_CLIP_FRAMES)]
    tracked = method.raw_points(frames)[::_CLIP_EVERY]
    frames = frames[::_CLIP_EVERY]
    meshes = judge.meshes(frames)
    tracks = motion_tracks(meshes)
    at = np.flatnonzero((np.fmin(tracks["right lid"], tracks["left lid"]) > OPEN_LIDS) & face_seen(tracked)).tolist()
    paint = np.stack([gaze_on_paint(frames[i], meshes[i]) for i in at])
    known = ~np.isnan(paint).any((1, 2))
    paint, at = paint[known], np.array(at)[known].tolist()
    readings = [np.stack([gaze_of_mesh(seen[i]) for i in at]).mean(1) for seen in (meshes, tracked)]
    row: list[float] = []
    for axis in range(2):
        both = paint[:, :, axis].mean(1)
        row += [
            float(np.corrcoef(paint[:, 0, axis], paint[:, 1, axis])[0, 1]),
            float(np.ptp(np.percentile(both, (5, 95)))),
        ]
        row += [_slope(both, reading[:, axis]) for reading in readings]
    margins = np.stack([_lid_margins(meshes[i]) for i in at])
    gap = margins[:, 1] - margins[:, 0]
    for look in (paint[:, :, 1].mean(1), readings[0][:, 1]):
        known = np.column_stack([look, gap, np.ones(len(look))])
        row.append(float(np.linalg.lstsq(known, margins[:, 1], rcond=None)[0][0]))
    return row


def of_brows(name: str, method: WarpEngineMethod, judge: Judge, side: int) -> list[float]:
    """`_OF_BROWS`: in frames in which the head is turned little, how well a person's two brows agree in the pixels, the
    range there in their own height, and the slopes of what is read and of a portrait's mesh that is driven by them."""
    clip = next((DATA / "clips").glob(f"{name}.*"))
    frames = [reduced(frame, 512) for frame in read_frames(clip, limit=_CLIP_FRAMES)]
    meshes = judge.meshes(frames)
    tracked = method.raw_points(frames)
    driven = WarpEngineMethod("native", absolute=False, fps=open_clip(clip).fps).driven(
        method.face(reduced(read_picture(BROW_PICTURE).pixels, side)), frames
    )
    at = [i for i in range(0, len(frames), _BROWS_EVERY) if face_seen(meshes)[i] and face_seen(tracked)[i]]
    seen = meshes[at]
    rest = typical_frame(seen)
    turns = motion_tracks(seen, rest)
    painted = brows_on_paint([frames[i] for i in at], seen, rest)
    turned = np.fmax(np.abs(turns["yaw"]), np.abs(turns["pitch"]))
    known = ~np.isnan(painted).any(1) & (turned < SEEN_FROM_NEARBY)
    asked = np.stack([driven[i].points[:MESH_POINTS] for i in at])
    both = painted[known].mean(1)
    readings = [motion_tracks(each, rest)["brows"][known] for each in (seen, tracked[at], asked)]
    return [
        float(np.corrcoef(painted[known, 0], painted[known, 1])[0, 1]),
        float(np.ptp(np.percentile(both, (5, 95)))),
        *(_slope(both, reading) for reading in readings),
    ]


def _lid_margins(mesh: Float) -> Float:
    """(2,) how far the middles of upper and lower margins lie below the eye's axis, in eye widths; both eyes' mean."""
    found = []
    for upper, lower, _ in EYES:
        opening = Opening.between(mesh, upper, lower)
        found.append([float(each[0]) / opening.width for each in opening.curves_at(np.array([opening.width / 2]))])
    mean: Float = np.array(found, np.float32).mean(0)
    return mean


def movements(names: Sequence[str]) -> tuple[list[tuple[str, float]], Motion]:
    """What is asked, frame by frame (eye widths, openings, weights, radians), the first at rest; and a motion of it."""
    kept = tuple(name for name in names if not name.startswith(LID_NAMES))
    asked = [("", 0.0), *(("gaze x", look / 2) for look in LOOKS), *(("gaze y", 0.35 * look) for look in LOOKS)]
    asked += [*(("lid", opening) for opening in LIDS), *(("brows", weight) for weight in BROWS)]
    asked += [("yaw", float(np.radians(turn))) for turn in TURNS]
    motion = motion_at_rest(len(asked), Fraction(25), kept)
    gaze, lids, expression = motion.gaze.copy(), motion.lids.copy(), motion.expression.copy()
    rotation = motion.rotation.copy()
    up = np.array([name.startswith(("browInnerUp", "browOuterUp")) for name in kept])
    down = np.array([name.startswith("browDown") for name in kept])
    for frame, (part, amount) in enumerate(asked):
        if part.startswith("gaze"):
            gaze[frame, :, int(part == "gaze y")] = 2 * amount
        elif part == "lid":
            lids[frame] = amount
        elif part == "brows":
            expression[frame, up if amount > 0 else down] = abs(amount)
        elif part == "yaw":
            rotation[frame, 0] = -amount  # tables of agreement count turns about the axis that points down
    return asked, replace(motion, rotation=rotation, gaze=gaze, lids=lids, expression=expression)


def _tracks(meshes: Float) -> dict[str, Float]:
    seen = face_seen(meshes)
    if not seen.any():
        return dict.fromkeys(PARTS, np.full(len(meshes), np.nan, np.float32))
    return motion_tracks(meshes, 0 if seen[0] else None)


def _painted(film: Sequence[Bytes], mesh: Float) -> dict[str, tuple[Float, Float]]:
    """By part what the mesh asks and what the paint does, both (N,): eye widths; pixels of the brows."""
    asked = np.stack([gaze_of_mesh(one) for one in mesh]).mean(1)
    seen = np.stack([gaze_on_paint(pixels, one) for pixels, one in zip(film, mesh, strict=True)]).mean(1)
    luma = [pixels.astype(np.float32) @ LUMA for pixels in film]
    brows = []
    for brow in (topology.RIGHT_BROW, topology.LEFT_BROW):
        points = mesh[:, list(brow), :2]
        rises = [_shift(luma[0], now, points[0]) for now in luma]
        brows.append(np.stack([(points - points[0])[..., 1].mean(1), np.array(rises, np.float32)]))
    risen = np.mean(brows, axis=0)
    return {"gaze x": (asked[:, 0], seen[:, 0]), "gaze y": (asked[:, 1], seen[:, 1]), "brows": (risen[0], risen[1])}


def _shift(rest: Float, now: Float, points: Float) -> float:
    """Pixels by which the patch around points (N, 2) has moved down."""
    size = points.max(0) - points.min(0)
    low = np.floor(points.min(0) - 0.1 * size[0]).astype(int)
    high = np.ceil(points.max(0) + 0.1 * size[0]).astype(int)
    first, last = np.maximum(low - _REACH_PX, 0), np.minimum(high + _REACH_PX, rest.shape[::-1])
    patch, around = (
        cv2.resize(part, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_CUBIC)
        for part in (rest[low[1] : high[1], low[0] : high[0]], now[first[1] : last[1], first[0] : last[0]])
    )
    *_, at = cv2.minMaxLoc(cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED))
    return float(at[1] / _FINER + first[1] - low[1])


def _slope(asked: NDArray[np.floating], found: NDArray[np.floating]) -> float:
    known = ~np.isnan(found)
    if known.sum() < 3 or np.ptp(asked[known]) == 0:
        return float("nan")
    return agreement(asked[known].astype(np.float32), found[known].astype(np.float32)).gain


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", nargs="+", type=Path, default=[DATA / "paintings" / name for name in PICTURES])
    parser.add_argument("--side", type=int, default=512, help="longest side to which pictures are reduced")
    parser.add_argument("--judge", type=Path, default=DATA / "landmark_weights")
    parser.add_argument("--cache", type=Path, default=default_cache())
    return parser.parse_args()


if __name__ == "__main__":
    main()
