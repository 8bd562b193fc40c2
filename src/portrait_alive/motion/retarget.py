"""The driver's motion in the portrait's own face.

Everything happens in the source's own head frame, on the source's own points: expression differences are added to
them, lips, lids and irises are set, and the head is put back into the picture with its pose composed in its own frame
(source * neutral^-1 * driver; the turn enlarged by what pictures swallow of it). So a motion at rest gives the source
back exactly, and no proportion of the driver's face can leak in.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import UsageError
from portrait_alive.motion.angles import angles_of, matrix_of, scaled_rotation
from portrait_alive.motion.driven_faces import DrivenFaces
from portrait_alive.motion.eyes import Irises, Look
from portrait_alive.motion.forehead import goes_with_brows
from portrait_alive.motion.lids import EyeLids
from portrait_alive.motion.limits import reachable_shift, reachable_turn, softly_each
from portrait_alive.motion.lips import Lips, literal_opening, mouth_opening
from portrait_alive.motion.measures import brow_height, eye_distance, lip_gap, unplaced
from portrait_alive.motion.neck import Neck
from portrait_alive.motion.tracks import Motion, shares_of_one
from portrait_alive.shape.basis import ShapeBasis, place
from portrait_alive.types import DrivenFace, HeadPose, SourceFace

_BROW_PREFIXES: Final = ("brow",)
_LID_PREFIXES: Final = ("eyeBlink", "eyeWide", "eyeLook")
_SQUINT_PREFIXES: Final = ("eyeSquint",)
_BREADTH_PREFIXES: Final = ("mouthSmile", "mouthStretch", "mouthDimple", "mouthPucker")
_LEAST_BREADTH, _MOST_BREADTH = 0.85, 1.25
"""How much more or less a wide or a narrow mouth widens than the mean one."""
_LEAST_RAISE, _MOST_RAISE = 0.7, 1.3
"""How much more or less brows move than the driver's that are lower or higher at rest."""
_LOWEST_WEIGHT, _HIGHEST_WEIGHT = -0.6, 1.5
"""Expression weights of the portrait stay in here: below and beyond, the linear shapes tear."""
_LOWEST_BROW, _HIGHEST_BROW = -1.6, 3.0
"""The same of brows, approached softly: their skin slides over bone and does not tear. Shapes that oppose each other
make up one height there, so that cutting one of them took up to two fifths off a driver's brows."""
_LEAST_BROW_ROOM = 0.1
"""Room in which the way of brows that are painted close to a limit bends; the limit holds all the same."""
_BROWS_IN_PAINT, _LOOKS_IN_PAINT = 1.08, 1.28
"""So much more is asked of the mesh than is meant: painted brows go 0.91 of the mesh's way, and the visible part of
painted irises 0.87 to 0.92 of a look up or down, of which an eye's limits take another tenth (medians over twelve
pictures, benchmarks/known_motion.py)."""
_TURNS_IN_PAINT: Final = np.array([1.15, 1.3, 1.0])
"""The same of turns aside, nods and tilts: trackers read three quarters of a turn or a nod of the mesh in the picture,
which has no pixels of the side that comes into view, and all of a tilt (docs/motion.md). Turns aside, which are larger
and tear sooner, are made up for by half of that."""
_WIDEST = 1.5
"""Widest opening of lids against the source's own."""


@dataclass(frozen=True, kw_only=True)
class RetargetOptions:
    """How strongly each part follows the driver: 0 not at all, 1 as it is, 2 doubled.

    Raises:
        UsageError: a strength is outside 0..2.
    """

    pose: float = 1.0
    mouth: float = 1.0
    """Mouth, jaw, cheeks and nose."""
    brows: float = 1.0
    lids: float = 1.0
    gaze: float = 1.0
    look: Look = "driver"
    scale: float = 0.0
    """How much of the driver's coming nearer shows; 0 locks the size of the head, since shoulders do not follow."""

    def __post_init__(self) -> None:
        for name in ("pose", "mouth", "brows", "lids", "gaze", "scale"):
            if not 0.0 <= getattr(self, name) <= 2.0:
                raise UsageError(f"--{name} {getattr(self, name):g}: choose a strength from 0 to 2")
        if self.look not in ("driver", "camera", "keep"):
            raise UsageError(f"--look {self.look}: choose driver, camera or keep")


