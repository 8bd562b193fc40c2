"""animate(): a portrait and a driver in, a film out. Calls the stages in their order, and nothing else.

    source -> faces -> driver's motion -> the portrait's own motion -> frames -> output

The driver is tracked in a first pass that keeps low-dimensional tracks only; frames are made in a second, streamed one,
so memory does not grow with the length of the film.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from portrait_alive.comparing import Comparison, driver_frames
from portrait_alive.device import limit_threads, pick_device
from portrait_alive.driving import STILL_FPS, Drive, DriverReader
from portrait_alive.engine import Engine, make_engine
from portrait_alive.errors import OutputError, UsageError
from portrait_alive.events import Listener, Note, PhaseStarted, Progress, ignore
from portrait_alive.film import Film, film_of
from portrait_alive.host import core_count
from portrait_alive.media.atomic import check_writable
from portrait_alive.media.encoders import carries_alpha, kind_of_output
from portrait_alive.media.marks import make_marks
from portrait_alive.media.outputs import Output, OutputOptions, check_output, default_output_name, open_output
from portrait_alive.media.stills import read_picture
from portrait_alive.media.streams import check_plain_file
from portrait_alive.motion.tracks import Motion
from portrait_alive.options import AnimateOptions
from portrait_alive.person.enrolling import BATCH_ADVICE, canvas_first, enrolled, looked_at, up_to_date
from portrait_alive.person.file import load_person
from portrait_alive.person.lent import Lent
from portrait_alive.person.person import SitterPicture
from portrait_alive.person.tuning import settings_for
from portrait_alive.rendering import in_order
from portrait_alive.shape.basis import load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.signing import credentials_of
from portrait_alive.source_faces import Sitter, find_sitters, limits
from portrait_alive.stopwatch import Stopwatch
from portrait_alive.tracking.by_hand import read_landmarks
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.tracker import Tracker, load_tracker
from portrait_alive.types import Bytes, Picture, SourceFace
from portrait_alive.weights import SHAPE_BASIS, weight_path

PathLike = str | Path


@dataclass(frozen=True)
class AnimateResult:
    """What `animate` made."""

    path: Path
    size: tuple[int, int]
    """(height, width) as written."""
    fps: Fraction
    frames: int
    has_sound: bool
    seconds: Mapping[str, float]
    """How long each phase took."""
    notes: tuple[Note, ...]
    """What limits the result; what was scaled, bridged or left out."""

    def summary(self) -> dict[str, object]:
        """The same as plain values, for `--json` and manifests."""
        return {
            "path": str(self.path),
            "width": self.size[1],
            "height": self.size[0],
            "fps": str(self.fps),
            "frames": self.frames,
            "has_sound": self.has_sound,
            "seconds": {phase: round(seconds, 3) for phase, seconds in self.seconds.items()},
            "notes": [{"code": note.code, "message": note.message} for note in self.notes],
        }


def animate(
    source: PathLike | Sequence[PathLike] = (),
    *,
    driver: PathLike | Mapping[int, PathLike] | None = None,
    motion: str | None = None,
    output: PathLike | None = None,
    options: AnimateOptions | None = None,
    canvas: str | None = None,
    person: PathLike | None = None,
    tracked: Path | None = None,
    on_event: Listener = ignore,
    on_frame: Callable[[int, Bytes], None] | None = None,
) -> AnimateResult:
    """Animate a portrait with the motion of a driver; the film is complete on return.

    Args:
        source: the portrait, or 1 to 32 pictures of one sitter: the first is animated, the others lend to it.
        driver: a clip, a still or a motion file; or one for each face by its number, from 1, left to right.
        motion: instead of a driver, the name of a built-in motion.
        output: the suffix chooses the kind; a final slash a folder of PNGs. None: SOURCE-DRIVER.mp4, here.
        options: everything else.
        canvas: which of several sources is animated, by its number from 1 or its path. None: the first.
        person: instead of sources, a person file; where it was tuned, the engine is the neural one.
        tracked: motion file that was made before from this driver with these options.
        on_event: told of phases, progress and notes.
        on_frame: shown every frame with its number, from 0; it is valid during the call only.

    Raises:
        PortraitAliveError: whatever is wrong with the input, the options or the output; see `errors`.
    """
    options = options or AnimateOptions()
    watch = Stopwatch(on_event)
    given = [Path(source)] if isinstance(source, (str, Path)) else [Path(one) for one in source]
    if person is not None:
        given = _instead_of_sources(Path(person), given, canvas, driver, options)
    sources = canvas_first(given, canvas)
    path = sources[0]
    drivers = {number: Path(each) for number, each in driver.items()} if isinstance(driver, Mapping) else driver
    name = output or _default_name(path, drivers, motion)
    _check(name, drivers, motion, options)
    _check_sources(sources, drivers, options)
    _check_inputs_stay(Path(name), sources, drivers, options)
    limit_threads(options.threads)

    watch.listen(PhaseStarted("read", "reading the source"))
    stored = None if person is None else load_person(path)
    if stored is not None and stored.person.changes:
        options = replace(options, engine="neural")
    picture = read_picture(path) if stored is None else stored.canvas
    with_alpha = picture.alpha is not None and carries_alpha(name, lossless=options.lossless) and not options.compare
    how = _output_options(options, with_alpha=with_alpha)
    check_output(name, size=picture.size, fps=options.fps or STILL_FPS, options=how, overwrite=options.overwrite)
    if picture.alpha is not None and not with_alpha:
        watch.listen(Note("output", f"the transparency of {path.name} is left out: {_why_opaque(name, options)}"))
    fitter, tracker = _tools(options)
    basis = fitter.basis
    if stored is None:
        sitters = _sitters(picture, tracker, fitter, drivers, options)
    else:
        sitters = [Sitter(1, source_face(stored.landmarks, fitter))]
    device = pick_device(options.device)
    matter = Matter.load(device)
    asked = tracker() if stored is None and options.landmarks is None else None
    for note in (note for sitter in sitters for note in limits(sitter, picture, matter, asked)):
        watch.listen(note)

    with TemporaryDirectory(prefix="portrait-alive-") as scratch:
        reader = DriverReader(tracker, fitter, options, Path(scratch), watch.listen)
        drives = _drives(sitters, drivers, motion, tracked, reader)
        faces = [sitter.face for sitter in sitters]
        canvas_face, learned = SitterPicture(picture, faces[0]), None
        lent: Lent | None = None
        if stored is not None:
            lent = stored.person.lent
            if options.engine == "neural":
                learned = up_to_date(stored.person, canvas_face, options, watch.listen)
        elif len(sources) > 1 or _is_tuned(options, faces):
            sitting = looked_at(canvas_face, sources[1:], tracker, fitter, watch.listen)
            lent = sitting.lent
            if options.engine == "neural":
                learned = enrolled(sitting, fitter, options, watch.listen)
        film = film_of(picture, faces, drives, basis, options, matter=matter, on_event=watch.listen)

        watch.listen(PhaseStarted("take-apart", "taking the picture apart"))
        rooms = [part.room for part in film.parts]
        engine = make_engine(
            options.engine,
            picture,
            faces,
            basis,
            with_alpha=with_alpha,
            rooms=rooms,
            device=device,
            matter=matter,
            person=learned,
            lent=lent,
        )

        comparison = Comparison.of(picture, drives[0]) if options.compare else None
        size = picture.size if comparison is None else comparison.size
        marks = make_marks(sources, drives[0].path, private=options.private) if options.marks else None
        how = replace(how, sound=drives[0].sound, marks=marks, credentials=credentials_of(options))
        moving = engine.moving if comparison is None else None
        with open_output(
            name, size=size, fps=film.fps, options=how, overwrite=options.overwrite, moving=moving
        ) as writer:
            known = writer.notes
            for sentence in known:
                watch.listen(Note("output", sentence))
            _write(writer, _frames(engine, film, options), comparison, film, drives[0], options, watch, on_frame)
            watch.listen(PhaseStarted("finish", "finishing the file"))
    report = writer.report
    for sentence in report.notes[len(known) :]:
        watch.listen(Note("output", sentence))
    return AnimateResult(
        report.path, report.size, report.fps, report.frame_count, report.has_sound, watch.seconds(), watch.notes()
    )


def track(driver: PathLike, *, options: AnimateOptions | None = None, on_event: Listener = ignore) -> Motion:
    """The motion of a clip or still, as a motion file keeps it: raw, with its neutral found.

    Args:
        driver: a clip or a still.
        options: tracker, person (`driver_face`) and part (`start`, `end`) count.
        on_event: told of phases, progress and notes.

    Raises:
        NoFaceError: nobody is seen in it.
        UnreadableInputError: it cannot be read.
    """
    options = options or AnimateOptions()
    limit_threads(options.threads)
    fitter, tracker = _tools(options)
    return DriverReader(tracker, fitter, options, Path(), on_event).motion_of(Path(driver))


def _tools(options: AnimateOptions) -> tuple[HeadFitter, Callable[[], Tracker]]:
    """What explains heads, and what gives the tracker: loaded when a face has to be found, and then kept."""
    fitter = HeadFitter.of(load_basis(weight_path(SHAPE_BASIS)))
    return fitter, cache(lambda: load_tracker(options.tracker, device=str(pick_device(options.device))))


def _instead_of_sources(
    person: Path,
    sources: Sequence[Path],
    canvas: str | None,
    driver: PathLike | Mapping[int, PathLike] | None,
    options: AnimateOptions,
) -> list[Path]:
    """The person file as the one source."""
    if sources or canvas is not None:
        raise UsageError("--person brings its own pictures: leave SOURCE and --canvas out")
    if options.faces == "all" or options.face is not None or options.landmarks is not None:
        raise UsageError("--person knows its face: leave --face, --faces and --landmarks out")
    if isinstance(driver, Mapping):
        raise UsageError("--person has one face: leave N= out of --driver N=CLIP")
    return [person]


def _is_tuned(options: AnimateOptions, faces: Sequence[SourceFace]) -> bool:
    """Whether one picture is to be tuned on."""
    is_asked_for = settings_for(options.tune, 1, options.seed) is not None
    return options.engine == "neural" and len(faces) == 1 and is_asked_for


def _check_sources(
    sources: Sequence[Path], driver: PathLike | Mapping[int, Path] | None, options: AnimateOptions
) -> None:
    """Refuse several sources where only one can be used."""
    if len(sources) == 1:
        return
    if options.faces == "all" or isinstance(driver, Mapping):
        raise UsageError(
            f"{len(sources)} sources are pictures of one sitter: leave --faces all and --driver N=CLIP out; "
            f"{BATCH_ADVICE}"
        )


def _check_inputs_stay(
    output: Path, sources: Sequence[Path], driver: PathLike | Mapping[int, Path] | None, options: AnimateOptions
) -> None:
    """Refuse to replace what the film is made from, whatever may be overwritten."""
    inputs = [*sources, *_paths(driver), *(path for path in (options.sound, options.landmarks) if path is not None)]
    for path in inputs:
        if output.exists() and path.exists() and (output.samefile(path) or output.samefile(path.parent)):
            raise OutputError(f"{output} would replace {path}, which is needed; choose another name with -o")


def _paths(driver: PathLike | Mapping[int, Path] | None) -> list[Path]:
    if isinstance(driver, Mapping):
        return list(driver.values())
    return [] if driver is None else [Path(driver)]


def _default_name(source: Path, driver: PathLike | Mapping[int, Path] | None, motion: str | None) -> Path:
    first = driver[min(driver)] if isinstance(driver, Mapping) else driver
    return default_output_name(source, first or motion or "alive")


def _check(
    name: PathLike, driver: PathLike | Mapping[int, Path] | None, motion: str | None, options: AnimateOptions
) -> None:
    """Refuse before any work what cannot end well."""
    if driver is None and motion is None:
        raise UsageError("no driver; say --driver CLIP, or --motion NAME (`portrait-alive motions` lists the names)")
    if driver is not None and motion is not None:
        raise UsageError("--driver and --motion exclude each other")
    if isinstance(driver, Mapping) and (options.face is not None or options.landmarks is not None):
        raise UsageError("--driver N=CLIP already says which faces move; leave --face and --landmarks out")
    if driver is not None and options.sound is not None:
        raise UsageError("--sound is what --motion speak says; a --driver brings its own")
    if options.compare and options.loop:
        raise UsageError("--compare and --loop exclude each other: the driver's frames do not loop")
    for path in _paths(driver):
        check_plain_file(path)
    kind_of_output(name)
    check_writable(Path(name), overwrite=options.overwrite)


def _sitters(
    picture: Picture,
    tracker: Callable[[], Tracker],
    fitter: HeadFitter,
    driver: PathLike | Mapping[int, Path] | None,
    options: AnimateOptions,
) -> list[Sitter]:
    if options.landmarks is not None:
        by_hand = read_landmarks(options.landmarks, fitter.basis)
        return [Sitter(1, source_face(by_hand, fitter))]
    if not isinstance(driver, Mapping):
        return find_sitters(picture, tracker(), fitter, face=options.face, everyone=options.faces == "all")
    chosen = [find_sitters(picture, tracker(), fitter, face=number, everyone=False) for number in sorted(driver)]
    return [sitter for sitters in chosen for sitter in sitters]


def _drives(
    sitters: Sequence[Sitter],
    driver: PathLike | Mapping[int, Path] | None,
    motion: str | None,
    tracked: Path | None,
    reader: DriverReader,
) -> list[Drive]:
    """A drive for each sitter; a driver that several share is read once."""
    if motion is not None:
        return [reader.of_builtin(motion)] * len(sitters)
    if isinstance(driver, Mapping):
        read = {path: reader.of_file(path) for path in dict.fromkeys(driver.values())}
        return [read[driver[sitter.number]] for sitter in sitters]
    assert driver is not None
    return [reader.of_file(Path(driver), tracked=tracked)] * len(sitters)


def _why_opaque(name: PathLike, options: AnimateOptions) -> str:
    if options.compare:
        return "--compare shows none"
    lossless = "lossless " if options.lossless else ""
    return f"{lossless}{kind_of_output(name)} holds none, but .mov, .webp and .png do"


def _output_options(options: AnimateOptions, *, with_alpha: bool) -> OutputOptions:
    """How the output is encoded; sound and marks come with the driver."""
    return OutputOptions(
        crf=options.crf,
        preset=options.preset,
        lossless=options.lossless,
        size=options.size,
        threads=options.threads or 0,
        alpha=with_alpha,
        label=options.label,
    )


def _frames(engine: Engine, film: Film, options: AnimateOptions) -> Generator[Bytes, None, None]:
    """The film's frames in order, rendered ahead by threads; each is valid until the next."""
    film.faces_at(0)  # computes what all frames share, once, before several threads ask for it
    threads = options.threads or core_count()
    render = in_order(lambda frame: engine.render(film.faces_at(frame)), range(film.frame_count), threads=threads)
    with closing(render) as rendered:
        for regions in rendered:
            yield engine.compose(regions)


def _write(
    writer: Output,
    frames: Generator[Bytes, None, None],
    comparison: Comparison | None,
    film: Film,
    drive: Drive,
    options: AnimateOptions,
    watch: Stopwatch,
    on_frame: Callable[[int, Bytes], None] | None,
) -> None:
    watch.listen(PhaseStarted("render", "rendering", film.frame_count))
    with ExitStack() as stack:
        stack.enter_context(closing(frames))
        shown: Iterator[Bytes] | None = None
        if comparison is not None and drive.clip is not None:
            height = comparison.sheet.shape[0]
            shown = stack.enter_context(closing(driver_frames(drive, film, height, options.start, options.end)))
        for number, frame in enumerate(frames):
            if comparison is not None:
                frame = comparison.join(frame, None if shown is None else next(shown))
            writer.write(frame)
            if on_frame is not None:
                on_frame(number, frame)
            watch.listen(Progress("render", number + 1))
