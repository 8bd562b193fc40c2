"""Every failure is one line of advice and an exit code; a traceback only with --debug."""

import json
import os
import sys

import pytest

from portrait_alive.cli import main
from portrait_alive.cli.animate import drivers_by_face
from portrait_alive.cli.failures import explain
from portrait_alive.errors import (
    BatchIncompleteError,
    MissingDependencyError,
    NoFaceError,
    OutputError,
    UnreadableInputError,
    UsageError,
)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "No such command"),
        (["animate", "a.png", "--colour", "red"], "No such option"),
        (["animate", "a.png"], "no driver"),
        (["animate", "a.png", "--motion", "smile", "--crf", "99"], "--crf: 99 is not in 0..51"),
        (["animate", "a.png", "--motion", "smile", "--fps", "fast"], "--fps: 'fast' is not a frame rate"),
        (["animate", "a.png", "--motion", "smile", "--size", "1920"], "--size"),
        (["animate", "a.png", "--motion", "smile", "--face", "0"], "--face"),
        (["animate", "a.png", "--motion", "smile", "--from", "3", "--to", "2"], "--to 2 is not after --from 3"),
        (["animate", "a.png", "--motion", "smile", "--driver", "b.mp4"], "exclude each other"),
        (["animate", "a.png", "--driver", "b.mp4", "--sound", "c.wav"], "--sound is what --motion speak says"),
        (["animate", "a.png", "--driver", "b.mp4", "--driver", "c.mp4"], "number of the face"),
        (["animate", "a.png", "b.png", "--motion", "smile", "--faces", "all"], "batch"),
        (["batch", "nowhere", "--motion", "smile", "-o", "out"], "nowhere"),
        (["batch", ".", "--motion", "smile", "-o", "out", "--shard", "3/2"], "--shard 3/2"),
        (["batch", "lone.png", "--motion", "dance", "-o", "out"], "no such motion; choose one of idle"),
        (["track", "me.mp4", "-o", "me.txt"], ".motion"),
    ],
)
def test_usage_errors_exit_2(run, arguments, says, tmp_path):
    (tmp_path / "lone.png").touch()
    done = run(*arguments)
    assert done.code == 2
    assert says in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert done.out == ""


def test_a_file_that_looks_like_an_option_is_named(run, tmp_path):
    (tmp_path / "-mona.jpg").touch()
    done = run("animate", "-mona.jpg", "--motion", "smile")
    assert done.code == 2
    assert "write ./-mona.jpg" in done.err


def test_interruption_while_starting_is_quiet(monkeypatch, capsys):
    """Ctrl-C while modules are still being imported."""

    class Interrupted:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "portrait_alive.cli.app", Interrupted())
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_quiet_and_json_exclude_each_other(run):
    done = run("animate", "a.png", "--motion", "smile", "--quiet", "--json")
    assert (done.code, done.events[-1]["kind"]) == (2, "UsageError")


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n torn"])
def test_unreadable_input_exits_1_and_names_the_file(run, tmp_path, content):
    (tmp_path / "ünreadable näme.png").write_bytes(content)
    done = run("animate", "ünreadable näme.png", "--motion", "smile")
    assert done.code == 1
    assert "ünreadable näme.png" in done.err
    assert "Traceback" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["ünreadable näme.png"]


def test_missing_files_exit_1(run, portrait):
    _, points = portrait()
    assert run("animate", "gone.png", "--motion", "smile").code == 1
    done = run("animate", "portrait.png", "--landmarks", str(points), "--driver", "gone.mp4")
    assert done.code == 1
    assert "gone.mp4" in done.err


def test_existing_output_is_refused_before_any_work(run, portrait, tmp_path):
    portrait()
    (tmp_path / "mine.mp4").write_text("precious")
    done = run("animate", "portrait.png", "--motion", "smile", "-o", "mine.mp4")
    assert done.code == 1
    assert "--overwrite" in done.err
    assert (tmp_path / "mine.mp4").read_text() == "precious"


