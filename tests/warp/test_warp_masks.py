"""What a frame's masks say is what its pixels show, though both come from one look-up."""

import numpy as np
import pytest
from warp_heads import Head, driven_by, paint_head, turned, with_expression

from portrait_alive.shape import topology
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.warper import Warper


@pytest.fixture(scope="module")
def head() -> Head:
    return paint_head()


@pytest.fixture(scope="module")
def warper(head: Head) -> Warper:
    return Warper(take_apart(head.picture, head.face, head.basis))


@pytest.mark.parametrize("yaw", [-15.0, 12.0])
def test_pixels_are_the_same_with_masks(head: Head, warper: Warper, yaw: float) -> None:
    driven = turned(head, yaw)
    assert (warper.render_with_masks(driven).pixels == warper.render(driven)).all()


@pytest.mark.parametrize("yaw", [-15.0, 12.0])
def test_opacity_is_the_source_s_looked_up_by_the_flow(head: Head, warper: Warper, yaw: float) -> None:
    driven = turned(head, yaw)
    rendered = warper.render_with_masks(driven)
    layers = warper.layers
    height, width = layers.grid.size
    pixels = np.dstack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    texture = layers.sitter
    looked_up = texture.sample((pixels + rendered.flow) * np.float32(texture.factor))[..., 3] / 255
    apart = np.abs(rendered.opacity - looked_up)
    for eye in layers.eyes:  # drawn by a finer flow
        moved = (driven.points - head.face.points)[list(eye.upper + eye.lower), :2]
        apart[layers.view(eye.detail, eye.detail.offset(layers.grid, moved))] = 0
    assert layers.mouth is not None
    moved = (driven.points - head.face.points)[list(topology.LIPS), :2]
    apart[layers.view(layers.mouth.detail, layers.mouth.detail.offset(layers.grid, moved))] = 0
    assert apart.max() <= 0.03  # displacements below a fiftieth of a pixel are none
    assert np.allclose(rendered.uncovered, np.clip(layers.opacity - rendered.opacity, 0, 1))
    assert rendered.uncovered.max() > 0.9


def test_nothing_is_uncovered_where_nothing_moves(head: Head, warper: Warper) -> None:
    still = warper.render_with_masks(driven_by(head, head.face.points))
    assert not still.uncovered.any()
    assert not still.flow.any()
    assert (still.opacity == warper.layers.opacity).all()
    smiling = warper.render_with_masks(driven_by(head, with_expression(head, mouthSmile=0.8)))
    corner = smiling.uncovered[:20, :20]
    assert not corner.any()
    assert (smiling.opacity[:20] == warper.layers.opacity[:20]).all()
