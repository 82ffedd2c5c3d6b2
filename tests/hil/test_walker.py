from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solekit import layouts
from solekit_hil import walker as walkers
from solekit_hil.walker.seeded import SeededWalker
from tests.hil.walking import build, strides, times_of

NAMES = ("grid-30x22", "grid-29x21", "cells-16", "cells-4")
MOTIONS = tuple(walkers.MOTIONS)
CYCLIC = tuple(motion for motion in MOTIONS if motion not in ("stand", "walk-stop"))
GRAVITY_M_S2 = 9.80665
TIMES = st.lists(st.floats(0, 20_000), min_size=1, max_size=40)


def flatten(sample):
    cells, imu, truth = sample
    parts = (cells, imu, truth.force_n, truth.cop_mm)
    return [part[side] for part in parts for side in layouts.SIDES]


@pytest.mark.parametrize("motion", MOTIONS)
@given(t_s=TIMES, cut=st.integers(0, 40))
@settings(max_examples=15, deadline=None)
def test_any_order_and_any_division_into_calls_give_the_same_bits(motion, t_s, cut):
    walker = build(motion, name="grid-29x21")
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
    walker = build(motion, name="grid-30x22")
    t = np.arange(1_500) / 100
    for step in (1, 7, 64):
        at = range(0, 200 if step == 1 else len(t), step)
        pieces = [flatten(walker.sample(t[i : i + step])) for i in at]
        for all_, *parts in zip(flatten(walker.sample(t)), *pieces, strict=True):
            joined = np.concatenate(parts)
            assert all_[: len(joined)].tobytes() == joined.tobytes()


