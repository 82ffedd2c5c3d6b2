"""At a low frame rate one frame brings more IMU samples than fit one message."""

from __future__ import annotations

import numpy as np
import pytest

ACCEL = [f"accel_{axis}_m_s2" for axis in "xyz"]
MPY = pytest.param("mpy", marks=pytest.mark.mpy32)


@pytest.mark.parametrize("scheme", ["sim", MPY])
@pytest.mark.parametrize("query", ["rate_hz=1", "rate_hz=5", "rate_hz=5&log=0"])
def test_every_imu_sample_of_a_slow_grid_comes_in_its_place(record, scheme, query):
    uri = f"{scheme}:walk?side=left&seed=4"
    slow, usual = (
        record(f"{uri}&{of}", 12.0).recording.feet["left"] for of in (query, "rate_hz=30")
    )
    for loss in slow.loss.values():
        assert loss.holds
        assert loss.missing == 0
    t_s = slow.imu["t_s"].to_numpy()
    assert t_s.size > 120 * 10
    # 120 Hz without a step, across messages and frames.
    assert np.diff(t_s) == pytest.approx(1 / 120, abs=2e-5)
    # The same walk at another frame rate felt the same; it moves by several m/s2 in that time.
    there = (t_s > usual.imu["t_s"].min()) & (t_s < usual.imu["t_s"].max())
    for name in ACCEL:
        other = np.interp(t_s, usual.imu["t_s"], usual.imu[name])
        assert np.median(abs(slow.imu[name] - other)[there]) < 0.2
        assert np.corrcoef(slow.imu[name][there], other[there])[0, 1] > 0.95
