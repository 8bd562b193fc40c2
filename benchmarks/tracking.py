"""How near a tracker's landmarks are to MediaPipe's, on pictures and clips; what it misses, invents, and costs.

    python benchmarks/tracking.py                        # everything
    python benchmarks/tracking.py --pictures a.jpg b.png --clips c.mp4 --sheets out/

Distances in % of the interocular distance. The floor is MediaPipe against itself after a shift
of one pixel: where that is large, MediaPipe itself does not know. "Of 16 looks" is the distance
from the median of what it says of the picture moved by up to six pixels, and of its mirror image.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from measured_with import DATA, command_line, default_cache
from PIL import Image
from tracking_renders import rendered_tables, sizes_on_disk

from portrait_alive.evaluation.clip_frames import read_frames
from portrait_alive.evaluation.evaluate import find_judge
from portrait_alive.evaluation.judge import Judge, face_seen
from portrait_alive.evaluation.landmark_errors import RIGID, interocular_distance
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.media.stills import read_picture
from portrait_alive.motion.angles import angles_of
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.topology import GROUPS, MIRROR
from portrait_alive.tracking.tracker import Tracker, load_tracker
from portrait_alive.types import MESH_POINTS, Box, Bytes, Float, Landmarks
from portrait_alive.weights import SHAPE_BASIS, weight_path, weights_folder

KINDS = ("all", "inner", *GROUPS)
_INNER = tuple(i for i in range(MESH_POINTS) if i not in GROUPS["contour"])
_FACELESS_CROPS = 200
_TURNED_DEG = 20
_SHIFTS = ((0, 0), (1, 1), (2, 0), (0, 3), (3, 2), (4, 5), (5, 1), (6, 6))
"""Columns and rows by which a picture is cut for a look of MediaPipe's: not at all, by one for the floor, and more, so
that its detector starts from elsewhere."""
CONFIGS = Path(__file__).resolve().parents[1] / "configs"


@dataclass(frozen=True)
class PictureResult:
    """What a tracker made of one picture."""

    name: str
    found: bool
    """A face, in the place where MediaPipe sees it."""
    errors: dict[str, float]
    """By group; empty where nothing was found."""
    of_looks: dict[str, float]
    """Errors against the median of MediaPipe's looks at the picture moved a little, and mirrored, by group."""
    floor: dict[str, float]
    """MediaPipe against itself on the picture without its first row and column, by group."""
    yaw: float
    """How far the head is turned, degrees, as MediaPipe sees it."""


def group_errors(ours: Float, theirs: Float) -> dict[str, float]:
    """Mean distance of corresponding points in % of the interocular distance, by group."""
    far = 100 * np.linalg.norm(ours[:, :2] - theirs[:, :2], axis=1) / interocular_distance(theirs)
    groups = {"all": tuple(range(MESH_POINTS)), "inner": _INNER, **GROUPS}
    return {name: float(far[list(points)].mean()) for name, points in groups.items()}


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    judge = find_judge(arguments.judge, arguments.cache)
    tracker = load_tracker(arguments.tracker)
    print(command_line())
    print(_speed(tracker, arguments.repeat))
    print(sizes_on_disk(weights_folder()))
    paths = arguments.pictures or default_pictures()
    fitter = HeadFitter.of(load_basis(weight_path(SHAPE_BASIS)))
    pictures = [_picture(path, tracker, judge, fitter, arguments.sheets) for path in paths]
    print(_picture_tables(pictures))
    print(_clip_table(arguments.clips or default_clips(), arguments.frames, tracker, judge))
    print(_false_faces(tracker, paths, judge))
    print(rendered_tables(arguments.head_model, tracker, arguments.people, group_errors))


def default_pictures() -> list[Path]:
    """Every painting and photograph of the test material."""
    folders = (DATA / "paintings", DATA / "portraits", DATA / "portraits" / "sets")
    return sorted(path for folder in folders for path in folder.glob("*.*"))


def default_clips() -> list[Path]:
    """The held-out clips of the test material."""
    held = named_in("tracker_held_out.txt")
    return [path for path in sorted((DATA / "clips").glob("*.m*")) if path.stem in held]


def named_in(list_name: str) -> set[str]:
    """Stems of the pictures and clips in a list of `configs/`."""
    lines = (CONFIGS / list_name).read_text(encoding="utf-8").splitlines()
    return {Path(line).stem for line in lines if line and not line.startswith("#")}


def _largest(faces: Sequence[Landmarks]) -> Landmarks | None:
    return max(faces, key=lambda face: face.box.area, default=None)


