"""Parts of the warp by themselves: textures, fields, openings, fills, mattes."""

import cv2
import numpy as np
import pytest

from portrait_alive.shape import topology
from portrait_alive.warp.curves import Opening
from portrait_alive.warp.edge_width import edge_width
from portrait_alive.warp.filling import continue_smoothly, grain_of
from portrait_alive.warp.fine_texture import FineTexture, lanczos_kernel
from portrait_alive.warp.grid import Grid, unfolded
from portrait_alive.warp.matte import guided_filter
from portrait_alive.warp.mesh_weights import extended, weights_at
from portrait_alive.warp.plate import separate, with_rim, with_strands


def noise(height: int, width: int, sigma: float = 1.0) -> np.ndarray:
    rough = np.random.default_rng(3).normal(0, 60, (height, width, 3)).astype(np.float32)
    return np.clip(128 + 2 * cv2.GaussianBlur(rough, (0, 0), sigma), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("limit", [10**9, 5 * 40 * 50 * 3, 1])
def test_textures_are_exact_at_whole_pixels(limit: int) -> None:
    pixels = noise(40, 50)
    texture = FineTexture.of(pixels, limit_bytes=limit)
    at = np.stack(np.meshgrid(np.arange(50), np.arange(40)), -1).astype(np.float32) * texture.factor
    assert np.array_equal(texture.sample(at), pixels)


def test_the_enlargement_follows_the_memory_limit() -> None:
    pixels = noise(20, 20)
    assert [FineTexture.of(pixels, limit_bytes=pixels.size * n).factor for n in (16, 9, 8, 3)] == [3, 3, 2, 1]


def test_textures_interpolate_as_lanczos_does() -> None:
    pixels = noise(48, 64, 1.5)
    texture = FineTexture.of(pixels)
    inner = np.stack(np.meshgrid(np.arange(8, 56), np.arange(8, 40)), -1).astype(np.float32)
    ours = texture.sample((inner + np.float32(0.375)) * texture.factor).astype(float)
    theirs = cv2.remap(pixels, inner + np.float32(0.375), None, cv2.INTER_LANCZOS4).astype(float)
    plain = cv2.remap(pixels, inner + np.float32(0.375), None, cv2.INTER_LINEAR).astype(float)
    assert np.abs(ours - theirs).mean() < 0.35 * np.abs(plain - theirs).mean()


def test_lanczos_weights_sum_to_one_and_mirror() -> None:
    assert lanczos_kernel(0.3).sum() == pytest.approx(1)
    assert lanczos_kernel(0.3) == pytest.approx(lanczos_kernel(0.7)[::-1])


def wave(grid: Grid, strength: float) -> np.ndarray:
    nodes = grid.nodes()
    phase = (nodes - (grid.left, grid.top)) / 40
    return np.stack([np.sin(phase[..., 1]), np.cos(phase[..., 0])], -1).astype(np.float32) * np.float32(strength)


def test_inverting_a_displacement_undoes_it() -> None:
    grid = Grid.over(10, 20, 170, 180, 4)
    displacement = wave(grid, 12.0)
    origin = grid.invert(displacement, grid.indices())
    there = cv2.remap(displacement, origin, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) / grid.cell
    assert np.abs(origin + there - grid.indices())[4:-4, 4:-4].max() < 0.02


def test_no_displacement_inverts_to_whole_pixels() -> None:
    grid = Grid.over(10, 20, 90, 100, 4)
    origin = grid.invert(np.zeros((*grid.shape, 2), np.float32), grid.indices())
    at = grid.full_size(origin)
    assert at[0, 0] == pytest.approx((0, 0), abs=1e-4)
    assert at[-1, -1] == pytest.approx((79, 79), abs=1e-4)
    assert grid.full_size(origin, shift=(3, 5), factor=2)[0, 0] == pytest.approx((6, 10), abs=1e-3)


@pytest.mark.parametrize(
    "block", [(slice(3, 9), slice(5, 12)), (slice(0, 6), slice(0, 4)), (slice(15, 22), slice(18, 22))]
)
def test_a_block_of_nodes_is_at_its_pixels_what_the_whole_grid_is(block):
    grid = Grid.over(10, 20, 90, 100, 4)
    values = np.random.default_rng(0).random((*grid.shape, 2)).astype(np.float32)
    part, some = grid.block_at_pixels(values, block)
    whole = grid.at_pixels(values)[part]
    assert some.shape == whole.shape
    inner = slice(2, -2)  # half a cell along its own edges is the outermost node's
    np.testing.assert_allclose(some[inner, inner], whole[inner, inner], atol=1e-5)


def test_folds_are_squeezed_from_the_centre_outwards() -> None:
    field = np.zeros((5, 30, 2), np.float32)
    field[:, 20:25, 0] = -30.0  # the outer part would come to lie before the inner one
    unfolded(field, 4, (10, 2))
    place = field[..., 0] + np.arange(30) * 4
    assert (np.diff(place, axis=1) > 0).all()
    assert np.array_equal(field[:, :20], np.zeros((5, 20, 2), np.float32))


def test_mesh_weights_reproduce_positions_and_prefer_the_nearest_surface() -> None:
    nodes = Grid.over(0, 0, 40, 40, 2).nodes()
    points = np.array([[0, 0, 0], [40, 0, 0], [0, 40, 0], [2, 2, -5], [20, 2, -5], [2, 20, -5]], np.float32)
    weights = weights_at(nodes, points, np.array([[0, 1, 2], [3, 4, 5]], np.int32))
    assert weights.apply(points[:, :2]) == pytest.approx(nodes.reshape(-1, 2)[weights.where], abs=1e-3)
    flat = {int(w): set(map(int, p)) for w, p in zip(weights.where, weights.points, strict=True)}
    columns = nodes.shape[1]
    assert flat[3 * columns + 3] == {3, 4, 5}
    assert flat[14 * columns + 2] == {0, 1, 2}


def test_weights_extend_from_the_nearest_kept_node() -> None:
    nodes = Grid.over(0, 0, 40, 40, 2).nodes()
    points = np.array([[-2, -2, 0], [20, -2, 0], [20, 44, 0], [-2, 44, 0]], np.float32)
    weights = weights_at(nodes, points, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    everywhere = np.ones(nodes.shape[:2], bool)
    wide = extended(weights, everywhere, everywhere)
    assert len(wide.where) == everywhere.size
    x = wide.apply(points[:, :2]).reshape(*everywhere.shape, 2)[5, :, 0]
    assert x[:8] == pytest.approx(nodes[5, :8, 0], abs=1e-3)
    assert (x[12:] <= 20.01).all()


def lens(gap: float) -> np.ndarray:
    points = np.zeros((478, 3), np.float32)
    u = np.linspace(10, 60, 11)
    bow = np.sin(np.linspace(0, np.pi, 11)) * gap / 2
    points[list(topology.UPPER_LIP_INNER), :2] = np.stack([u, 30 - bow], -1)
    points[list(topology.LOWER_LIP_INNER[1:-1]), :2] = np.stack([u, 30 + bow], -1)[1:-1]
    return points


@pytest.mark.parametrize("gap", [0.5, 3.0, 20.0])
def test_coverage_adds_up_to_the_opening_s_area(gap: float) -> None:
    opening = Opening.between(lens(gap), topology.UPPER_LIP_INNER, topology.LOWER_LIP_INNER)
    y, x = np.mgrid[:60, :70].astype(np.float32) + np.float32(0.5)
    u, v = opening.axes(x, y)
    cover = opening.coverage(u, v, *opening.curves_at(u))
    assert cover.sum() == pytest.approx(opening.area, rel=0.05)
    assert opening.gap == pytest.approx(gap, rel=0.05)


def test_crossed_lips_are_shut() -> None:
    opening = Opening.between(lens(-4.0), topology.UPPER_LIP_INNER, topology.LOWER_LIP_INNER)
    assert opening.gap == 0
    assert opening.area == 0


def test_smooth_continuation_keeps_what_is_known_and_stays_in_range() -> None:
    colours = noise(64, 48, 4.0).astype(np.float32)
    known = np.ones((64, 48), np.float32)
    known[20:50, 10:40] = 0
    filled = continue_smoothly(colours, known)
    assert np.abs(filled - colours)[known == 1].max() < 1e-3
    assert filled.min() > colours.min() - 25
    assert filled.max() < colours.max() + 25
    assert np.isfinite(filled).all()


def test_grain_has_the_strength_of_its_patch_and_no_tint() -> None:
    pixels = noise(60, 60)
    patch = slice(10, 40), slice(10, 40)
    grain = grain_of(pixels, patch, (100, 120), radius_px=1.5)
    assert grain.shape == (100, 120, 3)
    assert np.abs(grain.mean((0, 1))).max() < 1.5
    assert grain.std() > 3


def test_layers_at_rest_give_the_picture_again_and_leave_no_ghost() -> None:
    picture = np.full((80, 80, 3), (40, 160, 60), np.uint8)
    cv2.circle(picture, (40, 40), 20, (220, 40, 40), -1, cv2.LINE_AA)
    distance = np.hypot(*(np.mgrid[:80, :80] - 40))
    opacity = with_rim(np.clip(20.5 - distance, 0, 1).astype(np.float32), 2.0)
    layers = separate(picture, opacity, margin_px=1.0, fill_grain=np.zeros((80, 80, 3), np.float32))
    share = opacity[..., None]
    together = share * layers.sitter + (1 - share) * layers.background
    assert np.abs(together - picture).mean() < 0.5
    assert np.abs(together - picture).max() < 16
    assert np.abs(layers.background.astype(int) - (40, 160, 60)).max() < 12  # nothing red is left behind


def test_the_guided_filter_follows_the_guide_s_edges() -> None:
    guide = np.zeros((40, 40, 3), np.float32)
    guide[:, 20:] = 0.8
    rough = np.zeros((40, 40), np.float32)
    rough[:, 17:] = 1.0  # cut three pixels off the edge
    refined = guided_filter(guide, rough, 8, 1e-4)
    assert refined[20, 30] > 0.95
    assert refined[20, 25] - refined[20, 15] > 0.5
    assert np.abs(np.diff(refined[20])).argmax() == 19


def test_a_flat_picture_is_as_crisp_as_its_edges() -> None:
    """Where most windows see the same two tones, a few that see a third one beside the edge must not decide alone."""
    pixels = np.full((60, 80, 3), 200, np.uint8)
    pixels[15:45, 20:60] = 40, 30, 60
    pixels[29:31, 26:28] = 30, 20, 50
    assert edge_width(pixels) == pytest.approx(1.0)
    assert edge_width(cv2.GaussianBlur(pixels, (0, 0), 2.0)) > 2


def test_soft_pictures_have_wide_edges() -> None:
    pixels = np.full((120, 120, 3), 60, np.uint8)
    cv2.circle(pixels, (60, 60), 35, (200, 180, 170), -1, cv2.LINE_AA)
    widths = [edge_width(cv2.GaussianBlur(pixels, (0, 0), sigma)) for sigma in (0.4, 1.0, 2.0, 3.0)]
    assert widths[0] == pytest.approx(1.0, abs=0.3)
    assert widths == sorted(widths)
    assert widths[-1] > 3


def with_strand(spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture (160, 200, 3) of a dark head before noise, a matte that lacks a strand of it, and the strand."""
    pixels = np.full((160, 200, 3), (180, 170, 150), np.float32)
    pixels += cv2.GaussianBlur(np.random.default_rng(0).normal(0, spread, (160, 200, 1)), (0, 0), 1.5)[..., None]
    head, strand = np.zeros((160, 200), np.uint8), np.zeros((160, 200), np.uint8)
    cv2.circle(head, (90, 80), 40, 1, -1)
    cv2.line(strand, (125, 60), (145, 48), 1, 2)
    pixels[(head | strand) > 0] = (50, 35, 30)
    pixels[20:30, 10:13] = (50, 35, 30)  # something that is not connected
    cv2.line(pixels, (90, 110), (90, 159), (50, 35, 30), 2)  # and something that goes on
    return np.clip(pixels, 0, 255).astype(np.uint8), head.astype(np.float32), (strand > 0) & (head == 0)


def test_strands_before_a_plain_wall_go_with_the_sitter() -> None:
    pixels, matte, strand = with_strand(0.0)
    opacity = with_strands(pixels, matte, 30.0)
    assert np.median(opacity[strand]) > 0.7
    assert np.all(opacity >= matte)
    far = cv2.dilate((matte + strand > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert opacity[far].max() < 0.01


def test_before_a_busy_background_the_matte_is_believed() -> None:
    pixels, matte, _ = with_strand(400.0)
    assert with_strands(pixels, matte, 30.0) == pytest.approx(matte, abs=0.1)


def test_a_line_beside_the_grain_is_not_tiled() -> None:
    rng = np.random.default_rng(0)
    pixels = np.clip(rng.normal(150, 2, (80, 80, 3)), 0, 255).astype(np.uint8)
    plain = grain_of(pixels, (slice(10, 50), slice(10, 50)), (100, 120), radius_px=1.5)
    pixels[10:50, 11:13] = 20
    lined = grain_of(pixels, (slice(10, 50), slice(10, 50)), (100, 120), radius_px=1.5)
    assert np.abs(lined).max() < 1.5 * np.abs(plain).max()
