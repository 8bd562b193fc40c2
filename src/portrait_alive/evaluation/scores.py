"""All measurements of one method on one self-reenactment episode, frame by frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from portrait_alive.errors import PortraitAliveError
from portrait_alive.evaluation.crops import CROP_SIZE_PX, REGIONS, Region, cut, cut_region, region_square
from portrait_alive.evaluation.flicker import flicker
from portrait_alive.evaluation.identity import MobileFaceNet, align_face, cosines
from portrait_alive.evaluation.image_metrics import l1, psnr_db, ssim
from portrait_alive.evaluation.judge import Judge, face_seen
from portrait_alive.evaluation.landmark_errors import LandmarkErrors, landmark_errors
from portrait_alive.evaluation.lpips import Lpips
from portrait_alive.evaluation.reenactment import Episode
from portrait_alive.types import Bytes, Float

Flags = NDArray[np.bool_]
FRAME_SSIM_SIDE_PX = 224
"""Shorter side to which frames are reduced for the SSIM of the whole frame."""


@dataclass(frozen=True)
class Instruments:
    """What measures; None leaves its measurements out."""

    judge: Judge
    lpips: Lpips | None = None
    identity: MobileFaceNet | None = None


@dataclass(frozen=True, eq=False)
class EpisodeScores:
    """Measurements of one method on one episode."""

    method: str
    episode: str
    shots: int
    per_frame: Mapping[str, Float]
    """Name to (N,) values; NaN where a frame could not be measured."""
    whole: Mapping[str, float]
    """Measurements that only a whole episode has (flicker)."""
    frames: int
    """Driven frames."""
    unseen_in_truth: int
    """Frames left out because the judge sees no face in the truth."""
    unseen_in_output: int
    """Frames in which the judge sees a face in the truth and none in the output."""
    seconds_per_frame: float
    """Time the method took, its preparation included."""

    def mean(self, name: str) -> float:
        """Mean of a measurement over the frames that have it; NaN where none has."""
        if name in self.whole:
            return self.whole[name]
        values = self.per_frame.get(name)
        return float("nan") if values is None or np.isnan(values).all() else float(np.nanmean(values))

    @property
    def names(self) -> list[str]:
        """Names of all measurements."""
        return [*self.per_frame, *self.whole]


def score_episode(
    method: str,
    episode: Episode,
    output: Sequence[Bytes],
    instruments: Instruments,
    *,
    every: int = 1,
    seconds_per_frame: float = float("nan"),
) -> EpisodeScores:
    """Measure `output` against the episode's driving frames, which are the truth.

    With `every` above 1, only each `every`-th frame is measured (flicker is left out then): a quick look, not a figure
    to publish.

    Raises:
        PortraitAliveError: the output has another number or size of frames than the truth, or no face is ever seen.
    """
    truth = episode.driving
    if len(output) != len(truth) or any(o.shape != t.shape for o, t in zip(output, truth, strict=False)):
        raise PortraitAliveError(
            f"{method} on {episode.name}: {len(output)} frames of {output[0].shape if len(output) else '-'}, "
            f"expected {len(truth)} of {truth[0].shape}"
        )
    truth_meshes = instruments.judge.meshes(truth)[::every]
    truth, output = truth[::every], output[::every]
    output_meshes = instruments.judge.meshes(output)
    seen = face_seen(truth_meshes)
    if not seen.any():
        raise PortraitAliveError(f"{episode.name}: the judge sees no face in any frame; leave this clip out")
    both = seen & face_seen(output_meshes)
    per_frame = {
        **_crop_scores(output, truth, truth_meshes, seen, instruments.lpips),
        "frame_ssim": np.array([ssim(*map(_reduced, pair)) for pair in zip(output, truth, strict=True)], np.float32),
        **_landmark_scores(output_meshes, truth_meshes, both),
    }
    if instruments.identity is not None:
        per_frame["identity"] = _identity_scores(output, truth, output_meshes, truth_meshes, both, instruments.identity)
    return EpisodeScores(
        method=method,
        episode=episode.name,
        shots=episode.shots,
        per_frame=per_frame,
        whole=_flicker_scores(output, truth, truth_meshes[seen]) if every == 1 else {},
        frames=len(truth),
        unseen_in_truth=int((~seen).sum()),
        unseen_in_output=int((seen & ~both).sum()),
        seconds_per_frame=seconds_per_frame,
    )


def _crop_scores(
    output: Sequence[Bytes], truth: Sequence[Bytes], meshes: Float, seen: Flags, lpips: Lpips | None
) -> dict[str, Float]:
    by_region: dict[Region, dict[str, Float]] = {}
    chosen = _true_at(seen)
    for region in REGIONS:
        crops = [(cut_region(output[i], meshes[i], region), cut_region(truth[i], meshes[i], region)) for i in chosen]
        by_region[region] = {
            name: _spread_out([measure(a, b) for a, b in crops], chosen, len(truth))
            for name, measure in _PIXEL_METRICS.items()
        }
        if lpips is not None:
            distances = lpips.distances([a for a, _ in crops], [b for _, b in crops])
            by_region[region]["lpips"] = _spread_out(distances, chosen, len(truth))
    out: dict[str, Float] = {}
    for name in by_region["face"]:
        out[f"face_{name}"] = by_region["face"][name]
        out[f"mouth_{name}"] = by_region["mouth"][name]
        out[f"eyes_{name}"] = (by_region["right_eye"][name] + by_region["left_eye"][name]) / np.float32(2)
    return out


_PIXEL_METRICS: dict[str, Callable[[Bytes, Bytes], float]] = {"psnr": psnr_db, "ssim": ssim, "l1": l1}


def _true_at(flags: Flags) -> list[int]:
    return [int(i) for i in np.flatnonzero(flags)]


def _spread_out(values: Sequence[float] | Float, chosen: Sequence[int], count: int) -> Float:
    out = np.full(count, np.nan, np.float32)
    out[list(chosen)] = values
    return out


def _landmark_scores(output: Float, truth: Float, both: Flags) -> dict[str, Float]:
    names = [field.name for field in fields(LandmarkErrors)]
    rows = np.full((len(truth), len(names)), np.nan, np.float32)
    for i in _true_at(both):
        rows[i] = list(asdict(landmark_errors(output[i], truth[i])).values())
    return {f"{name}_error": rows[:, column] for column, name in enumerate(names)}


def _identity_scores(
    output: Sequence[Bytes],
    truth: Sequence[Bytes],
    output_meshes: Float,
    truth_meshes: Float,
    both: Flags,
    network: MobileFaceNet,
) -> Float:
    chosen = _true_at(both)
    ours = network.embed([align_face(output[i], output_meshes[i]) for i in chosen])
    theirs = network.embed([align_face(truth[i], truth_meshes[i]) for i in chosen])
    return _spread_out(cosines(ours, theirs), chosen, len(truth))


def _flicker_scores(output: Sequence[Bytes], truth: Sequence[Bytes], meshes: Float) -> dict[str, float]:
    """Flicker of each region in one fixed window: a window that follows the judge would shake as the judge does."""
    middle = np.median(meshes, axis=0)
    by_region = {}
    for region in REGIONS:
        square, size = region_square(middle, region), CROP_SIZE_PX[region]
        by_region[region] = flicker(
            [cut(frame, square, size) for frame in output], [cut(frame, square, size) for frame in truth]
        )
    eyes = (by_region["right_eye"] + by_region["left_eye"]) / 2
    return {"face_flicker": by_region["face"], "mouth_flicker": by_region["mouth"], "eyes_flicker": eyes}


def _reduced(frame: Bytes) -> Bytes:
    height, width = frame.shape[:2]
    scale = FRAME_SSIM_SIDE_PX / min(height, width)
    if scale >= 1:
        return frame
    out: Bytes = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    return out
