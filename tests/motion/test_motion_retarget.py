"""Retargeting: rest is rest, closed is closed, strengths, pose composition, identity, limits."""

from dataclasses import replace

import numpy as np
import pytest
from motion_material import FPS, posed_source

from portrait_alive.errors import UsageError
from portrait_alive.motion.angles import angles_of, matrix_of
from portrait_alive.motion.measures import EYE_LOWER, EYE_UPPER, brow_height, lip_gap, measured, unplaced
from portrait_alive.motion.retarget import RetargetOptions, retarget
from portrait_alive.motion.tracks import Motion, motion_at_rest
from portrait_alive.shape import topology
from portrait_alive.shape.basis import place
from portrait_alive.types import INSIDE_SHAPE, SourceFace


def one(names, **tracks) -> Motion:
    """One frame at rest but for the tracks given."""
    rest = motion_at_rest(1, FPS, names)
    return replace(rest, **{name: np.asarray(value, np.float32)[None] for name, value in tracks.items()})


def own_frame(source: SourceFace, points: np.ndarray) -> np.ndarray:
    return unplaced(points, source.fit.pose)


def test_a_motion_at_rest_gives_the_source_back_exactly(source, basis, names):
    for driven in retarget(source, motion_at_rest(3, FPS, names), basis):
        np.testing.assert_array_equal(driven.points, source.points)
        np.testing.assert_array_equal(driven.turn, np.eye(3))
        assert driven.lid_closure == (0.0, 0.0)


def test_all_strengths_at_zero_give_the_source_back_exactly(source, basis, lively):
    off = RetargetOptions(pose=0, mouth=0, brows=0, lids=0, gaze=0)
    for driven in retarget(source, lively, basis, off)[::10]:
        np.testing.assert_array_equal(driven.points, source.points)


def test_the_drivers_neutral_is_the_sources_own_state(source, basis, lively):
    """Whatever the neutral is, the frame that equals it shows the source: no first-frame rule."""
    for time_s in (0.0, 0.52, 1.6):
        frame = int(time_s * 25)
        motion = lively.with_neutral_at(time_s)
        state = {
            name: getattr(lively, name)[frame]
            for name in ("rotation", "translation", "expression", "lids", "gaze", "mouth")
        }
        exact = replace(motion.neutral, **(state | {"mouth": float(state["mouth"])}))
        driven = retarget(source, replace(motion, neutral=exact), basis)[frame]
        assert np.abs(driven.points - source.points).max() < 0.02


@pytest.mark.parametrize("expression", [{}, {"eyeWide_L": 1.0, "eyeWide_R": 1.0}, {"eyeBlink_R": 0.6}])
@pytest.mark.parametrize("yaw", [0.0, 0.6])
def test_shut_lids_touch_on_any_eye(basis, names, expression, yaw):
    source = posed_source(basis, expression=expression, yaw=yaw)
    driven = retarget(source, one(names, lids=[0, 0]), basis)[0]
    assert driven.lid_closure == (1.0, 1.0)
    for upper, lower in zip(EYE_UPPER, EYE_LOWER, strict=True):
        np.testing.assert_allclose(driven.points[list(upper)], driven.points[list(lower)], atol=1e-3)


def test_lids_close_evenly_and_mostly_from_above(source, basis, names):
    gaps = []
    for opening in (1.0, 0.75, 0.5, 0.25, 0.0):
        points = retarget(source, one(names, lids=[opening, opening]), basis)[0].points
        gaps.append(points[145, 1] - points[159, 1])
    falls = -np.diff(gaps)
    assert falls.min() > 0.8 * falls.max() > 0
    shut = retarget(source, one(names, lids=[0, 0]), basis)[0].points
    drop, rise = shut[159, 1] - source.points[159, 1], source.points[145, 1] - shut[145, 1]
    assert rise > 0
    assert 0.88 * (drop + rise) < drop < 0.97 * (drop + rise)


def test_a_wink_leaves_the_other_eye_alone(source, basis, names):
    driven = retarget(source, one(names, lids=[1, 0]), basis)[0]
    right = list(topology.RIGHT_EYE)
    np.testing.assert_array_equal(driven.points[right], source.points[right])
    assert driven.lid_closure == (0.0, 1.0)


