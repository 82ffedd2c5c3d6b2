"""Motions that are played on soles, constructed, composed and captured, and what segments feel."""

from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from solekit import layouts
from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit_hil.walker.body import INDEX, Motion, centre_of_mass
from solekit_hil.walker.capture.skeletons import cmu
from solekit_hil.walker.composed import POSES
from solekit_hil.walker.foot import FootState
from solekit_hil.walker.foot_shape import FootShape
from solekit_hil.walker.person import GRAVITY_M_S2
from solekit_hil.walker.played import PlayedWalker
from solekit_hil.walker.posture import Carriage, Feet, assemble, settled
from solekit_hil.walker.segments import SEGMENTS, foot_imu, segment_imu
from tests.hil.walking import build

HEIGHT_M, FOOT_M = 1.72, 0.26
SHANK = 0.246 * HEIGHT_M
RATE_HZ = 120.0
MASS_KG = 70.0
_SIGNS: dict[Side, int] = {"left": 1, "right": -1}


def standing(n: int) -> tuple[Carriage, Feet]:
    """Return carriage and feet of who stands still, upright."""
    still = np.zeros(n)
    none: dict[Side, FloatArray] = dict.fromkeys(SIDES, still)
    states: dict[Side, FootState] = {
        side: FootState(np.tile([0.0, 0.09 * sign, 0.0], (n, 1)), still, still)
        for side, sign in _SIGNS.items()
    }
    both: dict[Side, tuple[float, float]] = dict.fromkeys(SIDES, (1.0, 0.0))
    return Carriage(still, still, still, still, still, none, none, none), Feet(
        states, both, FOOT_M
    )


def standing_points(n: int = 240) -> FloatArray:
    return assemble(np.tile([0.0, 0.0, 0.80], (n, 1)), *standing(n), HEIGHT_M)


def swaying(t_s: FloatArray, frequency_hz: float = 0.3) -> tuple[Motion, FloatArray]:
    """Return who sways as a pendulum on its head, and the centre of pressure, (n, 2).

    x = A sin(omega t) asks for p = x (1 + omega2 height / g).
    """
    wave = np.sin(2 * np.pi * frequency_hz * t_s)
    level = np.column_stack([0.02 * wave, 0.015 * wave])
    centre = np.column_stack([level, np.full_like(t_s, 0.95)])
    points = settled(centre, *standing(len(t_s)), HEIGHT_M, rounds=8)
    motion = Motion(RATE_HZ, points, MASS_KG)
    more = (2 * np.pi * frequency_hz) ** 2 * 0.95 / GRAVITY_M_S2
    return motion, level * (1 + more)


def played(motion: Motion, **kwargs) -> PlayedWalker:
    pair: dict[Side, Layout] = {side: layouts.named("cells-4", side) for side in SIDES}
    shapes: dict[Side, FootShape] = {
        side: FootShape(0.97 * layout.length_mm) for side, layout in pair.items()
    }
    return PlayedWalker(motion, layouts=pair, shapes=shapes, **kwargs)


def forces_bw(walker, t_s):
    return {side: walker.force_n(side, t_s) / walker.body_weight_n for side in SIDES}


def assert_cells_carry(walker, t_s):
    cells, imu, truth = walker.sample(t_s)
    for side in SIDES:
        assert np.isfinite(cells[side]).all()
        assert np.isfinite(imu[side]).all()
        assert cells[side].min() >= 0
        np.testing.assert_allclose(cells[side].sum(axis=1), truth.force_n[side], atol=1e-3)
        assert np.array_equal(np.isnan(truth.cop_mm[side][:, 0]), truth.force_n[side] <= 0)


# -- segments --


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_segment_at_rest_feels_gravity_only(segment):
    felt = segment_imu(standing_points(), segment, RATE_HZ)
    assert felt.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(felt[:, :3], axis=1), GRAVITY_M_S2, rtol=1e-5)
    np.testing.assert_allclose(felt[:, 3:], 0, atol=1e-9)
    # Bent knees: the thigh leans back, so that its forward points up, the shank leans ahead.
    expected = {"thigh": 1, "shank": -1}.get(segment.rpartition("_")[2], 0)
    assert (np.sign(np.round(felt[:, 0], 4)) == expected).all()


@pytest.mark.parametrize("segment", [*SEGMENTS, "left_foot"])
def test_nothing_is_felt_in_free_fall(segment):
    points = standing_points()
    t_s = np.arange(len(points)) / RATE_HZ
    points[:, :, 2] -= 0.5 * GRAVITY_M_S2 * t_s[:, None] ** 2
    if segment == "left_foot":
        felt = foot_imu(points, "left", RATE_HZ)
    else:
        felt = segment_imu(points, segment, RATE_HZ)
    np.testing.assert_allclose(felt[3:-3], 0, atol=1e-4)


