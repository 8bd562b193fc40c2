"""Brows that move as one piece, wherever they are painted."""

import numpy as np
import pytest

from portrait_alive.motion.angles import matrix_of
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis, load_basis
from portrait_alive.types import Float, HeadFit, HeadPose
from portrait_alive.warp.brow_skin import BrowSkin, brow_skin
from portrait_alive.warp.head_field import RigidMotion, rigid_points
from portrait_alive.weights import SHAPE_BASIS, weight_path

SIDE = 400
SCALE = 17.0
FOLD = [225, 224, 223, 222]
"""Mesh points between the right brow and its lid."""
LOWER = [53, 52, 65]


@pytest.fixture(scope="module")
def basis() -> ShapeBasis:
    return load_basis(weight_path(SHAPE_BASIS))


def face(basis: ShapeBasis, *, raised: float = 0.0, turn: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Float:
    """(P, 3) an average head that looks at the viewer, or turned, its brows raised."""
    weights = np.zeros(len(basis.expression), np.float32)
    for number, name in enumerate(basis.expression_names):
        if name.startswith(("browInnerUp", "browOuterUp")):
            weights[number] = raised
    pose = HeadPose(matrix_of(np.array(turn)).astype(np.float32), np.array([200, 200, 0], np.float32), SCALE)
    return basis.project(HeadFit(pose, np.zeros(len(basis.identity), np.float32), weights))


def picture(points: Float, *, thick: float) -> np.ndarray:
    """(h, w, 3) skin with brows that reach `thick` of the way from their landmarks to the lids below; 0: bare."""
    pixels = np.full((SIDE, SIDE, 3), (200, 160, 130), np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    for upper, lid in (
        (topology.RIGHT_BROW[:5], topology.RIGHT_EYE_UPPER),
        ((300, 293, 334, 296, 336), topology.LEFT_EYE_UPPER),
    ):
        row = points[list(upper), :2][np.argsort(points[list(upper), 0])]
        eye = points[list(lid), :2][np.argsort(points[list(lid), 0])]
        top, margin = np.interp(x, *row.T), np.interp(x, *eye.T)
        within = (x > row[0, 0]) & (x < row[-1, 0]) & (y > top) & (y < top + thick * (margin - top))
        pixels[within] = (60, 40, 30)
    return pixels


def found(basis: ShapeBasis, *, thick: float) -> BrowSkin:
    points = face(basis)
    return brow_skin(picture(points, thick=thick), (0, 0), points, basis.triangles)


def rigid(basis: ShapeBasis, driven: Float, turn: Float) -> RigidMotion:
    skull = rigid_points(basis)
    return RigidMotion.between(face(basis)[skull], driven[skull], turn)


def test_skin_that_is_painted_as_brow_rises_with_the_brow(basis: ShapeBasis) -> None:
    source, driven = face(basis), face(basis, raised=1.0)
    carried = found(basis, thick=0.45).carried(driven, source, rigid(basis, driven, np.eye(3, dtype=np.float32)))
    brow = (source - carried)[LOWER, 1].mean()
    before, after = (source - driven)[FOLD, 1].mean() / brow, (source - carried)[FOLD, 1].mean() / brow
    assert after > before + 0.1
    assert after <= 1.0
    # the brow itself rises as far as it did, and lids do not move
    assert brow == pytest.approx((source - driven)[LOWER, 1].mean(), rel=0.08)
    lids = list(topology.RIGHT_EYE)
    np.testing.assert_array_equal(carried[lids], driven[lids])


def test_a_bare_forehead_moves_as_the_mesh_says(basis: ShapeBasis) -> None:
    driven = face(basis, raised=1.0)
    skin = found(basis, thick=0.0)
    assert len(skin.points) == 0
    carried = skin.carried(driven, face(basis), rigid(basis, driven, np.eye(3, dtype=np.float32)))
    np.testing.assert_array_equal(carried, driven)


def test_what_is_dark_down_to_the_lid_is_no_brow(basis: ShapeBasis) -> None:
    assert len(found(basis, thick=0.9).points) == 0


def test_a_head_that_only_turns_is_not_touched(basis: ShapeBasis) -> None:
    turn = matrix_of(np.array([0.3, 0.1, 0.3])).astype(np.float32)
    driven = face(basis, turn=(0.3, 0.1, 0.3))
    carried = found(basis, thick=0.45).carried(driven, face(basis), rigid(basis, driven, turn))
    np.testing.assert_allclose(carried, driven, atol=0.05)
