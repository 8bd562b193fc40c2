"""The kinds of value an option can have: how each is written on the command line, and what it may be.

A kind parses text (`parse`), judges values that a program passed (`check`) and says how it is written (`metavar`).
Every failure is a `UsageError` whose message ends the sentence "--option: ...".
"""

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from portrait_alive.errors import UsageError

FaceChoice = int | tuple[float, float, float, float]
"""A face: its number from 1, left to right, or (x, y, width, height) in picture pixels."""


class Kind(Protocol):
    """How one sort of option value is written, read and judged."""

    @property
    def metavar(self) -> str:
        """What help shows in place of the value."""

    def parse(self, text: str) -> object:
        """The value that `text` stands for; raises `UsageError`."""

    def check(self, value: object) -> None:
        """Raise `UsageError` where `value` is not one of this kind."""


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def metavar(self) -> str:
        return "|".join(self.words)

    def parse(self, text: str) -> object:
        self.check(text)
        return text

    def check(self, value: object) -> None:
        if value not in self.words:
            raise UsageError(f"{value!r} is not one of {', '.join(self.words)}")


@dataclass(frozen=True)
class Number:
    """A number in [low, high]; whole numbers only where `whole`."""

    low: float
    high: float
    whole: bool = False
    metavar: str = "NUMBER"

    def parse(self, text: str) -> object:
        try:
            value: float = int(text) if self.whole else float(text)
        except ValueError:
            raise UsageError(f"{text!r} is not a {'whole ' if self.whole else ''}number") from None
        self.check(value)
        return value

    def check(self, value: object) -> None:
        is_number = isinstance(value, int if self.whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not self.low <= value <= self.high:  # type: ignore[operator]
            raise UsageError(f"{value!r} is not in {self.low:g}..{self.high:g}")


@dataclass(frozen=True)
class Rate:
    """Frames per second as an exact fraction; 23.976, 29.97, 59.94 and 119.88 mean N * 1000/1001."""

    metavar: str = "FPS"

    def parse(self, text: str) -> object:
        try:
            value = Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise UsageError(f"{text!r} is not a frame rate; write 25, 29.97 or 30000/1001") from None
        self.check(value)
        return exact_rate(value)

    def check(self, value: object) -> None:
        if isinstance(value, float):
            raise UsageError(f"{value!r} is rounded; rates are exact: Fraction(30000, 1001), say, for 29.97")
        if not isinstance(value, (int, Fraction)) or not 1 <= value <= 240:
            raise UsageError(f"{value!s} is not in 1..240 frames a second")


def exact_rate(rate: Fraction) -> Fraction:
    """`rate`, or the N * 1000/1001 that it is a rounded way to write (29.97 and 29.970 are 30000/1001)."""
    exact = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    is_rounded_ntsc = rate.denominator > 1 and abs(rate - exact) < Fraction(1, 200)
    is_half = rate.denominator <= 2
    return exact if is_rounded_ntsc and not is_half else rate


@dataclass(frozen=True)
class Time:
    """A time in seconds from the driver's start: 12.5, 1:02.5 or 0:01:02."""

    metavar: str = "TIME"

    def parse(self, text: str) -> object:
        try:
            parts = [float(part) for part in text.split(":")]
        except ValueError:
            parts = []
        if not 1 <= len(parts) <= 3:
            raise UsageError(f"{text!r} is not a time; write 12.5, 1:02.5 or 0:01:02")
        seconds = 0.0
        for part in parts:
            seconds = seconds * 60 + part
        self.check(seconds)
        return seconds

    def check(self, value: object) -> None:
        if not isinstance(value, (int, float)) or not 0 <= value < 1e7:
            raise UsageError(f"{value!r} is not a time in seconds from the start")


TuneChoice = str | float
"""auto, off, light or full; or so many seconds."""


@dataclass(frozen=True)
class Tune:
    """How far the networks are tuned to a sitter: a word, or seconds."""

    metavar: str = "auto|off|light|full|SECONDS"

    def parse(self, text: str) -> object:
        value: object = text
        with contextlib.suppress(ValueError):
            value = float(text)
        self.check(value)
        return value

    def check(self, value: object) -> None:
        if value in ("auto", "off", "light", "full"):
            return
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 1 <= value <= 86400:
            return
        raise UsageError(f"{value!r} is neither auto, off, light, full nor a time of 1 s or more")


@dataclass(frozen=True)
class Size:
    """A picture size, written WxH, kept as (height, width)."""

    metavar: str = "WxH"

    def parse(self, text: str) -> object:
        width, _, height = text.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise UsageError(f"{text!r} is not a size; write 1920x1080")
        value = int(height), int(width)
        self.check(value)
        return value

    def check(self, value: object) -> None:
        if not isinstance(value, tuple) or len(value) != 2 or not all(16 <= side <= 32768 for side in value):
            raise UsageError("the size is not within 16x16..32768x32768")


@dataclass(frozen=True)
class Face:
    """A face by number, or by box."""

    metavar: str = "N|x,y,w,h"

    def parse(self, text: str) -> object:
        try:
            value: object = int(text) if "," not in text else tuple(float(part) for part in text.split(","))
        except ValueError:
            raise UsageError(f"{text!r} is not a face; write its number (from 1, left to right) or x,y,w,h") from None
        self.check(value)
        return value

    def check(self, value: object) -> None:
        if isinstance(value, int) and value >= 1:
            return
        if isinstance(value, tuple) and len(value) == 4 and value[2] > 0 and value[3] > 0:
            return
        raise UsageError(f"{value!r} is not a face; write its number (from 1, left to right) or x,y,w,h in pixels")


@dataclass(frozen=True)
class File:
    """A path."""

    metavar: str = "FILE"

    def parse(self, text: str) -> object:
        return Path(text)

    def check(self, value: object) -> None:
        if not isinstance(value, Path):
            raise UsageError(f"{value!r} is not a path")


@dataclass(frozen=True)
class Text:
    """Any words."""

    metavar: str = "TEXT"

    def parse(self, text: str) -> object:
        self.check(text)
        return text

    def check(self, value: object) -> None:
        if not isinstance(value, str) or not value.strip():
            raise UsageError("the text is empty")


@dataclass(frozen=True)
class Switch:
    """On or off: a flag on the command line; in tables yes/no, true/false, 1/0, on/off."""

    metavar: str = ""

    def parse(self, text: str) -> object:
        word = text.strip().lower()
        if word in ("yes", "true", "1", "on"):
            return True
        if word in ("no", "false", "0", "off"):
            return False
        raise UsageError(f"{text!r} is neither yes nor no")

    def check(self, value: object) -> None:
        if not isinstance(value, bool):
            raise UsageError(f"{value!r} is neither True nor False")
