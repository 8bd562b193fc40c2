"""The generator in bfloat16, and what it must not draw."""

import torch

from portrait_alive.nets.generator import (
    Generated,
    Generator,
    GeneratorConfig,
    broad,
    composed,
    supplied,
    without_shortest,
)


def test_in_bfloat16_the_frame_is_the_same_to_a_step_or_two():
    torch.manual_seed(0)
    net = Generator(GeneratorConfig(widths=(8, 16, 16), embedding=8)).eval()
    torch.nn.init.normal_(net.out.weight, std=0.05)
    planes, person = torch.rand(2, 11, 64, 64) * 2 - 1, torch.randn(2, 8)
    with torch.no_grad():
        exact = net(planes, person)
        with torch.autocast("cpu", torch.bfloat16):
            quick = net(planes, person)
    assert {quick.colour.dtype, quick.flow.dtype} == {torch.float32}
    difference = composed(planes[:, :3], quick) - composed(planes[:, :3], exact)
    changed = (composed(planes[:, :3], exact) - planes[:, :3]).abs().mean()
    assert difference.abs().mean() < 0.05 * changed


def test_waves_of_two_pixels_are_taken_out_and_longer_ones_left():
    columns = torch.arange(64.0)
    shortest = torch.cos(torch.pi * columns).expand(1, 2, 64, 64)
    long = torch.cos(torch.pi * columns / 16).expand(1, 2, 64, 64)
    assert without_shortest(shortest.contiguous())[..., 2:-2].abs().max() < 1e-5
    assert torch.allclose(without_shortest(long.contiguous())[..., 2:-2], long[..., 2:-2], atol=0.02)


def test_where_the_paint_is_the_sitters_own_only_light_changes():
    torch.manual_seed(0)
    net = Generator(GeneratorConfig(widths=(8, 8), embedding=4, keeps_detail=True))
    planes = torch.rand(1, 11, 64, 64) * 2 - 1
    planes[:, 6], planes[:, 8] = -1, -1
    planes[:, 6, 24:40, 24:40] = 1  # drawn
    free = net.free(planes)
    assert free is not None
    assert torch.equal(free[..., 27:37, 27:37], torch.ones(1, 1, 10, 10))
    assert torch.equal(free[..., :18, :], torch.zeros(1, 1, 18, 64))
    warped = planes[:, :3]
    still = torch.zeros(1, 2, 64, 64)
    # a colour that is lighter everywhere, with a detail of its own
    detail = 0.2 * torch.cos(torch.pi * torch.arange(64.0) / 2)
    made = composed(warped, Generated(warped + 0.1 + detail, still, free)) - warped
    assert torch.allclose(made[..., 30:34, 28:36], (0.1 + detail[28:36]).expand(1, 3, 4, 8), atol=1e-5)
    assert (made[..., :16, 8:-8] - 0.1).abs().max() < 0.03
    assert torch.allclose(supplied(planes), free)
    assert torch.allclose(broad(torch.full((1, 3, 16, 16), 0.3)), torch.full((1, 3, 16, 16), 0.3))


def test_the_flow_moves_the_paint_and_colours_are_laid_over_it_whole():
    net = Generator(GeneratorConfig(widths=(8, 8), embedding=4)).eval()
    planes = torch.rand(1, 11, 32, 32) - 0.5
    with torch.no_grad():
        net.out.weight.zero_()
        # of each four pixels alike: 0.2 more red, looked up two pixels to the right
        net.out.bias.copy_(torch.tensor([0.1, 0, 0, 2 * torch.atanh(torch.tensor(2 / 6.0)), 0]).repeat_interleave(4))
        said = net(planes, torch.zeros(1, 4))
        made = composed(planes[:, :3], said)
    moved = planes[:, :3, :, 2:]
    assert torch.allclose(made[:, 1:, :, :-2], moved[:, 1:], atol=1e-4)
    assert torch.allclose(made[:, 0, :, :-2], moved[:, 0] + 0.2, atol=1e-4)
