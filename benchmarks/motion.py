"""Does the portrait do what the driver does? Clips driven onto paintings, seen by MediaPipe in driver and output.

    python benchmarks/motion.py                                  # ten paintings, eight clips, 3 s each
    python benchmarks/motion.py --frames 40 --sources a.jpg --clips b.mp4
    python benchmarks/motion.py --frames 150 --every 5           # longer stretches of the clips in less time
    python benchmarks/motion.py --mesh                           # the driven mesh alone: nothing is rendered

Correlation and gain: median over the pairs in which the driver moves. Definitions: docs/quality.md; of the others:
docs/motion.md. Pictures are cut around the face, so that the judge sees the eyes.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from brow_on_paint import brows_on_paint
from iris_on_paint import gaze_on_paint
from measured_with import DATA, command_line, default_cache
from warp_method import WarpEngineMethod

from portrait_alive.errors import NoFaceError
from portrait_alive.evaluation.clip_frames import read_frames
from portrait_alive.evaluation.correlation import (
    MOVES_BY,
    Agreement,
    agreement,
    agreements,
    motion_tracks,
    typical_frame,
)
from portrait_alive.evaluation.evaluate import find_judge
from portrait_alive.evaluation.judge import face_seen
from portrait_alive.evaluation.landmark_errors import RIGID, interocular_distance
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.evaluation.similarity import fit_similarity
from portrait_alive.media.clips import open_clip
from portrait_alive.media.stills import read_picture
from portrait_alive.motion.smoothing import gaussian
from portrait_alive.shape import topology
from portrait_alive.shape.topology import CHIN, FOREHEAD
from portrait_alive.tracking.tracker import TrackerName
from portrait_alive.types import MESH_POINTS, Box, Bytes, DrivenFace, Float

TARGETS = {"yaw": 0.9, "pitch": 0.9, "roll": 0.9, "jaw": 0.9, "right lid": 0.9, "left lid": 0.9}
"""Least correlation; 0.8 for the others."""
CLIPS = (
    "lp_d0_man_greenscreen",
    "lp_d3_woman_film",
    "lp_d10_woman_studio",
    "lp_d12_man_orangewall",
    "hm_tiktok_woman",
    "fye_temple_man",
    "mead_W036_happy",
    "small256_et_expression_woman",
)
_JAW = (172, 397)
_INNER_LIPS = (13, 14)
PARTS: Mapping[str, tuple[int, ...]] = {
    "head": tuple(RIGID),
    "brows": topology.RIGHT_BROW + topology.LEFT_BROW,
    "lids": topology.RIGHT_EYE + topology.LEFT_EYE,
    "irises": topology.RIGHT_IRIS + topology.LEFT_IRIS,
    "mouth": topology.LIPS,
}
"""Whose resting jitter is measured: the head in the picture, the others in the head's frame."""
RESTING = 0.0015
"""Interocular distances a frame, smoothed over a tenth of a second: a part that is slower rests."""
_LEAST_RESTING_FRAMES = 8
_OVER = 0.7
"""Of the open aperture: lids that open so far within six frames have blinked."""
OPEN_GAZE: Mapping[str, str] = {"gaze x": "gaze x, eyes open", "gaze y": "gaze y, eyes open"}
OPEN_LIDS = 0.6
"""Of the open aperture."""
ON_PAINT: Mapping[str, float] = {"gaze x, on the paint": 0.10, "gaze y, on the paint": 0.06}
"""Gaze without any network, eyes open: eye widths between the driver's 5th and 95th percentile."""
BROWS_ON_PAINT = "brows, on the paint"
LEAST_BROWS = 0.1
"""Of their height above the eyes, between the driver's 5th and 95th percentile in the pixels."""
SEEN_FROM_NEARBY = np.radians(12.0)
"""Turns up to which a brow's patch is looked for: further away it is another picture."""
SIDES_AGREE = 0.6
"""Correlation of the driver's two eyes, or brows, from which on what is found in the pixels is believed."""
LEAST_OPEN_GAZE: Mapping[str, float] = {"gaze x": MOVES_BY["gaze x"], "gaze y": 0.06}
"""Eye widths between the driver's 5th and 95th percentile."""


