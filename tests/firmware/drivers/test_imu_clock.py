"""The line through samples over time of reading, by itself."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solefoot.drivers.imu import SampleClock

SEEDS = range(6)


class Checked(int):
    """A whole number that stays small in every step of arithmetic."""

    def _new(self, value):
        assert -(1 << 30) <= value < 1 << 30
        return Checked(value)


def _guarded(name):
    plain = getattr(int, name)

    def method(self, other=None):
        return self._new(plain(self) if other is None else plain(self, int(other)))

    return method


for _name in ("add", "sub", "mul", "floordiv", "lshift", "rshift"):
    setattr(Checked, f"__{_name}__", _guarded(f"__{_name}__"))
    if _name in ("add", "sub", "mul"):
        setattr(Checked, f"__r{_name}__", _guarded(f"__r{_name}__"))
Checked.__neg__ = _guarded("__neg__")


def follow(rate_hz, rate_error, seed, marks_s, *, every_ms=(10.0, 40.0), late_us=0.0):
    """Return the relative errors of the period at ``marks_s``, and the worst age in periods.

    The reading may come ``late_us`` (mean) after the time that it is told.
    """
    rng = random.Random(seed)
    clock = SampleClock(rate_hz)
    true_us = 1e6 / rate_hz / (1 + rate_error)
    first_us = rng.uniform(0, true_us)
    t_us = told_us = n = 0
    errors, worst = [], 0.0
    for mark_s in marks_s:
        while t_us < mark_s * 1e6:
            t_us += 1000 * rng.uniform(*every_ms)
            seen_us = t_us + (rng.expovariate(1 / late_us) if late_us else 0.0)
            new = max(0, int((seen_us - first_us) // true_us) - n)
            clock.step(new, int(t_us) - told_us)
            n, told_us = n + new, int(t_us)
            if t_us > 10e6:
                age_us = t_us - first_us - n * true_us
                worst = max(worst, abs(clock.age_us16 / 16 - age_us) / true_us)
        errors.append(abs(clock.period / 4096 / true_us - 1))
    return errors, worst


@pytest.mark.parametrize("rate_error", [-0.05, 0.0, 0.0123, 0.05])
@pytest.mark.parametrize("rate_hz", [100, 104, 200, 208])
def test_the_period_is_right_within_5e_4_after_10_s_and_5e_5_after_60_s(rate_hz, rate_error):
    for seed in SEEDS:
        (after_10_s, after_60_s), _ = follow(rate_hz, rate_error, seed, (10, 60))
        assert after_10_s < 5e-4
        assert after_60_s < 5e-5


@pytest.mark.parametrize("rate_error", [-0.05, 0.05])
@pytest.mark.parametrize("rate_hz", [25, 26])
def test_at_low_rates_it_takes_longer(rate_hz, rate_error):
    for seed in SEEDS:
        (after_10_s, after_60_s), _ = follow(rate_hz, rate_error, seed, (10, 60))
        assert after_10_s < 2e-3
        assert after_60_s < 1e-4


def test_a_reading_that_comes_late_by_chance_does_not_mislead():
    for seed in SEEDS:
        (after_60_s,), worst = follow(104, 0.03, seed, (60,), every_ms=(33.3, 33.4), late_us=300.0)
        assert after_60_s < 5e-5
        assert worst < 0.25


@given(st.lists(st.tuples(st.integers(0, 512), st.integers(0, 5_000_000)), max_size=60))
def test_no_number_leaves_31_bits_and_the_period_stays_credible(steps):
    for rate_hz in (25, 104, 208):
        clock = SampleClock(rate_hz)
        clock.period = Checked(clock.period)
        clock.age_us16 = Checked(clock.age_us16)
        for n_new, elapsed_us in steps:
            n_new = min(n_new, elapsed_us * rate_hz // 800_000 + 2)  # as many as a chip makes
            clock.step(Checked(n_new), Checked(elapsed_us))
            clock.period, clock.age_us16 = Checked(clock.period), Checked(clock.age_us16)
            nominal = 4096e6 / rate_hz
            assert 0.87 * nominal <= clock.period <= 1.13 * nominal


def test_a_pause_keeps_the_period_and_forgets_the_age():
    clock = SampleClock(100)
    for _ in range(2000):
        clock.step(2, 20_200)
    period = clock.period
    assert period / 4096 == pytest.approx(10_100, rel=1e-5)
    clock.step(0, 3_000_000)
    assert clock.period == period
    assert clock.age_us16 == period >> 9
    for _ in range(500):
        clock.step(2, 20_200)
    assert clock.period / 4096 == pytest.approx(10_100, rel=1e-4)


def test_samples_lost_at_once_are_no_other_rate():
    clock = SampleClock(104)
    for _ in range(1000):
        clock.step(4, 38_462)
    before = clock.period
    clock.step(4, 38_462 + 200_000)
    assert clock.period == before
