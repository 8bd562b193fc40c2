"""What a rendered head says about itself agrees with what it shows."""

from dataclasses import replace

import numpy as np
import pytest

from portrait_alive.heads.flow import flow_between
from portrait_alive.heads.frame import (
    Camera,
    Frame,
    expression_of,
    mirrored,
    random_frame,
    random_frames,
    with_gaze,
)
from portrait_alive.heads.mesh478 import LOWER_INNER_LIP, UPPER_INNER_LIP, mirror_pairs
from portrait_alive.heads.model import HeadModel, attached_points
from portrait_alive.heads.mouth import crevices, mouth_table, random_mouth, tooth_colours
from portrait_alive.heads.parts import Layer
from portrait_alive.heads.person import Person, dressed, random_look
from portrait_alive.heads.regions import Regions
from portrait_alive.heads.render import pose, render
from portrait_alive.heads.sheet import people_sheet, truth_sheet

SIZE = 96


@pytest.fixture(scope="module")
def bare(made_up_head: HeadModel, made_up_regions: Regions) -> Person:
    """A photographed person without hair, glasses or anything that hides the face."""
    rng = np.random.default_rng(5)
    look = random_look(made_up_head, rng)
    look = replace(
        look, hair=replace(look.hair, cut="bald"), headwear="none", beard=(False, False, 0.0), glasses=False,
        hand=False, manner="photograph", identity=np.zeros(3, np.float32),
    )  # fmt: skip
    return dressed(made_up_head, made_up_regions, look, rng)


def still(model: HeadModel, **weights: float) -> Frame:
    """A frontal frame that fills the picture."""
    return Frame(expression_of(model.expression_names, weights), camera=Camera(unit=0.04, distance=80))


def test_same_seed_gives_same_picture_and_another_seed_another(
    made_up_head: HeadModel, made_up_regions: Regions
) -> None:
    def picture(seed: int) -> np.ndarray:
        person = Person.random(made_up_head, made_up_regions, seed)
        frame = random_frame(made_up_head.expression_names, np.random.default_rng(seed))
        return render(made_up_head, person, frame, SIZE).rgb

    assert np.array_equal(picture(3), picture(3))
    assert not np.array_equal(picture(3), picture(4))


def test_shares_sum_to_one_and_labels_agree_with_them(made_up_head: HeadModel, made_up_regions: Regions) -> None:
    for seed in range(4):
        person = Person.random(made_up_head, made_up_regions, seed)
        frame = random_frame(made_up_head.expression_names, np.random.default_rng(seed))
        head = render(made_up_head, person, frame, SIZE)
        assert np.abs(head.matte.astype(int).sum(2) - 255).max() <= 2
        assert (head.layers[head.matte[..., 0] == 255] == Layer.BACKGROUND).all()
        assert (np.isin(head.layers[head.matte[..., 2] == 255], (2, 3, 4, 5, 6))).all()
        assert ((head.triangle < 0) == (head.layers == Layer.BACKGROUND)).all()


def test_flow_maps_a_surface_point_to_itself(made_up_head: HeadModel, bare: Person) -> None:
    frames = random_frames(made_up_head.expression_names, np.random.default_rng(2), 2)
    frames = [replace(frame, yaw=0.3 * n, pitch=0.1 * n, roll=0.0, camera=Camera(0.04, 80)) for n, frame in
              enumerate(frames)]  # fmt: skip
    source, target = (render(made_up_head, bare, frame, 160) for frame in frames)
    flow, seen = flow_between(source, target, bare.faces)
    x, y = np.floor(flow[..., 0]).astype(int), np.floor(flow[..., 1]).astype(int)
    skin = seen & (target.layers == Layer.SKIN)
    assert skin.sum() > 2000
    # the very triangle, or a neighbour that shares a corner with it, is what the source shows there
    there = source.triangle[y[skin], x[skin]]
    here = target.triangle[skin]
    near = (bare.faces[there][:, :, None] == bare.faces[here][:, None, :]).any((1, 2))
    assert near.mean() > 0.9
    own, all_seen = flow_between(target, target, bare.faces)
    grid = np.stack(np.meshgrid(np.arange(160) + 0.5, np.arange(160) + 0.5), -1)
    covered = target.triangle >= 0
    # slivers are pinned at a sample, which lies 0.25 px off the centre each way
    assert np.abs(own - grid)[covered].max() < 0.26
    assert np.percentile(np.abs(own - grid)[covered], 99) < 0.01
    assert all_seen[covered].mean() > 0.97


