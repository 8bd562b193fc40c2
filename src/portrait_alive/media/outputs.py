"""Results out: one writer for every kind of file, and a name that appears only when the file is complete.

    with open_output("mona-me.mp4", size=(1080, 1920), fps=Fraction(25), options=OutputOptions(sound=sound)) as output:
        for frame in frames:
            output.write(frame)
    print(output.report)

When the block ends normally, the sound is joined, the marks are written, the signature comes last, and the file gets
its name. When it ends by an exception (Ctrl-C included), nothing is left. Memory does not grow with the length.
"""

import contextlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from portrait_alive.errors import MissingDependencyError, OutputError, UnreadableInputError, UsageError
from portrait_alive.media import c2pa
from portrait_alive.media.atomic import check_writable, leftovers, part_name, publish, remove
from portrait_alive.media.certificates import Credentials
from portrait_alive.media.clips import fit_within
from portrait_alive.media.embedding import add_xmp_box
from portrait_alive.media.encoders import (
    ALWAYS_LOSSLESS,
    MAX_SIDE,
    PRESETS,
    Encoding,
    Kind,
    holds_alpha,
    kind_of_output,
    needs_even_sides,
)
from portrait_alive.media.frame_pipe import disk_failure
from portrait_alive.media.label import Label, make_label
from portrait_alive.media.marks import Marks
from portrait_alive.media.png_folder import is_ours
from portrait_alive.media.sinks import Sink, make_sink, marks_as_tags
from portrait_alive.media.sound import SoundTrack, add_sound
from portrait_alive.types import Bytes, Corners

DEFAULT_MAX_SIDE = 4096
"""Longest side of lossy outputs unless a size is asked for: what hardware players decode."""
_STRETCHED = 0.01
"""Difference of width to height from which a wanted size is said to stretch the picture."""


@dataclass(frozen=True)
class OutputOptions:
    """How an output is encoded and what goes with it."""

    crf: int = 16
    """Quality of H.264, 0 (best) to 51; other encoders follow on their own scales."""
    preset: str = "medium"
    """Effort of x264, one of `PRESETS`; other encoders follow as well as they can."""
    lossless: bool = False
    """Every pixel bit for bit; no default limit on the size."""
    size: tuple[int, int] | None = None
    """(height, width) to scale to; None keeps the frames' own, at most `DEFAULT_MAX_SIDE` unless lossless."""
    threads: int = 0
    """Of the encoder; 0 leaves it to ffmpeg."""
    sound: SoundTrack | None = None
    alpha: bool = False
    """Frames are (H, W, 4), alpha straight, 255 opaque."""
    label: str | None = None
    """Text of a visible mark in the lower left corner of every frame."""
    marks: Marks | None = None
    """Machine-readable marks (`make_marks`); None writes none."""
    credentials: Credentials | None = None
    """Signs a C2PA manifest with the marks, where the kind can carry one; None signs nothing."""


@dataclass(frozen=True)
class OutputReport:
    """What was written."""

    path: Path
    size: tuple[int, int]
    """(height, width) as written."""
    fps: Fraction
    frame_count: int
    has_sound: bool
    has_marks: bool
    is_signed: bool
    notes: tuple[str, ...] = field(default=())
    """What differs from what was asked, one sentence each: scaled, padded, sound left out."""


def default_output_name(source: Path, driver: str | Path) -> Path:
    """`monalisa-me.mp4` in the current folder, for monalisa.jpg and me.mp4 (or a built-in motion's name)."""
    return Path(f"{Path(source).stem}-{Path(driver).stem}.mp4")


def open_output(
    name: str | Path,
    *,
    size: tuple[int, int],
    fps: Fraction,
    options: OutputOptions | None = None,
    overwrite: bool = False,
    moving: Corners | None = None,
) -> "Output":
    """A writer for the file or folder `name`; its suffix chooses the kind, a final slash a folder of PNGs.

    Args:
        size: (height, width) of the frames that will be written.
        fps: their constant rate.
        overwrite: an existing file is replaced (when the new one is complete).
        moving: all that may differ between the frames, which makes encoding cheaper; None where everything may.

    Raises:
        OutputError: the name is taken, the folder missing or read-only, the kind unknown or unable to hold this.
        UsageError: options out of range, or that do not fit together.
    """
    options = options or OutputOptions()
    encoding, notes, label = check_output(name, size=size, fps=fps, options=options, overwrite=overwrite)
    return Output(Path(name), encoding, size, options, overwrite, notes, label, moving)


