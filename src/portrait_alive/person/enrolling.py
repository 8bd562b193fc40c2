"""From the pictures that a user names to a person."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from portrait_alive.device import pick_device
from portrait_alive.errors import UsageError
from portrait_alive.events import Listener, Note, PhaseStarted, Progress
from portrait_alive.media.stills import read_picture
from portrait_alive.neural.repaint import NeuralLayer
from portrait_alive.options import AnimateOptions
from portrait_alive.person.cache import cache_entry, recalled, remember
from portrait_alive.person.lent import Lent, LentPicture, scene_of, surroundings_of, within_budget
from portrait_alive.person.likeness import Likeness, look_like_strangers, mean_distances
from portrait_alive.person.person import MOST_PICTURES, Person, SitterPicture, has_networks
from portrait_alive.person.tuning import settings_for, tuned
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.source_faces import find_sitters
from portrait_alive.tracking.matte import Matter
from portrait_alive.tracking.tracker import Tracker
from portrait_alive.training.tuning.pairs import head_of
from portrait_alive.warp.behind import MOST_SIDE_PX
from portrait_alive.weights import LIKENESS, weight_path

BATCH_ADVICE = "many portraits are the job of: portrait-alive batch PICTURES... --driver CLIP -o FOLDER"


def canvas_first(sources: Sequence[Path], canvas: str | None) -> tuple[Path, ...]:
    """The sources with the one that is animated in front.

    Args:
        sources: as named by the user.
        canvas: number from 1, or the path of one of them; None for the first.

    Raises:
        UsageError: too many sources, or the canvas is not among them.
    """
    if not sources:
        raise UsageError(
            "no source; name a picture, or a person file with --person; see: portrait-alive animate --help"
        )
    if len(sources) > MOST_PICTURES:
        raise UsageError(
            f"{len(sources)} sources: one sitter is learned from 1 to {MOST_PICTURES} pictures; {BATCH_ADVICE}"
        )
    if canvas is None:
        return tuple(sources)
    if canvas.isdecimal() and 1 <= int(canvas) <= len(sources):
        chosen = int(canvas) - 1
    else:
        named = [number for number, source in enumerate(sources) if source == Path(canvas)]
        if not named:
            names = ", ".join(f"{number} {source.name}" for number, source in enumerate(sources, start=1))
            raise UsageError(f"--canvas {canvas}: not one of the sources; choose a number or a path of: {names}")
        chosen = named[0]
    return (sources[chosen], *sources[:chosen], *sources[chosen + 1 :])


@dataclass(frozen=True, eq=False)
class Sitting:
    """All pictures of a sitter, looked at."""

    pictures: tuple[SitterPicture, ...]
    """The canvas first; large ones cut down to the head."""
    lent: Lent
    """What all but the canvas lend to it."""


def looked_at(
    canvas: SitterPicture,
    others: Sequence[Path],
    tracker: Callable[[], Tracker],
    fitter: HeadFitter,
    on_event: Listener,
) -> Sitting:
    """The canvas and other pictures of the same sitter; unlike faces are reported.

    Raises:
        NoFaceError: in one of the pictures nobody is found.
        UnreadableInputError: one cannot be read.
    """
    on_event(PhaseStarted("enroll", "getting to know the sitter", 1 + len(others), "pictures"))
    if not others:
        on_event(Progress("enroll", 1))
        return Sitting((canvas,), Lent())
    pictures, lent, scenes = [canvas], [], []
    matter = Matter.load()
    for number, path in enumerate(others, start=1):
        on_event(Progress("enroll", number))
        picture = read_picture(path)
        sitter = find_sitters(picture, tracker(), fitter, face=None, everyone=False)[0]
        pictures.append(head_of(SitterPicture(picture, sitter.face)))
        lent.append(LentPicture.of(picture, sitter.face, canvas.face))
        scenes.append(surroundings_of(picture, sitter.face, matter).within(MOST_SIDE_PX))
    on_event(Progress("enroll", len(pictures)))
    likeness = Likeness.load(weight_path(LIKENESS), fitter.basis)
    codes = [likeness.code(each.view[..., :3], each.mesh) for each in pictures]
    if look_like_strangers(codes):
        farthest = pictures[int(mean_distances(codes).argmax())].name
        on_event(
            Note(
                "several-sitters",
                f"the {len(pictures)} pictures hardly look like one sitter (least like the others: {farthest}); "
                f"{BATCH_ADVICE}",
            )
        )
    scene = scene_of(surroundings_of(canvas.picture, canvas.face, matter), scenes)
    return Sitting(tuple(pictures), Lent(within_budget(lent), scene))


def enrolled(sitting: Sitting, fitter: HeadFitter, options: AnimateOptions, on_event: Listener) -> Person:
    """The person of the pictures; without networks, unless they are asked for, the pictures that lend are all of it.

    Raises:
        MissingDependencyError: the networks' weights are asked for (by engine or tuning) and not there.
    """
    if options.engine == "warp" and options.tune in ("auto", "off") and not has_networks():
        return Person.unseen(sitting.pictures).with_lent(sitting.lent)
    person = _learned(sitting.pictures, fitter, options, on_event)
    return person.with_lent(sitting.lent)


def _learned(
    pictures: Sequence[SitterPicture], fitter: HeadFitter, options: AnimateOptions, on_event: Listener
) -> Person:
    settings = settings_for(options.tune, len(pictures), options.seed)
    if settings is None:
        return Person.untuned(pictures, NeuralLayer.load(pick_device(options.device)))
    entry = cache_entry(pictures, str(settings))
    layer = NeuralLayer.load(pick_device(options.device))
    untuned = Person.untuned(pictures, layer)
    before = recalled(entry)
    if before is not None:
        on_event(Note("tuned-before", f"these pictures were learned before: {before.made.get('tuned', 'untuned')}"))
        return replace(untuned, changes=before.changes, made=before.made)
    person = tuned(untuned, pictures, layer, fitter, settings, on_event)
    remember(person, entry)
    return person


def up_to_date(person: Person, canvas: SitterPicture, options: AnimateOptions, on_event: Listener) -> Person:
    """The stored person; where the networks have changed since, seen anew by them, untuned, and that is said."""
    if person.is_current:
        return person
    on_event(
        Note(
            "person-outdated",
            "the person was made with other networks; its pictures were looked at anew, and what was tuned is left "
            "out. Enroll again to tune it",
        )
    )
    return person.seen_anew(canvas, NeuralLayer.load(pick_device(options.device)))