@dataclass(frozen=True)
class Pair:
    """What was seen of one clip driven onto one picture."""

    clip: str
    picture: str
    agreements: dict[str, Agreement]
    """Of driver and rendered output, both seen by the judge."""
    of_mesh: dict[str, Agreement]
    """Of the driver, seen by the judge, and the mesh that was rendered: what of a loss is the motion's."""
    jitter_ratio: dict[str, float]
    """By part that rests: jitter of the driven mesh over that of the raw tracks, in interocular distances of each."""
    blink_growth: tuple[int, ...]
    """Frames by which each blink is longer in the output than in the driver."""
    identity_change: float
    """Largest relative change of interocular distance and jaw width over face height, in the neutral pose."""


@dataclass(frozen=True)
class Work:
    """One clip and everything that it drives."""

    clip: Path
    pictures: tuple[Path, ...]
    frames: int
    side: int
    tracker: TrackerName
    judge: Path
    cache: Path | None
    mesh_only: bool
    threads: int
    every: int
    """Every which frame is rendered and judged; all are tracked."""


def main() -> None:
    arguments = _parse()
    pictures = tuple(arguments.sources or sorted((DATA / "paintings").glob("*.*"))[: arguments.count])
    work = [
        Work(
            Path(name) if Path(name).is_file() else DATA / "clips" / f"{name}.mp4",
            pictures,
            arguments.frames,
            arguments.side,
            arguments.tracker,
            arguments.judge,
            arguments.cache,
            arguments.mesh,
            arguments.threads,
            arguments.every,
        )
        for name in arguments.clips
    ]
    pairs: list[Pair] = []
    failures: list[str] = []
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(min(arguments.workers, len(work)), 1), mp_context=spawned) as pool:
        for found, missed in pool.map(measured, work):
            pairs += found
            failures += missed
            for pair in found:
                figures = " ".join(
                    f"{key} {one.correlation:.2f}x{one.gain:.2f}" for key, one in pair.agreements.items()
                )
                print(f"{pair.clip} > {pair.picture}: {figures}", file=sys.stderr, flush=True)
    print(
        command_line(), _motion_table(pairs), _jitter_table(pairs), _other_table(pairs), _worst_table(pairs), sep="\n"
    )
    for failure in dict.fromkeys(failures):
        print(f"> {failure}")


def measured(work: Work) -> tuple[list[Pair], list[str]]:
    """Every pair of one clip, and sentences about pictures that could not be used."""
    torch.set_num_threads(work.threads)
    cv2.setNumThreads(work.threads)
    judge = find_judge(work.judge, work.cache)
    driving = [reduced(frame, work.side) for frame in read_frames(work.clip, limit=work.frames)]
    method = WarpEngineMethod(work.tracker, absolute=False, fps=open_clip(work.clip).fps)
    at = list(range(0, len(driving), work.every))
    driver = judge.meshes([driving[frame] for frame in at])
    raw = method.raw_points(driving)
    pairs: list[Pair] = []
    failures: list[str] = []
    for path in work.pictures:
        pixels = read_picture(path).pixels
        try:
            around = Box.around(method.face(pixels).points[:MESH_POINTS])
            pixels = reduced(cut(pixels, around.scaled(2.0)), work.side)
            face = method.face(pixels)
        except NoFaceError as error:
            failures.append(f"{path.name}: {error}")
            continue
        driven = list(method.driven(face, driving))
        meshes = np.stack([d.points[:MESH_POINTS] for d in driven])
        shown = meshes[at]
        film = [] if work.mesh_only else method.rendered(pixels, face, [driven[i] for i in at])
        output = shown if work.mesh_only else judge.meshes(film)
        seen = [driving[frame] for frame in at]
        on_paint = {}
        if not work.mesh_only:
            on_paint = gaze_compared(seen, driver, film, shown) | brows_compared(seen, driver, film, shown)
        pairs.append(
            Pair(
                work.clip.stem,
                path.stem,
                compared(driver, output) | on_paint,
                compared(driver, shown),
                dict(_jitter_ratios(meshes, raw)),
                _blink_growth(driver, output) if work.every == 1 else (),
                _identity_change(driven, face.points),
            )
        )
    return pairs, failures


