"""Faces that are made to teach the tracker: turned by the warp, and with a hand before them."""

import cv2
import numpy as np
from warp_heads import IRIS, Head, paint_head

from portrait_alive.shape import topology
from portrait_alive.shape.fit import HeadFitter
from portrait_alive.training.tracker.beards import BeardedFaces, bearded
from portrait_alive.training.tracker.hands import put_hand_before
from portrait_alive.training.tracker.turned_faces import turned_views
from portrait_alive.types import MESH_POINTS


def test_turned_faces_have_their_irises_where_the_labels_say() -> None:
    head = paint_head()
    views = turned_views(
        head.picture.pixels,
        head.face.landmarks.points,
        HeadFitter.of(head.basis),
        np.random.default_rng(0),
        count=12,
    )
    turns, seen = [], 0
    for pixels, points in views:
        assert pixels.shape == (256, 256, 3)
        assert points.shape == (MESH_POINTS, 3)
        eyes = points[list(topology.EYE_CORNERS), :2]
        turns.append((points[topology.NOSE_TIP, 0] - eyes[:, 0].mean()) / np.ptp(eyes[:, 0]))
        for iris, upper, lower in ((topology.RIGHT_IRIS, 159, 145), (topology.LEFT_IRIS, 386, 374)):
            radius = np.linalg.norm(points[list(iris[1:]), :2] - points[iris[0], :2], axis=1).mean()
            if np.linalg.norm(points[upper, :2] - points[lower, :2]) < radius:
                continue  # shut: there is no iris to be seen
            x, y = np.round(points[iris[0], :2] - 0.5).astype(int)
            near = pixels[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(0)
            seen += bool(np.abs(near - np.array(IRIS)).mean() < np.abs(near - _skin(head)).mean())
    assert max(turns) - min(turns) > 0.3, "heads were not turned"
    assert seen >= 10


def _skin(head: Head) -> np.ndarray:
    points = head.face.points
    x, y = points[50, :2].astype(int)
    return head.picture.pixels[y, x].astype(float)


def test_a_hand_covers_what_its_opacity_says_and_nothing_else() -> None:
    head = paint_head()
    pixels, points = head.picture.pixels, head.face.landmarks.points
    oval = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(oval, cv2.convexHull(points[:, :2].astype(np.int32)), 1)
    covered = []
    for seed in range(12):
        out, opacity = put_hand_before(np.random.default_rng(seed), pixels, points)
        assert out.dtype == np.uint8
        assert 0 <= opacity.min() <= opacity.max() <= 1
        np.testing.assert_array_equal(out[opacity == 0], pixels[opacity == 0])
        assert np.abs(out[opacity == 1].astype(int) - pixels[opacity == 1]).mean() > 3
        covered.append(opacity[oval > 0].mean())
    assert np.mean(np.array(covered) > 0.02) >= 0.8, "a fingertip lies on the face"
    assert max(covered) < 0.9


def test_beards_grow_on_chins_and_nowhere_else() -> None:
    head = paint_head()
    pixels, points = head.picture.pixels, head.face.landmarks.points
    apart = float(np.linalg.norm(points[topology.RIGHT_IRIS[0], :2] - points[topology.LEFT_IRIS[0], :2]))
    eyes, chin = points[list(topology.EYE_CORNERS), 1].mean(), points[topology.CHIN, :2]
    reach = []
    for seed in range(12):
        out = bearded(np.random.default_rng(seed), pixels, points)
        assert out.dtype == np.uint8
        np.testing.assert_array_equal(out, bearded(np.random.default_rng(seed), pixels, points))
        grown = np.abs(out.astype(int) - pixels).sum(2) > 20
        x, y = (chin - (0, 0.1 * apart)).astype(int)
        assert grown[y - 6 : y + 6, x - 6 : x + 6].mean() > 0.4, "there is hair on the chin"
        assert not grown[: int(eyes)].any(), "none above the eyes"
        reach.append(float(np.nonzero(grown.any(1))[0].max() - chin[1]) / apart)
    assert 0 < min(reach) < 0.3 < max(reach) < 1.2, "some are short, some long"


def test_a_share_of_faces_has_a_beard_and_labels_stay() -> None:
    head = paint_head()

    class OneFace:
        def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
            return head.picture.pixels, head.face.landmarks.points

    rng = np.random.default_rng(0)
    drawn = [BeardedFaces(OneFace(), 0.3).draw(rng) for _ in range(60)]
    assert all(points is head.face.landmarks.points for _, points in drawn)
    assert 0.15 < np.mean([bool((pixels != head.picture.pixels).any()) for pixels, _ in drawn]) < 0.45