def _picture(path: Path, tracker: Tracker, judge: Judge, fitter: HeadFitter, sheets: Path | None) -> PictureResult:
    pixels = read_picture(path).pixels
    looks = _looks(pixels, judge)
    theirs, shifted = looks[0], looks[1]
    ours = _largest(tracker.detect(pixels))
    if sheets is not None:
        _draw(pixels, ours, theirs, sheets / f"{path.stem}.jpg")
    if np.isnan(theirs).any():
        return PictureResult(path.stem, ours is not None, {}, {}, {}, 0.0)
    floor = {} if np.isnan(shifted).any() else group_errors(shifted, theirs)
    found = ours is not None and ours.box.overlap(Box.around(theirs)) > 0.5
    seen = fitter.fit(Landmarks(theirs, np.ones(len(theirs), np.float32), 1.0))
    yaw = float(np.degrees(angles_of(seen.pose.rotation)[0]))
    errors = group_errors(ours.points, theirs) if ours is not None else {}
    of_looks = group_errors(ours.points, np.nanmedian(looks, axis=0)) if ours is not None else {}
    return PictureResult(path.stem, found, errors, of_looks, floor, yaw)


def _looks(pixels: Bytes, judge: Judge) -> Float:
    """(2 N, 478, 3) what MediaPipe sees in a picture moved by each of N `_SHIFTS`, then in their mirror images."""
    width = pixels.shape[1]
    moved = [np.ascontiguousarray(pixels[y:, x:]) for x, y in _SHIFTS]
    straight = judge.meshes(moved) + np.array([(x, y, 0) for x, y in _SHIFTS], np.float32)[:, None]
    others = judge.meshes([np.ascontiguousarray(picture[:, ::-1]) for picture in moved])[:, list(MIRROR)]
    others = (
        others * np.array([-1, 1, 1], np.float32) + np.array([(width, y, 0) for _, y in _SHIFTS], np.float32)[:, None]
    )
    return np.concatenate([straight, others])