def compared(driver: Float, output: Float) -> dict[str, Agreement]:
    """`agreements`, and gaze once more in the frames in which the driver's eyes are open: in a blink the judge lets the
    iris sink with the lid and takes the look for straight, which is no gaze."""
    found = agreements(driver, output)
    seen = face_seen(driver) & face_seen(output)
    if seen.sum() < 3:
        return found
    theirs, ours = motion_tracks(driver[seen]), motion_tracks(output[seen])
    is_open = np.minimum(theirs["right lid"], theirs["left lid"]) > OPEN_LIDS
    for gaze, name in OPEN_GAZE.items():
        if is_open.sum() >= 10:
            open_eyes = agreement(theirs[gaze][is_open], ours[gaze][is_open])
            if open_eyes.driver_range >= LEAST_OPEN_GAZE[gaze]:
                found[name] = open_eyes
    return found


def gaze_compared(driving: Sequence[Bytes], driver: Float, film: Sequence[Bytes], shown: Float) -> dict[str, Agreement]:
    """Agreement of where the irises are in the pixels of driver and film, while the driver's eyes are open.

    Args:
        driving: N frames of the driver.
        driver: (N, 478, 3) the judge's meshes of them.
        film: N frames of the output.
        shown: (N, 478, 3) the meshes that were rendered.
    """
    seen = face_seen(driver)
    if seen.sum() < 10:
        return {}
    tracks = motion_tracks(driver)
    is_open = np.flatnonzero(seen & (np.fmin(tracks["right lid"], tracks["left lid"]) > OPEN_LIDS)).tolist()
    if len(is_open) < 10:
        return {}
    theirs = np.stack([gaze_on_paint(driving[i], driver[i]) for i in is_open])
    ours = np.stack([gaze_on_paint(film[i], shown[i]) for i in is_open])
    known = ~np.isnan(theirs).any((1, 2)) & ~np.isnan(ours).any((1, 2))
    theirs, ours = theirs[known], ours[known]
    if len(theirs) < 10:
        return {}
    found = {}
    for axis, (name, least) in enumerate(ON_PAINT.items()):
        agree = np.corrcoef(theirs[:, 0, axis], theirs[:, 1, axis])[0, 1]
        one = agreement(theirs[:, :, axis].mean(1), ours[:, :, axis].mean(1))
        if agree >= SIDES_AGREE and one.driver_range >= least:
            found[name] = one
    return found


def brows_compared(
    driving: Sequence[Bytes], driver: Float, film: Sequence[Bytes], shown: Float
) -> dict[str, Agreement]:
    """Agreement of how far the brows are raised in the pixels of driver and film, while the head is turned little.

    Args:
        driving, driver, film, shown: see `gaze_compared`.
    """
    seen = face_seen(driver)
    if seen.sum() < 10:
        return {}
    rest = typical_frame(driver)
    tracks = motion_tracks(driver, rest)
    turned = np.fmax(np.abs(tracks["yaw"]), np.abs(tracks["pitch"]))
    at = np.flatnonzero(seen & (turned < SEEN_FROM_NEARBY)).tolist()
    theirs, ours = (
        brows_on_paint([pixels[i] for i in at], meshes[at], at.index(rest))
        for pixels, meshes in ((driving, driver), (film, shown))
    )
    found = ~np.isnan(theirs).any(1) & ~np.isnan(ours).any(1)
    if found.sum() < 10 or np.corrcoef(theirs[found, 0], theirs[found, 1])[0, 1] < SIDES_AGREE:
        return {}
    one = agreement(theirs[found].mean(1), ours[found].mean(1))
    return {BROWS_ON_PAINT: one} if one.driver_range >= LEAST_BROWS else {}


def _motion_table(pairs: Sequence[Pair]) -> str:
    rows: list[list[str | float]] = []
    for name in (*MOVES_BY, *OPEN_GAZE.values(), *ON_PAINT, BROWS_ON_PAINT):
        found = [pair.agreements[name] for pair in pairs if name in pair.agreements]
        if not found:
            continue
        correlations, gains = [one.correlation for one in found], [one.gain for one in found]
        meshes = [pair.of_mesh[name] for pair in pairs if name in pair.of_mesh]
        rows.append(
            [
                name,
                str(len(found)),
                float(np.median(correlations)),
                float(np.percentile(correlations, 10)),
                float(np.median(gains)),
                f"{np.percentile(gains, 10):.2f}..{np.percentile(gains, 90):.2f}",
                f"{TARGETS.get(name, 0.8):.1f}; 0.7..1.2",
                f"{_median([one.correlation for one in meshes]):.2f}; {_median([one.gain for one in meshes]):.2f}",
            ]
        )
    header = [
        "motion",
        "pairs",
        "correlation, median",
        "worst tenth",
        "gain, median",
        "gain, 10..90 %",
        "target",
        "driven mesh",
    ]
    return markdown_table(header, rows, digits=2)


