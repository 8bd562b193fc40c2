"""The shape basis: every head as mean + identity modes + expression shapes, on the mesh and a few points beyond it.

The same linear model as a blendshape rig (Lewis et al. 2014), restricted to the 478 mesh points and to points on skull,
ears and neck, which no tracker sees but which have to move with the head.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from portrait_alive.errors import UnreadableInputError
from portrait_alive.types import MESH_POINTS, Float, HeadFit, HeadPose


@dataclass(frozen=True, eq=False)
class ShapeBasis:
    """Linear shape model in model units (about a centimetre), axes x right, y down, z away, facing the viewer."""

    mean: Float
    """(P, 3): 478 mesh points, then the points beyond the mesh."""
    identity: Float
    """(I, P, 3) modes for coefficients ~ N(0, 1)."""
    expression: Float
    """(E, P, 3) shapes for weights in 0..1."""
    expression_names: tuple[str, ...]
    """E names after ARKit: jawOpen, eyeBlink_L, ..."""
    triangles: NDArray[np.int32]
    """(T, 3) triangles of the face mesh, indices below 468."""
    beyond: dict[str, NDArray[np.int32]]
    """Indices (into P) of the points beyond the mesh by part: skull, right_ear, left_ear, jaw, neck."""

    @property
    def point_count(self) -> int:
        """P."""
        return int(self.mean.shape[0])

    def shape(self, identity: Float, expression: Float) -> Float:
        """Points (P, 3) in model units of one head.

        Args:
            identity: (I,) coefficients.
            expression: (E,) weights.
        """
        moved = np.tensordot(identity, self.identity, 1) + np.tensordot(expression, self.expression, 1)
        return cast(Float, (self.mean + moved).astype(np.float32))

    def project(self, fit: HeadFit) -> Float:
        """Points (P, 3) in picture pixels of a fitted head."""
        return place(self.shape(fit.identity, fit.expression), fit.pose)

    def expression_index(self, name: str) -> int:
        """Position of an expression shape by its ARKit name; ValueError when there is none."""
        return self.expression_names.index(name)


def place(points: Float, pose: HeadPose) -> Float:
    """Model points (P, 3) put into the picture by a weak-perspective pose: scale * rotation @ p + translation."""
    return cast(Float, (pose.scale * points @ pose.rotation.T + pose.translation).astype(np.float32))


def save_basis(basis: ShapeBasis, path: Path) -> None:
    """Write a basis as safetensors (modes in fp16)."""
    tensors: dict[str, NDArray[np.generic]] = {
        "mean": basis.mean.astype(np.float32),
        "identity": basis.identity.astype(np.float16),
        "expression": basis.expression.astype(np.float16),
        "triangles": basis.triangles.astype(np.int32),
    }
    for part, indices in basis.beyond.items():
        tensors[f"beyond.{part}"] = indices.astype(np.int32)
    # safetensors writes the buffer as it lies in memory, so every array has to be in C order
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    save_file(
        tensors,
        path,
        metadata={"format": "shape-basis-1", "expression_names": " ".join(basis.expression_names)},
    )


def load_basis(path: Path) -> ShapeBasis:
    """Read a basis.

    Raises:
        UnreadableInputError: the file is missing, damaged or of another kind.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except Exception as error:
        raise UnreadableInputError(
            f"{path}: the shape basis cannot be read ({error}); reinstall the package"
        ) from error
    if metadata.get("format") != "shape-basis-1" or tensors["mean"].shape[0] < MESH_POINTS:
        raise UnreadableInputError(f"{path}: not a shape basis; reinstall the package")
    return ShapeBasis(
        mean=tensors["mean"],
        identity=tensors["identity"].astype(np.float32),
        expression=tensors["expression"].astype(np.float32),
        expression_names=tuple(metadata["expression_names"].split()),
        triangles=tensors["triangles"],
        beyond={name.removeprefix("beyond."): t for name, t in tensors.items() if name.startswith("beyond.")},
    )
