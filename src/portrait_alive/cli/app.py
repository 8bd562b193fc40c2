"""All commands in one table, and the one place where a command's failure becomes a message and an exit code."""

import os
import sys
import traceback
from typing import Annotated, Any

import typer

from portrait_alive.cli.animate import EXAMPLES as ANIMATE_EXAMPLES
from portrait_alive.cli.animate import animate
from portrait_alive.cli.batch import EXAMPLES as BATCH_EXAMPLES
from portrait_alive.cli.batch import batch
from portrait_alive.cli.command import register
from portrait_alive.cli.doctor import doctor
from portrait_alive.cli.enroll import EXAMPLES as ENROLL_EXAMPLES
from portrait_alive.cli.enroll import OPTIONS as ENROLL_OPTIONS
from portrait_alive.cli.enroll import enroll
from portrait_alive.cli.evaluate import EXAMPLES as EVALUATE_EXAMPLES
from portrait_alive.cli.evaluate import OPTIONS as EVALUATE_OPTIONS
from portrait_alive.cli.evaluate import evaluate
from portrait_alive.cli.failures import Failure, end_gracefully_on_signals, explain
from portrait_alive.cli.heads import heads_app
from portrait_alive.cli.help import HELP_FLAGS, Group, help_text
from portrait_alive.cli.inspect import inspect
from portrait_alive.cli.landmarks import landmarks
from portrait_alive.cli.motion import motion_app
from portrait_alive.cli.motions import motions
from portrait_alive.cli.report import Mode, make_report, show
from portrait_alive.cli.track import EXAMPLES as TRACK_EXAMPLES
from portrait_alive.cli.track import OPTIONS as TRACK_OPTIONS
from portrait_alive.cli.track import track
from portrait_alive.cli.train import EXAMPLES as TRAIN_EXAMPLES
from portrait_alive.cli.train import train

_CLICK_EXCEPTION: Any = typer.BadParameter.__mro__[2]  # click's base of usage errors, wherever typer keeps it
PROGRAM = "portrait-alive"
MAKE = "Make"
LOOK = "Look into"
TRAIN = "Train"


def build_app() -> typer.Typer:
    """The application with every command."""
    app = typer.Typer(
        cls=Group,
        rich_markup_mode=None,  # rich would take longer to import than all the rest
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        help="Bring a still portrait to life with the motion of a driving video.",
    )

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", help="Show the version and leave.", is_eager=True, callback=_version)
        ] = False,
    ) -> None:
        pass

    register(app, animate, name="animate", panel=MAKE, examples=ANIMATE_EXAMPLES)
    register(app, enroll, name="enroll", panel=MAKE, only=ENROLL_OPTIONS, examples=ENROLL_EXAMPLES)
    register(app, batch, name="batch", panel=MAKE, examples=BATCH_EXAMPLES)
    register(app, track, name="track", panel=MAKE, only=TRACK_OPTIONS, examples=TRACK_EXAMPLES)
    app.add_typer(motion_app(), name="motion", rich_help_panel=MAKE)
    register(app, train, name="train", panel=TRAIN, examples=TRAIN_EXAMPLES)
    app.add_typer(heads_app(), name="heads", rich_help_panel=TRAIN)
    register(app, motions, name="motions", panel=LOOK)
    register(app, landmarks, name="landmarks", panel=LOOK, only=("tracker", "face", "device", "threads"))
    register(app, inspect, name="inspect", panel=LOOK)
    register(app, evaluate, name="evaluate", panel=LOOK, only=EVALUATE_OPTIONS, examples=EVALUATE_EXAMPLES)
    register(app, doctor, name="doctor", panel=LOOK)
    return app


def run(arguments: list[str]) -> int:
    """Run one command; the exit code. Never raises."""
    try:
        end_gracefully_on_signals()
        commands = typer.main.get_command(build_app())
        if (text := help_text(commands, arguments or HELP_FLAGS, PROGRAM)) is not None:
            show(text)
            return 0 if arguments else 2
        returned = commands(args=arguments, prog_name=PROGRAM, standalone_mode=False)
        return returned if isinstance(returned, int) else 0
    except BrokenPipeError:  # the reader of our output went away: nothing to say, and nobody to say it to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        if "--debug" in arguments:
            traceback.print_exc()
        return _fail(_usage(error, arguments) or explain(error), arguments)


def _is_dashed_file(argument: str) -> bool:
    return argument.startswith("-") and os.path.exists(argument)


def _usage(error: BaseException, arguments: list[str]) -> Failure | None:
    """What typer found wrong with the arguments; None where it is something else."""
    if isinstance(error, typer.Abort):
        return explain(KeyboardInterrupt())
    if not isinstance(error, _CLICK_EXCEPTION):
        return None
    message = str(error.format_message()).strip().rstrip(".")
    context = getattr(error, "ctx", None)
    hint = f"; see: {context.command_path} --help" if context is not None else ""
    if message.startswith("No such option") and (dashed := next(filter(_is_dashed_file, arguments), None)):
        hint = f"; if the file of that name is meant, write ./{dashed}"
    return Failure("UsageError", f"{message}{hint}", 2)


def _fail(failure: Failure, arguments: list[str]) -> int:
    mode: Mode = "json" if "--json" in arguments else "quiet" if "--quiet" in arguments else "human"
    make_report(mode).error(failure.kind, failure.message, failure.exit_code)
    return failure.exit_code


def _version(wanted: bool) -> None:
    if wanted:
        from portrait_alive import __version__

        show(f"portrait-alive {__version__}")
        raise typer.Exit