def test_flow_agrees_with_landmarks(made_up_head: HeadModel, bare: Person) -> None:
    frames = [still(made_up_head), replace(still(made_up_head, jawOpen=0.7), yaw=0.35, roll=0.2)]
    source, target = (render(made_up_head, bare, frame, 200) for frame in frames)
    flow, seen = flow_between(source, target, bare.faces)
    visible = (target.visibility[:468] > 0.99) & (source.visibility[:468] > 0.99)
    x, y = target.landmarks[:468, 0].astype(int), target.landmarks[:468, 1].astype(int)
    rows = np.where(visible)[0]
    rows = rows[seen[y[rows], x[rows]] & (target.layers[y[rows], x[rows]] == Layer.SKIN)]
    assert len(rows) > 100
    error = np.linalg.norm(flow[y[rows], x[rows]] - source.landmarks[rows, :2], axis=1)
    # a landmark lies up to 0.7 px from its pixel's centre, and turning may stretch that
    assert np.median(error) < 0.8
    assert np.percentile(error, 95) < 2.0


def test_landmarks_lie_on_what_is_seen(made_up_head: HeadModel, bare: Person) -> None:
    head = render(made_up_head, bare, still(made_up_head), 200)
    middle = 80  # model units: the head's centre is at the camera's distance
    visible = head.visibility[:468] > 0.99
    x, y = head.landmarks[:468, 0].astype(int)[visible], head.landmarks[:468, 1].astype(int)[visible]
    focal = 0.04 * 200 * 80
    depth = head.landmarks[:468, 2][visible] * middle / focal + middle
    # within the relief of a pixel's surroundings
    assert np.median(np.abs(depth - head.depth[y, x])) < 0.15


def test_what_turns_away_or_is_covered_is_hidden(made_up_head: HeadModel, bare: Person) -> None:
    turned = render(made_up_head, bare, replace(still(made_up_head), yaw=1.0), 160)
    right, left = turned.visibility[[234, 93, 132]].mean(), turned.visibility[[454, 323, 361]].mean()
    # a head that turns to its left shows its right cheek
    assert right > 0.8
    assert left < 0.2
    assert turned.landmarks[4, 0] > turned.landmarks[[33, 263], 0].mean() + 5
    outside = render(made_up_head, bare, replace(still(made_up_head), camera=Camera(0.04, 80, (1.6, 0.5))), 160)
    assert outside.visibility.max() == 0


def test_lips_part_with_the_jaw_and_irises_follow_the_gaze(made_up_head: HeadModel, bare: Person) -> None:
    shut = pose(made_up_head, bare, still(made_up_head), (200, 200)).landmarks
    wide = pose(made_up_head, bare, still(made_up_head, jawOpen=1.0), (200, 200)).landmarks
    gap = wide[list(LOWER_INNER_LIP), 1] - wide[list(UPPER_INNER_LIP), 1]
    before = shut[list(LOWER_INNER_LIP), 1] - shut[list(UPPER_INNER_LIP), 1]
    assert (gap - before > 10).all()
    looking = pose(made_up_head, bare, replace(still(made_up_head), gaze=(0.3, 0.0)), (200, 200)).landmarks
    # to the subject's left is to the picture's right
    assert (looking[[468, 473], 0] - shut[[468, 473], 0] > 2).all()
    assert np.abs(looking[:468] - shut[:468]).max() < 0.5
    up = pose(made_up_head, bare, replace(still(made_up_head), gaze=(0.0, 0.3)), (200, 200)).landmarks
    assert (up[[468, 473], 1] - shut[[468, 473], 1] < -2).all()


