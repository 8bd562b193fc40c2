"""Find weight files, those that ship with the package and a user's own, and say whether they are intact."""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from portrait_alive.errors import MissingDependencyError

SHAPE_BASIS = "shape_basis.safetensors"
TRACKER = "tracker.safetensors"
DETECTOR = "detector.safetensors"
EYE = "eye.safetensors"
BROW = "brow.safetensors"
MOUTH = "mouth.safetensors"
MATTE = "matte.safetensors"
EMBEDDER = "embedder.safetensors"
GENERATOR = "generator.safetensors"
OWN_WEIGHTS = "PORTRAIT_ALIVE_WEIGHTS"
"""Environment variable: a folder of weights that are used before the shipped ones of the same names."""
LIKENESS = "likeness.safetensors"


def weights_folder() -> Path:
    """The folder of shipped weights: inside an installed package, or `weights/` of a checkout."""
    installed = Path(str(files("portrait_alive"))) / "weights"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "weights"


def weight_path(name: str) -> Path:
    """Path of a weight file: in the user's own folder (`OWN_WEIGHTS`) if it is there, among the shipped otherwise.

    Raises:
        MissingDependencyError: the file is not there; says how to get it.
    """
    own = os.environ.get(OWN_WEIGHTS)
    if own and (Path(own) / name).is_file():
        return Path(own) / name
    path = weights_folder() / name
    if not path.is_file() and name in (EMBEDDER, GENERATOR):
        raise MissingDependencyError(
            f"{name}: the neural engine's networks do not ship yet, since none beats the warp so far. "
            f"Use --engine warp, or train them (docs/training.md) and name the run's folder in {OWN_WEIGHTS}"
        )
    if not path.is_file():
        raise MissingDependencyError(
            f"{path}: this weight file is missing; reinstall with: pip install --force-reinstall portrait-alive"
        )
    return path


@dataclass(frozen=True)
class WeightCheck:
    """One shipped weight file against the hash on its card."""

    name: str
    sha256: str
    intact: bool


def check_weights() -> list[WeightCheck]:
    """Every shipped weight file with its hash, compared with the card beside it (`NAME.json`, key `sha256`)."""
    checks = []
    for path in sorted(weights_folder().glob("*.safetensors")):
        digest = sha256_of(path)
        card = path.with_suffix(".json")
        expected = json.loads(card.read_text())["sha256"] if card.is_file() else None
        checks.append(WeightCheck(path.name, digest, digest == expected))
    return checks


@lru_cache(maxsize=64)
def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
