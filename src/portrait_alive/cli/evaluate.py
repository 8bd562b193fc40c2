"""`portrait-alive evaluate`: how near the result comes to the truth, in figures that can be repeated."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from portrait_alive.cli.report import Report
from portrait_alive.errors import (
    BatchIncompleteError,
    MissingDependencyError,
    OutputError,
    PortraitAliveError,
    UnreadableInputError,
    UsageError,
)
from portrait_alive.events import Note, PhaseStarted, Progress
from portrait_alive.options import AnimateOptions

if TYPE_CHECKING:
    from portrait_alive.evaluation.crossing import CrossScores
    from portrait_alive.evaluation.judge import Judge
    from portrait_alive.evaluation.methods import Tools
    from portrait_alive.evaluation.reenactment import Episode, Reenactor
    from portrait_alive.evaluation.scores import EpisodeScores, Instruments

EXAMPLES = """Examples:

portrait-alive evaluate clips/*.mp4 --networks eval_nets/ --judge face_landmarker.task

portrait-alive evaluate ada.mp4 --shots 1,8,32 --tsv ada.tsv --sheets ada-sheets/

portrait-alive evaluate me.mp4 --source monalisa.jpg --source girl.jpg
"""
OPTIONS = ("tracker", "device", "threads", "overwrite")
WHAT = "What is measured"
WITH = "What measures"
OUTPUT = "Output"
_SELF_METHODS, _CROSS_METHODS = ("still", "warp"), ("warp",)
FALLBACK = ("face_ssim", "face_l1", "landmarks_error")
"""Columns of the table of clips where no network measures."""
_ALL_SHOTS = range(1, 33)
Score = TypeVar("Score")

Clips = Annotated[list[Path], typer.Argument(metavar="CLIP", help="Videos of one face each.", show_default=False)]
Sources = Annotated[
    list[Path] | None,
    typer.Option(
        "--source",
        metavar="PICTURE",
        show_default=False,
        rich_help_panel=WHAT,
        help="Drive this picture instead of the clip's own frames (cross-reenactment). May be repeated.",
    ),
]
Shots = Annotated[
    str | None,
    typer.Option(
        "--shots",
        metavar="K,K...",
        show_default=False,
        rich_help_panel=WHAT,
        help="So many source frames, spread over the clip's first half; its second half drives. "
        "Default: the first frame is the source, the whole clip drives.",
    ),
]
Methods = Annotated[
    str | None,
    typer.Option(
        "--methods",
        metavar="NAME,NAME...",
        show_default=False,
        rich_help_panel=WHAT,
        help="still (the source, unmoved), reencoded (the truth, encoded), warp, neural. Default: still,warp.",
    ),
]
Frames = Annotated[
    int, typer.Option("--frames", min=3, metavar="N", rich_help_panel=WHAT, help="Driven frames of each clip.")
]
Networks = Annotated[
    Path,
    typer.Option("--networks", metavar="FOLDER", rich_help_panel=WITH, help="Networks of LPIPS and identity."),
]
JudgeFile = Annotated[
    Path,
    typer.Option("--judge", metavar="FILE", rich_help_panel=WITH, help="MediaPipe's face_landmarker .task file."),
]
Tsv = Annotated[
    Path | None,
    typer.Option("--tsv", metavar="FILE", show_default=False, rich_help_panel=OUTPUT, help="Every figure, as a table."),
]
Sheets = Annotated[
    Path | None,
    typer.Option(
        "--sheets", metavar="FOLDER", show_default=False, rich_help_panel=OUTPUT, help="Contact sheets to look at."
    ),
]


def evaluate(
    report: Report,
    clip: Clips,
    options: AnimateOptions,
    source: Sources = None,
    shots: Shots = None,
    methods: Methods = None,
    frames: Frames = 60,
    networks: Networks = Path("../shared/data/eval_nets"),
    judge: JudgeFile = Path("../shared/data/landmark_weights"),
    tsv: Tsv = None,
    sheets: Sheets = None,
) -> None:
    """Measure how near the result comes to the truth, clip by clip, and print the tables in markdown."""
    counts = parse_shots(shots)
    is_cross = bool(source)
    if is_cross and (counts or sheets):
        raise UsageError("--source is a picture of somebody else: --shots and --sheets need the clip's own frames")
    if tsv is not None and tsv.exists() and not options.overwrite:
        raise OutputError(f"{tsv} exists already; choose another name, or allow it with --overwrite")
    names = _chosen(methods, _CROSS_METHODS if is_cross else _SELF_METHODS)
    tools = _tools(options, is_absolute=not is_cross)
    made = {name: _method(name, tools, is_cross=is_cross) for name in names}
    instruments = _instruments(report, networks, judge, options.tracker, tools)
    if is_cross:
        _cross(report, clip, source or [], made, instruments, frames, tsv)
    else:
        _self(report, clip, counts, made, instruments, frames, tsv, sheets)


def parse_shots(text: str | None) -> tuple[int, ...]:
    """The numbers of source frames that `--shots` names; none where it is not given.

    Raises:
        UsageError: not whole numbers from 1 to 32.
    """
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) in _ALL_SHOTS for word in words):
        raise UsageError(f"--shots {text}: write numbers from 1 to 32, such as 1,8,32")
    return tuple(sorted({int(word) for word in words}))


def _chosen(text: str | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    from portrait_alive.evaluation.methods import METHODS

    names = usual if text is None else tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if unknown := [name for name in names if name not in METHODS]:
        raise UsageError(f"--methods {unknown[0]}: choose from {', '.join(METHODS)}")
    return names


def _tools(options: AnimateOptions, *, is_absolute: bool) -> "Tools":
    from portrait_alive.device import limit_threads, pick_device
    from portrait_alive.evaluation.methods import Tools
    from portrait_alive.shape.basis import load_basis
    from portrait_alive.tracking.tracker import load_tracker
    from portrait_alive.weights import SHAPE_BASIS, weight_path

    limit_threads(options.threads)
    tracker = cache(lambda: load_tracker(options.tracker, device=str(pick_device(options.device))))
    return Tools(tracker, load_basis(weight_path(SHAPE_BASIS)), is_absolute)


def _method(name: str, tools: "Tools", *, is_cross: bool) -> "Reenactor":
    from portrait_alive.evaluation.methods import METHODS

    if is_cross and name == "reencoded":
        raise UsageError("--methods reencoded: with --source there is no truth that could be encoded")
    return METHODS[name](tools)


def _instruments(report: Report, networks: Path, model: Path, tracker: str, tools: "Tools") -> "Instruments":
    """What measures; each thing that is missing is said."""
    from portrait_alive.evaluation.evaluate import find_instruments

    found = find_instruments(networks, _judge(report, model, tracker, tools))
    for sentence in found.missing:
        report.listen(Note("left-out", f"{sentence}; name the folder with --networks"))
    return found.instruments


def _judge(report: Report, model: Path, tracker: str, tools: "Tools") -> "Judge":
    """MediaPipe where it is there, else the tracker itself, which is said."""
    import importlib.util

    from portrait_alive.evaluation.evaluate import find_judge
    from portrait_alive.evaluation.methods import TrackerJudge

    why = "mediapipe is not installed (pip install 'portrait-alive[mediapipe]')"
    if importlib.util.find_spec("mediapipe") is not None:
        try:
            return find_judge(model, None)
        except UnreadableInputError as error:
            why = str(error)
    report.listen(Note("judge", f"landmarks are judged by the {tracker} tracker, which is kinder to itself: {why}"))
    return TrackerJudge(tools.tracker)


def _self(
    report: Report,
    clips: Sequence[Path],
    shots: tuple[int, ...],
    methods: Mapping[str, "Reenactor"],
    instruments: "Instruments",
    frames: int,
    tsv: Path | None,
    sheets: Path | None,
) -> None:
    from portrait_alive.evaluation.evaluate import evaluate as measure
    from portrait_alive.evaluation.report import HEADLINE, episode_table, summary_table, worst_frames, write_tsv

    count = len(clips) * max(len(shots), 1) * len(methods)
    report.listen(PhaseStarted("evaluate", "measuring", count, unit="trials"))
    done = iter(range(1, count + 1))

    def told(score: "EpisodeScores") -> None:
        report.listen(Progress("evaluate", next(done)))

    def scores_of(clip: Path) -> "list[EpisodeScores]":
        return measure(methods, _episodes(clip, shots, frames), instruments, sheets=sheets, told=told)

    scores, left_out = _each(report, clips, scores_of)
    measured = [name for name in HEADLINE if any(name in score.names for score in scores)]
    tables = [summary_table(scores), episode_table(scores, measured or FALLBACK)]
    if instruments.lpips is not None:
        tables.append(worst_frames(scores))
    if tsv is not None:
        write_tsv(scores, tsv)
    figures = [
        {
            "clip": score.episode,
            "method": score.method,
            "sources": score.shots,
            "frames": score.frames,
            "unseen_in_output": score.unseen_in_output,
            **_known({name: score.mean(name) for name in score.names}),
        }
        for score in scores
    ]
    _finish(report, tables, figures, len(clips), left_out)


def _cross(
    report: Report,
    clips: Sequence[Path],
    pictures: Sequence[Path],
    methods: Mapping[str, "Reenactor"],
    instruments: "Instruments",
    frames: int,
    tsv: Path | None,
) -> None:
    from time import perf_counter

    from portrait_alive.evaluation.crossing import cross_rows, cross_table, score_cross
    from portrait_alive.evaluation.reenactment import first_frame_episode
    from portrait_alive.media.stills import read_picture

    sources = {picture: read_picture(picture).pixels for picture in pictures}
    count = len(clips) * len(pictures) * len(methods)
    report.listen(PhaseStarted("evaluate", "measuring", count, unit="trials"))
    done = iter(range(1, count + 1))

    def scores_of(clip: Path) -> "Iterator[CrossScores]":
        driving = first_frame_episode(clip, frames=frames).driving
        for picture, pixels in sources.items():
            for name, method in methods.items():
                began = perf_counter()
                output = method([pixels], driving)
                spent = (perf_counter() - began) / len(driving)
                yield score_cross(
                    name, clip.stem, picture.stem, pixels, driving, output, instruments, seconds_per_frame=spent
                )
                report.listen(Progress("evaluate", next(done)))

    scores, left_out = _each(report, clips, lambda clip: list(scores_of(clip)))
    if tsv is not None:
        header, rows = cross_rows(scores)
        tsv.parent.mkdir(parents=True, exist_ok=True)
        tsv.write_text("\n".join("\t".join(row) for row in [header, *rows]) + "\n", encoding="utf-8")
    figures = [
        {
            "clip": score.clip,
            "picture": score.picture,
            "method": score.method,
            "unseen_in_output": score.unseen,
            **_known({"identity": score.identity}),
            "motions": {
                name: {"correlation": round(one.correlation, 4), "gain": round(one.gain, 4)}
                for name, one in score.motions.items()
            },
        }
        for score in scores
    ]
    _finish(report, [cross_table(scores)], figures, len(clips), left_out)


def _episodes(clip: Path, shots: tuple[int, ...], frames: int) -> "Sequence[Episode]":
    from portrait_alive.evaluation.reenactment import few_shot_episodes, first_frame_episode

    return few_shot_episodes(clip, shots, frames=frames) if shots else [first_frame_episode(clip, frames=frames)]


def _each(
    report: Report, clips: Sequence[Path], scores_of: Callable[[Path], Sequence[Score]]
) -> tuple[list[Score], int]:
    """The scores of all clips, and how many clips were left out since they cannot be measured, which is said.

    Raises:
        PortraitAliveError: none could be measured; the error of the first.
    """
    scores: list[Score] = []
    failures: list[PortraitAliveError] = []
    for clip in clips:
        try:
            scores += scores_of(clip)
        except (MissingDependencyError, OutputError):
            raise  # the same for every clip
        except PortraitAliveError as error:
            failures.append(error)
            text = str(error)
            report.listen(Note("left-out", text if str(clip) in text else f"{clip}: {text}"))
    if len(failures) == len(clips):
        raise failures[0]
    return scores, len(failures)


def _finish(
    report: Report, tables: Sequence[str], figures: Sequence[Mapping[str, object]], clips: int, left_out: int
) -> None:
    report.result("\n".join(tables).rstrip(), {"clips": clips - left_out, "scores": figures})
    if left_out:
        raise BatchIncompleteError(f"{left_out} of {clips} clips could not be measured; see the notes")


def _known(values: Mapping[str, float]) -> dict[str, float]:
    """The figures that are there, rounded: JSON has no word for what is not."""
    return {name: round(value, 6) for name, value in values.items() if not isnan(value)}
