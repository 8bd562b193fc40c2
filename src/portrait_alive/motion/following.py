"""Pose and expression of one known face through a clip, frame after frame, in a fraction of a millisecond.

`HeadFitter` explains a face seen once; here identity is known, the frame before is a start, and what the basis cannot
say about this face's rest is kept as an offset for each point, so that it is not mistaken for an expression.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from portrait_alive.motion.measures import eye_distance, in_head_frame
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.fit import FITTED_POINTS, IDENTITY_RIDGE, HeadFitter
from portrait_alive.shape.pose import pose_of_moments
from portrait_alive.types import MESH_POINTS, Float, HeadPose, Landmarks

_RIDGE = 0.6
"""Weighted squared residual, summed over the points in model units, that a full expression shape is worth."""
_NEGATIVE_RIDGE = 30.0
_NEGATIVE_SOFTNESS = 0.05
"""Muscles pull, they do not push: weights below 0 cost more, by a ramp of this width so that no weight flickers."""
_ROUNDS, _FIRST_ROUNDS, _POSE_ITERATIONS = 2, 4, 4
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
class _Shapes:
    """What does not depend on the subject: the expression shapes, and their products by which no point is touched again
    once a frame's points have been multiplied with the shapes.

    Products come in many small ones rather than in a few large ones: for those OpenBLAS calls upon a second thread,
    which waits by spinning and takes its core from the next frames' networks.
    """

    modes: NDArray[np.float64]
    """(E, 468, 3)."""
    mesh_modes: NDArray[np.float64]
    """(3, E, 478) the expression shapes of the whole mesh, by axis."""
    weights: NDArray[np.float64]
    """(468,) weight of each point for the expression."""
    pose_weights: NDArray[np.float64]
    """(468,) weight of each point for the pose, sum 1."""
    gram: NDArray[np.float64]
    """(3, 3, E, E) weighted products of expression shapes by axis pair."""
    sums: NDArray[np.float64]
    """(E, 3) weighted sum of each shape's displacements."""
    centres: NDArray[np.float64]
    """(E, 3) how far each shape moves the face's centre, as the pose's weights see it."""
    pose_gram: NDArray[np.float64]
    """(3, 3, E, E) products of the shapes about that centre, with the pose's weights, by axis pair."""
    matching: NDArray[np.float64]
    """(E, M) change of expression weights per model unit that one of the M matched lengths is off."""
    matched_modes: NDArray[np.float64]
    """(E, 3 * K) the expression shapes of the points that are matched."""

    @staticmethod
    def of(basis: ShapeBasis) -> "_Shapes":
        modes = basis.expression[:, :FITTED_POINTS].astype(np.float64)
        count = len(modes)
        weights, pose_weights = _weights(_EXPRESSION_WEIGHTS), _pose_weights()
        centres = np.einsum("p,ipa->ia", pose_weights, modes)
        return _Shapes(
            modes=modes,
            mesh_modes=np.ascontiguousarray(basis.expression[:, :MESH_POINTS].transpose(2, 0, 1), np.float64),
            weights=weights,
            pose_weights=pose_weights,
            gram=_products(modes, weights),
            sums=np.einsum("p,ipa->ia", weights, modes),
            centres=centres,
            pose_gram=_products(modes - centres[:, None], pose_weights),
            matching=_matching(basis, modes),
            matched_modes=np.ascontiguousarray(modes[:, _MATCHED_POINTS]).reshape(count, -1),
        )


@dataclass(frozen=True, eq=False)
class _Sight:
    """One frame's points, multiplied with the subject's shapes. Points are taken from their weighted centre."""

    centre: NDArray[np.float64]
    """(2,) picture pixels."""
    by_shape: NDArray[np.float64]
    """(E, 6) by picture and model axis: weighted products of points and shapes, for the expression."""
    by_rest: NDArray[np.float64]
    """(2, 3) products of points and rest, with the pose's weights."""
    by_shape_posed: NDArray[np.float64]
    """(E, 6) the same of points and shapes."""
    matched: NDArray[np.float64]
    """(K, 2) the points whose lengths are matched, picture pixels."""


