"""One moment of a head: expression, gaze, pose, camera; and plausible random ones."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from portrait_alive.types import Float

SIDES = ("_L", "_R")


@dataclass(frozen=True)
class Camera:
    """A perspective camera that looks along the head's z axis, in fractions of the picture so that any size fits."""

    unit: float = 0.026
    """Picture heights per model unit at the head's depth."""
    distance: float = 90.0
    """Model units from the camera to the head's centre: small is a wide angle near by."""
    centre: tuple[float, float] = (0.5, 0.48)
    """Where the head's centre falls, in picture widths and heights."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One moment of a head."""

    expression: Float
    """(E,) weights of the model's expression shapes, 0..1. Lids' and eyes' look shapes are added from `gaze`."""
    gaze: tuple[float, float] = (0.0, 0.0)
    """(yaw to the subject's left, pitch up) of both eyes against the head, radians."""
    vergence: float = 0.0
    """How far each eye turns to the nose, radians."""
    lids_follow: float = 1.0
    """Share of their usual way that the lids go with the gaze: 0 leaves them where `expression` has them."""
    yaw: float = 0.0
    """Radians; positive turns the face to the subject's left (the viewer's right)."""
    pitch: float = 0.0
    """Radians; positive looks up."""
    roll: float = 0.0
    """Radians; positive tilts the head to the viewer's right (clockwise as seen)."""
    body_yaw: float = 0.0
    """Radians; how far the shoulders turn."""
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Model units (right, down, away as seen) the whole figure is moved by."""
    camera: Camera = Camera()

    def rotation(self) -> Float:
        """(3, 3) head rotation in model axes (x to the subject's left, y up, z towards the viewer)."""
        return rotation_of(self.yaw, self.pitch, self.roll)


def rotation_of(yaw: float, pitch: float, roll: float) -> Float:
    """(3, 3) rotation in model axes: roll after pitch after yaw about the head's own axes.

    Args:
        yaw: radians to the subject's left.
        pitch: radians up.
        roll: radians clockwise as seen by the viewer.
    """
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_z = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y, np.float32)


def expression_of(names: tuple[str, ...], weights: dict[str, float]) -> Float:
    """(E,) weights from names; a name without its side sets both sides.

    Raises:
        KeyError: a name is not one of `names`.
    """
    out = np.zeros(len(names), np.float32)
    for name, weight in weights.items():
        hits = [names.index(one) for one in (name, name + "_L", name + "_R") if one in names]
        if not hits:
            raise KeyError(name)
        out[hits] = weight
    return out


def with_gaze(names: tuple[str, ...], frame: Frame) -> Float:
    """(E,) the frame's expression with the lids following the gaze."""
    yaw, pitch = frame.gaze
    look = {
        "eyeLookUp": max(pitch, 0.0) / 0.45,
        "eyeLookDown": max(-pitch, 0.0) / 0.5,
        "eyeLookOut_L": max(yaw, 0.0) / 0.6,
        "eyeLookIn_R": max(yaw, 0.0) / 0.6,
        "eyeLookIn_L": max(-yaw, 0.0) / 0.6,
        "eyeLookOut_R": max(-yaw, 0.0) / 0.6,
    }
    known = {name: min(value * frame.lids_follow, 1.0) for name, value in look.items() if value > 0}
    out = frame.expression + expression_of(names, known)
    # a lid that follows the gaze down has less far to fall: together they would pass the lower lid
    for side in SIDES:
        blink, down = names.index("eyeBlink" + side), names.index("eyeLookDown" + side)
        out[down] *= 1 - min(float(out[blink]), 1.0)
        wide = names.index("eyeWide" + side)
        out[wide] *= 1 - min(float(out[blink]), 1.0)
    return np.asarray(out, np.float32)


