"""Whatever stops a batch, the same command continues it: nothing twice, nothing lost, nothing half-written."""

import json
import os
from pathlib import Path

import pytest

from portrait_alive.batch.lock import batch_lock
from portrait_alive.batch.manifest import read_records
from portrait_alive.batch.plan import Request, make_plan
from portrait_alive.batch.rows import Plan, Shard
from portrait_alive.batch.run import BatchSummary, RunOptions, run_plan
from portrait_alive.errors import OutputError
from portrait_alive.options import AnimateOptions


def plan_of(root: Path, **options: object) -> Plan:
    request = Request(
        sources=[f"{root}/pictures"],
        folder=root / "out",
        drivers=[f"{root}/me.mp4"],
        recursive=True,
        options=AnimateOptions(**options),
    )
    return make_plan(request)


def run(plan: Plan, executor: object, **options: object) -> BatchSummary:
    return run_plan(plan, lambda tasks: executor, options=RunOptions(**options))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.mp4"))}


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name != ".portrait-alive"]


def test_second_run_does_nothing(gallery, inline):
    root = gallery("a.jpg", "sub/b.jpg")
    first = run(plan_of(root), inline)
    assert (first.done, first.made, first.failed) == (2, 2, ())
    before = contents(root / "out")
    again = run(plan_of(root), inline)
    assert (again.done, again.made) == (2, 0)
    assert inline.rows == ["a.mp4", "sub/b.mp4"]
    assert contents(root / "out") == before
    assert leftovers(root / "out") == []


def test_driver_is_tracked_once(gallery, inline, monkeypatch, tmp_path):
    monkeypatch.setenv("CHEAP_JOB_LOG", str(tmp_path / "log"))
    root = gallery("a.jpg", "b.jpg", "c.jpg")
    run(plan_of(root), inline)
    (root / "pictures" / "d.jpg").write_text("one more")
    assert run(plan_of(root), inline).made == 1
    assert (tmp_path / "log").read_text().count("\n") == 1


def test_bad_picture_costs_its_own_row(gallery, inline):
    root = gallery("a.jpg", "c.jpg", b="broken")
    summary = run(plan_of(root), inline)
    assert summary.made == 2
    assert [record.row for record in summary.failed] == ["b.mp4"]
    assert summary.failed[0].error_kind == "NoFaceError"
    assert leftovers(root / "out") == []
    again = run(plan_of(root), inline)  # remembered, not tried again, still failed
    assert (again.made, len(again.failed), inline.rows.count("b.mp4")) == (0, 1, 1)
    (root / "pictures" / "b.jpg").write_text("repaired")  # another file: done without being asked
    assert run(plan_of(root), inline).failed == ()


def test_retry_failed(gallery, inline):
    root = gallery(a="broken")
    run(plan_of(root), inline)
    assert len(run(plan_of(root), inline, retry_failed=True).failed) == 1
    assert inline.rows.count("a.mp4") == 2


def test_faceless_driver_fails_its_rows(gallery, inline):
    root = gallery("a.jpg", "b.jpg")
    (root / "me.mp4").write_text("faceless")
    summary = run(plan_of(root), inline)
    assert {record.error_kind for record in summary.failed} == {"NoFaceError"}
    assert len(summary.failed) == 2


def test_full_disk_stops_the_batch_and_fails_no_row(gallery, inline):
    root = gallery("a.jpg", "c.jpg", b="full")
    with pytest.raises(OutputError, match="No space left"):
        run(plan_of(root), inline)
    assert {record.status for record in read_records(root / "out").values()} == {"done"}
    assert leftovers(root / "out") == []
    (root / "pictures" / "b.jpg").write_text("room again")
    assert run(plan_of(root), inline).done == 3
    assert inline.rows.count("a.mp4") == 1


def test_changed_source_and_lost_output_are_done_again(gallery, inline):
    root = gallery("a.jpg", "b.jpg")
    run(plan_of(root), inline)
    (root / "out" / "a.mp4").unlink()
    assert run(plan_of(root), inline).made == 1
    (root / "pictures" / "b.jpg").write_text("repainted")
    with pytest.raises(OutputError, match=r"b\.mp4.*--overwrite"):
        run(plan_of(root), inline)
    assert run(plan_of(root, overwrite=True), inline).made == 1


def test_touched_source_is_recognised_by_its_contents(gallery, inline):
    root = gallery("a.jpg")
    run(plan_of(root), inline)
    os.utime(root / "pictures" / "a.jpg", (1, 1))
    assert run(plan_of(root), inline).made == 0


