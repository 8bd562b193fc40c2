"""`portrait-alive batch`: many portraits, one command, which continues where it stopped."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portrait_alive.cli.report import Report, duration
from portrait_alive.errors import BatchIncompleteError, UsageError
from portrait_alive.options import AnimateOptions

if TYPE_CHECKING:
    from portrait_alive.batch.manifest import Record
    from portrait_alive.batch.rows import Plan, Shard
    from portrait_alive.batch.run import BatchProgress, BatchSummary
    from portrait_alive.batch.tasks import Executor

EXAMPLES = """Examples:

portrait-alive batch paintings/ --recursive --driver me.mp4 -o out/

portrait-alive batch 'scans/*.tif' --motion smile --motion nod --pairs all -o out/

find . -name '*.jpg' | portrait-alive batch - --driver me.motion -o out/

portrait-alive batch rows.csv -o out/ --dry-run
"""
JOB = "portrait_alive.batch.job"
"""Module that does the work, as workers import it."""
SELECTION = "What to do"
RUNNING = "How to run"
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        show_default=False,
        help="Folders, patterns, pictures, a list (.txt, or - for standard input), a table (.csv, .jsonl).",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the results go.")]
Drivers = Annotated[
    list[str] | None,
    typer.Option("--driver", metavar="CLIP", help="A clip, still, motion file, or a folder of them. May be repeated."),
]
Motions = Annotated[
    list[str] | None, typer.Option("--motion", metavar="NAME", help="A built-in motion. May be repeated.")
]
Pairs = Annotated[
    str | None,
    typer.Option(
        "--pairs",
        metavar="all|each",
        rich_help_panel=SELECTION,
        help="With several drivers: all: every source with every driver. each: one each, by name or in order.",
    ),
]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", rich_help_panel=SELECTION, help="Look into folders of folders.")
]
Format = Annotated[
    str,
    typer.Option(
        "--format", metavar="mp4|mov|webm|gif|webp|png|frames", rich_help_panel=SELECTION, help="Kind of the results."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", rich_help_panel=RUNNING, help="Look at every source, say what would be done.")
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", min=1, metavar="N", rich_help_panel=RUNNING, help="Processes. Default: by cores and memory."
    ),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", rich_help_panel=RUNNING, help="Try rows again that failed before.")
]
ShardOption = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", rich_help_panel=RUNNING, help="Do every N-th row only, from the I-th."),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="auto|ADDRESS",
        rich_help_panel=RUNNING,
        help="Run on a Ray cluster: the one this machine belongs to, or the one at an address.",
    ),
]
NoIndex = Annotated[
    bool, typer.Option("--no-index", rich_help_panel=RUNNING, help="Make no index.html and no thumbnails.")
]


def batch(
    report: Report,
    source: Sources,
    output: Output,
    options: AnimateOptions,
    driver: Drivers = None,
    motion: Motions = None,
    pairs: Pairs = None,
    recursive: Recursive = False,
    output_format: Format = "mp4",
    dry_run: DryRun = False,
    jobs: Jobs = None,
    retry_failed: RetryFailed = False,
    shard: ShardOption = None,
    ray: RayAddress = None,
    no_index: NoIndex = False,
) -> None:
    """Animate many portraits. The same command continues where it stopped."""
    from portrait_alive.batch.plan import Request, make_plan

    part = parse_shard(shard)
    request = Request(
        sources=source,
        folder=output,
        drivers=driver or [],
        motions=motion or [],
        pairing=_word("--pairs", pairs, ("all", "each")),
        recursive=recursive,
        listed=sys.stdin.readlines() if "-" in source else [],
        output_format=_word("--format", output_format, ("mp4", "mov", "webm", "gif", "webp", "png", "frames")),
        options=options,
    )
    plan = make_plan(request)
    _refuse_unknown_motions(plan)
    if dry_run:
        _show_plan(report, plan, part, jobs)
        return
    summary = _run(report, plan, part, jobs, ray, retry_failed=retry_failed, with_index=not no_index)
    _show_summary(report, plan, summary)


def parse_shard(text: str | None) -> "Shard":
    """The part of a plan that `--shard I/N` names.

    Raises:
        UsageError: not two whole numbers with 1 <= I <= N.
    """
    from portrait_alive.batch.rows import Shard

    if text is None:
        return Shard()
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"--shard {text}: write I/N with I from 1 to N, such as 3/8")
    return Shard(int(index), int(count))


def _word(flag: str, value: str | None, words: tuple[str, ...]) -> Any:
    if value is not None and value not in words:
        raise UsageError(f"{flag}: {value!r} is not one of {', '.join(words)}")
    return value


def _refuse_unknown_motions(plan: "Plan") -> None:
    """Refuse before any work what would fail in every row."""
    wanted = {row.driver.name for row in plan.rows if row.driver.path is None}
    if not wanted:
        return
    from portrait_alive.motion.builtin import builtin_motions

    known = [motion.name for motion in builtin_motions()]
    if unknown := sorted(wanted.difference(known)):
        raise UsageError(f"--motion {unknown[0]}: there is no such motion; choose one of {', '.join(known)}")


def _show_plan(report: Report, plan: "Plan", part: "Shard", jobs: int | None) -> None:
    from portrait_alive.batch.survey import survey

    seen = survey(plan, part, jobs, report.listen)
    report.table(
        "",
        ("source", "faces", "size", "driver", "result", "state"),
        [
            (", ".join(map(str, row.sources)), view.faces, view.size, row.driver.stem, row.name, view.state)
            for row, view in zip(seen.rows, seen.views, strict=True)
        ],
    )
    cost = seen.expectation
    report.result(
        f"{seen.pending} of {len(seen.rows)} rows to do with {seen.jobs} processes, "
        f"about {duration(cost.seconds)} and {cost.bytes / 1e6:.0f} MB",
        {
            "rows": len(seen.rows),
            "pending": seen.pending,
            "jobs": seen.jobs,
            "seconds": round(cost.seconds),
            "bytes": cost.bytes,
        },
    )


def _run(
    report: Report,
    plan: "Plan",
    part: "Shard",
    jobs: int | None,
    ray: str | None,
    *,
    retry_failed: bool,
    with_index: bool,
) -> "BatchSummary":
    from portrait_alive.batch.index import write_index
    from portrait_alive.batch.manifest import read_records
    from portrait_alive.batch.run import RunOptions, run_plan
    from portrait_alive.batch.survey import fitting_jobs
    from portrait_alive.host import core_count
    from portrait_alive.signing import credentials_of

    workers = jobs or fitting_jobs(plan.part(part))
    threads = plan.rows[0].options.threads or (1 if ray else max(1, core_count() // workers))

    if any(row.options.marks for row in plan.rows):
        credentials_of(plan.rows[0].options)  # a self-made certificate is made once, before the workers want it

    def tell(progress: "BatchProgress") -> None:
        report.workers(progress.workers, progress.ended, progress.total, progress.remaining_s)

    def say(record: "Record") -> None:
        report.row(record.row, record.status, record.error)

    try:
        return run_plan(
            plan,
            lambda tasks: _executor(plan, ray, min(workers, tasks), threads),
            options=RunOptions(shard=part, retry_failed=retry_failed, threads=threads, thumbnails=with_index),
            on_progress=tell,
            on_record=say,
        )
    finally:
        if with_index and plan.work_folder.is_dir():
            write_index(plan, read_records(plan.folder))


def _executor(plan: "Plan", ray: str | None, workers: int, threads: int) -> "Executor":
    """Who does the work: processes here, or a cluster."""
    if ray is None:
        from portrait_alive.batch.processes import ProcessExecutor

        return ProcessExecutor(JOB, workers=workers, threads=threads, logs=plan.log_folder)
    from portrait_alive.batch.ray import RayExecutor
    from portrait_alive.weights import weights_folder

    return RayExecutor(JOB, address=ray, threads=threads, weights=weights_folder())


def _show_summary(report: Report, plan: "Plan", summary: "BatchSummary") -> None:
    now = {record.key for record in summary.failed_now}
    for record in summary.failed:
        if record.key not in now:
            report.row(record.row, "failed before", record.error)
    details = [
        f"done       {summary.done} ({summary.made} of them now)",
        f"failed     {len(summary.failed)}",
        f"time       {duration(summary.seconds)}",
        f"memory     {summary.memory_mb} MB at most in one worker",
    ]
    report.result(
        str(plan.folder),
        {
            "folder": str(plan.folder),
            "done": summary.done,
            "made": summary.made,
            "failed": [
                {"row": record.row, "kind": record.error_kind, "error": record.error} for record in summary.failed
            ],
            "seconds": round(summary.seconds, 2),
            "memory_mb": summary.memory_mb,
        },
        details,
    )
    if summary.failed:
        total = summary.done + len(summary.failed)
        raise BatchIncompleteError(
            f"{len(summary.failed)} of {total} rows failed; mend them and run the same command with --retry-failed"
        )
