"""What a turn brings into view: the sitter's outline is pushed out to where the head model's then is.

The paint at an outline turns inwards with the head, and on a real one what lay behind it takes its place there. The
picture has none of that; so what lies along the outline is stretched out to the new one.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.types import Float, SourceFace
from portrait_alive.warp.gaps import CORES
from portrait_alive.warp.grid import Grid, looked_up
from portrait_alive.warp.region import HeadFrame, Hold

DIRECTIONS = 72
"""In which the outline is followed, seen from the middle of the head."""
EARS = ("right_ear", "left_ear")
_MESH_POINTS = 468
_SHARPNESS = 0.03
"""Face heights by which a point sticks out further when it counts e times as much for the profile."""
_AROUND = np.exp(-((np.arange(-5, 6) / 1.2) ** 2) / 2).astype(np.float32)
"""How much points of neighbouring directions count. Those that come near do so by next to nothing: with a kernel that
began at a quarter, one that sticks out moved the outline by a hundredth of a face's height at once."""
_SMOOTHING = np.array([1 / 12, 3 / 12, 4 / 12, 3 / 12, 1 / 12], np.float32)
"""Over neighbouring directions: ragged hair must not be torn into tufts."""
_VIEWED_FROM = 7.0
"""Face heights to the viewer: the back of the skull looks smaller than a parallel projection has it."""
_IN_VIEW = 0.35
"""Sine of the turn towards the viewer from which on an outline is pushed out all the way."""
_EAR_STANDS_OUT = 0.03
"""Face heights; a source's ear that sticks out less is behind the head, and its paint is missing."""
_HOLLOW_GONE = 0.03
"""Growth (face heights) by which a hollow of the outline, such as the eye's, has gone behind the temple."""
_TOO_FAR = (0.2, 0.5)
"""Face heights beyond the model's from which on an outline follows it less, and not at all: long hair, a collar."""
_ABOVE_CHIN = (-0.05, 0.1)
"""Face heights below the chin up to which, and from which on not, an outline is the head's."""
_CUT = (0.1, 0.35)
"""Sine of the source's own turn from which on the far side's outline cuts through the face."""
_THICK = (0.04, 0.2)
"""Face heights of hair between face and outline from which on it can be stretched, and as far as needed."""
_PAINTED_EDGE = 0.05
"""Face heights along the outline that are not stretched: the rim that the opacity was grown by, and a drawn contour."""
_REACH = 0.15
"""Face heights of skin inside the outline that are stretched."""
_CHEEK = (-0.6, -0.35)
"""Face heights below the chin between which the far cheek lies."""
_BARE = 0.15
"""Face heights of hair beside it from which on a cheek is not bare."""
_GONE = (0.15, 0.5)
"""Face heights outside the outline up to which, strands among it, everything goes along, and from which on nothing."""


@dataclass(frozen=True, eq=False)
class Outline:
    """The sitter's outline in `DIRECTIONS` directions (K), and the nodes that go with it; made once per source."""

    members: NDArray[np.int64]
    """(M,) points whose outline is the head's: mesh, skull, and ears that the source shows."""
    middle: Float
    """(3,) from which directions are seen, in the source."""
    tall: float
    """Pixels of the face's height."""
    places: Float
    """(K, 2) where the sitter ends."""
    towards: Float
    """(K, 2) unit vectors from the middle to there."""
    corners: NDArray[np.int64]
    """(K, 4) flat indices of the nodes around each place."""
    corner_shares: Float
    """(K, 4) bilinear, sum 1."""
    beyond: Float
    """(K,) pixels by which the sitter reaches beyond the model's profile."""
    profile: Float
    """(K,) the source's `profile_of`."""
    trust: Float
    """(K,) in [0, 1]: how far the sitter's outline is known to go with the model's."""
    nodes: NDArray[np.int64]
    """(N,) flat indices of the nodes that go with the outline."""
    directions: NDArray[np.int64]
    """(2, N) between which two directions each lies."""
    shares: Float
    """(2, N) of those directions' push that it takes on."""

    def push(self, field: Float, points: Float, middle: Float, turn: Float) -> None:
        """Add to a displacement field, in place, what brings the outline out to the driven head's.

        Args:
            field: (rows, columns, 2) pixels, contiguous.
            points: (P, 3) driven points.
            middle: (3,) where the middle of the head is now.
            turn: (3, 3) float32 rotation of the head from the source's.
        """
        pushed = np.ascontiguousarray(self.pushed(field, points, middle, turn)).view(np.complex64)[:, 0]
        pairs = field.reshape(-1, 2).view(np.complex64)[:, 0]
        first, second = (pushed.take(where) * share for where, share in zip(self.directions, self.shares, strict=True))
        first += second
        pairs[self.nodes] += first

    def pushed(self, field: Float, points: Float, middle: Float, turn: Float) -> Float:
        """(K, 2) pixels by which each place of the outline still has to move outwards; arguments as in `push`."""
        now = np.einsum("kj,kjc->kc", self.corner_shares, field.reshape(-1, 2)[self.corners])
        now += self.places - middle[:2]
        radius, angle = _polar(now)
        wanted = _at_angle(profile_of(points[self.members], middle, self.tall), angle)
        grown = np.abs(wanted - self.profile) * np.float32(1 / (_HOLLOW_GONE * self.tall))
        wanted += np.where(self.beyond < 0, self.beyond * np.maximum(1 - grown, 0), self.beyond)
        comes_into_view = smoothstep(0.0, _IN_VIEW, -self.towards @ turn[2, :2])
        missing = np.maximum(wanted - radius, 0) * comes_into_view * self.trust
        return cast(Float, now * (_around(missing, _SMOOTHING) / np.maximum(radius, 1e-3)).astype(np.float32)[:, None])


