"""A portrait and a driver made from the shipped head model: exact, offline, no picture needed."""

import numpy as np
import pytest
from motion_material import FPS, posed_source

from portrait_alive.motion.tracks import Motion, motion_at_rest
from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.types import SourceFace
from portrait_alive.weights import SHAPE_BASIS, weight_path


@pytest.fixture(scope="session")
def basis() -> ShapeBasis:
    return load_basis(weight_path(SHAPE_BASIS))


@pytest.fixture(scope="session")
def fitter(basis: ShapeBasis) -> HeadFitter:
    return HeadFitter.of(basis)


@pytest.fixture(scope="session")
def names(basis: ShapeBasis) -> tuple[str, ...]:
    return tuple(n for n in basis.expression_names if not n.startswith(("eyeBlink", "eyeWide")))


@pytest.fixture(scope="session")
def source(basis: ShapeBasis) -> SourceFace:
    return posed_source(basis)


@pytest.fixture(scope="session")
def lively(names: tuple[str, ...]) -> Motion:
    """Three seconds in which every track moves."""
    rest = motion_at_rest(75, FPS, names)
    time = np.arange(75) / 25.0
    wave = np.sin(2 * np.pi * np.outer(time, [0.5, 0.7, 0.9]))
    expression = rest.expression.copy()
    expression[:, names.index("mouthSmile_L")] = 0.3 + 0.3 * wave[:, 0]
    expression[:, names.index("browInnerUp_R")] = 0.2 + 0.2 * wave[:, 1]
    return rest.with_tracks(
        lambda name, track: {
            "rotation": (0.2 * wave).astype(np.float32),
            "translation": (0.5 * wave[:, :2]).astype(np.float32),
            "expression": expression,
            "lids": (0.6 + 0.4 * wave[:, :2]).astype(np.float32),
            "gaze": (0.2 * np.repeat(wave[:, None, :2], 2, 1)).astype(np.float32),
            "mouth": (0.1 + 0.1 * wave[:, 2]).astype(np.float32),
            "contact": np.ones(75, np.float32),
        }.get(name, track)
    )
