"""The parts of an eye: where its iris is, what shades it, what of its surroundings are lashes."""

import cv2
import numpy as np
import pytest

from portrait_alive.warp.curves import Opening
from portrait_alive.warp.eyeball import eyeball
from portrait_alive.warp.iris_disc import IrisDisc, iris_disc
from portrait_alive.warp.lid_skin import lid_skin

SIZE = (90, 130)
SKIN, WHITE, IRIS = (206, 160, 130), (232, 226, 216), (70, 90, 60)
ROOM = 45.0
"""Pixels to a brow."""
CENTRE, RADIUS = (66.0, 45.0), 13.0
X = (np.arange(SIZE[1]) + 0.5).astype(np.float32)[None]
Y = (np.arange(SIZE[0]) + 0.5).astype(np.float32)[:, None]


def almond() -> tuple[Opening, np.ndarray]:
    """An opening 70 px wide, and where it is (h, w)."""
    u = np.linspace(0, 1, 9)
    arch = 4 * u * (1 - u)
    upper = np.stack([30 + 70 * u, 47 - 14 * arch, 0 * u], -1)
    lower = np.stack([30 + 70 * u, 47 + 9 * arch, 0 * u], -1)
    points = np.concatenate([upper, lower]).astype(np.float32)
    ring = np.round(np.concatenate([upper, lower[::-1]])[:, :2] * 16).astype(np.int32)
    mask = np.zeros(SIZE, np.uint8)
    cv2.fillPoly(mask, [ring], 1, shift=4)
    return Opening.between(points, tuple(range(9)), tuple(range(9, 18))), mask > 0


def painted_eye(*, shadow: float = 0.0, makeup: float = 1.0) -> np.ndarray:
    """(h, w, 3) an eye without lashes; `shadow` under the upper lid, skin above it darker by `makeup`."""
    opening, inside = almond()
    u, v = opening.axes(X, Y)
    upper, _ = opening.curves_at(u)
    picture = np.broadcast_to(np.array(SKIN, np.float32), (*SIZE, 3)).copy()
    above = (v < upper + 4) & (v > upper - 22) & (np.abs(u - 35) < 45)
    picture[above] *= makeup
    ball = np.where(np.hypot(X - CENTRE[0], Y - CENTRE[1])[..., None] < RADIUS, IRIS, WHITE).astype(np.float32)
    ball *= (1 - shadow * np.exp(-np.maximum(v - upper, 0) / 4))[..., None]
    picture[inside] = ball[inside]
    return cv2.GaussianBlur(np.clip(picture, 0, 255), (0, 0), 0.7).astype(np.uint8)


@pytest.mark.parametrize(("off", "size"), [((0, 0), 1.0), ((3, -2), 0.8), ((-3, 1), 1.25), ((2, 3), 1.1)])
def test_the_iris_is_found_where_landmarks_are_off(off: tuple[float, float], size: float) -> None:
    centre = np.array(CENTRE) + off
    rim = centre + RADIUS * size * np.array([(1, 0), (0, -1), (-1, 0), (0, 1)])
    opening, _ = almond()
    found = iris_disc(painted_eye(), X, Y, opening, np.concatenate([centre[None], rim]).astype(np.float32))
    assert found.centre[0] == pytest.approx(CENTRE[0], abs=2)
    assert found.radius == pytest.approx(RADIUS, rel=0.15)


def test_an_iris_that_cannot_be_seen_stays_where_landmarks_say() -> None:
    flat = np.full((*SIZE, 3), 128, np.uint8)
    landmarks = np.array([(60, 44), (70, 44), (60, 34), (50, 44), (60, 54)], np.float32)
    found = iris_disc(flat, X, Y, almond()[0], landmarks)
    assert found.centre == pytest.approx(landmarks[0])
    assert found.radius == pytest.approx(10)