def profile_of(points: Float, middle: Float, tall: float) -> Float:
    """(K,) pixels from the middle of a head to its outline, in `DIRECTIONS` directions from the x axis towards y.

    Smooth in the points: a mean of them in which those that stick out count most.

    Args:
        points: (M, 3) of the head, those of the mesh first.
        middle: (3,) from which it is seen.
        tall: pixels of the face's height.
    """
    offset = points[:, :2] - middle[:2]
    depth = points[_MESH_POINTS:, 2:] - middle[2]
    offset[_MESH_POINTS:] /= 1 + depth * np.float32(1 / (_VIEWED_FROM * tall))
    radius, angle = _polar(offset)
    first, share = _between(angle)
    weight = np.exp(radius * np.float32(1 / (_SHARPNESS * tall)))
    # each point counts for the direction before it and, a place farther on, for the one after it
    ring = np.concatenate([first, first + 1])
    counts = np.concatenate([weight - share * weight, share * weight])
    total = _around(_gathered(ring, counts), _AROUND)
    far = _around(_gathered(ring, counts * np.concatenate([radius, radius])), _AROUND)
    return (far / np.maximum(total, 1e-6)).astype(np.float32)


def outline_of(
    grid: Grid,
    face: SourceFace,
    basis: ShapeBasis,
    frame: HeadFrame,
    opacity: Float,
    hold: Hold,
    covered: NDArray[np.bool_],
) -> Outline:
    """The outline of a source.

    Args:
        grid: over the moving region.
        face: the source's face.
        basis: the shape basis.
        frame: where the head is.
        opacity: (rows, columns) of the sitter at the nodes.
        hold: what goes with the head.
        covered: (rows, columns) nodes within the mesh.
    """
    points, tall, origin = face.points, frame.face_height, grid.origin
    skull = points[basis.beyond["skull"]]
    middle = (((skull.min(0) + skull.max(0)) / 2 + points[:_MESH_POINTS].mean(0)) / 2).astype(np.float32)
    members = _members(points, basis, middle, tall)
    profile = profile_of(points[members], middle, tall)
    angles = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
    towards = np.stack([np.cos(angles), np.sin(angles)], -1).astype(np.float32)
    steps = np.arange(0, 4 * tall, grid.cell / 4, dtype=np.float32)
    rays = (middle[:2] + towards[:, None] * steps[:, None] - origin) / np.float32(grid.cell)
    outside = (looked_up((opacity > 0.5) | covered, rays, cv2.BORDER_CONSTANT) < 0.5) & (steps > 0.6 * profile[:, None])
    ends = np.where(outside.any(1), steps[outside.argmax(1)], steps[-1])
    cut = smoothstep(*_CUT, -towards @ face.fit.pose.rotation[:2, 2].astype(np.float32))
    rims = steps[-1 - (looked_up(covered, rays, cv2.BORDER_CONSTANT)[:, ::-1] > 0.5).argmax(1)]
    ends = _ends_of_jaw(ends, rims, cut, (middle[:2] + towards * rims[:, None] - frame.chin) @ frame.down / tall, tall)
    places = middle[:2] + towards * ends[:, None]
    corners, corner_shares = _corners((places - origin) / grid.cell, grid.shape)
    known = grid.filled(cv2.convexHull(np.ascontiguousarray(points[basis.beyond[ear], :2])) for ear in EARS)
    known |= covered.astype(np.uint8)
    thickness = ends - steps[-1 - (looked_up(known, rays, cv2.BORDER_CONSTANT)[:, ::-1] > 0.5).argmax(1)]
    trust = (corner_shares * hold.head.reshape(-1)[corners]).sum(1)
    trust *= 1 - smoothstep(*_TOO_FAR, (ends - profile) / tall)
    trust *= 1 - smoothstep(*_ABOVE_CHIN, (places - frame.chin) @ frame.down / tall)
    trust *= cut + (1 - cut) * smoothstep(*_THICK, thickness / tall)
    radius, angle = _polar(grid.nodes().reshape(-1, 2) - middle[:2])
    to_end = _at_angle(ends, angle) - radius
    inside = np.maximum(to_end - np.float32(_PAINTED_EDGE * tall), 0)
    # where the outline cuts through the face, skin is stretched but for eyes and mouth; elsewhere hair alone
    of_skin = np.minimum(_share_of_way(grid.filled(points[list(core), :2] for core in CORES), inside, grid.cell),
                         1 - inside / np.float32(_REACH * tall))  # fmt: skip
    of_hair = _share_of_way(known, inside, grid.cell)
    cut_here = _at_angle(cut, angle)
    grip = cut_here * smoothstep(0.0, 1.0, of_skin) + (1 - cut_here) * smoothstep(0.0, 1.0, of_hair)
    grip *= hold.head.reshape(-1) * (1 - smoothstep(*_GONE, -to_end / tall))
    grip *= (_at_angle((_around(trust, _SMOOTHING) > 0).astype(np.float32), angle) > 0).astype(np.float32)
    nodes = np.flatnonzero(grip > 1e-3)
    first, share = _between(angle[nodes])
    return Outline(
        members=members,
        middle=middle,
        tall=tall,
        places=places.astype(np.float32),
        towards=towards,
        corners=corners,
        corner_shares=corner_shares,
        beyond=(ends - profile).astype(np.float32),
        profile=profile,
        trust=trust.astype(np.float32),
        nodes=nodes,
        directions=np.stack([first, (first + 1) % DIRECTIONS]),
        shares=(np.stack([1 - share, share]) * grip[nodes]).astype(np.float32),
    )