def check_output(
    name: str | Path, *, size: tuple[int, int], fps: Fraction, options: OutputOptions, overwrite: bool
) -> tuple[Encoding, list[str], Label | None]:
    """How the file or folder `name` would be written: encoding, what differs from what was asked, visible label.

    Nothing is written; what cannot end well is refused here, before any work. Arguments and errors as `open_output`.
    """
    path = Path(name)
    kind = kind_of_output(name)
    _check_options(path, kind, options, fps)
    check_writable(path, overwrite=overwrite)
    if kind == "png-folder" and path.is_dir() and any(path.iterdir()) and not is_ours(path):
        raise OutputError(f"{path} holds other files and is not replaced; choose a new folder with -o")
    encoding, notes = plan_encoding(path, kind, size, fps, options)
    return encoding, notes, None if options.label is None else make_label(options.label, size)


class Output:
    """A result being written; a context manager. Made by `open_output`."""

    def __init__(
        self,
        path: Path,
        encoding: Encoding,
        size: tuple[int, int],
        options: OutputOptions,
        overwrite: bool,
        notes: list[str],
        label: Label | None,
        moving: Corners | None,
    ) -> None:
        self._path = path
        self._encoding = encoding
        self._shape = (*size, 4 if encoding.alpha else 3)
        self._options = options
        self._overwrite = overwrite
        self._notes = notes
        self._label = label
        self._moving = moving
        self._count = 0
        self._parts: list[Path] = []
        self._sink: Sink | None = None
        self._report: OutputReport | None = None

    @property
    def report(self) -> OutputReport:
        """What was written; known when the block has ended."""
        if self._report is None:
            raise RuntimeError("the output is not finished yet")
        return self._report

    @property
    def notes(self) -> tuple[str, ...]:
        """What will differ from what was asked (scaled, padded), known from the start."""
        return tuple(self._notes)

    def __enter__(self) -> Self:
        for leftover in leftovers(self._path):  # of a run that was killed
            remove(leftover)
        part, spool = self._new_part(), self._new_part()
        with disk_failure(self._path):
            self._sink = make_sink(self._encoding, part, spool, self._path, self._options.marks, self._moving)
        return self

    def write(self, frame: Bytes) -> None:
        """Append a frame, (H, W, 3) uint8 sRGB or (H, W, 4) with alpha; it is copied and may be reused.

        Raises:
            OutputError: the encoder failed or the disk is full.
            ValueError: the frame's shape is not what was announced.
        """
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"expected a frame of shape {self._shape} uint8, got {frame.shape} {frame.dtype}")
        if self._sink is None:
            raise RuntimeError("write() outside of the output's with block")
        with disk_failure(self._path):
            self._sink.write(frame if self._label is None else self._label.drawn_on(frame))
        self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sink, self._sink = self._sink, None
        assert sink is not None
        try:
            if kind is None:
                self._complete(sink)
        finally:
            with contextlib.suppress(OSError):
                sink.abort()
            for part in self._parts:
                remove(part)

    def _complete(self, sink: Sink) -> None:
        """Sound, marks, signature, name: in this order, since each covers what came before."""
        if self._count == 0:
            raise OutputError(f"{self._path}: not a single frame was made, so there is nothing to write")
        with disk_failure(self._path):
            sink.finish()
            part, has_sound = self._with_sound(self._parts[0])
            if self._options.marks is not None and self._encoding.kind in ("mp4", "mov"):
                add_xmp_box(part, self._options.marks.xmp)
            part, is_signed = self._signed(part)
        publish(part, self._path, overwrite=self._overwrite)
        self._report = OutputReport(
            path=self._path,
            size=self._encoding.size,
            fps=self._encoding.fps,
            frame_count=self._count,
            has_sound=has_sound,
            has_marks=self._options.marks is not None,
            is_signed=is_signed,
            notes=tuple(self._notes),
        )

    def _with_sound(self, part: Path) -> tuple[Path, bool]:
        """The file with its sound joined, where there is one and the kind can hold it."""
        track, kind, marks = self._options.sound, self._encoding.kind, self._options.marks
        if track is None:
            return part, False
        if kind not in ("mp4", "mov", "webm"):
            self._notes.append(f"the sound of {track.path.name} was left out: {kind} holds none")
            return part, False
        joined = self._new_part()
        tags = [] if marks is None else marks_as_tags(self._encoding, marks)
        try:
            duration = self._count / self._encoding.fps
            add_sound(part, track, joined, duration=duration, container=kind, tags=tags)
        except UnreadableInputError as error:
            # The picture took minutes and is good; it is not thrown away for a damaged sound.
            self._notes.append(f"written without sound: {error}")
            return part, False
        return joined, True

    def _signed(self, part: Path) -> tuple[Path, bool]:
        """The file with a signed manifest, where credentials were given and the kind can carry one."""
        kind, marks, credentials = self._encoding.kind, self._options.marks, self._options.credentials
        if marks is None or credentials is None:
            return part, False
        if kind not in c2pa.MIME:
            self._notes.append(f"not signed: C2PA has no place in {kind}")
            return part, False
        signed = self._new_part()
        try:
            c2pa.sign(part, signed, kind, marks, credentials)
        except (OutputError, UnreadableInputError, MissingDependencyError) as error:
            self._notes.append(f"not signed: {error}")  # as with sound: the result itself is good
            return part, False
        return signed, True

    def _new_part(self) -> Path:
        part = part_name(self._path)
        self._parts.append(part)
        return part


