"""The sound that a motion file carries: a part of the driver's, encoded small."""

from pathlib import Path
from tempfile import TemporaryDirectory

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.ffmpeg import file_argument, run
from portrait_alive.media.sound import SoundTrack
from portrait_alive.media.streams import SAFE_INPUT, reason

BIT_RATE = "128k"


def sound_bytes(track: SoundTrack, seconds: float) -> bytes:
    """`seconds` of a sound as the content of an M4A file (AAC).

    Raises:
        UnreadableInputError: the sound cannot be decoded.
    """
    with TemporaryDirectory(prefix="portrait-alive-") as folder:
        path = Path(folder) / "sound.m4a"
        finished = run(
            [
                *("-v", "error", *SAFE_INPUT),
                *(["-ss", f"{float(track.start):.6f}"] if track.start else []),
                *("-i", file_argument(track.path), "-map", "0:a:0", "-t", f"{seconds:.6f}"),
                *("-map_metadata", "-1", "-c:a", "aac", "-b:a", BIT_RATE, file_argument(path)),
            ]
        )
        if finished.code != 0 or not path.is_file():
            raise UnreadableInputError(
                f"{track.path}: its sound cannot be read ({reason(finished.messages)}); leave --with-sound out"
            )
        return path.read_bytes()
