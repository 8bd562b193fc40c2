"""Measures phases, and collects what was said, on the way to the listener."""

import time

from portrait_alive.events import Event, Listener, Note, PhaseStarted


class Stopwatch:
    """A listener that passes everything on, and remembers how long each phase took and every note."""

    def __init__(self, on_event: Listener) -> None:
        self._on_event = on_event
        self._seconds: dict[str, float] = {}
        self._notes: list[Note] = []
        self._phase = "start"
        self._since = time.monotonic()

    def listen(self, event: Event) -> None:
        """Note an event, and pass it on."""
        if isinstance(event, PhaseStarted):
            self._count()
            self._phase = event.phase
        elif isinstance(event, Note):
            self._notes.append(event)
        self._on_event(event)

    def seconds(self) -> dict[str, float]:
        """Seconds by phase, the present one up to now."""
        self._count()
        return dict(self._seconds)

    def notes(self) -> tuple[Note, ...]:
        """Everything that was noted."""
        return tuple(self._notes)

    def _count(self) -> None:
        now = time.monotonic()
        self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + now - self._since
        self._since = now
