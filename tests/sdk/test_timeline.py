"""The clock of an insole against simulated links whose truth is known (algorithms.md 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from solekit.errors import DataError
from solekit.live_timeline import SPAN_S, LiveTimeline
from solekit.timeline import Bounds, PolygonTimeline, between_s

COVERED = 0.95


@dataclass(frozen=True)
class Link:
    """How long a message takes: any time in between, or until the next connection event."""

    low_s: float = 0.002
    high_s: float = 0.010
    interval_s: float = 0.0
    repeated: float = 0.05  # share of connection events that fail

    def arrival(self, sent_s: np.ndarray, phase_s: float, rng: np.random.Generator) -> np.ndarray:
        if not self.interval_s:
            return sent_s + rng.uniform(self.low_s, self.high_s, sent_s.size)
        event = np.ceil((sent_s - phase_s) / self.interval_s)
        event += rng.geometric(1 - self.repeated, sent_s.size) - 1
        return np.maximum.accumulate(event * self.interval_s + phase_s)


UNIFORM = Link()
LINKS = {
    "2-10 ms": UNIFORM,
    "7.5 ms": Link(interval_s=0.0075),
    "15 ms": Link(interval_s=0.015),
    "30 ms": Link(interval_s=0.030),
}


@dataclass(frozen=True)
class Truth:
    """The insole's clock as it is."""

    bounds: Bounds
    offset_s: float
    rate: float

    def host_s(self, foot_s: np.ndarray) -> np.ndarray:
        return (foot_s - self.offset_s) / self.rate


def simulate(
    seed: int,
    link: Link = UNIFORM,
    *,
    span_s: float = 60.0,
    rate_hz: float = 30.0,
    loss: float = 0.05,
    ping_s: float = 0.5,
    ppm: float | None = None,
) -> Truth:
    """Return what a host sees of an insole that dithers its messages by 0 to 10 ms."""
    rng = np.random.default_rng(seed)
    offset_s = rng.uniform(-1000, 1000)
    rate = 1 + 1e-6 * (rng.uniform(-40, 40) if ppm is None else ppm)
    phase_s = rng.uniform(0, link.interval_s)

    def foot(t_s: np.ndarray) -> np.ndarray:
        return offset_s + t_s * rate

    def survivors(t_s: np.ndarray) -> np.ndarray:
        return t_s[rng.random(t_s.size) >= loss]

    sampled = survivors(np.arange(0, span_s, 1 / rate_hz))
    up = link.arrival(sampled + rng.uniform(0, 0.010, sampled.size), phase_s, rng)
    if ping_s:
        sent = np.cumsum(ping_s * (0.5 + rng.random(int(2 * span_s / ping_s))))
        sent = survivors(sent[sent < span_s])
        received = link.arrival(sent, phase_s, rng)
        answered = link.arrival(received + 1e-4, phase_s, rng)
    else:
        sent = received = answered = np.zeros(0)
    bounds = Bounds(
        up_foot_s=np.concatenate((foot(sampled), foot(received + 1e-4))),
        up_host_s=np.concatenate((up, answered)),
        down_foot_s=foot(received),
        down_host_s=sent,
    )
    return Truth(bounds, offset_s, rate)


def errors_of(line: PolygonTimeline, truth: Truth) -> np.ndarray:
    """Return the errors at the middle and at the ends of every window."""
    return line.knot_foot_s_ + line.knot_offset_s_ - truth.host_s(line.knot_foot_s_)


@pytest.mark.parametrize(("span_s", "n_seeds"), [(60.0, 12), (180.0, 5), (600.0, 2)])
@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
def test_the_interval_covers_the_true_offset(link, span_s, n_seeds):
    covered = []
    worst_s = 0.0
    for seed in range(n_seeds):
        truth = simulate(1000 + seed, link, span_s=span_s)
        line = PolygonTimeline().fit(truth.bounds)
        errors = errors_of(line, truth)
        covered += (np.abs(errors) <= line.knot_interval_s_).tolist()
        everywhere = np.linspace(*truth.bounds.up_foot_s[[0, -1]], 100)
        error_s = np.abs(line.to_host_s(everywhere) - truth.host_s(everywhere)).max()
        worst_s = max(worst_s, error_s)
        assert line.interval_s < 0.010  # what compares two feet is not refused
    assert np.mean(covered) >= COVERED
    # The middle of the interval is much better than its half-width.
    assert worst_s < 0.003