@pytest.mark.parametrize("rest", [0.0, 0.3, 0.8])
def test_lips_that_the_driver_closes_touch_however_open_the_portrait_is(basis, names, rest):
    source = posed_source(basis, expression={"jawOpen": rest, "mouthSmile_L": 0.4, "mouthSmile_R": 0.4})
    driven = retarget(source, one(names, mouth=0.0, contact=1.0), basis)[0]
    assert driven.mouth_opening < 0.012
    gap = driven.points[list(topology.LOWER_LIP_INNER)] - driven.points[list(topology.UPPER_LIP_INNER)]
    assert np.abs(gap[:, 1]).max() < 0.03 * np.linalg.norm(source.points[468] - source.points[473])


def test_the_mouth_opens_as_far_as_the_drivers(source, basis, names):
    openings = [retarget(source, one(names, mouth=m, contact=1.0), basis)[0].mouth_opening for m in (0.1, 0.2, 0.35)]
    np.testing.assert_allclose(openings, [0.1, 0.2, 0.35], atol=0.02)


def test_a_built_in_motion_leaves_an_open_smile_open(basis, names):
    source = posed_source(basis, expression={"jawOpen": 0.4})
    driven = retarget(source, one(names, lids=[0, 0], mouth=0.0, contact=0.0), basis)[0]
    np.testing.assert_array_equal(driven.points[list(topology.LIPS)], source.points[list(topology.LIPS)])


def test_pose_is_composed_in_the_heads_own_frame(basis, names):
    """source * neutral^-1 * driver: a nod of a tilted, turned driver is a nod of the tilted, turned portrait."""
    neutral = np.array([0.3, 0.1, -0.2], np.float32)
    nod = matrix_of(np.array([0.0, -0.15, 0.0]))
    driver = angles_of(matrix_of(neutral) @ nod)
    motion = one(names, rotation=driver)
    motion = replace(motion, neutral=replace(motion.neutral, rotation=neutral))
    source = posed_source(basis, yaw=-0.25, roll=0.2)
    own = source.fit.pose.rotation.astype(np.float64)
    turn = retarget(source, motion, basis)[0].turn
    # pictures show less of a nod than the mesh makes
    np.testing.assert_allclose(turn @ own, own @ matrix_of(np.array([0.0, -0.15 * 1.3, 0.0])), atol=2e-3)


def test_pose_strength_scales_the_angle(source, basis, names):
    motion = one(names, rotation=[0.1, 0.05, -0.03])
    full = retarget(source, motion, basis)[0].turn
    half = retarget(source, motion, basis, RetargetOptions(pose=0.5))[0].turn
    np.testing.assert_allclose(half @ half, full, atol=2e-3)


def test_a_profile_does_not_turn_to_the_other_profile(basis, names):
    for own in (-0.7, 0.0, 0.7):
        source = posed_source(basis, yaw=own, pitch=0, roll=0)
        yaws = []
        for wanted in np.linspace(-2.0, 2.0, 41):
            turn = retarget(source, one(names, rotation=[wanted, 0, 0]), basis)[0].turn
            yaws.append(float(angles_of(turn @ source.fit.pose.rotation)[0]))
        assert min(np.diff(yaws)) >= -1e-6  # never folds back
        assert max(np.abs(yaws)) < 1.0
        if own:
            assert min(np.array(yaws) * np.sign(own)) > -0.2


def test_identity_stays_when_a_wide_driver_moves_a_narrow_portrait(source, basis, lively):
    """Interocular over face height and jaw width over face height, in the frames near the neutral pose."""

    def ratios(points):
        own = own_frame(source, points)
        height = np.linalg.norm(own[topology.FOREHEAD] - own[topology.CHIN])
        eyes = np.linalg.norm(own[[33, 133]].mean(0) - own[[362, 263]].mean(0))
        return np.array([eyes, np.linalg.norm(own[172] - own[397])]) / height

    still = replace(lively, rotation=0 * lively.rotation, mouth=0 * lively.mouth, expression=0 * lively.expression)
    for driven in retarget(source, still, basis)[::15]:
        np.testing.assert_allclose(ratios(driven.points), ratios(source.points), rtol=0.02)


