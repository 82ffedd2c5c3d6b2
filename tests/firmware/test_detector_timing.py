"""When a contact is said to begin and end: sub-frame time, latency, the wrap of the ticks."""

import pytest

from solecore.gait import ticks as tk
from solecore.gait.contacts import SWING, ContactDetector
from solecore.wire.messages import IC, TICKS_MASK, TO

WRAP = TICKS_MASK + 1
BODY_WEIGHT = 12_800  # on = 1000, off = 600 counts over an empty sole
RISE = 256  # counts per frame: then a crossing lies at a whole 1/256 of a frame
SLOW, FAST = 33_333, 10_000
RATES = pytest.mark.parametrize("period_us", [SLOW, FAST])


def n_on(period_us: int) -> int:
    """Return how many frames confirm a crossing: two from 50 Hz on."""
    return 2 if period_us <= 20_000 else 1


@pytest.fixture
def timed(parts_of):
    """Return ``events(detector, forces)``: kind, microseconds, confirming frame of IC and TO.

    With ``levels`` also the threshold that was crossed: the minimum leaks while the rise begins.
    """
    run = parts_of("gait.py").run

    def events(detector, forces, ticks=0, wraps=0, *, levels=False):
        out = []

        def emit(kind, n_wraps, at, force, frame):
            if kind in (IC, TO):
                level = (detector.on if kind == IC else detector.off,) if levels else ()
                out.append((kind, n_wraps * WRAP + at, frame, *level))

        run(detector, ((f, 0, 0) for f in forces), emit, ticks, wraps)
        return out

    return events


def ramp(level: int, part: int, *, is_up: bool) -> list[int]:
    """Return forces on one straight line that meets ``level`` at 10 + part / 256 frames."""
    sign = 1 if is_up else -1
    line = [level + sign * (RISE * (i - 10) - part) for i in range(20)]
    return [max(0, f) for f in line]


@RATES
def test_initial_contact_on_a_straight_rise_is_exact(period_us, timed):
    for part in range(256):
        forces = [0] * 10 + ramp(1000, part, is_up=True) + [6000] * 20
        ((kind, us, _, on),) = timed(ContactDetector(period_us, BODY_WEIGHT), forces, levels=True)
        assert kind == IC
        assert us == pytest.approx((20 + (part + on - 1000) / RISE) * period_us, abs=1)


@RATES
def test_toe_off_on_a_straight_fall_is_exact(period_us, timed):
    for part in range(256):
        forces = [0] * 20 + [6000] * 40 + ramp(600, part, is_up=False) + [0] * 20
        (_, (kind, us, _, off)) = timed(
            ContactDetector(period_us, BODY_WEIGHT), forces, levels=True
        )
        assert (kind, off) == (TO, 600)
        assert us == pytest.approx((70 + part / RISE) * period_us, abs=1)


def test_a_jump_between_two_frames_is_placed_within_half_a_frame_of_them(timed):
    for period_us in (SLOW, 20_000, FAST):
        ((_, us, _),) = timed(ContactDetector(period_us, BODY_WEIGHT), [0] * 21 + [6000] * 30)
        assert 19.5 * period_us <= us <= 21 * period_us


@RATES
def test_on_any_slope_the_error_is_a_256th_of_a_frame_and_a_count(period_us, timed):
    for slope in (60, 137, 333):  # counts per frame; the line is straight over three frames
        start = 20.37
        forces = [max(0, round((i - start) * slope)) for i in range(60)]
        ((_, us, _, on),) = timed(ContactDetector(period_us, BODY_WEIGHT), forces, levels=True)
        expected = (start + on / slope) * period_us
        assert us == pytest.approx(expected, abs=period_us / 256 + period_us / slope + 1)


@RATES
def test_an_event_is_confirmed_at_most_n_on_and_one_frames_after_its_crossing(
    period_us, timed, parts_of
):
    walk = list(parts_of("gait.py").walk(period_us, 200, 11, 9000))
    detector = ContactDetector(period_us)
    events = timed(detector, [f for f, _, _ in walk])
    assert len(events) >= 396
    for _, us, frame in events[2:]:  # from the first stance on the envelope is there
        assert 0 <= frame * period_us - us <= (n_on(period_us) + 1) * period_us