def test_the_skew_is_found_over_minutes():
    truth = simulate(1, span_s=300.0, ppm=31.0)
    line = PolygonTimeline().fit(truth.bounds)
    assert line.skew_ppm_ == pytest.approx(31.0, abs=3.0)


def test_few_pings_are_enough_and_all_directions_lossy():
    truth = simulate(2, LINKS["15 ms"], loss=0.5, ping_s=3.0)
    line = PolygonTimeline().fit(truth.bounds)
    assert np.all(np.abs(errors_of(line, truth)) <= line.knot_interval_s_)
    assert line.interval_s < 0.015


def test_without_pings_the_interval_is_infinite_and_the_time_an_upper_bound():
    truth = simulate(3, ping_s=0.0)
    line = PolygonTimeline().fit(truth.bounds)
    assert np.isinf(line.knot_interval_s_).all()
    assert line.interval_s == np.inf
    late = errors_of(line, truth)
    assert np.all((late >= 0) & (late < 0.02))
    assert np.isfinite(line.to_host_s(truth.bounds.up_foot_s)).all()


def test_without_a_message_the_clock_cannot_be_placed():
    nothing = np.zeros(0)
    with pytest.raises(DataError, match="cannot be placed"):
        PolygonTimeline().fit(Bounds(nothing, nothing, nothing, nothing))


def test_one_message_and_one_ping_give_a_time_and_an_interval():
    one = Bounds(*(np.array([x]) for x in (10.0, 3.010, 10.0, 3.0)))
    line = PolygonTimeline().fit(one)
    assert line.to_host_s(np.array([10.0]))[0] == pytest.approx(3.005, abs=1e-4)
    assert line.interval_s == pytest.approx(0.005, abs=1e-4)


def test_a_clock_that_jumps_widens_the_interval_and_does_not_crash():
    truth = simulate(4)
    b = truth.bounds
    jump_s = 0.5
    late = b.up_foot_s > np.median(b.up_foot_s)
    late_down = b.down_foot_s > np.median(b.up_foot_s)
    jumped = Bounds(
        b.up_foot_s,
        b.up_host_s - jump_s * late,
        b.down_foot_s,
        b.down_host_s - jump_s * late_down,
    )
    line = PolygonTimeline().fit(jumped)
    assert np.isfinite(line.knot_offset_s_).all()
    assert 0.1 < line.interval_s < 1.0
    # The interval says that both halves may be meant.
    before = truth.host_s(b.up_foot_s)
    error_s = line.to_host_s(b.up_foot_s) - (before - jump_s * late)
    assert np.abs(error_s).max() <= line.interval_s + 0.02


@pytest.mark.parametrize("jump_s", [-1e6, -10.0, -1e-3, 1e-3, 10.0, 1e6])
def test_jumps_of_any_size_are_survived(jump_s):
    b = simulate(5).bounds
    late = b.up_foot_s > np.median(b.up_foot_s)
    line = PolygonTimeline().fit(
        Bounds(b.up_foot_s, b.up_host_s + jump_s * late, b.down_foot_s, b.down_host_s)
    )
    assert np.isfinite(line.to_host_s(b.up_foot_s)).all()


def test_a_long_silence_in_the_middle_is_bridged():
    truth = simulate(6, span_s=600.0)
    b = truth.bounds
    begin = b.up_foot_s[0]

    def kept(foot_s: np.ndarray) -> np.ndarray:
        return (foot_s - begin < 100) | (foot_s - begin > 450)

    up, down = kept(b.up_foot_s), kept(b.down_foot_s)
    bounds = Bounds(b.up_foot_s[up], b.up_host_s[up], b.down_foot_s[down], b.down_host_s[down])
    line = PolygonTimeline().fit(bounds)
    assert np.all(np.abs(errors_of(line, truth)) <= line.knot_interval_s_)


