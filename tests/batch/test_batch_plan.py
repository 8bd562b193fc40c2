"""What a batch is asked for becomes rows: every source once, every output its own name."""

from pathlib import Path

import pytest

from portrait_alive.batch.plan import Request, make_plan
from portrait_alive.batch.rows import Shard
from portrait_alive.errors import UnreadableInputError, UsageError
from portrait_alive.options import AnimateOptions


def plan_names(request: Request) -> list[str]:
    return [row.name for row in make_plan(request).rows]


def test_outputs_mirror_the_tree(gallery):
    root = gallery("mona.jpg", "dutch/girl.png", "dutch/old/night.tiff", "notes.txt", ".hidden/x.jpg")
    request = Request(sources=[f"{root}/pictures"], folder=root / "out", motions=["smile"], recursive=True)
    assert plan_names(request) == ["dutch/girl.mp4", "dutch/old/night.mp4", "mona.mp4"]
    flat = Request(sources=[f"{root}/pictures"], folder=root / "out", motions=["smile"])
    assert plan_names(flat) == ["mona.mp4"]


def test_extension_is_kept_only_where_two_would_collide(gallery):
    root = gallery("mona.jpg", "mona.png", "other.jpg")
    request = Request(sources=[f"{root}/pictures"], folder=root / "out", motions=["smile"])
    assert plan_names(request) == ["mona.jpg.mp4", "mona.png.mp4", "other.mp4"]


def test_collisions_are_found_whatever_the_case_and_between_folders(gallery):
    root = gallery("a/mona.jpg", "b/MONA.JPG", "c/mona.jpg")
    folders = [f"{root}/pictures/{name}" for name in "abc"]
    names = plan_names(Request(sources=folders, folder=root / "out", motions=["smile"]))
    assert names == ["a/mona.jpg.mp4", "b/MONA.JPG.mp4", "c/mona.jpg.mp4"]


def test_what_still_collides_is_numbered(gallery):
    root = gallery("a/x/mona.jpg", "b/x/mona.jpg")
    folders = [f"{root}/pictures/a/x", f"{root}/pictures/b/x"]
    names = plan_names(Request(sources=folders, folder=root / "out", motions=["smile"]))
    assert names == ["x/mona.jpg.mp4", "x/mona.jpg-2.mp4"]


def test_all_pairs_name_the_driver(gallery):
    root = gallery("a.jpg", "b.jpg")
    (root / "you.mp4").write_text("another driver")
    request = Request(
        sources=[f"{root}/pictures"],
        folder=root / "out",
        drivers=[f"{root}/me.mp4", f"{root}/you.mp4"],
        motions=["nod"],
        pairing="all",
    )
    assert plan_names(request) == [f"{s}-{d}.mp4" for s in "ab" for d in ("me", "you", "nod")]


