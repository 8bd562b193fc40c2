"""`portrait-alive train`: meta-train embedder and generator."""

from pathlib import Path
from typing import Annotated

import typer

from portrait_alive.cli.report import Report

EXAMPLES = """
portrait-alive train configs/meta_train.toml
torchrun --nproc-per-node 2 -m portrait_alive train configs/meta_train.toml
"""

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="TOML file of the run.", show_default=False)]


def train(report: Report, config: Config) -> None:
    """Meta-train embedder and generator on episodes; goes on from the run's checkpoint if there is one."""
    from portrait_alive.training.meta.config import read_config
    from portrait_alive.training.meta.trainer import meta_train

    run = read_config(config)
    meta_train(run, report.listen)
    report.result(str(run.run.out), {"path": str(run.run.out)})
