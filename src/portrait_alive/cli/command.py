"""From a plain function to a command: options from the table of `options.py`, a report, and an exit code.

A command is a function whose first parameter is `report: Report`; the others are its arguments as typer knows them.
A parameter `options: AnimateOptions` stands for the whole table: every row becomes a flag.
"""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any

import typer

from portrait_alive.cli.failures import Interrupted
from portrait_alive.cli.help import Command
from portrait_alive.cli.report import Mode, make_report
from portrait_alive.errors import UsageError
from portrait_alive.option_kinds import Switch
from portrait_alive.options import AnimateOptions, OptionSpec, default_of, parse_option, specs

TERMINAL = "What it says"
_COMMON = ("quiet", "json", "debug")


def register(
    app: typer.Typer,
    run: Callable[..., None],
    *,
    name: str,
    panel: str | None = None,
    only: Collection[str] | None = None,
    examples: str = "",
) -> None:
    """Make `run` a command of `app`.

    Args:
        app: where it goes.
        run: the command; its docstring is the help.
        name: as typed.
        panel: heading in the list of commands.
        only: the options of the table that the command has; None for all.
        examples: lines shown below the help.
    """
    own = inspect.signature(run, eval_str=True).parameters
    table = {key: spec for key, spec in specs().items() if only is None or key in only} if "options" in own else {}
    plain = [parameter for key, parameter in own.items() if key not in ("report", "options")]
    parameters = [*plain, *_flags(table), *_common_flags()]

    def command(**values: Any) -> None:
        common = {key: values.pop(key) for key in _COMMON}
        arguments = {parameter.name: values.pop(parameter.name) for parameter in plain}
        if table:
            arguments["options"] = AnimateOptions(**dict(_given(table, values)))
        try:
            with make_report(_mode(**common)) as report:
                run(report, **arguments)
        except KeyboardInterrupt as error:  # typer would swallow it
            raise Interrupted(*error.args) from error

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = run.__doc__
    app.command(name, cls=Command, rich_help_panel=panel, epilog=examples or None)(command)


def _mode(quiet: bool, json: bool, debug: bool) -> Mode:
    if quiet and json:
        raise UsageError("--quiet and --json exclude each other")
    return "json" if json else "quiet" if quiet else "human"


def _given(table: Mapping[str, OptionSpec], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The options that were typed, parsed."""
    for name, spec in table.items():
        value = values[name]
        if isinstance(spec.kind, Switch):
            if value:
                yield name, not default_of(name)
        elif value is not None:
            yield name, parse_option(name, value)


def _flags(table: Mapping[str, OptionSpec]) -> Iterator[inspect.Parameter]:
    for name, spec in table.items():
        yield _keyword(name, *_typed(name, spec))


def _typed(name: str, spec: OptionSpec) -> tuple[Any, object]:
    """(annotation, default) of a flag: text that `parse_option` reads, or a switch."""
    if isinstance(spec.kind, Switch):
        return Annotated[bool, typer.Option(spec.flag, help=spec.help, rich_help_panel=spec.panel)], False
    default = default_of(name)
    info = typer.Option(
        spec.flag,
        help=spec.help if default is None else f"{spec.help} Default: {default}.",
        rich_help_panel=spec.panel,
        metavar=spec.kind.metavar,
        show_default=False,
    )
    return Annotated[str | None, info], None


def _common_flags() -> Iterator[inspect.Parameter]:
    texts = {
        "quiet": "Print nothing but the result.",
        "json": "Print one JSON object per event on stdout.",
        "debug": "Show the traceback of a failure.",
    }
    for name, text in texts.items():
        info = typer.Option(f"--{name}", help=text, rich_help_panel=TERMINAL)
        yield _keyword(name, Annotated[bool, info], False)


def _keyword(name: str, annotation: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