def _members(points: Float, basis: ShapeBasis, middle: Float, tall: float) -> NDArray[np.int64]:
    members = np.concatenate([np.arange(_MESH_POINTS), basis.beyond["skull"]])
    profile = profile_of(points[members], middle, tall)
    for ear in EARS:
        radius, angle = _polar(points[basis.beyond[ear], :2] - middle[:2])
        if (radius - _at_angle(profile, angle)).max() > _EAR_STANDS_OUT * tall:
            members = np.concatenate([members, basis.beyond[ear]])
    return members.astype(np.int64)


def _ends_of_jaw(ends: Float, rims: Float, cut: Float, below: Float, tall: float) -> Float:
    """`ends` (K,) with those of the far jaw at the mesh's rim, where the cheek above it is bare.

    Below the mouth neck, shoulder or what the matte takes for them go on behind the jaw, and hide where it ends.
    """
    cheek = (cut > 0.5) & (below > _CHEEK[0]) & (below < _CHEEK[1])
    if not cheek.any() or np.median((ends - rims)[cheek]) > _BARE * tall:
        return ends
    return np.where((cut > 0) & (below > _CHEEK[0]) & (ends - rims > _BARE * tall), rims, ends)


def _polar(offset: Float) -> tuple[Float, Float]:
    return np.hypot(offset[:, 0], offset[:, 1]), np.arctan2(offset[:, 1], offset[:, 0])


def _between(angle: Float) -> tuple[NDArray[np.int64], Float]:
    """The direction before each angle, and the share of the one after it."""
    at = angle * np.float32(DIRECTIONS / (2 * np.pi))
    first = np.floor(at)
    return first.astype(np.int64) % DIRECTIONS, at - first


def _at_angle(values: Float, angle: Float) -> Float:
    first, share = _between(angle)
    return cast(Float, values[first] * (1 - share) + values[(first + 1) % DIRECTIONS] * share)


def _around(values: Float, kernel: Float) -> Float:
    """Values (K,) in a circle, each summed up with its neighbours."""
    half = len(kernel) // 2
    return cast(Float, np.convolve(np.concatenate([values[-half:], values, values[:half]]), kernel, "valid"))


def _gathered(ring: NDArray[np.int64], counts: Float) -> Float:
    """(K,) sums of what counts for each direction; K is the first one again."""
    total = np.bincount(ring, counts, DIRECTIONS + 1)
    total[0] += total[DIRECTIONS]
    return total[:DIRECTIONS].astype(np.float32)


def _corners(at: Float, shape: tuple[int, int]) -> tuple[NDArray[np.int64], Float]:
    """(K, 4) flat indices of the nodes around (K, 2) node indices, and bilinear shares."""
    rows, columns = shape
    low = np.clip(np.floor(at).astype(np.int64), 0, (columns - 2, rows - 2))
    (right, down), base = np.clip(at - low, 0, 1).T, low[:, 1] * columns + low[:, 0]
    shares = np.stack([(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down], 1)
    return np.stack([base, base + 1, base + columns, base + columns + 1], 1), shares.astype(np.float32)


def _share_of_way(core: NDArray[np.uint8], inside: Float, cell: int) -> Float:
    """(N,) how far each node is on its way from a core, 0, to the outline, 1, of which it is `inside` pixels."""
    away = cv2.distanceTransform(1 - core, cv2.DIST_L2, 5).reshape(-1) * np.float32(cell)
    return cast(Float, away / np.maximum(away + inside, 1e-3))
