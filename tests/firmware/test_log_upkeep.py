"""Around the flash log: time pairs, minutes, low battery, narrow radios, sleep, garbage."""

from array import array
from itertools import pairwise

import pytest

from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.minutes import MINUTE_US
from solefoot.app.upkeep import HIGH_MV, LOW_MV, SLEEP_US, BatteryWatch, Idleness
from solekit_hil.flash import MemoryStore

WRAP = 1 << 30
GRID, CELLS, SMALL = "grid-30x22", "cells-16", "cells-4"


def of(message, sent) -> list[dict]:
    return [message.unpack(x) for x in sent if x[0] == message.msg_id]


def logged(foot, stream: int) -> list[bytes]:
    """Return all that the log holds of a stream of this boot."""
    foot.app.keeper.settle()
    out, start = [], 0
    while start < 1 << 30:
        sent = foot.ask(m.LOG_RANGE.pack(9, 7, stream, start, 1 << 30, 50))
        while not of(m.LOG_RANGE_REPLY, sent):
            sent += foot.serve()
        out += [x["message"] for x in of(m.LOG_DATA, sent)]
        start = of(m.LOG_RANGE_REPLY, sent)[-1]["next"]
    return out


def pairs(foot) -> list[dict]:
    return of(m.TIME_PAIR, logged(foot, m.MINUTES))


