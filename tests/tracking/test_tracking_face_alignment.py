"""face-alignment's own code path, with stand-in weights of the right shapes: its real ones cannot be shipped."""

from pathlib import Path

import numpy as np
import pytest
import torch

from portrait_alive.errors import MissingDependencyError
from portrait_alive.tracking.tracker import Tracker, load_tracker
from portrait_alive.tracking.with_face_alignment import FaceAlignmentTracker, lift68
from portrait_alive.types import Box

face_alignment = pytest.importorskip("face_alignment")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A torch hub without networks, and no way to fetch any."""
    from urllib.error import URLError

    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    monkeypatch.setattr("face_alignment.utils.download_url_to_file", refuse)
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_missing_networks_are_named_with_the_folder_they_belong_in(empty_cache: Path) -> None:
    with pytest.raises(MissingDependencyError, match=r"s3fd-619a316812\.pth") as raised:
        load_tracker("face-alignment")
    assert str(empty_cache) in str(raised.value)
    assert "--tracker native" in str(raised.value)


@pytest.mark.slow
def test_stand_in_networks_run_through_the_real_code(empty_cache: Path) -> None:
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    torch.manual_seed(0)
    torch.save(s3fd().state_dict(), empty_cache / "s3fd-619a316812.pth")
    torch.save(FAN(4).state_dict(), empty_cache / "2DFAN4-11f355bf06.pth.tar")
    tracker = load_tracker("face-alignment")
    assert isinstance(tracker, Tracker)
    assert isinstance(tracker, FaceAlignmentTracker)
    picture = np.random.default_rng(0).integers(0, 255, (200, 220, 3), dtype=np.uint8)
    face = tracker.refine(picture, Box(60, 50, 90, 100))
    assert face is not None
    assert face.points.shape == (478, 3)
    assert np.isfinite(face.points).all()


def test_lifted_points_carry_the_heat_maps_confidence() -> None:
    from portrait_alive.shape import topology
    from portrait_alive.shape.basis import load_basis
    from portrait_alive.weights import SHAPE_BASIS, weight_path

    basis = load_basis(weight_path(SHAPE_BASIS))
    points = basis.mean[list(topology.IBUG68), :2] * 10 + 300
    sure, unsure = (lift68(points, np.full(68, score, np.float32), basis) for score in (0.9, 0.1))
    assert sure.presence == 1.0
    assert unsure.presence < 0.2
    np.testing.assert_allclose(sure.points, unsure.points)
