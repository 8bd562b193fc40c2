"""Does the portrait do what the driver does? Clips driven onto paintings, seen by MediaPipe in driver and output.

    python benchmarks/motion.py                                  # ten paintings, eight clips
    python benchmarks/motion.py --frames 40 --sources a.jpg --clips b.mp4

Correlation and gain: median over the pairs in which the driver moves. Definitions: docs/quality.md.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from measured_with import DATA, command_line, default_cache
from warp_method import WarpEngineMethod

from portrait_alive.errors import NoFaceError
from portrait_alive.evaluation.clip_frames import read_frames
from portrait_alive.evaluation.correlation import MOVES_BY, Agreement, agreements, motion_tracks
from portrait_alive.evaluation.evaluate import find_judge
from portrait_alive.evaluation.judge import face_seen
from portrait_alive.evaluation.landmark_errors import RIGID, interocular_distance
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.evaluation.similarity import fit_similarity
from portrait_alive.media.clips import open_clip
from portrait_alive.media.stills import read_picture
from portrait_alive.shape.topology import CHIN, FOREHEAD
from portrait_alive.types import Bytes, DrivenFace, Float

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


@dataclass(frozen=True)
class Pair:
    """What was seen of one clip driven onto one picture."""

    clip: str
    picture: str
    agreements: dict[str, Agreement]
    jitter_ratio: float
    """Resting jitter of the driven mesh over that of the raw tracks, each in its own interocular distances."""
    blink_growth: tuple[int, ...]
    """Frames by which each blink is longer in the output than in the driver."""
    identity_change: float
    """Largest relative change of interocular distance and jaw width over face height, in the neutral pose."""


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    judge = find_judge(arguments.judge, arguments.cache)
    sources = [
        (path.stem, _reduced(read_picture(path).pixels, arguments.side))
        for path in arguments.sources or sorted((DATA / "paintings").glob("*.*"))[: arguments.count]
    ]
    pairs: list[Pair] = []
    failures: list[str] = []
    for name in arguments.clips:
        clip = Path(name) if Path(name).is_file() else DATA / "clips" / f"{name}.mp4"
        driving = [_reduced(frame, arguments.side) for frame in read_frames(clip, limit=arguments.frames)]
        method = WarpEngineMethod(arguments.tracker, absolute=False, fps=open_clip(clip).fps)
        driver = judge.meshes(driving)
        raw = method.raw_points(driving)
        for picture, pixels in sources:
            try:
                face = method.face(pixels)
            except NoFaceError as error:
                failures.append(f"{picture}: {error}")
                continue
            driven = list(method.driven(face, driving))
            output = judge.meshes(method.rendered(pixels, face, driven))
            pair = Pair(
                clip.stem,
                picture,
                agreements(driver, output),
                _jitter_ratio(np.stack([d.points for d in driven]), raw, interocular_distance(face.points)),
                _blink_growth(driver, output),
                _identity_change(driven, face.points),
            )
            pairs.append(pair)
            figures = " ".join(f"{key} {one.correlation:.2f}x{one.gain:.2f}" for key, one in pair.agreements.items())
            print(f"{clip.stem} > {picture}: {figures}", file=sys.stderr, flush=True)
    print(command_line(), _motion_table(pairs), _other_table(pairs), _worst_table(pairs), sep="\n")
    for failure in dict.fromkeys(failures):
        print(f"> {failure}")


def _motion_table(pairs: Sequence[Pair]) -> str:
    rows: list[list[str | float]] = []
    for name in MOVES_BY:
        found = [pair.agreements[name] for pair in pairs if name in pair.agreements]
        if not found:
            continue
        correlations, gains = [one.correlation for one in found], [one.gain for one in found]
        rows.append(
            [
                name,
                str(len(found)),
                float(np.median(correlations)),
                float(np.percentile(correlations, 10)),
                float(np.median(gains)),
                f"{np.percentile(gains, 10):.2f}..{np.percentile(gains, 90):.2f}",
                f"{TARGETS.get(name, 0.8):.1f}; 0.7..1.2",
            ]
        )
    header = ["motion", "pairs", "correlation, median", "worst tenth", "gain, median", "gain, 10..90 %", "target"]
    return markdown_table(header, rows, digits=2)


def _other_table(pairs: Sequence[Pair]) -> str:
    jitters = [pair.jitter_ratio for pair in pairs if not np.isnan(pair.jitter_ratio)]
    growths = [growth for pair in pairs for growth in pair.blink_growth]
    changes = [pair.identity_change for pair in pairs]
    rows: list[list[str | float]] = [
        ["resting jitter, driven mesh / raw tracks", _median(jitters), max(jitters, default=np.nan), "at most 0.33"],
        [
            f"blinks longer by, frames ({len(growths)} blinks)",
            _median(growths),
            max(growths, default=np.nan),
            "at most 1",
        ],
        ["identity changed by, %", 100 * _median(changes), 100 * max(changes, default=np.nan), "below 2"],
    ]
    return markdown_table(["also", "median", "worst", "target"], rows, digits=2)


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


def _jitter_ratio(driven: Float, raw: Float, source_iod: float) -> float:
    """Jitter where the driver rests (the calmest quarter of its frames), each in its own interocular distance."""
    meshes = raw[:, :, :2]
    if np.isnan(meshes).any() or len(raw) < 20:
        return float("nan")
    rigid = meshes[:, list(RIGID)]
    speed = np.array(
        [np.abs(rigid[min(i + 2, len(rigid) - 1)] - rigid[max(i - 2, 0)]).mean() for i in range(len(rigid))]
    )
    calm = 1 + np.argsort(speed[1:-1])[: max(len(raw) // 4, 4)]
    return _jitter(driven[:, : raw.shape[1]], calm) / source_iod / (_jitter(raw, calm) / interocular_distance(raw[0]))


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
    """(first, one past last) frame of each short closure of a lid track (1 open): below `shut`, apart from others."""
    below = np.concatenate([[False], lid < shut, [False]])
    edges = np.flatnonzero(below[1:] != below[:-1])
    spans = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    ends = [-longest, *[stop for _, stop in spans]]
    return [
        (start, stop)
        for (start, stop), before in zip(spans, ends, strict=False)
        if start - before > 8 and stop - start <= longest and start > 0 and stop < len(lid)
    ]


def _identity_change(driven: Sequence[DrivenFace], source: Float) -> float:
    """Proportions in the frame that is nearest to the source's own pose and expression."""

    def distance(face: DrivenFace) -> float:
        scale, turn, shift = fit_similarity(source, face.points)
        return float(np.linalg.norm(scale * source @ turn.T + shift - face.points, axis=1).mean() / scale)

    neutral = min(driven, key=distance).points
    changes = [
        abs(ratio(neutral) / ratio(source) - 1)
        for ratio in (
            lambda m: _length(m, 33, 263) / _length(m, FOREHEAD, CHIN),
            lambda m: _length(m, *_JAW) / _length(m, FOREHEAD, CHIN),
        )
    ]
    return max(changes)


def _length(mesh: Float, first: int, second: int) -> float:
    return float(np.linalg.norm(mesh[first] - mesh[second]))


def _reduced(pixels: Bytes, side: int) -> Bytes:
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    reduced: Bytes = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return reduced


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", nargs="+", default=list(CLIPS), help="paths, or names in the data's clips/")
    parser.add_argument("--sources", nargs="+", type=Path, help="default: paintings of the test material")
    parser.add_argument("--count", type=int, default=13, help="how many paintings")
    parser.add_argument("--frames", type=int, default=100, help="first frames of each clip")
    parser.add_argument("--side", type=int, default=640, help="longest side to which pictures are reduced")
    parser.add_argument("--tracker", default="native")
    parser.add_argument("--judge", type=Path, default=DATA / "landmark_weights")
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
