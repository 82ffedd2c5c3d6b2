"""What is kept of a contact: durations, peak, integral, path of the CoP, how the foot landed."""

from array import array

import pytest

from solecore.gait import stride as s
from solecore.gait.stride import MAX_INTEGRAL, StrideAccumulator
from solecore.layouts import NAMES, geometry
from solecore.wire import messages as m

WRAP = 1 << 30


def contact(points, ticks=1000, stance_us=700_000, wraps=0, forces=None):
    """Return an accumulator that took one frame at each (x, y) of ``points``."""
    acc = StrideAccumulator()
    acc.begin(ticks, wraps)
    for i, (x, y) in enumerate(points):
        force = forces[i] if forces else 1000
        acc.add(force, force * x, force * y, i)
    end = ticks + stance_us
    acc.end(end % WRAP, wraps + end // WRAP)
    return acc


def test_stance_is_from_initial_contact_to_toe_off():
    acc = contact([(1, 2)], stance_us=654_321)
    assert acc.has_ended
    assert acc.stance_us == 654_321


def test_a_stance_across_the_wrap_of_the_ticks_keeps_its_duration():
    assert contact([(1, 2)], ticks=WRAP - 5, stance_us=700_000, wraps=8).stance_us == 700_000


@pytest.mark.parametrize("minutes", [18, 36, 600])
def test_a_stance_longer_than_a_wrap_is_not_taken_for_a_short_one(minutes):
    assert contact([(1, 2)], ticks=77, stance_us=minutes * 60_000_000).stance_us == WRAP - 1


def test_peak_integral_and_active_cells_are_those_of_the_contact():
    acc = contact([(1, 1)] * 5, forces=[10, 500, 900, 400, 20])
    assert (acc.peak, acc.integral, acc.n_active) == (900, 1830, 4)
    acc.begin(5, 0)
    assert (acc.peak, acc.integral, acc.n_active, acc.strike) == (0, 0, 0, s.UNKNOWN)


def test_the_integral_saturates_below_2_to_the_30():
    acc = contact([(0, 0)] * 6400, forces=[168_300] * 6400)
    assert acc.integral == MAX_INTEGRAL == WRAP - 1


@pytest.mark.parametrize("n", [1, 2, 3, 21, 64, 65, 128, 129, 700, 6000])
def test_the_cop_at_start_middle_and_end_is_that_of_the_path(n):
    acc = contact([(100, 10 + 200 * i // n) for i in range(n)])
    x0, y0, x1, y1, x2, y2 = (v / 16 for v in acc.cop)
    assert x0 == x1 == x2 == 100
    assert y0 == 10
    slack = 200 / min(n, 32) + 1  # a long stance keeps 32 to 64 of its frames
    assert y1 == pytest.approx(110, abs=slack)
    assert y2 == pytest.approx(10 + 200 * (n - 1) // n, abs=slack)


def test_the_cop_has_a_sixteenth_of_the_unit():
    acc = StrideAccumulator()
    acc.begin(0, 0)
    acc.add(1000, 1000 * 7 + 437, 1000 * 254 + 999, 1)
    acc.end(1, 0)
    assert list(acc.cop[:2]) == [7 * 16 + 437 * 16 // 1000, 254 * 16 + 15]


def test_frames_without_load_have_no_cop():
    acc = contact([(9, 9)] * 3, forces=[0, 0, 0])
    assert list(acc.cop) == [0] * 6
    assert acc.integral == 0


def test_a_toe_off_whose_initial_contact_is_unknown_leaves_nothing():
    acc = StrideAccumulator()
    acc.add(1000, 1000, 1000, 1)
    acc.end(5, 0)
    assert not acc.has_ended


LANDINGS = [
    ("heel first", [("heel", 0), ("fore", 120_000)], s.HEEL),
    ("forefoot first", [("fore", 0), ("heel", 90_000)], s.FOREFOOT),
    ("both at once", [("heel", 0), ("fore", 0)], s.FLAT),
    ("both within 25 ms, heel first", [("heel", 0), ("fore", 25_000)], s.FLAT),
    ("both within 25 ms, forefoot first", [("fore", 0), ("heel", 25_000)], s.FLAT),
    ("told in the wrong order", [("fore", 120_000), ("heel", 0)], s.HEEL),
    ("heel alone", [("heel", 0)], s.HEEL),
    ("forefoot alone", [("fore", 0)], s.FOREFOOT),
    ("neither", [], s.UNKNOWN),
]


@pytest.mark.parametrize(
    ("told", "strike"), [x[1:] for x in LANDINGS], ids=[x[0] for x in LANDINGS]
)
@pytest.mark.parametrize("start", [1000, WRAP - 60_000])
def test_the_order_of_heel_and_forefoot_tells_the_strike(told, strike, start):
    acc = StrideAccumulator()
    acc.begin(start, 0)
    for part, after_us in told:
        ticks = (start + after_us) % WRAP
        (acc.heel_down if part == "heel" else acc.forefoot_down)(ticks)
    assert acc.strike == strike
    assert m.STRIKE_NAMES[strike] in ("unknown", "heel", "flat", "forefoot")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_right", [False, True])
def test_coordinates_are_rounded_to_the_nearest_step_and_zones_follow_the_length(name, is_right):
    g = geometry(name, is_right)
    zones = g.zones()
    n = g.n_cells
    for i in range(n):
        x, y = g.table[i], g.table[n + i]
        assert abs(zones[i] * g.unit - x) <= g.unit / 2
        assert abs(zones[n + i] * g.unit - y) <= g.unit / 2
        share = y / g.length
        assert zones[2 * n + i] == (1 if share < 0.31 else 2 if share >= 0.6 else 0)


@pytest.fixture
def walked(make_foot):
    """Return ``walk(layout)``: the strides of a foot that rolls from heel to toe, its geometry."""

    def walk(layout, n_steps=3):
        foot = make_foot(layout)
        g = foot.settings.geometry
        foot.ask(m.START.pack(1, m.RAW8 if layout.startswith("grid") else 0, 0))
        out = []
        period_s = foot.settings.period_us / 1e6
        y_of = g.table[g.n_cells : 2 * g.n_cells]  # made anew whenever asked for
        for i in range(round((n_steps * 1.1 + 0.35) / period_s)):
            t = i * period_s % 1.1 - 0.4
            raw = [0] * g.n_cells
            if 0 <= t < 0.7:
                load = min(1, t / 0.07, (0.7 - t) / 0.07)
                centre = g.length * (0.1 + 0.8 * t / 0.7)
                for k in range(g.n_cells):
                    near = max(0.0, 1 - abs(y_of[k] - centre) / (0.35 * g.length))
                    raw[k] = int(3000 * load * near)
            out += foot.frame(array("H", raw))
        out += foot.ask(m.STOP.pack(2))
        return [m.STRIDE.unpack(x) for x in out if x[0] == m.STRIDE.msg_id], g

    return walk


@pytest.mark.parametrize("layout", NAMES)
def test_strides_of_a_rolling_foot_are_told_with_their_values(layout, walked):
    strides, g = walked(layout)
    assert len(strides) == 3
    frame_us = 33_333 if layout != "cells-16" else 10_000
    for fields in strides:
        assert fields["stance"] == pytest.approx(700_000, abs=2 * frame_us)
        assert fields["peak_force"] > 100
        assert fields["pressure_time"] < fields["peak_force"] * 700_000 // frame_us
        assert 1 <= fields["n_active"] <= g.n_cells
        assert m.STRIKE_NAMES[fields["strike"]] == "heel"
        y = fields["cop"][1::2]
        assert y[0] < y[1] < y[2] <= g.length
        assert y[0] < 0.35 * g.length
        assert y[2] > 0.6 * g.length
        assert all(0 < x < g.width for x in fields["cop"][0::2])
    assert [s["stride"] for s in strides[:-1]] == pytest.approx([1_100_000] * 2, abs=2 * frame_us)
    assert strides[-1]["stride"] == 0  # no further contact


def test_the_cop_on_the_wire_is_in_tenths_of_a_millimetre(make_foot):
    foot = make_foot("cells-4")
    g = foot.settings.geometry
    foot.ask(m.START.pack(1, 0, 0))
    out = []
    for i in range(60):
        on = 20 <= i < 40
        cells = [0, 2000, 2000, 0] if on else [0] * 4
        out += foot.frame(array("H", cells))
    out += foot.ask(m.STOP.pack(2))
    (fields,) = [m.STRIDE.unpack(x) for x in out if x[0] == m.STRIDE.msg_id]
    for k in range(3):
        assert fields["cop"][2 * k] == pytest.approx((g.table[1] + g.table[2]) / 2, abs=g.unit)
        assert fields["cop"][2 * k + 1] == pytest.approx((g.table[5] + g.table[6]) / 2, abs=g.unit)
