"""Reading an IMU allocates nothing, in the interpreter of a board."""

import pytest

N_READS = 2 * 200


@pytest.mark.mpy
@pytest.mark.mpy32
@pytest.mark.parametrize("n_words", [3, 6])
@pytest.mark.parametrize("bus", ["i2c", "spi"])
@pytest.mark.parametrize("chip", ["lsm6dsox", "lsm6ds3trc", "bmi270"])
def test_a_reading_allocates_nothing(run_board, script, chip, bus, n_words):
    out = run_board(script("imu_alloc.py"), heap="64k", args=[chip, bus, n_words])
    used, locked, n, same, period_us = out.split()
    assert (used, locked, same) == ("0", "True", "True")
    assert int(n) == 4 * N_READS
    assert abs(int(period_us) - (10_000 if chip == "bmi270" else 9_615)) <= 1