def tell_time(foot, unix_us: int, *, at_us: int | None = None) -> list[bytes]:
    at = foot.us if at_us is None else at_us
    return foot.ask(m.TIME.pack(3, at % WRAP, at // WRAP, unix_us, 1500))


# -- the time of day -----------------------------------------------------------------------------


def test_a_stretch_without_host_has_a_time_pair_at_both_ends(make_foot):
    foot = make_foot(CELLS, store=MemoryStore(1 << 20))
    foot.ask(m.START.pack(1, 0, 0))
    zero_us = 1_700_000_000_000_000 - foot.us
    for i in range(1, 1001):
        foot.frame()
        if i <= 300 or i > 800:  # in between nobody is there
            if i % 100 == 0:
                tell_time(foot, zero_us + foot.us)
            if i % 50 == 0:
                foot.ask(m.PING.pack(2))
    found = pairs(foot)
    before = [x["ticks"] for x in found]
    assert len(found) >= 2
    assert before[0] <= 1_000_000 + 300 * 10_000 < 1_000_000 + 800 * 10_000 <= before[1]
    for pair in found:
        assert pair["unix"] - pair["ticks"] == zero_us
        assert (pair["interval"], pair["source"]) == (1500, codes.TIME_HOST)


def test_a_host_that_only_tells_the_time_leaves_it_in_the_log(make_foot):
    foot = make_foot(SMALL, store=MemoryStore(1 << 20))
    foot.frame()
    (reply,) = of(m.TIME_REPLY, tell_time(foot, 5_000_000, at_us=foot.us - 700))
    assert reply["ref"] == 3
    for _ in range(50):
        foot.frame()
    (pair,) = pairs(foot)
    assert (pair["ticks"], pair["unix"]) == (foot.us - 700 - 50 * 33_333, 5_000_000)


def test_without_a_host_the_clock_of_the_board_is_noted_as_what_it_is(make_app):
    rig = make_app(SMALL, store=MemoryStore(1 << 20), unix_us=lambda: 77_000_000)
    rig.app.sample()
    rig.app.serve()
    rig.app.keeper.settle()
    segment = b"".join(rig.app.log.store.segments.values())
    at = segment.index(bytes((m.TIME_PAIR.msg_id, 7, 0, m.MINUTES)))
    pair = m.TIME_PAIR.unpack(segment[at : at + m.TIME_PAIR.size])
    assert (pair["unix"], pair["interval"], pair["source"]) == (77_000_000, 0, codes.TIME_RTC)


# -- minutes -------------------------------------------------------------------------------------


def step_through(foot, n_frames: int, period: int = 33, loaded: int = 20) -> list[bytes]:
    """Put weight on the sole in ``loaded`` of every ``period`` frames."""
    n = foot.settings.geometry.n_cells
    on, off = array("H", [2000] * n), array("H", [0] * n)
    out = []
    for i in range(n_frames):
        out += foot.frame(on if i % period < loaded else off)
    return out


@pytest.mark.parametrize("ticks", [1_000_000, WRAP - 20_000_000])
def test_every_minute_is_summed_up(make_foot, ticks):
    foot = make_foot(SMALL, ticks=ticks)
    foot.ask(m.START.pack(1, 0, 0))
    sent = step_through(foot, 5500)
    minutes = of(m.MINUTE, sent)
    assert [x["seq"] for x in minutes] == [0, 1, 2]
    strides = of(m.STRIDE, sent)
    first = minutes[1]
    begin = first["n_wraps"] * WRAP + first["ticks"]
    within = [s for s in strides if begin < s["n_wraps"] * WRAP + s["ticks"] < begin + MINUTE_US]
    assert first["n_frames"] == pytest.approx(1800, abs=2)
    assert first["n_contacts"] == pytest.approx(len(within), abs=2)
    assert first["n_strides"] == first["n_contacts"]
    assert first["stride_mean"] == pytest.approx(33 * 33_333, abs=40_000)
    assert first["stance_mean"] == pytest.approx(20 * 33_333, abs=70_000)
    assert first["loaded"] == pytest.approx(1800 * 20 / 33, rel=0.06)
    assert first["peak_mean"] == within[0]["peak_force"]
    assert first["battery"] == 4100
    assert first["temperature"] == -32768


def test_minutes_are_in_the_log_also_when_somebody_listens(make_foot):
    foot = make_foot(SMALL, store=MemoryStore(1 << 20))
    foot.ask(m.START.pack(1, 0, 8))
    sent = []
    for i in range(4000):
        sent += foot.frame()
        if i % 20 == 0:
            sent += foot.ask(m.PING.pack(2))
    assert len(of(m.MINUTE, sent)) == 2
    assert of(m.MINUTE, logged(foot, m.MINUTES)) == of(m.MINUTE, sent)


# -- low battery, sleep, garbage -----------------------------------------------------------------


def test_a_low_battery_closes_the_log_cleanly_and_a_charged_one_opens_it(make_foot):
    foot = make_foot(SMALL, store=MemoryStore(1 << 20))
    step_through(foot, 300)
    tell_time(foot, 9_000_000)
    step_through(foot, 10)
    foot.app.power(True)
    assert not foot.log.frames.used
    assert not foot.log.events.used
    n_sampled = foot.app.sampler.seq[m.PRESSURE]
    step_through(foot, 100)
    assert foot.app.sampler.seq[m.PRESSURE] == n_sampled == 310
    foot.app.power(False)
    step_through(foot, 90)
    assert foot.app.n_dropped() == [0] * m.N_STREAMS
    frames = of(m.FRAMES_RAW12, logged(foot, m.PRESSURE))
    assert sum(x["n_frames"] for x in frames) == 400


def test_with_a_low_battery_a_host_is_still_served(make_foot):
    foot = make_foot(SMALL, store=MemoryStore(1 << 20))
    foot.app.power(True)
    foot.ask(m.START.pack(1, 0, 0))
    sent = [x for _ in range(60) for x in foot.frame()]
    assert len(of(m.FRAMES_RAW12, sent)) >= 15


def test_the_battery_is_low_once_and_good_again_only_well_above():
    watch = BatteryWatch()
    seen = [watch.has_changed(mv) for mv in (4000, 0, LOW_MV, LOW_MV - 1, 0, HIGH_MV, HIGH_MV + 1)]
    assert seen == [False, False, False, True, False, False, True]
    assert not watch.is_low


@pytest.mark.parametrize("start", [0, WRAP - 5_000_000])
def test_it_sleeps_after_a_minute_without_load_and_host(start):
    idle = Idleness(start)
    step = 1_000_000
    now = start
    for i in range(200):  # kept awake by load, then by a host
        now = (now + step) % WRAP
        assert not idle.is_over(now, i < 100, i >= 100)
    for _ in range(SLEEP_US // step - 1):
        now = (now + step) % WRAP
        assert not idle.is_over(now, False, False)
    assert idle.is_over((now + step) % WRAP, False, False)


def test_the_app_runs_until_it_wants_to_sleep_and_leaves_nothing_behind(make_app):
    store = MemoryStore(1 << 20)
    rig = make_app(SMALL, store=store)
    fed = []
    rig.board.feed = lambda: fed.append(rig.clock.ticks)
    rig.app.run()
    assert rig.app.wants_sleep
    assert 60 <= (rig.clock.ticks - 1_000_000) / 1e6 < 62
    assert max(b - a for a, b in pairwise(fed)) < 100_000
    assert not rig.app.log.frames.used
    assert sum(map(len, store.segments.values())) > 10_000


def test_the_app_stops_when_it_wants_to_restart(make_app):
    rig = make_app(SMALL)
    idle = rig.clock.idle

    def want():
        idle()
        rig.app.wants_restart = rig.clock.ticks > 3_000_000

    rig.clock.idle = want
    rig.app.run()
    assert not rig.app.wants_sleep


def test_the_longest_pause_of_the_collector_is_told(make_app, monkeypatch):
    rig = make_app(SMALL)

    def collect():
        rig.clock.ticks += 2_345

    monkeypatch.setattr("solefoot.app.upkeep.gc.collect", collect)
    rig.app.run()
    assert rig.app.gc_pause_us == 2_345


# -- narrow radios -------------------------------------------------------------------------------


@pytest.mark.parametrize("has_log", [False, True])
def test_a_narrow_radio_gets_events_of_the_grid_but_no_frames(make_foot, has_log):
    foot = make_foot(GRID, store=MemoryStore(1 << 20) if has_log else None)
    foot.app.link.mtu = 23
    foot.ask(m.START.pack(1, 0, 0))
    sent = []
    for _ in range(4):
        sent += step_through(foot, 66) + foot.ask(m.PING.pack(1))
    assert len(of(m.EVENT, sent)) > 10
    assert not of(m.FRAME_CODED8, sent) + of(m.IMU_SAMPLES, sent)
    dropped = foot.app.n_dropped()[m.PRESSURE]
    assert dropped == (0 if has_log else 264)
    if has_log:
        assert len(of(m.FRAME_CODED8, logged(foot, m.PRESSURE))) == 264


def test_a_few_cells_fit_through_a_narrow_radio(make_foot):
    foot = make_foot(SMALL)
    foot.app.link.mtu = 23
    foot.ask(m.START.pack(1, 0, 0))
    assert of(m.FRAMES_RAW12, [x for _ in range(60) for x in foot.frame()])
