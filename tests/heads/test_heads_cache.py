"""Heads kept on disk are the heads that were rendered."""

from pathlib import Path

import numpy as np
import pytest

from portrait_alive.errors import UnreadableInputError, UsageError
from portrait_alive.heads.cache import HeadCache
from portrait_alive.heads.flow import flow_between
from portrait_alive.heads.frame import random_frames
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.person import Person
from portrait_alive.heads.regions import Regions
from portrait_alive.heads.render import render


def test_round_trip(made_up_head: HeadModel, made_up_regions: Regions, tmp_path: Path) -> None:
    cache = HeadCache.open(tmp_path / "heads", made_up_head, size=64, frames=2, has_flow=True, regions=made_up_regions)
    assert 7 not in cache
    assert cache.fill([7, 8]) == 2
    assert cache.fill([7, 8]) == 0
    sitting = HeadCache.open(
        tmp_path / "heads", made_up_head, size=64, frames=2, has_flow=True, regions=made_up_regions
    ).get(7)
    person = Person.random(made_up_head, cache.regions, 7)
    frames = random_frames(made_up_head.expression_names, np.random.default_rng([7, 1]), 2)
    heads = [render(made_up_head, person, frame, 64) for frame in frames]
    for number, head in enumerate(heads):
        assert np.array_equal(sitting.landmarks[number], head.landmarks)
        assert np.abs(sitting.visibility[number] - head.visibility).max() < 0.003
        assert np.array_equal(sitting.layers[number], head.layers)
        assert np.array_equal(sitting.matte[number], head.matte)
        error = np.abs(sitting.rgb[number].astype(int) - head.rgb)
        assert error.mean() < 4
    flow, seen = sitting.flow(0, 1)
    expected, expected_seen = flow_between(heads[0], heads[1], person.faces)
    assert np.abs(flow - expected).max() < 0.1
    assert (seen == expected_seen).mean() > 0.99


def test_without_flow_says_so(made_up_head: HeadModel, made_up_regions: Regions, tmp_path: Path) -> None:
    cache = HeadCache.open(tmp_path, made_up_head, size=48, frames=1, regions=made_up_regions)
    with pytest.raises(UsageError, match="no flow"):
        cache.get(0).flow(0, 0)


def test_other_settings_are_refused(made_up_head: HeadModel, made_up_regions: Regions, tmp_path: Path) -> None:
    HeadCache.open(tmp_path, made_up_head, size=48, frames=1, regions=made_up_regions)
    with pytest.raises(UsageError, match="another folder"):
        HeadCache.open(tmp_path, made_up_head, size=64, frames=1, regions=made_up_regions)


def test_damaged_file_is_named(made_up_head: HeadModel, made_up_regions: Regions, tmp_path: Path) -> None:
    cache = HeadCache.open(tmp_path, made_up_head, size=48, frames=1, regions=made_up_regions)
    cache.fill([0])
    cache.path(0).write_bytes(cache.path(0).read_bytes()[:500])
    with pytest.raises(UnreadableInputError, match=r"00000000\.npz"):
        cache.get(0)