def plan_encoding(
    path: Path, kind: Kind, size: tuple[int, int], fps: Fraction, options: OutputOptions
) -> tuple[Encoding, list[str]]:
    """How frames of `size` are encoded under `options`, and what that changes about them, in sentences.

    Raises:
        OutputError: the size is beyond what the kind can hold.
    """
    notes = []
    lossless = options.lossless or kind in ALWAYS_LOSSLESS
    target = options.size or (size if lossless else fit_within(size, DEFAULT_MAX_SIDE))
    if options.size is not None and abs(target[0] * size[1] / (target[1] * size[0]) - 1) > _STRETCHED:
        notes.append(f"stretched: {_wxh(target)} has another shape than the picture ({_wxh(size)})")
    if options.size is None and target != size:
        notes.append(f"scaled from {_wxh(size)} to {_wxh(target)}; --size or --lossless keeps more")
    frame_size = size
    if needs_even_sides(kind, lossless=lossless, alpha=options.alpha):
        even = (target[0] + target[0] % 2, target[1] + target[1] % 2)
        if even != target and target == size:
            frame_size = even
            notes.append(f"edge pixels repeated from {_wxh(target)} to {_wxh(even)}: {kind} needs even sides")
        elif even != target:
            notes.append(f"scaled to {_wxh(even)}, not {_wxh(target)}: {kind} needs even sides")
        target = even
    limit = MAX_SIDE[kind]
    if max(target) > limit:
        raise OutputError(f"{path}: {kind} holds at most {limit} pixels a side, not {_wxh(target)}; give a --size")
    encoding = Encoding(
        kind=kind,
        frame_size=frame_size,
        size=target,
        fps=fps,
        alpha=options.alpha,
        lossless=lossless,
        crf=options.crf,
        preset=options.preset,
        threads=options.threads,
    )
    return encoding, notes


def _check_options(path: Path, kind: Kind, options: OutputOptions, fps: Fraction) -> None:
    if not 0 <= options.crf <= 51:
        raise UsageError(f"--crf {options.crf} is out of range; 0 (best) to 51, 16 looks lossless to most eyes")
    if options.preset not in PRESETS:
        raise UsageError(f"--preset {options.preset} is unknown; use one of {', '.join(PRESETS)}")
    if options.size is not None and min(options.size) < 16:
        raise UsageError(f"--size {_wxh(options.size)} is too small; 16x16 is the least")
    if not 0 < fps <= 1000:
        raise UsageError(f"--fps {float(fps):g} is out of range; above 0 to 1000")
    if options.alpha and not holds_alpha(kind, lossless=options.lossless):
        what = "MP4" if kind == "mp4" else "lossless WebM"
        raise UsageError(f"{path}: {what} cannot hold transparency; use .mov, .webp, .png or a folder (name/)")
    if options.credentials is not None and options.marks is None:
        raise UsageError("a C2PA signature carries the marks, so it cannot go without them; leave out --no-marks")
    if options.credentials is not None:
        c2pa.check_credentials(options.credentials)
    if options.lossless and kind == "gif":
        raise UsageError(f"{path}: GIF has 256 colours and cannot be lossless; use .png, .webp, .mov or .mp4")


def _wxh(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
