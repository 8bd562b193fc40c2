"""Explain tracked landmarks by the shape basis: head pose, identity and expression.

Weak perspective, p = s R (mean + identity + expression) + t. Pose and coefficients are found in turn: the pose by
`weak_perspective`, the coefficients by ridge regression whose normal equations are assembled from precomputed Gram
matrices, one for each pair of axes, so that a frame costs milliseconds.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.pose import weak_perspective
from portrait_alive.types import Float, HeadFit, HeadPose, Landmarks

FITTED_POINTS = 468
"""Irises follow the gaze, not the head, and stay out of the fit."""
IDENTITY_RIDGE = 0.3
"""Weighted squared residual (model units, summed over the points) that one standard deviation of identity is worth."""
EXPRESSION_RIDGE = 2.0
"""The same for a full expression shape."""
_NEGATIVE_TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class HeadFitter:
    """Fits one basis; holds what does not depend on the face."""

    basis: ShapeBasis
    weights: NDArray[np.float64]
    """(468,) weight of each mesh point, mean 1."""
    identity_gram: NDArray[np.float64]
    """(3, 3, I, I) weighted products of identity modes by axis pair."""
    expression_gram: NDArray[np.float64]
    """(3, 3, E, E) the same for expressions."""

    @staticmethod
    def of(basis: ShapeBasis) -> "HeadFitter":
        """Prepare a basis for fitting."""
        weights = np.ones(FITTED_POINTS)
        for group, weight in (("contour", 0.3), ("eyes", 3.0), ("mouth", 3.0), ("brows", 2.0)):
            weights[list(topology.GROUPS[group])] = weight
        weights /= weights.mean()
        return HeadFitter(
            basis=basis,
            weights=weights,
            identity_gram=_gram(basis.identity[:, :FITTED_POINTS], weights),
            expression_gram=_gram(basis.expression[:, :FITTED_POINTS], weights),
        )

    def fit(self, landmarks: Landmarks, *, iterations: int = 6) -> HeadFit:
        """Pose, identity and expression of one face seen once."""
        points = landmarks.points[:FITTED_POINTS, :2].astype(np.float64)
        identity = np.zeros(len(self.basis.identity))
        expression = np.zeros(len(self.basis.expression))
        pose = self.pose(points, self._shape(identity, expression))
        for _ in range(iterations):
            identity = self._solve(
                points,
                pose,
                self._shape(0 * identity, expression),
                self.basis.identity,
                self.identity_gram,
                IDENTITY_RIDGE,
            )
            pose = self.pose(points, self._shape(identity, expression))
            expression = self._expression(points, pose, identity)
            pose = self.pose(points, self._shape(identity, expression))
        return HeadFit(pose, identity.astype(np.float32), expression.astype(np.float32))

    def fit_expression(self, landmarks: Landmarks, identity: Float, *, iterations: int = 3) -> HeadFit:
        """Pose and expression of one frame of a face whose identity is known."""
        points = landmarks.points[:FITTED_POINTS, :2].astype(np.float64)
        fixed = identity.astype(np.float64)
        expression = np.zeros(len(self.basis.expression))
        pose = self.pose(points, self._shape(fixed, expression))
        for _ in range(iterations):
            expression = self._expression(points, pose, fixed)
            pose = self.pose(points, self._shape(fixed, expression))
        return HeadFit(pose, identity.astype(np.float32), expression.astype(np.float32))

    def pose(self, points: NDArray[np.float64], shape: NDArray[np.float64], *, iterations: int = 4) -> HeadPose:
        """Weak-perspective pose that puts `shape` (468, 3) onto `points` (468, 2 or 3), weighted least squares."""
        return weak_perspective(points, shape, self.weights, iterations=iterations)

    def _shape(self, identity: NDArray[np.float64], expression: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = self.basis.shape(identity.astype(np.float32), expression.astype(np.float32))
        return shape[:FITTED_POINTS].astype(np.float64)

    def _expression(
        self, points: NDArray[np.float64], pose: HeadPose, identity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        neutral = self._shape(identity, np.zeros(len(self.basis.expression)))
        free = np.ones(len(self.basis.expression), bool)
        weights = np.zeros(len(free))
        for _ in range(3):  # drop what would be negative and solve again: a short active-set NNLS
            weights[:] = 0.0
            weights[free] = self._solve(
                points,
                pose,
                neutral,
                self.basis.expression[free],
                self.expression_gram[:, :, free][:, :, :, free],
                EXPRESSION_RIDGE,
            )
            negative = weights < -_NEGATIVE_TOLERANCE
            if not negative.any():
                break
            free &= ~negative
        return np.clip(weights, 0.0, 1.5)

    def _solve(
        self,
        points: NDArray[np.float64],
        pose: HeadPose,
        shape: NDArray[np.float64],
        modes: Float,
        gram: NDArray[np.float64],
        ridge: float,
    ) -> NDArray[np.float64]:
        """Ridge-regress the modes onto what `shape` leaves unexplained, in model units."""
        seen = pose.rotation[:2].astype(np.float64)
        wanted = (points[:, :2] - pose.translation[:2]) / pose.scale - shape @ seen.T
        normal = np.einsum("ab,abij->ij", seen.T @ seen, gram)
        right = np.tensordot(modes[:, :FITTED_POINTS].astype(np.float64), (wanted * self.weights[:, None]) @ seen, 2)
        normal[np.diag_indices_from(normal)] += ridge
        return cast(NDArray[np.float64], np.linalg.solve(normal, right))


def _gram(modes: Float, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    heavy = modes.astype(np.float64)
    return cast(NDArray[np.float64], np.einsum("ipa,p,jpb->abij", heavy, weights, heavy, optimize=True))
