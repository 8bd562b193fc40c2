import numpy as np
import pytest
from face_material import made_up_mesh, smooth_picture

from portrait_alive.evaluation.crops import CROP_SIZE_PX, REGIONS, Square, cut, cut_region, region_square


def test_squares_have_the_defined_sides():
    mesh = made_up_mesh() + 300
    box_side = np.ptp(mesh[:, :2], axis=0).max()
    assert region_square(mesh, "face").side == pytest.approx(1.6 * box_side, rel=1e-5)
    assert region_square(mesh, "mouth").side == pytest.approx(1.5 * 60, rel=1e-5)
    assert region_square(mesh, "right_eye").side == pytest.approx(1.9 * np.linalg.norm(mesh[33, :2] - mesh[133, :2]))
    assert region_square(mesh, "left_eye").side == pytest.approx(1.9 * np.linalg.norm(mesh[362, :2] - mesh[263, :2]))


def test_squares_follow_the_face_and_grow_with_it():
    mesh = made_up_mesh()
    for region in REGIONS:
        square = region_square(mesh, region)
        moved = region_square(mesh * np.float32(2) + np.float32(50), region)
        assert (moved.x, moved.y, moved.side) == pytest.approx(
            (2 * square.x + 50, 2 * square.y + 50, 2 * square.side), rel=1e-4, abs=1e-3
        )


def test_a_square_of_the_crops_own_size_is_copied():
    picture = smooth_picture(90, 120)
    assert np.array_equal(cut(picture, Square(30, 20, 64), 64), picture[20:84, 30:94])


@pytest.mark.parametrize(("x", "y"), [(-20, 10), (80, -30), (100, 70), (-500, -500), (400, 300)])
def test_beyond_the_edge_its_pixels_repeat(x, y):
    picture = smooth_picture(90, 120)
    rows, columns = np.clip(np.arange(y, y + 50), 0, 89), np.clip(np.arange(x, x + 50), 0, 119)
    assert np.array_equal(cut(picture, Square(x, y, 50), 50), picture[rows[:, None], columns[None]])


def test_shrinking_averages_rather_than_skips():
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.allclose(cut(stripes, Square(0, 0, 128), 32), 127.5, atol=1)


def test_every_region_has_its_size():
    picture, mesh = smooth_picture(400, 400), made_up_mesh() + 200
    for region in REGIONS:
        assert cut_region(picture, mesh, region).shape == (CROP_SIZE_PX[region], CROP_SIZE_PX[region], 3)