def random_expression(names: tuple[str, ...], rng: np.random.Generator) -> Float:
    """(E,) weights of a plausible random face: neutral, talking, smiling, shouting, frowning, blinking, or mixed."""
    weights: dict[str, float] = {}

    def add(name: str, value: float) -> None:
        weights[name] = float(np.clip(weights.get(name, 0.0) + value, 0.0, 1.0))

    def both(name: str, value: float, uneven: float = 0.15) -> None:
        for side in SIDES:
            add(name + side, value * (1 + rng.normal() * uneven))

    mood = rng.choice(
        ["neutral", "talk", "smile", "surprise", "frown", "wide", "odd", "pucker"],
        p=[0.13, 0.27, 0.2, 0.08, 0.1, 0.07, 0.1, 0.05],
    )
    if mood == "talk":
        add("jawOpen", float(rng.beta(1.3, 3.0)) * 0.8)
        both("mouthLowerDown", rng.uniform(0, 0.6))
        both("mouthUpperUp", rng.uniform(0, 0.5))
        add(str(rng.choice(["mouthFunnel", "mouthPucker", "mouthShrugUpper", "mouthRollLower"])), rng.uniform(0, 0.7))
        both("mouthStretch", rng.uniform(0, 0.4))
    elif mood == "smile":
        strength = rng.uniform(0.2, 1.0)
        both("mouthSmile", strength)
        both("cheekSquint", strength * rng.uniform(0, 0.8))
        both("eyeSquint", strength * rng.uniform(0, 0.7))
        both("mouthUpperUp", strength * rng.uniform(0, 0.5))
        both("mouthLowerDown", strength * rng.uniform(0, 0.4))
        add("jawOpen", strength * float(rng.beta(1, 3)) * 0.7)
        both("mouthDimple", rng.uniform(0, 0.4))
    elif mood == "surprise":
        add("jawOpen", rng.uniform(0.1, 0.8))
        both("browInnerUp", rng.uniform(0.3, 1.0))
        both("browOuterUp", rng.uniform(0.3, 1.0))
        both("eyeWide", rng.uniform(0.3, 1.0))
        add("mouthFunnel", rng.uniform(0, 0.5))
    elif mood == "frown":
        both("browDown", rng.uniform(0.3, 1.0))
        both("mouthFrown", rng.uniform(0.1, 0.9))
        both("eyeSquint", rng.uniform(0, 0.6))
        both("noseSneer", rng.uniform(0, 0.6))
        both("mouthPress", rng.uniform(0, 0.5))
        add("mouthShrugLower", rng.uniform(0, 0.7))
    elif mood == "wide":
        add("jawOpen", rng.uniform(0.6, 1.0))
        both("mouthUpperUp", rng.uniform(0, 0.6))
        both("mouthLowerDown", rng.uniform(0, 0.6))
        both("mouthSmile", rng.uniform(0, 0.6))
        both("browInnerUp", rng.uniform(0, 0.6))
        both("eyeSquint", rng.uniform(0, 0.5))
    elif mood == "pucker":
        add("mouthPucker", rng.uniform(0.3, 1.0))
        add("mouthFunnel", rng.uniform(0, 0.5))
        both("cheekPuff", rng.uniform(0, 0.6))
    elif mood == "odd":
        side = str(rng.choice(SIDES))
        for name in rng.choice(
            [
                "mouthSmile",
                "browOuterUp",
                "browDown",
                "eyeSquint",
                "mouthFrown",
                "noseSneer",
                "mouthUpperUp",
                "mouthStretch",
            ],
            3,
            replace=False,
        ):
            add(str(name) + side, rng.uniform(0.2, 1.0))
        add(str(rng.choice(["mouthLeft", "mouthRight", "jawLeft", "jawRight"])), rng.uniform(0, 0.8))
        add("jawOpen", float(rng.beta(1, 4)))
    if rng.random() < 0.3:
        both("browInnerUp", rng.uniform(0, 0.5))
    if rng.random() < 0.2:
        both("browDown", rng.uniform(0, 0.6))
    lids = rng.random()
    if lids < 0.12:
        both("eyeBlink", 1.0, 0.0)
    elif lids < 0.30:
        both("eyeBlink", rng.uniform(0.1, 0.95), 0.08)
    elif lids < 0.36:
        add("eyeBlink" + str(rng.choice(SIDES)), rng.uniform(0.6, 1.0))
    # every face is a little uneven
    out = expression_of(names, {k: v for k, v in weights.items() if k in names})
    usable = np.array([not n.startswith(("eyeLook", "eyeBlink", "Pupil")) for n in names])
    noise = rng.exponential(0.03, len(names)) * (rng.random(len(names)) < 0.4)
    out += np.where(usable, noise, 0).astype(np.float32)
    for side in SIDES:
        out[names.index("PupilDilate" + side)] = 0.0
    close = names.index("mouthClose")
    out[close] = 0.0
    if rng.random() < 0.05:
        out[close] = out[names.index("jawOpen")]
    return np.clip(out, 0, 1).astype(np.float32)