def test_shoulders_stay_and_the_skull_follows_rigidly(source, basis, names):
    driven = retarget(source, one(names, rotation=[0.3, 0.1, 0.1], translation=[1, 1]), basis)[0]
    neck = basis.beyond["neck"]
    low = neck[basis.mean[neck, 1] > 16.0]
    np.testing.assert_array_equal(driven.points[low], source.points[low])
    skull = np.concatenate([basis.beyond[part] for part in ("skull", "right_ear", "left_ear")])
    before, after = (
        np.linalg.norm(p[skull][:, None] - p[skull][None], axis=-1) for p in (source.points, driven.points)
    )
    np.testing.assert_allclose(after, before, atol=0.05)


def test_breath_lifts_everything_by_at_most_a_hundredth(source, basis, names):
    driven = retarget(source, one(names, body=0.5), basis)[0]
    assert driven.body_lift == pytest.approx(0.01)
    lift = source.points[:, 1] - driven.points[:, 1]
    assert lift.min() == pytest.approx(lift.max(), abs=1e-3)
    assert 0 < lift.max() < 0.015 * 25 * source.fit.pose.scale


def test_gaze_is_independent_of_lids_and_head(source, basis, names):
    moved = one(names, gaze=[[0.25, -0.1]] * 2)
    with_head = one(names, gaze=[[0.25, -0.1]] * 2, rotation=[0.2, 0, 0], lids=[0.5, 0.5])
    before = measured(own_frame(source, source.points)).gaze
    for motion in (moved, with_head):
        driven = retarget(source, motion, basis)[0]
        pose = replace(source.fit.pose, rotation=(driven.turn @ source.fit.pose.rotation).astype(np.float32))
        change = measured(unplaced(driven.points, pose)).gaze - before
        np.testing.assert_allclose(change, [[0.25, -0.1]] * 2, atol=0.05)


def test_an_eye_at_its_limit_holds_the_other_one_back(basis, names):
    """A sitter who looks aside with one eye at the corner does not squint when the driver looks further there."""
    source = posed_source(basis, yaw=0.0, roll=0.0, pitch=0.0)
    points = source.points.copy()
    for irises, aside in ((topology.RIGHT_IRIS, 0.0), (topology.LEFT_IRIS, 0.5)):
        upper = EYE_UPPER[0] if irises == topology.RIGHT_IRIS else EYE_UPPER[1]
        middle = (points[upper[0], 0] + points[upper[-1], 0]) / 2
        half = abs(points[upper[-1], 0] - points[upper[0], 0]) / 2
        points[list(irises), 0] += middle + aside * half - points[irises[0], 0]
    aside = replace(source, points=points)
    before = measured(own_frame(aside, points)).gaze
    changes = {}
    for look in (0.5, -0.3):
        driven = retarget(aside, one(names, gaze=[[look, 0]] * 2), basis)[0]
        changes[look] = measured(own_frame(aside, driven.points)).gaze[:, 0] - before[:, 0]
    right, left = changes[0.5]
    assert left < 0.2  # hardly any room
    assert left <= right < left + 0.12
    np.testing.assert_allclose(changes[-0.3], -0.3, atol=0.02)  # the other way both have room


def test_open_lids_go_along_with_a_look_and_shut_ones_do_not(source, basis, names):
    def margins(look: float, opening: float) -> np.ndarray:
        motion = one(names, gaze=[[0, look]] * 2, lids=[opening] * 2)
        return own_frame(source, retarget(source, motion, basis)[0].points)[[159, 145], 1]

    for opening in (1.0, 0.7):
        moved = margins(0.2, opening) - margins(0.0, opening)
        assert moved[0] == pytest.approx(moved[1], abs=1e-3)  # the gap is the lids' own matter
        assert moved[0] > 0
    assert margins(-0.2, 1.0)[0] < margins(0.0, 1.0)[0]
    np.testing.assert_allclose(margins(0.2, 0.0), margins(0.0, 0.0), atol=1e-3)


