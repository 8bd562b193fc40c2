"""The head model: a mesh with identity modes, ARKit expression shapes, and the points that are tracked on it."""

import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import UnreadableInputError
from portrait_alive.heads.mesh478 import (
    IRIS_RIM,
    fit_attachment,
)
from portrait_alive.heads.surface import Attachment, Ints
from portrait_alive.types import Float

FACE, BACK, GUMS, TEETH = 0, 1, 2, 3
SCLERA_LEFT, IRIS_LEFT, SCLERA_RIGHT, IRIS_RIGHT = 4, 5, 6, 7
LACRIMAL, EYE_BLEND, EYE_OCCLUSION, LASHES = 8, 9, 10, 11

NEUTRAL_IRIS_RADIUS = 0.60
"""Model units; the mean over people, used where no person is at hand."""

IDENTITY_MODES = 60
"""Modes kept: the rest moves no vertex by more than the eye can see at 256 px."""


ICT_VERTICES = 26_719


def refined_points() -> Float:
    """(478, 3) where MediaPipe's points lie on ICT-FaceKit's neutral head, made by `training/mesh_attachment.py`."""
    text = resources.files("portrait_alive.heads").joinpath("ict_mesh478.json").read_text("utf-8")
    return np.array(json.loads(text)["points"], np.float32)


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A head as geometry. Axes: x to the subject's left, y up, z towards the viewer; units about a centimetre."""

    vertices: Float
    """(V, 3) neutral mesh."""
    faces: Ints
    """(F, 3) triangles, counter-clockwise seen from outside."""
    uv: Float
    """(U, 2) texture coordinates; the integer part of u is the tile."""
    uv_faces: Ints
    """(F, 3) rows of `uv` for each triangle's corners."""
    material: NDArray[np.int8]
    """(F,) FACE, BACK, ... as named in this module."""
    identity: Float
    """(I, V, 3) identity modes for coefficients ~ N(0, 1)."""
    expression: Float
    """(E, V, 3) expression shapes for weights in 0..1."""
    expression_names: tuple[str, ...]
    """E names, ARKit's with _L and _R for the subject's sides."""
    lm68: NDArray[np.int64]
    """(68,) vertex of each iBUG-68 point."""
    skin_points: Attachment
    """The first 468 points of the face mesh as riders on the skin."""
    extra_vertices: NDArray[np.int64]
    """(X,) well-spread vertices of skull, ears, jaw's back and neck."""
    extra_groups: tuple[str, ...]
    """X names: skull, ear_right, ear_left, jaw, neck."""

    @staticmethod
    def load(path: Path | str, *, identity_modes: int = IDENTITY_MODES) -> "HeadModel":
        """The head model packed in an .npz file by `import_model`.

        Raises:
            UnreadableInputError: the file is missing or is not a packed head model.
        """
        file = Path(path)
        try:
            with np.load(file, allow_pickle=False) as packed:
                arrays = {name: packed[name] for name in packed.files}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise UnreadableInputError(
                f"{file}: cannot be read as a head model ({error}). Make one with `portrait-alive heads import FOLDER`."
            ) from error
        return HeadModel.of_arrays(arrays, identity_modes=identity_modes, name=str(file))

    @staticmethod
    def of_arrays(arrays: dict[str, NDArray[Any]], *, identity_modes: int, name: str) -> "HeadModel":
        """The head model in a packed file's arrays; `name` is for messages."""
        needed = {
            "vertices", "faces", "uv", "uv_faces", "material", "identity", "expression", "expression_names",
            "lm68", "mesh478_neutral",
        }  # fmt: skip
        missing = sorted(needed - set(arrays))
        if missing:
            raise UnreadableInputError(
                f"{name}: not a head model, it lacks {', '.join(missing)}. "
                "Make one with `portrait-alive heads import FOLDER`."
            )
        vertices = np.ascontiguousarray(arrays["vertices"], np.float32)
        faces = np.ascontiguousarray(arrays["faces"], np.int32)
        material = np.asarray(arrays["material"], np.int8)
        expression = np.ascontiguousarray(arrays["expression"], np.float32)
        names = tuple(str(one) for one in arrays["expression_names"])
        lm68 = np.asarray(arrays["lm68"], np.int64)
        jaw = expression[names.index("jawOpen")]
        estimate = refined_points() if len(vertices) == ICT_VERTICES else arrays["mesh478_neutral"]
        points = fit_attachment(estimate, vertices, faces[material == FACE], lm68, jaw)
        extra, groups = spread_vertices(vertices, faces, material)
        return HeadModel(
            vertices=vertices,
            faces=faces,
            uv=np.ascontiguousarray(arrays["uv"], np.float32),
            uv_faces=np.ascontiguousarray(arrays["uv_faces"], np.int32),
            material=material,
            identity=np.ascontiguousarray(arrays["identity"][:identity_modes], np.float32),
            expression=expression,
            expression_names=names,
            lm68=lm68,
            skin_points=points,
            extra_vertices=extra,
            extra_groups=groups,
        )

    def vertices_of(self, *materials: int) -> NDArray[np.int64]:
        """Indices of the vertices that triangles of these materials use."""
        key = tuple(sorted(materials))
        if key not in self._vertex_sets:
            self._vertex_sets[key] = np.unique(self.faces[np.isin(self.material, materials)]).astype(np.int64)
        return self._vertex_sets[key]

    @cached_property
    def _vertex_sets(self) -> dict[tuple[int, ...], NDArray[np.int64]]:
        return {}

    @cached_property
    def eyeballs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Vertices of the (right, left) eyeball, iris included."""
        return self.vertices_of(SCLERA_RIGHT, IRIS_RIGHT), self.vertices_of(SCLERA_LEFT, IRIS_LEFT)

    @cached_property
    def eye_axes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For the (right, left) eyeball: rows of the rearmost and the foremost vertex of its outer ball."""
        pairs = []
        for material in (SCLERA_RIGHT, SCLERA_LEFT):
            ball = self.vertices_of(material)
            depth = self.vertices[ball, 2]
            pairs.append(np.array([ball[depth.argmin()], ball[depth.argmax()]], np.int64))
        return pairs[0], pairs[1]

    @cached_property
    def outer_skin(self) -> NDArray[np.bool_]:
        """(V,) True on the outside of face, skull, ears and neck; False in mouth, eye sockets and elsewhere."""
        count = len(self.vertices)
        back = self.faces[self.material == BACK]
        top = int(self.vertices[:, 1].argmax())
        outside = ring_reach(back, count, top)
        outside[self.vertices_of(FACE)] = True
        return outside


