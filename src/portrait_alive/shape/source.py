"""The portrait's face in the terms that motion and warp work in."""

from dataclasses import replace

import numpy as np

from portrait_alive.shape.fit import HeadFitter
from portrait_alive.types import MESH_POINTS, Float, HeadPose, Landmarks, SourceFace


def source_face(landmarks: Landmarks, fitter: HeadFitter) -> SourceFace:
    """The tracked face explained by the basis and completed by the points that no tracker sees.

    Mesh points keep the tracked x and y; depth, and skull, ears and neck, come from the fitted head.
    """
    fit = fitter.fit(landmarks)
    points = fitter.basis.project(fit)
    points[:MESH_POINTS, :2] = landmarks.points[:MESH_POINTS, :2]
    return SourceFace(landmarks, fit, np.ascontiguousarray(points))


def face_of_piece(face: SourceFace, corner: Float, scale: Float) -> SourceFace:
    """The face of a piece of its picture: less the piece's `corner` (3,), then times `scale` (3,)."""
    pose = face.fit.pose
    fit = replace(
        face.fit,
        pose=HeadPose(pose.rotation, (pose.translation - corner) * scale, pose.scale * float(scale[2])),
    )
    landmarks = replace(face.landmarks, points=(face.landmarks.points - corner) * scale)
    return SourceFace(landmarks, fit, ((face.points - corner) * scale).astype(np.float32))


def yaw_of(face: SourceFace) -> float:
    """Turn of the head to the side in radians, 0 facing the viewer."""
    forward = face.fit.pose.rotation @ np.array([0.0, 0.0, -1.0], np.float32)
    return float(np.arctan2(forward[0], -forward[2]))