@dataclass(frozen=True, eq=False)
class Follower:
    """Follows one subject; holds what does not change from frame to frame."""

    fitter: HeadFitter
    subject: Subject
    shapes: _Shapes
    across: NDArray[np.float64]
    """(E, 9) weighted products of expression shapes and rest by axis pair."""
    rest_centre: NDArray[np.float64]
    """(3,) of the rest, as the pose's weights see it."""
    rest_moments: NDArray[np.float64]
    """(3, 3) of the rest about it."""
    rest_across: NDArray[np.float64]
    """(E, 9) products of shapes and rest about their centres, both ways, with the pose's weights."""
    planes: NDArray[np.float64]
    """(468, 3 * E + 3) all expression shapes, and the rest."""

    @staticmethod
    def of(fitter: HeadFitter, subject: Subject) -> "Follower":
        """Prepare a subject."""
        return Follower._with(fitter, subject, _Shapes.of(fitter.basis))

    def to(self, subject: Subject) -> "Follower":
        """The same for another subject."""
        return Follower._with(self.fitter, subject, self.shapes)

    @staticmethod
    def _with(fitter: HeadFitter, subject: Subject, shapes: _Shapes) -> "Follower":
        rest = subject.rest[:FITTED_POINTS]
        count = len(shapes.modes)
        rest_centre = shapes.pose_weights @ rest
        about = rest - rest_centre
        weighted = shapes.pose_weights[:, None] * about
        one_way = np.einsum("ipa,pb->iab", shapes.modes - shapes.centres[:, None], weighted, optimize=True)
        across = np.einsum("ipa,pb->iab", shapes.modes, shapes.weights[:, None] * rest, optimize=True)
        flat = shapes.modes.transpose(1, 0, 2).reshape(FITTED_POINTS, -1)
        return Follower(
            fitter=fitter,
            subject=subject,
            shapes=shapes,
            across=across.reshape(count, 9),
            rest_centre=rest_centre,
            rest_moments=weighted.T @ about,
            rest_across=(one_way + one_way.transpose(0, 2, 1)).reshape(count, 9),
            planes=np.concatenate([flat, rest], 1),
        )

    def follow(self, points: Float, before: Followed | None) -> Followed:
        """Pose and expression in one frame.

        Args:
            points: (478, 2 or more) tracked, picture pixels.
            before: the frame before, where there is one.
        """
        return self.follow_all(points[None], before)[0]

    def follow_all(self, points: Float, before: Followed | None) -> list[Followed]:
        """Pose and expression in consecutive frames: what does not depend on the frame before is done for all at once.

        Args:
            points: (N, 478, 2 or more) tracked, picture pixels.
            before: the frame before the first, where there is one.
        """
        explained = []
        seen = points[:, :FITTED_POINTS, :2].astype(np.float64)
        expression = None if before is None else before.expression
        for sight in self._sights(seen):
            pose, expression = self._explained(sight, expression)
            explained.append((pose, expression))
        meshes = self._meshes([expression for _, expression in explained])[:, :FITTED_POINTS]
        followed = []
        for (pose, expression), mesh, found in zip(explained, meshes, seen, strict=True):
            off = pose.scale * mesh @ pose.rotation[:2].T + pose.translation[:2] - found
            distance = float(np.hypot(off[:, 0], off[:, 1]).mean())
            followed.append(Followed(pose, expression, distance / (self._eye_distance * pose.scale)))
        return followed

    def shape(self, followed: Followed) -> NDArray[np.float64]:
        """(478, 3) the subject's face with this frame's expression, model units."""
        return cast(NDArray[np.float64], self.shapes_of([followed])[0])

    def shapes_of(self, followed: Sequence[Followed]) -> NDArray[np.float64]:
        """(N, 478, 3) the subject's face with each frame's expression, model units."""
        return self._meshes([frame.expression for frame in followed])

    def _meshes(self, expressions: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        moved = np.stack(expressions) @ self.shapes.mesh_modes  # (3, N, 478)
        return np.asarray(self.subject.rest + moved.transpose(1, 2, 0))

    @cached_property
    def _eye_distance(self) -> float:
        return eye_distance(self.subject.rest[:FITTED_POINTS])

    @cached_property
    def _matched_rest(self) -> NDArray[np.float64]:
        return self.subject.rest[_MATCHED_POINTS]

    def _sights(self, points: NDArray[np.float64]) -> list[_Sight]:
        """Frames (N, 468, 2) multiplied with the shapes."""
        shapes, count = self.shapes, len(self.shapes.modes)
        centres = shapes.pose_weights @ points  # (N, 2)
        across = (points - centres[:, None]).transpose(0, 2, 1)  # (N, 2, 468)
        weighted = np.stack([across * shapes.weights, across * shapes.pose_weights], 1)  # (N, 2, 2, 468)
        products = (weighted @ self.planes).reshape(len(points), 2, 2, count + 1, 3)
        by_shape = products[:, :, :, :count].transpose(0, 1, 3, 2, 4).reshape(len(points), 2, count, 6)
        return [
            _Sight(centre, of_frame[0], rest, of_frame[1], matched)
            for centre, of_frame, rest, matched in zip(
                centres, by_shape, products[:, 1, :, count], points[:, _MATCHED_POINTS], strict=True
            )
        ]

    def _explained(self, sight: _Sight, before: NDArray[np.float64] | None) -> tuple[HeadPose, NDArray[np.float64]]:
        expression = np.zeros(len(self.shapes.modes)) if before is None else before
        pose = self._pose(sight, expression, None)
        for _ in range(_ROUNDS if before is not None else _FIRST_ROUNDS):
            expression = self._expression(sight, pose, expression)
            pose = self._pose(sight, expression, pose)
        return pose, expression + self.shapes.matching @ self._lengths_missed(sight, pose, expression)

    def _pose(self, sight: _Sight, expression: NDArray[np.float64], start: HeadPose | None) -> HeadPose:
        """The pose in which the face with this expression lies best under the points."""
        shapes = self.shapes
        moments = self.rest_moments + (expression @ self.rest_across).reshape(3, 3)
        moments += shapes.pose_gram @ expression @ expression
        across = sight.by_rest + (expression @ sight.by_shape_posed).reshape(2, 3)
        centre = self.rest_centre + expression @ shapes.centres
        return pose_of_moments(moments, across, centre, sight.centre, iterations=_POSE_ITERATIONS, start=start)

    def _lengths_missed(self, sight: _Sight, pose: HeadPose, expression: NDArray[np.float64]) -> NDArray[np.float64]:
        """(M,) what the matched lengths are seen to be, less what the expression says, model units."""
        shape = self._matched_rest + (expression @ self.shapes.matched_modes).reshape(-1, 3)
        return _matched_lengths((in_head_frame(sight.matched, pose, shape) - shape)[:, :2])

    def _expression(self, sight: _Sight, pose: HeadPose, before: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ridge regression with a penalty on negative weights that takes the signs from the round before."""
        seen = pose.rotation[:2].astype(np.float64)
        shapes, count = self.shapes, len(before)
        squares = seen.T @ seen
        normal = np.einsum("ab,abij->ij", squares, shapes.gram)
        shift = (pose.translation[:2] - sight.centre) @ seen
        right = (sight.by_shape @ seen.reshape(6) - shapes.sums @ shift) / pose.scale - self.across @ squares.reshape(9)
        negative = np.minimum(np.maximum(before * (-1 / _NEGATIVE_SOFTNESS), 0.0), 1.0)
        normal.reshape(-1)[:: count + 1] += _RIDGE + _NEGATIVE_RIDGE * negative  # the diagonal
        return cast(NDArray[np.float64], np.linalg.solve(normal, right))


def _products(modes: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3, E, E) weighted products of shapes (E, P, 3) by axis pair."""
    return cast(NDArray[np.float64], np.einsum("ipa,p,jpb->abij", modes, weights, modes, optimize=True))


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
    """(468,) weight of each point for the head's pose, sum 1."""
    weights = _weights(_POSE_WEIGHTS)
    weights[list(_NOSE)] *= _NOSE_WEIGHT
    return np.asarray(weights / weights.sum())


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
        follower = follower.to(Subject(identity, _neutral_shape(identity, fitter)))
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
    shapes = follower.shapes.modes
    normal = np.zeros((count, count))
    right = np.zeros(count)
    for points, followed in zip(frames, seen, strict=True):
        pose = followed.pose
        axes = pose.rotation[:2].astype(np.float64)
        shape = mean + (followed.expression @ shapes.reshape(len(shapes), -1)).reshape(-1, 3)
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
