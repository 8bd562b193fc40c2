"""Other pictures of the sitter lend a frame what the canvas cannot show: a mouth, eyes, skin that has moved alike.

For each part the picture is chosen whose own comes nearest to the driven shape and turn; it is warped the little that
is left, matched to the light around it, and blended in softly. Where the canvas itself is as good nothing is lent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.types import Bytes, DrivenFace, Float, SourceFace
from portrait_alive.warp.face_shapes import (
    EYES,
    eyes_shape,
    height_of,
    lid_gap,
    mouth_gap,
    mouth_shape,
    outline_of,
    skin_shape,
)
from portrait_alive.warp.lender import Lender
from portrait_alive.warp.lending_shares import angles_between, shares_of, stacked
from portrait_alive.warp.patch import Patch, Target, depth_within, distance_beyond, keep_clear, within_edges

MOUTH_UNIT, EYES_UNIT, SKIN_UNIT = 0.03, 0.04, 0.03
"""Distances of shapes (see `face_shapes`) that count as one."""
OPENING_COUNTS = 0.7
"""How much a mouth that is less open than the wanted one is farther than one that is as much wider."""
STRANGE_MARGIN = 8.0
"""Added to the distances of pictures in another light: lips that change colour are worse than drawn ones."""
TURN_UNIT, SKIN_TURN_UNIT = 0.25, 0.12
"""Radians of turn that count as much, of mouths and eyes, and of the face as a whole."""
MOUTH_REACH, MOUTH_REACH_STRANGE = (0.15, 0.6), (0.05, 0.3)
"""Mouth widths beyond the lips to which all is lent, and nothing more: of pictures of one sitting, and of others."""
EYE_REACH, EYE_REACH_STRANGE = (0.2, 0.7), (0.12, 0.45)
"""The same beyond the lids, in widths of the eye."""
SKIN_EDGE = (0.01, 0.08)
"""Face heights inside the outline from which skin is lent, and all of it."""
CLOSED = 0.08
"""Lid gap below which an eye is shut, and its picture shows how that looks."""
BLURRED = (1.3, 2.5)
"""Edge widths over the canvas's from which a picture is put back, and from which it does not lend at all."""
_BLUR_COUNTS = 2.0
SAME_LIGHT = (0.08, 0.2)
"""See `Lender.strangeness`: below, a picture is of the canvas's sitting; above, of another one."""


def shown(lender: Lender) -> float:
    """How far a mouth shows its inside, in [0, 1]."""
    return smoothstep(0.2, 0.5, lender.inside_shown)