@dataclass(frozen=True, eq=False)
class Retargeted(DrivenFaces):
    """The portrait driven by a motion: one `DrivenFace` per frame, computed when asked for."""

    source: SourceFace
    motion: Motion
    basis: ShapeBasis
    options: RetargetOptions

    def __len__(self) -> int:
        return self.motion.frame_count

    @cached_property
    def _own(self) -> NDArray[np.float64]:
        """(P, 3) the source's points in its head's frame."""
        return unplaced(self.source.points, self.source.fit.pose)

    @cached_property
    def _lids(self) -> tuple[EyeLids, EyeLids]:
        return EyeLids.of(self._own, self.basis, 0), EyeLids.of(self._own, self.basis, 1)

    @cached_property
    def _irises(self) -> Irises:
        return Irises.of(self._own)

    @cached_property
    def _lips(self) -> Lips:
        return Lips.of(self.basis)

    @cached_property
    def _neck(self) -> Neck:
        return Neck.of(self.basis, self.source)

    @cached_property
    def _shape_order(self) -> NDArray[np.intp]:
        """(E,) where each of the motion's expression shapes is in the basis.

        Raises:
            UsageError: the motion uses shapes that this version of the head model does not have.
        """
        unknown = sorted(set(self.motion.expression_names) - set(self.basis.expression_names))
        if unknown:
            raise UsageError(f"the motion uses unknown expression shapes ({', '.join(unknown[:3])}); track it again")
        return np.array([self.basis.expression_index(name) for name in self.motion.expression_names], np.intp)

    @cached_property
    def _breadth(self) -> float:
        """Width of this mouth over the mean one's: a smile widens it in its own measure, not in centimetres."""
        own, mean = (float(np.linalg.norm(points[291] - points[61])) for points in (self._own, self.basis.mean))
        return float(np.clip(own / mean, _LEAST_BREADTH, _MOST_BREADTH))

    @cached_property
    def _raise(self) -> float:
        """Height of these brows over the driver's at rest: a raise lifts them in their own measure too."""
        brows = self._is_brow[self._shape_order]
        worn = self.motion.neutral.expression[brows], self.basis.expression[self._shape_order[brows]]
        rest = self.basis.mean + np.tensordot(*worn, 1)
        return float(np.clip(brow_height(self._own) / brow_height(rest), _LEAST_RAISE, _MOST_RAISE))

    @cached_property
    def _reach(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(E of the basis,) lowest and highest weight of each shape."""
        return (
            np.where(self._is_brow, _LOWEST_BROW, _LOWEST_WEIGHT),
            np.where(self._is_brow, _HIGHEST_BROW, _HIGHEST_WEIGHT),
        )

    @cached_property
    def _shapes(self) -> NDArray[np.float64]:
        """(E of the basis, P, 3) the basis's expression shapes, those of brows with a forehead that stays behind."""
        shapes = self.basis.expression.astype(np.float64)
        shapes[self._is_brow] *= goes_with_brows(self.basis)[:, None]
        return shapes

    @cached_property
    def _is_brow(self) -> NDArray[np.bool_]:
        """(E of the basis,)."""
        return np.array([name.startswith(_BROW_PREFIXES) for name in self.basis.expression_names])

    @cached_property
    def _strengths(self) -> NDArray[np.float64]:
        """(E,) strength of each of the motion's expression shapes."""

        breadth, raised = self._breadth, self._raise

        def of(name: str) -> float:
            if name.startswith(_LID_PREFIXES):
                return 0.0  # lids are set explicitly
            if name.startswith(_BROW_PREFIXES):
                return self.options.brows * raised * _BROWS_IN_PAINT
            if name.startswith(_BREADTH_PREFIXES):
                return self.options.mouth * breadth
            return self.options.lids if name.startswith(_SQUINT_PREFIXES) else self.options.mouth

        return np.array([of(name) for name in self.motion.expression_names])

    def driven(self, frame: int) -> DrivenFace:
        points = self._own.copy()
        change = self._expression_change(frame)
        moved = change != 0
        if moved.any():
            points += np.tensordot(change[moved], self._shapes[moved], 1)
        self._set_lips(points, frame, change)
        pose, turn = self._pose(frame)
        gaze = self._gaze_change(frame, pose)
        sinks = min(self.options.lids, 1.0) * gaze[:, 1] * self._irises.half_width
        openings = self._lid_openings(frame)
        for lids, opening, sink in zip(self._lids, openings, sinks.tolist(), strict=True):
            lids.move(points, opening, sink)
        self._irises.move(points, gaze)
        driven = self._in_picture(points, pose, frame)
        return DrivenFace(
            points=driven,
            turn=turn.astype(np.float32),
            lid_closure=(float(np.clip(1 - openings[0], 0, 1)), float(np.clip(1 - openings[1], 0, 1))),
            mouth_opening=mouth_opening(points),
            body_lift=self._lift(frame),
            inside=shares_of_one(self.motion.inside[frame]),
        )

    def _lift(self, frame: int) -> float:
        return float(np.clip(self.motion.body[frame], -0.01, 0.01))

    def _expression_change(self, frame: int) -> NDArray[np.float64]:
        """(E of the basis,) change of expression weights against the source's own."""
        wanted = (self.motion.expression[frame] - self.motion.neutral.expression) * self._strengths
        change = np.zeros(len(self.basis.expression))
        change[self._shape_order] = wanted
        own = self.source.fit.expression
        lowest, highest = self._reach
        brows = self._is_brow
        change[brows] = softly_each(
            change[brows],
            np.minimum(_LOWEST_BROW - own[brows], -_LEAST_BROW_ROOM),
            np.maximum(_HIGHEST_BROW - own[brows], _LEAST_BROW_ROOM),
        )
        return np.clip(own + change, np.minimum(lowest, own), np.maximum(highest, own)) - own

    def _set_lips(self, points: NDArray[np.float64], frame: int, change: NDArray[np.float64]) -> None:
        contact = float(self.motion.contact[frame])
        rest = self.motion.neutral.mouth
        opening = rest + self.options.mouth * (float(self.motion.mouth[frame]) - rest)
        if contact <= 0.0 or self.options.mouth == 0.0:
            return
        eyes = eye_distance(self._own)
        own_gap = lip_gap(self._own)
        literal = literal_opening(opening, rest, own_gap / eyes) * eyes
        # tracked lips that overlap at rest overlap as much when they touch
        literal += min(own_gap, 0.0) * max(1.0 - literal / (0.1 * eyes), 0.0)
        gap = contact * literal + (1.0 - contact) * lip_gap(points)
        jaw = self._lips.jaw_index
        jaw_weight = float(self.source.fit.expression[jaw] + change[jaw])
        self._lips.set_gap(points, gap, jaw_weight, self._lips.between(self._own))

    def _lid_openings(self, frame: int) -> tuple[float, float]:
        """Opening of each eye against the source's own: 0 shut, 1 as in the source."""
        rest = np.maximum(self.motion.neutral.lids, 0.1)
        opening = self.motion.lids[frame] / rest
        right, left = 1.0 + self.options.lids * (opening - 1.0)
        return float(np.clip(right, 0.0, _WIDEST)), float(np.clip(left, 0.0, _WIDEST))

    def _pose(self, frame: int) -> tuple[HeadPose, NDArray[np.float64]]:
        """Head pose in the picture, and the turn against the source's (3, 3)."""
        own, rest = self.source.fit.pose, self.motion.neutral
        if self.options.pose == 0.0:
            return own, np.eye(3)
        relative = matrix_of(rest.rotation).T @ matrix_of(self.motion.rotation[frame])
        source_rotation = own.rotation.astype(np.float64)
        shift = reachable_shift(self.options.pose * (self.motion.translation[frame] - rest.translation))
        scale = own.scale * (1.0 + self.options.scale * (float(self.motion.scale[frame]) - 1.0))
        translation = own.translation + scale * np.append(shift, 0.0)
        if np.allclose(relative, np.eye(3), atol=1e-7):
            return HeadPose(own.rotation, translation.astype(np.float32), scale), np.eye(3)
        shown = matrix_of(_TURNS_IN_PAINT * angles_of(relative))
        wanted = source_rotation @ scaled_rotation(shown, self.options.pose)
        source_angles = angles_of(source_rotation)
        turn_wanted = angles_of(wanted) - source_angles
        reached = reachable_turn((turn_wanted + np.pi) % (2 * np.pi) - np.pi, source_angles)
        rotation = matrix_of(source_angles + reached)
        return (
            HeadPose(rotation.astype(np.float32), translation.astype(np.float32), scale),
            rotation @ source_rotation.T,
        )

    def _gaze_change(self, frame: int, pose: HeadPose) -> NDArray[np.float32]:
        if self.options.look == "keep":
            return np.zeros((2, 2), np.float32)
        if self.options.look == "camera":
            return self._irises.reachable(self._irises.at_viewer(pose.rotation.astype(np.float64)), together=False)
        change = self.options.gaze * (self.motion.gaze[frame] - self.motion.neutral.gaze)
        change[:, 1] *= _LOOKS_IN_PAINT
        return self._irises.reachable(change.astype(np.float32))

    def _in_picture(self, points: NDArray[np.float64], pose: HeadPose, frame: int) -> NDArray[np.float32]:
        """Put the head into the picture as a displacement of the source's points, so that rest is rest exactly."""
        own = self.source.fit.pose
        moved = place(points.astype(np.float32), pose) - place(self._own.astype(np.float32), own)
        return self._neck.blended(self.source.points, moved, self._lift(frame))


def retarget(
    source: SourceFace, motion: Motion, basis: ShapeBasis, options: RetargetOptions | None = None
) -> Retargeted:
    """The portrait's face for each frame of a motion, computed lazily.

    Args:
        source: the portrait's face.
        motion: at the output's frame rate (see `Motion.resampled`).
        basis: the shape basis that `source` was fitted with.
        options: strengths and gaze.
    """
    return Retargeted(source, motion, basis, options or RetargetOptions())
