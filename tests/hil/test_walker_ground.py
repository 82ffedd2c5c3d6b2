import numpy as np
import pytest

from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit_hil.walker.body import INDEX, Motion, centre_of_mass
from solekit_hil.walker.dynamics import Wrench, wrench
from solekit_hil.walker.ground import (
    FRICTION,
    ground_under,
    other,
    share_of_left,
)
from solekit_hil.walker.person import GRAVITY_M_S2
from solekit_hil.walker.schedule import handover
from solekit_hil.walker.touch import (
    BALL,
    Contact,
    Sole,
    contacts_of,
    ground_speed_m_s,
    mask_of,
    sole_of,
)
from tests.hil.test_walker_dynamics import (
    MASS_KG,
    RATE_HZ,
    SOLE_M,
    WEIGHT_N,
    eased,
    moved,
    still,
    walking,
    with_foot,
)

CUTOFF_HZ = 8.0
FEW_S = 0.008


def soles_of(motion) -> dict[Side, Sole]:
    return {side: sole_of(motion, side) for side in SIDES}


def contacts(motion):
    return contacts_of(motion, soles_of(motion))


def assert_contacts_as_known(found, known, last_s):
    for side in SIDES:
        assert len(found[side]) == len(known[side])
        for contact, (ic_s, to_s) in zip(found[side], known[side], strict=True):
            assert contact.ic_s == pytest.approx(max(ic_s, 0), abs=FEW_S)
            assert contact.to_s == pytest.approx(min(to_s, last_s), abs=FEW_S)


# -- touch --


