"""A frame of a person: the picture, and everything that is known exactly about it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.creases import crease_table
from portrait_alive.heads.drawn import orthographic
from portrait_alive.heads.frame import Frame, rotation_of, with_gaze
from portrait_alive.heads.model import HeadModel, eye_centre, iris_points
from portrait_alive.heads.mouth import mouth_table
from portrait_alive.heads.parts import MATTE_OF_LAYER
from portrait_alive.heads.person import Person
from portrait_alive.heads.raster import NO_LASHES, add_shapes, bend, pixel_surface, rasterise, shadowed, vertex_normals
from portrait_alive.heads.shade import shade
from portrait_alive.types import Bytes, Float

NECK_PIVOT = np.array([0.0, -9.0, -3.0], np.float32)
"""Model units: about where the neck bends."""
HEAD_CENTRE = np.array([0.0, 2.0, 2.0], np.float32)
"""Model units: the point the camera's framing and the landmarks' depth refer to."""


@dataclass(frozen=True, eq=False)
class HeadRender:
    """One rendered frame and its truth. (H, W) is the picture's size."""

    rgb: Bytes
    """(H, W, 3) uint8 sRGB."""
    landmarks: Float
    """(478, 3) x, y in picture pixels, z in the same pixels away from the viewer, 0 at the head's centre."""
    visibility: Float
    """(478,) 0..1: the share of the point's surroundings that nothing hides; 0 outside the picture."""
    extra: Float
    """(X, 3) the model's extra points (skull, ears, jaw, neck), as `landmarks`."""
    depth: Float
    """(H, W) model units from the camera's plane; inf where there is only background."""
    layers: Bytes
    """(H, W) uint8 of `Layer`: what most of the pixel shows."""
    matte: Bytes
    """(H, W, 4) uint8 shares of background, body, head with hair and hat, occluder; they sum to about 255."""
    triangle: NDArray[np.int32]
    """(H, W) which triangle of the person the pixel's centre lies on, -1 for background."""
    weights: Float
    """(H, W, 2) perspective-true weights of that triangle's first two corners there."""
    projected: Float
    """(N, 3) every vertex of the person: x, y in picture pixels, and 1 / depth."""
    pose: Float
    """(3, 3) head rotation in picture axes (x right, y down, z away)."""


@dataclass(frozen=True, eq=False)
class Posed:
    """A person's vertices in one frame."""

    camera: Float
    """(N, 3) x right, y down, z away from the camera; model units."""
    projected: Float
    """(N, 3) x, y in picture pixels, 1 / depth."""
    normals: Float
    """(N, 3) in the axes of `camera`."""
    landmarks: Float
    """(478, 3) as `HeadRender.landmarks`."""
    landmark_depth: Float
    """(478,) model units."""
    extra: Float
    lids: Float
    """(2, 4) of the right and left eye before the head is posed, model units: height of the upper lid's middle, mean
    height of the corners, x of the outer and of the inner corner."""


def deformed(model: HeadModel, person: Person, frame: Frame) -> Float:
    """(V, 3) the person's mesh with the frame's expression and gaze, before its pose; model axes."""
    mesh = person.head.copy()
    add_shapes(mesh, model.expression, with_gaze(model.expression_names, frame))
    yaw, pitch = frame.gaze
    for ball, (members, sign) in enumerate(zip(model.eyeballs, (1.0, -1.0), strict=True)):
        rotation = rotation_of(yaw + sign * frame.vergence, pitch, 0.0)
        centre = eye_centre(model, person.head, ball)
        mesh[members] = (person.head[members] - centre) @ rotation.T + centre
    return mesh


@dataclass(frozen=True, eq=False)
class Bend:
    """How head, neck and body are turned in one frame."""

    turns: Float
    """(S + 1, 3, 3) rotations from the body's to the head's, model axes."""

    @staticmethod
    def of(frame: Frame, *, steps: int = 24) -> "Bend":
        """The frame's bend, in `steps` steps along the neck."""
        turns = [
            rotation_of(frame.body_yaw + (frame.yaw - frame.body_yaw) * t, frame.pitch * t, frame.roll * t)
            for t in np.linspace(0, 1, steps + 1)
        ]
        return Bend(np.stack(turns))

    def at(self, points: Float, follow: Float) -> Float:
        """`points` (N, 3) with the body turned, and the head posed as far as `follow` (N,) says; model axes."""
        out = np.empty_like(points)
        bend(points, follow, self.turns, NECK_PIVOT, self.turns[0] @ NECK_PIVOT, out)
        return out


