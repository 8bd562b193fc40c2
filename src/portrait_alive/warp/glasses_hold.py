"""Glasses are rigid: where they are, the picture moves as nose and temples do, whatever brows and cheeks do."""

from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.easing import smoothstep
from portrait_alive.shape import topology
from portrait_alive.types import MESH_POINTS, Bytes, Float, SourceFace
from portrait_alive.warp.glasses_rims import GlassesRims, glasses_rims
from portrait_alive.warp.grid import Grid

_RESTS_ON: Final = [6, 197, 195, 5, 122, 351, 33, 133, 362, 263, 127, 356, 234, 454, 162, 389]
"""Mesh points that expression hardly moves: bridge of the nose, corners of the eyes, temples. Raised brows move each by
2% of the interocular distance at most, the skin under a rim by 10."""
_STEADY: Final = 0.01
"""Weight of having no motion beside what these points do: keeps their noise from tilting the glasses."""
_HELD: Final = (0.2, 0.5)
"""Distances from a rim's middle, in eye widths, up to which all is the glasses', and from which on nothing."""
_DRAWN_OVER: Final = (0.04, 0.09)
"""The same for what is drawn of lids: rims lie before them."""
_CLEAR_OF: Final = (0.02, 0.1)
"""Distances from the opening between the lids, in eye widths, up to which, and from which on fully, they do."""
_FINE_PX: Final = 512
"""Side of the map of distances from the rims, which is looked up."""


@dataclass(frozen=True, eq=False)
class Glasses:
    """A sitter's glasses in the picture."""

    rims: GlassesRims
    width: float
    """Of an eye, in picture pixels."""
    points: Float
    """(478, 3) the face's mesh."""

    @staticmethod
    def of(pixels: Bytes, face: SourceFace) -> "Glasses | None":
        """Those that the face clearly wears; None without any.

        Args:
            pixels: (H, W, 3) uint8 sRGB of the picture.
            face: in it.
        """
        rims = glasses_rims(pixels, face.landmarks)
        if rims is None:
            return None
        mesh = face.points[:MESH_POINTS]
        corners = face.points[list(topology.EYE_CORNERS), :2]
        width = max(float(np.linalg.norm(corners[i] - corners[i + 1])) for i in (0, 2))
        return Glasses(rims, width, mesh)

    def held(self, nodes: Float) -> Float:
        """(rows, columns) in [0, 1]: how far places (rows, columns, 2) are held by the glasses."""
        return 1 - smoothstep(*_HELD, self._away(nodes))

    def before(self, nodes: Float, opening: NDArray[np.bool_]) -> Float:
        """(rows, columns) in [0, 1]: where rims lie before lids whose opening covers some of the nodes."""
        step = float(nodes[0, 1, 0] - nodes[0, 0, 0]) / self.width
        clear = cv2.distanceTransform((~opening).astype(np.uint8), cv2.DIST_L2, 5) * np.float32(step)
        return cast(Float, smoothstep(*_CLEAR_OF, clear) * (1 - smoothstep(*_DRAWN_OVER, self._away(nodes))))

    def hold(self, grid: Grid) -> "GlassesHold":
        """What they do to a field over a grid."""
        nodes = grid.nodes()
        share = self.held(nodes).reshape(-1)
        where = np.flatnonzero(share > 0)
        at = nodes.reshape(-1, 2)[where]
        # a rigid thing in space moves affinely in the picture: fitted to what the glasses rest on, for any depth
        rests = self.points[_RESTS_ON]
        middle = rests.mean(0)
        on = np.c_[(rests - middle) / self.width, np.ones(len(rests))].astype(np.float64)
        normal = on.T @ on + _STEADY * len(rests) * np.diag([1, 1, 1, 0])
        there = np.c_[at, self._depth(at)] - middle
        spread = np.c_[there / self.width, np.ones(len(there))] @ np.linalg.solve(normal, on.T)
        return GlassesHold(where, spread.astype(np.float32), share[where, None])

    def _depth(self, at: Float) -> NDArray[np.float64]:
        """(N,) of places (N, 2) on the plane through the face behind the rims."""
        hull = cv2.convexHull(np.concatenate([self.rims.right, self.rims.left]))
        flat = self.points[:, :2]
        behind = self.points[[cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x, y in flat]]
        known = np.c_[behind[:, :2], np.ones(len(behind))].astype(np.float64)
        plane = np.linalg.lstsq(known, behind[:, 2].astype(np.float64), rcond=None)[0]
        return np.asarray(np.c_[at, np.ones(len(at))] @ plane)

    def _away(self, nodes: Float) -> Float:
        """(rows, columns) eye widths from the nearest rim, or from dark glass."""
        low, high = nodes[0, 0], nodes[-1, -1]
        scale = (_FINE_PX - 1) / float(max(high - low))
        size = np.ceil((high - low) * scale).astype(int) + 1
        drawn = np.full((size[1], size[0]), 255, np.uint8)
        rings = [np.rint((rim - low) * scale * 16).astype(np.int32) for rim in (self.rims.right, self.rims.left)]
        for ring in rings:
            if self.rims.are_dark:
                cv2.fillPoly(drawn, [ring], 0, shift=4)
            else:
                cv2.polylines(drawn, [ring], isClosed=True, color=0, shift=4)
        away = cv2.distanceTransform(drawn, cv2.DIST_L2, 5) / np.float32(scale * self.width)
        at_nodes = ((nodes - low) * np.float32(scale)).astype(np.float32)
        return np.asarray(cv2.remap(away, at_nodes, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


@dataclass(frozen=True, eq=False)
class GlassesHold:
    """Glasses over the nodes of a grid."""

    where: NDArray[np.int64]
    """(N,) flat indices of the nodes that they hold."""
    spread: Float
    """(N, M) how far each node goes along with each point that glasses rest on."""
    share: Float
    """(N, 1) in [0, 1]: how far they are held."""

    def hold(self, field: Float, moved: Float) -> None:
        """Let a displacement (rows, columns, 2) follow the glasses, in place, as all points moved (P, 2)."""
        flat = field.reshape(-1, 2)
        carried = np.einsum("nm,mc->nc", self.spread, moved[_RESTS_ON])  # `@` wakes threads that then spin
        flat[self.where] += self.share * (carried - flat[self.where])
