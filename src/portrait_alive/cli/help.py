"""Help under headings, at once: typer's own needs rich and pydantic, which take longer to import than all the rest."""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

HELP_FLAGS = ("--help", "-h")


class Command(TyperCommand):
    """A command whose options stand under their headings (`rich_help_panel`)."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, heading by heading."""
        _write(_sections(self.get_params(ctx), ctx), formatter)


class Group(TyperGroup):
    """A group whose commands stand under their headings."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write options, then commands, heading by heading."""
        _write(_sections(self.get_params(ctx), ctx), formatter)
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        room = formatter.width - 6 - max((len(name) for name, _ in commands), default=0)
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in commands:
            if command is not None:
                heading = getattr(command, "rich_help_panel", None) or "Commands"
                sections.setdefault(heading, []).append((name, command.get_short_help_str(room)))
        _write(sections, formatter)


def help_text(root: Any, arguments: Sequence[str], program: str) -> str | None:
    """The help that `arguments` ask for; None where they ask for none, or name no command.

    Args:
        root: the group of all commands.
        arguments: as typed.
        program: its name.
    """
    typed = list(arguments)[: arguments.index("--")] if "--" in arguments else list(arguments)
    if not any(flag in typed for flag in HELP_FLAGS):
        return None
    command, context = root, root.context_class(root, info_name=program, **root.context_settings)
    for word in typed:
        if not isinstance(command, TyperGroup) or word in HELP_FLAGS:
            break
        command = command.get_command(context, word)
        if command is None:
            return None
        context = command.context_class(command, info_name=word, parent=context, **command.context_settings)
    return str(command.get_help(context))


def _sections(parameters: Sequence[Any], ctx: Any) -> dict[str, list[tuple[str, str]]]:
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is not None:
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            sections.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
    return sections


def _write(sections: dict[str, list[tuple[str, str]]], formatter: Any) -> None:
    for heading, records in sections.items():
        with formatter.section(heading):
            formatter.write_dl(records)