def pose(model: HeadModel, person: Person, frame: Frame, size: tuple[int, int]) -> Posed:
    """The person's vertices and landmarks in a frame of `size` (height, width)."""
    height, width = size
    mesh = deformed(model, person, frame)
    count = len(mesh)
    rest_normals = np.zeros_like(mesh)
    vertex_normals(mesh, person.skin_faces, rest_normals)
    hung = np.where(
        person.parent[:, None] >= 0,
        mesh[person.parent] + person.along[:, None] * rest_normals[person.parent],
        0,
    )
    everything = np.concatenate([mesh, (hung + person.offset).astype(np.float32)])
    turned = Bend.of(frame)
    posed = turned.at(everything, person.follow)
    irises = turned.at(iris_points(model, mesh, person.look.eyes.iris_radius), np.ones(10, np.float32))
    points = np.concatenate([model.skin_points.at(posed[:count]), irises, posed[model.extra_vertices]])
    centre = turned.at(HEAD_CENTRE[None], np.ones(1, np.float32))[0]
    # the framing follows the sitter's neck, not the head, so that nods and turns move the head in the picture
    anchor = turned.at(HEAD_CENTRE[None], np.zeros(1, np.float32))[0]
    camera = to_camera(posed, anchor, frame)
    focal = frame.camera.unit * height * frame.camera.distance
    origin = np.array([frame.camera.centre[0] * width, frame.camera.centre[1] * height], np.float32)
    normals = np.zeros_like(camera)
    vertex_normals(camera, person.faces, normals)
    turn = frame.rotation() * np.array([[1], [-1], [-1]], np.float32)
    normals[person.soft] = person.soft_normals @ turn.T
    # the axes of the camera turn a mesh inside out unless both y and z flip: they do, so normals stay outward
    seen = to_camera(points, anchor, frame)
    middle = to_camera(centre[None], anchor, frame)[0, 2]
    marks = project(seen, focal, origin)
    marks[:, 2] = (seen[:, 2] - middle) * focal / middle
    return Posed(
        camera=camera,
        projected=project(camera, focal, origin),
        normals=normals,
        landmarks=marks[:478],
        landmark_depth=seen[:478, 2],
        extra=marks[478:],
        lids=lid_heights(model, mesh),
    )


def lid_heights(model: HeadModel, mesh: Float) -> Float:
    """(2, 4) as `Posed.lids`."""
    skin = model.skin_points.at(mesh)
    rows = [
        [skin[upper, 1], (skin[outer, 1] + skin[inner, 1]) / 2, skin[outer, 0], skin[inner, 0]]
        for upper, outer, inner in ((159, 33, 133), (386, 263, 362))
    ]
    return np.array(rows, np.float32)


def to_camera(points: Float, anchor: Float, frame: Frame) -> Float:
    """`points` (N, 3) from model axes into the camera's: x right, y down, z away."""
    moved = (points - anchor) * np.array([1, -1, -1], np.float32)
    shift = np.array(frame.shift, np.float32) + np.array([0, 0, frame.camera.distance], np.float32)
    return (moved + shift).astype(np.float32)


def project(points: Float, focal: float, origin: Float) -> Float:
    """(N, 3) x, y in pixels and 1 / depth of `points` (N, 3) in the camera's axes."""
    inverse = 1 / np.maximum(points[:, 2], 1e-3)
    out = np.empty_like(points)
    out[:, :2] = points[:, :2] * (focal * inverse)[:, None] + origin
    out[:, 2] = np.where(points[:, 2] > 1, inverse, -1)
    return out.astype(np.float32)


def render(
    model: HeadModel,
    person: Person,
    frame: Frame,
    size: int | tuple[int, int] = 256,
    *,
    samples: int = 2,
    has_shadows: bool = True,
    background: Bytes | None = None,
) -> HeadRender:
    """The person in this frame, and its truth.

    Args:
        model: the head model that `person` was made from.
        person: who.
        frame: when.
        size: side of a square picture, or (height, width), pixels.
        samples: samples along each side of a pixel; 1 is fast and jagged, 3 smooths hair and lashes, 4 and more shade
            every sample.
        has_shadows: whether head and hair cast shadows in the first lamp's light.
        background: (H, W, 3) uint8 sRGB instead of the person's own.
    """
    height, width = (size, size) if isinstance(size, int) else size
    look = person.look
    posed = pose(model, person, frame, (height, width))
    screen = posed.projected.copy()
    screen[:, :2] *= samples
    # closing lids would let a bulging eye through: to the z-buffer it lies a little deeper
    for members in model.eyeballs:
        screen[members, 2] *= 0.9975
    inverse = np.zeros((height * samples, width * samples), np.float32)
    triangle = np.full((height * samples, width * samples), -1, np.int32)
    rasterise(screen, person.faces, person.flags, person.corner_uv, look.eyes.lashes, inverse, triangle)

    hits = np.empty((height, width), np.int32)
    weights = np.zeros((height, width, 2), np.float32)
    layers = np.empty((height, width), np.uint8)
    matte = np.empty((height, width, 4), np.uint8)
    pixel_surface(triangle, samples, screen, person.faces, person.layer, hits, weights, layers, matte, MATTE_OF_LAYER)

    picture = (person.background(height, width) if background is None else background).copy()
    shade(
        triangle, samples, screen, person.faces, person.kind, person.corner_uv, posed.normals, person.rest,
        person.albedo, person.occlusion, lit_share(person, posed, has_shadows=has_shadows),
        np.array([0, 0, -1], np.float32), person.detail, person.detail_of,
        person.surface, look.light.ambient, look.light.lamps, eye_table(model, person, posed, frame), look.eyes.colours,
        look.eyes.catchlight, mouth_table(look.mouth, posed.landmarks), person.paint, person.creases,
        crease_table(model.expression_names, frame.expression, age=look.complexion.age), person.painted,
        look.tone, 4.0 if look.manner == "flat" else 0.0, samples <= 3,
        picture,
    )  # fmt: skip
    return HeadRender(
        rgb=picture,
        landmarks=posed.landmarks,
        visibility=visibility(posed, inverse, samples),
        extra=posed.extra,
        depth=pixel_depth(inverse, samples),
        layers=layers,
        matte=matte,
        triangle=hits,
        weights=weights,
        projected=posed.projected,
        pose=(np.diag([1, -1, -1]) @ frame.rotation() @ np.diag([1, -1, -1])).astype(np.float32),
    )


