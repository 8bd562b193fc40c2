"""Start-up is quick and says what there is."""

import subprocess
import sys

import pytest

COMMANDS = ("animate", "batch", "track", "motion", "motions", "landmarks", "inspect", "doctor")
HEAVY = ("torch", "cv2", "numpy", "rich", "PIL")


@pytest.mark.skipif(sys.platform == "win32", reason="counts CPU time as POSIX systems do")
def test_help_is_quick(start):
    import resource

    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = start("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert done.code == 0
    assert min(took) < 0.6, "0.3 s are promised on an idle machine; CPU time, for test machines are not idle"
    assert all(command in done.out for command in COMMANDS)


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
