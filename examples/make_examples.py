"""Make the pictures that the README shows: a painted portrait and a clip of another head that drives it.

    python examples/make_examples.py HEAD_MODEL.npz [--portrait] [--driver]

Both are rendered from a head model (see `portrait-alive heads import`), so nobody's face is in them. The portrait
is `examples/portrait.jpg`; the clip, with sound made from nothing, is `examples/driver.mp4`.
"""

import argparse
import subprocess
import tempfile
import wave
from dataclasses import replace
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from driver_motion import FPS, SECONDS, moments, voice

from portrait_alive.heads.brows import brow_part
from portrait_alive.heads.clothes import clothes_parts
from portrait_alive.heads.frame import Camera, Frame, expression_of
from portrait_alive.heads.hair import HairStyle, hair_parts
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.noise import plane_noise
from portrait_alive.heads.person import Eyes, Look, dressed, random_look
from portrait_alive.heads.regions import Regions, find_regions
from portrait_alive.heads.render import render
from portrait_alive.heads.skin import Complexion
from portrait_alive.heads.surroundings import Light
from portrait_alive.types import Bytes, Float

HERE = Path(__file__).parent
PORTRAIT_SEED = 14
DRIVER_SEED = 23


def lamp(azimuth: float, height: float, colour: tuple[float, float, float]) -> Float:
    """(6,) a lamp seen `azimuth` radians to the right of the viewer and `height` above."""
    direction = (np.sin(azimuth) * np.cos(height), -np.sin(height), -np.cos(azimuth) * np.cos(height))
    return np.array([*direction, *colour], np.float32)


def sitter(model: HeadModel, rng: np.random.Generator) -> Look:
    """The painted woman: auburn hair, light from a window at her right, oil on canvas."""
    base = random_look(model, rng)
    tone = np.array([0.70, 0.46, 0.345], np.float32)
    iris = np.array([[0.52, 0.47, 0.42], [0.085, 0.05, 0.022], [0.13, 0.08, 0.03], [0.02, 0.012, 0.008]], np.float32)
    varnish = np.array([[1.02, 0.0, 0.0], [0.0, 0.97, 0.0], [0.0, 0.02, 0.80]])
    return replace(
        base,
        identity=(rng.standard_normal(len(model.identity)) * 0.42).astype(np.float32),
        complexion=Complexion(
            tone=tone, age=0.12, flush=0.5, freckles=0.0, brows=0.42, stubble=0.0,
            lips=np.array([0.48, 0.13, 0.11], np.float32), shadow=np.array([0.93, 0.88, 0.86], np.float32),
        ),
        eyes=Eyes(0.60, 0.25, iris),
        hair=HairStyle(
            cut="long", colour=np.array([0.075, 0.030, 0.013], np.float32), rise=0.2, recede=0.0, volume=0.75,
            length=19.0, fringe=0.0, parting=0.1, wave=0.55,
        ),
        headwear="none",
        beard=(False, False, 0.0),
        brows=0.3,
        glasses=False,
        hand=False,
        manner="oil",
        tone=np.concatenate([varnish, np.array([[0.004], [0.003], [0.001]])], 1).astype(np.float32),
        light=Light(
            ambient=np.array(
                [[0.20, 0.19, 0.185], [-0.05, -0.05, -0.05], [-0.05, -0.045, -0.04], [-0.05, -0.05, -0.05]], np.float32
            ),
            lamps=np.stack([lamp(-0.75, 0.5, (1.15, 1.04, 0.89)), lamp(1.1, 0.1, (0.12, 0.12, 0.13))]),
        ),
    )  # fmt: skip