def test_seeds_give_different_people_and_one_seed_gives_one():
    t = np.arange(0, 20, 0.02)
    first, again, other = (build(seed=seed).sample(t)[2].force_n["left"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert len({build(seed=seed).body_weight_n for seed in range(20)}) == 20
    assert all(50 < build(seed=seed).body_weight_n / GRAVITY_M_S2 < 100 for seed in range(20))


def test_equal_arguments_share_one_walker_and_different_ones_do_not():
    assert build() is build()
    assert build() is not build(seed=2)
    assert build() is not build(name="cells-4")
    assert build(person=walkers.Person()) is build(person=walkers.Person())
    assert build(person=walkers.Person(mass_kg=60)).body_weight_n == 60 * GRAVITY_M_S2
    moved = {s: layouts.named("cells-16", s) for s in layouts.SIDES}
    moved["left"] = replace(moved["left"], x_mm=moved["left"].x_mm + 1)
    assert walkers.build("walk", seed=1, layouts=moved) is not build()


def test_an_unknown_motion_is_refused_with_the_list_of_motions():
    with pytest.raises(ValueError, match=r"unknown motion 'moonwalk'.*walk, slow, fast, stand"):
        build("moonwalk")
    with pytest.raises(ValueError, match="layouts is empty"):
        walkers.build("walk", seed=1, layouts={})


def test_one_foot_alone_feels_what_it_feels_in_a_pair():
    left = walkers.build("walk", seed=1, layouts={"left": layouts.named("cells-16", "left")})
    t = np.arange(0, 5, 0.01)
    assert list(left.sample(t)[0]) == ["left"]
    assert np.array_equal(left.sample(t)[0]["left"], build().sample(t)[0]["left"])
    assert {event.side for event in left.events(0, 5)} == {"left"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("motion", MOTIONS)
def test_the_cells_carry_the_force_at_the_centre_of_pressure(motion, name):
    walker = build(motion, name=name)
    t = np.arange(0, 20, 0.01)
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
    if motion not in ("stand", "shuffle"):
        assert any((force == 0).any() for force in truth.force_n.values())


def test_cells_outside_the_foot_carry_nothing():
    walker = build(name="grid-30x22")
    peak = walker.sample(np.arange(0, 5, 0.01))[0]["left"].max(axis=0).reshape(30, 22)
    assert (peak[[0, -1]][:, [0, -1]] == 0).all()  # corners
    assert (peak[12:16, 18:] == 0).all()  # the arch, on the inner side of a left foot
    assert 0.4 < (peak > 0).mean() < 0.75


def test_a_right_foot_is_the_mirror_image_of_a_left_one():
    walker = build(name="grid-30x22", person=walkers.Person())
    cells, _, truth = walker.sample(np.arange(0, 30, 0.01))
    left, right = (cells[side].max(axis=0) for side in layouts.SIDES)
    assert np.abs(left - right).max() < 0.1 * left.max()
    cop_x = [np.nanmean(truth.cop_mm[side][:, 0]) for side in layouts.SIDES]
    assert abs(sum(cop_x) - walker.layouts["left"].width_mm) < 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("motion", MOTIONS)
def test_the_mean_total_force_over_whole_strides_is_body_weight(motion, seed):
    walker = build(motion, seed=seed)
    ic = times_of(walker, "left", "ic")
    t0, t1 = (ic[2], ic[-1]) if motion in CYCLIC else (0, 160)
    t = np.linspace(t0, t1, 40_001)
    force = walker.sample(t)[2].force_n
    total = force["left"] + force["right"]
    assert np.trapezoid(total, t) / (t1 - t0) == pytest.approx(walker.body_weight_n, rel=0.002)
    if motion in CYCLIC:
        for start, end in pairwise(ic[2:12]):
            t = np.linspace(start, end, 2001)
            force = walker.sample(t)[2].force_n
            mean = np.trapezoid(force["left"] + force["right"], t) / (end - start)
            assert mean == pytest.approx(walker.body_weight_n, rel=0.01)


@pytest.mark.parametrize("motion", ["walk", "slow", "fast", "limp", "shuffle", "walk-stop"])
def test_the_total_force_is_smooth_through_double_support(motion):
    walker = build(motion)
    force = walker.sample(np.arange(0, 60, 0.001))[2].force_n
    total = (force["left"] + force["right"]) / walker.body_weight_n
    assert np.abs(np.diff(total)).max() < 0.01  # per millisecond


@pytest.mark.parametrize("motion", [*CYCLIC, "walk-stop"])
@pytest.mark.parametrize("seed", range(4))
def test_both_feet_alternate(motion, seed):
    walker = build(motion, seed=seed)
    for bout in range(3, 300, 16):
        end = bout + 16 if motion == "walk-stop" else bout + 10
        sides = [e.side for e in walker.events(bout, end) if e.kind == "ic"]
        assert len(sides) >= 6
        assert all(a != b for a, b in pairwise(sides))


@pytest.mark.parametrize("motion", [*CYCLIC, "walk-stop"])
@pytest.mark.parametrize("seed", range(4))
def test_the_events_of_a_contact_come_in_order(motion, seed):
    walker = build(motion, seed=seed)
    events = walker.events(0, 200)
    assert [e.t_s for e in events] == sorted(e.t_s for e in events)
    for side in layouts.SIDES:
        kinds = [e.kind for e in events if e.side == side]
        kinds = kinds[kinds.index("ic") :]
        whole = len(kinds) // len(walkers.KINDS)
        assert kinds == (list(walkers.KINDS) * (whole + 1))[: len(kinds)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("motion", "stance", "contact_s"),
    [
        ("walk", (0.58, 0.64), None),
        ("slow", (0.61, 0.66), None),
        ("fast", (0.56, 0.63), None),
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


@pytest.mark.parametrize("seed", range(6))
def test_walking_force_has_two_humps_and_a_valley(seed):
    walker = build(seed=seed)
    for side in layouts.SIDES:
        ic, to, _ = strides(walker, side, 60)
        force = []
        for start, end in zip(ic, to, strict=True):
            t = np.linspace(start, end, 201)
            force.append(walker.sample(t)[2].force_n[side] / walker.body_weight_n)
        mean = np.mean(force, axis=0)
        assert 1.05 < mean[:100].max() < 1.16
        assert 1.05 < mean[100:].max() < 1.16
        assert 0.7 < mean[60:140].min() < 0.85


def test_running_has_flight_and_no_double_support():
    force = build("run").sample(np.arange(0, 30, 0.005))[2].force_n
    loaded = np.stack([force[side] > 0 for side in layouts.SIDES])
    assert not loaded.all(axis=0).any()
    assert (~loaded.any(axis=0)).mean() > 0.1


def test_shuffling_never_unloads_a_foot_nor_its_heel():
    walker = build("shuffle", name="grid-30x22")
    cells, _, truth = walker.sample(np.arange(0, 30, 0.005))
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
    truth = walker.sample(np.arange(0, 60, 0.1))[2]
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
        at = bout + np.r_[np.arange(0, 3, 0.05), np.arange(13.1, 16, 0.05)]
        _, imu, truth = walker.sample(at)
        for side in layouts.SIDES:
            force = truth.force_n[side] / walker.body_weight_n
            assert 0.4 < force.min() < force.max() < 0.6
            np.testing.assert_allclose(imu[side][:, 2], GRAVITY_M_S2, atol=0.01)


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_tables_repeat_without_a_seam(motion):
    walker = build(motion, name="grid-30x22")
    assert isinstance(walker, SeededWalker)
    period = walker._schedule.period_s
    if np.isinf(period):
        return
    assert period > 3600
    near = np.arange(-2, 2, 0.0005)
    _, imu, truth = walker.sample(period + near)
    for side in layouts.SIDES:
        assert np.abs(np.diff(truth.force_n[side])).max() < 0.03 * walker.body_weight_n
        assert np.abs(np.diff(imu[side][:, 4])).max() < 1
        force = walker.sample(near[near > 0])[2].force_n[side]
        sway = 0.05 * walker.body_weight_n  # sway does not repeat
        assert np.abs(truth.force_n[side][near > 0] - force).max() < sway
    halves = walker.events(period - 50, period) + walker.events(period, period + 50)
    assert walker.events(period - 50, period + 50) == halves


@pytest.mark.parametrize("motion", [*CYCLIC, "walk-stop"])
def test_events_are_where_force_leaves_and_reaches_its_least_value(motion):
    walker = build(motion, name="grid-30x22")
    floor = walkers.MOTIONS[motion].floor * walker.body_weight_n
    eps = 1e-6
    for event in walker.events(20, 50):
        cells, _, truth = walker.sample(event.t_s + np.array([-0.01, -eps, eps, 0.01]))
        heel = cells[event.side][:, walker.layouts[event.side].heel].sum(axis=1)
        fore = cells[event.side][:, walker.layouts[event.side].forefoot].sum(axis=1)
        seen = {"ic": truth.force_n[event.side], "to": truth.force_n[event.side]}
        seen |= {"heel_on": heel, "heel_off": heel, "forefoot_on": fore}
        before, just, soon, after = seen[event.kind]
        if event.kind in ("to", "heel_off"):
            before, just, soon, after = after, soon, just, before
        assert just == pytest.approx(before, abs=1e-4)
        assert before <= just <= soon < after
        if event.kind in ("ic", "to"):
            assert before == pytest.approx(floor, abs=1e-9)
        elif not floor:
            assert before == 0


@pytest.mark.parametrize("motion", [*CYCLIC, "walk-stop"])
def test_crossings_of_a_level_lie_just_inside_the_contacts(motion):
    walker = build(motion)
    level = 0.08 * walker.body_weight_n
    found = walker.crossings("left", level, 10, 60)
    for t in (found.rise_s, found.fall_s):
        force = walker.sample(t)[2].force_n["left"]
        np.testing.assert_allclose(force, level, atol=1e-5)
    for kind, t, sign in (("ic", found.rise_s, 1), ("to", found.fall_s, -1)):
        event = times_of(walker, "left", kind, 9.9, 60.1)
        delay = sign * (t - event[np.abs(event[:, None] - t).argmin(axis=0)])
        assert ((delay > 0) & (delay < 0.12)).all()  # the last step of a bout is the slowest
    assert abs(len(found.rise_s) - len(times_of(walker, "left", "ic", 10, 60))) <= 1
