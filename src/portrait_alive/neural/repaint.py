"""The neural layer at work: a warped frame, corrected where the generator says so, at the picture's own size."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from portrait_alive.device import faster_precision
from portrait_alive.errors import UnreadableInputError
from portrait_alive.nets.embedder import Embedder, EmbedderConfig
from portrait_alive.nets.generator import Generator, GeneratorConfig, composed
from portrait_alive.nets.load import load_net
from portrait_alive.neural.condition import PLANES, as_tensor, see_frame
from portrait_alive.neural.view import VIEW_PX, feather
from portrait_alive.types import Bytes, DrivenFace, Float
from portrait_alive.warp.warper import Rendered
from portrait_alive.weights import EMBEDDER, GENERATOR, weight_path


@dataclass(frozen=True, eq=False)
class NeuralLayer:
    """Embedder and generator, ready to run."""

    embedder: Embedder
    generator: Generator
    device: torch.device
    precision: torch.dtype

    @staticmethod
    def load(device: torch.device) -> "NeuralLayer":
        """The shipped networks.

        Raises:
            MissingDependencyError: the weights are not there.
            UnreadableInputError: they are damaged.
        """
        embedder = load_net(weight_path(EMBEDDER), "embedder", lambda c: Embedder(EmbedderConfig(**_tupled(c))), device)
        generator = load_net(
            weight_path(GENERATOR), "generator", lambda c: Generator(GeneratorConfig(**_tupled(c))), device
        )
        example = torch.zeros(1, PLANES, VIEW_PX, VIEW_PX, device=device)
        person = torch.zeros(1, generator.config.embedding, device=device)
        with torch.inference_mode():
            precision = faster_precision(lambda: float(generator(example, person).colour.sum()), device)
        return NeuralLayer(embedder, generator, device, precision)

    def tuned(self, changes: Mapping[str, Float]) -> "NeuralLayer":
        """The same with the generator's parameters changed; `changes` are added to those of their names.

        Raises:
            UnreadableInputError: they are for another generator.
        """
        if not changes:
            return self
        generator = deepcopy(self.generator)
        parameters = dict(generator.named_parameters())
        for name, change in changes.items():
            if name not in parameters or tuple(parameters[name].shape) != change.shape:
                raise UnreadableInputError(
                    f"the person was tuned on another version of the networks ({name} {change.shape} is not in this "
                    "one); enroll the pictures again"
                )
            with torch.no_grad():
                parameters[name].add_(torch.from_numpy(change).to(parameters[name]))
        return replace(self, generator=generator)

    @torch.inference_mode()
    def embed(self, sources: Sequence[Bytes]) -> Tensor:
        """The person embedding (1, E) of sources as `see_source` gives them."""
        return self.embedder(as_tensor(np.stack(sources), self.device)[None])  # type: ignore[no-any-return]

    @torch.inference_mode()
    def difference(self, planes: Bytes, person: Tensor) -> Float:
        """(V, V, 3) what to add to a warped frame's view, in 8-bit steps.

        Args:
            planes: (V, V, 11), of a condition.
            person: from `embed`.
        """
        batch = as_tensor(planes[None], self.device)
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            said = self.generator(batch, person)
        change = (composed(batch[:, :3], said) - batch[:, :3])[0].permute(1, 2, 0) * 127.5
        return np.asarray(change.float().cpu().numpy() * feather()[..., None], np.float32)

    def repaint(
        self, rendered: Rendered, corner: tuple[int, int], face: DrivenFace, side: int, person: Tensor
    ) -> Bytes:
        """(h, w, 3) uint8: the rendered region with the generator's corrections.

        The generator sees the face at 192 px. Only the difference it makes is enlarged, so that bands finer than that
        stay the warped paint's own.

        Args:
            rendered: from `Warper.render_with_masks`.
            corner: (x, y) of the region in the picture.
            face: what was rendered.
            side: from `View.side_for`.
            person: from `embed`.
        """
        condition = see_frame(rendered, corner, face, side)
        change = self.difference(condition.planes, person)
        smaller = side < VIEW_PX
        change = cv2.resize(change, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
        out = rendered.pixels.copy()
        rows, columns, inner_rows, inner_columns = condition.view.part_of(out.shape, corner)
        part = out[rows, columns]
        cv2.add(part, change[inner_rows, inner_columns], part, dtype=cv2.CV_8U)
        out[rows, columns] = part
        return out


def _tupled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