def test_a_sole_runs_from_heel_to_toes_and_is_pitched_up_with_them():
    sole = sole_of(with_foot(0.5, "left", pitch_deg=12.0), "left")
    np.testing.assert_allclose(sole.pitch_deg, 12.0)
    np.testing.assert_allclose(sole.ahead[0], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(sole.leftward[0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(sole.ball - sole.heel, BALL * (sole.tip - sole.heel))
    assert sole.length_m == pytest.approx(SOLE_M)
    np.testing.assert_allclose(sole.lowest_m, 0, atol=1e-12)


@pytest.mark.parametrize("rate_hz", [100.0, 200.0])
def test_feet_that_rock_from_heel_to_toes_touch_when_they_were_made_to(rate_hz):
    motion, known = walking(rate_hz=rate_hz)
    found = contacts(motion)
    assert len(found["left"]) >= 4
    assert_contacts_as_known(found, known, motion.t_s[-1])


def test_a_foot_that_passes_low_but_fast_is_in_swing():
    motion, known = walking(clear_m=0.010)
    low = sole_of(motion, "left").lowest_m
    assert low.max() < 0.012  # never higher than a foot that may stand
    assert_contacts_as_known(contacts(motion), known, motion.t_s[-1])


@pytest.mark.parametrize("belt_m_s", [1.2, 3.0, -1.5])
def test_on_a_moving_belt_the_contacts_are_the_same(belt_m_s):
    motion, _ = walking()
    on_belt = Motion(RATE_HZ, moved(motion.points_m, x=-belt_m_s * motion.t_s), MASS_KG)
    ground = ground_speed_m_s(soles_of(on_belt), RATE_HZ)
    np.testing.assert_allclose(ground, [-belt_m_s, 0, 0], atol=0.01)
    found, expected = contacts(on_belt), contacts(motion)
    for side in SIDES:
        np.testing.assert_allclose(found[side], expected[side], atol=1e-3)


def test_ground_under_feet_that_never_lie_flat_does_not_move():
    tiptoes = sole_of(with_foot(0.5, "left", pitch_deg=-30.0), "left")
    assert not ground_speed_m_s({"left": tiptoes, "right": tiptoes}, RATE_HZ).any()


@pytest.mark.parametrize("start_s", [-0.3, 0.0, 0.5])
def test_contacts_that_the_recording_cuts_begin_and_end_with_it(start_s):
    motion, known = walking(start_s=start_s, duration_s=3.0)
    found = contacts(motion)
    last = len(motion.points_m) - 1
    n_cut = 0
    for side in SIDES:
        for contact, (ic_s, to_s) in zip(found[side], known[side], strict=True):
            if ic_s < 0:
                assert (contact.first, contact.ic_s) == (0, 0.0)
                n_cut += 1
            if to_s > last / RATE_HZ:
                assert (contact.last, contact.to_s) == (last, last / RATE_HZ)
                n_cut += 1
    assert n_cut >= 2


def test_a_person_who_stands_touches_all_the_time():
    _, points = still(1.0)
    found = contacts(Motion(RATE_HZ, points, MASS_KG))
    for side in SIDES:
        assert found[side] == [Contact(0, 199, 0.0, 199 / RATE_HZ)]


@pytest.mark.parametrize(("touch_s", "n_contacts"), [(0.02, 0), (0.30, 1)])
def test_only_a_touch_that_lasts_is_a_contact(touch_s, n_contacts):
    t_s = still(2.0)[0]
    lifted_m = 0.05 * eased((np.abs(t_s - 1.0) - touch_s / 2) / 0.05)
    found = contacts(with_foot(2.0, "left", heel_z_m=lifted_m))
    assert len(found["left"]) == n_contacts
    assert len(found["right"]) == 1


def test_a_short_hop_of_noise_does_not_part_a_contact():
    lifted_m = np.zeros(400)
    lifted_m[200:206] = 0.02
    assert len(contacts(with_foot(2.0, "left", heel_z_m=lifted_m))["left"]) == 1


# -- ground: forces --


def ground(motion):
    return ground_under(motion, cutoff_hz=CUTOFF_HZ)


def test_the_forces_of_both_feet_are_the_force_of_the_body():
    motion, _ = walking()
    found = ground(motion)
    total = wrench(motion, cutoff_hz=CUTOFF_HZ).force_n
    on_floor = np.any([mask_of(found.contacts[side], len(total)) for side in SIDES], axis=0)
    slips = np.linalg.norm(total[:, :2], axis=1) > FRICTION * total[:, 2]
    assert on_floor.mean() > 0.98
    assert slips.mean() < 0.1
    np.testing.assert_allclose(
        (found.force_n["left"] + found.force_n["right"])[on_floor & ~slips],
        total[on_floor & ~slips],
        atol=1e-6,
    )


def violent():
    """Return a person who bobs and sways harder than a floor can give."""
    t_s, points = still(3.0)
    return Motion(
        RATE_HZ,
        moved(
            points,
            x=0.1 * np.sin(14 * t_s),
            y=0.05 * np.sin(17 * t_s),
            z=0.012 * (np.cos(32 * t_s) - 1),
        ),
        MASS_KG,
    )


def test_the_ground_never_pulls_and_never_holds_more_than_friction():
    motion = violent()
    total = wrench(motion, cutoff_hz=30.0).force_n
    assert (total[:, 2] < 0).any()
    assert (np.linalg.norm(total[:, :2], axis=1) > FRICTION * np.abs(total[:, 2])).any()
    found = ground_under(motion, cutoff_hz=30.0)
    for side in SIDES:
        force = found.force_n[side]
        assert (force[:, 2] >= 0).all()
        level = np.linalg.norm(force[:, :2], axis=1)
        assert (level <= FRICTION * force[:, 2] + 1e-9).all()
        assert np.array_equal(np.isnan(found.cop_m[side][:, 0]), force[:, 2] <= 0)


def test_no_force_acts_on_a_foot_that_does_not_touch():
    motion, _ = walking()
    found = ground(motion)
    for side in SIDES:
        off = ~mask_of(found.contacts[side], len(motion.points_m))
        assert off.sum() > 100
        assert not found.force_n[side][off].any()
        assert np.isnan(found.cop_m[side][off]).all()


def test_in_flight_there_is_no_force_at_all():
    t_s, points = still(2.0)
    up_s = np.clip(t_s - 0.8, 0, 0.4)
    flight_m = GRAVITY_M_S2 / 2 * up_s * (0.4 - up_s)
    found = ground(Motion(RATE_HZ, moved(points, z=flight_m), MASS_KG))
    flying = flight_m > 0.03
    assert flying.sum() > 50
    for side in SIDES:
        assert len(found.contacts[side]) == 2
        assert not found.force_n[side][flying].any()
        np.testing.assert_allclose(found.force_n[side][:60, 2], WEIGHT_N / 2, rtol=0.02)


# -- ground: who carries how much --


def standing_over(left_m, ahead_m=0.0):
    """Return a person whose body, not the feet, is moved to the left and forwards."""
    _, points = still(1.0)
    rows = [i for name, i in INDEX.items() if not name.endswith(("heel", "toe"))]
    points[:, rows, 1] += left_m
    points[:, rows, 0] += ahead_m
    return Motion(RATE_HZ, points, MASS_KG)


@pytest.mark.parametrize("left_m", [0.0, 0.02, 0.05, -0.04])
def test_in_standing_the_foot_nearer_to_the_body_carries_more_by_the_lever(left_m):
    motion = standing_over(left_m)
    found = ground(motion)
    force = {side: found.force_n[side][100, 2] for side in SIDES}
    assert sum(force.values()) == pytest.approx(WEIGHT_N)
    centre = centre_of_mass(motion.points_m)[100, 1]
    at = {side: found.cop_m[side][100, 1] for side in SIDES}
    expected = (centre - at["right"]) / (at["left"] - at["right"])
    assert force["left"] / WEIGHT_N == pytest.approx(expected, abs=1e-6)
    assert np.sign(round(force["left"] - force["right"], 6)) == np.sign(left_m)
    # The two feet together act where the body must be carried.
    assert sum(force[s] * at[s] for s in SIDES) / WEIGHT_N == pytest.approx(centre, abs=1e-9)


def test_a_body_over_one_foot_is_carried_by_it():
    found = ground(standing_over(0.2))
    # But for three percent: the other one stands too.
    np.testing.assert_allclose(found.force_n["right"][:, 2], 0.03 * WEIGHT_N)


def step(begin_s, end_s, landed: Side, true_share):
    """Return ``share_of_left`` of a step whose force lies where ``true_share`` of left puts it."""
    n = 200
    spans: dict[Side, Contact] = {
        landed: Contact(int(np.ceil(begin_s * RATE_HZ)), n - 1, begin_s, (n - 1) / RATE_HZ),
        other(landed): Contact(0, int(np.floor(end_s * RATE_HZ)), 0.0, end_s),
    }
    touches: dict[Side, BoolArray] = {side: mask_of([spans[side]], n) for side in SIDES}
    place: dict[Side, FloatArray] = {
        "left": np.tile([0.3, 0.1, 0], (n, 1)),
        "right": np.tile([-0.3, -0.1, 0], (n, 1)),
    }
    t_s = np.arange(n) / RATE_HZ
    share = true_share((t_s - begin_s) / (end_s - begin_s))[:, None]
    centre = share * place["left"] + (1 - share) * place["right"]
    total = Wrench(np.tile([0, 0, WEIGHT_N], (n, 1)), centre)
    contacts_: dict[Side, list[Contact]] = {side: [spans[side]] for side in SIDES}
    return t_s, share_of_left(contacts_, touches, place, total, RATE_HZ)


@pytest.mark.parametrize("landed", SIDES)
def test_in_a_step_the_load_passes_smoothly_to_the_foot_that_landed(landed):
    def passes(u):
        u = np.clip(u, 0, 1)
        return handover(u) if landed == "left" else 1 - handover(u)

    t_s, share = step(0.401, 0.533, landed, passes)
    expected = passes((t_s - 0.401) / (0.533 - 0.401))
    np.testing.assert_allclose(share, expected, atol=1e-9)
    steps = np.diff(share) * (1 if landed == "left" else -1)
    assert (steps >= -1e-12).all()
    assert steps.max() < 0.12
    assert abs(share[-1] - share[0]) == 1


def test_in_a_step_the_lever_counts_for_more_than_half():
    t_s, share = step(0.40, 0.52, "left", lambda u: np.full_like(u, 0.7))
    middle = np.argmin(np.abs(t_s - 0.46))
    usual = handover(np.array([0.5]))[0]
    assert share[middle] == pytest.approx(0.4 * usual + 0.6 * 0.7, abs=1e-6)


@pytest.mark.parametrize("lever", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_in_a_step_a_foot_lands_and_leaves_without_load_whatever_the_lever_says(lever):
    begin_s, end_s = 0.4 + 1e-6, 0.53 - 1e-6  # just before and after a sample
    t_s, share = step(begin_s, end_s, "left", lambda u: np.full_like(u, lever))
    assert share[t_s < begin_s].max() == 0
    assert share[t_s > end_s].min() == 1
    # The lever gets its say within a tenth of the double support, and is 0.6 of the share then.
    per_sample = 0.6 / (0.1 * (end_s - begin_s) * RATE_HZ)
    assert np.abs(np.diff(share)).max() < per_sample + 2 / ((end_s - begin_s) * RATE_HZ)


def test_a_foot_that_begins_to_stand_takes_its_load_bit_by_bit():
    t_s, share = step(0.201, 0.90, "left", lambda u: np.full_like(u, 0.5))
    assert share[t_s < 0.2].max() == 0
    taken = share[(t_s > 0.2) & (t_s < 0.35)]
    assert (np.diff(taken) >= 0).all()
    assert np.diff(taken).max() < 0.06
    np.testing.assert_allclose(share[(t_s > 0.35) & (t_s < 0.75)], 0.5)


def test_in_walking_each_double_support_begins_on_one_foot_and_ends_on_the_other():
    motion, _ = walking()
    found = ground(motion)
    force = {side: found.force_n[side][:, 2] for side in SIDES}
    n_seen = 0
    for side in SIDES:
        for contact in found.contacts[side]:
            still_on = [c for c in found.contacts[other(side)] if c.ic_s < contact.ic_s < c.to_s]
            if not still_on or contact.first == 0 or still_on[0].last == len(motion.t_s) - 1:
                continue
            span = slice(contact.first, still_on[0].last + 1)
            share = force[side][span] / (force["left"] + force["right"])[span]
            # The lever, of a body made without dynamics in mind, counts for 0.6 of the share.
            assert share[0] <= 0.6
            assert share[-1] >= 0.4
            assert share[-1] > share[0]
            assert np.abs(np.diff(share)).max() < 0.12
            n_seen += 1
    assert n_seen >= 6


# -- ground: where --


def test_the_centre_of_pressure_of_a_walk_is_under_the_foot_between_heel_and_toes():
    motion, _ = walking()
    found = ground(motion)
    for side in SIDES:
        sole = sole_of(motion, side)
        on = found.force_n[side][:, 2] > 0
        off = (found.cop_m[side] - sole.heel)[on]
        along = (off * sole.ahead[on]).sum(axis=1) / SOLE_M
        np.testing.assert_allclose(along, found.along[side][on], atol=1e-9)
        assert (along >= 0).all()
        assert (along <= 1).all()
        aside = (off * sole.leftward[on]).sum(axis=1)
        assert np.abs(aside).max() < 0.02
        assert not found.cop_m[side][on, 2].any()


def test_in_each_step_the_centre_of_pressure_runs_from_the_heel_to_the_ball():
    motion, _ = walking()
    found = ground(motion)
    for side in SIDES:
        for contact in found.contacts[side]:
            if contact.first == 0 or contact.last == len(motion.t_s) - 1:
                continue
            along = found.along[side][contact.first : contact.last + 1]
            assert along[0] < 0.15
            assert along[-1] > 0.65
            assert np.diff(along).min() > -0.02


def test_standing_the_centre_of_pressure_is_under_the_body():
    motion = standing_over(0.0, ahead_m=0.04)
    found = ground(motion)
    x = centre_of_mass(motion.points_m)[0, 0]
    for side in SIDES:
        np.testing.assert_allclose(found.cop_m[side][:, 0], x, atol=1e-6)


def test_the_gait_line_bends_outwards_on_both_feet():
    _, points = still(1.0)
    found = ground(Motion(RATE_HZ, points, MASS_KG))
    np.testing.assert_allclose(found.across["left"], -found.across["right"])
    assert (found.across["right"] > 0).all()  # across runs to the wearer's right
    assert found.cop_m["left"][0, 1] > 0.09
    assert found.cop_m["right"][0, 1] < -0.09


@pytest.mark.parametrize(
    ("pitch_deg", "low", "high"),
    [(20.0, 0.0, 0.06), (15.0, 0.0, 0.06), (8.0, 0.0, 0.2), (-10.0, 0.7, 0.9), (-30.0, 0.7, 0.9)],
)
def test_raised_toes_put_the_force_at_the_heel_and_a_raised_heel_at_the_ball(pitch_deg, low, high):
    found = ground(with_foot(0.5, "left", pitch_deg=pitch_deg))
    assert (found.force_n["left"][:, 2] > 0).all()
    assert low <= found.along["left"].min()
    assert found.along["left"].max() <= high + 1e-9


def test_on_a_moving_belt_the_ground_does_the_same():
    motion, _ = walking()
    on_belt = Motion(RATE_HZ, moved(motion.points_m, x=-1.2 * motion.t_s), MASS_KG)
    one, two = ground(motion), ground(on_belt)
    for side in SIDES:
        np.testing.assert_allclose(two.force_n[side][INNER], one.force_n[side][INNER], atol=1.0)
        on = (one.force_n[side][:, 2] > 50) & (two.force_n[side][:, 2] > 50)
        on[: INNER.start] = on[INNER.stop :] = False
        np.testing.assert_allclose(two.along[side][on], one.along[side][on], atol=0.01)


INNER = slice(40, -40)
