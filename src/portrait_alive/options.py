"""Every option of `animate`, declared once: default, kind, range, flag and help.

The library, the command line and the rows of a batch all read this table. Importing it costs nothing heavy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from portrait_alive.errors import UsageError
from portrait_alive.option_kinds import (
    Choice,
    Face,
    FaceChoice,
    File,
    Kind,
    Number,
    Rate,
    Size,
    Switch,
    Text,
    Time,
    Tune,
    TuneChoice,
)

Engine = Literal["warp", "neural"]
Retarget = Literal["relative", "absolute"]
TrackerName = Literal["native", "mediapipe", "face-alignment"]
Look = Literal["driver", "camera", "keep"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]

FACE = "Which face"
MOTION = "Motion"
OUTPUT = "Output"
MARKS = "Marks"
MACHINE = "Machine"
STRENGTH = Number(0, 2, metavar="0..2")


@dataclass(frozen=True)
class OptionSpec:
    """What is known of one option beside its default."""

    kind: Kind
    flag: str
    """Long flag on the command line; a switch whose default is True has the flag that turns it off."""
    help: str
    panel: str
    """Heading in the help."""


def _about(kind: Kind, flag: str, panel: str, text: str) -> Mapping[str, object]:
    """Metadata of a field: its `OptionSpec`."""
    return {"spec": OptionSpec(kind, flag, text, panel)}


@dataclass(frozen=True, kw_only=True)
class AnimateOptions:
    """How a portrait is animated. Lengths in source pixels, times in seconds of the driver.

    Raises:
        UsageError: a value is out of its range.
    """

    face: FaceChoice | None = field(
        default=None,
        metadata=_about(
            Face(),
            "--face",
            FACE,
            "Face of the source to animate: its number from 1, left to right, or its box. Default: the largest.",
        ),
    )
    faces: Literal["one", "all"] = field(
        default="one",
        metadata=_about(Choice(("one", "all")), "--faces", FACE, "Animate one face, or all that are found."),
    )
    landmarks: Path | None = field(
        default=None,
        metadata=_about(
            File(metavar="JSON"),
            "--landmarks",
            FACE,
            "Points of the face set by hand, for faces that no tracker finds.",
        ),
    )
    driver_face: int | None = field(
        default=None,
        metadata=_about(
            Number(1, 99, whole=True, metavar="N"),
            "--driver-face",
            FACE,
            "Person of the driver to follow, from 1, left to right. Default: the larger and longer seen.",
        ),
    )
    tracker: TrackerName = field(
        default="native",
        metadata=_about(
            Choice(("native", "mediapipe", "face-alignment")),
            "--tracker",
            FACE,
            "What finds the landmarks.",
        ),
    )
    retarget: Retarget = field(
        default="relative",
        metadata=_about(
            Choice(("relative", "absolute")),
            "--retarget",
            MOTION,
            "relative: the driver's motion in the portrait's own proportions. absolute: the driver's mesh where it is, "
            "hair and shoulders too, for the same person in the same framing.",
        ),
    )
    pose: float = field(default=1.0, metadata=_about(STRENGTH, "--pose", MOTION, "Strength of head movement."))
    mouth: float = field(default=1.0, metadata=_about(STRENGTH, "--mouth", MOTION, "Strength of mouth and jaw."))
    brows: float = field(default=1.0, metadata=_about(STRENGTH, "--brows", MOTION, "Strength of brows."))
    lids: float = field(default=1.0, metadata=_about(STRENGTH, "--lids", MOTION, "Strength of lids."))
    gaze: float = field(default=1.0, metadata=_about(STRENGTH, "--gaze", MOTION, "Strength of gaze."))
    look: Look = field(
        default="driver",
        metadata=_about(
            Choice(("driver", "camera", "keep")),
            "--look",
            MOTION,
            "Where the eyes look: with the driver, at the viewer, or as in the source.",
        ),
    )
    neutral: float | None = field(
        default=None,
        metadata=_about(Time(), "--neutral", MOTION, "Time at which the driver's face is at rest. Default: found."),
    )
    smooth: float = field(
        default=1.0,
        metadata=_about(STRENGTH, "--smooth", MOTION, "Strength of smoothing; blinks and plosives stay sharp."),
    )
    start: float | None = field(
        default=None, metadata=_about(Time(), "--from", MOTION, "Start of the part of the driver to use.")
    )
    end: float | None = field(
        default=None, metadata=_about(Time(), "--to", MOTION, "End of the part of the driver to use.")
    )
    loop: bool = field(
        default=False, metadata=_about(Switch(), "--loop", MOTION, "Make the last frame meet the first.")
    )
    sound: Path | None = field(
        default=None, metadata=_about(File(), "--sound", MOTION, "Speech that the built-in motion speak follows.")
    )
    fps: Fraction | None = field(
        default=None,
        metadata=_about(
            Rate(),
            "--fps",
            OUTPUT,
            "Frame rate of the output: 25, 29.97, 30000/1001. The motion is resampled. Default: the driver's.",
        ),
    )
    size: tuple[int, int] | None = field(
        default=None,
        metadata=_about(
            Size(),
            "--size",
            OUTPUT,
            "Size of the output. Default: the source's own, for H.264 at most 4096 pixels on the longer side.",
        ),
    )
    crf: int = field(
        default=16,
        metadata=_about(
            Number(0, 51, whole=True, metavar="0..51"),
            "--crf",
            OUTPUT,
            "Quality of H.264 and VP9: less is better.",
        ),
    )
    preset: Preset = field(
        default="medium",
        metadata=_about(
            Choice(("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")),
            "--preset",
            OUTPUT,
            "Speed of the H.264 encoder against the size of the file.",
        ),
    )
    lossless: bool = field(default=False, metadata=_about(Switch(), "--lossless", OUTPUT, "Keep every pixel exactly."))
    compare: bool = field(
        default=False, metadata=_about(Switch(), "--compare", OUTPUT, "Show source, driver and result side by side.")
    )
    overwrite: bool = field(
        default=False, metadata=_about(Switch(), "--overwrite", OUTPUT, "Replace outputs that exist.")
    )
    marks: bool = field(
        default=True,
        metadata=_about(Switch(), "--no-marks", MARKS, "Leave out the marks that say that the file is synthetic."),
    )
    private: bool = field(
        default=False,
        metadata=_about(Switch(), "--private", MARKS, "Leave the hashes of source and driver out of the marks."),
    )
    label: str | None = field(
        default=None, metadata=_about(Text(), "--label", MARKS, "Words drawn visibly into a corner.")
    )
    certificate: Path | None = field(
        default=None,
        metadata=_about(
            File(metavar="PEM"),
            "--certificate",
            MARKS,
            "Certificate chain that signs the output. Default: a self-made one.",
        ),
    )
    certificate_key: Path | None = field(
        default=None, metadata=_about(File(metavar="PEM"), "--certificate-key", MARKS, "Its private key.")
    )
    engine: Engine = field(
        default="warp", metadata=_about(Choice(("warp", "neural")), "--engine", MACHINE, "What makes the frames.")
    )
    tune: TuneChoice = field(
        default="auto",
        metadata=_about(
            Tune(),
            "--tune",
            MACHINE,
            "How far the neural engine is tuned to the sitter; auto: not at all, as docs/person.md measures.",
        ),
    )
    device: DeviceName = field(
        default="auto",
        metadata=_about(Choice(("auto", "cpu", "cuda", "mps")), "--device", MACHINE, "Where the networks run."),
    )
    threads: int | None = field(
        default=None,
        metadata=_about(
            Number(1, 1024, whole=True, metavar="N"),
            "--threads",
            MACHINE,
            "CPU threads. Default: all cores.",
        ),
    )
    seed: int = field(
        default=0,
        metadata=_about(
            Number(0, 2**31 - 1, whole=True, metavar="N"), "--seed", MACHINE, "Seed of whatever is random."
        ),
    )

    def __post_init__(self) -> None:
        for name, spec in specs().items():
            value = getattr(self, name)
            if value is None and default_of(name) is None:
                continue
            try:
                spec.kind.check(value)
            except UsageError as error:
                raise UsageError(f"{spec.flag}: {error}") from None
        if isinstance(self.fps, int):
            object.__setattr__(self, "fps", Fraction(self.fps))
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise UsageError(f"--to {self.end:g} is not after --from {self.start:g}")
        if self.faces == "all" and (self.face is not None or self.landmarks is not None):
            raise UsageError("--faces all and a single face (--face, --landmarks) exclude each other")


def specs() -> dict[str, OptionSpec]:
    """Every option by the name of its field, in the order of declaration."""
    return {each.name: each.metadata["spec"] for each in fields(AnimateOptions)}


def default_of(name: str) -> object:
    """The default of the option `name`."""
    return next(each.default for each in fields(AnimateOptions) if each.name == name)


def parse_option(name: str, text: str) -> Any:
    """The value of option `name` that `text` stands for.

    Raises:
        UsageError: no such option, or not a value of its kind; the message begins with the flag.
    """
    spec = specs().get(name)
    if spec is None:
        raise UsageError(f"there is no option {name!r}; there are {', '.join(specs())}")
    try:
        return spec.kind.parse(text)
    except UsageError as error:
        raise UsageError(f"{spec.flag}: {error}") from None


def as_plain(options: AnimateOptions) -> Mapping[str, object]:
    """Options that differ from their defaults, as values that JSON can hold: for manifests and marks."""
    changed = {each.name: getattr(options, each.name) for each in fields(options)}
    return {
        name: value if isinstance(value, (bool, int, float)) else _plain(value)
        for name, value in changed.items()
        if value != default_of(name)
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else str(value)
