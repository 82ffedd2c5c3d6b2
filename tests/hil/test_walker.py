from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solekit import layouts
from solekit_hil import walker as walkers
from tests.hil.walking import CYCLIC, STEPPING, build, build_anew, forces_bw, strides, times_of

NAMES = ("grid-30x22", "grid-29x21", "cells-16", "cells-4")
MOTIONS = walkers.MOTIONS
GRAVITY_M_S2 = 9.80665
TIMES = st.lists(st.floats(0, 20_000), min_size=1, max_size=24)


def flatten(sample):
    cells, imu, truth = sample
    parts = (cells, imu, truth.force_n, truth.cop_mm)
    return [part[side] for part in parts for side in layouts.SIDES]


@pytest.mark.parametrize("motion", MOTIONS)
@given(t_s=TIMES, cut=st.integers(0, 24))
@settings(max_examples=5, deadline=None)
def test_any_order_and_any_division_into_calls_give_the_same_bits(motion, t_s, cut):
    walker = build(motion)
    t = np.array(t_s)
    whole = flatten(walker.sample(t))
    order = np.argsort(t, kind="stable")
    for all_, ordered in zip(whole, flatten(walker.sample(t[order])), strict=True):
        assert all_[order].tobytes() == ordered.tobytes()
    cut = min(cut, len(t))
    parts = zip(flatten(walker.sample(t[:cut])), flatten(walker.sample(t[cut:])), strict=True)
    for all_, (one, two) in zip(whole, parts, strict=True):
        assert all_.tobytes() == one.tobytes() + two.tobytes()
    for all_, single in zip(whole, flatten(walker.sample(t_s[0])), strict=True):
        assert all_[0].tobytes() == np.asarray(single).tobytes()


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_long_call_gives_the_same_bits_as_short_ones(motion):
    walker = build(motion, name="grid-30x22" if motion in ("walk", "squat") else "cells-4")
    t = 4.0 + np.arange(200) / 100
    whole = flatten(walker.sample(t))
    for step in (1, 7, 64):
        at = range(0, 40 if step == 1 else len(t), step)
        pieces = [flatten(walker.sample(t[i : i + step])) for i in at]
        for all_, *parts in zip(whole, *pieces, strict=True):
            joined = np.concatenate(parts)
            assert all_[: len(joined)].tobytes() == joined.tobytes()
    for i, side in enumerate(layouts.SIDES):
        assert walker.imu(t)[side].tobytes() == whole[2 + i].tobytes()
        assert walker.force_n(side, t).tobytes() == whole[4 + i].tobytes()


