"""How MediaPipe's 478 points hang on the head model: lists of indices, and the fit of each to lids, lips, skin."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.surface import Attachment, Ints, attach
from portrait_alive.types import Float

# Rows run from the subject's outer corner to the inner one for eyes, from the right corner to the left for lips.
RIGHT_UPPER_LID: Final = (246, 161, 160, 159, 158, 157, 173)
RIGHT_LOWER_LID: Final = (7, 163, 144, 145, 153, 154, 155)
LEFT_UPPER_LID: Final = (466, 388, 387, 386, 385, 384, 398)
LEFT_LOWER_LID: Final = (249, 390, 373, 374, 380, 381, 382)
RIGHT_CORNERS: Final = (33, 133)
LEFT_CORNERS: Final = (263, 362)
UPPER_INNER_LIP: Final = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_INNER_LIP: Final = (95, 88, 178, 87, 14, 317, 402, 318, 324)
INNER_MOUTH_CORNERS: Final = (78, 308)
OUTER_LIP: Final = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
RIGHT_BROW: Final = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW: Final = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
RIGHT_EYE: Final = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE: Final = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
RIGHT_IRIS: Final = (468, 469, 470, 471, 472)
LEFT_IRIS: Final = (473, 474, 475, 476, 477)
FACE_OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip

IRIS_RIM: Final = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
"""Rim points of either iris, after its centre, as (x to the subject's left, y up) in iris radii."""


def mirror_pairs(points: Float) -> NDArray[np.int64]:
    """For each point its partner across the plane x = 0: (P,) indices.

    Args:
        points: (P, 3), roughly symmetric about x = 0.
    """
    mirrored = points * np.array([-1, 1, 1], np.float32)
    distance = np.linalg.norm(points[:, None] - mirrored[None], axis=2)
    return np.asarray(distance.argmin(1), np.int64)


def symmetric(points: Float) -> Float:
    """`points` (P, 3) made symmetric about x = 0 by averaging each with its partner."""
    pairs = mirror_pairs(points)
    mutual = pairs[pairs] == np.arange(len(points))
    mirrored = points[pairs] * np.array([-1, 1, 1], np.float32)
    return np.where(mutual[:, None], (points + mirrored) / 2, points).astype(np.float32)


def ring_distance(faces: Ints, count: int, start: NDArray[np.int64]) -> NDArray[np.int32]:
    """Edges to walk from `start` to each of `count` vertices over `faces`; a large number where there is no way."""
    far = np.int32(10_000)
    distance = np.full(count, far, np.int32)
    distance[start] = 0
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    for step in range(60):
        reached = edges[distance[edges[:, 0]] == step, 1]
        fresh = reached[distance[reached] == far]
        if len(fresh) == 0:
            break
        distance[fresh] = step + 1
    return distance


def boundary_loops(faces: Ints) -> list[NDArray[np.int64]]:
    """The open borders of a mesh, each as its vertices (unordered), longest first."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    label: dict[int, int] = {}
    for a, b in unique[counts == 1]:
        la, lb = label.get(int(a), int(a)), label.get(int(b), int(b))
        low, high = min(la, lb), max(la, lb)
        label[int(a)] = label[int(b)] = low
        if low != high:
            label = {k: low if v == high else v for k, v in label.items()}
    groups: dict[int, list[int]] = {}
    for vertex, group in label.items():
        groups.setdefault(group, []).append(vertex)
    return sorted((np.array(sorted(g), np.int64) for g in groups.values()), key=len, reverse=True)


def _along_ridge(targets: Float, ridge: NDArray[np.int64], vertices: Float) -> Attachment:
    """For each target x, the point of a left-to-right chain of vertices at that x."""
    order = ridge[np.argsort(vertices[ridge, 0])]
    xs = vertices[order, 0]
    right = np.clip(np.searchsorted(xs, targets), 1, len(order) - 1)
    left = right - 1
    t = np.clip((targets - xs[left]) / np.maximum(xs[right] - xs[left], 1e-6), 0, 1)
    corners = np.stack([order[left], order[right], order[right]], 1).astype(np.int32)
    weights = np.stack([1 - t, t, np.zeros_like(t)], 1).astype(np.float32)
    return Attachment(corners, weights)


def fit_attachment(
    estimate: Float,
    vertices: Float,
    skin: Ints,
    lm68: NDArray[np.int64],
    jaw_open: Float,
) -> Attachment:
    """Riders for the 468 skin points of the mesh (irises are made from the eyeballs by the caller).

    Skin points go to the closest point of the surface. Lid and inner lip points go to the crest of the right
    lid or lip, so that they part and close with it.

    Args:
        estimate: (478, 3) first estimate in model coordinates.
        vertices: (V, 3) neutral mesh.
        skin: (F, 3) triangles of the face's skin, open at eyes and mouth.
        lm68: (68,) vertices of the iBUG-68 points.
        jaw_open: (V, 3) displacement of the expression shape that opens the jaw: tells lower lip from upper.
    """
    points = symmetric(estimate)[:468]
    outer = skin[vertices[skin].mean(1)[:, 2] > vertices[:, 2].min()]
    base = attach(points, vertices, outer)
    corners, weights = base.corners.copy(), base.weights.copy()

    def put(rows: tuple[int, ...], riders: Attachment) -> None:
        corners[list(rows)], weights[list(rows)] = riders.corners, riders.weights

    loops = boundary_loops(skin)
    count = len(vertices)
    corner_sets = (
        ((lm68[36], lm68[39]), RIGHT_UPPER_LID, RIGHT_LOWER_LID),
        ((lm68[45], lm68[42]), LEFT_UPPER_LID, LEFT_LOWER_LID),
    )
    for anchors, upper_rows, lower_rows in corner_sets:
        outer_x, inner_x = float(vertices[anchors[0], 0]), float(vertices[anchors[1], 0])
        middle = vertices[list(anchors)].mean(0)
        loop = min(loops, key=lambda one: float(np.linalg.norm(vertices[one].mean(0) - middle)))
        rings = ring_distance(skin, count, loop)
        band = np.where(rings == 2)[0]
        line = np.interp(
            vertices[band, 0],
            sorted((outer_x, inner_x)),
            [float(vertices[a, 1]) for a in sorted(anchors, key=lambda a: float(vertices[a, 0]))],
        )
        for rows, side in ((upper_rows, vertices[band, 1] > line), (lower_rows, vertices[band, 1] <= line)):
            ridge = np.concatenate([band[side], np.array(anchors)])
            put(rows, _along_ridge(points[list(rows), 0], ridge, vertices))

    mouth = vertices[lm68[[60, 64]]].mean(0)
    loop = min(loops, key=lambda one: float(np.linalg.norm(vertices[one].mean(0) - mouth)))
    rings = ring_distance(skin, count, loop)
    drop = np.linalg.norm(jaw_open, axis=1)
    split = (drop[lm68[62]] + drop[lm68[66]]) / 2
    for lip, ring, is_lower in ((UPPER_INNER_LIP, 8, False), (LOWER_INNER_LIP, 7, True)):
        band = np.where((rings == ring) & ((drop > split) == is_lower))[0]
        put(lip, _along_ridge(points[list(lip), 0], band, vertices))
    return Attachment(corners, weights)
