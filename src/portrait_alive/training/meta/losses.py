"""How far generated patches are from the truth, and what the discriminator says of both."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from portrait_alive.evaluation.lpips import Lpips, load_lpips
from portrait_alive.nets.generator import Generated
from portrait_alive.training.meta.config import LossConfig
from portrait_alive.training.meta.perceptual import perceptual_distance

_LEVELS = 3
_OPACITY = 7
_BACKGROUND_WEIGHT = 0.3
PHASES = 4
"""Pixels by which SqueezeNet's first two layers step."""


@dataclass(frozen=True, eq=False)
class PictureLoss:
    """Pixels, Laplacian pyramid, harm, and LPIPS where its networks are at hand."""

    weights: LossConfig
    lpips: Lpips | None

    @staticmethod
    def of(weights: LossConfig, device: torch.device) -> "PictureLoss":
        """The loss; networks are loaded when both files are named.

        Raises:
            UnreadableInputError: a named file cannot be used.
        """
        if weights.perceptual_features is None or weights.perceptual_heads is None or weights.perceptual == 0:
            return PictureLoss(weights, None)
        lpips = load_lpips(weights.perceptual_features, weights.perceptual_heads)
        lpips.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return PictureLoss(weights, lpips)

    def __call__(
        self,
        made: Tensor,
        truth: Tensor,
        said: Generated,
        planes: Tensor,
        *,
        phase: tuple[int, int] = (0, 0),
        near: bool = False,
    ) -> dict[str, Tensor]:
        """Terms and their weighted sum `total`.

        Args:
            made: (B, 3, P, P) in [-1, 1], composed.
            truth: the same of the truth.
            said: what the generator said.
            planes: (B, 11, P, P) conditions.
            phase: first row and column that LPIPS looks at, below `PHASES`. Changed from step to step, no pattern
                can be fitted to the grid that its layers step on.
            near: LPIPS looks at the middle of the patches at twice their size, as mouths and eyes are judged.
        """
        sitter = (planes[:, _OPACITY : _OPACITY + 1] + 1) / 2
        weight = _BACKGROUND_WEIGHT + (1 - _BACKGROUND_WEIGHT) * sitter
        terms = {
            "pixels": (weight * (made - truth).abs()).mean(),
            "pyramid": pyramid_distance(made, truth, weight),
            "flow": sum_of_differences(said.flow),
            "harm": harm(made, truth, planes[:, :3], weight),
        }
        if self.lpips is not None:
            if near:
                made, truth = enlarged_middle(made), enlarged_middle(truth)
            rows, columns = (slice(at, made.shape[-1] - PHASES + 1 + at) for at in phase)
            distance = perceptual_distance(self.lpips, made[..., rows, columns], truth[..., rows, columns])
            terms["perceptual"] = distance.mean()
        total = torch.stack([getattr(self.weights, name) * term for name, term in terms.items()]).sum()
        return {"total": total, **terms}


def enlarged_middle(pictures: Tensor) -> Tensor:
    """(B, C, P, P): the middle half of pictures (B, C, P, P), twice as large."""
    quarter = pictures.shape[-1] // 4
    middle = pictures[..., quarter:-quarter, quarter:-quarter]
    return functional.interpolate(middle, scale_factor=2.0, mode="bilinear")


def pyramid_distance(made: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference of the bands of a Laplacian pyramid, summed over its levels."""
    difference = made - truth
    bands = []
    for _ in range(_LEVELS):
        coarse = functional.avg_pool2d(difference, 2)
        band = difference - functional.interpolate(coarse, scale_factor=2.0, mode="bilinear")
        bands.append((weight * band.abs()).mean())
        difference, weight = coarse, functional.avg_pool2d(weight, 2)
    return torch.stack(bands).sum()


def harm(made: Tensor, truth: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
    """By how much the made picture is farther from the truth than the warped one, mean over all pixels; 0 where nearer.

    A change that is as often wrong as right costs nothing in the other terms; here it does, and the paint stays.
    """
    return (weight * functional.relu((made - truth).abs() - (warped - truth).abs())).mean()


def sum_of_differences(flow: Tensor) -> Tensor:
    """Mean absolute difference of neighbours, both ways."""
    return (flow[..., 1:, :] - flow[..., :-1, :]).abs().mean() + (flow[..., 1:] - flow[..., :-1]).abs().mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator (paper, equation 7)."""
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def feature_distance(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Feature matching, the Lfm of the paper: mean absolute difference of the discriminator's features."""
    return torch.stack(
        [(one.detach().float() - other.float()).abs().mean() for one, other in zip(real, fake, strict=True)]
    ).mean()
