"""Which frames are looked at: every second one of a calm face, all of one that moves or changes its shape."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from portrait_alive.shape import topology
from portrait_alive.shape.basis import load_basis
from portrait_alive.tracking.crop import FaceCrop
from portrait_alive.tracking.following import BetweenFace, FaceFollower, FollowedFace, alike, lit_alike
from portrait_alive.types import MESH_POINTS, Box, Bytes, Float, Landmarks
from portrait_alive.weights import SHAPE_BASIS, weight_path

SCALE = 12.0
SHIFT = np.array([250, 250, 0], np.float32)
BASIS = load_basis(weight_path(SHAPE_BASIS))
MESH: Float = BASIS.mean[:MESH_POINTS] * SCALE + SHIFT
OPEN: Float = BASIS.expression[BASIS.expression_index("jawOpen"), :MESH_POINTS] * SCALE


def face(points: Float, presence: float = 1.0) -> Landmarks:
    return Landmarks(points.astype(np.float32), np.ones(MESH_POINTS, np.float32), presence)


@dataclass
class Film:
    """A film whose frames hold their own number, and a network that knows the true mesh of each."""

    meshes: Sequence[Float | None]
    looked: list[int] = field(default_factory=list)
    searched: list[int] = field(default_factory=list)

    @property
    def frames(self) -> list[Bytes]:
        return [np.full((4, 4, 3), number, np.uint8) for number in range(len(self.meshes))]

    def look(self, crops: Sequence[FaceCrop], pictures: Sequence[Bytes]) -> list[Landmarks]:
        numbers = [int(picture[0, 0, 0]) for picture in pictures]
        self.looked += numbers
        assert len(crops) == len(numbers) > 0
        seen = [self.meshes[number] for number in numbers]
        return [face(MESH, presence=0.0) if mesh is None else face(mesh) for mesh in seen]

    def search(self, picture: Bytes) -> Landmarks | None:
        number = int(picture[0, 0, 0])
        self.searched.append(number)
        mesh = self.meshes[number]
        return None if mesh is None else face(mesh)

    def follow(self, chunk: int) -> list[Landmarks | None]:
        """Everything, so many frames a call."""
        follower = FaceFollower(self.look, self.search, 128)
        followed: list[Landmarks | None] = []
        for start in range(0, len(self.meshes), chunk):
            followed += follower.keep_up(
                self.frames[start : start + chunk], next((f for f in reversed(followed) if f), None)
            )
        return followed


def error(film: Film, followed: Sequence[Landmarks | None]) -> float:
    """Largest distance of any point from the truth over the interocular distance."""
    apart = np.linalg.norm(MESH[468, :2] - MESH[473, :2])
    return max(
        float(np.linalg.norm(seen.points - mesh, axis=1).max() / apart)
        for seen, mesh in zip(followed, film.meshes, strict=True)
        if seen is not None and mesh is not None
    )


@pytest.mark.parametrize("chunk", [1, 3, 8, 32])
def test_every_frame_gets_its_face_whatever_the_chunks(chunk: int) -> None:
    film = Film([MESH + np.array([0.2 * number, 0, 0], np.float32) for number in range(32)])
    followed = film.follow(chunk)
    assert all(seen is not None for seen in followed)
    assert film.searched == [0]
    assert error(film, followed) < 0.01


def test_a_calm_face_is_looked_at_in_every_second_frame() -> None:
    film = Film([MESH] * 41)
    film.follow(8)
    assert len(film.looked) == len(set(film.looked))
    assert 20 <= len(film.looked) <= 22


def test_a_face_that_changes_between_two_frames_is_looked_at_in_all() -> None:
    film = Film([MESH + (number % 4 < 2) * 0.5 * OPEN for number in range(40)])
    assert error(film, film.follow(8)) < 0.01
    assert len(film.looked) >= 38


def test_a_face_that_moves_fast_is_looked_at_in_all() -> None:
    swing = np.sin(np.arange(40) / 3)
    film = Film([MESH + np.array([90 * s, 0, 0], np.float32) for s in swing])
    followed = film.follow(8)
    assert error(film, followed) < 0.08
    assert len(set(film.looked)) > 30


def test_a_frame_between_is_the_mean_of_its_neighbours() -> None:
    film = Film([MESH, MESH, MESH + 1, MESH + 2, MESH + 3])
    followed = film.follow(5)
    between = [seen for seen in followed if isinstance(seen, BetweenFace)]
    assert between
    for seen in between:
        np.testing.assert_allclose(seen.points, (seen.before.looked + seen.after.looked) / 2)
        assert seen.before is not seen.after


def test_a_lost_face_is_searched_for_in_each_frame_until_it_is_back() -> None:
    film = Film([MESH] * 9 + [None] * 4 + [MESH] * 6)
    followed = film.follow(8)
    assert [seen is None for seen in followed] == [False] * 9 + [True] * 4 + [False] * 6
    assert film.searched == [0, 8, 9, 10, 11, 12, 13]  # in 8 too, when the look ahead at 9 found nothing


def test_finished_faces_are_followed_from_where_they_were_looked_at() -> None:
    film = Film([MESH] * 4)
    follower = FaceFollower(film.look, film.search, 128)
    last = follower.keep_up(film.frames[:1], None)[0]
    assert isinstance(last, FollowedFace)
    moved = FollowedFace(last.points + 3, last.confidence, 1.0, last.path, last.looked, last.boldness)
    after = follower.keep_up(film.frames[1:], moved)
    assert error(Film(film.meshes[1:]), after) < 0.01


def test_a_face_that_is_gone_in_one_frame_is_not_made_up() -> None:
    film = Film([MESH if number != 12 else None for number in range(20)])
    shown = [frame.repeat(100, 0).repeat(100, 1) for frame in film.frames]
    shown[12] = np.full_like(shown[12], 255)
    shown[12][0, 0] = 12
    follower = FaceFollower(film.look, film.search, 128)
    followed = follower.keep_up(shown, None)
    assert [number for number, seen in enumerate(followed) if seen is None] == [12]


def test_light_is_compared_in_the_box_alone() -> None:
    dark = np.zeros((60, 80, 3), np.uint8)
    spot = dark.copy()
    spot[10:30, 10:30] = 255
    assert not lit_alike(dark, spot, Box(10, 10, 20, 20))
    assert lit_alike(dark, spot, Box(40, 10, 20, 20))
    assert lit_alike(dark, spot, Box(-50, -50, 20, 20))


@pytest.mark.parametrize("turn", [0.0, 0.1])
def test_rolling_and_nearing_are_no_change_of_shape(turn: float) -> None:
    middle = MESH[list(topology.EYE_CORNERS)].mean(0)
    cos, sin = np.cos(turn), np.sin(turn)
    rolled = (MESH - middle) @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]], np.float32) * 1.1 + middle
    assert alike(MESH, rolled)
    assert not alike(MESH, rolled + 0.5 * OPEN)
    assert not alike(MESH, rolled + np.array([60, 0, 0], np.float32))
