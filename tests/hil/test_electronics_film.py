"""The film: monotone, with a memory, different from cell to cell, the same for one seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit_hil.electronics.film import Film

EVEN = {"spread": 0.0, "noise": 0.0}


@given(st.lists(st.floats(0, 900), min_size=2, max_size=20))
def test_more_pressure_is_more_conductance(pressures):
    kpa = np.sort(pressures)
    g = Film(len(kpa), **EVEN).conductance_s(kpa, 0.0)
    assert (np.diff(g) >= 0).all()
    assert g[0] >= 2e-6


def test_the_power_law_is_the_one_that_was_asked_for():
    film = Film(3, **EVEN, hysteresis=0, creep=0, rest_s=1e-6, gain_s=3e-6, exponent=0.5)
    g = film.conductance_s(np.array([0.0, 100.0, 400.0]), 0.0)
    assert g == pytest.approx([1e-6, 31e-6, 61e-6])


def test_on_the_way_down_a_cell_still_feels_the_load():
    film = Film(1, **EVEN, creep=0, hysteresis=0.1, exponent=1.0, rest_s=0.0, gain_s=1e-6)
    way = [0, 100, 200, 190, 100, 0, 100]
    g = [film.conductance_s(np.array([float(p)]), t)[0] * 1e6 for t, p in enumerate(way)]
    assert g == pytest.approx([0, 100, 200, 200, 110, 0, 100])


def test_a_steady_load_creeps_and_an_unloaded_cell_comes_back_slowly():
    film = Film(1, **EVEN, hysteresis=0, creep=0.1, creep_tau_s=10, exponent=1, rest_s=0, gain_s=1)
    load = np.array([100.0])
    g = [film.conductance_s(load, t)[0] for t in (0.0, 10.0, 1000.0)]
    assert g == pytest.approx([100, 100 + 10 * (1 - np.exp(-1)), 110])
    after = [film.conductance_s(0 * load, t)[0] for t in (1000.0, 1010.0, 2000.0)]
    assert after == pytest.approx([10, 10 * np.exp(-1), 0])


def test_creep_does_not_depend_on_how_often_one_looks():
    often, seldom = Film(4, **EVEN), Film(4, **EVEN)
    kpa = np.array([10.0, 50.0, 100.0, 300.0])
    for t in np.linspace(0, 30, 301):
        last = often.conductance_s(kpa, t)
    seldom.conductance_s(kpa, 0.0)
    assert seldom.conductance_s(kpa, 30.0) == pytest.approx(last)


def test_cells_differ_and_noise_moves_as_much_as_it_should():
    film = Film(2000, seed=3, spread=0.2, noise=0.01, creep=0)
    kpa = np.full(2000, 200.0)
    frames = np.array([film.conductance_s(kpa, t) for t in range(50)])
    assert np.std(np.log(film.gain_s)) == pytest.approx(0.2, rel=0.1)
    shares = frames.std(axis=0, ddof=1) / frames.mean(axis=0)
    assert shares.mean() == pytest.approx(0.01, rel=0.05)


def test_a_seed_is_a_sheet():
    def sheet(seed):
        film = Film(30, seed=seed)
        return [film.conductance_s(np.full(30, 100.0), t).tolist() for t in (0.0, 1.0)]

    assert sheet(1) == sheet(1)
    assert sheet(1) != sheet(2)


def test_time_does_not_run_backwards():
    film = Film(1)
    film.conductance_s(np.zeros(1), 2.0)
    with pytest.raises(DataError, match=r"comes after 2\.0 s"):
        film.conductance_s(np.zeros(1), 1.0)


def test_log_creep_adds_the_same_in_every_decade_of_time():
    film = Film(1, **EVEN, hysteresis=0, creep=0, log_creep=0.05, exponent=1, rest_s=0, gain_s=1)
    load = np.array([100.0])
    film.conductance_s(load, 0.0)
    decades = [film.conductance_s(load, t)[0] for t in (3.0, 30.0, 300.0, 3000.0, 30000.0)]
    assert np.diff(decades) == pytest.approx([5.0] * 4, rel=0.12)


def test_warmth_raises_the_conductance_and_cells_may_differ_in_all_that_they_are():
    film = Film(1, **EVEN, creep=0, per_k=0.0025)
    cold = film.conductance_s(np.array([100.0]), 0.0)
    film.temperature_c += 10.0
    assert film.conductance_s(np.array([100.0]), 0.0) == pytest.approx(1.025 * cold)
    film = Film(2000, exponent_spread=0.02, memory_spread=0.1)
    assert np.std(np.log(film.exponent)) == pytest.approx(0.02, rel=0.1)
    assert np.std(np.log(film.hysteresis)) == pytest.approx(0.1, rel=0.1)
