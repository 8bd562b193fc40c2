"""Whether two faces are the same person's: cosine between MobileFaceNet embeddings.

Chen, Liu, Gao, Han: MobileFaceNets (CCBR 2018), in the variant of a published PyTorch checkpoint: 112 high x 96 wide,
RGB, (x - 127.5) / 128, 128 numbers, trained on CASIA-WebFace aligned by five points.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from portrait_alive.evaluation.checkpoints import load_parameters, read_checkpoint
from portrait_alive.evaluation.landmark_errors import eye_centres
from portrait_alive.evaluation.similarity import fit_similarity
from portrait_alive.shape.topology import NOSE_TIP
from portrait_alive.types import Bytes, Float

FACE_SIZE = (112, 96)
"""(height, width) of an aligned face."""

_TEMPLATE = np.array(
    [[30.2946, 51.6963], [65.5318, 51.5014], [48.0252, 71.7366], [33.5493, 92.3655], [62.7299, 92.2041]],
    np.float32,
)
"""Where the five points lie in an aligned face: right eye, left eye, nose tip, right and left mouth corner."""

_STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Expansion, channels, repeats and first stride of each stage of bottlenecks."""

_NOSE_AND_MOUTH_CORNERS = [NOSE_TIP, 61, 291]


class _ConvBlock(nn.Module):
    """Convolution, batch norm and, unless linear, PReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = nn.Identity() if linear else nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.prelu(self.bn(self.conv(x)))
        return out


class _Bottleneck(nn.Module):
    """Expand, depthwise, project; a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.shortcut = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.PReLU(inner),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.PReLU(inner),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return x + out if self.shortcut else out


class MobileFaceNet(nn.Module):
    """Face embedding network; build it with `load_identity`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _ConvBlock(3, 64, 3, stride=2, padding=1)
        self.dw_conv1 = _ConvBlock(64, 64, 3, padding=1, groups=64)
        blocks, channels = [], 64
        for expansion, outputs, repeats, stride in _STAGES:
            for index in range(repeats):
                blocks.append(_Bottleneck(channels, outputs, stride if index == 0 else 1, expansion))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = _ConvBlock(channels, 512, 1)
        self.linear7 = _ConvBlock(512, 512, (7, 6), groups=512, linear=True)
        self.linear1 = _ConvBlock(512, 128, 1, linear=True)

    def forward(self, faces: Tensor) -> Tensor:
        """Embeddings (B, 128) of aligned faces (B, 3, 112, 96), RGB, (x - 127.5) / 128."""
        x = self.conv2(self.blocks(self.dw_conv1(self.conv1(faces))))
        out: Tensor = self.linear1(self.linear7(x)).flatten(1)
        return out

    @torch.inference_mode()
    def embed(self, faces: Sequence[Bytes], batch: int = 32) -> Float:
        """Unit-length embeddings, the picture's and its mirror image's side by side.

        Args:
            faces: N aligned faces from `align_face`.
            batch: faces per forward pass.

        Returns:
            (N, 256) float32; the cosine of two faces is the product of their rows.
        """
        parts = []
        for start in range(0, len(faces), batch):
            x = torch.from_numpy(np.stack(faces[start : start + batch])).permute(0, 3, 1, 2).float()
            x = (x - 127.5) / 128
            parts.append(nn.functional.normalize(torch.cat((self(x), self(x.flip(3))), 1)))
        return torch.cat(parts).numpy() if parts else np.zeros((0, 256), np.float32)


def align_face(picture: Bytes, points: Float) -> Bytes:
    """The face upright, (112, 96, 3), its five points as near to the template's as a similarity brings them.

    Args:
        picture: (H, W, 3) uint8 sRGB; pixels outside it are taken from its edge.
        points: (478, 2 or more) face mesh in the picture's pixels.
    """
    # eyes by their corners, not their irises: where somebody looks is no part of who it is
    five = np.vstack([eye_centres(points[:, :2]), points[_NOSE_AND_MOUTH_CORNERS, :2]])
    scale, rotation, shift = fit_similarity(five, _TEMPLATE)
    matrix = np.hstack([scale * rotation, shift[:, None]])
    if scale < 1:  # shrink first, or the warp below would skip pixels
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= scale
    matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5  # pixel centres at .5, OpenCV's at 0
    height, width = FACE_SIZE
    aligned: Bytes = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return aligned


def cosines(first: Float, second: Float) -> Float:
    """Cosine (N,) of embeddings (N, D) and (N or 1, D) of unit length, in [-1, 1]."""
    out: Float = (first * second).sum(1).astype(np.float32)
    return out


def load_identity(path: Path) -> MobileFaceNet:
    """MobileFaceNet with the weights of a checkpoint, ready for measuring.

    Raises:
        UnreadableInputError: missing, damaged or another network's.
    """
    network = MobileFaceNet()
    load_parameters(network, read_checkpoint(path, "net_state_dict"), path)
    return network