@pytest.mark.parametrize("target", ["portrait.png", "linked.webp", "d.mp4", "frames/"])
def test_inputs_are_never_overwritten(run, portrait, tmp_path, target):
    picture, points = portrait()
    (tmp_path / "frames").mkdir()
    source = tmp_path / "frames" / "000000.png" if target == "frames/" else picture
    if target == "frames/":
        picture.rename(source)
    elif target == "linked.webp":
        os.link(source, tmp_path / target)
    before = source.read_bytes()
    (tmp_path / "d.mp4").write_bytes(b"precious")
    arguments = ("--landmarks", str(points), "--driver", "d.mp4", "--overwrite", "-o", target)
    done = run("animate", str(source), *arguments)
    assert done.code == 1
    assert "would replace" in done.err
    assert source.read_bytes() == before
    assert (tmp_path / "d.mp4").read_bytes() == b"precious"


def test_errors_are_json_when_asked(run):
    done = run("animate", "gone.png", "--motion", "smile", "--json")
    last = done.events[-1]
    assert (done.code, last["event"], last["exit_code"], last["kind"]) == (1, "error", 1, "UnreadableInputError")
    assert "gone.png" in str(last["message"])
    usage = run("animate", "gone.png", "--json", "--bogus")
    assert (usage.code, usage.events[-1]["exit_code"]) == (2, 2)


def test_debug_shows_the_traceback(run):
    assert "Traceback" in run("animate", "gone.png", "--motion", "smile", "--debug").err


def test_missing_system_library_is_one_line_of_advice(start, portrait, tmp_path):
    portrait()
    broken = tmp_path / "broken" / "cv2"
    broken.mkdir(parents=True)
    message = "libGL.so.1: cannot open shared object file: No such file or directory"
    (broken / "__init__.py").write_text(f"raise ImportError({message!r})")
    path = os.pathsep.join([str(broken.parent), os.environ.get("PYTHONPATH", "")])
    done = start("animate", "portrait.png", "--motion", "smile", PYTHONPATH=path)
    assert done.code == 1
    assert "libGL.so.1 is missing" in done.err
    assert "apt install libgl1" in done.err
    assert "opencv-python-headless" in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnreadableInputError("x"), 1),
        (OutputError("x"), 1),
        (MissingDependencyError("x"), 1),
        (UsageError("x"), 2),
        (NoFaceError("x"), 3),
        (BatchIncompleteError("x"), 4),
        (KeyboardInterrupt(), 130),
        (MemoryError(), 1),
        (OSError(28, "No space left on device"), 1),
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), 1),
        (ZeroDivisionError("x"), 1),
    ],
)
def test_exit_codes(error, code):
    failure = explain(error)
    assert failure.exit_code == code
    assert failure.message
    assert "\n" not in failure.message


def test_advice_names_what_to_install_and_what_is_full():
    assert "pip install opencv-python" in explain(ModuleNotFoundError("No module named 'cv2'", name="cv2")).message
    assert "disk is full" in explain(OSError(28, "No space left on device", "out.mp4")).message
    assert "--debug" in explain(ZeroDivisionError("x")).message


def test_drivers_by_face(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert drivers_by_face([]) is None
    assert str(drivers_by_face(["me.mp4"])) == "me.mp4"
    assert {n: str(p) for n, p in drivers_by_face(["1=me.mp4", "2=you.mp4"]).items()} == {1: "me.mp4", 2: "you.mp4"}
    (tmp_path / "1=me.mp4").write_text("a file of that name is meant as it is")
    assert str(drivers_by_face(["1=me.mp4"])) == "1=me.mp4"
    with pytest.raises(UsageError, match="twice"):
        drivers_by_face(["3=a.mp4", "3=b.mp4"])
    with pytest.raises(UsageError, match="number of the face"):
        drivers_by_face(["a.mp4", "2=b.mp4"])


def test_json_of_usage_errors_is_parsable(run):
    for line in run("animate", "--json").out.splitlines():
        json.loads(line)