def test_the_lids_shadow_is_shade_and_no_colour_of_the_ball() -> None:
    opening, _ = almond()
    ball = eyeball(
        painted_eye(shadow=0.5),
        X,
        Y,
        opening,
        IrisDisc(np.array(CENTRE, np.float32), RADIUS),
        np.array(SKIN, np.float32),
    )
    rows = len(ball.shade)
    columns = ball.shade.shape[1] // 6, -ball.shade.shape[1] // 6
    assert (ball.shade[rows // 12, columns].mean(-1) < 0.8 * ball.shade[rows * 2 // 3, columns].mean(-1)).all()
    # under the iris, too, though nothing is seen of the white there
    middle = ball.shade.shape[1] // 2
    assert ball.shade[rows // 12, middle].mean() < 0.9 * ball.shade[rows * 2 // 3, middle].mean()
    off_iris = np.hypot(X - CENTRE[0], Y - CENTRE[1]) > 1.3 * RADIUS
    assert np.ptp(ball.colours[off_iris], axis=0).max() < 1


def test_a_reflection_is_lifted_off_the_iris() -> None:
    picture = painted_eye()
    cv2.circle(picture, (70, 42), 2, (255, 255, 255), -1)
    opening, _ = almond()
    disc, skin = IrisDisc(np.array(CENTRE, np.float32), RADIUS), np.array(SKIN, np.float32)
    ball = eyeball(picture, X, Y, opening, disc, skin)
    assert ball.glint[42, 70].mean() > 80
    assert ball.colours[42, 70].mean() < 140
    assert not eyeball(painted_eye(), X, Y, opening, disc, skin).glint.any()


def test_an_iris_at_the_corner_is_found_though_landmarks_catch_the_white() -> None:
    """As in portraits that look aside: light on one side only, the corner's shadow on the other."""
    at = 84.0
    opening, inside = almond()
    picture = np.broadcast_to(np.array(SKIN, np.float32), (*SIZE, 3)).copy()
    ball = np.where(np.hypot(X - at, Y - 44)[..., None] < 11, IRIS, WHITE) * np.where(X > 90, 0.5, 1.0)[..., None]
    picture[inside] = ball[inside]
    landmarks = np.array([(80, 42), (93, 42), (80, 29), (67, 42), (80, 55)], np.float32)
    found = iris_disc(cv2.GaussianBlur(picture.astype(np.uint8), (0, 0), 0.7), X, Y, opening, landmarks)
    assert found.centre[0] == pytest.approx(at, abs=1.5)
    assert found.radius == pytest.approx(11, rel=0.2)


def test_a_reddened_white_does_not_tint_the_iris() -> None:
    """What yellows a white is no light on the iris: divided out of it, a brown iris would turn blue."""
    picture = painted_eye(shadow=0.5).astype(np.float32)
    opening, inside = almond()
    on_iris = np.hypot(X - CENTRE[0], Y - CENTRE[1]) < RADIUS
    reddened = inside & ~on_iris
    picture[reddened] *= np.array([0.9, 0.6, 0.35])
    picture[inside & on_iris] = (60, 40, 30)
    ball = eyeball(
        picture.astype(np.uint8),
        X,
        Y,
        opening,
        IrisDisc(np.array(CENTRE, np.float32), RADIUS),
        np.array(SKIN, np.float32),
    )
    red, _, blue = ball.colours[44:50, 62:70].reshape(-1, 3).mean(0)
    assert blue < 0.7 * red
    assert ball.iris[46, 66] == pytest.approx(1)
    assert ball.iris[46, 40] == 0


def test_dark_skin_over_the_eye_is_no_lash() -> None:
    opening, _ = almond()
    assert lid_skin(painted_eye(makeup=0.5), X, Y, opening, ROOM).lashes.mean() < 40
    lined = painted_eye()
    u, v = opening.axes(X, Y)
    upper, _ = opening.curves_at(u)
    lined[(v < upper) & (v > upper - 4) & (u > 0) & (u < opening.width)] = (40, 30, 25)
    lids = lid_skin(lined, X, Y, opening, ROOM)
    assert lids.lashes.max() > 180
    # and of that line nothing is left in the lid's skin
    line = (v < upper - 1) & (v > upper - 3) & (u > 15) & (u < 55)
    assert lids.skin[line].mean() > 0.75 * np.mean(SKIN)


def test_bare_lids_are_told_from_lashed_ones() -> None:
    opening, _ = almond()
    bare = painted_eye()
    u, v = opening.axes(X, Y)
    upper, _ = opening.curves_at(u)
    lashed = bare.copy()
    lashed[(v > upper - 7) & (v < upper + 1) & (u > 2) & (u < opening.width - 2)] = (30, 22, 20)
    thin, thick = (lid_skin(picture, X, Y, opening, ROOM).heft for picture in (bare, lashed))
    assert thin < 0.15
    assert thick > 0.6


def with_fold(*, luma: float = 0.7, wide: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 3) an eye under a fold, darker than skin, `wide` pixels to either side; and where that is (h, w)."""
    opening, _ = almond()
    u, v = opening.axes(X, Y)
    upper, _ = opening.curves_at(u)
    fold = (np.abs(v - upper + 15) < wide) & (u > 10) & (u < 60)
    picture = painted_eye().astype(np.float32)
    picture[fold] *= luma
    return picture.astype(np.uint8), fold


def test_the_fold_is_gone_from_a_lid_that_is_down() -> None:
    picture, fold = with_fold()
    lids = lid_skin(picture, X, Y, almond()[0], ROOM)
    assert picture[fold].mean() < 0.75 * np.mean(SKIN)
    assert lids.skin[fold].mean() > 0.87 * np.mean(SKIN)
    # but not before the lid has come down, unlike the opening
    assert lids.fold[fold].min() > 0.8
    assert lids.fold[almond()[1]].mean() < 0.02


def test_what_is_no_fold_is_left_alone() -> None:
    """A broad shade belongs to the socket; what is black, far from the eye, to a brow or to glasses; and a brow that is
    near is no fold."""
    opening, _ = almond()
    shaded = painted_eye(makeup=0.8)
    u, v = opening.axes(X, Y)
    upper, _ = opening.curves_at(u)
    shade = (v < upper - 8) & (v > upper - 20) & (np.abs(u - 35) < 30)
    assert lid_skin(shaded, X, Y, opening, ROOM).skin[shade].mean() == pytest.approx(shaded[shade].mean(), rel=0.03)
    framed = painted_eye()
    rim = (np.abs(v - upper + 21) < 1.5) & (np.abs(u - 35) < 30)
    framed[rim] = (20, 18, 16)
    assert lid_skin(framed, X, Y, opening, 60.0).skin[rim].mean() < 0.3 * np.mean(SKIN)
    picture, fold = with_fold()
    assert lid_skin(picture, X, Y, opening, 9.0).skin[fold].mean() < 0.85 * np.mean(SKIN)


def test_white_beyond_the_landmarks_corners_is_hidden() -> None:
    """As in far eyes, whose landmarks lie within the painted opening: a shut lid had a pale patch at its corner."""
    opening, _ = almond()
    picture = painted_eye()
    patch = np.hypot((X - 27) / 5, (Y - 46) / 4) < 1
    picture[patch] = WHITE
    lids = lid_skin(picture, X, Y, opening, ROOM)
    assert np.abs(lids.skin[patch].mean(0) - SKIN).max() < 0.2 * (WHITE[2] - SKIN[2])
