"""Run methods over episodes and measure them; find what measures on disk."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from portrait_alive.evaluation.contact_sheet import contact_sheet, write_sheet
from portrait_alive.evaluation.identity import load_identity
from portrait_alive.evaluation.judge import Judge, MediaPipeJudge
from portrait_alive.evaluation.lpips import load_lpips
from portrait_alive.evaluation.reenactment import Episode, Reenactor
from portrait_alive.evaluation.scores import EpisodeScores, Instruments, score_episode
from portrait_alive.types import Bytes

SQUEEZENET_FILE = "squeezenet1_1_torchvision_fp16_statedict.pth"
LPIPS_FILE = "lpips_v0.1_squeeze.pth"
IDENTITY_FILE = "mobilefacenet_xiaoccer_068.ckpt"


@dataclass(frozen=True)
class FoundInstruments:
    """Instruments, and what could not be found for them."""

    instruments: Instruments
    missing: tuple[str, ...]
    """One sentence for each measurement that is left out, and why."""


def find_instruments(networks: Path, judge: Judge) -> FoundInstruments:
    """LPIPS and identity from a folder of networks; what is missing is left out and said.

    Args:
        networks: folder with `SQUEEZENET_FILE`, `LPIPS_FILE` and `IDENTITY_FILE`.
        judge: the judge of landmarks, see `MediaPipeJudge`.

    Raises:
        UnreadableInputError: a file is there but damaged.
    """
    features, heads, identity = (networks / name for name in (SQUEEZENET_FILE, LPIPS_FILE, IDENTITY_FILE))
    lpips_found = features.is_file() and heads.is_file()
    missing = []
    if not lpips_found:
        missing.append(f"LPIPS is left out: {networks} lacks {SQUEEZENET_FILE} or {LPIPS_FILE}")
    if not identity.is_file():
        missing.append(f"identity is left out: {networks} lacks {IDENTITY_FILE}")
    return FoundInstruments(
        Instruments(
            judge=judge,
            lpips=load_lpips(features, heads) if lpips_found else None,
            identity=load_identity(identity) if identity.is_file() else None,
        ),
        tuple(missing),
    )


def find_judge(model: Path, cache: Path | None) -> MediaPipeJudge:
    """The judge from a `.task` file, or from a folder that holds one.

    Raises:
        UnreadableInputError: there is none.
    """
    inside = sorted(model.glob("*.task")) if model.is_dir() else []
    return MediaPipeJudge(inside[0] if inside else model, cache)


def evaluate(
    methods: Mapping[str, Reenactor],
    episodes: Iterable[Episode],
    instruments: Instruments,
    *,
    every: int = 1,
    sheets: Path | None = None,
    sheet_frames: int = 3,
    told: Callable[[EpisodeScores], None] = lambda _: None,
) -> list[EpisodeScores]:
    """Scores of each method on each episode.

    Args:
        methods: name to method.
        episodes: read one after the other, so that one at a time is in memory.
        instruments: what measures.
        every: measure each `every`-th driven frame only.
        sheets: folder for a contact sheet of each episode; None draws none.
        sheet_frames: frames on a sheet: the worst by face LPIPS of the first method, then evenly spread ones.
        told: called with each score as it is there.
    """
    scores = []
    for episode in episodes:
        outputs: list[Sequence[Bytes]] = []
        here: list[EpisodeScores] = []
        for name, method in methods.items():
            start = perf_counter()
            output = method(episode.sources, episode.driving)
            spent = (perf_counter() - start) / len(episode.driving)
            score = score_episode(name, episode, output, instruments, every=every, seconds_per_frame=spent)
            told(score)
            outputs.append(output)
            here.append(score)
        scores += here
        if sheets is not None:
            meshes = instruments.judge.meshes(episode.driving)
            shown = _frames_to_show(here[0], len(episode.driving), every, sheet_frames)
            sheet = contact_sheet(episode.driving, outputs, episode.sources[0], meshes, shown)
            write_sheet(sheet, sheets / f"{episode.name}-k{episode.shots}.png")
    return scores


def _frames_to_show(score: EpisodeScores, count: int, every: int, wanted: int) -> list[int]:
    lpips = score.per_frame.get("face_lpips")
    worst = [] if lpips is None or np.isnan(lpips).all() else [int(np.nanargmax(lpips)) * every]
    even = [int((i + 1) * count / wanted) - 1 for i in range(wanted)]
    return sorted(set([*worst, *even][:wanted]))
