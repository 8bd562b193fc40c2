"""Animated GIF: frames are spooled to a lossless file first, since the palette is made from all of them."""

from fractions import Fraction
from pathlib import Path

from portrait_alive.media.encoders import Encoding
from portrait_alive.media.ffmpeg import file_argument, run
from portrait_alive.media.frame_pipe import FramePipe, encoder_failure
from portrait_alive.media.marks import Marks
from portrait_alive.types import Bytes

MAX_RATE = Fraction(50)
"""Viewers slow down frames that are shorter than two hundredths of a second."""

TRAILER = b"\x3b"
XMP_HEAD = b"\x21\xff\x0bXMP DataXMP"
XMP_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
"""Leads a reader who knows nothing of XMP, wherever in the packet it lands, to the block's end (XMP part 3)."""


class GifWriter:
    """A GIF, written frame by frame.

    Args:
        encoding: sizes, rate, alpha (a pixel is transparent below half opacity).
        part: the file to make.
        spool: a scratch file beside it.
        path: final name, for messages.
    """

    def __init__(self, encoding: Encoding, part: Path, spool: Path, path: Path, marks: Marks | None) -> None:
        self._encoding = encoding
        self._part = part
        self._spool = spool
        self._path = path
        self._marks = marks
        self._pipe = FramePipe(
            _spool_arguments(encoding, spool), (*encoding.frame_size, 4 if encoding.alpha else 3), path
        )

    def write(self, frame: Bytes) -> None:
        """Append a frame."""
        self._pipe.write(frame)

    def finish(self) -> None:
        """Make the palette, then the file."""
        self._pipe.finish()
        palette = self._spool.with_suffix(".png")
        alpha = int(self._encoding.alpha)
        reduce = self._reduction()
        spooled = ["-v", "error", "-i", file_argument(self._spool)]
        try:
            make = f"{reduce}palettegen=stats_mode=full:reserve_transparent={alpha}"
            self._run([*spooled, "-vf", make, "-update", "1", "-y", file_argument(palette)])
            # Ordered dither: error diffusion would make the still parts crawl, and the file twice as large.
            use = f"[0:v]{reduce}null[v];[v][1:v]paletteuse=dither=bayer:bayer_scale=4:diff_mode=rectangle"
            target = ["-loop", "0", "-f", "gif", "-y", file_argument(self._part)]
            self._run([*spooled, "-i", file_argument(palette), "-filter_complex", use, *target])
            if self._marks is not None:
                add_marks(self._part, self._marks)
        finally:
            palette.unlink(missing_ok=True)
            self._spool.unlink(missing_ok=True)

    def abort(self) -> None:
        """Stop at once."""
        self._pipe.abort()
        self._spool.unlink(missing_ok=True)

    def _reduction(self) -> str:
        fps, size = self._encoding.fps, self._encoding.size
        rate = f"fps={MAX_RATE}," if fps > MAX_RATE else ""
        scale = f"scale=w={size[1]}:h={size[0]}:flags=lanczos," if size != self._encoding.frame_size else ""
        return rate + scale

    def _run(self, arguments: list[str]) -> None:
        finished = run(arguments)
        if finished.code != 0:
            raise encoder_failure(self._path, finished.messages)


def add_marks(path: Path, marks: Marks) -> None:
    """Append comment and XMP to the finished GIF at `path`, before its trailer."""
    with path.open("r+b") as file:
        file.seek(-1, 2)
        if file.read(1) != TRAILER:
            raise ValueError(f"{path} does not end as a GIF does")
        file.seek(-1, 2)
        file.write(_comment(marks.comment.encode("ascii", "replace")))
        file.write(XMP_HEAD + marks.xmp + XMP_TRAILER + TRAILER)


def _comment(text: bytes) -> bytes:
    blocks = [text[i : i + 255] for i in range(0, len(text), 255)]
    return b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def _spool_arguments(encoding: Encoding, spool: Path) -> list[str]:
    height, width = encoding.frame_size
    codec = (
        ["-c:v", "ffv1", "-pix_fmt", "bgra"]
        if encoding.alpha
        else ["-c:v", "libx264rgb", "-qp", "0", "-preset", "ultrafast"]
    )
    return [
        *("-v", "error", "-f", "rawvideo", "-pixel_format", "rgba" if encoding.alpha else "rgb24"),
        *("-video_size", f"{width}x{height}", "-framerate", f"{encoding.fps.numerator}/{encoding.fps.denominator}"),
        *("-i", "pipe:0", *codec, *(["-threads", str(encoding.threads)] if encoding.threads else [])),
        *("-f", "nut", "-y", file_argument(spool)),
    ]
