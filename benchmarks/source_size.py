"""What a frame costs as the source grows while the moving region keeps its size in pixels. Encoding apart.

Time is the process's CPU time, which other programs on the machine disturb less than the clock's.

python benchmarks/source_size.py
"""

import argparse
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from made_material import framed
from measured_with import DATA, command_line

from portrait_alive.engine import make_engine
from portrait_alive.evaluation.clip_frames import read_frames
from portrait_alive.evaluation.report import markdown_table
from portrait_alive.media.stills import read_picture
from portrait_alive.motion.retarget import retarget
from portrait_alive.motion.track import track_driver
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.tracker import load_tracker
from portrait_alive.types import Picture
from portrait_alive.weights import SHAPE_BASIS, weight_path

MEGAPIXELS = (0.5, 1, 2, 4, 8, 16, 30)


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    tracker = load_tracker(arguments.tracker)
    basis = load_basis(weight_path(SHAPE_BASIS))
    fitter = HeadFitter.of(basis)
    original = read_picture(arguments.source).pixels
    found = max(tracker.detect(original), key=lambda landmarks: landmarks.box.area)
    motion = track_driver(read_frames(arguments.driver, limit=arguments.frames), tracker, fitter, fps=Fraction(25))
    rows: list[list[str | float]] = []
    for megapixels in arguments.megapixels:
        height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
        size = (height, round(height * 4 / 3))
        pixels, scale, shift = framed(original, found.box, size=size, face_px=arguments.face)
        points = found.points * scale + np.array([*shift, 0], np.float32)
        face = source_face(replace(found, points=points.astype(np.float32)), fitter)
        start = time.process_time()
        engine = make_engine("warp", Picture(pixels), [face], basis, with_alpha=False)
        apart = time.process_time() - start
        driven = list(retarget(face, motion, basis))
        engine.compose(engine.render(driven[:1]))  # first frame fills tables
        render = compose = 0.0
        for one in driven:
            start = time.process_time()
            regions = engine.render([one])
            middle = time.process_time()
            engine.compose(regions)
            render, compose = render + middle - start, compose + time.process_time() - middle
        per_frame = 1000 / len(driven)
        rows.append(
            [
                f"{megapixels:g}",
                f"{size[1]}x{size[0]}",
                engine.moving_pixels / 1e6,
                render * per_frame,
                compose * per_frame,
                (render + compose) * per_frame,
                apart,
            ]
        )
    header = ["source Mpx", "size", "moving Mpx", "render ms/frame", "compose ms/frame", "together", "taking apart s"]
    print(command_line(), markdown_table(header, rows, digits=2), sep="\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=DATA / "paintings" / "leonardo_mona_lisa.jpg")
    parser.add_argument("--driver", type=Path, default=DATA / "clips" / "lp_d10_woman_studio.mp4")
    parser.add_argument("--megapixels", nargs="+", type=float, default=MEGAPIXELS)
    parser.add_argument("--face", type=int, default=300, help="height of the face in pixels")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--tracker", default="native")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
