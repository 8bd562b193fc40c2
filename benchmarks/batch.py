"""Paintings per hour, memory, scaling with --jobs and on Ray, and what a batch is worth after kills.

python benchmarks/batch.py                          # 1280x720 and 12 megapixels, 1 and 2 jobs
python benchmarks/batch.py --ray 1 2                # the same on a local Ray cluster of 1 and of 2 nodes
python benchmarks/batch.py --kills 30 --seconds 1   # kill -9 at random moments, resume, compare frame by frame
python benchmarks/batch.py --quick                  # two small pictures, a short driver: does it run?

"Foreseen" is what `--dry-run` would have said before the first row (batch/estimate.py).
"""

import argparse
import contextlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from animate_speed import largest_face
from made_material import make_driver, make_source
from measured_with import DATA, command_line

from portrait_alive.batch.estimate import Size, expect, worker_bytes
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.host import core_count
from portrait_alive.media.clips import read_frames
from portrait_alive.tracking.tracker import TrackerName
from portrait_alive.types import Box

FACE_PX = {(720, 1280): 300, (3000, 4000): 900}
PAINTINGS = (
    "leonardo_mona_lisa.jpg", "vermeer_pearl_earring.jpg", "vangogh_self_1889_orsay.jpg",
    "hals_la_bohemienne.jpg", "leonardo_lady_ermine.jpg", "vangogh_self_1887.jpg",
)  # fmt: skip


_LARGE_PX = 4_000_000
"""Sources beyond this are animated in a third of the number."""


@dataclass(frozen=True)
class Run:
    """One finished batch."""

    seconds: float
    cpu_seconds: float | None
    """Of all processes together, start-up included: what a busy machine does not change much. None on Ray, whose
    workers are nobody's children."""
    memory_mb: float
    megabytes: float
    """Of the outputs."""
    rows: int
    frames: int


def main() -> None:
    arguments = _parse()
    with tempfile.TemporaryDirectory(prefix="portrait-alive-batch-") as folder:
        place = Path(folder)
        driver = make_driver(arguments.driver, place / "driver.mp4", seconds=arguments.seconds)
        if arguments.kills:
            print(command_line(), _killed(place, driver, arguments), sep="\n")
            return
        rows = []
        for size in arguments.size:
            pictures = _pictures(place / f"{size[1]}x{size[0]}", size, arguments)
            for count in arguments.ray or arguments.jobs:
                out = place / f"out-{size[1]}-{count}"
                with _cluster(count) if arguments.ray else contextlib.nullcontext() as address:
                    how = ["--ray", address] if address else ["--jobs", str(count)]
                    run = _batch(pictures, driver, out, arguments, *how)
                rows.append([f"{size[1]}x{size[0]}", str(count), *_figures(run, size, count)])
        unit = "nodes" if arguments.ray else "jobs"
        header = [
            *("source", unit, "rows", "run s", "paintings an hour", "frames/s", "CPU s", "s foreseen"),
            *("peak MB of a worker", "MB foreseen", "MB written", "MB written, foreseen"),
        ]
        print(command_line(), markdown_table(header, rows, digits=1), sep="\n")


