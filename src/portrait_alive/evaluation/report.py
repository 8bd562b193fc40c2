"""Tables of measurements: every figure in a TSV, the telling ones in markdown."""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from typing import Final

import numpy as np

from portrait_alive.evaluation.scores import EpisodeScores

COLUMNS: Final[Mapping[str, str]] = {
    "face_lpips": "face LPIPS ↓",
    "mouth_lpips": "mouth LPIPS ↓",
    "eyes_lpips": "eyes LPIPS ↓",
    "identity": "identity ↑",
    "face_psnr": "face PSNR dB ↑",
    "face_ssim": "face SSIM ↑",
    "face_l1": "face L1 ↓",
    "frame_ssim": "frame SSIM ↑",
    "landmarks_error": "landmarks % ↓",
    "mouth_opening_error": "mouth opening % ↓",
    "lids_error": "lids % ↓",
    "gaze_error": "gaze % ↓",
    "pose_deg_error": "pose ° ↓",
    "face_flicker": "face flicker (1 = truth)",
    "mouth_flicker": "mouth flicker",
    "eyes_flicker": "eyes flicker",
}
"""Measurements of the summary table with their headings; lengths in % of the interocular distance."""

HEADLINE: Final = ("face_lpips", "mouth_lpips", "eyes_lpips", "identity")
"""Measurements that the targets are set in."""


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str | float]], digits: int = 3) -> str:
    """A markdown table; numbers rounded to `digits`, NaN as a dash, all but the first column to the right."""

    def cell(value: str | float) -> str:
        if isinstance(value, str):
            return value
        return "–" if isnan(value) else f"{value:.{digits}f}"

    lines = [header, ["---", *["---:"] * (len(header) - 1)], *[[cell(value) for value in row] for row in rows]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def average(scores: Sequence[EpisodeScores], name: str) -> float:
    """Mean of a measurement over episodes, each counting the same; NaN where none has it."""
    values = [value for score in scores if not isnan(value := score.mean(name))]
    return float(np.mean(values)) if values else nan


def grouped(scores: Sequence[EpisodeScores]) -> dict[tuple[str, int], list[EpisodeScores]]:
    """Scores by (method, number of sources), in the order in which they first appear."""
    groups: dict[tuple[str, int], list[EpisodeScores]] = {}
    for score in scores:
        groups.setdefault((score.method, score.shots), []).append(score)
    return groups


def summary_table(scores: Sequence[EpisodeScores], columns: Mapping[str, str] = COLUMNS) -> str:
    """Markdown: one row for each method and K, averaged over the episodes. Columns nobody measured are left out."""
    groups = grouped(scores)
    measured = [name for name in columns if any(not isnan(average(group, name)) for group in groups.values())]
    header = ["method", "K", *[columns[name] for name in measured], "s/frame"]
    rows: list[list[str | float]] = [
        [method, str(shots), *[average(group, name) for name in measured], _seconds_per_frame(group)]
        for (method, shots), group in groups.items()
    ]
    return markdown_table(header, rows)


def episode_table(scores: Sequence[EpisodeScores], columns: Sequence[str] = HEADLINE) -> str:
    """Markdown: one row for each episode and method, so that no clip hides behind the average."""
    header = ["clip", "method", "K", *[COLUMNS.get(name, name) for name in columns], "frames", "face lost"]
    rows: list[list[str | float]] = [
        [
            score.episode,
            score.method,
            str(score.shots),
            *[score.mean(name) for name in columns],
            str(score.frames),
            str(score.unseen_in_output),
        ]
        for score in sorted(scores, key=lambda score: score.episode)
    ]
    return markdown_table(header, rows)


def worst_frames(scores: Sequence[EpisodeScores], name: str = "face_lpips", count: int = 3) -> str:
    """Markdown: the frames with the largest values of a measurement for each method, to be looked at."""
    rows: list[list[str | float]] = []
    for (method, _), group in grouped(scores).items():
        found = [
            (float(value), score.episode, index)
            for score in group
            for index, value in enumerate(score.per_frame.get(name, ()))
            if not isnan(value)
        ]
        rows += [[method, clip, str(index), value] for value, clip, index in sorted(found, reverse=True)[:count]]
    return markdown_table(["method", "clip", "measured frame", COLUMNS.get(name, name)], rows)


def write_tsv(scores: Sequence[EpisodeScores], path: Path) -> None:
    """Every measurement of every episode and method, one row each, tab-separated, with a header line."""
    names = list(dict.fromkeys(name for score in scores for name in score.names))
    fixed = ["method", "clip", "sources", "frames", "unseen_in_truth", "unseen_in_output", "seconds_per_frame"]
    lines = ["\t".join(fixed + names)]
    for s in scores:
        row = [s.method, s.episode, s.shots, s.frames, s.unseen_in_truth, s.unseen_in_output]
        numbers = [f"{value:.6g}" for value in (s.seconds_per_frame, *[s.mean(name) for name in names])]
        lines.append("\t".join([*map(str, row), *numbers]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _seconds_per_frame(scores: Sequence[EpisodeScores]) -> float:
    values = [score.seconds_per_frame for score in scores if not isnan(score.seconds_per_frame)]
    return float(np.mean(values)) if values else nan