def _draw(pixels: Bytes, ours: Landmarks | None, theirs: Float, path: Path) -> None:
    """Our points green, MediaPipe's red, around the face."""
    box = Box.around(theirs if ours is None else ours.points).scaled(1.6)
    scale = 640 / max(box.width, box.height)
    matrix = np.array([[scale, 0, -box.x * scale], [0, scale, -box.y * scale]])
    canvas = cv2.warpAffine(pixels, matrix, (round(box.width * scale), round(box.height * scale)))
    for points, colour in ((theirs, (255, 60, 40)), (None if ours is None else ours.points, (60, 255, 60))):
        if points is not None and not np.isnan(points).any():
            for x, y in points[:, :2] @ matrix[:, :2].T + matrix[:, 2]:
                cv2.circle(canvas, (round(float(x)), round(float(y))), 1, colour, -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(canvas).save(path, quality=92)


def _picture_tables(results: Sequence[PictureResult]) -> str:
    measured = [result for result in results if result.errors]
    held_out = named_in("tracker_held_out.txt")
    held = [result for result in measured if result.name in held_out]
    turned = [result for result in held if abs(result.yaw) >= _TURNED_DEG]
    rows = [
        *_statistics("held out", [r.errors for r in held]),
        *_statistics("held out, of 16 looks", [r.of_looks for r in held]),
        *_statistics(f"held out, turned by {_TURNED_DEG} degrees or more ({len(turned)})", [r.errors for r in turned]),
        *_statistics("those, of 16 looks", [r.of_looks for r in turned]),
        *_statistics("all, the taught among them", [r.errors for r in measured]),
        *_statistics("MediaPipe against itself", [r.floor for r in measured if r.floor]),
    ]
    each: list[list[str | float]] = [
        [
            r.name + ("" if r.name in held_out else " (person taught)"),
            *[r.errors[kind] for kind in KINDS],
            r.of_looks["all"],
            r.floor.get("all", float("nan")),
            round(r.yaw),
            "yes" if r.found else "no",
        ]
        for r in sorted(measured, key=lambda r: -r.errors["all"])
    ]
    lost = [r.name for r in results if not r.found]
    return "\n".join(
        [
            f"Pictures: {len(results)}, face found in the right place in {len(results) - len(lost)}"
            + (f" (not in {', '.join(lost)})" if lost else "")
            + ".\n",
            markdown_table(["pictures", *KINDS], rows, digits=2),
            markdown_table(
                ["picture, worst first", *KINDS, "all, of 16 looks", "floor, all", "yaw", "found"], each, digits=2
            ),
        ]
    )


def _statistics(name: str, errors: Sequence[dict[str, float]]) -> list[list[str | float]]:
    if not errors:
        return []
    return [
        [f"{name}: {statistic}", *[float(np.percentile([e[kind] for e in errors], share)) for kind in KINDS]]
        for statistic, share in (("median", 50), ("90th percentile", 90))
    ]


def _clip_table(clips: Sequence[Path], count: int, tracker: Tracker, judge: Judge) -> str:
    rows: list[list[str | float]] = []
    for clip in clips:
        frames = read_frames(clip, limit=count)
        theirs = judge.meshes(frames)
        followed = tracker.follow(frames[:1], None)
        start = time.perf_counter()
        followed += tracker.follow(frames[1:], followed[0])
        per_frame = 1000 * (time.perf_counter() - start) / max(len(frames) - 1, 1)
        empty = np.full((MESH_POINTS, 3), np.nan, np.float32)
        ours = np.stack([empty if face is None else face.points for face in followed])
        both = face_seen(theirs) & face_seen(ours)
        errors = [group_errors(ours[i], theirs[i]) for i in np.flatnonzero(both)]
        lost = int((face_seen(theirs) & ~face_seen(ours)).sum())
        middle = [float(np.median([e[kind] for e in errors])) if errors else float("nan") for kind in KINDS]
        rows.append([clip.stem, *middle, _jitter_ratio(ours, theirs, both), per_frame, str(lost)])
        print(f"{clip.stem}: {middle[0]:.2f}", file=sys.stderr, flush=True)
    numbers = np.array([row[1:-1] for row in rows], np.float64)
    medians = [
        float(np.median(known)) if len(known := column[~np.isnan(column)]) else float("nan") for column in numbers.T
    ]
    rows.append(["**median over clips**", *medians, str(sum(int(row[-1]) for row in rows))])
    header = ["clip", *KINDS, "resting jitter / MediaPipe's", "ms/frame followed", "lost"]
    return markdown_table(header, rows, digits=2)


def _jitter_ratio(ours: Float, theirs: Float, both: np.ndarray) -> float:
    """Resting jitter of our points over that of MediaPipe's, in the quarter of the frames that move least."""
    middles = [i for i in range(1, len(both) - 1) if both[i - 1] and both[i] and both[i + 1]]
    if len(middles) < 8:
        return float("nan")
    # how much the head moves, by the rigid points of MediaPipe over four frames: its own noise averages out
    speeds = []
    for i in middles:
        low, high = max(i - 2, 0), min(i + 2, len(both) - 1)
        speeds.append(np.nanmean(np.linalg.norm(theirs[high][list(RIGID), :2] - theirs[low][list(RIGID), :2], axis=1)))
    calm = np.array(middles)[np.argsort(speeds)[: max(len(middles) // 4, 4)]]
    return _jitter(ours, calm) / max(_jitter(theirs, calm), 1e-9)


def _jitter(meshes: Float, at: np.ndarray) -> float:
    off = meshes[at] - (meshes[at - 1] + meshes[at + 1]) / 2
    return float(np.sqrt((off[..., :2] ** 2).sum(-1).mean()))


def _false_faces(tracker: Tracker, pictures: Sequence[Path], judge: Judge) -> str:
    """Faces seen in crops that hold none: squares that stay clear of every face MediaPipe or the tracker knows."""
    rng = np.random.default_rng(0)
    crops: list[Bytes] = []
    sources = [read_picture(path).pixels for path in pictures]
    heads = [judge.meshes([pixels])[0] for pixels in sources]
    for _ in range(100 * _FACELESS_CROPS):
        index = int(rng.integers(len(sources)))
        pixels, head = sources[index], heads[index]
        if np.isnan(head).any():
            continue
        side = int(rng.uniform(0.15, 0.6) * min(pixels.shape[:2]))
        y, x = (int(rng.integers(0, pixels.shape[axis] - side)) for axis in (0, 1))
        around = Box.around(head).scaled(1.5)
        if min(x + side, around.x + around.width) > max(x, around.x) and min(y + side, around.y + around.height) > max(
            y, around.y
        ):
            continue
        crops.append(np.ascontiguousarray(pixels[y : y + side, x : x + side]))
        if len(crops) == _FACELESS_CROPS:
            break
    seen = sum(bool(tracker.detect(crop)) for crop in crops)
    return f"False faces: {seen} in {len(crops)} crops without a face.\n"


def _speed(tracker: Tracker, repeat: int) -> str:
    """First detection in a 2-megapixel picture, and a followed frame of 512x512."""
    pixels = read_picture(DATA / "paintings" / "leonardo_mona_lisa.jpg").pixels
    clip = read_frames(DATA / "clips" / "lp_d10_woman_studio.mp4", limit=60)
    tracker.detect(pixels)
    first = min(_seconds(lambda: tracker.detect(pixels)) for _ in range(repeat))
    last = tracker.follow(clip[:1], None)[0]
    followed = min(_seconds(lambda: tracker.follow(clip[1:], last)) for _ in range(repeat)) / (len(clip) - 1)
    rows: list[list[str | float]] = [
        ["first detection, 2.1 Mpx", 1000 * first],
        ["frame followed, 512x512", 1000 * followed],
    ]
    return markdown_table(["speed", "ms"], rows, digits=1)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", default="native")
    parser.add_argument("--pictures", nargs="+", type=Path, help="default: all of the test material")
    parser.add_argument("--clips", nargs="+", type=Path, help="default: the held-out ones")
    parser.add_argument("--frames", type=int, default=90, help="of each clip")
    parser.add_argument("--sheets", type=Path, help="folder for overlays: ours green, MediaPipe's red")
    parser.add_argument("--repeat", type=int, default=5, help="timed runs; the fastest counts")
    parser.add_argument("--people", type=int, default=40, help="held-out rendered people, two moments of each")
    parser.add_argument("--head-model", type=Path, default=DATA / "head_model.npz")
    parser.add_argument("--judge", type=Path, default=DATA / "landmark_weights")
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