@dataclass(frozen=True, eq=False)
class Lending:
    """Other pictures of the sitter, ready to lend."""

    canvas: SourceFace
    lenders: tuple[Lender, ...]
    mouths: Float
    """(1 + L, N) shapes: of the canvas, then of the lenders."""
    gaps: Float
    """(1 + L,) how far the mouths are open, 0 where lips touch."""
    eyes: Float
    """(1 + L, M)."""
    skins: Float
    """(1 + L, O)."""
    rotations: Float
    """(1 + L, 3, 3) of the heads."""
    penalties: Float
    """(1 + L,) added to distances; infinite where a picture is too blurred."""
    likeness: Float
    """(L,) in [0, 1]: 1 where light and skin are the canvas's own."""
    eyes_seen: Float
    """(1 + L,) 0, or infinite where glasses hide the eyes."""

    @staticmethod
    def of(pixels: Bytes, canvas: SourceFace, lenders: Sequence[Lender], *, canvas_glasses: bool = False) -> "Lending":
        """Measure who can lend what.

        Args:
            pixels: (H, W, 3) of the canvas picture.
            canvas: its face.
            lenders: the other pictures.
            canvas_glasses: the canvas wears glasses: its eyes stay its own.
        """
        # pieces are laid over one another: in an order of their own, so that the pictures' order does not matter
        lenders = sorted(lenders, key=lambda each: each.points.tobytes())
        everyone = [(canvas.points, canvas.fit.pose.rotation), *((each.points, each.rotation) for each in lenders)]
        own = Lender.of(pixels, canvas, canvas, lenders[0].basis)
        blur = np.array([each.edge_width / own.edge_width for each in lenders], np.float32)
        penalty = np.where(blur > BLURRED[1], np.inf, _BLUR_COUNTS * np.maximum(blur - BLURRED[0], 0))
        strangeness = np.array([each.strangeness(own) for each in lenders], np.float32)
        likeness = 1 - smoothstep(*SAME_LIGHT, strangeness)
        hidden = [canvas_glasses or each.has_glasses for each in lenders]
        return Lending(
            canvas=canvas,
            lenders=tuple(lenders),
            mouths=np.stack([mouth_shape(*one) for one in everyone]),
            gaps=np.array(
                [mouth_gap(each.points, each.rotation) * shown(each) for each in (own, *lenders)], np.float32
            ),
            eyes=np.stack([eyes_shape(*one) for one in everyone]),
            skins=np.stack([skin_shape(*one) for one in everyone]),
            rotations=np.stack([rotation for _, rotation in everyone]),
            penalties=np.append(0, penalty + STRANGE_MARGIN * (1 - likeness)).astype(np.float32),
            likeness=likeness,
            eyes_seen=np.append(0, np.where(hidden, np.inf, 0)).astype(np.float32),
        )

    def without(self, lender: Lender) -> "Lending | None":
        """The same as if one of the lenders had never been there; None where nobody is left."""
        kept = [number for number, each in enumerate(self.lenders) if each is not lender]
        if not kept:
            return None
        rows = [0, *(1 + number for number in kept)]
        return Lending(
            canvas=self.canvas,
            lenders=tuple(self.lenders[number] for number in kept),
            mouths=self.mouths[rows],
            gaps=self.gaps[rows],
            eyes=self.eyes[rows],
            skins=self.skins[rows],
            rotations=self.rotations[rows],
            penalties=self.penalties[rows],
            likeness=self.likeness[kept],
            eyes_seen=self.eyes_seen[rows],
        )

    def lend(self, driven: DrivenFace, target: Target) -> None:
        """Put into a frame what others show better, in place."""
        rotation = np.asarray(driven.turn @ self.canvas.fit.pose.rotation, np.float32)
        turns = angles_between(self.rotations, rotation)
        self._lend_skin(driven, rotation, turns, target)
        self._lend_mouth(driven, rotation, turns, target)
        self._lend_eyes(driven, rotation, turns, target)

    def _layers(
        self, shapes: Float, wanted: Float, unit: float, turns: Float, turn_unit: float, more: Float
    ) -> list[tuple[int, float]]:
        apart = np.linalg.norm(shapes - wanted, axis=1) / unit
        distances = np.hypot(apart, turns / turn_unit) + self.penalties + more
        return shares_of(distances.astype(np.float32), turns[1:])

    def _lend_skin(self, driven: DrivenFace, rotation: Float, turns: Float, target: Target) -> None:
        wanted = skin_shape(driven.points, rotation)
        shares = self._layers(self.skins, wanted, SKIN_UNIT, turns, SKIN_TURN_UNIT, np.zeros(1, np.float32))
        shares = [(index, share * float(self.likeness[index])) for index, share in shares]
        for index, opacity in stacked([(index, share) for index, share in shares if share > 0]):
            _put_skin(target, self.lenders[index].skin_for(driven), driven.points, opacity)

    def _lend_mouth(self, driven: DrivenFace, rotation: Float, turns: Float, target: Target) -> None:
        wanted = mouth_shape(driven.points, rotation)
        # a mouth that has to be opened needs drawing, one that closes does not
        opened = np.maximum(mouth_gap(driven.points, rotation) - self.gaps, 0) * np.float32(OPENING_COUNTS / MOUTH_UNIT)
        shares = self._layers(self.mouths, wanted, MOUTH_UNIT, turns, TURN_UNIT, opened)
        ring = driven.points[list(topology.LIPS_OUTER), :2]
        for index, opacity in stacked(shares):
            patch = self.lenders[index].mouth_for(driven, rotation)
            reach = self._reach(index, MOUTH_REACH, MOUTH_REACH_STRANGE)
            _put_around(target, patch, ring, (ring[0], ring[10]), reach, driven.points, opacity)

    def _lend_eyes(self, driven: DrivenFace, rotation: Float, turns: Float, target: Target) -> None:
        wanted = eyes_shape(driven.points, rotation)
        shares = self._layers(self.eyes, wanted, EYES_UNIT, turns, TURN_UNIT, self.eyes_seen)
        for index, opacity in stacked(shares):
            lender, reach = self.lenders[index], self._reach(index, EYE_REACH, EYE_REACH_STRANGE)
            for side, (upper, lower, _) in enumerate(EYES):
                own = lid_gap(lender.points, lender.rotation, side)
                gap = lid_gap(driven.points, rotation, side)
                shut = 0.0 if own < CLOSED else float(np.clip(1 - gap / own, 0, 1))
                ring = driven.points[list(upper + lower[-2:0:-1]), :2]
                patch = lender.eye_for(driven, rotation, side, shut)
                _put_around(target, patch, ring, (ring[0], ring[8]), reach, driven.points, opacity)

    def _reach(self, index: int, near: tuple[float, float], strange: tuple[float, float]) -> tuple[float, float]:
        like = float(self.likeness[index])
        return strange[0] + (near[0] - strange[0]) * like, strange[1] + (near[1] - strange[1]) * like


