"""Every built-in motion on one portrait, side by side, as an animated WebP: the sheet in docs/motion.md.

python examples/motion_sheet.py                              # docs/images/motions.webp
python examples/motion_sheet.py me.jpg sheet.webp --height 240
"""

import argparse
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from portrait_alive.engine import make_engine
from portrait_alive.media.stills import read_picture
from portrait_alive.motion.builtin import builtin_motion, builtin_motions
from portrait_alive.motion.retarget import retarget
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.tracking.tracker import load_tracker
from portrait_alive.types import Bytes, Picture
from portrait_alive.weights import SHAPE_BASIS, weight_path

HERE = Path(__file__).resolve().parent
FPS = Fraction(25, 2)
TURN_S = 6.0
"""Seconds after which the sheet begins again: a multiple of what short motions take."""
COLUMNS = 5
TIMES = {"blink": 2, "nod": 2, "shake": 2, "surprise": 2, "wink": 2}
"""How often short motions are played in a turn; the others once."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portrait", nargs="?", type=Path, default=HERE / "portrait.jpg")
    parser.add_argument("sheet", nargs="?", type=Path, default=HERE.parent / "docs" / "images" / "motions.webp")
    parser.add_argument("--height", type=int, default=180, help="of one cell, pixels")
    parser.add_argument("--quality", type=int, default=60)
    arguments = parser.parse_args()
    columns = [cells(arguments.portrait, name, arguments.height) for name in (each.name for each in builtin_motions())]
    frames = [Image.fromarray(laid_out([column[at] for column in columns])) for at in range(round(TURN_S * FPS))]
    frames[0].save(
        arguments.sheet,
        save_all=True,
        append_images=frames[1:],
        duration=round(1000 / FPS),
        loop=0,
        quality=arguments.quality,
        method=6,
    )


def cells(portrait: Path, name: str, height: int) -> list[Bytes]:
    """The frames of one motion, cut around the head."""
    basis = load_basis(weight_path(SHAPE_BASIS))
    fitter = HeadFitter.of(basis)
    tracker = load_tracker("native")
    pixels = read_picture(portrait).pixels
    box = max(tracker.detect(pixels), key=lambda face: face.box.area).box.scaled(1.9)
    left, top = max(int(box.x), 0), max(int(box.y), 0)
    pixels = pixels[top : int(box.y + box.height), left : int(box.x + box.width)]
    scale = 2 * height / pixels.shape[0]  # rendered twice as large as shown: smooth edges
    pixels = np.ascontiguousarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    face = source_face(max(tracker.detect(pixels), key=lambda found: found.box.area), fitter)
    engine = make_engine("warp", Picture(pixels), [face], basis, with_alpha=False, rooms=None)
    times = TIMES.get(name, 1)
    states = retarget(face, builtin_motion(name, basis, seconds=TURN_S / times, fps=FPS), basis)
    once = [named(engine.compose(engine.render([state])), name) for state in states]
    return (once * (times + 1))[: round(TURN_S * FPS)]


def named(frame: Bytes, name: str) -> Bytes:
    """A frame at half its size with the motion's name in its corner."""
    small = Image.fromarray(frame).reduce(2)
    draw = ImageDraw.Draw(small)
    draw.text((5, 3), name, fill="white", font=ImageFont.load_default(13), stroke_width=2, stroke_fill="black")
    return np.asarray(small)


def laid_out(pictures: list[Bytes]) -> Bytes:
    """Pictures of one size in rows of `COLUMNS`."""
    rows = [np.hstack(pictures[at : at + COLUMNS]) for at in range(0, len(pictures), COLUMNS)]
    return np.vstack(rows)


if __name__ == "__main__":
    main()
