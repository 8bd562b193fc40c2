"""The generator: a warped frame, its masks and landmarks in; colour and a correction of the flow out."""

import itertools
from dataclasses import asdict, dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from portrait_alive.nets.modulated import Modulated

_FLOW_REACH = 6.0
"""View pixels by which the flow can be corrected at most."""
_DRAWN, _UNCOVERED = 6, 8
"""Planes of the condition that say where the warp drew and where it uncovered something."""
_REACH_PX = 5
"""View pixels around what was drawn or uncovered that belong to it, and over which the right to change fades."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Hyperparameters; they travel in the weight file."""

    planes: int = 11
    """Channels of the condition; the first three are the warped colours."""
    widths: tuple[int, ...] = (32, 48, 96, 160)
    """Channels at 1/2, 1/4, 1/8 and 1/16 of the view."""
    embedding: int = 128
    is_warped: bool = True
    """False: landmarks only, as in the paper; the warp's planes are not looked at."""
    keeps_detail: bool = False
    """Where the warp neither drew nor uncovered anything, only light and colour may change: the detail is the sitter's
    own."""

    def as_json(self) -> dict[str, object]:
        """Plain values, for a weight file's metadata."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Generated:
    """What the generator says of frames."""

    colour: Tensor
    """(B, 3, V, V) in [-1, 1], sRGB: the warped frame looked up by the flow, with what differs from it."""
    flow: Tensor
    """(B, 2, V, V): x and y, in view pixels, by which the warped frame is looked up elsewhere."""
    free: Tensor | None = None
    """(B, 1, V, V) in [0, 1]: where it is 0 only broad changes are let through; None lets all through everywhere."""


class Generator(nn.Module):
    """A U-Net whose blocks the person embedding modulates. Works at half the view; pixels are shuffled in and out."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        widths, embedding = config.widths, config.embedding
        self.stem = nn.Conv2d(config.planes, widths[0], 4, 2, 1)
        self.down = nn.ModuleList(
            nn.ModuleList([Modulated(low, high, embedding, stride=2), Modulated(high, high, embedding)])
            for low, high in itertools.pairwise(widths)
        )
        self.narrow = nn.ModuleList(nn.Conv2d(high, low, 1) for low, high in itertools.pairwise(widths))
        self.up = nn.ModuleList(
            nn.ModuleList([Modulated(low, low, embedding), Modulated(low, low, embedding)]) for low in widths[:-1]
        )
        self.out = nn.Conv2d(widths[0], 5 * 4, 3, 1, 1)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(cast(Tensor, self.out.bias))

    def forward(self, planes: Tensor, embedding: Tensor) -> Generated:
        """What is said of conditions (B, planes, V, V) in [-1, 1], V a multiple of 16, for embeddings (B, E)."""
        warped = planes[:, :3]
        if not self.config.is_warped:
            planes = torch.cat([torch.zeros_like(warped), planes[:, 3:6], torch.zeros_like(planes[:, 6:])], 1)
        x = functional.leaky_relu(self.stem(planes), 0.2)
        seen = []
        for blocks in self.down:
            seen.append(x)
            for block in cast(nn.ModuleList, blocks):
                x = block(x, embedding)
        for narrow, blocks, skip in reversed(list(zip(self.narrow, self.up, seen, strict=True))):
            x = functional.interpolate(narrow(x), scale_factor=2.0, mode="bilinear") + skip
            for block in cast(nn.ModuleList, blocks):
                x = block(x, embedding)
        # the last layer in fp32: colours would be told in steps
        with torch.autocast(x.device.type, enabled=False):
            said = without_shortest(functional.pixel_shuffle(self.out(x.float()), 2))
        if not self.config.is_warped:
            return Generated(said[:, :3].tanh(), torch.zeros_like(said[:, :2]))
        # colours are said as a difference, so that an untrained network answers with the paint that is there. It is
        # not weighed by an opacity: while colours are wrong such a weight falls, and little more is learnt of them
        flow = _FLOW_REACH * (said[:, 3:] / 2).tanh()
        colour = looked_up(warped, flow) + 2 * said[:, :3]
        return Generated(colour if self.training else colour.clamp(-1, 1), flow, self.free(planes))

    def free(self, planes: Tensor) -> Tensor | None:
        """`Generated.free` of conditions."""
        return supplied(planes) if self.config.keeps_detail else None


def supplied(planes: Tensor) -> Tensor:
    """(B, 1, V, V) in [0, 1]: 1 where the warp drew or uncovered what the picture does not show, fading around it.

    Args:
        planes: (B, planes, V, V) conditions in [-1, 1].
    """
    made = (torch.maximum(planes[:, _DRAWN : _DRAWN + 1], planes[:, _UNCOVERED : _UNCOVERED + 1]) + 1) / 2
    near = functional.max_pool2d(made.float(), _REACH_PX, 1, _REACH_PX // 2)
    return functional.avg_pool2d(near, _REACH_PX, 1, _REACH_PX // 2, count_include_pad=False)


def without_shortest(values: Tensor) -> Tensor:
    """(B, C, H, W): values with waves of two pixels' length taken out, by (1 2 1) / 4 along rows and columns.

    What pixels shuffled out of half the size can do best is such a wave, and LPIPS, whose first layer steps by two
    pixels, rewards it: without this the generator draws teeth as rows of dots.
    """
    channels = values.shape[1]
    weights = values.new_tensor([0.25, 0.5, 0.25]).expand(channels, 1, 1, 3)
    padded = functional.pad(values, (1, 1, 1, 1), mode="replicate")
    rows = functional.conv2d(padded, weights, groups=channels)
    return functional.conv2d(rows, weights.transpose(2, 3), groups=channels)


def composed(warped: Tensor, said: Generated) -> Tensor:
    """(B, 3, V, V) in [-1, 1]: the colours that are said, broad changes alone where no other is let through."""
    if said.free is None:
        return said.colour
    change = said.colour - warped
    light = broad(change)
    return warped + light + said.free * (change - light)


def broad(values: Tensor) -> Tensor:
    """(B, C, H, W), H and W multiples of 4: what is wider than some ten pixels."""
    coarse = without_shortest(functional.avg_pool2d(values, 4))
    return functional.interpolate(coarse, scale_factor=4.0, mode="bilinear")


def looked_up(pictures: Tensor, flow: Tensor) -> Tensor:
    """(B, C, H, W): pictures (B, C, H, W) looked up `flow` (B, 2, H, W) pixels away; beyond the edge, the edge."""
    _, _, height, width = pictures.shape
    rows = torch.arange(height, device=flow.device, dtype=flow.dtype)
    columns = torch.arange(width, device=flow.device, dtype=flow.dtype)
    x = (2 * (columns[None, None, :] + flow[:, 0]) + 1) / width - 1
    y = (2 * (rows[None, :, None] + flow[:, 1]) + 1) / height - 1
    return functional.grid_sample(
        pictures, torch.stack([x, y], -1), mode="bilinear", padding_mode="border", align_corners=False
    )