def ring_reach(faces: Ints, count: int, start: int) -> NDArray[np.bool_]:
    """(count,) True for vertices connected with `start` over `faces`."""
    reached = np.zeros(count, np.bool_)
    reached[start] = True
    while True:
        touched = reached[faces].any(1)
        grown = reached.copy()
        grown[faces[touched].reshape(-1)] = True
        if bool((grown == reached).all()):
            return reached
        reached = grown


def spread_vertices(
    vertices: Float, faces: Ints, material: NDArray[np.int8], *, per_group: int = 24
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Well-spread vertices on skull, ears, jaw's back and neck, and the group name of each.

    The bounds are fractions of the head's extent, so that they hold for any head in the model's axes.
    """
    count = len(vertices)
    outside = ring_reach(faces[material == BACK], count, int(vertices[:, 1].argmax()))
    outside[np.unique(faces[material == FACE])] = True
    x, y, z = vertices.T
    half = float(np.abs(x[outside & (y > 0)]).max())
    top, rear = float(y.max()), float(z[outside].min())
    wide = np.abs(x) > 0.88 * half
    ear = outside & wide & (y > -0.1 * top) & (y < 0.5 * top) & (z < 0.3 * half)
    groups = {
        "skull": outside & ~ear & ((y > 0.62 * top) | ((y > 0.0) & (z < 0.1 * half))) & (np.abs(x) < 0.95 * half),
        "ear_right": ear & (x < 0),
        "ear_left": ear & (x > 0),
        "jaw": outside & (y < 0.0) & (y > -0.55 * top) & (z < 0.62 * half) & (z > rear * 0.35) & ~ear,
        "neck": outside & (y < -0.62 * top) & (y > -0.95 * top) & (np.abs(x) < 0.9 * half),
    }
    sizes = {"skull": 2 * per_group, "ear_right": per_group // 2, "ear_left": per_group // 2}
    chosen: list[int] = []
    names: list[str] = []
    for name, mask in groups.items():
        picked = farthest_points(vertices, np.where(mask)[0], sizes.get(name, per_group))
        chosen += [int(one) for one in picked]
        names += [name] * len(picked)
    return np.array(chosen, np.int64), tuple(names)


def farthest_points(vertices: Float, candidates: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Up to `count` of `candidates`, each as far as can be from those before it."""
    if len(candidates) <= count:
        return candidates
    at = vertices[candidates]
    picked = [int(at[:, 1].argmax())]
    nearest = np.full(len(candidates), np.inf, np.float32)
    while len(picked) < count:
        nearest = np.minimum(nearest, ((at - at[picked[-1]]) ** 2).sum(1))
        picked.append(int(nearest.argmax()))
    return candidates[picked]


def iris_points(model: HeadModel, vertices: Float, radius: float) -> Float:
    """(10, 3) iris points on the eyeballs as they are in `vertices` (V, 3), for an iris of `radius` model units.

    Each eye gives its centre, then four points on the rim in MediaPipe's order. The eyeballs may be turned.
    """
    out = np.zeros((10, 3), np.float32)
    for start, ball in ((0, 0), (5, 1)):
        centre, axes, scale = eye_frame(model, vertices, ball)
        front = model.eye_axes[ball][1]
        reach = (model.vertices[front, 2] - eye_centre(model, model.vertices, ball)[2]) * scale
        # the rim lies where the cornea starts, a little behind the foremost point
        height = float(np.sqrt(max(reach**2 - (0.75 * radius * scale) ** 2, 0.0))) - 0.08 * scale
        out[start] = centre + axes[2] * (reach - 0.05 * scale)
        for row, (dx, dy) in enumerate(IRIS_RIM, start + 1):
            out[row] = centre + radius * scale * (dx * axes[0] + dy * axes[1]) + axes[2] * height
    return out


def eye_centre(model: HeadModel, vertices: Float, ball: int) -> Float:
    """(3,) about which eyeball 0 (right) or 1 (left) turns, while it looks straight ahead in `vertices` (V, 3)."""
    rear, front = model.eye_axes[ball]
    members = model.vertices_of(SCLERA_LEFT if ball else SCLERA_RIGHT)
    half = (vertices[members, 0].max() - vertices[members, 0].min()) / 2
    return np.array([vertices[front, 0], vertices[front, 1], vertices[rear, 2] + half], np.float32)


def eye_frame(model: HeadModel, vertices: Float, ball: int) -> tuple[Float, Float, float]:
    """Centre (3,), axes (3, 3) rows (subject's left, up, forward) and scale of eyeball 0 (right) or 1 (left).

    The ball may be turned: identity only moves and scales it a little, so that a best rotation tells its axes.
    """
    members = model.vertices_of(SCLERA_LEFT if ball else SCLERA_RIGHT)
    rest, now = model.vertices[members], vertices[members]
    about, rest_about = now.mean(0), rest.mean(0)
    u, _, vt = np.linalg.svd((now - about).T @ (rest - rest_about))
    flip = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))])
    rotation = (u @ flip @ vt).astype(np.float32)
    scale = float(np.sqrt(((now - about) ** 2).sum() / ((rest - rest_about) ** 2).sum()))
    centre = about + rotation @ (eye_centre(model, model.vertices, ball) - rest_about) * scale
    return centre.astype(np.float32), rotation.T.copy(), scale


def attached_points(model: HeadModel) -> tuple[Float, Float, Float]:
    """The tracked points as a linear model: mean (P, 3), identity (I, P, 3), expression (E, P, 3).

    P = 478 mesh points, then the extra points of `extra_vertices`. Irises look straight ahead. Model axes.
    """
    riders = Attachment.joined([model.skin_points, Attachment.on_vertices(model.extra_vertices)])
    skin_count = len(model.skin_points.corners)

    def with_irises(skin: Float, irises: Float) -> Float:
        return np.concatenate([skin[..., :skin_count, :], irises, skin[..., skin_count:, :]], axis=-2)

    rest = iris_points(model, model.vertices, NEUTRAL_IRIS_RADIUS)
    mean = with_irises(riders.at(model.vertices), rest)
    moved = np.stack([iris_points(model, model.vertices + mode, NEUTRAL_IRIS_RADIUS) - rest for mode in model.identity])
    identity = with_irises(riders.shift(model.identity), moved)
    still = np.zeros((len(model.expression), 10, 3), np.float32)
    return mean, identity, with_irises(riders.shift(model.expression), still)
