"""The map network: what it has learnt to place in one half of the patch it places in the other as well."""

import torch
from light_spots import spots

from portrait_alive.nets.map_net import MapNet, MapNetConfig

SIZE = 64


def test_it_places_a_spot_where_it_has_never_seen_one() -> None:
    torch.manual_seed(0)
    net = MapNet(MapNetConfig(points=1, size=SIZE, widths=(8, 8, 8)))
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(120):
        at = 0.15 + 0.7 * torch.rand(8, 2) * torch.tensor([0.4, 1.0])  # left half
        loss = (net(spots(at, SIZE))[:, 0] - at).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    net.eval()
    with torch.inference_mode():
        there = torch.tensor([[0.75, 0.3], [0.8, 0.5], [0.7, 0.75]])
        off = (net(spots(there, SIZE))[:, 0] - there).norm(dim=1)
    assert float(off.max()) < 0.1


@torch.inference_mode()
def test_untrained_points_lie_in_the_patch() -> None:
    found = MapNet(MapNetConfig(points=3))(torch.rand(4, 3, 64, 64) * 2 - 1)
    assert found.shape == (4, 3, 2)
    assert 0 < float(found.min()) <= float(found.max()) < 1
