"""Build the shipped shape basis from the head model.

    python -m portrait_alive.training.shape_basis head_model.npz weights/shape_basis.safetensors

Needs mediapipe (for the triangles of its mesh).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.model import HeadModel, attached_points
from portrait_alive.shape.basis import ShapeBasis, save_basis
from portrait_alive.types import MESH_POINTS, Float

_TO_PICTURE_AXES = np.array([1, -1, -1], np.float32)
"""The model's y points up and its z to the viewer."""
_PARTS = {"skull": "skull", "ear_right": "right_ear", "ear_left": "left_ear", "jaw": "jaw", "neck": "neck"}


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="packed head model")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    save_basis(build_basis(HeadModel.load(arguments.model), mesh_triangles()), arguments.out)
    return 0


def build_basis(model: HeadModel, triangles: NDArray[np.int32]) -> ShapeBasis:
    """The head model restricted to the tracked points and those beyond the mesh.

    Expressions that only turn or dilate the eyes are left out: gaze is a track of its own.
    """
    mean, identity, expression = attached_points(model)
    kept = [i for i, name in enumerate(model.expression_names) if not name.startswith(("eyeLook", "PupilDilate"))]
    moved = expression[kept]
    moved[:, 468:MESH_POINTS] = 0.0
    mean = mean * _TO_PICTURE_AXES
    groups = np.array(model.extra_groups)
    kept_names = [model.expression_names[i] for i in kept]
    return ShapeBasis(
        mean=mean,
        identity=identity * _TO_PICTURE_AXES,
        expression=moved * _TO_PICTURE_AXES,
        expression_names=tuple(kept_names),
        triangles=clockwise(triangles, mean),
        beyond={part: (np.flatnonzero(groups == name) + MESH_POINTS).astype(np.int32) for name, part in _PARTS.items()},
    )


def mesh_triangles() -> NDArray[np.int32]:
    """(852, 3) triangles of MediaPipe's face mesh; its list holds the three edges of each in turn."""
    from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarksConnections

    edges = [(edge.start, edge.end) for edge in FaceLandmarksConnections.FACE_LANDMARKS_TESSELATION]
    return np.array([(*edges[i], edges[i + 1][1]) for i in range(0, len(edges), 3)], np.int32)


def clockwise(triangles: NDArray[np.int32], points: Float) -> NDArray[np.int32]:
    """Triangles whose corners run clockwise in the picture when the face looks at the viewer."""
    a, b, c = (points[triangles[:, corner], :2] for corner in range(3))
    turned = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0
    result = triangles.copy()
    result[turned] = result[turned][:, ::-1]
    return result


if __name__ == "__main__":
    sys.exit(main())
