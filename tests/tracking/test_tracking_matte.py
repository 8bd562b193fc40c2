"""The matte's way into the network and back over the picture."""

import cv2
import numpy as np
import pytest
import torch

from portrait_alive.nets.matte_net import CLASSES, INPUT_CHANNELS, MatteNet, MatteNetConfig
from portrait_alive.shape import topology
from portrait_alive.shape.basis import load_basis, place
from portrait_alive.tracking.matte import Matter, matte_input
from portrait_alive.types import Float, HeadPose
from portrait_alive.weights import SHAPE_BASIS, weight_path

HEAD = CLASSES.index("head")


class SeesTheMask(MatteNet):
    """Takes for the head what lies inside the mesh's outline, for background all else."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits = torch.full((len(pictures), len(CLASSES), *pictures.shape[2:]), -20.0)
        logits[:, 0], logits[:, HEAD] = 0.0, 40 * pictures[:, 3] - 20
        return logits


def face_at(x: float, y: float, scale: float) -> Float:
    mean = load_basis(weight_path(SHAPE_BASIS)).mean[:478]
    return place(mean, HeadPose(np.eye(3, dtype=np.float32), np.array([x, y, 0], np.float32), scale))


@pytest.mark.parametrize(("x", "y", "scale"), [(200, 160, 9.0), (60, 40, 9.0), (300, 300, 3.0), (200, 200, 30.0)])
def test_shares_lie_over_the_picture_where_the_face_is(x: float, y: float, scale: float) -> None:
    points = face_at(x, y, scale)
    matter = Matter(SeesTheMask(MatteNetConfig(size=128)), torch.device("cpu"))
    shares = matter.over_picture(np.zeros((360, 400, 3), np.uint8), points)
    assert shares.shape == (360, 400, len(CLASSES))
    np.testing.assert_allclose(shares.sum(2), 1, atol=1e-4)
    inside = np.zeros((360, 400), np.uint8)
    cv2.fillPoly(inside, [np.round(points[list(topology.FACE_OVAL), :2] - 0.5).astype(np.int32)], 1)
    found = shares[..., HEAD] > 0.5
    assert (found & (inside > 0)).sum() / (found | (inside > 0)).sum() > 0.94


def test_input_says_where_the_face_is() -> None:
    points = face_at(64, 64, 3.0)
    seen = matte_input(np.full((128, 128, 3), 255, np.uint8), points)
    assert seen.shape == (128, 128, INPUT_CHANNELS)
    assert (seen[..., :3] == 1).all()
    assert seen[64, 64, 3] == 1
    assert seen[0, 0, 3] == 0
    assert seen[0, 0, 4] > seen[30, 64, 4] >= 0


def test_network_answers_at_its_size() -> None:
    net = MatteNet(MatteNetConfig(size=64)).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, INPUT_CHANNELS, 64, 64)).shape == (2, len(CLASSES), 64, 64)
