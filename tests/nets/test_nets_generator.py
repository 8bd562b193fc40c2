"""The generator in bfloat16, and what it must not draw."""

import torch

from portrait_alive.nets.generator import Generator, GeneratorConfig, composed, without_shortest


def test_in_bfloat16_the_frame_is_the_same_to_a_step_or_two():
    torch.manual_seed(0)
    net = Generator(GeneratorConfig(widths=(8, 16, 16), embedding=8)).eval()
    torch.nn.init.normal_(net.out.weight, std=0.05)
    planes, person = torch.rand(2, 11, 64, 64) * 2 - 1, torch.randn(2, 8)
    with torch.no_grad():
        exact = net(planes, person)
        with torch.autocast("cpu", torch.bfloat16):
            quick = net(planes, person)
    assert {quick.colour.dtype, quick.opacity.dtype, quick.flow.dtype} == {torch.float32}
    difference = composed(planes[:, :3], quick) - composed(planes[:, :3], exact)
    changed = (composed(planes[:, :3], exact) - planes[:, :3]).abs().mean()
    assert difference.abs().mean() < 0.05 * changed


def test_waves_of_two_pixels_are_taken_out_and_longer_ones_left():
    columns = torch.arange(64.0)
    shortest = torch.cos(torch.pi * columns).expand(1, 2, 64, 64)
    long = torch.cos(torch.pi * columns / 16).expand(1, 2, 64, 64)
    assert without_shortest(shortest.contiguous())[..., 2:-2].abs().max() < 1e-5
    assert torch.allclose(without_shortest(long.contiguous())[..., 2:-2], long[..., 2:-2], atol=0.02)
