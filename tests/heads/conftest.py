"""A made-up head: an egg with eyes, mouth, teeth and a neck, in the axes and units of the real model."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from portrait_alive.heads.model import HeadModel, refined_points
from portrait_alive.heads.regions import Regions, find_regions

SIDED = (
    "PupilDilate", "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekRaiser", "cheekSquint", "eyeBlink",
    "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown",
    "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
WHOLE = (
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel", "mouthLeft", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
)  # fmt: skip
EYE, MOUTH = (3.2, 3.5), (0.0, -3.4)


def egg(x: NDArray[Any], y: NDArray[Any], front: bool) -> NDArray[Any]:
    """z of the skull's surface over (x, y)."""
    inside = np.clip(1 - (x / 8.2) ** 2 - ((y - 2.5) / 11.5) ** 2, 0, 1)
    return np.sqrt(inside) * (10.0 if front else -8.5)


def patch(columns: int, rows: int, surface: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Vertices, triangles and texture coordinates of a grid over the unit square, counter-clockwise from outside."""
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    points = np.stack(surface(u, v), -1).reshape(-1, 3)
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    return points, faces, np.stack([u, v], -1).reshape(-1, 2) * 0.98 + 0.01


def ball(centre: tuple[float, float, float], radius: float, n: int = 14) -> Any:
    """A sphere's surface for `patch`, with a pole towards the viewer."""

    def surface(u: NDArray[Any], v: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        turn, tip = 2 * np.pi * u, np.pi * v
        return (
            centre[0] + radius * np.sin(tip) * np.cos(turn),
            centre[1] + radius * np.sin(tip) * np.sin(turn),
            centre[2] - radius * np.cos(tip),
        )

    return patch(n, n, surface)


def made_up_arrays() -> dict[str, NDArray[Any]]:
    """The arrays of a packed head model."""
    meshes = []
    # disc maps the unit square's rim to the egg's outline, so that front and back meet there

    def disc(u: NDArray[Any], v: NDArray[Any], front: bool) -> tuple[NDArray[Any], ...]:
        a, b = 2 * u - 1, 2 * v - 1
        x, y = a * np.sqrt(1 - b * b / 2), b * np.sqrt(1 - a * a / 2)
        x, y = x * 8.2 * 0.999, y * 11.5 * 0.999 + 2.5
        return (x if front else -x), y, egg(x, y, front)

    face = patch(61, 77, lambda u, v: disc(u, v, True))
    middle = face[0][face[1]].mean(1)
    eyes = ((np.abs(middle[:, 0]) - EYE[0]) / 1.15) ** 2 + ((middle[:, 1] - EYE[1]) / 0.45) ** 2 < 1
    mouth = ((middle[:, 0] - MOUTH[0]) / 2.0) ** 2 + ((middle[:, 1] - MOUTH[1]) / 0.25) ** 2 < 1
    meshes.append((0, (face[0], face[1][~eyes & ~mouth], face[2])))
    meshes.append((1, patch(25, 25, lambda u, v: disc(u, v, False))))
    neck = patch(
        24, 8,
        lambda u, v: (5.5 * np.sin(2 * np.pi * u), -17 + 12 * v, -3 + 4.5 * np.cos(2 * np.pi * u)),
    )  # fmt: skip
    meshes.append((1, neck))
    meshes.append((1, patch(6, 6, lambda u, v: (5 * u - 2.5, 4 * v - 5.5, 0 * u + 5.0))))
    meshes.append((2, patch(6, 6, lambda u, v: (4 * u - 2, 2 * v - 5.6, 0 * u + 7.0))))
    meshes.append((3, patch(8, 4, lambda u, v: (3 * u - 1.5, v - 3.4, 8.2 - (u - 0.5) ** 2))))
    for sclera, iris, sign in ((4, 5, 1.0), (6, 7, -1.0)):
        meshes.append((sclera, ball((sign * EYE[0], EYE[1], 7.0), 1.5)))
        meshes.append((iris, ball((sign * EYE[0], EYE[1], 7.0), 1.3, 6)))
    vertices = np.concatenate([mesh[0] for _, mesh in meshes]).astype(np.float32)
    starts = np.cumsum([0] + [len(mesh[0]) for _, mesh in meshes])
    faces = np.concatenate([mesh[1] + start for (_, mesh), start in zip(meshes, starts[:-1], strict=True)])
    names = sorted([one + side for one in SIDED for side in ("_L", "_R")] + list(WHOLE))
    expression = np.zeros((len(names), len(vertices), 3), np.float32)
    x, y, z = vertices.T
    jaw = np.clip((MOUTH[1] - y) / 0.3, 0, 1) * (z > 4)
    expression[names.index("jawOpen"), :, 1] = -2.5 * jaw
    expression[names.index("mouthSmile_L"), :, 0] = 0.5 * np.exp(-((x - 2) ** 2 + (y + 3.4) ** 2)) * (z > 4)
    expression[names.index("mouthSmile_R"), :, 0] = -0.5 * np.exp(-((x + 2) ** 2 + (y + 3.4) ** 2)) * (z > 4)
    identity = np.zeros((3, len(vertices), 3), np.float32)
    identity[0, :, 0], identity[1, :, 1] = 0.05 * x, 0.04 * y
    identity[2, :, 2] = 0.6 * np.exp(-(x**2 + (y - 0.5) ** 2) / 2) * (z > 4)
    spots = np.zeros((68, 3), np.float32)
    places = {36: (-4.6, 3.5), 39: (-1.9, 3.5), 42: (1.9, 3.5), 45: (4.6, 3.5), 60: (-2.3, -3.4), 64: (2.3, -3.4),
              62: (0.0, -2.2), 66: (0.0, -4.6), 27: (0.0, 3.6), 30: (0.0, 0.6)}  # fmt: skip
    for row, (px, py) in places.items():
        spots[row] = (px, py, float(egg(np.array(px), np.array(py), True)))
    lm68 = ((vertices[None, : len(face[0])] - spots[:, None]) ** 2).sum(2).argmin(1)
    return {
        "vertices": vertices,
        "faces": faces.astype(np.int32),
        "uv": np.concatenate([mesh[2] for _, mesh in meshes]).astype(np.float32),
        "uv_faces": faces.astype(np.int32),
        "material": np.concatenate([np.full(len(mesh[1]), number) for number, mesh in meshes]).astype(np.int8),
        "identity": identity,
        "expression": expression,
        "expression_names": np.array(names),
        "lm68": lm68.astype(np.int64),
        "mesh478_neutral": refined_points(),
    }


@pytest.fixture(scope="session")
def made_up_head() -> HeadModel:
    """A small head model."""
    return HeadModel.of_arrays(made_up_arrays(), identity_modes=3, name="made up")


@pytest.fixture(scope="session")
def made_up_regions(made_up_head: HeadModel) -> Regions:
    """Its regions."""
    return find_regions(made_up_head)
