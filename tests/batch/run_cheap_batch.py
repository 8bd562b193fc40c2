"""Run a batch of the cheap job as a program of its own, so that a test can kill it: FOLDER OUT JOBS [SHARD i n]."""

import sys
from pathlib import Path

from portrait_alive.batch.plan import Request, make_plan
from portrait_alive.batch.processes import ProcessExecutor
from portrait_alive.batch.rows import Shard
from portrait_alive.batch.run import RunOptions, run_plan


def main(folder: str, out: str, jobs: str, index: str = "1", count: str = "1") -> None:
    plan = make_plan(
        Request(sources=[f"{folder}/pictures"], folder=Path(out), drivers=[f"{folder}/me.mp4"], recursive=True)
    )
    summary = run_plan(
        plan,
        lambda tasks: ProcessExecutor("cheap_job", workers=min(int(jobs), tasks), threads=1, logs=plan.log_folder),
        options=RunOptions(shard=Shard(int(index), int(count))),
    )
    sys.stdout.write(f"done {summary.done} failed {len(summary.failed)} made {summary.made}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