def test_order_does_not_matter():
    b = simulate(7).bounds
    order = np.random.default_rng(0).permutation(b.up_foot_s.size)
    one = PolygonTimeline().fit(b)
    two = PolygonTimeline().fit(
        Bounds(b.up_foot_s[order], b.up_host_s[order], b.down_foot_s[::-1], b.down_host_s[::-1])
    )
    assert np.allclose(one.knot_offset_s_, two.knot_offset_s_, atol=1e-9)


def test_beyond_its_ends_the_line_goes_on_with_the_skew():
    truth = simulate(8, span_s=240.0, ppm=40.0, ping_s=0.25)
    line = PolygonTimeline().fit(truth.bounds)
    beyond = truth.bounds.up_foot_s[:1] + np.array([-60.0, 300.0])
    assert np.abs(line.to_host_s(beyond) - truth.host_s(beyond)).max() < 0.003


def test_one_way_delays_that_differ_are_within_the_interval():
    # Over BLE the answer waits for the next connection event, the request for none: the rule of
    # the smallest round trip is wrong here by a quarter of the interval and more.
    truth = simulate(9, Link(interval_s=0.030, repeated=0.0))
    b = truth.bounds
    n = b.down_foot_s.size
    round_trip = b.up_host_s[-n:] - b.down_host_s
    best = np.argsort(round_trip)[: n // 4]
    naive = (b.down_host_s[best] + b.up_host_s[-n:][best]) / 2 - b.down_foot_s[best]
    at = b.down_foot_s[best]
    bias_s = abs(np.median(at + naive - truth.host_s(at)))
    line = PolygonTimeline().fit(b)
    assert np.abs(errors_of(line, truth)).max() < bias_s / 3


@pytest.mark.parametrize("span_s", [100.0, 250.0, 300.0, 333.3, 500.0])
def test_the_ends_of_the_data_are_always_fitted(span_s):
    # Where the last window ends is a sum of floating-point numbers and not always the end.
    for seed in range(8):
        b = simulate(seed, span_s=span_s, ping_s=2.0).bounds
        line = PolygonTimeline().fit(b)
        assert line.knot_foot_s_[0] == b.up_foot_s.min()
        assert line.knot_foot_s_[-1] == b.up_foot_s.max()


def test_a_clock_whose_rate_jumps_as_far_as_allowed_stays_within_the_interval():
    foot_s = np.linspace(0.0, 240.0, 2401)
    bent_s = 5.0 + 1e-6 * 2.0 * np.maximum(foot_s - 120.0, 0.0)  # host minus foot
    delay_s = 1e-6  # nearly none: nothing but the bend is left
    b = Bounds(foot_s, foot_s + bent_s + delay_s, foot_s, foot_s + bent_s - delay_s)
    line = PolygonTimeline(wander_ppm=2.0).fit(b)
    error_s = line.to_host_s(foot_s) - foot_s - bent_s
    assert 2e-5 < np.abs(error_s).max() <= line.interval_s + 2e-6


def test_clocks_of_two_feet_are_as_close_as_their_intervals_squared():
    assert between_s([0.003, 0.004]) == pytest.approx(0.005)
    assert between_s([0.003]) == pytest.approx(0.003)
    assert between_s([0.003, np.inf]) == np.inf


def test_a_live_line_forgets_what_is_older_than_it_uses():
    live = LiveTimeline()
    t_s = np.arange(0.0, 4 * SPAN_S, 0.5)
    for at_s in t_s.tolist():
        live.add_arrival(at_s - 7.0, at_s + 0.004)
        live.add_ping(at_s, at_s - 7.0 + 0.004, at_s - 7.0 + 0.005, at_s + 0.010)
    line = live.line(float(t_s[-1]))
    assert line.knot_foot_s_[0] >= t_s[-1] - 7.0 - SPAN_S - 1.0
    assert line.interval_s < 0.006
    assert line.to_host_s(t_s[-1:] - 7.0)[0] == pytest.approx(t_s[-1], abs=0.005)