def test_a_shank_that_swings_about_its_ankle_feels_its_rate():
    points = standing_points()
    t_s = np.arange(len(points)) / RATE_HZ
    angle, rate = 0.4 * np.sin(4 * t_s), 1.6 * np.cos(4 * t_s)
    knee, ankle = INDEX["left_knee"], INDEX["left_ankle"]
    zero = np.zeros_like(angle)
    rod = np.column_stack([np.sin(angle), zero, np.cos(angle)])
    points[:, knee] = points[:, ankle] + SHANK * rod
    felt = segment_imu(points, "left_shank", RATE_HZ)[3:-3]
    # A pendulum on its head: r w2 towards the ankle, r dw/dt ahead (mid-shank).
    radius, turning = 0.5 * SHANK, -6.4 * np.sin(4 * t_s)
    ahead = radius * turning - GRAVITY_M_S2 * np.sin(angle)
    up = GRAVITY_M_S2 * np.cos(angle) - radius * rate**2
    np.testing.assert_allclose(felt[:, 4], rate[3:-3], atol=3e-3)
    np.testing.assert_allclose(felt[:, 0], ahead[3:-3], atol=0.01)
    np.testing.assert_allclose(felt[:, 2], up[3:-3], atol=0.01)
    np.testing.assert_allclose(felt[:, [1, 3, 5]], 0, atol=1e-4)


def test_an_unknown_segment_is_refused_with_the_list_of_segments():
    with pytest.raises(ValueError, match=r"unknown segment 'left_foot'.*pelvis, torso"):
        segment_imu(standing_points(3), "left_foot", RATE_HZ)
    with pytest.raises(ValueError, match=r"unknown segment 'tail'"):
        build("stand", name="cells-4").segment_imu("tail", np.arange(3.0))


# -- played --


def test_the_centre_of_pressure_follows_a_sway():
    t_s = np.arange(round(20 * RATE_HZ)) / RATE_HZ
    motion, known = swaying(t_s)
    walker = played(motion)
    body = walker.body(t_s)
    lift = {side: force[:, 2] for side, force in body.force_n.items()}
    total = lift["left"] + lift["right"]
    middle = slice(240, -240)
    np.testing.assert_allclose(total[middle], walker.body_weight_n, rtol=0.005)
    share = lift["left"][middle] / total[middle]
    assert np.corrcoef(share, known[middle, 1])[0, 1] > 0.99
    left, right = (lift[side][:, None] * body.cop_m[side][:, :2] for side in SIDES)
    centre = (left + right)[middle] / total[middle, None]
    for axis, limit_m in ((0, 0.005), (1, 0.005)):
        error = centre[:, axis] - known[middle, axis]
        assert np.corrcoef(centre[:, axis], known[middle, axis])[0, 1] > 0.99
        assert np.abs(error - error.mean()).max() < limit_m
    assert_cells_carry(walker, t_s[::20])
    assert walker.events(0, 20) == []


def test_a_motion_that_ends_stays_as_it_is_before_and_after():
    motion, _ = swaying(np.arange(round(4 * RATE_HZ)) / RATE_HZ)
    walker = played(motion)
    assert walker.duration_s == pytest.approx(4 - 1 / RATE_HZ)
    for t_s in ([-5.0, 0.0], [walker.duration_s, 1e6]):
        near, far = walker.body(np.array(t_s)).keypoints_m
        assert np.array_equal(near, far)
        cells, _, _ = walker.sample(np.array(t_s))
        assert np.array_equal(cells["left"][0], cells["left"][1])
    assert walker.peak_cell_force_n("left") > 0


def test_a_chair_that_carries_a_share_is_missing_under_the_feet():
    n = round(6 * RATE_HZ)
    motion = Motion(RATE_HZ, standing_points(n), MASS_KG)
    t_s = np.linspace(2, 4, 50)
    alone = played(motion, is_cyclic=True, elsewhere=None)
    seated = played(motion, is_cyclic=True, elsewhere=np.full(n, 0.75))
    for side in SIDES:
        without = alone.force_n(side, t_s)
        np.testing.assert_allclose(without, alone.body_weight_n / 2, rtol=0.02)
        np.testing.assert_allclose(seated.force_n(side, t_s), 0.25 * without, rtol=1e-9)
    assert alone.duration_s == np.inf


