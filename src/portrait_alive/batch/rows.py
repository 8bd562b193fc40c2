"""What a batch is made of: rows (one output each), the drivers they share, and the plan that holds them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Literal

from portrait_alive.options import AnimateOptions, as_plain

FRAMES_SUFFIX = "-frames"
"""What names of folders of frames end in."""
MOTION_SUFFIX = ".motion"
UNFINISHED_PREFIX = ".portrait-alive-"
_WITHOUT_INFLUENCE = ("threads", "device", "overwrite")
"""Options that change how a row is made, not what comes out."""


@dataclass(frozen=True)
class Driver:
    """Whose motion a row takes."""

    kind: Literal["clip", "motion-file", "built-in"]
    name: str
    """Path of a clip, still or motion file; name of a built-in motion."""

    @property
    def stem(self) -> str:
        """What output names call it."""
        return self.name if self.kind == "built-in" else Path(self.name).stem

    @property
    def path(self) -> Path | None:
        """The file it is read from; None for built-in motions."""
        return None if self.kind == "built-in" else Path(self.name)


def driver_of_file(path: Path) -> Driver:
    """The driver that a file is: a motion file by its suffix, else a clip or still to be tracked."""
    return Driver("motion-file" if path.suffix.lower() == MOTION_SUFFIX else "clip", str(path))


def driver_of_motion(name: str) -> Driver:
    """The driver that `--motion` names: a built-in motion, or a motion file by its suffix."""
    return driver_of_file(Path(name)) if name.lower().endswith(MOTION_SUFFIX) else Driver("built-in", name)


@dataclass(frozen=True)
class Row:
    """One output of a batch."""

    sources: tuple[Path, ...]
    driver: Driver
    output: Path
    name: str
    """The output's path relative to the batch's folder, with forward slashes: what the row is called."""
    options: AnimateOptions

    @cached_property
    def key(self) -> str:
        """Hash (32 hex digits) of what is asked for: output, driver, options. Not of contents; those are compared."""
        influential = {name: value for name, value in as_plain(self.options).items() if name not in _WITHOUT_INFLUENCE}
        asked = {
            "output": self.name,
            "sources": [source.name for source in self.sources],
            "driver": [self.driver.kind, Path(self.driver.name).name],
            "options": influential,
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def unfinished(self) -> Path:
        """Folder, beside the output, in which the output is made before it gets its name."""
        return self.output.parent / f"{UNFINISHED_PREFIX}{self.key[:16]}"

    @property
    def is_folder(self) -> bool:
        """Whether the output is a folder of frames."""
        return self.name.endswith(FRAMES_SUFFIX) or not PurePath(self.name).suffix

    @property
    def thumbnail_name(self) -> str:
        """File name of its preview."""
        return f"{self.key[:16]}.webp"


@dataclass(frozen=True)
class Shard:
    """The part of a plan that one of several independent runs does: every `count`-th row from `index` (from 1)."""

    index: int = 1
    count: int = 1

    @property
    def suffix(self) -> str:
        """What its files are called after: empty for a whole run."""
        return "" if self.count == 1 else f"-{self.index}-of-{self.count}"


@dataclass(frozen=True)
class Plan:
    """Every row of a batch, in order, and the folder it writes to."""

    folder: Path
    rows: tuple[Row, ...]

    def part(self, shard: Shard) -> "Plan":
        """The rows that `shard` does."""
        return Plan(self.folder, self.rows[shard.index - 1 :: shard.count])

    @property
    def work_folder(self) -> Path:
        """Where locks and tracked drivers live."""
        return self.folder / ".portrait-alive"

    @property
    def log_folder(self) -> Path:
        """Where what workers write to the terminal goes."""
        return self.work_folder / "logs"

    @property
    def thumbnail_folder(self) -> Path:
        """Where the previews of the index live."""
        return self.folder / "index-thumbnails"


@dataclass(frozen=True)
class RowResult:
    """What a job says about the output it made."""

    frames: int
    seconds: float
    warnings: tuple[str, ...] = ()
    weights: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each weight file that was used, by name."""
