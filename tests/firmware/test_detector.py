"""The contact detector: thresholds, envelope, standing, refractory time, regions of the sole."""

import pytest

from solecore.gait.contacts import IDLE, STANCE, SWING, ContactDetector
from solecore.wire.messages import FOREFOOT_ON, HEEL_OFF, HEEL_ON, IC, TO

RATES = pytest.mark.parametrize("period_us", [71_429, 33_333, 20_000, 10_000])
FAST = pytest.mark.parametrize("period_us", [33_333, 20_000, 10_000])
WEIGHTS = pytest.mark.parametrize("body_weight", [0, 6000])


def hold(force: int, seconds: float, period_us: int) -> list[tuple[int, int, int]]:
    return [(force, force // 3, force // 3)] * round(seconds * 1e6 / period_us)


def contact(peak: int, seconds: float, period_us: int) -> list[tuple[int, int, int]]:
    """Return a trapezoid that rises and falls within a tenth of its time."""
    n = round(seconds * 1e6 / period_us)
    rise = [min(1.0, 10 * (i + 0.5) / n, 10 * (n - i - 0.5) / n) for i in range(n)]
    return [(int(peak * x), int(peak * x) // 3, int(peak * x) // 3) for x in rise]


def steps(n: int, period_us: int, *, peak=6000, stance_s=0.65, swing_s=0.4, rest=0):
    return (hold(rest, swing_s, period_us) + contact(peak, stance_s, period_us)) * n + hold(
        rest, 0.4, period_us
    )


@pytest.fixture
def events_of(parts_of):
    """Return ``events(detector, frames)``: kinds and seconds since the first frame."""
    run = parts_of("gait.py").run

    def events(detector, frames):
        out = []

        def emit(kind, wraps, ticks, force, frame):
            out.append((kind, ((wraps << 30) + ticks) / 1e6 - 1))

        run(detector, frames, emit, ticks=1_000_000)
        return out

    return events


@pytest.fixture
def contacts_of(events_of):
    """Return ``contacts(detector, frames)``: the times of IC and TO alone."""

    def contacts(detector, frames):
        return [(kind, round(t, 2)) for kind, t in events_of(detector, frames) if kind in (IC, TO)]

    return contacts


def feed(detector, frames):
    for i, (force, heel, fore) in enumerate(frames):
        detector.step(force, heel, fore, (i + 1) * detector.period_us, 0)


@RATES
@WEIGHTS
def test_the_thresholds_are_8_and_5_percent_of_the_envelope(period_us, body_weight):
    detector = ContactDetector(period_us, body_weight)
    feed(detector, steps(10, period_us))
    assert detector.on == pytest.approx(0.078 * 6000, rel=0.05)
    assert detector.off == pytest.approx(0.047 * 6000, rel=0.05)


def test_with_a_body_weight_the_thresholds_do_not_hang_on_the_person_walking():
    detector = ContactDetector(10_000, 6000)
    feed(detector, steps(5, 10_000, peak=9000))
    assert (detector.on, detector.off) == (6000 * 10 >> 7, 6000 * 6 >> 7)


@RATES
@WEIGHTS
def test_every_step_is_found_and_nothing_else(period_us, body_weight, contacts_of):
    found = contacts_of(ContactDetector(period_us, body_weight), steps(20, period_us))
    assert [kind for kind, _ in found] == [IC, TO] * 20


@FAST
@pytest.mark.parametrize("stance_s", [0.2, 0.22, 0.26])
def test_running_contacts_of_200_ms_are_not_lost(period_us, stance_s, contacts_of):
    frames = steps(30, period_us, peak=14000, stance_s=stance_s, swing_s=0.5)
    found = contacts_of(ContactDetector(period_us, 6000), frames)
    assert [kind for kind, _ in found] == [IC, TO] * 30


@FAST
def test_a_gap_within_150_ms_of_initial_contact_is_no_toe_off(period_us, contacts_of):
    bouncing = (
        hold(6000, 0.05, period_us) + hold(0, 0.05, period_us) + contact(6000, 0.6, period_us)
    )
    frames = steps(3, period_us) + bouncing + hold(0, 0.5, period_us)
    found = contacts_of(ContactDetector(period_us), frames)
    assert [kind for kind, _ in found] == [IC, TO] * 4


@FAST
def test_a_touch_within_150_ms_of_toe_off_is_no_initial_contact(period_us, contacts_of):
    scuff = hold(0, 0.05, period_us) + hold(3000, 0.06, period_us) + hold(0, 0.3, period_us)
    frames = steps(3, period_us)[: -len(hold(0, 0.4, period_us))] + scuff + steps(1, period_us)
    found = contacts_of(ContactDetector(period_us), frames)
    assert [kind for kind, _ in found] == [IC, TO] * 4


def test_the_minimum_leaks_in_swing_and_not_in_stance():
    detector = ContactDetector(10_000)
    feed(detector, steps(5, 10_000))
    assert detector.state == SWING
    floor = detector._min
    feed(detector, hold(40, 2.0, 10_000))  # a shoe that presses a little
    risen = detector._min
    assert floor < risen <= 40 << 8
    frames = contact(6000, 2.9, 10_000)[:-30]
    feed(detector, frames[:10])
    assert detector.state == STANCE
    assert (in_stance := detector._min) <= 40 << 8
    feed(detector, frames[10:])
    assert detector._min == in_stance >= risen


def test_the_maximum_leaks_in_stance_and_not_in_swing():
    detector = ContactDetector(10_000)
    feed(detector, steps(5, 10_000))
    top = detector._max
    feed(detector, hold(0, 5.0, 10_000))
    assert detector._max == top
    feed(detector, hold(3000, 1.0, 10_000))
    assert detector._max < top


def test_a_new_extreme_is_taken_at_once_in_every_state():
    detector = ContactDetector(33_333)
    feed(detector, steps(3, 33_333))
    feed(detector, hold(20_000, 0.1, 33_333))
    assert detector._max == 20_000 << 8
    feed(detector, hold(0, 1.0, 33_333))
    assert detector._min == 0


@RATES
@WEIGHTS
def test_a_minute_of_standing_moves_no_threshold_and_loses_no_step(
    period_us, body_weight, contacts_of
):
    detector = ContactDetector(period_us, body_weight)
    standing = hold(2900, 0.1, period_us) + hold(3000, 3.5, period_us)
    frames = steps(5, period_us) + standing
    assert [kind for kind, _ in contacts_of(detector, frames)] == [IC, TO] * 5 + [IC]
    before = (detector._min, detector._max, detector.on, detector.off)
    sway = [2800, 3000, 3200, 3000]
    assert (
        contacts_of(
            detector,
            [hold(sway[i % 4], 0.25, period_us)[0] for i in range(60_000_000 // period_us)],
        )
        == []
    )
    assert (detector._min, detector._max, detector.on, detector.off) == before
    walking = contacts_of(detector, steps(3, period_us))
    assert [kind for kind, _ in walking] == [TO] + [IC, TO] * 3
    assert walking[1][1] == pytest.approx(0.4, abs=max(0.04, period_us / 1e6))  # the first step


@RATES
@WEIGHTS
def test_data_that_begins_in_standing_has_no_contacts_until_the_first_step(
    period_us, body_weight, contacts_of
):
    detector = ContactDetector(period_us, body_weight)
    sway = [3000, 3150, 3000, 2850]
    n = round(15e6 / period_us)
    frames = [(sway[i * 8 // n % 4] + i % 40, 1000, 1000) for i in range(n)]
    found = contacts_of(detector, frames + steps(3, period_us))
    assert [kind for kind, _ in found] == [TO] + [IC, TO] * 3
    assert found[0][1] == pytest.approx(15, abs=0.1)


@RATES
@WEIGHTS
def test_data_that_begins_in_mid_stance_has_its_toe_off_and_no_initial_contact(
    period_us, body_weight, contacts_of
):
    frames = hold(6000, 0.3, period_us) + steps(5, period_us)
    found = contacts_of(ContactDetector(period_us, body_weight), frames)
    assert [kind for kind, _ in found] == [TO] + [IC, TO] * 5
    assert found[0][1] == pytest.approx(0.3, abs=0.05)


@RATES
def test_a_sole_that_is_never_without_load_is_understood_after_some_steps(period_us, contacts_of):
    found = contacts_of(ContactDetector(period_us), steps(20, period_us, rest=700)[5:])
    assert [kind for kind, _ in found][-30:] == [IC, TO] * 15


@RATES
def test_below_the_range_of_noise_the_foot_is_idle(period_us, contacts_of):
    detector = ContactDetector(period_us, 0, noise=4)
    assert contacts_of(detector, [(i * 7 % 79, 0, 0) for i in range(600)]) == []
    assert detector.state == IDLE
    assert [kind for kind, _ in contacts_of(detector, steps(2, period_us))] == [IC, TO] * 2


def test_below_a_fifth_of_body_weight_the_foot_is_idle(contacts_of):
    # The top of the envelope is the body weight, so only a floor close to it leaves no range.
    detector = ContactDetector(33_333, 6000)
    feed(detector, steps(2, 33_333))
    detector.set_body_weight(0)
    detector._max = detector._min + (70 << 8)
    feed(detector, hold(0, 0.2, 33_333))
    assert detector.state == IDLE


@RATES
def test_walking_standing_and_walking_again_is_all_there(period_us, contacts_of):
    frames = steps(6, period_us) + hold(3000, 10, period_us) + steps(6, period_us)
    found = contacts_of(ContactDetector(period_us), frames)
    assert [kind for kind, _ in found] == [IC, TO] * 13


def test_a_body_weight_set_in_the_fall_of_a_stance_does_not_swallow_its_toe_off(contacts_of):
    detector = ContactDetector(33_333)
    feed(detector, steps(2, 33_333)[:-12] + hold(6000, 0.5, 33_333) + hold(300, 0.1, 33_333))
    assert detector.state == STANCE
    detector.set_body_weight(10_000)  # off is now above what was just measured
    assert [kind for kind, _ in contacts_of(detector, hold(250, 0.1, 33_333))] == [TO]


def test_a_body_weight_may_be_forgotten_again():
    detector = ContactDetector(10_000, 30_000)
    detector.set_body_weight(0)
    feed(detector, steps(20, 10_000))
    assert detector.on < 1500


STRIKES = {
    # Seconds of heel on, forefoot on, heel off; the whole stance lasts 0.7 s.
    "heel": (0.0, 0.2, 0.45),
    "forefoot": (0.2, 0.0, 0.4),
    "flat": (0.0, 0.0, 0.45),
}


@pytest.mark.parametrize("strike", STRIKES)
@FAST
def test_heel_and_forefoot_report_in_their_order(strike, period_us, events_of):
    heel_on, fore_on, heel_off = STRIKES[strike]
    frames = []
    for _ in range(4):
        frames += hold(0, 0.4, period_us)
        for i in range(round(0.7e6 / period_us)):
            t = i * period_us / 1e6
            heel = 3000 if heel_on <= t < heel_off else 0
            fore = 3000 if fore_on <= t < 0.69 else 0
            frames.append((heel + fore or 500, heel, fore))
    found = events_of(ContactDetector(period_us), frames + hold(0, 0.4, period_us))
    # Of one stance, the last: each kind once, in the order of its own times.
    last = {kind: t - 4 * 0.4 - 3 * 0.7 for kind, t in found[-5:]}
    assert set(last) == {IC, TO, HEEL_ON, FOREFOOT_ON, HEEL_OFF}
    slack = 4 * period_us / 1e6  # the frames of 0.4 and 0.7 s do not come out even
    assert last[HEEL_ON] == pytest.approx(heel_on, abs=slack)
    assert last[FOREFOOT_ON] == pytest.approx(fore_on, abs=slack)
    assert last[HEEL_OFF] == pytest.approx(heel_off, abs=slack)
    assert (last[HEEL_ON] < last[FOREFOOT_ON]) == (strike == "heel")


def test_a_region_whose_level_moves_past_it_still_goes_off(events_of):
    # The force rises to a new maximum while the heel unloads: its level jumps over it.
    force = [0, 0, 267, 704, 868, 1150, 1409, 1720, 2006, 2967, 0, 0, 0, 0, 0, 0, 0, 0]
    heel = [0, 0, 2, 1, 32, 49, 38, 25, 24, 13, 0, 0, 0, 0, 0, 0, 0, 0]
    frames = [(f, h, 0) for f, h in zip(force, heel, strict=True)] * 2
    kinds = [kind for kind, _ in events_of(ContactDetector(33_333, 0, 1), frames)]
    assert kinds == [
        IC,
        HEEL_ON,
        HEEL_OFF,
        TO,
        IC,
        TO,
    ]  # the second heel stays below the new level
