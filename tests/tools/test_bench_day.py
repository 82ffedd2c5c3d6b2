"""The bench of a day alone, on part of one."""

import pytest

from tools.bench import day


def test_no_minute_of_a_foot_that_was_alone_is_lost_and_its_times_hold():
    (row,) = day.measure(0.25, rate_hz=10, log="64k")
    assert row["frames_kept"] < 2000  # there is room for neither all frames nor all strides
    assert row["strides_kept"] < 600
    assert row["minutes"] == pytest.approx(15, abs=1)
    assert row["minutes_missing"] == 0
    assert row["frames_summed_up"] == pytest.approx(600 * row["minutes"], abs=row["minutes"])
    assert row["largest_clock_error_ms"] <= row["stated_ms"]
    assert 0.9 < row["stride_s"] < 1.3