def test_the_same_times_give_the_same_bits_however_they_are_asked():
    motion, _ = swaying(np.arange(round(4 * RATE_HZ)) / RATE_HZ)
    walker = played(motion, is_cyclic=True)
    t_s = np.random.default_rng(2).uniform(0, 50, 60)
    whole = walker.body(t_s).keypoints_m
    parts = [walker.body(part).keypoints_m for part in np.array_split(t_s, 7)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    cells, imu, _ = walker.sample(t_s)
    one, felt, _ = walker.sample(float(t_s[5]))
    assert one["left"].tobytes() == cells["left"][5].tobytes()
    assert felt["right"].tobytes() == imu["right"][5].tobytes()


# -- composed --


@lru_cache(maxsize=4)
def composed(motion: str, seed: int = 1):
    """Return a walker, times of half a minute, its body then and the feet's forces."""
    walker = build(motion, seed=seed, name="cells-4")
    assert isinstance(walker, PlayedWalker)
    t_s = np.arange(0, 30, 0.05)
    return walker, t_s, walker.body(t_s), forces_bw(walker, t_s)


@pytest.mark.parametrize("motion", POSES)
def test_the_bones_of_who_does_exercises_keep_their_length(motion):
    _, _, body, _ = composed(motion)
    for side in SIDES:
        knee = body.keypoints_m[:, INDEX[f"{side}_knee"]]
        thigh = np.linalg.norm(knee - body.keypoints_m[:, INDEX[f"{side}_hip"]], axis=1)
        assert np.ptp(thigh) < 0.02 * thigh.mean()


@pytest.mark.parametrize("motion", POSES)
def test_who_does_exercises_keeps_to_the_ground_and_the_mean_weight(motion):
    walker, t_s, body, force = composed(motion)
    assert walker.duration_s == np.inf
    assert_cells_carry(walker, t_s[::10])
    for side in SIDES:
        assert body.keypoints_m[:, INDEX[f"{side}_heel"], 2].min() > -0.02
        assert body.keypoints_m[:, INDEX[f"{side}_big_toe"], 2].min() > -0.06
        knee = body.joint_deg[f"{side}_knee"]
        assert 0 <= knee.min() <= knee.max() < 130
    total = force["left"] + force["right"]
    if motion != "sit-to-stand":
        assert total.mean() == pytest.approx(1, abs=0.01)
    period_s = walker._period_s
    near = walker.body(period_s + np.arange(-10, 11) / RATE_HZ).keypoints_m
    assert np.abs(np.diff(near, axis=0)).max() < 0.01
    again = walker.body(t_s[:40] + period_s).keypoints_m
    np.testing.assert_allclose(again, body.keypoints_m[:40], atol=1e-6)


def test_who_squats_bends_the_knees_over_both_feet():
    _, _, body, force = composed("squat")
    deep = centre_of_mass(body.keypoints_m)[:, 2].argmin()
    for side in SIDES:
        assert body.joint_deg[f"{side}_knee"][deep] > 80
        assert force[side].min() > 0.3


def deep_lunge(side: Side):
    """Return where a foot is ahead and the body low, (n,), and the other side."""
    _, _, body, _ = composed("lunge")
    rear: Side = "right" if side == "left" else "left"
    ahead = body.keypoints_m[:, INDEX[f"{side}_heel"], 0]
    ahead = ahead - body.keypoints_m[:, INDEX[f"{rear}_heel"], 0]
    low = centre_of_mass(body.keypoints_m)[:, 2]
    deep = (ahead > 0.3) & (low < low.min() + 0.04)
    assert deep.any()
    return deep, rear


@pytest.mark.parametrize("side", SIDES)
def test_who_lunges_bends_both_knees_and_lifts_the_rear_heel(side):
    _, _, body, force = composed("lunge")
    deep, rear = deep_lunge(side)
    assert body.joint_deg[f"{side}_knee"][deep].min() > 60
    assert body.joint_deg[f"{rear}_knee"][deep].min() > 60
    assert body.keypoints_m[deep, INDEX[f"{rear}_heel"], 2].min() > 0.05
    assert body.keypoints_m[deep, INDEX[f"{side}_heel"], 2].max() < 0.01
    for foot in SIDES:
        assert force[foot][deep].min() > 0.2


@pytest.mark.parametrize("side", SIDES)
def test_who_lunges_loads_the_forward_foot_more(side):
    _, _, _, force = composed("lunge")
    deep, rear = deep_lunge(side)
    assert force[side][deep].mean() > force[rear][deep].mean() + 0.1


def test_who_sits_leaves_most_of_the_weight_to_the_chair():
    _, _, body, force = composed("sit-to-stand")
    total = force["left"] + force["right"]
    hips = body.keypoints_m[:, INDEX["pelvis"], 2]
    low, high = np.percentile(hips, [2, 98])
    behind = body.keypoints_m[:, INDEX["pelvis"], 0]
    seated = (hips < low + 0.03) & (behind < np.percentile(behind, 10))
    upright = hips > high - 0.005
    assert seated.any()
    assert 0.1 < total[seated].min() <= total[seated].max() < 0.4
    assert total[upright].mean() == pytest.approx(1, abs=0.05)


def test_who_warms_up_raises_the_arms_over_the_shoulders():
    _, _, body, force = composed("warm-up")
    for side in SIDES:
        wrist, shoulder = (body.keypoints_m[:, INDEX[f"{side}_{at}"], 2] for at in _ARM)
        assert (wrist - shoulder).max() > 0.4
        assert (wrist - shoulder).min() < -0.4
        assert force[side].max() > 0.8


_ARM = ("wrist", "shoulder")


def test_seeds_differ_and_equal_seeds_are_equal():
    first, again, other = (build("squat", seed=seed, name="cells-4") for seed in (1, 1, 2))
    t_s = np.arange(0, 5, 0.1)
    one, same, two = (walker.body(t_s).keypoints_m for walker in (first, again, other))
    assert one.tobytes() == same.tobytes()
    assert np.abs(one - two).max() > 0.02
    assert first.body_weight_n != other.body_weight_n


# -- captured --


@pytest.fixture(scope="module")
def captured(data_dir: Path) -> PlayedWalker:
    """Return someone who walks, from the CMU set: 2.6 s, 111 steps per minute."""
    path = data_dir / "mocap_cmu" / "07_01.npz"
    if not path.is_file():
        pytest.skip("no mocap_cmu/07_01.npz among the evaluation recordings")
    return played(cmu(path, mass_kg=MASS_KG).motion)


@pytest.mark.data
class TestCapturedWalk:
    def test_its_contacts_alternate_at_its_cadence(self, captured):
        landings = [e for e in captured.events(0, captured.duration_s) if e.kind == "ic"]
        assert len(landings) >= 3
        assert all(a.side != b.side for a, b in pairwise(landings))
        steps_s = np.diff([event.t_s for event in landings])
        assert 60 / steps_s.mean() == pytest.approx(111, abs=5)
        for side in SIDES:
            kinds = [e.kind for e in captured.events(0, captured.duration_s) if e.side == side]
            assert [kind for kind in kinds if kind in ("ic", "to")] == (["ic", "to"] * len(kinds))[
                : sum(kind in ("ic", "to") for kind in kinds)
            ]

    def test_its_feet_carry_the_body(self, captured):
        t_s = np.arange(0, captured.duration_s, 0.01)
        force = forces_bw(captured, t_s)
        total = force["left"] + force["right"]
        assert total.mean() == pytest.approx(1, abs=0.03)
        assert 0.4 < total.min() < total.max() < 1.6
        for side in SIDES:
            assert force[side].min() == 0
            assert force[side].max() > 0.9
        assert_cells_carry(captured, t_s[::3])

    def test_the_force_rolls_from_heel_to_toes_in_a_contact(self, captured):
        events = captured.events(0, captured.duration_s)
        ic = next(e.t_s for e in events if e.kind == "ic" and e.side == "left")
        to = next(e.t_s for e in events if e.kind == "to" and e.side == "left" and e.t_s > ic)
        _, _, truth = captured.sample(ic + np.array([0.08, 0.3, 0.5, 0.92]) * (to - ic))
        y = truth.cop_mm["left"][:, 1] / captured.layouts["left"].length_mm
        assert (np.diff(y) > 0).all()
        assert y[0] < 0.4
        assert y[-1] > 0.65

    def test_it_ends_and_then_nothing_changes(self, captured):
        assert 2 < captured.duration_s < 4
        for t_s in ([-3.0, 0.0], [captured.duration_s, captured.duration_s + 60]):
            cells, imu, _ = captured.sample(np.array(t_s))
            assert np.array_equal(cells["left"][0], cells["left"][1])
            assert np.array_equal(imu["right"][0], imu["right"][1])
        assert captured.events(captured.duration_s, 1e4) == []

    def test_it_walks_ahead(self, captured):
        first, last = captured.body(np.array([0.0, captured.duration_s])).keypoints_m
        way = (last - first)[INDEX["pelvis"]]
        assert way[0] / captured.duration_s == pytest.approx(1.34, abs=0.1)
        assert abs(way[1]) < 0.15 * way[0]