def test_the_head_keeps_its_size_unless_asked(source, basis, names):
    near = one(names, scale=1.2)
    np.testing.assert_array_equal(retarget(source, near, basis)[0].points, source.points)
    grown = retarget(source, near, basis, RetargetOptions(scale=1.0))[0].points
    assert np.ptp(grown[:468, 0]) == pytest.approx(1.2 * np.ptp(source.points[:468, 0]), rel=0.01)


def test_look_camera_turns_the_eyes_against_the_head_and_keep_leaves_them(basis, names):
    source = posed_source(basis, yaw=0, pitch=0, roll=0)
    motion = one(names, rotation=[0.3, 0, 0], gaze=[[0.3, 0]] * 2)
    irises = {}
    for look in ("driver", "camera", "keep"):
        driven = retarget(source, motion, basis, RetargetOptions(look=look))[0]
        pose = replace(source.fit.pose, rotation=(driven.turn @ source.fit.pose.rotation).astype(np.float32))
        irises[look] = float(measured(unplaced(driven.points, pose)).gaze[:, 0].mean())
    assert irises["driver"] > irises["keep"] + 0.2
    assert irises["camera"] < irises["keep"] - 0.1


def test_strengths_outside_0_to_2_are_refused_by_their_option():
    with pytest.raises(UsageError, match="--lids"):
        RetargetOptions(lids=2.5)


def test_a_sequence_like_any_other(source, basis, lively):
    driven = retarget(source, lively, basis)
    assert len(driven) == lively.frame_count
    np.testing.assert_array_equal(driven[-1].points, driven[74].points)
    with pytest.raises(IndexError):
        driven[75]


def test_lips_that_overlap_in_the_source_do_not_flicker_in_contact(basis, names):
    """A tracker often draws closed lips a little over each other: touching lips of the driver leave them so."""
    source = posed_source(basis)
    inner = [*topology.LOWER_LIP_INNER[1:-1]]
    own = unplaced(source.points, source.fit.pose)
    points = source.points.copy()
    points[inner] -= np.float32((lip_gap(own) + 0.02) * source.fit.pose.scale) * source.fit.pose.rotation[:, 1]
    source = replace(source, points=points)
    rest = motion_at_rest(200, FPS, names)
    expression = np.zeros_like(rest.expression)
    for side in "LR":  # a lip that lifts would open the overlap, frame by frame
        expression[:, names.index(f"mouthUpperUp_{side}")] = np.linspace(0, 0.2, 200)
    driven = retarget(source, replace(rest, expression=expression, contact=np.ones(200, np.float32)), basis)
    lips = np.stack([face.points[list(topology.LIPS)] for face in driven])
    assert np.abs(np.diff(lips, axis=0)).max() < 0.01 * source.fit.pose.scale
    assert all(face.mouth_opening == 0 for face in driven)


def test_brows_rise_in_the_portraits_own_measure(source, basis, names):
    """The same raise lifts brows that are painted higher over the eyes by more."""
    shapes = np.zeros(len(names), np.float32)
    shapes[[names.index(name) for name in names if name.startswith(("browInnerUp", "browOuterUp"))]] = 0.5
    brows = list(topology.RIGHT_BROW + topology.LEFT_BROW)
    rises, heights = [], []
    for shift in (-0.2, 0.2):
        own = own_frame(source, source.points)
        own[brows, 1] -= shift
        moved = replace(source, points=place(own.astype(np.float32), source.fit.pose))
        raised = own_frame(moved, retarget(moved, one(names, expression=shapes), basis)[0].points)
        heights.append(brow_height(own))
        rises.append(brow_height(raised) - brow_height(own))
    assert rises[1] / rises[0] == pytest.approx(heights[1] / heights[0], rel=0.03)


