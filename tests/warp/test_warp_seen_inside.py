"""What is drawn between the lips where the driver's mouth shows what is there: two rows of teeth, tongue and dark."""

import numpy as np
import pytest

from portrait_alive.tones import LUMA
from portrait_alive.types import INSIDE_SHAPE
from portrait_alive.warp.seen_inside import seen_inside
from portrait_alive.warp.teeth import Palette, palette_of

WIDE, HIGH = 240, 80
"""Pixels of the opening, which is as high as a third of its width."""


@pytest.fixture(scope="module")
def palette() -> Palette:
    pixels = np.full((50, 3), (220, 180, 150), np.uint8)
    return palette_of(pixels, np.array([170, 90, 90], np.float32), np.array([220, 180, 150], np.float32))


def drawn(palette: Palette, light: float, teeth: float, *, high: int = HIGH) -> np.ndarray:
    """(high, 240, 3) an opening all of whose cells are alike."""
    inside = np.zeros(INSIDE_SHAPE, np.float32)
    inside[..., 0], inside[..., 1] = light, teeth
    along = np.tile((np.arange(WIDE, dtype=np.float32) + 0.5) / WIDE, (high, 1))
    deep = np.tile(((np.arange(high, dtype=np.float32) + 0.5) / high)[:, None], (1, WIDE))
    tall = np.full_like(along, high / WIDE)
    return seen_inside(inside, palette, along, deep, tall, along - 0.5, along - 0.5, 1 / WIDE)


def test_a_wide_open_grin_shows_two_rows_that_meet(palette: Palette) -> None:
    light = drawn(palette, 1.0, 1.0) @ LUMA
    down = light[:, WIDE // 2 - 8]  # in the middle of a tooth
    meets = 25 + int(down[25:75].argmin())
    assert 0.7 < meets / HIGH < 0.8
    upper, lower = down[15 : meets - 6].mean(), down[meets + 9 :].mean()
    assert down[meets] < 0.85 * upper
    assert down[meets] < 0.95 * lower < upper


def test_a_smile_shows_upper_teeth_alone(palette: Palette) -> None:
    down = (drawn(palette, 1.0, 1.0, high=44) @ LUMA)[:, WIDE // 2 - 8]
    assert np.ptp(down[15:]) < 0.05 * down[20]


def test_teeth_come_out_of_the_dark_of_corners_and_lip(palette: Palette) -> None:
    light = drawn(palette, 1.0, 1.0) @ LUMA
    middle = light[30, WIDE // 2 - 8]
    assert max(light[30, 1], light[30, -2]) < 0.7 * middle
    assert light[0, WIDE // 2 - 8] < 0.9 * middle


def test_what_is_no_tooth_has_the_tongue_s_colour_and_no_lines(palette: Palette) -> None:
    colours = drawn(palette, 0.5, 0.0)
    assert np.ptp(colours[20:60, 40:-40], axis=(0, 1)).max() < 1
    assert colours[40, 100, 0] > 1.3 * colours[40, 100, 1]


def test_lightness_is_as_seen(palette: Palette) -> None:
    skin = float(palette.skin @ LUMA)
    for light, rel in ((0.15, 0.02), (0.3, 0.02), (0.45, 0.08)):  # from there on it nears that of the tongue
        assert drawn(palette, light, 0.0)[40, 120] @ LUMA == pytest.approx(light * skin, rel=rel)


def test_what_is_no_tooth_is_hardly_lighter_than_the_tongue(palette: Palette) -> None:
    tongue = float(palette.tongue @ LUMA)
    found = [float(drawn(palette, light, 0.0)[40, 120] @ LUMA) for light in (0.6, 0.75, 0.9, 1.05)]
    assert (np.diff(found) > 0.5).all(), "shade on it is still seen"
    assert 1.0 * tongue < found[2] < 1.25 * tongue
    assert drawn(palette, 0.9, 1.0)[20, WIDE // 2 - 8] @ LUMA > 1.5 * float(palette.tongue @ LUMA)