@pytest.mark.parametrize("period_us", [SLOW, 20_000, FAST])
def test_contacts_of_running_are_confirmed_without_delay(period_us, timed):
    n = round(200_000 / period_us)
    forces = ([0] * 3 * n + [14_000] * n) * 20 + [0] * 3 * n
    events = timed(ContactDetector(period_us), forces)
    assert [kind for kind, _, _ in events] == [IC, TO] * 20
    for _, us, frame in events[2:]:
        assert frame * period_us - us <= (n_on(period_us) + 1) * period_us


@RATES
def test_times_do_not_depend_on_where_the_ticks_wrap(period_us, timed, parts_of):
    forces = [f for f, _, _ in parts_of("gait.py").walk(period_us, 4, 3, 9000)]
    expected = timed(ContactDetector(period_us), forces, ticks=1_000_000)
    assert len(expected) >= 7
    first = expected[0][1] - 1_000_000
    for start in range(WRAP - first - 2 * period_us, WRAP - first + 2 * period_us, 997):
        moved = timed(ContactDetector(period_us), forces, ticks=start, wraps=3)
        shift = 3 * WRAP + start - 1_000_000
        assert moved == [(kind, us + shift, frame) for kind, us, frame in expected]


@RATES
def test_a_crossing_before_the_wrap_and_its_frame_behind_it_belong_to_the_wrap_before(
    period_us, timed
):
    forces = [0] * 10 + ramp(1000, 128, is_up=True) + [6000] * 9
    ((_, crossing, _),) = timed(ContactDetector(period_us, BODY_WEIGHT), forces)
    for before in (1, period_us // 4, 0):
        start = WRAP - crossing - before
        ((_, us, _),) = timed(ContactDetector(period_us, BODY_WEIGHT), forces, ticks=start)
        assert us == WRAP - before


@pytest.mark.parametrize("ticks", [0, 1, 3000])
def test_a_crossing_before_the_clock_began_is_at_its_beginning(ticks, timed):
    events = timed(ContactDetector(FAST, 0, 1), [0, 6000, 6000, 6000], ticks=ticks)
    assert [(kind, us) for kind, us, _ in events] == [(IC, max(0, ticks - FAST // 2))]


def test_a_missed_frame_stretches_the_line_between_its_neighbours():
    detector = ContactDetector(SLOW, BODY_WEIGHT)
    ticks = 0
    for _ in range(10):
        ticks += SLOW
        detector.step(0, 0, 0, ticks, 0)
    before = ticks
    ticks += 2 * SLOW  # one frame never came
    assert detector.step(2000, 0, 0, ticks, 0) >> IC & 1
    assert detector.ticks_of[IC] == before + SLOW


def test_over_a_hole_of_many_seconds_no_crossing_is_placed_further_back_than_one():
    detector = ContactDetector(SLOW, BODY_WEIGHT)
    for i in range(10):
        detector.step(0, 0, 0, i * SLOW, 0)
    assert detector.state == SWING
    assert detector.step(6000, 0, 0, 60_000_000, 0) >> IC & 1
    assert 59_000_000 <= detector.ticks_of[IC] <= 60_000_000


@pytest.mark.parametrize(
    ("later", "earlier", "diff"),
    [(5, 3, 2), (3, 5, WRAP - 2), (0, TICKS_MASK, 1), (TICKS_MASK, 0, TICKS_MASK), (7, 7, 0)],
)
def test_ticks_are_added_and_subtracted_modulo_2_to_the_30(later, earlier, diff):
    assert tk.diff(later, earlier) == diff
    assert tk.add(earlier, diff) == later


def test_elapsed_time_beyond_a_wrap_is_not_taken_for_a_short_one():
    assert tk.elapsed(100, 4, 90, 4) == 10
    assert tk.elapsed(100, 5, TICKS_MASK, 4) == 101
    assert tk.elapsed(100, 5, 90, 4) == TICKS_MASK
    assert tk.elapsed(100, 6, 200, 4) == TICKS_MASK