def _jitter_table(pairs: Sequence[Pair]) -> str:
    rows: list[list[str | float]] = []
    for part in PARTS:
        found = [pair.jitter_ratio[part] for pair in pairs if part in pair.jitter_ratio]
        rows.append([part, str(len(found)), _median(found), max(found, default=np.nan), "at most 0.33"])
    header = ["resting jitter, driven mesh / raw tracks", "pairs", "median", "worst", "target"]
    return markdown_table(header, rows, digits=2)


def _other_table(pairs: Sequence[Pair]) -> str:
    growths = [growth for pair in pairs for growth in pair.blink_growth]
    changes = [pair.identity_change for pair in pairs]
    rows: list[list[str | float]] = [
        [
            f"blinks longer by, frames ({len(growths)} blinks)",
            _median(growths),
            _ninth(growths),
            max(growths, default=np.nan),
            "at most 1",
        ],
        [
            "identity changed by, %",
            100 * _median(changes),
            100 * _ninth(changes),
            100 * max(changes, default=np.nan),
            "below 2",
        ],
    ]
    return markdown_table(["also", "median", "worst tenth", "worst", "target"], rows, digits=2)


def _worst_table(pairs: Sequence[Pair], count: int = 8) -> str:
    found = [
        (one.correlation, name, pair.clip, pair.picture, one.gain)
        for pair in pairs
        for name, one in pair.agreements.items()
    ]
    rows: list[list[str | float]] = [
        [name, clip, picture, correlation, gain] for correlation, name, clip, picture, gain in sorted(found)[:count]
    ]
    return markdown_table(["worst: motion", "clip", "picture", "correlation", "gain"], rows, digits=2)


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else float("nan")


def _ninth(values: Sequence[float]) -> float:
    return float(np.percentile(values, 90)) if values else float("nan")