def test_seeds_give_different_people_and_one_seed_gives_one():
    t = np.arange(0, 20, 0.02)
    first, again, other = (build(seed=seed).force_n("left", t) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    people = [walkers.Person.from_seed(seed) for seed in range(200)]
    assert len({person.mass_kg for person in people}) == 200
    assert all(50 < person.mass_kg < 100 for person in people)
    assert all(1.45 < person.height_m < 2.0 for person in people)
    assert build().body_weight_n == people[1].mass_kg * GRAVITY_M_S2


def test_the_body_mass_index_of_everyone_is_what_the_person_promises():
    people = [walkers.Person.from_seed(seed) for seed in range(200)]
    assert all(17.99 < person.mass_kg / person.height_m**2 < 34.01 for person in people)


def test_equal_arguments_share_one_walker_and_different_ones_do_not():
    assert build_anew() is build_anew()
    assert build_anew() is not build_anew(seed=2)
    assert build_anew() is not build_anew(name="cells-16")
    assert build(person=walkers.Person()) is build(person=walkers.Person())
    assert build(person=walkers.Person(mass_kg=60)).body_weight_n == 60 * GRAVITY_M_S2
    moved: dict[layouts.Side, layouts.Layout] = {
        s: layouts.named("cells-4", s) for s in layouts.SIDES
    }
    moved["left"] = replace(moved["left"], x_mm=moved["left"].x_mm + 1)
    assert walkers.build("walk", seed=1, layouts=moved) is not build_anew()


def test_an_unknown_motion_is_refused_with_the_list_of_motions():
    with pytest.raises(ValueError, match=r"unknown motion 'moonwalk'.*walk, slow, fast, stand"):
        build("moonwalk")
    with pytest.raises(ValueError, match="layouts is empty"):
        walkers.build("walk", seed=1, layouts={})


def test_one_foot_alone_feels_what_it_feels_in_a_pair():
    left = walkers.build("walk", seed=1, layouts={"left": layouts.named("cells-4", "left")})
    t = np.arange(0, 5, 0.05)
    assert list(left.sample(t)[0]) == ["left"]
    assert np.array_equal(left.sample(t)[0]["left"], build().sample(t)[0]["left"])
    assert {event.side for event in left.events(0, 5)} == {"left"}


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_cells_carry_the_force_at_the_centre_of_pressure(motion):
    for name in NAMES if motion == "walk" else ("cells-16",):
        walker = build(motion, name=name)
        t = 2 + np.arange(0, 6, 0.031)
        cells, imu, truth = walker.sample(t)
        for side, layout in walker.layouts.items():
            assert cells[side].dtype == imu[side].dtype == np.float32
            assert cells[side].shape == (len(t), layout.n_cells)
            assert imu[side].shape == (len(t), 6)
            assert np.isfinite(imu[side]).all()
            assert cells[side].min() >= 0
            exact = cells[side].astype(float)
            force, cop = truth.force_n[side], truth.cop_mm[side]
            np.testing.assert_allclose(exact.sum(axis=1), force, rtol=1e-6, atol=1e-12)
            assert np.array_equal(np.isnan(cop), np.tile((force == 0)[:, None], 2))
            on = force > 1
            place = np.stack([layout.x_mm, layout.y_mm], axis=1)
            measured = exact[on] @ place / force[on, None]
            np.testing.assert_allclose(measured, cop[on], atol=1e-3)


@pytest.mark.parametrize("motion", [*CYCLIC, "walk-stop"])
def test_the_force_is_exactly_zero_in_swing_and_positive_in_contact(motion):
    walker = build(motion)
    floor = walkers.STEPPING[motion].floor
    for side in layouts.SIDES:
        for landed, lifted, ahead in zip(*strides(walker, side, 40), strict=True):
            swing = walker.force_n(side, np.linspace(lifted, ahead, 50))
            np.testing.assert_allclose(swing / walker.body_weight_n, floor, atol=1e-12)
            assert floor or not swing[1:-1].any()
            contact = walker.force_n(side, np.linspace(landed, lifted, 50)[1:-1])
            assert (contact > floor * walker.body_weight_n).all()


def test_cells_outside_the_foot_carry_nothing():
    walker = build(name="grid-30x22")
    peak = walker.sample(np.arange(0, 5, 0.02))[0]["left"].max(axis=0).reshape(30, 22)
    assert (peak[[0, -1]][:, [0, -1]] == 0).all()  # corners
    assert (peak[12:16, 18:] == 0).all()  # the arch, on the inner side of a left foot
    assert 0.4 < (peak > 0).mean() < 0.75


def test_a_right_foot_is_the_mirror_image_of_a_left_one():
    walker = build(name="grid-30x22", person=walkers.Person())
    cells, _, truth = walker.sample(np.arange(0, 15, 0.02))
    left, right = (cells[side].max(axis=0) for side in layouts.SIDES)
    assert np.abs(left - right).max() < 0.1 * left.max()
    cop_x = [np.nanmean(truth.cop_mm[side][:, 0]) for side in layouts.SIDES]
    assert abs(sum(cop_x) - walker.layouts["left"].width_mm) < 2


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("motion", STEPPING)
def test_the_mean_total_force_over_whole_strides_is_body_weight(motion, seed):
    walker = build(motion, seed=seed)
    kind = "to" if walkers.STEPPING[motion].is_backward else "ic"
    ic = times_of(walker, "left", kind)
    t0, t1 = (ic[2], ic[-1]) if motion in CYCLIC else (0, 160)
    for start, end in ((t0, t1), *pairwise(ic[2:12])) if motion in CYCLIC else ((t0, t1),):
        t = np.linspace(start, end, 2001 if end - start < 10 else 40_001)
        total = sum(forces_bw(walker, t).values())
        rel = 0.01 if end - start < 10 else 0.002  # peaks differ from one stride to the next
        assert np.trapezoid(total, t) / (end - start) == pytest.approx(1, rel=rel)


@pytest.mark.parametrize("motion", ["walk", "slow", "fast", "limp", "shuffle", "walk-stop"])
def test_the_total_force_is_smooth_through_double_support(motion):
    walker = build(motion)
    total = sum(forces_bw(walker, np.arange(0, 60, 0.001)).values())
    assert np.abs(np.diff(total)).max() < 0.01  # per millisecond


@pytest.mark.parametrize("motion", [*CYCLIC, "walk-stop"])
@pytest.mark.parametrize("seed", range(2))
def test_both_feet_alternate_and_the_events_of_a_contact_come_in_order(motion, seed):
    walker = build(motion, seed=seed)
    for bout in range(3, 300, 16):
        end = bout + 16 if motion == "walk-stop" else bout + 10
        sides = [e.side for e in walker.events(bout, end) if e.kind == "ic"]
        assert len(sides) >= 6
        assert all(a != b for a, b in pairwise(sides))
    events = walker.events(0, 200)
    assert [e.t_s for e in events] == sorted(e.t_s for e in events)
    order = list(walkers.KINDS)
    if walkers.STEPPING[motion].is_backward:  # the toes come first
        order = ["ic", "forefoot_on", "heel_on", "heel_off", "to"]
    for side in layouts.SIDES:
        kinds = [e.kind for e in events if e.side == side]
        kinds = kinds[kinds.index("ic") :]
        whole = len(kinds) // len(order)
        assert kinds == (order * (whole + 1))[: len(kinds)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("motion", "stance", "contact_s"),
    [
        ("walk", (0.58, 0.67), None),
        ("slow", (0.60, 0.68), None),
        ("fast", (0.56, 0.65), None),
        ("run", (0.28, 0.42), (0.22, 0.28)),
    ],
)
def test_stance_takes_the_share_of_the_stride_that_the_speed_asks(motion, stance, contact_s, seed):
    walker = build(motion, seed=seed)
    for side in layouts.SIDES:
        ic, to, ahead = strides(walker, side)
        assert ((ic < to) & (to < ahead)).all()
        assert stance[0] < ((to - ic) / (ahead - ic)).mean() < stance[1]
        if contact_s:
            assert contact_s[0] < (to - ic).min() <= (to - ic).max() < contact_s[1]


@pytest.mark.parametrize("seed", range(4))
def test_stride_times_vary_by_about_two_percent_and_persist(seed):
    ic, _, ahead = strides(build(seed=seed), "left", 3000)
    stride = ahead - ic
    assert 0.014 < stride.std() / stride.mean() < 0.027
    slow = stride[: len(stride) // 16 * 16].reshape(-1, 16).mean(axis=1)
    assert slow.std() > 1.3 * stride.std() / 4  # more than independent strides would give


@pytest.mark.parametrize("seed", range(4))
def test_walking_force_has_two_humps_and_a_valley(seed):
    walker = build(seed=seed)
    for side in layouts.SIDES:
        ic, to, _ = strides(walker, side, 60)
        force = []
        for start, end in zip(ic, to, strict=True):
            t = np.linspace(start, end, 201)
            force.append(walker.force_n(side, t) / walker.body_weight_n)
        mean = np.mean(force, axis=0)
        assert 1.03 < mean[:100].max() < 1.30
        assert 1.03 < mean[100:].max() < 1.30
        assert 0.55 < mean[60:140].min() < 0.9


def test_running_has_flight_and_no_double_support():
    force = forces_bw(build("run"), np.arange(0, 30, 0.005))
    loaded = np.stack([force[side] > 0 for side in layouts.SIDES])
    assert not loaded.all(axis=0).any()
    assert (~loaded.any(axis=0)).mean() > 0.1


def test_shuffling_never_unloads_a_foot_nor_its_heel():
    walker = build("shuffle", name="cells-16")
    cells, _, truth = walker.sample(np.arange(0, 10, 0.01))
    for side in layouts.SIDES:
        assert truth.force_n[side].min() / walker.body_weight_n == pytest.approx(0.04, abs=1e-9)
        heel = cells[side][:, walker.layouts[side].heel].sum(axis=1)
        assert heel.min() > 0.005 * walker.body_weight_n


@pytest.mark.parametrize("seed", range(4))
def test_limping_shortens_the_stance_of_the_weak_side(seed):
    walker = build("limp", seed=seed)
    share = {}
    for side in layouts.SIDES:
        ic, to, ahead = strides(walker, side)
        share[side] = ((to - ic) / (ahead - ic)).mean()
    weak = walkers.Person.from_seed(seed).weak_side
    strong = "left" if weak == "right" else "right"
    assert share[strong] - share[weak] > 0.06


@pytest.mark.parametrize("seed", range(4))
def test_standing_has_no_events_and_sways_a_little(seed):
    walker = build("stand", seed=seed)
    assert walker.events(0, 3600) == []
    assert len(walker.crossings("left", 50.0, 0, 60).rise_s) == 0
    truth = walker.sample(np.arange(0, 60, 0.2))[2]
    for side in layouts.SIDES:
        force = truth.force_n[side] / walker.body_weight_n
        assert 0.45 < force.min() < force.max() < 0.55
        assert (np.ptp(truth.cop_mm[side], axis=0) < 20).all()
        assert np.ptp(truth.cop_mm[side][:, 1]) > 1


def test_walk_stop_stands_walks_and_stands_again():
    walker = build("walk-stop")
    for bout in (0, 16, 1600):
        assert walker.events(bout, bout + 3) == []
        assert walker.events(bout + 13, bout + 16) == []
        kinds = [event.kind for event in walker.events(bout + 3, bout + 13)]
        assert kinds.count("to") == kinds.count("ic") >= 14
        at = bout + np.r_[np.arange(0, 3, 0.1), np.arange(13.1, 16, 0.1)]
        _, imu, truth = walker.sample(at)
        for side in layouts.SIDES:
            force = truth.force_n[side] / walker.body_weight_n
            assert 0.4 < force.min() < force.max() < 0.6
            np.testing.assert_allclose(imu[side][:, 2], GRAVITY_M_S2, atol=0.01)


@pytest.mark.parametrize("motion", [motion for motion in STEPPING if motion != "stand"])
def test_the_tables_repeat_without_a_seam(motion):
    walker = build(motion)
    period = walker._schedule.period_s
    assert period > 3600
    near = np.arange(-2, 2, 0.0005)
    imu, force = walker.imu(period + near), forces_bw(walker, period + near)
    begin = forces_bw(walker, near)
    for side in layouts.SIDES:
        assert np.abs(np.diff(force[side])).max() < 0.03
        assert np.abs(np.diff(imu[side][:, 4])).max() < 1
        # Sway does not repeat.
        np.testing.assert_allclose(force[side][near > 0], begin[side][near > 0], atol=0.05)
    halves = walker.events(period - 50, period) + walker.events(period, period + 50)
    assert walker.events(period - 50, period + 50) == halves


@pytest.mark.parametrize("motion", [*CYCLIC, "walk-stop"])
def test_contacts_begin_and_end_where_force_leaves_and_reaches_its_least_value(motion):
    walker = build(motion)
    floor = walkers.STEPPING[motion].floor
    found = [event for event in walker.events(20, 50) if event.kind in ("ic", "to")]
    assert len(found) > 20
    for event in found:
        sign = 1 if event.kind == "ic" else -1
        at = event.t_s + sign * np.array([-0.01, -1e-6, 1e-6, 0.01])
        before, just, soon, after = forces_bw(walker, at)[event.side]
        assert before == pytest.approx(floor, abs=1e-9)
        assert just == pytest.approx(before, abs=1e-4)
        assert before <= just + 1e-12
        assert just <= soon < after


def delays_s(walker, kind, n=8):
    """Return how long after an event the load of heel or forefoot passes 2 % of the weight."""
    found = []
    for event in [event for event in walker.events(20, 50) if event.kind == kind][:n]:
        layout = walker.layouts[event.side]
        t = event.t_s + np.arange(-0.25, 0.25, 0.005)
        cells = walker.sample(t)[0][event.side]
        mine = layout.forefoot if kind == "forefoot_on" else layout.heel
        above = cells[:, mine].sum(axis=1) > 0.02 * walker.body_weight_n
        ends = kind == "heel_off"
        at = t[1:][above[:-1] & ~above[1:] if ends else ~above[:-1] & above[1:]]
        found.append(at[np.abs(at - event.t_s).argmin()] - event.t_s)
    return np.array(found)


@pytest.mark.parametrize("motion", ["walk", "slow", "fast", "run", "limp", "crouch", "stairs-up"])
def test_the_loads_of_heel_and_forefoot_are_near_what_the_foot_does(motion):
    walker = build(motion, name="cells-16")
    heel = delays_s(walker, "heel_on")
    assert ((heel >= 0) & (heel <= 0.02)).all()
    assert (np.abs(delays_s(walker, "forefoot_on")) <= 0.06).all()
    # The heel rises long before its cells are free: the pad gives, the turn begins slowly.
    rises = delays_s(walker, "heel_off")
    assert ((rises >= 0) & (rises <= 0.16)).all()


def test_walking_backward_loads_the_forefoot_first_and_the_heel_last():
    walker = build("backward", name="cells-16")
    fore, last = delays_s(walker, "forefoot_on"), delays_s(walker, "heel_off")
    assert ((fore >= 0) & (fore <= 0.04)).all()
    assert ((last >= -0.04) & (last <= 0)).all()
    assert ((delays_s(walker, "heel_on") > -0.16) & (delays_s(walker, "heel_on") < 0)).all()


@pytest.mark.parametrize("motion", [*CYCLIC, "walk-stop"])
def test_crossings_of_a_level_lie_just_inside_the_contacts(motion):
    walker = build(motion)
    level = 0.08 * walker.body_weight_n
    found = walker.crossings("left", level, 10, 60)
    for t in (found.rise_s, found.fall_s):
        np.testing.assert_allclose(walker.force_n("left", t), level, atol=1e-5)
    for kind, t, sign in (("ic", found.rise_s, 1), ("to", found.fall_s, -1)):
        event = times_of(walker, "left", kind, 9.8, 60.2)
        delay = sign * (t - event[np.abs(event[:, None] - t).argmin(axis=0)])
        assert ((delay > 0) & (delay < 0.15)).all()  # the last step of a bout is the slowest
    assert abs(len(found.rise_s) - len(times_of(walker, "left", "ic", 10, 60))) <= 1
