"""Pose and expression of one known face through a clip, frame after frame, in a fraction of a millisecond.

`HeadFitter` explains a face seen once; here identity is known, the frame before is a start, and what the basis cannot
say about this face's rest is kept as an offset for each point, so that it is not mistaken for an expression.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.measures import eye_distance, in_head_frame
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.fit import FITTED_POINTS, IDENTITY_RIDGE, HeadFitter
from portrait_alive.shape.pose import weak_perspective
from portrait_alive.types import MESH_POINTS, Float, HeadPose, Landmarks

_RIDGE = 0.6
"""Weighted squared residual, summed over the points in model units, that a full expression shape is worth."""
_NEGATIVE_RIDGE = 30.0
_NEGATIVE_SOFTNESS = 0.05
"""Muscles pull, they do not push: weights below 0 cost more, by a ramp of this width so that no weight flickers."""
_ROUNDS, _FIRST_ROUNDS = 2, 4
_MATCH_SLACK = 0.02
"""Model units squared: how exactly brow heights and mouth corners are matched after the fit. A ridge takes a fifth off
every raise of a brow; what is seen first should not pay for that."""
_IDENTITY_FRAMES, _IDENTITY_ROUNDS = 12, 3
_OFFSET_SHRINK = 0.9

_EXPRESSION_WEIGHTS: Final = (("contour", 0.3), ("eyes", 2.0), ("mouth", 3.0), ("brows", 6.0))
_BROW_HALF: Final = 5
_MATCHED_POINTS: Final = [
    *(107, 55, 66, 65, 52), *(70, 63, 105, 53, 46), *(336, 285, 296, 295, 282), *(300, 293, 334, 283, 276),
    *(33, 133, 362, 263), *(61, 291),
]  # fmt: skip
"""Inner and outer half of the right brow, of the left brow, corners of the eyes, corners of the mouth."""
_POSE_WEIGHTS: Final = (("contour", 0.1), ("eyes", 0.4), ("mouth", 0.15), ("brows", 0.3))
_NOSE: Final = (
    1, 2, 3, 4, 5, 6, 19, 45, 48, 51, 64, 94, 98, 115, 122, 168, 195, 196, 197, 220, 248, 275, 278, 281, 294, 327, 344,
    351, 419, 440,
)  # fmt: skip
_NOSE_WEIGHT: Final = 4.0
"""Head pose is read from what moves least on its own: nose, cheekbones, temples, forehead. The nose weighs most, since
it alone stands out of the face and so tells a nod; the contour least, since a turned head shows another one."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Whose face it is."""

    identity: Float
    """(I,) coefficients of the basis."""
    rest: NDArray[np.float64]
    """(478, 3) the face without expression, model units: mean + identity + this face's own offsets."""


@dataclass(frozen=True, eq=False)
class Followed:
    """One frame explained."""

    pose: HeadPose
    expression: NDArray[np.float64]
    """(E,)."""
    residual: float
    """Mean distance between tracked and explained points over the eyes' distance: high where a hand hides the face."""