def _jitter_ratios(driven: Float, raw: Float) -> Iterator[tuple[str, float]]:
    """For each part that rests in some frames: its jitter there, driven over raw, in own interocular distances.

    Where a part rests is read from the raw tracks: the calmest fifth of the frames, each with two calm ones on either
    side, since a head is as slow for a frame whenever it turns back, and there its own movement is no jitter.
    """
    if np.isnan(raw).any() or len(raw) < 20:
        return
    steady_raw, steady_driven = _without_pose(raw), _without_pose(driven)
    size_raw, size_driven = interocular_distance(steady_raw[0]), interocular_distance(steady_driven[0])
    for part, points in PARTS.items():
        before, after = (raw, driven) if part == "head" else (steady_raw, steady_driven)
        smooth = gaussian(before[:, list(points), :2].reshape(len(raw), -1), 2.5)
        speed = np.sqrt((np.gradient(smooth, axis=0) ** 2).mean(1)) / size_raw
        speed = cv2.dilate(speed.astype(np.float32)[:, None], np.ones((5, 1), np.uint8))[:, 0]
        calm = 1 + np.argsort(speed[1:-1])[: len(raw) // 5]
        calm = calm[speed[calm] < RESTING]
        if len(calm) >= _LEAST_RESTING_FRAMES:
            noise = _jitter(before[:, list(points)], calm) / size_raw
            yield part, _jitter(after[:, list(points)], calm) / size_driven / noise


def _without_pose(meshes: Float) -> Float:
    """(N, 478, 3) in the head's own frame, pixels of the middle frame."""
    rest = meshes[len(meshes) // 2]
    still = np.empty_like(meshes)
    for at, mesh in enumerate(meshes):
        scale, turn, shift = fit_similarity(rest[list(RIGID)], mesh[list(RIGID)])
        still[at] = (mesh - shift) @ turn / scale
    return still


def _jitter(meshes: Float, at: np.ndarray) -> float:
    off = meshes[at] - (meshes[at - 1] + meshes[at + 1]) / 2
    return float(np.sqrt((off[..., :2] ** 2).sum(-1).mean()))


def _blink_growth(driver: Float, output: Float) -> tuple[int, ...]:
    """Length in the output minus length in the driver of each blink that is over within half of the open time seen."""
    if not (face_seen(driver).all() and face_seen(output).all()):
        return ()
    theirs, ours = motion_tracks(driver), motion_tracks(output)
    growth = []
    for side in ("right lid", "left lid"):
        for start, stop in blinks(theirs[side]):
            around = slice(max(start - 4, 0), stop + 4)
            depth = ours[side][around]
            half = (float(np.median(ours[side])) + float(depth.min())) / 2
            growth.append(int((depth < half).sum()) - _below_half(theirs[side], start, stop))
    return tuple(growth)


def _below_half(lid: Float, start: int, stop: int) -> int:
    around = lid[max(start - 4, 0) : stop + 4]
    return int((around < (float(np.median(lid)) + float(around.min())) / 2).sum())


def blinks(lid: Float, *, shut: float = 0.5, longest: int = 12) -> list[tuple[int, int]]:
    """(first, one past last) frame of each short closure of a lid track (1 open): below `shut`, apart from others, and
    over: lids that stay half down after it, as those of someone who looks down, have no end to compare."""
    below = np.concatenate([[False], lid < shut, [False]])
    edges = np.flatnonzero(below[1:] != below[:-1])
    spans = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    ends = [-longest, *[stop for _, stop in spans]]
    return [
        (start, stop)
        for (start, stop), before in zip(spans, ends, strict=False)
        if start - before > 8
        and stop - start <= longest
        and start > 0
        and stop < len(lid)
        and lid[stop : stop + 6].max() > _OVER
    ]


def _identity_change(driven: Sequence[DrivenFace], source: Float) -> float:
    """Proportions in the frame that is nearest to the source's own pose and expression."""

    def distance(face: DrivenFace) -> float:
        scale, turn, shift = fit_similarity(source, face.points)
        return float(np.linalg.norm(scale * source @ turn.T + shift - face.points, axis=1).mean() / scale)

    neutral = min(driven, key=distance).points
    pairs = zip(_proportions(neutral), _proportions(source), strict=True)
    return max(abs(ours / own - 1) for ours, own in pairs)


def _proportions(mesh: Float) -> tuple[float, float]:
    """Distance of the eyes' outer corners and width of the jaw, both over the face's height. The gap between the lips
    is no part of it: a mouth that closes shortens a face, whosever it is."""
    height = _length(mesh, FOREHEAD, CHIN) - _length(mesh, *_INNER_LIPS)
    return _length(mesh, 33, 263) / height, _length(mesh, *_JAW) / height


def _length(mesh: Float, first: int, second: int) -> float:
    return float(np.linalg.norm(mesh[first] - mesh[second]))


def cut(pixels: Bytes, box: Box) -> Bytes:
    """The part of a picture in a box."""
    left, top = max(int(box.x), 0), max(int(box.y), 0)
    return np.ascontiguousarray(pixels[top : int(box.y + box.height), left : int(box.x + box.width)])


def reduced(pixels: Bytes, side: int) -> Bytes:
    """The picture with its longest side at most `side` long."""
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    reduced: Bytes = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return reduced


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", nargs="+", default=list(CLIPS), help="paths, or names in the data's clips/")
    parser.add_argument("--sources", nargs="+", type=Path, help="default: paintings of the test material")
    parser.add_argument("--count", type=int, default=10, help="how many paintings")
    parser.add_argument("--frames", type=int, default=75, help="first frames of each clip")
    parser.add_argument("--side", type=int, default=512, help="longest side to which pictures are reduced")
    parser.add_argument(
        "--every", type=int, default=1, help="render and judge only every Nth frame (no lengths of blinks then)"
    )
    parser.add_argument("--mesh", action="store_true", help="measure the driven mesh; render nothing")
    parser.add_argument("--workers", type=int, default=2, help="clips measured side by side")
    parser.add_argument("--tracker", default="native")
    parser.add_argument("--judge", type=Path, default=DATA / "landmark_weights")
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
