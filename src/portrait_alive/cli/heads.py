"""`portrait-alive heads`: the head model that training heads are rendered from."""

from pathlib import Path
from typing import Annotated

import typer

from portrait_alive.cli.command import register
from portrait_alive.cli.help import Group
from portrait_alive.cli.report import Report
from portrait_alive.errors import OutputError

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="ICT-FaceKit, or its FaceXModel folder.", show_default=False)
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the packed model goes.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]


def heads_app() -> typer.Typer:
    """The group of commands."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="The head model that training heads are rendered from.")

    @app.callback()
    def heads() -> None:
        pass

    register(app, import_heads, name="import")
    return app


def import_heads(
    report: Report, folder: Folder, output: Output = Path("head_model.npz"), overwrite: Overwrite = False
) -> None:
    """Pack a folder of ICT-FaceKit (github.com/ICT-VGL/ICT-FaceKit, MIT) into one file for training."""
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists already; choose another name with -o, or allow it with --overwrite")
    from portrait_alive.heads.import_model import import_model

    path = import_model(folder, output)
    report.result(str(path), {"path": str(path), "bytes": path.stat().st_size})