def _put_around(
    target: Target,
    patch: Patch | None,
    ring: Float,
    corners: tuple[Float, Float],
    reach: tuple[float, float],
    points: Float,
    opacity: float,
) -> None:
    """Put in what lies in a ring (N, 2) and around it, as far as `reach` in distances of the `corners`."""
    overlap = None if patch is None else target.overlap(patch)
    if patch is None or overlap is None:
        return
    where, inner = overlap
    shape = (where[0].stop - where[0].start, where[1].stop - where[1].start)
    width = max(float(np.linalg.norm(corners[1] - corners[0])), 1.0)
    away = distance_beyond(target.place(ring, where), shape) * np.float32(1 / width)
    deep = depth_within(target.place(outline_of(points), where), shape)
    on_face = smoothstep(0, 0.12 * width, deep)
    mask = (1 - smoothstep(*reach, away)) * on_face * within_edges(shape, 0.1 * width)
    around = np.clip((away - 0.03) / 0.06, 0, 1) * np.clip((reach[1] + 0.1 - away) / 0.15, 0, 1) * (on_face > 0)
    target.put(patch, where, inner, mask * np.float32(opacity), around.astype(np.float32), 0.25 * width)


def _put_skin(target: Target, patch: Patch, points: Float, opacity: float) -> None:
    """Put in the face, but for mouth and eyes."""
    overlap = target.overlap(patch)
    if overlap is None:
        return
    where, inner = overlap
    shape = (where[0].stop - where[0].start, where[1].stop - where[1].start)
    tall = height_of(points)
    deep = depth_within(target.place(outline_of(points), where), shape) * np.float32(1 / tall)
    mask = smoothstep(*SKIN_EDGE, deep)
    keep_clear(mask, target.place(points[list(topology.LIPS_OUTER), :2], where), (0.03, 0.15))
    for upper, lower, _ in EYES:
        keep_clear(mask, target.place(points[list(upper + lower[-2:0:-1]), :2], where), (0.1, 0.4))
    matched = np.clip(deep * 50, 0, 1).astype(np.float32)
    target.put(patch, where, inner, mask * np.float32(opacity), matched, 0.12 * tall)
