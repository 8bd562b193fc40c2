"""`portrait-alive motions`: the built-in motions."""

from portrait_alive.cli.report import Report


def motions(report: Report) -> None:
    """List the built-in motions, for --motion NAME."""
    from portrait_alive.motion.builtin import builtin_motions

    report.table(
        "", ("motion", "what the portrait does"), [(each.name, each.description) for each in builtin_motions()]
    )
