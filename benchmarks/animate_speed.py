"""How fast `animate` is, end to end, against ffmpeg alone decoding that driver and encoding that output.

    python benchmarks/animate_speed.py                 # as the machine is, and held to AVX2
    python benchmarks/animate_speed.py --seconds 4     # a quick look

A face 300 px high in a 1280x720 source, a 512x512, 25 fps driver of 15 s, x264 preset medium, crf 16.
"""

import argparse
import shlex
import tempfile
import time
from pathlib import Path

from made_material import ffmpeg, make_driver, make_source
from measured_with import DATA, command_line
from watched_run import WatchedRun, run_animate

from portrait_alive.evaluation.report import markdown_table
from portrait_alive.media.stills import read_picture
from portrait_alive.tracking.tracker import TrackerName, load_tracker
from portrait_alive.types import Box

AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
FRAME_RATE = 25


def main() -> None:
    arguments = _parse()
    with tempfile.TemporaryDirectory(prefix="portrait-alive-speed-") as folder:
        place = Path(folder)
        face = largest_face(arguments.source, arguments.tracker)
        source = make_source(arguments.source, face, place / "source.png")
        driver = make_driver(arguments.driver, place / "driver.mp4", seconds=arguments.seconds)
        output = place / "output.mp4"
        how = [source, "--driver", driver, "-o", output, "--tracker", arguments.tracker, "--preset", "medium"]
        how += ["--crf", "16", *shlex.split(arguments.extra)]
        run_animate([*how, "--to", "1"])  # fills the disk cache, so that start-up is not the disk's
        rows = []
        for name, environment in (("as it is", {}), ("AVX2", AVX2)):
            run = min((run_animate(how, environment) for _ in range(arguments.repeat)), key=lambda r: r.seconds)
            alone = min(ffmpeg_alone_s(driver, output, place) for _ in range(arguments.repeat))
            rows.append(_row(name, run, alone))
    header = ["CPU", "frames", "total s", "start-up s", "frames/s after start-up", "tracking ms/frame"]
    header += ["rendering and encoding ms/frame", "ffmpeg alone s", "ratio to ffmpeg alone", "peak MB"]
    print(command_line(), markdown_table(header, rows, digits=2), sep="\n")


def largest_face(picture: Path, tracker: TrackerName) -> Box:
    """Box of the largest face's mesh."""
    found = load_tracker(tracker).detect(read_picture(picture).pixels)
    return max((landmarks.box for landmarks in found), key=lambda box: box.area)


def ffmpeg_alone_s(driver: Path, output: Path, place: Path) -> float:
    """Seconds that ffmpeg takes to decode `driver`, and to encode the pictures of `output` from uncompressed ones."""
    raw = place / "output.nut"
    ffmpeg("-i", output, "-map", "0:v", "-c:v", "rawvideo", "-pix_fmt", "yuv420p", raw)
    start = time.perf_counter()
    ffmpeg("-i", driver, "-map", "0:v", "-pix_fmt", "rgb24", "-f", "rawvideo", "/dev/null")
    x264 = ["-c:v", "libx264", "-preset", "medium", "-crf", "16"]
    ffmpeg("-i", raw, *x264, "-movflags", "+faststart", place / "again.mp4")
    seconds = time.perf_counter() - start
    raw.unlink()
    return seconds


def _row(name: str, run: WatchedRun, alone_s: float) -> list[str | float]:
    frames = int(str(run.summary["frames"]))
    track, render = run.phase_starts["track-driver"], run.phase_starts["render"]
    apart = run.phase_starts.get("take-apart", render)
    after = run.seconds - track
    return [
        name,
        str(frames),
        run.seconds,
        track,
        frames / after,
        1000 * (apart - track) / frames,
        1000 * (run.seconds - render) / frames,
        alone_s,
        after / alone_s,
        run.tree_mb,
    ]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=DATA / "paintings" / "leonardo_mona_lisa.jpg")
    parser.add_argument("--driver", type=Path, default=DATA / "clips" / "lp_d10_woman_studio.mp4")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each kind; the fastest counts")
    parser.add_argument("--tracker", default="native")
    parser.add_argument("--extra", default="", help="more options for animate, as one quoted word")
    return parser.parse_args()


if __name__ == "__main__":
    main()
