"""Kill a batch at random moments, continue it with the same command, and compare with an undisturbed run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portrait_alive.batch.rows import UNFINISHED_PREFIX

PROGRAM = Path(__file__).with_name("run_cheap_batch.py")
KILLS = 30
PICTURES = 24


def start(root: Path, out: Path, jobs: int, *shard: str, pause_s: float = 0.01) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(root), str(out), str(jobs), *shard],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CHEAP_JOB_PAUSE_S": str(pause_s), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def outputs(folder: Path) -> dict[str, bytes]:
    """Every film that has its name; what a worker is at lies in a folder whose name begins with a prefix of its own."""
    films = [path.relative_to(folder) for path in sorted(folder.rglob("*.mp4"))]
    return {
        str(film): (folder / film).read_bytes()
        for film in films
        if not any(part.startswith(UNFINISHED_PREFIX) for part in film.parts)
    }


def children_of(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(number) for number in path.read_text().split()] if path.exists() else []


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(") ")[1][0] not in "ZX"
    except OSError:
        return False


def test_random_kills_change_nothing(gallery, tmp_path):
    names = [f"{i:02}.jpg" for i in range(PICTURES - 2)]
    root = gallery(*names, "deep/er/a.jpg", "deep/b.png")
    undisturbed = start(root, tmp_path / "calm", 2, pause_s=0.0)
    said, errors = undisturbed.communicate(timeout=60)
    assert said.strip() == f"done {PICTURES} failed 0 made {PICTURES}", errors
    dice = random.Random(6)
    out = tmp_path / "killed"
    kills = 0
    while kills < KILLS:
        process = start(root, out, 2)
        time.sleep(dice.uniform(0.05, 0.75))
        if process.poll() is None:
            kills += 1
        process.kill()
        process.communicate()
        finished = outputs(out) if out.exists() else {}
        calm = outputs(tmp_path / "calm")
        assert all(calm[name] == data for name, data in finished.items()), "a half-written output has its name"
        if len(finished) == PICTURES:  # everything is done before all kills are: start over elsewhere
            out = tmp_path / f"killed-{kills}"
    said, errors = start(root, out, 2, pause_s=0.0).communicate(timeout=60)
    assert said.startswith(f"done {PICTURES} failed 0"), errors
    assert outputs(out) == outputs(tmp_path / "calm")
    assert [path for path in out.rglob(".*") if path.name != ".portrait-alive"] == []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_die_with_their_parent(gallery, tmp_path, number):
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("whoever started the tests ignores this signal, and so do their children")
    root = gallery(*(f"{i}.jpg" for i in range(40)))
    process = start(root, tmp_path / "out", 2, pause_s=0.2)
    deadline = time.monotonic() + 20
    while not list((tmp_path / "out").glob(".portrait-alive-*/*.mp4")) and time.monotonic() < deadline:
        time.sleep(0.02)
    workers = [child for child in children_of(process.pid) if is_running(child)]
    assert len(workers) >= 2
    process.send_signal(number)
    process.communicate(timeout=20)
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(is_running, workers))


def test_worker_that_dies_costs_its_own_row(gallery, tmp_path):
    root = gallery("a.jpg", "c.jpg", b="suicide")
    said, errors = start(root, tmp_path / "out", 2, pause_s=0.0).communicate(timeout=60)
    assert said.strip() == "done 2 failed 1 made 2", errors
    manifest = (tmp_path / "out" / "manifest.jsonl").read_text()
    assert "WorkerDied" in manifest
    assert "--jobs" in manifest


def test_shards_run_at_the_same_time(gallery, tmp_path):
    root = gallery(*(f"{i}.jpg" for i in range(9)))
    running = [start(root, tmp_path / "out", 1, str(i), "3") for i in (1, 2, 3)]
    said = [process.communicate(timeout=60)[0].strip() for process in running]
    assert said == ["done 3 failed 0 made 3"] * 3
    assert start(root, tmp_path / "out", 1).communicate(timeout=60)[0].strip() == "done 9 failed 0 made 0"


def test_second_run_in_the_same_folder_is_refused(gallery, tmp_path):
    root = gallery(*(f"{i}.jpg" for i in range(9)))
    first = start(root, tmp_path / "out", 1, pause_s=0.2)
    deadline = time.monotonic() + 20
    while not list((tmp_path / "out").glob(".portrait-alive-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    _, errors = start(root, tmp_path / "out", 1).communicate(timeout=60)
    assert f"process {first.pid}" in errors
    first.kill()
    first.communicate()
    said, errors = start(root, tmp_path / "out", 1, pause_s=0.0).communicate(timeout=60)
    assert said.startswith("done 9"), errors
