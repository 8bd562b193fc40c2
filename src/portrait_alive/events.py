"""What a long job says while it works. The command line shows these; a program may listen with `on_event`."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase begins; the one before it has ended."""

    phase: str
    """A short word that does not change between versions: track-source, track-driver, render, ..."""
    title: str
    """The same in words."""
    total: int | None = None
    """How many steps are expected; None where nobody knows."""
    unit: str = "frames"


@dataclass(frozen=True, slots=True)
class Progress:
    """So much of the current phase is done."""

    phase: str
    done: int
    """Steps done since the phase began; never falls."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something the user should know: what limits the result, what was scaled or bridged."""

    code: str
    """A short word that does not change between versions: small-face, three-quarter-view, ..."""
    message: str


Event = PhaseStarted | Progress | Note
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener of those who do not listen."""
