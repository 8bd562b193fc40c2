"""`portrait-alive animate`: one portrait, one film."""

from pathlib import Path
from typing import Annotated

import typer

from portrait_alive.cli.report import Report, duration
from portrait_alive.errors import UsageError
from portrait_alive.options import AnimateOptions

Sources = Annotated[
    list[Path] | None,
    typer.Argument(metavar="SOURCE", help="The portrait: a picture, or several of one sitter.", show_default=False),
]
Driver = Annotated[
    list[str] | None,
    typer.Option(
        "--driver",
        metavar="CLIP",
        show_default=False,
        help="Whose motion: a video, a still, a motion file, or N=CLIP for the N-th face. May be repeated.",
    ),
]
Motion = Annotated[
    str | None,
    typer.Option("--motion", metavar="NAME", show_default=False, help="A built-in motion; `motions` lists them."),
]
Canvas = Annotated[
    str | None,
    typer.Option(
        "--canvas",
        metavar="N|FILE",
        show_default=False,
        help="Which of several pictures of one sitter is animated. Default: the first.",
    ),
]
PersonFile = Annotated[
    Path | None,
    typer.Option(
        "--person", metavar="FILE", show_default=False, help="Instead of pictures: a file that enroll has made."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        show_default=False,
        help="Where the result goes: .mp4 .mov .webm .gif .webp .png (APNG), or a folder/ of PNGs. "
        "Default: SOURCE-DRIVER.mp4 in the current folder.",
    ),
]


EXAMPLES = """Examples:

portrait-alive animate monalisa.jpg --driver me.mp4

portrait-alive animate monalisa.jpg --motion smile -o smiling.webm

portrait-alive animate couple.jpg --driver 1=me.mp4 --driver 2=you.mp4
"""


def animate(
    report: Report,
    options: AnimateOptions,
    source: Sources = None,
    driver: Driver = None,
    motion: Motion = None,
    output: Output = None,
    canvas: Canvas = None,
    person: PersonFile = None,
) -> None:
    """Animate a portrait with the motion of a driver."""
    from portrait_alive import pipeline

    if motion is not None and motion.lower().endswith(".motion"):
        driver, motion = [*(driver or []), motion], None
    result = pipeline.animate(
        source or [],
        driver=drivers_by_face(driver or []),
        motion=motion,
        output=output,
        options=options,
        canvas=canvas,
        person=person,
        on_event=report.listen,
    )
    details = [f"{result.frames} frames, {duration(sum(result.seconds.values()))}"]
    report.result(str(result.path), result.summary(), details)


def drivers_by_face(texts: list[str]) -> dict[int, Path] | Path | None:
    """What `--driver` means: one clip for all faces, a clip per face number, or none.

    Raises:
        UsageError: several clips without numbers, or a number twice.
    """
    numbered: dict[int, Path] = {}
    plain: list[Path] = []
    for text in texts:
        number, equals, name = text.partition("=")
        if equals and number.isdecimal() and int(number) >= 1 and not Path(text).exists():
            if int(number) in numbered:
                raise UsageError(f"--driver {number}= is given twice")
            numbered[int(number)] = Path(name)
        else:
            plain.append(Path(text))
    if not texts:
        return None
    if len(plain) == 1 and not numbered:
        return plain[0]
    if plain:
        raise UsageError("several drivers need the number of the face each: --driver 1=me.mp4 --driver 2=you.mp4")
    return numbered
