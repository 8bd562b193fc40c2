"""What a meta-training run is told, read from a TOML file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from portrait_alive.errors import UnreadableInputError, UsageError
from portrait_alive.nets.discriminator import DiscriminatorConfig
from portrait_alive.nets.embedder import EmbedderConfig
from portrait_alive.nets.generator import GeneratorConfig

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class DataConfig:
    """Where episodes come from. Paths are relative to the configuration's folder."""

    episodes: tuple[Path, ...]
    """Folders made by `training.meta.head_episodes` or `training.meta.clip_episodes`."""
    held_out: Path | None = None
    """A folder of people that are only looked at: the curve's held-out column and the sample sheets."""
    shots: int = 4
    """At most so many sources an episode, 1 to 8; their number is drawn anew each time."""
    patch: int = 96
    """Side of the square that is cut from a view, a multiple of 16; at most the view's."""


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms; 0 leaves one out."""

    pixels: float = 4.0
    pyramid: float = 4.0
    perceptual: float = 1.0
    flow: float = 0.02
    harm: float = 1.0
    """Of changes that lead away from the truth; see `losses.harm`."""
    adversarial: float = 0.02
    features: float = 0.5
    """Of feature matching, Lfm of the paper."""
    adversarial_from: float = 0.6
    """Share of the run after which the discriminator joins; 1 leaves it out."""
    perceptual_features: Path | None = None
    """SqueezeNet 1.1's state dict; without it the perceptual term is left out."""
    perceptual_heads: Path | None = None
    """LPIPS v0.1's linear heads for it."""
    perceptual_near: float = 0.5
    """Share of steps in which LPIPS looks at the middle of the patches at twice their size."""


@dataclass(frozen=True)
class RunConfig:
    """Length, pace and bookkeeping."""

    out: Path
    """Folder of the run: checkpoint, curve, sheets, exported weights."""
    steps: int = 10_000
    batch: int = 16
    """Episodes a step, of each process."""
    rate: float = 4e-4
    discriminator_rate: float = 2e-4
    average: float = 0.999
    """Decay of the moving average of the weights."""
    seed: int = 0
    threads: int = 1
    precision: Precision = "auto"
    """Of the networks' convolutions; auto times both as the run begins. Losses are always in float32."""
    minutes: float | None = None
    """End after this long at the latest, what was before a kill counted in; the rate has fallen by then. Such a run
    cannot be repeated exactly."""
    checkpoint_steps: int = 200
    sheet_steps: int = 400


@dataclass(frozen=True)
class MetaTrainConfig:
    """A whole run."""

    data: DataConfig
    run: RunConfig
    loss: LossConfig = LossConfig()
    embedder: EmbedderConfig = field(default_factory=EmbedderConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)


def read_config(path: Path) -> MetaTrainConfig:
    """The run that a TOML file describes; see `configs/meta_train.toml`.

    Raises:
        UnreadableInputError: it cannot be read, or is no TOML.
        UsageError: a name in it is unknown, a value of the wrong kind, or a needed one missing.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnreadableInputError(f"{path}: not a readable TOML file ({error})") from error
    parts: dict[str, Any] = {}
    kinds = get_type_hints(MetaTrainConfig)
    for name, values in tables.items():
        if name not in kinds or not isinstance(values, Mapping):
            raise UsageError(f"{path}: [{name}] is no table of a run; choose from {', '.join(kinds)}")
        parts[name] = _filled(kinds[name], values, path, name)
    for needed in ("data", "run"):
        if needed not in parts:
            raise UsageError(f"{path}: the table [{needed}] is missing")
    config = MetaTrainConfig(**parts)
    if config.data.patch < 16 or config.data.patch % 16:
        raise UsageError(f"{path}: [data] patch = {config.data.patch}: must be a multiple of 16")
    return config


def _filled(kind: type, values: Mapping[str, Any], path: Path, table: str) -> Any:
    hints = get_type_hints(kind)
    known = {one.name for one in fields(kind)}
    for name in values:
        if name not in known:
            raise UsageError(f"{path}: [{table}] {name}: unknown; choose from {', '.join(sorted(known))}")
    try:
        return kind(**{name: _value(hints[name], value, path.parent) for name, value in values.items()})
    except TypeError as error:
        raise UsageError(f"{path}: [{table}]: {error}") from error


def _value(hint: object, value: Any, folder: Path) -> Any:
    kind = str(hint)
    if "Path" in kind:
        if isinstance(value, list):
            return tuple(folder / one for one in value)
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is no path")
        return (folder / value,) if "tuple" in kind else folder / value
    if isinstance(value, list):
        return tuple(value)
    if hint is float or kind == "float | None":
        return float(value)
    if hint == Precision and value not in get_args(Precision):
        raise TypeError(f"{value!r} is none of {', '.join(get_args(Precision))}")
    if isinstance(hint, type) and type(value) is not hint:
        raise TypeError(f"{value!r} is not of the kind {hint.__name__}")
    return value
