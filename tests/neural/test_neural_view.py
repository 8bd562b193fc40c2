"""The square that the networks see, the landmarks drawn in it, and the networks' shapes."""

import numpy as np
import pytest
import torch

from portrait_alive.nets.discriminator import Discriminator, DiscriminatorConfig
from portrait_alive.nets.embedder import Embedder, EmbedderConfig
from portrait_alive.nets.generator import Generator, GeneratorConfig, composed, looked_up, without_shortest
from portrait_alive.neural.landmark_image import landmark_image
from portrait_alive.neural.view import VIEW_PX, View, feather
from portrait_alive.shape import topology


def test_a_view_of_its_own_size_is_the_picture():
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    cut = View(50, 40, VIEW_PX).cut(pixels, (0, 0))
    assert np.array_equal(cut, pixels[40 : 40 + VIEW_PX, 50 : 50 + VIEW_PX])


def test_a_view_beyond_the_array_has_the_named_value_there():
    mask = np.ones((100, 100), np.float32)
    cut = View(-VIEW_PX // 2, 0, VIEW_PX).cut(mask, (0, 0), beyond=0.0)
    assert cut[:100, : VIEW_PX // 2].max() == 0
    assert cut[:100, VIEW_PX // 2 : VIEW_PX // 2 + 96].min() == 1
    assert cut[100:].max() == 0


def test_a_view_that_misses_the_array_is_no_error():
    mask = np.ones((20, 20), np.float32)
    assert View(500, 500, 64).cut(mask, (0, 0), beyond=0.0).shape == (VIEW_PX, VIEW_PX)


def test_points_and_pixels_agree():
    pixels = np.zeros((600, 600), np.uint8)
    pixels[300:304, 420:424] = 255
    view = View(100, 60, 2 * VIEW_PX)
    x, y = view.points(np.array([[422.0, 302.0]], np.float32))[0]
    rows, columns = np.nonzero(view.cut(pixels, (0, 0)) > 128)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((x, y), abs=0.3)


def test_feather_ends_at_the_edge_and_leaves_the_middle():
    weight = feather()
    assert weight[VIEW_PX // 2, VIEW_PX // 2] == 1
    assert max(weight[0].max(), weight[:, -1].max()) < 0.05


def test_lips_and_irises_are_drawn_where_they_are():
    rng = np.random.default_rng(1)
    points = rng.uniform(60, 130, (478, 2)).astype(np.float32)
    points[list(topology.RIGHT_IRIS)] = [[40, 40], [46, 40], [40, 46], [34, 40], [40, 34]]
    drawn = landmark_image(points)
    assert drawn.shape == (VIEW_PX, VIEW_PX, 3)
    assert drawn[39, 45:47, 2].max() > 60  # on the rim
    for index in topology.LIPS_INNER:
        x, y = (int(one) for one in points[index])
        assert drawn[y - 1 : y + 2, x - 1 : x + 2, 1].max() > 60


def test_an_untrained_generator_leaves_the_paint():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(widths=(8, 16))).eval()
    planes = torch.rand(2, 11, 64, 64) * 2 - 1
    with torch.no_grad():
        made = composed(planes[:, :3], generator(planes, torch.randn(2, 128)))
    assert (made - planes[:, :3]).abs().mean() < 0.02


def test_landmarks_alone_do_not_see_the_warp():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(widths=(8, 16), is_warped=False)).eval()
    planes = torch.rand(1, 11, 64, 64)
    other = planes.clone()
    other[:, :3] += 1
    other[:, 6:] -= 1
    person = torch.randn(1, 128)
    with torch.no_grad():
        first, second = (composed(one[:, :3], generator(one, person)) for one in (planes, other))
    assert torch.allclose(first, second, atol=1e-5)


def test_the_generator_cannot_draw_rows_of_dots():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(widths=(8, 16))).eval()
    with torch.no_grad():
        # each of the four pixels of a shuffled square says something else, everywhere
        generator.out.weight.zero_()
        generator.out.bias.normal_(std=2)
        said = generator(torch.zeros(1, 11, 32, 32), torch.zeros(1, 128))
    for values in (said.colour, said.flow):
        assert values[..., 1:-1, 1:-1].flatten(2).std(-1).max() < 1e-5
    slow = torch.linspace(0, 1, 32).expand(1, 2, 32, 32)
    assert torch.allclose(without_shortest(slow)[..., 1:-1], slow[..., 1:-1], atol=1e-6)


def test_looking_up_shifts():
    picture = torch.rand(1, 3, 20, 20)
    flow = torch.zeros(1, 2, 20, 20)
    flow[:, 0] = 2
    assert torch.allclose(looked_up(picture, flow)[..., :18], picture[..., 2:], atol=1e-5)


def test_sources_are_averaged_whatever_their_order():
    torch.manual_seed(0)
    embedder = Embedder(EmbedderConfig(widths=(4, 8, 8, 8))).eval()
    sources = torch.rand(1, 3, 6, VIEW_PX, VIEW_PX)
    with torch.no_grad():
        assert torch.allclose(embedder(sources), embedder(sources.flip(1)), atol=1e-6)


def test_the_discriminator_asks_who_it_is():
    torch.manual_seed(0)
    judge = Discriminator(DiscriminatorConfig(widths=(8, 16, 16, 16))).eval()
    pictures, landmarks = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    one, _ = judge(pictures, landmarks, torch.ones(1, 128))
    other, features = judge(pictures, landmarks, -torch.ones(1, 128))
    assert not torch.allclose(one, other)
    assert [feature.shape[1] for feature in features] == [8, 16, 16, 16]


def test_shipped_networks_keep_to_the_budget():
    from torch.utils.flop_counter import FlopCounterMode

    generator = Generator(GeneratorConfig())
    with FlopCounterMode(display=False) as count, torch.no_grad():
        generator(torch.zeros(1, 11, VIEW_PX, VIEW_PX), torch.zeros(1, 128))
    assert count.get_total_flops() <= 4e9
    assert sum(one.numel() for one in generator.parameters()) <= 12e6
