"""`portrait-alive motion`: look into motion files and edit them. One function for each verb."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portrait_alive.cli.command import register
from portrait_alive.cli.help import Group
from portrait_alive.cli.report import Report
from portrait_alive.errors import OutputError
from portrait_alive.events import Note

if TYPE_CHECKING:
    from portrait_alive.motion.tracks import Motion

MotionFile = Annotated[Path, typer.Argument(metavar="MOTION", help="A motion file.", show_default=False)]
MotionFiles = Annotated[
    list[Path], typer.Argument(metavar="MOTION", help="Motion files, in order.", show_default=False)
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the edited motion goes.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]


def motion_app() -> typer.Typer:
    """The group of commands."""
    app = typer.Typer(
        cls=Group, rich_markup_mode=None, help="Show, trim, join, mirror, retime, scale and loop motion files."
    )
    for run in (show, trim, join, mirror, retime, scale, loop):
        register(app, run, name=run.__name__)
    return app


def show(
    report: Report,
    motion: MotionFile,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PNG", help="Draw the tracks over time into a picture.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Say what is in a motion file, and plot its tracks."""
    from portrait_alive.motion.file import load_motion

    found = load_motion(motion)
    if output is not None:
        _refuse_existing(output, overwrite)
        from PIL import Image

        from portrait_alive.motion.plot import plot_motion

        try:
            Image.fromarray(plot_motion(found)).save(output)
        except (OSError, ValueError) as error:
            raise OutputError(
                f"{output}: cannot be written ({error}); choose a .png in a folder that exists"
            ) from error
    facts = _facts(motion, found)
    rows = [(name.replace("_", " "), str(value)) for name, value in facts.items()]
    report.sheet(rows, {**facts, "plot": output and str(output)})


def trim(
    report: Report,
    motion: MotionFile,
    output: Output,
    start: Annotated[float, typer.Option("--from", metavar="SECONDS", help="Where to begin.")] = 0.0,
    end: Annotated[
        float | None, typer.Option("--to", metavar="SECONDS", help="Where to end. Default: the end.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Keep a part of a motion, and of its sound."""
    from portrait_alive.motion.editing import trimmed

    _edit(report, motion, output, overwrite, lambda found: trimmed(found, start, end))


def join(
    report: Report,
    motions: MotionFiles,
    output: Output,
    seam: Annotated[float, typer.Option("--seam", metavar="SECONDS", help="Length of the eased seam.")] = 0.4,
    overwrite: Overwrite = False,
) -> None:
    """Play motions one after the other, with an eased seam; their sounds fade into each other."""
    from portrait_alive.motion.editing import joined
    from portrait_alive.motion.file import load_motion

    _save(report, joined([load_motion(path) for path in motions], seam_s=seam), output, overwrite)


def mirror(report: Report, motion: MotionFile, output: Output, overwrite: Overwrite = False) -> None:
    """Swap left and right."""
    from portrait_alive.motion.editing import mirrored

    _edit(report, motion, output, overwrite, mirrored)


def retime(
    report: Report,
    motion: MotionFile,
    output: Output,
    speed: Annotated[float, typer.Option("--speed", metavar="FACTOR", help="2 is twice as fast.")],
    overwrite: Overwrite = False,
) -> None:
    """Make a motion faster or slower; its sound keeps its pitch."""
    from portrait_alive.motion.editing import retimed

    _edit(report, motion, output, overwrite, lambda found: retimed(found, speed))


def scale(
    report: Report,
    motion: MotionFile,
    output: Output,
    part: Annotated[str, typer.Option("--part", metavar="PART", help="pose, mouth, brows, lids, gaze, ...")],
    factor: Annotated[float, typer.Option("--factor", metavar="FACTOR", help="0 holds it at rest, 2 doubles it.")],
    overwrite: Overwrite = False,
) -> None:
    """Strengthen or weaken one part of a motion."""
    from portrait_alive.motion.editing import scaled

    chosen: Any = part  # `scaled` says which parts there are
    _edit(report, motion, output, overwrite, lambda found: scaled(found, chosen, factor))


def loop(
    report: Report,
    motion: MotionFile,
    output: Output,
    ping_pong: Annotated[bool, typer.Option("--ping-pong", help="Forwards, then backwards, without any seam.")] = False,
    seam: Annotated[float, typer.Option("--seam", metavar="SECONDS", help="Length of the eased seam.")] = 0.8,
    overwrite: Overwrite = False,
) -> None:
    """Make the last frame meet the first. The sound is faded alike; with --ping-pong it is left out."""
    from portrait_alive.motion import editing
    from portrait_alive.motion.file import load_motion

    found = load_motion(motion)
    if ping_pong and found.sound is not None:
        report.note(Note("sound-left-out", f"{motion.name}: backwards its sound is none; it was left out"))
    _save(report, editing.ping_pong(found) if ping_pong else editing.looped(found, seam_s=seam), output, overwrite)


def _edit(report: Report, path: Path, output: Path, overwrite: bool, change: "Callable[[Motion], Motion]") -> None:
    from portrait_alive.motion.file import load_motion

    _save(report, change(load_motion(path)), output, overwrite)


def _save(report: Report, motion: "Motion", output: Path, overwrite: bool) -> None:
    from portrait_alive.motion.file import save_motion

    save_motion(motion, output, overwrite=overwrite)
    report.result(str(output), _facts(output, motion))


def _facts(path: Path, motion: "Motion") -> dict[str, object]:
    return {
        "path": str(path),
        "frames": motion.frame_count,
        "fps": str(motion.fps),
        "seconds": round(motion.duration_s, 3),
        "bridged": motion.bridged_count,
        "confidence": round(float(motion.confidence.mean()), 3),
        "has_sound": motion.sound is not None,
        "provenance": "; ".join(f"{key}: {value}" for key, value in motion.provenance.items()),
        "bytes": path.stat().st_size,
    }


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already; choose another name with -o, or allow it with --overwrite")