def _figures(run: Run, size: tuple[int, int], jobs: int) -> list[str | float]:
    pixels = size[0] * size[1]
    foreseen = expect([Size(run.frames // run.rows, pixels)] * run.rows, jobs, (), core_count())
    cpu = "-" if run.cpu_seconds is None else run.cpu_seconds
    speed = [run.seconds, 3600 * run.rows / run.seconds, run.frames / run.seconds, cpu, foreseen.seconds]
    return [str(run.rows), *speed, run.memory_mb, worker_bytes(pixels) / 2**20, run.megabytes, foreseen.bytes / 1e6]


def _pictures(folder: Path, size: tuple[int, int], arguments: argparse.Namespace) -> Path:
    folder.mkdir()
    is_large = size[0] * size[1] > _LARGE_PX
    for number in range(max(arguments.pictures // 3, 2) if is_large else arguments.pictures):
        painting = DATA / "paintings" / PAINTINGS[number % len(PAINTINGS)]
        face = _face(painting, arguments.tracker)
        make_source(painting, face, folder / f"{number:03}.png", size=size, face_px=FACE_PX.get(size, size[0] // 3))
    return folder


@cache
def _face(painting: Path, tracker: TrackerName) -> Box:
    return largest_face(painting, tracker)


def _command(pictures: Path, driver: Path, out: Path, arguments: argparse.Namespace, *more: str) -> list[str]:
    what = ["batch", str(pictures), "--driver", str(driver), "-o", str(out), "--tracker", arguments.tracker]
    return [sys.executable, "-m", "portrait_alive", *what, "--json", *more]


def _batch(pictures: Path, driver: Path, out: Path, arguments: argparse.Namespace, *more: str) -> Run:
    began, cpu = time.monotonic(), _children_cpu_s()
    finished = subprocess.run(_command(pictures, driver, out, arguments, *more), capture_output=True, text=True)
    seconds, spent = time.monotonic() - began, None if "--ray" in more else _children_cpu_s() - cpu
    if finished.returncode:
        raise SystemExit(
            f"the batch ended with {finished.returncode}: {finished.stdout[-800:]} {finished.stderr[-800:]}"
        )
    result = json.loads(finished.stdout.splitlines()[-1])
    records = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    written = sum(record["output"]["bytes"] for record in records) / 1e6
    frames = sum(record["frames"] for record in records)
    return Run(seconds, spent, result["memory_mb"], written, len(records), frames)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _killed(place: Path, driver: Path, arguments: argparse.Namespace) -> str:
    """Kill, resume, compare; in words."""
    pictures = _pictures(place / "pictures", (720, 1280), arguments)
    calm = _batch(pictures, driver, place / "calm", arguments)
    dice, tried, identical = random.Random(0), 0, 0
    while tried < arguments.kills:
        out = place / f"killed-{tried}"
        for _ in range(min(arguments.kills_a_batch, arguments.kills - tried)):
            process = subprocess.Popen(
                _command(pictures, driver, out, arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(dice.uniform(0.5, 0.8 * calm.seconds))
            tried += process.poll() is None
            process.kill()
            process.wait()
        _batch(pictures, driver, out, arguments)
        names = sorted(path.name for path in (place / "calm").glob("*.mp4"))
        assert names == sorted(path.name for path in out.glob("*.mp4"))
        identical += sum(_same_frames(place / "calm" / name, out / name) for name in names)
        print(f"{tried} kills so far", file=sys.stderr)
    batches = len(list(place.glob("killed-*")))
    made = batches * arguments.pictures
    return f"{tried} kills in {batches} batches: {identical} of {made} outputs identical, frame by frame"


def _same_frames(one: Path, other: Path) -> bool:
    frames = zip(read_frames(one), read_frames(other), strict=True)
    return all((first == second).all() for first, second in frames)


@contextlib.contextmanager
def _cluster(nodes: int) -> Iterator[str]:
    """A Ray cluster on this machine: a head that only leads, and nodes of one core each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1)
        yield cluster.address
    finally:
        cluster.shutdown()


def _parse() -> argparse.Namespace:
    def size(text: str) -> tuple[int, int]:
        width, height = text.split("x")
        return int(height), int(width)

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", type=Path, default=DATA / "clips" / "lp_d10_woman_studio.mp4")
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=10, help="of the driver")
    parser.add_argument("--size", type=size, nargs="+", default=[(720, 1280), (3000, 4000)], metavar="WxH")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, min(2, os.cpu_count() or 1)])
    parser.add_argument("--ray", type=int, nargs="+", metavar="NODES", help="on Ray instead, with so many nodes")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--kills-a-batch", type=int, default=6)
    parser.add_argument("--tracker", default="native")
    parser.add_argument("--quick", action="store_true", help="two pictures of 640x360, a driver of one second, one job")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.pictures, arguments.seconds, arguments.size, arguments.jobs = 2, 1.0, [(360, 640)], [1]
    return arguments


if __name__ == "__main__":
    main()
