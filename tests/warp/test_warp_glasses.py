"""Glasses: their rims are found where they are, and stay rigid whatever the brows behind them do."""

import cv2
import numpy as np
import pytest
from warp_heads import Head, driven_by, paint_head, with_expression

from portrait_alive.shape.fit import HeadFitter
from portrait_alive.shape.source import source_face
from portrait_alive.types import Picture
from portrait_alive.warp.glasses_hold import Glasses
from portrait_alive.warp.glasses_rims import glasses_rims
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.warper import Warper

FRAME = (30, 25, 25)


def with_glasses(head: Head, *, dark: bool = False) -> tuple[Head, np.ndarray]:
    """The head with round glasses of dark wire, and which pixels are theirs; dark ones are filled."""
    pixels, points = head.picture.pixels.copy(), head.face.points[:, :2]
    wire = np.zeros(pixels.shape[:2], np.uint8)
    thick = max(round(len(pixels) / 260), 1)
    for iris, outer, inner in ((468, 33, 133), (473, 263, 362)):
        reach = np.linalg.norm(points[outer] - points[inner])
        centre = points[iris] + (0, 0.1 * reach)
        axes = tuple(np.round(16 * np.array([0.85, 0.8]) * reach).astype(int).tolist())
        cv2.ellipse(
            wire,
            np.round(16 * centre).astype(int).tolist(),
            axes,
            0,
            0,
            360,
            255,
            -1 if dark else thick,
            cv2.LINE_AA,
            4,
        )
    bridge = [np.round(points[corner]).astype(int).tolist() for corner in (133, 362)]
    cv2.line(wire, bridge[0], bridge[1], 255, thick, cv2.LINE_AA)
    share = wire[..., None] / 255
    worn = np.rint(pixels + share * (np.array(FRAME) - pixels)).astype(np.uint8)
    return Head(Picture(worn), source_face(head.face.landmarks, HeadFitter.of(head.basis)), head.basis), wire > 127


@pytest.mark.parametrize("size", [320, 640])
def test_rims_are_traced_where_they_are(size: int) -> None:
    head, _ = with_glasses(paint_head(size, grain=6))
    rims = glasses_rims(head.picture.pixels, head.face.landmarks)
    assert rims is not None
    points = head.face.points[:, :2]
    assert not rims.are_dark
    for rim, iris, outer, inner in zip((rims.right, rims.left), (468, 473), (33, 263), (133, 362), strict=True):
        reach = np.linalg.norm(points[outer] - points[inner])
        away = (rim - points[iris] - (0, 0.1 * reach)) / (np.array([0.85, 0.8]) * reach)
        off = np.abs(np.linalg.norm(away, axis=1) - 1)
        assert float(np.median(off)) < 0.06
        assert float(np.percentile(off, 90)) < 0.25


def test_bare_faces_wear_none() -> None:
    head = paint_head(320, grain=6)
    assert glasses_rims(head.picture.pixels, head.face.landmarks) is None
    assert Glasses.of(head.picture.pixels, head.face) is None


def height(pixels: np.ndarray, points: np.ndarray) -> float:
    """Of the wire about the right eye, over its width, without the bridge."""
    reach = float(np.linalg.norm(points[33, :2] - points[133, :2]))
    ys, xs = np.nonzero((pixels.astype(int) - FRAME).sum(2) < 120)
    at = np.stack([xs, ys], 1) + 0.5 - points[468, :2] - (0, 0.1 * reach)
    away = np.linalg.norm(at, axis=1) / reach
    wire = at[(away > 0.6) & (away < 1.15) & (at[:, 0] < 0.5 * reach)]
    return float(np.ptp(wire[:, 1]) / reach)


def test_raised_brows_do_not_bend_rims(monkeypatch: pytest.MonkeyPatch) -> None:
    head, _ = with_glasses(paint_head(560, grain=6))
    raised = head.face.points.copy()
    reach = float(np.linalg.norm(raised[33, :2] - raised[133, :2]))
    above = np.clip((raised[468, 1] - 0.3 * reach - raised[:478, 1]) / (0.5 * reach), 0, 1)
    raised[:478, 1] -= 0.4 * reach * above
    left, top, *_ = Warper(take_apart(head.picture, head.face, head.basis)).box
    corner = np.array([left, top, 0])

    def made() -> float:
        warper = Warper(take_apart(head.picture, head.face, head.basis))
        return height(warper.render(driven_by(head, raised)), raised - corner)

    before = height(head.picture.pixels[top:, left:], head.face.points - corner)
    with_hold = made()
    monkeypatch.setattr(Glasses, "of", staticmethod(lambda pixels, face: None))
    assert abs(with_hold - before) < 0.05  # a pixel is 0.03
    assert made() > before + 0.2, "without it they do"


def test_lids_shut_behind_the_rims() -> None:
    """A rim that crosses the lid's fold stays in front of the lid."""
    head, wire = with_glasses(paint_head(560, grain=6))
    warper = Warper(take_apart(head.picture, head.face, head.basis))
    left, top, right, bottom = warper.box
    shut = with_expression(head, eyeBlink=1.0)
    made = warper.render(driven_by(head, shut, shut=1.0))
    here = wire[top:bottom, left:right]
    still_dark = np.abs(made[: here.shape[0], : here.shape[1]][here].astype(int) - FRAME).mean(1) < 60
    assert still_dark.mean() > 0.9


def test_eyes_behind_dark_glasses_stay_hidden() -> None:
    head, glass = with_glasses(paint_head(560, grain=6), dark=True)
    rims = glasses_rims(head.picture.pixels, head.face.landmarks)
    assert rims is not None
    assert rims.are_dark
    inside = np.zeros(glass.shape, np.uint8)
    cv2.fillPoly(inside, [np.rint(rim).astype(np.int32) for rim in (rims.right, rims.left)], 1)
    assert (inside[glass] > 0).mean() > 0.9
    warper = Warper(take_apart(head.picture, head.face, head.basis))
    left, top, right, bottom = warper.box
    made = warper.render(driven_by(head, with_expression(head, eyeBlink=1.0), shut=1.0))
    here = glass[top:bottom, left:right]
    np.testing.assert_allclose(made[: here.shape[0], : here.shape[1]][here].mean(0), FRAME, atol=8)