def dusk(height: int, width: int, rng: np.random.Generator) -> Bytes:
    """(height, width, 3) uint8: a dim valley under an evening sky, as painters put behind a bust."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    sky, glow, ground = np.array([58, 74, 78]), np.array([150, 128, 84]), np.array([34, 34, 20])
    horizon = 0.43
    out = glow + (sky - glow) * np.clip((horizon - y) / horizon * 1.15, 0, 1)[..., None] ** 0.8
    out = out + np.clip(plane_noise(height, width, rng, cells=3.0, octaves=6), -0.5, 1.2)[..., None] * 15
    for layer in range(5):
        t = (layer + 1) / 5
        rise = 0.10 * (1 - 0.5 * t) * plane_noise(1, width, rng, cells=2.5 + layer, octaves=6)
        ridge = horizon - 0.02 + 0.085 * layer + rise
        colour = np.array([74, 86, 78]) * (1 - t) + ground * t
        rough = plane_noise(height, width, rng, cells=7.0 + 6 * layer, octaves=6)
        lit = 1 + 0.28 * rough + 0.25 * (1 - t) * np.clip((ridge - y) * 6 + 1, 0, 1)
        inside = np.clip((y - ridge) * height / 5, 0, 1)[..., None]
        out = out * (1 - inside) + colour * lit[..., None] * inside
    shade = 1 - 0.55 * np.clip(np.hypot((x - 0.42) * 1.0, (y - 0.36) * 0.8) * 1.7 - 0.35, 0, 1)
    return np.clip(out * shade[..., None], 0, 255).astype(np.uint8)


def brushed(picture: Bytes, radius: int) -> Bytes:
    """The picture in flat dabs with clean edges (Kuwahara's filter): each pixel takes its calmest quarter's mean."""
    values = picture.astype(np.float32)
    size = (radius + 1, radius + 1)
    best, least = values.copy(), np.full(picture.shape[:2], np.inf, np.float32)
    for ax, ay in ((0, 0), (radius, 0), (0, radius), (radius, radius)):
        mean = cv2.boxFilter(values, -1, size, anchor=(ax, ay))
        spread = (cv2.boxFilter(values * values, -1, size, anchor=(ax, ay)) - mean * mean).sum(2)
        calmer = spread < least
        best[calmer], least[calmer] = mean[calmer], spread[calmer]
    return np.clip(best, 0, 255).astype(np.uint8)


def canvas(picture: Bytes, rng: np.random.Generator) -> Bytes:
    """The picture on woven canvas under old varnish."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    thread = 0.5 * np.sin(x * 2 * np.pi / 3.3) + 0.5 * np.sin(y * 2 * np.pi / 3.3)
    relief = 0.010 * thread + 0.02 * cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), 0.8)
    worn = 0.02 * plane_noise(height, width, rng, cells=6.0, octaves=5)
    edge = 1 - 0.28 * np.clip(np.hypot(x / width - 0.5, y / height - 0.45) * 1.6 - 0.45, 0, 1)
    return np.clip(picture * ((1 + relief + worn) * edge)[..., None], 0, 255).astype(np.uint8)


def paint_portrait(model: HeadModel, regions: Regions, seed: int) -> Bytes:
    """(1200, 900, 3) the portrait."""
    rng = np.random.default_rng(seed)
    look = sitter(model, rng)
    hung = np.random.default_rng(seed + 100)
    head = model.vertices + np.tensordot(look.identity, model.identity, 1).astype(np.float32)
    brows = brow_part(model, regions, head, look.hair.colour, hung, density=look.brows)
    garments, neckline = clothes_parts(
        hung,
        colour=np.array([0.012, 0.032, 0.026], np.float32),
        depth=4.6,
        trim=np.array([0.30, 0.19, 0.06], np.float32),
        has_collar=False,
    )
    parts = [*hair_parts(model, regions, head, look.hair, hung), *([brows] if brows else []), *garments]
    person = dressed(model, regions, look, hung, parts=(parts, neckline), texture_size=768)
    names = model.expression_names
    frame = Frame(
        expression=expression_of(
            names, {"mouthSmile": 0.16, "mouthDimple": 0.12, "cheekSquint": 0.1, "eyeSquint": 0.12}
        ),
        gaze=(-0.20, 0.02),
        yaw=0.30,
        pitch=0.0,
        roll=-0.04,
        body_yaw=0.48,
        camera=Camera(unit=0.0158, distance=150.0, centre=(0.475, 0.37)),
    )
    height, width = 1200, 900
    ground = brushed(dusk(height, width, rng), 7)
    drawn = render(model, person, frame, (height, width), samples=3, background=ground)
    return canvas(brushed(drawn.rgb, 2), rng)