@dataclass(frozen=True, eq=False)
class Follower:
    """Follows one subject; holds what does not change from frame to frame."""

    fitter: HeadFitter
    subject: Subject
    modes: NDArray[np.float64]
    """(E, 468, 3)."""
    weights: NDArray[np.float64]
    """(468,) weight of each point for the expression."""
    gram: NDArray[np.float64]
    """(9, E * E) weighted products of expression shapes by axis pair."""
    matching: NDArray[np.float64]
    """(E, M) change of expression weights per model unit that one of the M matched lengths is off."""
    pose_weights: NDArray[np.float64]
    """(468,) weight of each point for the pose."""
    mesh_modes: NDArray[np.float64]
    """(E, 3 * 478) the expression shapes of the whole mesh."""

    @staticmethod
    def of(fitter: HeadFitter, subject: Subject) -> "Follower":
        """Prepare a subject."""
        modes = fitter.basis.expression[:, :FITTED_POINTS].astype(np.float64)
        weights = _weights(_EXPRESSION_WEIGHTS)
        return Follower(
            fitter=fitter,
            subject=subject,
            modes=modes,
            weights=weights,
            gram=np.einsum("ipa,p,jpb->abij", modes, weights, modes, optimize=True).reshape(9, -1),
            matching=_matching(fitter.basis, modes),
            pose_weights=_pose_weights(),
            mesh_modes=fitter.basis.expression[:, :MESH_POINTS].astype(np.float64).reshape(len(modes), -1),
        )

    def follow(self, points: Float, before: Followed | None) -> Followed:
        """Pose and expression in one frame.

        Args:
            points: (478, 2 or more) tracked, picture pixels.
            before: the frame before, where there is one.
        """
        seen_points = points[:FITTED_POINTS, :2].astype(np.float64)
        rest = self.subject.rest[:FITTED_POINTS]
        expression = np.zeros(len(self.modes)) if before is None else before.expression
        shape = self._shape(rest, expression)
        pose = self._pose(seen_points, shape, None)
        for _ in range(_ROUNDS if before is not None else _FIRST_ROUNDS):
            expression = self._expression(seen_points, pose, rest, expression)
            shape = self._shape(rest, expression)
            pose = self._pose(seen_points, shape, pose)
        expression = expression + self.matching @ self._lengths_missed(seen_points, pose, shape)
        shape = self._shape(rest, expression)
        explained = pose.scale * shape @ pose.rotation[:2].T + pose.translation[:2]
        distance = np.hypot(*(explained - seen_points).T).mean()
        return Followed(pose, expression, float(distance / (eye_distance(rest) * pose.scale)))

    def shape(self, followed: Followed) -> NDArray[np.float64]:
        """(478, 3) the subject's face with this frame's expression, model units."""
        return np.asarray(self.subject.rest + (followed.expression @ self.mesh_modes).reshape(-1, 3))

    def _pose(self, points: NDArray[np.float64], shape: NDArray[np.float64], start: HeadPose | None) -> HeadPose:
        return weak_perspective(points, shape, self.pose_weights, iterations=4, start=start)

    def _shape(self, rest: NDArray[np.float64], expression: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = expression @ self.modes.reshape(len(self.modes), -1)
        return np.asarray(rest + flat.reshape(-1, 3))

    def _lengths_missed(
        self, points: NDArray[np.float64], pose: HeadPose, shape: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(M,) what the matched lengths are seen to be, less what `shape` says, model units."""
        used = _MATCHED_POINTS
        seen = in_head_frame(points[used].astype(np.float32), pose, shape[used].astype(np.float32))
        return _matched_lengths((seen - shape[used])[:, :2])

    def _expression(
        self,
        points: NDArray[np.float64],
        pose: HeadPose,
        rest: NDArray[np.float64],
        before: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Ridge regression with a penalty on negative weights that takes the signs from the round before."""
        seen = pose.rotation[:2].astype(np.float64)
        wanted = (points - pose.translation[:2]) / pose.scale - rest @ seen.T
        count = len(self.modes)
        normal = (seen.T @ seen).reshape(9) @ self.gram
        right = self.modes.reshape(count, -1) @ ((wanted * self.weights[:, None]) @ seen).reshape(-1)
        negative = np.minimum(np.maximum(before * (-1 / _NEGATIVE_SOFTNESS), 0.0), 1.0)
        normal[:: count + 1] += _RIDGE + _NEGATIVE_RIDGE * negative  # the diagonal
        return cast(NDArray[np.float64], np.linalg.solve(normal.reshape(count, count), right))


def _matched_lengths(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,) inner and outer brow heights above the eyes' corners, right then left, and places of the mouth's corners.

    Args:
        points: (K, 2 or more) the points `_MATCHED_POINTS`, or their displacements.
    """
    brows = points[: 4 * _BROW_HALF, 1].reshape(4, _BROW_HALF).mean(1)
    corners = points[4 * _BROW_HALF : 4 * _BROW_HALF + 4, 1].reshape(2, 2).mean(1)
    mouth = points[4 * _BROW_HALF + 4 :, :2].reshape(-1)
    return np.concatenate([brows - np.repeat(corners, 2), mouth])


def _matching(basis: ShapeBasis, modes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(E, M) least change of the brows' and the mouth's shapes that makes up for missed lengths."""
    rows = np.stack([_matched_lengths(mode[_MATCHED_POINTS]) for mode in modes], 1)  # (M, E)
    of_brow = np.array([name.startswith("brow") for name in basis.expression_names])
    of_mouth = np.array([name.startswith("mouth") for name in basis.expression_names])
    matching = np.zeros((len(modes), len(rows)))
    for shapes, lengths in ((of_brow, slice(0, 4)), (of_mouth, slice(4, None))):
        part = rows[lengths][:, shapes]
        gram = part @ part.T + _MATCH_SLACK * np.eye(len(part))
        matching[np.ix_(shapes, np.arange(len(rows))[lengths])] = part.T @ np.linalg.inv(gram)
    return matching


def _weights(groups: tuple[tuple[str, float], ...]) -> NDArray[np.float64]:
    """(468,) weights of the mesh points with those of some groups replaced, mean 1."""
    weights = np.ones(FITTED_POINTS)
    for group, weight in groups:
        weights[list(topology.GROUPS[group])] = weight
    return np.asarray(weights / weights.mean())


def _pose_weights() -> NDArray[np.float64]:
    """(468,) weight of each point for the head's pose, mean 1."""
    weights = _weights(_POSE_WEIGHTS)
    weights[list(_NOSE)] *= _NOSE_WEIGHT
    return np.asarray(weights / weights.mean())


def meet_subject(frames: Sequence[Landmarks], fitter: HeadFitter) -> Subject:
    """Identity and own offsets of a face from some frames of it, jointly: one identity explains all of them.

    In turn: pose and expression of each frame for the identity so far, then the identity for all poses and
    expressions; at last,
    what is still missed in all frames alike becomes the face's own offsets.

    Args:
        frames: at least one; spread over time, best with the head turning a little.
    """
    chosen = [frames[i].points for i in np.unique(np.linspace(0, len(frames) - 1, _IDENTITY_FRAMES).astype(int))]
    identity = np.zeros(len(fitter.basis.identity), np.float32)
    seen: list[Followed | None] = [None] * len(chosen)
    follower = Follower.of(fitter, Subject(identity, _neutral_shape(identity, fitter)))
    for _ in range(_IDENTITY_ROUNDS):
        seen = [follower.follow(points, before) for points, before in zip(chosen, seen, strict=True)]
        identity = _joint_identity(chosen, seen, follower)  # type: ignore[arg-type]
        follower = replace(follower, subject=Subject(identity, _neutral_shape(identity, fitter)))
    if len(chosen) == 1:  # one picture cannot tell offset from expression
        return follower.subject
    return Subject(identity, _own_rest(chosen, follower))


def _neutral_shape(identity: Float, fitter: HeadFitter) -> NDArray[np.float64]:
    """(478, 3) the basis's idea of an identity without expression."""
    still = np.zeros(len(fitter.basis.expression), np.float32)
    return fitter.basis.shape(identity, still)[:MESH_POINTS].astype(np.float64)


def _joint_identity(frames: Sequence[Float], seen: Sequence[Followed], follower: Follower) -> Float:
    """(I,) ridge regression over all frames at once, turned and blinking ones included."""
    fitter = follower.fitter
    count = len(fitter.basis.identity)
    modes = fitter.basis.identity[:, :FITTED_POINTS].astype(np.float64).reshape(count, -1)
    mean = fitter.basis.mean[:FITTED_POINTS].astype(np.float64)
    gram = fitter.identity_gram.reshape(9, -1)
    normal = np.zeros((count, count))
    right = np.zeros(count)
    for points, followed in zip(frames, seen, strict=True):
        pose = followed.pose
        axes = pose.rotation[:2].astype(np.float64)
        shape = mean + (followed.expression @ follower.modes.reshape(len(follower.modes), -1)).reshape(-1, 3)
        wanted = (points[:FITTED_POINTS, :2] - pose.translation[:2]) / pose.scale - shape @ axes.T
        normal += ((axes.T @ axes).reshape(9) @ gram).reshape(count, count)
        right += modes @ ((wanted * fitter.weights[:, None]) @ axes).reshape(-1)
    normal[np.diag_indices(count)] += IDENTITY_RIDGE * len(frames)
    return np.linalg.solve(normal, right).astype(np.float32)


def _own_rest(frames: Sequence[Float], follower: Follower) -> NDArray[np.float64]:
    """(478, 3) rest of the subject with what all frames miss alike added."""
    offsets, weights = [], []
    for points in frames:
        followed = follower.follow(points, None)
        shape = follower.shape(followed).astype(np.float32)
        offsets.append((in_head_frame(points[:MESH_POINTS], followed.pose, shape) - shape)[:, :2])
        # a turned face shows its far side badly
        weights.append(float(followed.pose.rotation[2, 2]) ** 4)
    rest = follower.subject.rest.copy()
    rest[:FITTED_POINTS, :2] += _OFFSET_SHRINK * np.average(offsets, axis=0, weights=weights)[:FITTED_POINTS]
    return rest
