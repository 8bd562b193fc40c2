"""Cross-reenactment: a clip drives somebody else's picture. There is no truth; only motion and identity compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from portrait_alive.errors import PortraitAliveError
from portrait_alive.evaluation.correlation import MOVES_BY, Agreement, agreements
from portrait_alive.evaluation.identity import align_face, cosines
from portrait_alive.evaluation.judge import face_seen
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.evaluation.scores import Instruments
from portrait_alive.types import Bytes


@dataclass(frozen=True, eq=False)
class CrossScores:
    """What was seen of one clip driven onto one picture by one method."""

    method: str
    clip: str
    picture: str
    motions: Mapping[str, Agreement]
    """Those in which the driver moves enough, by the names of `MOVES_BY`."""
    identity: float
    """Mean cosine of output and source picture; NaN where it was not measured."""
    unseen: int
    """Frames in which the judge sees a face in the driver and none in the output."""
    seconds_per_frame: float


def score_cross(
    method: str,
    clip: str,
    picture: str,
    source: Bytes,
    driving: Sequence[Bytes],
    output: Sequence[Bytes],
    instruments: Instruments,
    *,
    seconds_per_frame: float = float("nan"),
) -> CrossScores:
    """Measure the output of one method.

    Args:
        method, clip, picture: names, for the tables.
        source: (H, W, 3) the picture.
        driving: N frames of the driver.
        output: N frames (H, W, 3).
        instruments: what measures.
        seconds_per_frame: what the method took.

    Raises:
        PortraitAliveError: the judge sees nobody in the driver.
    """
    theirs, ours = instruments.judge.meshes(driving), instruments.judge.meshes(output)
    seen = face_seen(theirs)
    if not seen.any():
        raise PortraitAliveError(f"{clip}: the judge sees no face in any frame; leave this clip out")
    identity = float("nan")
    own = instruments.judge.meshes([source])
    both = [int(index) for index in np.flatnonzero(face_seen(ours))]
    if instruments.identity is not None and face_seen(own)[0] and both:
        target = instruments.identity.embed([align_face(source, own[0])])
        found = instruments.identity.embed([align_face(output[i], ours[i]) for i in both])
        identity = float(cosines(found, np.repeat(target, len(found), axis=0)).mean())
    return CrossScores(
        method,
        clip,
        picture,
        agreements(theirs, ours),
        identity,
        int((seen & ~face_seen(ours)).sum()),
        seconds_per_frame,
    )


def cross_table(scores: Sequence[CrossScores]) -> str:
    """Markdown: for each method the median correlation x gain of each motion over the pairs in which it moves."""
    methods = list(dict.fromkeys(score.method for score in scores))
    header = ["motion", "pairs", *[f"{method}: correlation | gain".replace("|", "/") for method in methods]]
    rows: list[list[str | float]] = []
    for name in MOVES_BY:
        groups = [[s.motions[name] for s in scores if s.method == method and name in s.motions] for method in methods]
        if any(groups):
            cells = [
                f"{median(a.correlation for a in group):.2f} / {median(a.gain for a in group):.2f}" if group else "–"
                for group in groups
            ]
            rows.append([name, str(max(map(len, groups))), *cells])
    known = [[s.identity for s in scores if s.method == method and s.identity == s.identity] for method in methods]
    if any(known):
        rows.append(
            ["identity", str(max(map(len, known))), *[f"{median(each):.3f}" if each else "–" for each in known]]
        )
    return markdown_table(header, rows)


def cross_rows(scores: Sequence[CrossScores]) -> tuple[list[str], list[list[str]]]:
    """(header, rows) of every figure, for a TSV."""
    header = ["method", "clip", "picture", "identity", "unseen_in_output", "seconds_per_frame"]
    header += [f"{name.replace(' ', '_')}_{what}" for name in MOVES_BY for what in ("correlation", "gain")]
    rows = []
    for s in scores:
        row = [s.method, s.clip, s.picture, f"{s.identity:.6g}", str(s.unseen), f"{s.seconds_per_frame:.6g}"]
        for name in MOVES_BY:
            one = s.motions.get(name)
            row += ["nan", "nan"] if one is None else [f"{one.correlation:.6g}", f"{one.gain:.6g}"]
        rows.append(row)
    return header, rows