def test_brows_rise_in_the_drivers_own_measure_as_well(source, basis, names):
    """A raise by a driver whose brows are set high is less of a raise than the same by one whose brows are low."""
    raising = [names.index(name) for name in names if name.startswith(("browInnerUp", "browOuterUp"))]

    def rise(worn: float) -> float:
        rest, raised = np.zeros(len(names), np.float32), np.zeros(len(names), np.float32)
        rest[raising], raised[raising] = worn, worn + 0.3
        motion = one(names, expression=raised)
        motion = replace(motion, neutral=replace(motion.neutral, expression=rest))
        driven = retarget(source, motion, basis)[0]
        return brow_height(own_frame(source, driven.points)) - brow_height(own_frame(source, source.points))

    low, usual, high = (rise(worn) for worn in (-0.5, 0.0, 0.6))
    assert low > 1.1 * usual
    assert high < 0.9 * usual


@pytest.mark.parametrize("shape", ["browOuterUp", "browDown", "browInnerUp"])
def test_strong_brows_keep_their_size(source, basis, names, shape):
    """Twice the weight moves brows twice as far, also where opposing shapes leave weights below 0 or above 1."""
    brows = list(topology.RIGHT_BROW + topology.LEFT_BROW)

    before = own_frame(source, source.points)[brows, 1].mean()

    def moved(weight: float) -> float:
        weights = np.zeros(len(names), np.float32)
        weights[[i for i, name in enumerate(names) if name.startswith(shape)]] = weight
        driven = retarget(source, one(names, expression=weights), basis)[0]
        return float(own_frame(source, driven.points)[brows, 1].mean() - before)

    for weight in (-0.5, 0.9):
        np.testing.assert_allclose(moved(2 * weight), 2 * moved(weight), rtol=0.02, atol=0.003)


def test_raised_brows_leave_the_hairline_where_it_is(source, basis, names):
    """What is worn there, a veil's edge or a band, is no skin."""
    weights = np.zeros(len(names), np.float32)
    weights[[i for i, name in enumerate(names) if name.startswith(("browInnerUp", "browOuterUp"))]] = 1.0
    driven = retarget(source, one(names, expression=weights), basis)[0]
    rises = own_frame(source, source.points)[:, 1] - own_frame(source, driven.points)[:, 1]
    brows, low, middle, hairline = (
        rises[list(row)].mean()
        for row in ((105, 66, 296, 334), (69, 108, 337, 299), (104, 109, 338, 333), (103, 67, 297, 332))
    )
    assert 0 < hairline < 0.25 * brows
    assert hairline < middle < low < 0.75 * brows


def test_brows_that_are_asked_for_too_much_are_held_softly(source, basis, names):
    brows = list(topology.RIGHT_BROW + topology.LEFT_BROW)

    def raised(weight: float) -> float:
        weights = np.zeros(len(names), np.float32)
        weights[[i for i, name in enumerate(names) if name.startswith("browOuterUp")]] = weight
        driven = retarget(source, one(names, expression=weights), basis)[0]
        return float(
            own_frame(source, source.points)[brows, 1].mean() - own_frame(source, driven.points)[brows, 1].mean()
        )

    usual, much, more, most = (raised(weight) for weight in (1.0, 3.0, 4.0, 40.0))
    assert usual < much < more <= most < 3.0 * usual


def test_looks_up_and_down_show_in_paint_what_is_asked(source, basis, names):
    """The lids cut an iris that rises or sinks, so that less of its way is seen: more is asked of the mesh."""
    aside, down = (
        retarget(source, one(names, gaze=np.full((2, 2), look, np.float32)), basis)[0]
        for look in (np.array([0.05, 0.0]), np.array([0.0, 0.05]))
    )
    ways = [
        measured(own_frame(source, face.points)).gaze - measured(own_frame(source, source.points)).gaze
        for face in (aside, down)
    ]
    assert ways[0][:, 0] == pytest.approx(0.05, abs=0.003)
    assert ways[1][:, 1] == pytest.approx(1.28 * 0.05, abs=0.003)


def test_what_the_drivers_mouth_shows_goes_along_where_it_is_known(source, basis, names):
    shown = np.full(INSIDE_SHAPE, 51, np.uint8)
    (known,) = retarget(source, one(names, inside=shown), basis)
    np.testing.assert_allclose(known.inside, 0.2, atol=1e-6)
    (unknown,) = retarget(source, one(names), basis)
    assert unknown.inside is None
