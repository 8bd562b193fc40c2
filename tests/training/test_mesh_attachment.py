"""What the teacher sees elsewhere moves there; what it cannot tell stays."""

import numpy as np
import pytest

from portrait_alive.training.mesh_attachment import SKIN_POINTS, Labelled, errors, offsets

RENDERS = 60


def turned_views(rng: np.random.Generator, shift: np.ndarray) -> Labelled:
    """Points seen from many sides, by a teacher who sees each `shift` (478, 3) away, and sometimes far off."""
    yaw, pitch = rng.uniform(-0.8, 0.8, RENDERS), rng.uniform(-0.3, 0.3, RENDERS)
    scale = rng.uniform(9, 13, RENDERS)[:, None]
    x_axis = np.stack([np.cos(yaw), np.zeros(RENDERS), np.sin(yaw)], 1)
    y_axis = np.stack([np.sin(yaw) * np.sin(pitch), -np.cos(pitch), -np.cos(yaw) * np.sin(pitch)], 1)
    axes = np.stack([x_axis * scale, y_axis * scale], 1)  # (N, 2, 3)
    truth = rng.uniform(0, 300, (RENDERS, 478, 2))
    taught = truth + np.einsum("nij,pj->npi", axes, shift) + rng.normal(0, 0.5, truth.shape)
    misread = rng.random((RENDERS, 478)) < 0.15
    taught[misread] += rng.normal(0, 60, (int(misread.sum()), 2))
    visibility = np.ones((RENDERS, 478))
    visibility[5:, 7] = 0.0
    return Labelled(*(one.astype(np.float32) for one in (truth, taught, visibility, axes)))


def test_offsets_are_found_through_misreadings() -> None:
    rng = np.random.default_rng(3)
    shift = rng.normal(0, 0.4, (478, 3))
    found = offsets(turned_views(rng, shift))
    known = np.arange(SKIN_POINTS) != 7
    assert np.abs(found - shift[:SKIN_POINTS])[known].mean() < 0.06


def test_a_point_that_few_views_show_stays() -> None:
    rng = np.random.default_rng(4)
    assert (offsets(turned_views(rng, np.full((478, 3), 0.5)))[7] == 0).all()


def test_errors_are_shares_of_the_eye_corners_distance() -> None:
    truth = np.tile(np.arange(478, dtype=np.float32)[None, :, None], (4, 1, 2))
    taught = truth + np.array([3.0, 4.0], np.float32)
    labelled = Labelled(truth, taught, np.ones((4, 478), np.float32), np.zeros((4, 2, 3), np.float32))
    across = np.linalg.norm(truth[0, 33] - truth[0, 263])
    assert errors(labelled)["all"][0] == pytest.approx(100 * 5 / across, rel=1e-5)
