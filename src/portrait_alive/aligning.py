"""`--retarget absolute`: what landmarks cannot tell of the driver's motion, read off the driver's pictures.

Hair, shoulders and the middle of a cheek have no landmarks. Source and driver are one person in one framing, so that
the moved source can be laid over the driver's frame: what is not yet in place shows where it belongs (dense optical
flow, Kroeger et al., ECCV 2016). Only motion is taken from the driver, smoothed; colours stay the source's.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.motion.driven_faces import DrivenFaces
from portrait_alive.rendering import in_order
from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.shape.source import face_of_piece
from portrait_alive.tracking.matte import Matter
from portrait_alive.types import MESH_POINTS, Alignment, Box, Bytes, DrivenFace, Float, Picture, SourceFace
from portrait_alive.warp.layers import region_of, take_apart
from portrait_alive.warp.region import free_of_edges
from portrait_alive.warp.warper import Warper

_Values = TypeVar("_Values", Float, Bytes)
_FACE_PX = 192
"""Longer side of the face's mesh at which pictures are compared."""
_LARGEST_ENLARGEMENT = 2.0
_FACE_MARGIN = 1.6
"""Side of the square that is looked at closely, in longer sides of the mesh."""
_CLOSE_BLUR, _FAR_BLUR = 1.5, 4.0
"""Sigmas of the flow's smoothing, in pixels of the half size, on which all flows are kept: of the face, and of all that
moves, where it is found on the half size too."""
_COMPARED_BLUR = 2.5
"""Sigma over which pictures are compared after alignment, in pixels of the half size."""
_TRUSTED_GAIN = (-0.02, 0.08)
"""Share of the difference between the two pictures that the flow takes away, from which it counts, and fully."""
_CRUMPLED = (0.2, 0.45)
"""Change of the flow from pixel to pixel up to which it stays as it is, and from which on it is smoothed: where one
thing comes out from behind another, it could only crumple what is there."""
_EASED_BLURS = (3.0, 6.0)
"""Sigmas of that smoothing, one after the other."""
_PLAIN = 2.0
"""Variance, in 8-bit steps, below which a place shows nothing that could fit."""
_ONE_SITTING = 0.74
"""Likeness (median over the frames) below which the driver is not followed: it is another person, or in another light.
30 pairs of strangers had up to 0.69, 8 clips with their own first frame 0.80 and more."""
_BENT = 0.02
"""Correlation that each pixel counts by which the face had to be bent: bent far enough, strangers fit as well."""
_EDGES = 0.3
"""Face heights from the region's edges over which the flow comes in: beyond, the picture stays as it is."""
_EYES_ENLARGED = 1.3
"""Enlargement from which eyes stay where the tracker has them: in so small a face the flow sees less of them."""
_EYES = list(topology.GROUPS["eyes"] + topology.GROUPS["irises"])
_LOOKS = 3
"""At every frame."""
_CELLS = 40
"""Along each side of the region: what is kept of the flow beyond the face."""
_STEPS = 127


@dataclass(frozen=True, eq=False)
class _Found:
    """One frame's."""

    shifts: Float
    """(P, 2) picture pixels by which the driven points have to move on."""
    flow: Float
    """(_CELLS, _CELLS, 2) as `Alignment.flow`."""
    likeness: float
    """Correlation of source and driver over the face, once aligned by a first look, less what had to be bent for it."""


