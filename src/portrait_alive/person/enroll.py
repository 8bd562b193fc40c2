"""enroll(): the pictures of a sitter in, a person file out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from portrait_alive.device import limit_threads, pick_device
from portrait_alive.events import Listener, Note, ignore
from portrait_alive.media.atomic import check_writable
from portrait_alive.media.marks import tool_version
from portrait_alive.media.stills import read_picture
from portrait_alive.options import AnimateOptions
from portrait_alive.person.enrolling import canvas_first, enrolled, looked_at
from portrait_alive.person.file import save_person
from portrait_alive.person.person import SitterPicture
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.source_faces import Sitter, find_sitters, limits
from portrait_alive.stopwatch import Stopwatch
from portrait_alive.tracking.by_hand import read_landmarks
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.tracker import load_tracker
from portrait_alive.weights import SHAPE_BASIS, weight_path


@dataclass(frozen=True)
class EnrollResult:
    """What `enroll` made."""

    path: Path
    pictures: int
    bytes: int
    """Size of the file."""
    made: dict[str, str]
    """How the person was made."""
    notes: tuple[Note, ...]

    def summary(self) -> dict[str, object]:
        """The same as plain values, for `--json`."""
        return {
            "path": str(self.path),
            "pictures": self.pictures,
            "bytes": self.bytes,
            "made": self.made,
            "notes": [{"code": note.code, "message": note.message} for note in self.notes],
        }


def enroll(
    sources: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    canvas: str | None = None,
    options: AnimateOptions | None = None,
    on_event: Listener = ignore,
) -> EnrollResult:
    """Learn a sitter from 1 to 32 pictures and write a person file.

    Args:
        sources: pictures of one sitter.
        output: the person file.
        canvas: which picture will be animated, by its number from 1 or its path. None: the first.
        options: face, landmarks, tracker, tuning, device, threads, seed and overwrite count.
        on_event: told of phases, progress and notes.

    Raises:
        PortraitAliveError: whatever is wrong with the input, the options or the output; see `errors`.
    """
    options = options or AnimateOptions()
    watch, out = Stopwatch(on_event), Path(output)
    paths = canvas_first([Path(one) for one in ([sources] if isinstance(sources, (str, Path)) else sources)], canvas)
    check_writable(out, overwrite=options.overwrite)
    limit_threads(options.threads)
    fitter = HeadFitter.of(load_basis(weight_path(SHAPE_BASIS)))
    tracker = cache(lambda: load_tracker(options.tracker, device=str(pick_device(options.device))))
    picture = read_picture(paths[0])
    if options.landmarks is not None:
        sitter = Sitter(1, source_face(read_landmarks(options.landmarks, fitter.basis), fitter))
    else:
        sitter = find_sitters(picture, tracker(), fitter, face=options.face, everyone=False)[0]
    asked = tracker() if options.landmarks is None else None
    for note in limits(sitter, picture, Matter.load(pick_device(options.device)), asked):
        watch.listen(note)
    sitting = looked_at(SitterPicture(picture, sitter.face), paths[1:], tracker, fitter, watch.listen)
    person = enrolled(sitting, fitter, options, watch.listen)
    made = {**person.made, "version": tool_version(), "pictures": str(len(paths))}
    content = np.frombuffer(paths[0].read_bytes(), np.uint8)
    save_person(person.with_made(made), content, sitter.face.landmarks, out, overwrite=options.overwrite)
    return EnrollResult(out, len(paths), out.stat().st_size, made, watch.notes())
