"""Landmarks set by hand: a few clicked points become a mesh that passes through them."""

import json
from pathlib import Path

import numpy as np
import pytest

from portrait_alive.errors import UnreadableInputError
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis, load_basis, place
from portrait_alive.shape.complete import complete_landmarks, selection_of
from portrait_alive.tracking.by_hand import PLACES, read_landmarks
from portrait_alive.types import Float, HeadPose
from portrait_alive.weights import SHAPE_BASIS, weight_path


@pytest.fixture(scope="module")
def basis() -> ShapeBasis:
    return load_basis(weight_path(SHAPE_BASIS))


@pytest.fixture(scope="module")
def face(basis: ShapeBasis) -> Float:
    """A head of another identity, turned by 15 degrees."""
    rng = np.random.default_rng(4)
    identity = rng.normal(0, 0.7, len(basis.identity)).astype(np.float32)
    shape = basis.shape(identity, np.zeros(len(basis.expression), np.float32))
    cos, sin = np.cos(0.26), np.sin(0.26)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
    return place(shape, HeadPose(turn, np.array([300, 320, 0], np.float32), 15.0))[:478]


def apart(points: Float) -> float:
    return float(np.linalg.norm(points[468, :2] - points[473, :2]))


def test_68_points_give_the_mesh_to_a_few_percent(basis: ShapeBasis, face: Float) -> None:
    indices = list(topology.IBUG68)
    found = complete_landmarks(basis, face[indices, :2], selection_of([(index,) for index in indices]))
    error = np.linalg.norm(found.points[:, :2] - face[:, :2], axis=1) / apart(face)
    assert error[indices].mean() < 0.01
    assert error.mean() < 0.04


def test_six_clicks_give_the_pose_and_pass_through_the_clicks(basis: ShapeBasis, face: Float, tmp_path: Path) -> None:
    names = ["right_eye", "left_eye", "nose", "mouth_right", "mouth_left", "chin"]
    places = selection_of([PLACES[name] for name in names]) @ face
    file = tmp_path / "points.json"
    file.write_text(json.dumps({n: p[:2].tolist() for n, p in zip(names, places, strict=True)}))
    found = read_landmarks(file, basis)
    again = selection_of([PLACES[name] for name in names]) @ found.points
    assert np.abs(again - places)[:, :2].max() < 0.08 * apart(face)
    assert np.linalg.norm(found.points[:, :2] - face[:, :2], axis=1).mean() < 0.12 * apart(face)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not json", "JSON"),
        ("[1, 2]", "object"),
        ('{"nose": [1, 2]}', "too few"),
        ('{"nose": [1, 2], "beak": [3, 4], "chin": [5, 6], "mouth": [7, 8]}', "beak"),
        ('{"nose": [1, "x"], "chin": [5, 6], "mouth": [7, 8], "left_eye": [1, 1]}', "nose"),
        ('{"nose": [0, 0], "chin": [0, 9], "mouth": [0, 5], "forehead": [0, -9]}', "one line"),
    ],
)
def test_bad_files_are_refused_with_advice(basis: ShapeBasis, tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "points.json"
    file.write_text(text)
    with pytest.raises(UnreadableInputError, match=complaint):
        read_landmarks(file, basis)


def test_mirror_is_its_own_inverse_and_swaps_the_sides() -> None:
    mirror = np.array(topology.MIRROR)
    assert (mirror[mirror] == np.arange(478)).all()
    assert set(mirror[list(topology.RIGHT_EYE)]) == set(topology.LEFT_EYE)
    assert set(mirror[list(topology.LIPS)]) == set(topology.LIPS)
    assert mirror[topology.NOSE_TIP] == topology.NOSE_TIP
