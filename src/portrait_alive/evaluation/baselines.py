"""Methods that every table holds for comparison: the worst that is honest, and the best that a codec allows."""

import subprocess
from collections.abc import Sequence

import numpy as np

from portrait_alive.errors import PortraitAliveError
from portrait_alive.types import Bytes


def still_source(sources: Sequence[Bytes], driving: Sequence[Bytes]) -> list[Bytes]:
    """The canvas, unmoved, once for each driving frame."""
    return [sources[0]] * len(driving)


class TruthReencoded:
    """The truth itself, through x264: what remains of a perfect output after encoding."""

    def __init__(self, crf: int = 18) -> None:
        """Choose x264's constant rate factor."""
        self.crf = crf

    def __call__(self, sources: Sequence[Bytes], driving: Sequence[Bytes]) -> list[Bytes]:
        """The driving frames, encoded (preset medium, yuv420p) and decoded; odd sides are padded for the encoder.

        Raises:
            PortraitAliveError: ffmpeg fails.
        """
        height, width = driving[0].shape[:2]
        even = "pad=ceil(iw/2)*2:ceil(ih/2)*2:0:0"
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
        accurate = ["-sws_flags", "accurate_rnd+full_chroma_int"]
        x264 = ["-c:v", "libx264", "-preset", "medium", "-crf", str(self.crf), "-pix_fmt", "yuv420p", "-threads", "1"]
        encoded = _ffmpeg(
            [
                *(*raw, "-s", f"{width}x{height}", "-r", "25", "-i", "pipe:0"),
                *("-vf", even, *accurate, *x264, "-f", "matroska", "pipe:1"),
            ],
            b"".join(frame.tobytes() for frame in driving),
        )
        cropped = f"format=rgb24,crop={width}:{height}:0:0"  # in RGB first: chroma cannot be cut at an odd place
        decoded = _ffmpeg(["-i", "pipe:0", "-vf", cropped, *accurate, *raw, "pipe:1"], encoded)
        return list(np.frombuffer(decoded, np.uint8).reshape(len(driving), height, width, 3))


def _ffmpeg(arguments: list[str], data: bytes) -> bytes:
    from imageio_ffmpeg import get_ffmpeg_exe

    done = subprocess.run([get_ffmpeg_exe(), "-v", "error", *arguments], input=data, capture_output=True, check=False)
    if done.returncode:
        raise PortraitAliveError(f"ffmpeg failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
