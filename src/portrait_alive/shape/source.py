"""The portrait's face in the terms that motion and warp work in."""

import numpy as np

from portrait_alive.shape.fit import HeadFitter
from portrait_alive.types import MESH_POINTS, Landmarks, SourceFace


def source_face(landmarks: Landmarks, fitter: HeadFitter) -> SourceFace:
    """The tracked face explained by the basis and completed by the points that no tracker sees.

    Mesh points keep the tracked x and y; depth, and skull, ears and neck, come from the fitted head.
    """
    fit = fitter.fit(landmarks)
    points = fitter.basis.project(fit)
    points[:MESH_POINTS, :2] = landmarks.points[:MESH_POINTS, :2]
    return SourceFace(landmarks, fit, np.ascontiguousarray(points))
