"""Small networks in place of the shipped ones, and pictures of a face that the tracker finds."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from portrait_alive.media.stills import read_picture
from portrait_alive.nets.embedder import Embedder, EmbedderConfig
from portrait_alive.nets.generator import Generator, GeneratorConfig
from portrait_alive.training.tracker.loop import save_weights
from portrait_alive.types import Bytes
from portrait_alive.weights import EMBEDDER, GENERATOR

PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.jpg"


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with untrained networks of a few channels."""
    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    embedder = EmbedderConfig(widths=(4, 8, 8, 8), embedding=8)
    generator = GeneratorConfig(widths=(8, 12, 12), embedding=8)
    save_weights(Embedder(embedder).state_dict(), folder / EMBEDDER, "embedder", embedder.as_json())
    save_weights(Generator(generator).state_dict(), folder / GENERATOR, "generator", generator.as_json())
    return folder


@pytest.fixture
def small(networks: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The networks of the package are the small ones."""
    for module in ("neural.repaint", "person.person"):
        monkeypatch.setattr(f"portrait_alive.{module}.weight_path", lambda name: networks / name)
    return networks


@pytest.fixture(scope="session")
def face_pixels() -> Bytes:
    """The example portrait, made small."""
    pixels = read_picture(PORTRAIT).pixels
    factor = 240 / max(pixels.shape)
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


@pytest.fixture
def draw(face_pixels: Bytes, tmp_path: Path) -> Callable[..., Path]:
    """Write the face turned by some degrees and lit anew."""

    def write(name: str, *, turn_deg: float = 0.0, gain: float = 1.0) -> Path:
        height, width = face_pixels.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
        turned = cv2.warpAffine(face_pixels, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        path = tmp_path / name
        Image.fromarray(np.clip(turned * gain, 0, 255).astype(np.uint8)).save(path)
        return path

    return write
