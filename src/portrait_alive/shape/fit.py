"""Explain tracked landmarks by the shape basis: head pose, identity and expression.

Weak perspective, p = s R (mean + identity + expression) + t. Pose and coefficients are found in turn: the pose in
closed form, the coefficients by ridge regression. Points are multiplied with the shapes once; everything after that
is sums of such products, so that a face costs some milliseconds.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.pose import pose_of_moments
from portrait_alive.types import HeadFit, HeadPose, Landmarks

FITTED_POINTS = 468
"""Irises follow the gaze, not the head, and stay out of the fit."""
IDENTITY_RIDGE = 0.3
"""Weighted squared residual (model units, summed over the points) that one standard deviation of identity is worth."""
EXPRESSION_RIDGE = 2.0
"""The same for a full expression shape."""
_NEGATIVE_TOLERANCE = 0.02
_POSE_ITERATIONS = 4
_Doubles = NDArray[np.float64]
_Chosen = slice | NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HeadFitter:
    """Fits one basis; holds what does not depend on the face. Its N shapes: mean, identity modes, expressions."""

    basis: ShapeBasis
    weights: _Doubles
    """(468,) weight of each mesh point, mean 1."""
    planes: _Doubles
    """(468, N * 3) the shapes by point, each point weighed."""
    sums: _Doubles
    """(N, 3) weighted sum of each shape's points."""
    gram: _Doubles
    """(9, N, N) weighted products of the shapes by axis pair."""

    @staticmethod
    def of(basis: ShapeBasis) -> "HeadFitter":
        """Prepare a basis for fitting."""
        weights = np.ones(FITTED_POINTS)
        for group, weight in (("contour", 0.3), ("eyes", 3.0), ("mouth", 3.0), ("brows", 2.0)):
            weights[list(topology.GROUPS[group])] = weight
        weights /= weights.mean()
        shapes = np.concatenate([basis.mean[None], basis.identity, basis.expression])[:, :FITTED_POINTS]
        shapes = shapes.astype(np.float64)
        weighed = weights[:, None] * shapes
        return HeadFitter(
            basis=basis,
            weights=weights,
            planes=weighed.transpose(1, 0, 2).reshape(FITTED_POINTS, -1),
            sums=weighed.sum(1),
            gram=np.einsum("ipa,jpb->abij", weighed, shapes, optimize=True).reshape(9, len(shapes), len(shapes)),
        )

    @property
    def identity_gram(self) -> _Doubles:
        """(9, I, I) weighted products of identity modes by axis pair."""
        return self.gram[:, self._identity, self._identity]

    def fit(self, landmarks: Landmarks, *, iterations: int = 6) -> HeadFit:
        """Pose, identity and expression of one face seen once."""
        points = landmarks.points[:FITTED_POINTS, :2].astype(np.float64)
        centre = self.weights @ points / FITTED_POINTS
        seen = _Seen(centre, ((points - centre).T @ self.planes).reshape(2, -1, 3))
        head = np.zeros(len(self.sums))  # how much of each shape is in it
        head[0] = 1.0
        pose = self._pose(seen, head)
        for _ in range(iterations):
            head[self._identity] = 0.0
            head[self._identity] = self._solved(*self._normal(seen, pose, head), self._identity, IDENTITY_RIDGE)
            pose = self._pose(seen, head)
            head[self._expression] = 0.0
            head[self._expression] = self._positive(*self._normal(seen, pose, head))
            pose = self._pose(seen, head)
        return HeadFit(pose, head[self._identity].astype(np.float32), head[self._expression].astype(np.float32))

    @property
    def _identity(self) -> slice:
        return slice(1, 1 + len(self.basis.identity))

    @property
    def _expression(self) -> slice:
        return slice(1 + len(self.basis.identity), None)

    def _pose(self, seen: "_Seen", head: _Doubles) -> HeadPose:
        """The pose that puts a head onto the points, by weighted least squares."""
        centre = head @ self.sums / FITTED_POINTS
        moments = (self.gram @ head @ head).reshape(3, 3) / FITTED_POINTS - np.outer(centre, centre)
        across = head @ seen.products / FITTED_POINTS
        return pose_of_moments(moments, across, centre, seen.centre, iterations=_POSE_ITERATIONS, start=None)

    def _normal(self, seen: "_Seen", pose: HeadPose, head: _Doubles) -> tuple[_Doubles, _Doubles]:
        """(N, N) and (N,) normal equations of what the head leaves unexplained, in model units."""
        axes = pose.rotation[:2].astype(np.float64)
        normal = np.tensordot((axes.T @ axes).reshape(9), self.gram, 1)
        shift = (seen.centre - pose.translation[:2]) @ axes
        wanted = (np.einsum("anb,ab->n", seen.products, axes) + self.sums @ shift) / pose.scale
        return normal, wanted - normal @ head

    @staticmethod
    def _solved(normal: _Doubles, right: _Doubles, free: _Chosen, ridge: float) -> _Doubles:
        """How much of the free shapes."""
        square = normal[free][:, free].copy()
        square.reshape(-1)[:: len(square) + 1] += ridge  # the diagonal
        return cast(_Doubles, np.linalg.solve(square, right[free]))

    def _positive(self, normal: _Doubles, right: _Doubles) -> _Doubles:
        """(E,) expression weights: drop what would be negative and solve again, a short active-set NNLS."""
        free = np.zeros(len(right), bool)
        free[self._expression] = True
        weights = np.zeros(len(right))
        for _ in range(3):
            weights[:] = 0.0
            weights[free] = self._solved(normal, right, free, EXPRESSION_RIDGE)
            negative = weights < -_NEGATIVE_TOLERANCE
            if not negative.any():
                break
            free &= ~negative
        return np.clip(weights[self._expression], 0.0, 1.5)


@dataclass(frozen=True, eq=False)
class _Seen:
    """One face's points, multiplied with the shapes. Points are taken from their weighted centre."""

    centre: _Doubles
    """(2,) picture pixels."""
    products: _Doubles
    """(2, N, 3) weighted products of points and shapes, by picture and model axis."""
