"""A person tuned to their pictures: what is learned from, what decides, how long it goes on, and what is said of it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from portrait_alive.events import Listener, Note, PhaseStarted, Progress
from portrait_alive.neural.repaint import NeuralLayer
from portrait_alive.option_kinds import TuneChoice
from portrait_alive.person.person import Person, SitterPicture
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.tracking.matte import Matter
from portrait_alive.training.tuning.pairs import Pair, pairs_of_one, pairs_of_several, reduced
from portrait_alive.training.tuning.tune import Tuned, TuneSettings, tune

FEWEST_PICTURES = 4
"""From so many on some are held out; fewer leave nothing for that, and self-made pairs decide."""
_HELD_SHARE = 4
"""One of so many of the other pictures is held out."""
_OWN_LEARNED, _OWN_HELD = 6, 2
"""Self-made pairs to learn from, and to decide by."""
_LIGHT_STEPS = 40
_FULL_STEPS, _FULL_STEPS_A_PICTURE = 60, 4
_LIGHT_RATE, _FULL_RATE = 2e-3, 1e-3
_ENDLESS = 1_000_000


def settings_for(choice: TuneChoice, pictures: int, seed: int) -> TuneSettings | None:
    """How far to tune to so many pictures; None for not at all."""
    if choice in ("off", "auto"):
        # measured in docs/person.md: what held-out pictures prefer, the eye and LPIPS do not, where pictures lend
        return None
    if choice == "light":
        return light_settings(pictures, seed)
    steps = _FULL_STEPS + _FULL_STEPS_A_PICTURE * pictures
    full = TuneSettings(steps, _FULL_RATE, is_full=True, seed=seed)
    return replace(full, steps=_ENDLESS, seconds=float(choice)) if isinstance(choice, (int, float)) else full


def light_settings(pictures: int, seed: int) -> TuneSettings:
    """Style layers and output only, for a short while."""
    return TuneSettings(_LIGHT_STEPS + 2 * pictures, _LIGHT_RATE, is_full=False, seed=seed)


def tuned(
    person: Person,
    pictures: Sequence[SitterPicture],
    layer: NeuralLayer,
    fitter: HeadFitter,
    settings: TuneSettings,
    on_event: Listener,
) -> Person:
    """The person with tuned parameters, or as it was where held-out pairs do not prefer them; a note says which.

    Args:
        person: untuned.
        pictures: the canvas first.
        layer: the networks.
        fitter: explains faces.
        settings: how far to go.
        on_event: told of phases, progress and the outcome.
    """
    tries = [settings]
    if settings.is_full and settings.seconds is None:
        # few parameters overfit less, many reach further: which is better differs from sitter to sitter
        tries = [light_settings(len(pictures), settings.seed), settings]
    total = None if settings.seconds else sum(each.steps for each in tries)
    on_event(PhaseStarted("tune", "tuning to the sitter", total, "steps"))
    learning, held, what = _pairs(pictures, fitter, settings.seed)
    if not learning or not held:
        on_event(Note("not-tuned", "the pictures are too unlike the canvas to tune on; the untuned networks are kept"))
        return person
    outcomes: list[Tuned] = []
    for each in tries:

        def count(step: int, before: int = sum(one.steps for one in outcomes)) -> None:
            on_event(Progress("tune", before + step))

        outcomes.append(tune(layer, person.embedding, learning, held, each, count))
    outcome = min(outcomes, key=lambda one: one.after)
    sentence = _said(outcome, what)
    on_event(Note("tuned" if outcome.changes else "not-tuned", sentence))
    return replace(person, changes=outcome.changes, made={**person.made, "tuned": sentence})


def _pairs(pictures: Sequence[SitterPicture], fitter: HeadFitter, seed: int) -> tuple[list[Pair], list[Pair], str]:
    """What to learn from, what decides, and the latter in words."""
    rng, matter = np.random.default_rng([seed, len(pictures)]), Matter.load()
    canvas = reduced(pictures[0])
    others = pairs_of_several(canvas, pictures[1:], fitter, matter) if len(pictures) > 1 else []
    if len(pictures) >= FEWEST_PICTURES:
        order = [int(number) for number in rng.permutation(len(others))]
        count = max(1, len(others) // _HELD_SHARE)
        held, learning = ([others[number] for number in part] for part in (order[:count], order[count:]))
        names = ", ".join(others[number].name for number in sorted(order[:count]))
        return learning, held, f"on held-out pictures ({names})" if count < 4 else f"on {count} held-out pictures"
    own = pairs_of_one(canvas, fitter, matter, rng, _OWN_LEARNED + _OWN_HELD)
    return own[_OWN_HELD:] + others, own[:_OWN_HELD], "on motions that were not learned from"


def _said(outcome: Tuned, what: str) -> str:
    change = f"{outcome.before:.4f} -> {outcome.after:.4f}"
    if outcome.changes:
        return f"tuned in {outcome.best_step} steps: the distance {what} fell, {change}"
    return f"tuning ({outcome.steps} steps) did not help {what} ({change}); the untuned networks are kept"
