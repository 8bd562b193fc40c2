"""Where colours cannot tell the sitter from the wall, the matte network's word counts."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import pytest
from warp_heads import WALL, Head, paint_head

from portrait_alive.shape import topology
from portrait_alive.tracking.matte import Matter
from portrait_alive.types import Float
from portrait_alive.warp.head_field import rigid_points
from portrait_alive.warp.matte import person_matte
from portrait_alive.warp.region import HeadFrame


@dataclass(frozen=True)
class Told:
    """A matte network that says what it is told to."""

    shares: Float

    def over_picture(self, pixels: np.ndarray, points: np.ndarray) -> Float:
        return cv2.resize(self.shares, pixels.shape[1::-1], interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def veiled() -> tuple[Head, np.ndarray]:
    """A head, and where a veil of the wall's own colour hangs beside it."""
    head = paint_head(240)
    mesh = head.face.points[:468, :2]
    veil = np.zeros((240, 240), bool)
    left, top = int(mesh[:, 0].max()), int(mesh[topology.FOREHEAD, 1])
    veil[top : top + 40, left : left + 45] = True
    assert (head.picture.pixels[veil] == WALL).all(-1).mean() > 0.4
    return head, veil & (head.picture.pixels == WALL).all(-1)


def test_what_the_network_is_sure_of_is_the_sitter_s(veiled):
    head, veil = veiled
    wall = (head.picture.pixels == WALL).all(-1)
    opacity = _matte(head, np.where(wall & ~veil, 0.99, 0.02))
    assert opacity[cv2.erode(veil.astype(np.uint8), np.ones((7, 7))) > 0].mean() > 0.9


def test_in_doubt_colours_decide(veiled):
    head, veil = veiled
    wall = (head.picture.pixels == WALL).all(-1)
    opacity = _matte(head, np.where(wall, 0.6, 0.4))
    assert opacity[veil].mean() < 0.5


def _matte(head: Head, background: np.ndarray) -> Float:
    rigid = rigid_points(head.basis)
    told = Told(np.dstack([background, 1 - background]).astype(np.float32))
    tall = HeadFrame.of(head.face, rigid).face_height
    return person_matte(head.picture.pixels, head.face, rigid, (0, 0), tall, cast(Matter, told))
