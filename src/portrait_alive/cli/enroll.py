"""`portrait-alive enroll`: pictures of one sitter to a person file."""

from pathlib import Path
from typing import Annotated

import typer

from portrait_alive.cli.animate import Canvas
from portrait_alive.cli.report import Report
from portrait_alive.options import AnimateOptions

OPTIONS = ("face", "landmarks", "tracker", "overwrite", "tune", "device", "threads", "seed")
EXAMPLES = """Examples:

portrait-alive enroll ada1.jpg ada2.jpg ada3.jpg -o ada.person

portrait-alive animate --person ada.person --driver me.mp4
"""

Sources = Annotated[
    list[Path], typer.Argument(metavar="SOURCE", help="1 to 32 pictures of one sitter.", show_default=False)
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The person file.", show_default=False)]


def enroll(report: Report, source: Sources, options: AnimateOptions, output: Output, canvas: Canvas = None) -> None:
    """Learn a sitter from pictures, once, to animate them again and again."""
    from portrait_alive.person.enroll import enroll as make

    result = make(source, output, canvas=canvas, options=options, on_event=report.listen)
    details = [f"{result.pictures} pictures, {result.bytes / 1e6:.1f} MB"]
    report.result(str(result.path), result.summary(), details)
