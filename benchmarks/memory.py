"""Whether memory depends on the driver's length: peak of a 10-second and of a 10-minute driver.

python benchmarks/memory.py
python benchmarks/memory.py --long 60 --side 256    # a quick look
"""

import argparse
import shlex
import tempfile
from pathlib import Path

from animate_speed import largest_face
from made_material import make_driver, make_source
from measured_with import DATA, command_line
from watched_run import run_animate

from portrait_alive.evaluation.report import markdown_table


def main() -> None:
    arguments = _parse()
    rows = []
    with tempfile.TemporaryDirectory(prefix="portrait-alive-memory-") as folder:
        place = Path(folder)
        face = largest_face(arguments.source, arguments.tracker)
        source = make_source(arguments.source, face, place / "source.png")
        for seconds in (arguments.short, arguments.long):
            driver = make_driver(arguments.driver, place / "driver.mp4", seconds=seconds, side=arguments.side)
            how = [source, "--driver", driver, "-o", place / "output.mp4", "--tracker", arguments.tracker]
            run = run_animate([*how, *shlex.split(arguments.extra)])
            rows.append([f"{seconds:g} s", str(run.summary["frames"]), run.own_mb, run.tree_mb, run.seconds])
    difference = [b - a for a, b in zip(rows[0][2:4], rows[1][2:4], strict=True)]
    rows.append(["difference", "", *difference, float("nan")])
    header = ["driver", "frames", "peak MB, own process", "peak MB, with ffmpeg", "run s"]
    print(command_line(), markdown_table(header, rows, digits=0), sep="\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=DATA / "paintings" / "leonardo_mona_lisa.jpg")
    parser.add_argument("--driver", type=Path, default=DATA / "clips" / "lp_d10_woman_studio.mp4")
    parser.add_argument("--short", type=float, default=10)
    parser.add_argument("--long", type=float, default=600)
    parser.add_argument("--side", type=int, default=512, help="of the driver's frames")
    parser.add_argument("--tracker", default="native")
    parser.add_argument("--extra", default="", help="more options for animate, as one quoted word")
    return parser.parse_args()


if __name__ == "__main__":
    main()