def test_one_driver_each_by_name_or_by_order(gallery):
    root = gallery("a.jpg", "b.jpg")
    for name in ("b.mp4", "a.mp4", "c.mp4"):
        (root / name).write_text(name)
    by_name = Request(
        sources=[f"{root}/pictures"], folder=root / "out", drivers=[f"{root}/b.mp4", f"{root}/a.mp4"], pairing="each"
    )
    assert [row.driver.stem for row in make_plan(by_name).rows] == ["a", "b"]
    by_order = Request(
        sources=[f"{root}/pictures"], folder=root / "out", drivers=[f"{root}/c.mp4", f"{root}/a.mp4"], pairing="each"
    )
    assert [row.driver.stem for row in make_plan(by_order).rows] == ["c", "a"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"motions": []}, "--driver"),
        ({"motions": ["smile", "nod"]}, "--pairs"),
        ({"motions": ["smile", "nod", "blink"], "pairing": "each"}, "as many"),
        ({"sources": ["nowhere/*.jpg"]}, "nowhere"),
        ({"sources": []}, "no pictures"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(gallery, changes, says):
    root = gallery("a.jpg", "b.jpg")
    request = {"sources": [f"{root}/pictures"], "folder": root / "out", "motions": ["smile"], **changes}
    with pytest.raises(UsageError, match=says):
        make_plan(Request(**request))


def test_lists_globs_and_the_own_outputs(gallery, monkeypatch):
    root = gallery("a.jpg", "b.png", "c d é.jpg", "out/preview.png")
    monkeypatch.chdir(root)
    (root / "list.txt").write_text("# chosen\npictures/c d é.jpg\n\npictures/a.jpg\n", encoding="utf-8")
    listed = Request(sources=["list.txt"], folder=Path("out"), motions=["smile"])
    assert plan_names(listed) == ["c d é.mp4", "a.mp4"]
    typed = Request(sources=["-"], folder=Path("out"), motions=["smile"], listed=["pictures/b.png\n"])
    assert plan_names(typed) == ["b.mp4"]
    pattern = Request(sources=["pictures/*.jpg", "pictures/a.jpg"], folder=Path("out"), motions=["smile"])
    assert plan_names(pattern) == ["a.mp4", "c d é.mp4"]
    inside = Request(sources=["pictures"], folder=Path("pictures/out"), motions=["smile"], recursive=True)
    assert "out/preview.mp4" not in plan_names(inside)


def test_tables_name_everything_per_row(gallery):
    root = gallery("a.jpg", "b.jpg")
    (root / "rows.csv").write_text(
        "source,driver,output,crf,from,fps\npictures/a.jpg,me.mp4,,20,1.5,29.97\npictures/b.jpg,,sub/bee.webm,,,\n"
    )
    (root / "rows.jsonl").write_text(
        '{"sources": ["pictures/a.jpg"], "motion": "nod", "options": {"face": [1, 2, 30, 40], "private": true}}\n'
    )
    request = Request(sources=[f"{root}/rows.csv"], folder=root / "out", motions=["smile"])
    first, second = make_plan(request).rows
    assert (first.name, first.driver.kind, first.options.crf, first.options.start) == (
        "pictures/a-me.mp4", "clip", 20, 1.5,
    )  # fmt: skip
    assert first.options.fps is not None
    assert first.options.fps.denominator == 1001
    assert (second.name, second.driver.name, second.options) == ("sub/bee.webm", "smile", AnimateOptions())
    (row,) = make_plan(Request(sources=[f"{root}/rows.jsonl"], folder=root / "out")).rows
    assert (row.driver.name, row.options.face, row.options.private) == ("nod", (1.0, 2.0, 30.0, 40.0), True)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("source,driver\n,me.mp4\n", UnreadableInputError, "line 2: no source"),
        ("source,colour\na.jpg,red\n", UsageError, "line 2: there is no column 'colour'"),
        ("source,motion,crf\na.jpg,nod,99\n", UsageError, "line 2: --crf: 99"),
        ("source\na.jpg\n", UsageError, "line 2: no driver"),
        ("source,motion,output\na.jpg,nod,x.mp4\nb.jpg,nod,X.mp4\n", UsageError, "the output of both"),
        ("source,motion\na.jpg,nod,more\n", UnreadableInputError, "line 2: more cells"),
    ],
)
def test_bad_tables_name_file_and_line(tmp_path, text, error, says):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(error, match=says):
        make_plan(Request(sources=[f"{tmp_path}/rows.csv"], folder=tmp_path / "out"))


def test_motion_files_are_told_from_built_in_motions(gallery):
    root = gallery("a.jpg")
    request = Request(
        sources=[f"{root}/pictures"], folder=root / "out", motions=["smile", "hello.motion"], pairing="all"
    )
    drivers = [row.driver for row in make_plan(request).rows]
    assert [(driver.kind, driver.path is None) for driver in drivers] == [("built-in", True), ("motion-file", False)]


def test_shards_share_a_plan_without_overlap(gallery):
    root = gallery(*(f"{i:02}.jpg" for i in range(11)))
    plan = make_plan(Request(sources=[f"{root}/pictures"], folder=root / "out", motions=["smile"]))
    parts = [plan.part(Shard(i, 4)).rows for i in (1, 2, 3, 4)]
    assert sorted(row.name for part in parts for row in part) == [row.name for row in plan.rows]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_keys_tell_what_comes_out_not_how(gallery):
    root = gallery("a.jpg")

    def key(**options: object) -> str:
        request = Request(
            sources=[f"{root}/pictures"], folder=root / "out", motions=["smile"], options=AnimateOptions(**options)
        )
        return make_plan(request).rows[0].key

    assert key() == key(threads=2, device="cpu", overwrite=True)
    assert len({key(), key(crf=20), key(seed=1), key(face=2), key(marks=False)}) == 5