def random_camera(rng: np.random.Generator) -> Camera:
    """A camera that frames head and shoulders loosely or the face tightly."""
    return Camera(
        unit=float(np.exp(rng.uniform(np.log(0.021), np.log(0.039)))),
        distance=float(np.exp(rng.uniform(np.log(42), np.log(220)))),
        centre=(0.5 + float(rng.normal()) * 0.05, 0.46 + float(rng.normal()) * 0.05),
    )


def random_frame(
    names: tuple[str, ...], rng: np.random.Generator, *, camera: Camera | None = None, body_yaw: float | None = None
) -> Frame:
    """A random moment: most of the mass near frontal, tails to 60 degrees of yaw, 35 of pitch, 30 of roll."""
    degrees = np.pi / 180
    far = rng.random() < 0.25
    yaw = float(np.clip(rng.normal() * (34 if far else 15), -62, 62)) * degrees
    pitch = float(np.clip(rng.normal() * (16 if far else 8), -36, 36)) * degrees
    roll = float(np.clip(rng.normal() * (13 if far else 6), -32, 32)) * degrees
    wandering = rng.random() < 0.5
    # eyes tend to stay on the viewer when the head turns
    gaze_yaw = float(np.clip(-0.35 * yaw * rng.random() + rng.normal() * (0.25 if wandering else 0.06), -0.6, 0.6))
    gaze_pitch = float(np.clip(-0.3 * pitch * rng.random() + rng.normal() * (0.2 if wandering else 0.04), -0.42, 0.4))
    return Frame(
        expression=random_expression(names, rng),
        gaze=(gaze_yaw, gaze_pitch),
        vergence=float(abs(rng.normal()) * 0.02),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        body_yaw=yaw * rng.uniform(0, 0.6) + rng.normal() * 0.15 if body_yaw is None else body_yaw,
        shift=tuple(float(one) for one in rng.normal(size=3) * 0.6),  # type: ignore[arg-type]
        camera=random_camera(rng) if camera is None else camera,
        # were lids always told by the gaze, a network would learn to tell the gaze by the lids
        lids_follow=float(rng.uniform(0.0, 1.2)),
    )


def random_frames(names: tuple[str, ...], rng: np.random.Generator, count: int) -> list[Frame]:
    """`count` random moments of one sitting: one camera, shoulders that hardly turn."""
    first = random_frame(names, rng)
    return [first] + [
        replace(
            random_frame(names, rng, camera=first.camera),
            body_yaw=first.body_yaw + float(rng.normal()) * 0.05,
        )
        for _ in range(count - 1)
    ]


def mirrored(names: tuple[str, ...], expression: NDArray[np.float32]) -> Float:
    """(E,) the expression with the subject's sides exchanged."""

    def partner(name: str) -> str:
        if name.endswith(("_L", "_R")):
            return name[:-1] + ("R" if name.endswith("L") else "L")
        if name.endswith(("Left", "Right")):
            return name.replace("Left", "Right") if name.endswith("Left") else name.replace("Right", "Left")
        return name

    return np.asarray(expression[[names.index(partner(name)) for name in names]], np.float32)
