"""The command line: `portrait-alive COMMAND`. Start-up imports nothing heavy; each command does when it runs."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code."""
    try:
        from portrait_alive.cli.app import run
    except KeyboardInterrupt:  # before there is anything to clean up, or a report to say it in
        sys.exit(130)
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))
