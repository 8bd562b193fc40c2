"""The embedder: people differ from the start, sources are averaged."""

import torch

from portrait_alive.nets.embedder import Embedder, EmbedderConfig


def _people(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((count, 1, 6, 12, 12), generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(coarse.flatten(0, 1), (192, 192), mode="bilinear").unflatten(0, (count, 1))


def test_untrained_embeddings_tell_people_apart() -> None:
    # a signal that fades on its way through the layers is not seen in the loss: the generator learns without it
    torch.manual_seed(0)
    embedder = Embedder(EmbedderConfig())
    with torch.no_grad():
        said = embedder(_people(6))
    assert said.shape == (6, 128)
    assert float(said.std(0).mean()) > 0.05


def test_gradients_reach_the_first_layer_undiminished() -> None:
    torch.manual_seed(0)
    embedder = Embedder(EmbedderConfig())
    embedder(_people(2)).square().mean().backward()
    sizes = [float(p.grad.norm()) for p in embedder.parameters() if p.grad is not None and p.dim() == 4]
    assert min(sizes) > 0.01 * max(sizes)


def test_sources_are_averaged_in_any_order() -> None:
    embedder = Embedder(EmbedderConfig()).eval()
    people = _people(3)
    with torch.no_grad():
        together = embedder(people.transpose(0, 1))
        apart = embedder(people).mean(0, keepdim=True)
        turned = embedder(people.flip(0).transpose(0, 1))
    torch.testing.assert_close(together, apart)
    torch.testing.assert_close(together, turned, rtol=1e-4, atol=1e-5)
