"""Sampling at a fixed rate on a clock that the test moves: in time, late, and across the wrap."""

import pytest

from solecore.layouts import NAMES
from solecore.wire import messages as m

WRAP = 1 << 30


class EnoughError(Exception):
    """Ends ``App.run``, which has no end."""


def run(rig, n_scans: int, on_scan=None) -> list[int]:
    """Let the App run for ``n_scans``; return when each began. ``on_scan(i)`` may pass time."""
    scan_into = rig.board.scan_into

    def scan(raw):
        if len(rig.board.scans) == n_scans:
            raise EnoughError
        scan_into(raw)
        if on_scan:
            on_scan(len(rig.board.scans) - 1)

    rig.board.scan_into = scan
    with pytest.raises(EnoughError):
        rig.app.run()
    return rig.board.scans


@pytest.fixture
def started(make_app):
    def start(layout="cells-16", **options):
        rig = make_app(layout, **options)
        rig.app.start(rig.app.settings.form, 0)
        return rig

    return start


@pytest.mark.parametrize("layout", NAMES)
@pytest.mark.parametrize("ticks", [0, WRAP - 200_000])
def test_every_profile_keeps_its_rate_without_drift(started, layout, ticks):
    rig = started(layout, ticks=ticks)
    period = rig.app.settings.period_us
    scans = run(rig, 100)
    # Each scan begins within one turn of the loop of its due time, the hundredth like the first.
    assert [(t - ticks) // period for t in scans] == list(range(100))
    assert all((t - ticks) % period <= rig.clock.idle_us for t in scans)
    assert rig.app.sampler.n_overruns == 0


def test_between_scans_the_link_is_served(started):
    rig = started("cells-4")
    served = []
    poll = rig.app.link.poll
    rig.app.link.poll = lambda: served.append(rig.clock.ticks) or poll()
    run(rig, 10)
    assert len(served) > 9 * 33_333 // rig.clock.idle_us


def test_a_scan_that_takes_its_time_does_not_shift_the_next(started):
    rig = started()
    rig.board.scan_us = 7_000
    scans = run(rig, 50)
    assert all(t - 1_000_000 - 10_000 * i <= 500 for i, t in enumerate(scans))
    assert rig.app.sampler.n_overruns == 0


def test_a_scan_is_stamped_at_its_middle(started):
    rig = started("cells-4")
    rig.board.scan_us = 6_000
    scans = run(rig, 4)
    (message,) = [x for x in rig.sent() if x[0] == m.FRAMES_RAW12.msg_id]
    assert m.FRAMES_RAW12.unpack(message)["ticks"] == scans[0] + 3_000


def test_a_scan_across_the_wrap_is_stamped_on_the_side_where_its_middle_lies(started):
    for early, late_half in ((2_000, True), (4_000, False)):
        rig = started("cells-4", ticks=WRAP - early)
        rig.board.scan_us = 6_000
        run(rig, 4)
        (message,) = [x for x in rig.sent() if x[0] == m.FRAMES_RAW12.msg_id]
        fields = m.FRAMES_RAW12.unpack(message)
        expected = (1, 3_000 - early) if late_half else (0, WRAP - early + 3_000)
        assert (fields["n_wraps"], fields["ticks"]) == expected


@pytest.mark.parametrize(
    ("late_us", "n_missed"), [(9_999, 0), (10_001, 1), (35_000, 3), (1_000_000, 100)]
)
def test_frames_that_came_too_late_are_counted_and_the_rhythm_goes_on(started, late_us, n_missed):
    rig = started()

    def delay(i):
        if i == 20:
            rig.clock.ticks += 10_000 + late_us  # a flash write, say

    scans = run(rig, 40, delay)
    assert rig.app.sampler.n_overruns == n_missed
    frames = [round((t - 1_000_000) / 10_000 - 0.05) for t in scans]
    assert frames[:21] == list(range(21))
    # The frame at hand is taken late, the following ones are where they would have been.
    assert frames[22:] == list(range(frames[22], frames[22] + 18))
    assert frames[22] == 22 + n_missed
    assert all((t - 1_000_000) % 10_000 <= 500 for t in scans[22:])


def test_overruns_are_told_by_stats(started):
    rig = started()
    rig.board.scan_us = 25_000  # a scan that can never keep up
    run(rig, 20)
    assert rig.app.sampler.n_overruns >= 19
    reply = rig.app._commands.answer(m.STATS.pack(1))
    assert m.STATS_REPLY.unpack(reply)["n_overruns"] == rig.app.sampler.n_overruns


def test_nothing_is_scanned_while_nobody_listens(make_app):
    rig = make_app("cells-16")
    turns = []

    def idle():
        rig.clock.ticks += 500
        turns.append(rig.clock.ticks)
        if len(turns) == 200:
            raise EnoughError

    rig.clock.idle = idle
    with pytest.raises(EnoughError):
        rig.app.run()
    assert rig.board.scans == []


def test_wraps_are_counted_while_nothing_is_sampled(make_app):
    rig = make_app("cells-16", ticks=WRAP - 1000)
    for _ in range(10):
        rig.clock.ticks += 400_000_000
        rig.app.serve()
    assert rig.app.sampler.n_wraps == (WRAP - 1000 + 10 * 400_000_000) // WRAP