def film_driver(model: HeadModel, regions: Regions, seed: int, size: int = 512) -> list[Bytes]:
    """The driver's frames: an ordinary young man before a plain wall, filmed at 25 frames a second."""
    rng = np.random.default_rng(seed)
    base = random_look(model, rng)
    look = replace(
        base,
        identity=(rng.standard_normal(len(model.identity)) * 0.5).astype(np.float32),
        complexion=replace(
            base.complexion, tone=np.array([0.5, 0.3, 0.21], np.float32), age=0.25, freckles=0.0, stubble=0.6,
            lips=np.array([0.42, 0.18, 0.15], np.float32), shadow=np.ones(3, np.float32),
        ),
        hair=HairStyle(
            cut="short", colour=np.array([0.02, 0.013, 0.009], np.float32), rise=0.0, recede=0.2, volume=0.8,
            length=2.4, fringe=0.25, parting=1.1, wave=0.3,
        ),
        headwear="none", beard=(False, False, 0.0), brows=0.6, glasses=False, hand=False, manner="photograph",
        tone=np.eye(3, 4, dtype=np.float32),
        light=Light(
            ambient=np.array(
                [[0.36, 0.37, 0.39], [0.04, 0.04, 0.04], [-0.1, -0.1, -0.1], [-0.1, -0.1, -0.1]], np.float32
            ),
            lamps=np.stack([lamp(0.6, 0.45, (0.62, 0.58, 0.52)), lamp(-1.2, 0.2, (0.14, 0.15, 0.18))]),
        ),
    )  # fmt: skip
    hung = np.random.default_rng(seed + 1)
    head = model.vertices + np.tensordot(look.identity, model.identity, 1).astype(np.float32)
    brows = brow_part(model, regions, head, look.hair.colour, hung, density=look.brows)
    shirt = np.array([0.035, 0.055, 0.11], np.float32)
    garments, neckline = clothes_parts(hung, colour=shirt, depth=0.6, trim=shirt * 1.3, has_collar=False)
    parts = [*hair_parts(model, regions, head, look.hair, hung), *([brows] if brows else []), *garments]
    person = dressed(model, regions, look, hung, parts=(parts, neckline), texture_size=512)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    wall = np.array([126, 138, 144]) * (1.12 - 0.45 * np.hypot(x - 0.35, y - 0.3))[..., None]
    wall = np.clip(wall, 0, 255).astype(np.uint8)
    camera = Camera(unit=0.0262, distance=85.0, centre=(0.5, 0.45))
    return [
        render(model, person, frame, size, samples=2, background=wall).rgb
        for frame in moments(model.expression_names, camera)
    ]


def write_clip(frames: list[Bytes], sound: Float, rate: int, path: Path) -> None:
    """Encode frames (H, W, 3) and sound (N,) in -1..1 as H.264 and AAC."""
    height, width = frames[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        track = Path(folder) / "voice.wav"
        with wave.open(str(track), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FPS), "-i", "-",
            "-i", str(track), "-c:v", "libx264", "-preset", "slow", "-crf", "28", "-pix_fmt", "yuv420p",
            "-threads", "1", "-c:a", "aac", "-b:a", "48k", "-shortest", "-movflags", "+faststart",
            "-fflags", "+bitexact", str(path),
        ]  # fmt: skip
        subprocess.run(command, input=b"".join(frame.tobytes() for frame in frames), check=True)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="packed head model")
    parser.add_argument("--portrait", action="store_true", help="only the portrait")
    parser.add_argument("--driver", action="store_true", help="only the driver clip")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--seed", type=int, default=PORTRAIT_SEED, help="of the portrait")
    parser.add_argument("--driver-seed", type=int, default=DRIVER_SEED)
    arguments = parser.parse_args()
    both = arguments.portrait == arguments.driver
    model = HeadModel.load(arguments.model)
    regions = find_regions(model)
    if both or arguments.portrait:
        picture = paint_portrait(model, regions, arguments.seed)
        path = arguments.out / "portrait.jpg"
        cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
        print(f"{path}: {picture.shape[1]}x{picture.shape[0]}, {path.stat().st_size // 1000} kB")
    if both or arguments.driver:
        frames = film_driver(model, regions, arguments.driver_seed)
        sound, rate = voice()
        path = arguments.out / "driver.mp4"
        write_clip(frames, sound, rate, path)
        print(f"{path}: {len(frames)} frames, {SECONDS} s, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