@dataclass(frozen=True, eq=False)
class Aligner:
    """The source small, moved like the large one, to be laid over the driver's frames."""

    warper: Warper
    size: tuple[int, int]
    """(height, width) of the whole picture, small."""
    scale: Float
    """(3,) small pixels per picture pixel."""
    edges: Float
    """(h, w) in [0, 1], half the region's size: 0 at its edges, which have to stay where they are."""
    moves_eyes: bool
    """The face is large enough to see where its eyes have to go."""

    @staticmethod
    def of(picture: Picture, face: SourceFace, basis: ShapeBasis, room: Box, matter: Matter) -> "Aligner":
        """For a source and its face; `room` is the box that its points will ever be in."""
        height, width = picture.size
        mesh = Box.around(face.points[:MESH_POINTS])
        factor = min(_FACE_PX / max(mesh.width, mesh.height), _LARGEST_ENLARGEMENT)
        size = (max(round(height * factor), 1), max(round(width * factor), 1))
        scale = np.array([size[1] / width, size[0] / height, factor], np.float32)
        small = Picture(_resized(picture.pixels, size))
        small_room = Box(room.x * scale[0], room.y * scale[1], room.width * scale[0], room.height * scale[1])
        small_face = face_of_piece(face, np.zeros(3, np.float32), scale)
        layers = take_apart(small, small_face, basis, matter=matter, room=small_room)
        free = free_of_edges(layers.grid, layers.grid.nodes(), size, _EDGES * layers.frame.face_height)
        height, width = layers.grid.size
        edges = cv2.resize(free, (width // 2, height // 2))
        return Aligner(Warper(layers), size, scale, edges, factor < _EYES_ENLARGED)

    @property
    def box(self) -> Box:
        """The region, in picture pixels."""
        left, top, right, bottom = self.warper.box
        x, y = left / float(self.scale[0]), top / float(self.scale[1])
        return Box(x, y, right / float(self.scale[0]) - x, bottom / float(self.scale[1]) - y)

    def look(self, driven: DrivenFace, frame: Bytes) -> _Found:
        """Where a driven face is off the driver's frame (H, W, 3) that it was driven by.

        What is found is moved and looked at again: less is off then, and more of that is found.
        """
        small = replace(driven, points=driven.points * self.scale)
        left, top, *_ = self.warper.box
        made = _grey(self.warper.render(small))
        seen = region_of(_grey(_resized(frame, self.size)), self.warper.layers.grid)
        at = ((small.points[:, :2] - np.array([left, top], np.float32)) / 2 - 0.5).astype(np.float32)
        half, mesh = _halved(seen), at[:MESH_POINTS]
        flow, fit = self._off(seen, made, half, mesh)
        likeness = fit - _BENT * float(np.linalg.norm(_shifts(flow, mesh), axis=1).mean())
        for _ in range(_LOOKS - 1):
            moved_on = _looked_up(made, 2 * cv2.resize(flow, made.shape[1::-1], interpolation=cv2.INTER_LINEAR))
            further, _ = self._off(seen, moved_on, half, mesh)
            flow = further + _looked_up(flow, further)
        kept, per = 2 * cv2.resize(flow, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA), self.scale[:2]
        shifts = _shifts(flow, at) / per
        if not self.moves_eyes:
            shifts[_EYES] = 0.0
        return _Found(shifts.astype(np.float32), (kept / per).astype(np.float32), likeness)

    def _off(self, seen: Bytes, made: Bytes, half: Bytes, mesh: Float) -> tuple[Float, float]:
        """One look: the flow that counts, as of `_flow`, and how well `made` then fits `seen`, as of `_compared`.

        Args:
            seen: (h, w) grey, of the driver.
            made: (h, w) grey, of the source.
            half: `seen` at half its size.
            mesh: (478, 2) the face's, in the half's pixels.
        """
        halves = half, _halved(made)
        flow = _eased(_flow(seen, made, halves, Box.around(mesh)))
        trust, fit = _compared(*halves, flow, mesh)
        return flow * (trust * self.edges)[..., None], fit


@dataclass(frozen=True, eq=False)
class AlignedStates(DrivenFaces):
    """Driven faces, put where the driver's pictures show them; some 6 kB a frame."""

    states: Sequence[DrivenFace]
    box: Box
    """That the flows fill, in picture pixels."""
    shifts: Sequence["_Packed"]
    flows: Sequence["_Packed"]
    """For each state as in `_Found`."""

    def __len__(self) -> int:
        return len(self.states)

    def driven(self, frame: int) -> DrivenFace:
        driven = self.states[frame]
        points = driven.points.copy()
        points[:, :2] += self.shifts[frame].unpacked()
        alignment = Alignment(driven.points, self.flows[frame].unpacked(), self.box)
        return replace(driven, points=points, alignment=alignment)


@dataclass(frozen=True, eq=False)
class _Packed:
    """Numbers in 255 steps of one size."""

    steps: NDArray[np.int8]
    step: float

    @staticmethod
    def of(values: Float) -> "_Packed":
        step = max(float(np.abs(values).max()), 1e-6) / _STEPS
        return _Packed(np.rint(values / step).astype(np.int8), step)

    def unpacked(self) -> Float:
        return self.steps * np.float32(self.step)


def aligned(
    aligner: Aligner,
    states: Sequence[DrivenFace],
    frames: Iterable[Bytes],
    *,
    threads: int = 1,
    on_frame: Callable[[int], None] | None = None,
) -> AlignedStates | None:
    """The states, each put where its frame of the driver shows it; where there are too few frames, the last holds.

    Args:
        aligner: of the source.
        states: of its face, in absolute places.
        frames: (H, W, 3) uint8 of the driver, in the source's framing, one for each state.
        threads: that look at frames side by side.
        on_frame: told how many frames have been looked at.

    Returns:
        None where the driver does not look like the source: it is another person, or another light.
    """
    shifts, flows, likeness = [], [], []
    with closing(in_order(lambda pair: aligner.look(*pair), _pairs(states, frames), threads=threads)) as looks:
        for found in looks:
            shifts.append(_Packed.of(found.shifts))
            flows.append(_Packed.of(found.flow))
            likeness.append(found.likeness)
            if on_frame is not None:
                on_frame(len(shifts))
    if not likeness or float(np.median(likeness)) < _ONE_SITTING:
        return None
    missing = len(states) - len(shifts)
    return AlignedStates(states, aligner.box, shifts + shifts[-1:] * missing, flows + flows[-1:] * missing)


def _pairs(states: Sequence[DrivenFace], frames: Iterable[Bytes]) -> Generator[tuple[DrivenFace, Bytes], None, None]:
    for index, frame in zip(range(len(states)), frames, strict=False):
        yield states[index], frame


def _shifts(flow: Float, at: Float) -> Float:
    """(P, 2) small pixels by which points (P, 2), in pixels of the flow, have to move on to be where it leads."""
    moved = at
    for _ in range(2):  # what the frame shows at `at` is in the driver's at `moved`
        moved = at - cv2.remap(flow, moved[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    return 2 * (moved - at)


def _halved(pixels: Bytes) -> Bytes:
    """A picture (h, w) at half its size; an odd last row or column is left out."""
    height, width = (extent // 2 for extent in pixels.shape)
    return cast(Bytes, cv2.resize(pixels[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))


def _flow(seen: Bytes, made: Bytes, halves: tuple[Bytes, Bytes], mesh: Box) -> Float:
    """(h, w, 2) backward: by how much further each place of `seen` has to look in `made`, in pixels of half the size.

    About the face, whose mesh is in `mesh` (of the half size), it is found at full size, elsewhere at half.
    """
    fast = cv2.DISOPTICAL_FLOW_PRESET_FAST
    flow = cv2.GaussianBlur(cv2.DISOpticalFlow.create(fast).calc(*halves, None), (0, 0), _FAR_BLUR)
    side = _FACE_MARGIN * max(mesh.width, mesh.height) / 2
    low = np.maximum(np.subtract(mesh.centre, side), 0).astype(int)
    high = np.minimum(np.add(mesh.centre, side), flow.shape[1::-1]).astype(int)
    if (high - low).min() >= 16:
        view = (slice(low[1], high[1]), slice(low[0], high[0]))
        whole = tuple(slice(2 * part.start, 2 * part.stop) for part in view)
        closely = cv2.DISOpticalFlow.create(fast)
        closely.setFinestScale(1)
        near = closely.calc(np.ascontiguousarray(seen[whole]), np.ascontiguousarray(made[whole]), None)
        near = cv2.resize(near, tuple(high - low), interpolation=cv2.INTER_AREA) / 2
        near = cv2.GaussianBlur(near, (0, 0), _CLOSE_BLUR)
        flow[view] += (near - flow[view]) * _window(near.shape[:2])[..., None]
    return cast(Float, flow)


def _compared(seen: Bytes, made: Bytes, flow: Float, mesh: Float) -> tuple[Float, float]:
    """What following the flow brings.

    Returns:
        (h, w) in [0, 1], 1 where it makes the pictures alike, 0 where it does not: nothing there fits. And how alike
        they then are over the face whose `mesh` (N, 2) is in their pixels: the median correlation.
    """
    one, other = seen.astype(np.float32), made.astype(np.float32)
    moved = _looked_up(other, flow)
    one, other, moved = (each - _blurred(each, 2.0) for each in (one, other, moved))  # light apart
    before, after = (_blurred(np.abs(one - each), 2.0) for each in (other, moved))
    trust = _blurred(smoothstep(*_TRUSTED_GAIN, (before - after) / (before + 1)), 2.0)
    both, seen_alone, made_alone = _blurred(one * moved), _blurred(one * one), _blurred(moved * moved)
    fit = both / np.sqrt((seen_alone + _PLAIN) * (made_alone + _PLAIN))
    face = np.zeros(fit.shape, np.uint8)
    cv2.fillConvexPoly(face, np.round(cv2.convexHull(np.ascontiguousarray(mesh))).astype(np.int32), 1)
    within = fit[face > 0]
    return trust, float(np.median(within)) if within.size else 0.0


def _looked_up(picture: _Values, flow: Float) -> _Values:
    """A picture (h, w) or (h, w, C), each pixel from as far off as its flow (h, w, 2) says."""
    height, width = flow.shape[:2]
    pixels = np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    found = cv2.remap(picture, pixels + flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(_Values, found)


def _eased(flow: Float) -> Float:
    """The flow, smoother where it stretches or crumples."""
    for sigma in _EASED_BLURS:
        crumpled = cv2.GaussianBlur(smoothstep(*_CRUMPLED, _stretch(flow)), (0, 0), sigma)
        share = np.minimum(2 * crumpled, 1)[..., None]
        flow = flow + (cv2.GaussianBlur(flow, (0, 0), sigma) - flow) * share
    return flow


def _stretch(flow: Float) -> Float:
    """(h, w) how much a flow (h, w, 2) changes from one pixel to the next."""
    down, across = np.gradient(flow, axis=(0, 1))
    return cast(Float, np.sqrt((down**2).sum(-1) + (across**2).sum(-1)))


def _blurred(values: Float, times: float = 1.0) -> Float:
    return cast(Float, cv2.GaussianBlur(values, (0, 0), times * _COMPARED_BLUR))


def _window(shape: tuple[int, int]) -> Float:
    """(h, w): 1 in the middle, 0 at the edges."""
    rows, columns = (
        smoothstep(0.0, 1.0, (np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.08 * n)).astype(np.float32))
        for n in shape
    )
    return cast(Float, rows[:, None] * columns)


def _grey(pixels: Bytes) -> Bytes:
    return cast(Bytes, cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def _resized(pixels: Bytes, size: tuple[int, int]) -> Bytes:
    shrinks = pixels.shape[0] > size[0]
    return cast(Bytes, cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))
