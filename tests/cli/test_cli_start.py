"""Start-up is quick and says what there is."""

import subprocess
import sys

import pytest

COMMANDS = ("animate", "batch", "track", "motion", "motions", "landmarks", "inspect", "evaluate", "doctor")
HEAVY = ("torch", "cv2", "numpy", "rich", "PIL")


@pytest.mark.skipif(sys.platform == "win32", reason="counts CPU time as POSIX systems do")
@pytest.mark.parametrize("arguments", [("--help",), ("animate", "--help"), ("motion", "trim", "-h")])
def test_help_is_quick(start, arguments):
    import resource

    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = start(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert done.code == 0
    assert min(took) < 0.6, "0.3 s are promised on an idle machine; CPU time, for test machines are not idle"
    assert done.out.startswith(f"Usage: portrait-alive {' '.join(arguments[:-1])}".rstrip())


def test_help_lists_every_command_under_its_heading(run):
    done = run("--help")
    assert done.code == 0
    assert all(f"\n  {command} " in done.out for command in COMMANDS)
    make, look = done.out.index("Make:"), done.out.index("Look into:")
    assert make < done.out.index("\n  animate ") < look < done.out.index("\n  doctor ")


def test_without_arguments_the_help_is_shown(run):
    done = run()
    assert done.code == 2
    assert "Make:" in done.out


def test_a_value_that_looks_like_help_is_a_value(run, tmp_path):
    done = run("inspect", "--", "--help")
    assert done.code == 1
    assert "--help" in done.err
    assert "Usage" not in done.out


def test_missing_arguments_are_one_line(run):
    for arguments in (("animate",), ("motion",), ("motion", "trim"), ("nope", "--help")):
        done = run(*arguments)
        assert done.code == 2
        assert len(done.err.splitlines()) == 1
        assert "see: portrait-alive" in done.err


def test_start_up_imports_nothing_heavy():
    script = f"""
import sys
from portrait_alive import __version__
from portrait_alive.cli.app import build_app
build_app()
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    done = run(command, "--help")
    assert done.code == 0
    assert "Usage: portrait-alive " + command in done.out


def test_options_show_their_defaults_from_the_one_table(run):
    text = " ".join(run("animate", "--help", COLUMNS="200").out.split())
    assert "Default: 16." in text
    assert "Default: medium." in text
    assert "Default: native." in text


def test_version(start):
    done = start("--version")
    assert (done.code, done.out.split()[0]) == (0, "portrait-alive")