def lit_share(person: Person, posed: Posed, *, has_shadows: bool, size: int = 192) -> Float:
    """(N,) share of the first lamp's light that reaches each vertex, 0..1, with soft edges."""
    count = len(posed.camera)
    if not has_shadows:
        return np.ones(count, np.float32)
    towards = person.look.light.lamps[0, :3].astype(np.float32)
    # the camera's axes are the model's with y and z flipped, which keeps triangles' sides
    flip = np.array([1, -1, -1], np.float32)
    middle = posed.camera[: len(person.head)].mean(0)
    screen = orthographic(posed.camera * flip, towards * flip, middle * flip, 17.0, size)
    buffer = np.zeros((size, size), np.float32)
    triangle = np.full((size, size), -1, np.int32)
    rasterise(screen, person.faces, person.flags, person.corner_uv, NO_LASHES, buffer, triangle)
    out = np.empty(count, np.float32)
    shadowed(screen, buffer, 0.55 / 34.0, out)
    out[person.soft] = 0.4 + 0.6 * out[person.soft]
    return out


def eye_table(model: HeadModel, person: Person, posed: Posed, frame: Frame) -> Float:
    """(2, 12) what `shade` needs to know of each eye, by side x < 0, x > 0."""
    rows = []
    pitch = frame.gaze[1]
    eyes = person.look.eyes
    for ball in (0, 1):
        centre = eye_centre(model, model.vertices, ball)
        own = eye_centre(model, person.head, ball)
        high = float(posed.lids[ball, 0] - own[1])
        half = float(abs(posed.lids[ball, 2] - posed.lids[ball, 3])) / 2
        fall = (high - float(posed.lids[ball, 1] - own[1])) / max(half * half, 0.1)
        sign = 1.0 if ball == 0 else -1.0
        turn = frame.rotation() @ rotation_of(frame.gaze[0] + sign * frame.vergence, pitch, 0.0)
        gaze = turn[:, 2] * np.array([1, -1, -1])
        shape = [eyes.iris_radius, eyes.pupil_radius, np.sin(pitch), np.cos(pitch), high, max(fall, 0.0)]
        rows.append([*centre, *shape, *gaze])
    return np.array(rows, np.float32)


def pixel_depth(inverse: Float, samples: int) -> Float:
    """(H, W) depth in model units of the sample beside each pixel's centre; inf for background."""
    picked = inverse[samples // 2 :: samples, samples // 2 :: samples]
    with np.errstate(divide="ignore"):
        return np.where(picked > 0, 1 / picked, np.inf).astype(np.float32)


def visibility(posed: Posed, inverse: Float, samples: int, *, slack: float = 0.45) -> Float:
    """(478,) share of the nine samples around each landmark that no surface hides; 0 outside the picture.

    Args:
        posed: the frame's landmarks.
        inverse: (H s, W s) 1 / depth of the nearest surface, 0 where there is none.
        samples: samples along each side of a pixel.
        slack: model units a surface may lie in front of a point and still count as its own.
    """
    height, width = inverse.shape
    x = np.floor(posed.landmarks[:, 0] * samples).astype(int)
    y = np.floor(posed.landmarks[:, 1] * samples).astype(int)
    total = np.zeros(len(x), np.float32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            px, py = x + dx, y + dy
            inside = (px >= 0) & (px < width) & (py >= 0) & (py < height)
            seen = inverse[py.clip(0, height - 1), px.clip(0, width - 1)]
            nearest = np.where(seen > 0, 1 / np.maximum(seen, 1e-9), np.inf)
            total += inside & (posed.landmark_depth <= nearest + slack)
    return (total / 9).astype(np.float32)
