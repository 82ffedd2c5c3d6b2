from __future__ import annotations

import numpy as np
import pytest

from solekit_hil.walker.imu_errors import ImuErrors


def still(n=20_000):
    imu = np.zeros((n, 6), np.float32)
    imu[:, 2] = 9.80665
    return imu


def test_a_chip_without_errors_says_what_it_feels():
    imu = still(10)
    assert np.array_equal(ImuErrors().felt(imu, np.random.default_rng(1)), imu)
    t_s = np.arange(5) / 100
    assert np.array_equal(ImuErrors().true_s(t_s), t_s)


def test_bias_scale_and_noise_are_what_they_are_set_to():
    chip = ImuErrors(bias=(0.1, 0, 0, 0, 0, 0.02), scale=(1, 1, 1.01, 1, 1, 1), noise_m_s2=0.05)
    said = chip.felt(still(), np.random.default_rng(1))
    mean = said.mean(axis=0)
    np.testing.assert_allclose(mean, [0.1, 0, 9.80665 * 1.01, 0, 0, 0.02], atol=2e-3)
    np.testing.assert_allclose(said[:, :3].std(axis=0), 0.05, rtol=0.05)
    assert said[:, 3:].std() < 0.01


def test_what_is_beyond_the_range_is_cut():
    imu = np.full((3, 6), 1000.0, np.float32)
    said = ImuErrors().felt(imu, np.random.default_rng(1))
    np.testing.assert_allclose(said[:, :3], 16 * 9.80665, rtol=1e-6)
    np.testing.assert_allclose(said[:, 3:], np.deg2rad(2000), rtol=1e-6)
    assert np.array_equal(-said, ImuErrors().felt(-imu, np.random.default_rng(1)))


def test_a_fast_clock_takes_its_samples_sooner():
    assert ImuErrors(rate_error=0.02).true_s(np.array([102.0]))[0] == pytest.approx(100.0)


def test_chips_differ_and_stay_within_their_data_sheet():
    chips = [ImuErrors.drawn(np.random.default_rng(seed)) for seed in range(50)]
    assert len({chip.rate_error for chip in chips}) == 50
    assert max(abs(chip.rate_error) for chip in chips) <= 0.02
    assert max(abs(value) for chip in chips for value in chip.bias) <= 0.2
    assert max(abs(value - 1) for chip in chips for value in chip.scale) < 0.0101
    assert chips[3] == ImuErrors.drawn(np.random.default_rng(3))