def test_mirror_image_has_mirrored_landmarks(made_up_head: HeadModel, bare: Person) -> None:
    names = made_up_head.expression_names
    frame = replace(still(made_up_head, mouthSmile_L=0.8, jawOpen=0.3), yaw=0.3, roll=0.1, gaze=(0.2, 0.1))
    other = replace(frame, expression=mirrored(names, frame.expression), yaw=-0.3, roll=-0.1, gaze=(-0.2, 0.1))
    one = pose(made_up_head, bare, frame, (200, 200)).landmarks
    two = pose(made_up_head, bare, other, (200, 200)).landmarks
    pairs = mirror_pairs(attached_points(made_up_head)[0][:478])
    flipped = two[pairs] * np.array([-1, 1, 1]) + np.array([200, 0, 0])
    assert np.median(np.abs(flipped - one)) < 0.5


def test_linear_points_agree_with_posed_ones(made_up_head: HeadModel, bare: Person) -> None:
    mean, identity, expression = attached_points(made_up_head)
    assert mean.shape == (478 + len(made_up_head.extra_vertices), 3)
    assert identity.shape == (3, *mean.shape)
    assert expression.shape == (len(made_up_head.expression_names), *mean.shape)
    frame = still(made_up_head, jawOpen=0.8)
    points = mean + np.tensordot(frame.expression, expression, 1)
    posed = pose(made_up_head, bare, frame, (200, 200))
    # far away the camera is parallel: the same shape up to scale and shift
    seen = np.concatenate([posed.landmarks[:468], posed.extra])[:, :2]
    model = np.concatenate([points[:468], points[478:]])
    scale = 0.04 * 200 * 80 / (80 + 2.0 - model[:, 2])
    expected = np.stack([model[:, 0] * scale, -(model[:, 1] - 2.0) * scale], 1)
    apart = seen - expected
    assert np.abs(apart - apart[:468].mean(0))[:468].max() < 0.5


def test_sheets_hold_every_head(made_up_head: HeadModel) -> None:
    assert people_sheet(made_up_head, count=3, columns=2, size=48).shape == (96, 96, 3)
    assert truth_sheet(made_up_head, count=1, size=48).shape == (48, 240, 3)


def test_light_in_a_mouth_grows_as_the_lips_part() -> None:
    lips = np.zeros((478, 3), np.float32)
    lips[78, 0], lips[308, 0] = -1, 1
    for seed in range(20):
        mouth = random_mouth(np.random.default_rng(seed))
        light = []
        for gap in (0.0, 0.1, 0.3, 2.0):
            lips[14, 1] = gap
            light.append(float(mouth_table(mouth, lips)[2]))
        assert light == sorted(light)
        assert light[0] == pytest.approx(mouth.parted)
        assert light[-1] == 1
        assert ((mouth.teeth > 0) & (mouth.teeth < 1)).all()


def test_teeth_are_dark_where_two_meet_and_dull_at_the_gums() -> None:
    # two boxes side by side, 0.1 apart, from the bite up to the gums
    box = np.array([[x, y, z] for x in (0.0, 1.0) for y in (-3.2, -2.0, -1.2) for z in (10.0, 10.4)], np.float32)
    triangles = np.array([[i, (i + 1) % 12, (i + 3) % 12] for i in range(12)])
    points = np.concatenate([box, box + np.array([1.1, 0, 0], np.float32)])
    near = crevices(points, np.concatenate([triangles, triangles + 12]))
    between = (points[:, 0] == 1.0) | (points[:, 0] == np.float32(1.1))
    assert (near[between] > 0.3).all()
    assert (near[~between] == 0).all()

    mouth = random_mouth(np.random.default_rng(0))
    colours = tooth_colours(points, near, mouth, np.random.default_rng(1))
    assert colours.min() > 0
    assert colours.max() < 1
    assert (colours[between].mean(1) < 0.95 * colours[~between].mean(1).mean()).any()
    middle, gum = points[:, 1] == -2.0, points[:, 1] == np.float32(-1.2)
    assert colours[gum & ~between].mean() < colours[middle & ~between].mean()


def test_lids_need_not_follow_the_gaze(made_up_head: HeadModel) -> None:
    names = made_up_head.expression_names
    down = Frame(expression_of(names, {}), gaze=(0.0, -0.3))
    still = replace(down, lids_follow=0.0)

    assert with_gaze(names, down)[names.index("eyeLookDown_L")] > 0
    assert np.array_equal(with_gaze(names, still), still.expression)