def test_foreign_outputs_are_refused_before_anything_is_done(gallery, inline):
    root = gallery("a.jpg", "b.jpg")
    (root / "out").mkdir()
    (root / "out" / "b.mp4").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        run(plan_of(root), inline)
    assert inline.tasks == []
    run(plan_of(root, overwrite=True), inline)
    assert (root / "out" / "b.mp4").read_text() != "mine"


def test_half_written_outputs_are_not_taken_for_finished(gallery, inline):
    root = gallery("a.jpg")
    run(plan_of(root), inline)
    good = contents(root / "out")
    output = root / "out" / "a.mp4"
    output.write_bytes(output.read_bytes()[:-100])
    assert run(plan_of(root, overwrite=True), inline).made == 1
    assert contents(root / "out") == good


def test_kill_between_record_and_name_loses_nothing(gallery, inline):
    root = gallery("a.jpg")
    plan = plan_of(root)
    run(plan, inline)
    good = contents(root / "out")
    row = plan.rows[0]
    row.unfinished.mkdir()
    row.output.rename(row.unfinished / row.output.name)  # as a kill leaves it
    summary = run(plan, inline)
    assert (summary.done, summary.made) == (1, 0)
    assert contents(root / "out") == good
    assert leftovers(root / "out") == []


def test_torn_last_line_is_cut_off(gallery, inline):
    root = gallery("a.jpg", "b.jpg")
    run(plan_of(root), inline)
    manifest = root / "out" / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(lines[0] + lines[1][:40])
    summary = run(plan_of(root, overwrite=True), inline)
    assert (summary.done, summary.made) == (2, 1)
    records = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert [record["status"] for record in records] == ["done", "done"]


def test_leftovers_are_cleared(gallery, inline):
    root = gallery("a.jpg")
    plan = plan_of(root)
    (plan.rows[0].unfinished).mkdir(parents=True)
    (plan.rows[0].unfinished / "a.mp4").write_text("half")
    (root / "out" / "sub" / ".portrait-alive-0123456789abcdef").mkdir(parents=True)
    run(plan, inline)
    assert leftovers(root / "out") == []


def test_manifest_says_what_was_done(gallery, inline):
    root = gallery("a.jpg")
    run(plan_of(root, crf=20, marks=False), inline)
    (record,) = read_records(root / "out").values()
    assert record.options == {"crf": 20, "marks": False}
    assert (record.frames, record.seed, record.status) == (12, 0, "done")
    assert record.warnings == ("small-face",)
    assert len(record.sources[0].sha256) == 64
    assert record.driver_file is not None
    assert record.output is not None
    assert record.output.path == str(root / "out" / "a.mp4")
    assert record.output.still_fits(Path(record.output.path))


def test_shards_fill_one_folder_and_a_whole_run_finds_all_done(gallery, inline):
    root = gallery(*(f"{i}.jpg" for i in range(5)))
    for index in (1, 2):
        run(plan_of(root), inline, shard=Shard(index, 2))
    assert run(plan_of(root), inline).made == 0
    assert sorted(inline.rows) == [f"{i}.mp4" for i in range(5)]


@pytest.mark.parametrize(
    ("held", "asked", "fits"),
    [
        (Shard(), Shard(), False),
        (Shard(), Shard(1, 2), False),
        (Shard(1, 2), Shard(), False),
        (Shard(1, 2), Shard(1, 2), False),
        (Shard(1, 2), Shard(2, 3), False),
        (Shard(1, 2), Shard(2, 2), True),
    ],
)
def test_lock_keeps_rival_runs_out(tmp_path, monkeypatch, held, asked, fits):
    monkeypatch.setattr("portrait_alive.batch.lock._PATIENCE_S", 0.1)
    with batch_lock(tmp_path, held):
        if fits:
            with batch_lock(tmp_path, asked):
                pass
        else:
            with pytest.raises(OutputError, match=f"process {os.getpid()}"), batch_lock(tmp_path, asked):
                pass
    with batch_lock(tmp_path, asked):
        pass


def test_an_output_that_is_a_file_is_named(tmp_path):
    (tmp_path / "notes.txt").touch()
    with (
        pytest.raises(OutputError, match=r"notes\.txt is a file"),
        batch_lock(tmp_path / "notes.txt" / "work", Shard()),
    ):
        pass
