"""Names of a batch's outputs: the sources' tree and names, longer only where two would be the same."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from portrait_alive.batch.rows import Driver
from portrait_alive.batch.sources import Found


@dataclass(frozen=True)
class Pair:
    """A source and a driver that are to become an output."""

    source: Found
    driver: Driver


def name_outputs(pairs: Sequence[Pair], suffix: str, *, with_driver: bool) -> list[str]:
    """A relative path, with forward slashes, for each pair; all different, on file systems that ignore case too.

    `x.jpg` becomes `x.mp4` (`x-me.mp4` where sources meet several drivers). Where two would be the same, the source
    keeps its extension (`x.jpg.mp4`), then the driver its own, then the folder's name comes in front; what still
    collides is numbered.

    Args:
        pairs: in the order of the plan.
        suffix: of the outputs: ".mp4".
        with_driver: name the driver in every output.
    """
    styles = _styles(with_driver)
    level = [0] * len(pairs)
    while True:
        names = [styles[at](pair) + suffix for pair, at in zip(pairs, level, strict=True)]
        count = Counter(name.casefold() for name in names)
        clashing = [i for i, name in enumerate(names) if count[name.casefold()] > 1 and level[i] + 1 < len(styles)]
        if not clashing:
            return _numbered(names, suffix)
        for i in clashing:
            level[i] += 1


def _styles(with_driver: bool) -> tuple[Callable[[Pair], str], ...]:
    def tail(pair: Pair, full: bool) -> str:
        if not with_driver:
            return ""
        return f"-{PurePath(pair.driver.name).name if full else pair.driver.stem}"

    return (
        lambda pair: pair.source.place.with_suffix("").as_posix() + tail(pair, False),
        lambda pair: pair.source.place.as_posix() + tail(pair, False),
        lambda pair: pair.source.place.as_posix() + tail(pair, True),
        lambda pair: (PurePath(pair.source.root) / pair.source.place).as_posix() + tail(pair, True),
    )


def _numbered(names: Sequence[str], suffix: str) -> list[str]:
    taken: set[str] = set()
    unique = []
    for name in names:
        number, candidate = 2, name
        while candidate.casefold() in taken:
            candidate = f"{name.removesuffix(suffix)}-{number}{suffix}"
            number += 1
        taken.add(candidate.casefold())
        unique.append(candidate)
    return unique
