"""`portrait-alive landmarks`: what the tracker sees in a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portrait_alive.cli.report import Report
from portrait_alive.errors import NoFaceError, OutputError
from portrait_alive.options import AnimateOptions

if TYPE_CHECKING:
    from portrait_alive.types import Landmarks

PictureFile = Annotated[Path, typer.Argument(metavar="PICTURE", help="A picture.", show_default=False)]
Overlay = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Draw what was found into a copy of the picture (.png)."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an overlay that exists.")]


def landmarks(
    report: Report,
    picture: PictureFile,
    options: AnimateOptions,
    output: Overlay = None,
    overwrite: Overwrite = False,
) -> None:
    """Find the faces of a picture, with 478 points each, from left to right."""
    if output is not None and output.exists() and not overwrite:
        raise OutputError(f"{output} exists already; choose another name with -o, or allow it with --overwrite")
    from portrait_alive.device import limit_threads, pick_device
    from portrait_alive.media.stills import read_picture
    from portrait_alive.tracking.tracker import load_tracker

    limit_threads(options.threads)
    still = read_picture(picture)
    tracker = load_tracker(options.tracker, device=str(pick_device(options.device)))
    faces, first = tracker.detect(still.pixels), 1
    if isinstance(options.face, tuple):
        from portrait_alive.types import Box

        found = tracker.refine(still.pixels, Box(*options.face))
        faces = [] if found is None else [found]
    elif options.face is not None and faces:
        if options.face > len(faces):
            raise NoFaceError(f"{picture}: there is no face {options.face}; {len(faces)} found, from left to right")
        faces, first = [faces[options.face - 1]], options.face
    if not faces:
        raise NoFaceError(f"{picture}: no face found; say where it is with --face x,y,w,h, or try --tracker mediapipe")
    if output is not None:
        from portrait_alive.cli.overlay import draw_overlay

        draw_overlay(still, faces, output, first=first)
    details = [_in_words(number, face) for number, face in enumerate(faces, start=first)]
    report.result(
        "\n".join([*details, *([str(output)] if output else [])]),
        {"picture": str(picture), "overlay": output and str(output), "faces": [_as_plain(face) for face in faces]},
    )


def _in_words(number: int, face: "Landmarks") -> str:
    box = face.box
    corner = f"{box.x:.0f},{box.y:.0f},{box.width:.0f},{box.height:.0f}"
    return f"face {number}: box {corner}, confidence {face.presence:.2f}"


def _as_plain(face: "Landmarks") -> dict[str, object]:
    box = face.box
    return {
        "box": [round(value, 2) for value in (box.x, box.y, box.width, box.height)],
        "confidence": round(float(face.presence), 4),
        "points": [[round(float(value), 2) for value in point] for point in face.points],
    }
