"""Episodes to meta-train on: a person's source pictures, and frames warped from the first of them beside the truth.

Everything that the networks will see is made by what `animate` runs: the tracker finds the faces, `--retarget
absolute` drives the source with the tracked meshes, the warp renders, `see_frame` looks. Nothing of a head's exact
geometry is used. A shard is three files: `NNNNNN-frames.npy` (F, V, V, 14) uint8, a condition's planes and the truth's
colours; `NNNNNN-sources.npy` (S, V, V, 6) uint8; `NNNNNN-index.npy` (F, 3) int32, written last: first source and
number of sources of the frame's person, and which of them shows the frame itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from portrait_alive.film import room_of
from portrait_alive.motion.absolute import mesh_track, retarget_absolute
from portrait_alive.neural.condition import see_frame, see_source
from portrait_alive.neural.view import View
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.types import Bytes, Landmarks, Picture
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.warper import Warper

PEOPLE_A_SHARD = 40
FRAMES = 9
"""Frames of a person: each may be source, all but the first are driven."""
_FEWEST_FRAMES = 4
"""People of whom fewer frames can be followed are left out."""


@dataclass(frozen=True, eq=False)
class PersonEpisodes:
    """One person's share of a shard."""

    frames: Bytes
    """(F, V, V, 14)."""
    sources: Bytes
    """(S, V, V, 6)."""
    shown: NDArray[np.int32]
    """(F,) the source that shows the frame."""


def person_episodes(
    pictures: Sequence[Bytes], tracker: Tracker, basis: ShapeBasis, matter: Matter
) -> PersonEpisodes | None:
    """What the networks see when the first picture is driven by each of the others; None where no face is followed.

    Args:
        pictures: (H, W, 3) uint8 sRGB of one person in one framing.
        tracker: finds the faces.
        basis: explains them.
        matter: cuts the sitter out.
    """
    fitter = HeadFitter.of(basis)
    first = largest_face(tracker.detect(pictures[0]))
    if first is None:
        return None
    seen = [(pictures[0], first)]
    for picture in pictures[1:]:
        # moments of one sitting lie further apart than a clip's frames: a second look settles what a first one found
        glance = tracker.follow([picture], first)[0]
        if glance is not None and (face := tracker.follow([picture], glance)[0]) is not None:
            seen.append((picture, face))
    if len(seen) < _FEWEST_FRAMES:
        return None
    faces = [source_face(face, fitter) for _, face in seen]
    kept = [picture for picture, _ in seen]
    driven = retarget_absolute(faces[0], mesh_track(seen, fitter, fps=Fraction(1)), basis)
    warper = Warper(take_apart(Picture(kept[0]), faces[0], basis, matter=matter, room=room_of(driven, basis)))
    side = View.side_for(faces[0])
    frames = []
    for number in range(1, len(kept)):
        condition = see_frame(warper.render_with_masks(driven[number]), warper.box[:2], driven[number], side)
        frames.append(np.dstack([condition.planes, condition.view.cut(kept[number], (0, 0))]))
    sources = [see_source(picture, face) for picture, face in zip(kept, faces, strict=True)]
    return PersonEpisodes(np.stack(frames).astype(np.uint8), np.stack(sources), np.arange(1, len(kept), dtype=np.int32))


def largest_face(faces: Sequence[Landmarks]) -> Landmarks | None:
    """The face with the largest box; None where there is none."""
    return max(faces, key=lambda face: face.box.area, default=None)


def is_complete(stem: str) -> bool:
    """Whether a shard was written to its end."""
    return Path(f"{stem}-index.npy").is_file()


def write_shard(stem: str, people: Sequence[PersonEpisodes]) -> None:
    """Write a shard's three files."""
    first, rows = 0, []
    for person in people:
        rows += [(first, len(person.sources), int(shown)) for shown in person.shown]
        first += len(person.sources)
    np.save(f"{stem}-frames.npy", np.concatenate([person.frames for person in people]))
    np.save(f"{stem}-sources.npy", np.concatenate([person.sources for person in people]))
    np.save(f"{stem}-index.npy", np.array(rows, np.int32))
