"""The landmark network: what it has learnt to place in one half of the crop it places in the other as well."""

import torch
from light_spots import spots

from portrait_alive.nets.landmark_net import LandmarkNet, LandmarkNetConfig
from portrait_alive.types import MESH_POINTS

SIZE = 64
SMALL = LandmarkNetConfig(crop_size=SIZE, widths=(8, 8, 8, 8), blocks=(0, 0, 1, 0), coarse=1)


def test_it_places_points_about_a_spot_where_it_has_never_seen_one() -> None:
    torch.manual_seed(0)
    net = LandmarkNet(SMALL)
    away = 0.04 * torch.stack([torch.linspace(-1, 1, MESH_POINTS), torch.linspace(1, -1, MESH_POINTS)], 1)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(150):
        at = 0.15 + 0.7 * torch.rand(8, 2) * torch.tensor([0.4, 1.0])  # left half
        loss = (net(spots(at, SIZE)).points[..., :2] - at[:, None] - away).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    net.eval()
    with torch.inference_mode():
        there = torch.tensor([[0.75, 0.3], [0.8, 0.5], [0.7, 0.75]])
        off = net(spots(there, SIZE)).points[..., :2] - there[:, None] - away
    assert float(off.norm(dim=2).mean()) < 0.05


@torch.inference_mode()
def test_untrained_points_lie_about_the_crop_s_middle_and_all_is_said() -> None:
    said = LandmarkNet(LandmarkNetConfig())(torch.rand(2, 3, 128, 128) * 2 - 1)
    assert said.points.shape == (2, MESH_POINTS, 3)
    assert said.log_scale.shape == (2, MESH_POINTS)
    assert said.presence.shape == (2,)
    assert 0 < float(said.points[..., :2].min()) <= float(said.points[..., :2].max()) < 1
    assert 0.02 < float(said.log_scale.exp().mean()) < 0.12, "the expected error begins at a twentieth of the crop"
