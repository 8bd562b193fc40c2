"""Pack a folder of ICT-FaceKit into the one file that `HeadModel.load` reads.

ICT-FaceKit's light model is published by USC ICT under the MIT licence at https://github.com/ICT-VGL/ICT-FaceKit,
in the folder FaceXModel: one OBJ file for the neutral head, one for each identity mode and one for each expression.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import OutputError, UnreadableInputError
from portrait_alive.heads.model import ICT_VERTICES
from portrait_alive.types import Float

NEUTRAL = "generic_neutral_mesh.obj"
MATERIALS = (
    "M_Face", "M_BackHead", "M_GumsTongue", "M_Teeth", "M_ScleraLeft", "M_IrisLeft", "M_ScleraRight", "M_IrisRight",
    "M_LacrimalFluid", "M_EyeBlend", "M_EyeOcclusion", "M_EyeLashes",
)  # fmt: skip
"""Names in the OBJ file, in the order of the numbers in `model`."""


def import_model(folder: Path | str, out: Path | str, *, expected_vertices: int = ICT_VERTICES) -> Path:
    """Write the packed head model and return its path.

    Args:
        folder: ICT-FaceKit, or its FaceXModel folder.
        out: the .npz file to write; replaced if it exists.
        expected_vertices: number of vertices of the topology that the tracked points are known for.

    Raises:
        UnreadableInputError: the folder lacks the model, or it has another topology.
        OutputError: the file cannot be written.
    """
    home = Path(folder)
    if not (home / NEUTRAL).is_file():
        home = home / "FaceXModel"
    if not (home / NEUTRAL).is_file():
        raise UnreadableInputError(
            f"{folder}: no {NEUTRAL} in it or in its FaceXModel. Give the folder of ICT-FaceKit, "
            "from https://github.com/ICT-VGL/ICT-FaceKit."
        )
    arrays = read_mesh(home / NEUTRAL)
    count = len(arrays["vertices"])
    if count != expected_vertices:
        raise UnreadableInputError(
            f"{home / NEUTRAL}: has {count} vertices, the light model has {expected_vertices}. "
            "Use the current version of ICT-FaceKit."
        )
    modes = sorted(path for path in home.glob("identity*.obj"))
    shapes = sorted(path for path in home.glob("*.obj") if path not in modes and path.name != NEUTRAL)
    if not modes or not any(path.stem == "jawOpen" for path in shapes):
        raise UnreadableInputError(f"{home}: identity or expression files are missing. Fetch the whole folder again.")
    known = json.loads(resources.files("portrait_alive.heads").joinpath("ict_mesh478.json").read_text("utf-8"))
    arrays |= {
        "identity": _differences(modes, arrays["vertices"]),
        "expression": _differences(shapes, arrays["vertices"]),
        "expression_names": np.array([path.stem for path in shapes]),
        "lm68": np.array(known["lm68"], np.int64),
        "mesh478_neutral": np.array(known["points"], np.float32),
    }
    target = Path(out)
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        part.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error}).") from error
    return target


def _differences(paths: list[Path], neutral: Float) -> NDArray[np.float16]:
    """(N, V, 3) how the meshes in `paths` differ from the neutral one."""
    out = np.zeros((len(paths), *neutral.shape), np.float16)
    for row, path in enumerate(paths):
        vertices = read_vertices(path)
        if vertices.shape != neutral.shape:
            raise UnreadableInputError(
                f"{path}: has {len(vertices)} vertices, {NEUTRAL} has {len(neutral)}. Fetch the folder again."
            )
        out[row] = vertices - neutral
    return out


def read_vertices(path: Path) -> Float:
    """(V, 3) the vertices of an OBJ file.

    Raises:
        UnreadableInputError: the file cannot be read as OBJ.
    """
    try:
        with path.open("r", encoding="utf-8") as file:
            rows = [line.split()[1:4] for line in file if line.startswith("v ")]
        return np.array(rows, np.float32)
    except (OSError, ValueError) as error:
        raise UnreadableInputError(f"{path}: cannot be read as OBJ ({error}). Fetch it again.") from error


def read_mesh(path: Path) -> dict[str, NDArray[Any]]:
    """Vertices, texture coordinates, triangles and materials of an OBJ file; polygons are cut into fans.

    Raises:
        UnreadableInputError: the file cannot be read as OBJ, or names a material that is not one of `MATERIALS`.
    """
    uv: list[list[float]] = []
    faces: list[list[int]] = []
    uv_faces: list[list[int]] = []
    material: list[int] = []
    current = 0
    try:
        with path.open("r", encoding="utf-8") as file:
            for line in file:
                word, _, rest = line.partition(" ")
                if word == "vt":
                    uv.append([float(one) for one in rest.split()[:2]])
                elif word == "usemtl":
                    current = MATERIALS.index(rest.strip().split(":")[-1])
                elif word == "f":
                    corners = [corner.split("/") for corner in rest.split()]
                    points = [int(corner[0]) - 1 for corner in corners]
                    places = [int(corner[1]) - 1 for corner in corners]
                    for k in range(1, len(points) - 1):
                        faces.append([points[0], points[k], points[k + 1]])
                        uv_faces.append([places[0], places[k], places[k + 1]])
                        material.append(current)
    except (OSError, ValueError, IndexError) as error:
        raise UnreadableInputError(f"{path}: cannot be read as ICT-FaceKit's OBJ ({error}).") from error
    return {
        "vertices": read_vertices(path),
        "uv": np.array(uv, np.float32),
        "faces": np.array(faces, np.int32),
        "uv_faces": np.array(uv_faces, np.int32),
        "material": np.array(material, np.int8),
        "material_names": np.array(MATERIALS),
    }
