"""Self-reenactment tables: how near a method comes to the frames of the clip that drives it.

    python benchmarks/quality.py                                  # the eight named clips, K = 1, baselines and warp
    python benchmarks/quality.py --methods my_module:reenact --every 2 --sheets out/   # a quick look at your own method
    python benchmarks/quality.py --protocol few-shot --shots 1 8 32 --methods still --clips a.mp4 b.mp4

    python benchmarks/quality.py --protocol across --methods still --clips clips/vox2_4ids/id00017/*   # folders

Across: the clips of a folder but the last give K sources, the last one drives.
A method is one of the names below, or `module:attribute` (or `file.py:attribute`) of a callable
`(sources, driving) -> frames`. Definitions: docs/quality.md.
"""

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import torch
from crude_sheet import CrudeSheet
from measured_with import DATA, command_line, default_cache
from warp_method import WarpEngineMethod

from portrait_alive.errors import PortraitAliveError, UsageError
from portrait_alive.evaluation.baselines import TruthReencoded, still_source
from portrait_alive.evaluation.evaluate import evaluate, find_instruments, find_judge
from portrait_alive.evaluation.judge import Judge
from portrait_alive.evaluation.reenactment import (
    Episode,
    Reenactor,
    across_clips_episode,
    few_shot_episodes,
    first_frame_episode,
)
from portrait_alive.evaluation.report import HEADLINE, episode_table, summary_table, worst_frames, write_tsv
from portrait_alive.evaluation.scores import EpisodeScores

NAMED_CLIPS = (
    "lp_d0_man_greenscreen",
    "lp_d3_woman_film",
    "lp_d10_woman_studio",
    "lp_d12_man_orangewall",
    "lp_s29_woman_blonde",
    "hm_xzy3_man",
    "mead_W036_happy",
    "small256_et_expression_woman",
)


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    judge = find_judge(arguments.judge, arguments.cache)
    found = find_instruments(arguments.networks, judge)
    methods = {name: _method(name, judge) for name in arguments.methods}
    clips = [_clip(name) for name in arguments.clips]

    def tell(score: EpisodeScores) -> None:
        figures = " ".join(f"{name} {score.mean(name):.3f}" for name in HEADLINE)
        print(f"{score.episode} K={score.shots} {score.method}: {figures}", file=sys.stderr, flush=True)

    scores = evaluate(
        methods,
        _episodes(clips, arguments),
        found.instruments,
        every=arguments.every,
        sheets=arguments.sheets,
        told=tell,
    )
    for sentence in found.missing:
        print(f"> {sentence}\n")
    print(command_line(), summary_table(scores), episode_table(scores), worst_frames(scores), sep="\n")
    if arguments.tsv is not None:
        write_tsv(scores, arguments.tsv)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["still", "sheet", "reencoded", "warp"])
    parser.add_argument("--clips", nargs="+", default=list(NAMED_CLIPS), help="paths, or names in the data's clips/")
    parser.add_argument("--protocol", choices=["first-frame", "few-shot", "across"], default="first-frame")
    parser.add_argument("--shots", nargs="+", type=int, default=[1, 8, 32], help="K of few-shot")
    parser.add_argument("--frames", type=int, default=60, help="driven frames of an episode")
    parser.add_argument("--every", type=int, default=1, help="measure each n-th driven frame only")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--tsv", type=Path, help="file for every figure")
    parser.add_argument("--networks", type=Path, default=DATA / "eval_nets")
    parser.add_argument("--judge", type=Path, default=DATA / "landmark_weights")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of remembered judgements")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def _clip(name: str) -> Path:
    return Path(name) if Path(name).exists() else DATA / "clips" / f"{name}.mp4"


def _episodes(clips: Sequence[Path], arguments: argparse.Namespace) -> Iterator[Episode]:
    for clip in clips:
        if arguments.protocol == "across":
            *others, last = sorted(clip.glob("*.mp4"))
            for shots in arguments.shots:
                yield across_clips_episode(others, last, shots, frames=arguments.frames)
        elif arguments.protocol == "first-frame":
            yield first_frame_episode(clip, frames=arguments.frames)
        else:
            yield from few_shot_episodes(clip, arguments.shots, frames=arguments.frames)


def _method(name: str, judge: Judge) -> Reenactor:
    built_in: dict[str, Callable[[], Reenactor]] = {
        "still": lambda: still_source,
        "sheet": lambda: CrudeSheet(judge),
        "reencoded": lambda: TruthReencoded(18),
        "warp": lambda: WarpEngineMethod("native"),
        "warp-landmarks": lambda: WarpEngineMethod("native", aligned=False),
        "warp-mediapipe": lambda: WarpEngineMethod("mediapipe"),
        "neural": lambda: WarpEngineMethod("native", engine="neural"),
        "neural-mediapipe": lambda: WarpEngineMethod("mediapipe", engine="neural"),
    }
    if name in built_in:
        return built_in[name]()
    place, _, attribute = name.rpartition(":")
    if not place:
        raise UsageError(f"--methods {name}: not one of {', '.join(built_in)}, nor module:callable")
    if place.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(place).stem, place)
        if spec is None or spec.loader is None:
            raise UsageError(f"--methods {name}: {place} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(place)
    method: Reenactor = getattr(module, attribute)
    return method


if __name__ == "__main__":
    try:
        main()
    except PortraitAliveError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
