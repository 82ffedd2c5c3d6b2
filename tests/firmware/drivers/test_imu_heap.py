"""The IMU drivers allocate nothing per read, in a board's interpreter."""

import pytest

pytestmark = [pytest.mark.mpy, pytest.mark.mpy32]


@pytest.mark.parametrize("chip", ["lsm6dsox", "lsm6ds3trc", "bmi270"])
def test_a_read_allocates_nothing(run_board, script, chip):
    n, locked, period_us = run_board(script("imu_read.py"), heap="64k", args=[chip]).split()
    assert locked == "True"
    assert int(n) == 4 * 420
    assert abs(int(period_us) - 10_000) <= 1
