"""Network, lines, settling and converter of the pressure side, against arithmetic of their own."""

import math
from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solefoot.drivers.scan.readout import CELLS, Circuit
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring
from solekit.errors import DataError
from solekit_hil.electronics.adc import Adc
from solekit_hil.electronics.clock import SimTime
from solekit_hil.electronics.grid import CellFront, Grid
from solekit_hil.electronics.lines import Chain, Pin
from solekit_hil.electronics.network import Network
from solekit_hil.electronics.pressure import grid_circuit, grid_wiring


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 7), cols=st.integers(1, 7), seed=st.integers(0, 9999))
def test_the_network_obeys_kirchhoff_at_every_node(rows, cols, seed):
    rng = np.random.default_rng(seed)
    g = rng.uniform(0, 1e-3, (rows, cols)) * (rng.random((rows, cols)) < 0.8)
    row_s, col_s = rng.uniform(1e-3, 1, rows), rng.uniform(1e-3, 1, cols)
    driven_v = rng.uniform(-1, 1, rows)
    col_v = Network(g, row_s, col_s).col_v(driven_v)
    # The rows follow from the columns; then no current may be left over at a column.
    row_v = (row_s * driven_v + g @ col_v) / (row_s + g.sum(axis=1))
    into = (g * (row_v[:, None] - col_v)).sum(axis=0) - col_s * col_v
    assert np.abs(into).max() < 1e-12


def test_a_pin_is_that_of_micropython():
    pin = Pin()
    assert pin.value() == pin() == 0
    pin(1)
    assert pin.value() == 1
    pin.off()
    assert pin() == 0
    pin.on()
    pin.value(0)
    assert pin() == 0


def test_a_chain_shifts_on_the_clock_and_shows_on_the_latch():
    pins = {gpio: Pin() for gpio in (1, 2, 3)}
    chain = Chain(Shift(1, 2, 3), 10, pins)
    for pin in pins.values():
        pin.connect(lambda: None, chain.changed)
    assert chain.n_outputs == 16
    assert chain.active() != []  # it wakes up with anything
    sent = [1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0]
    for bit in sent:
        pins[1](bit)
        pins[2].on()
        pins[2].off()
    before = chain.active()
    pins[3].on()
    assert chain.outputs == sent[::-1]
    assert chain.active() == [k for k, bit in enumerate(sent[::-1][:10]) if bit] != before


def test_the_node_settles_as_one_rc():
    circuit = Circuit(1, drive_mv=1000, r_ohm=10_000)
    grid = Grid(grid_wiring(2, 2), circuit, capacitance_pf=100.0)  # 1 us
    grid.load(np.array([1e-4, 2e-4, 0.0, 0.0]))
    data, clock, latch = (grid.pins[gpio] for gpio in (1, 2, 3))
    for bit in [0] * 8 + [1]:
        data(bit)
        clock.on()
        clock.off()
    latch.on()
    grid.pins[9](1)
    grid.clock.sleep_us(50)
    assert grid.volts() == pytest.approx(1.0, rel=1e-6)
    grid.pins[4].on()  # column 1
    for after_us, share in ((0, 0.0), (0.7, 1 - math.exp(-0.7)), (2.3, 1 - math.exp(-3))):
        grid.clock.sleep_us(after_us)
        assert grid.volts() == pytest.approx(1 + share, rel=1e-6)
    grid.pins[4].off()  # a change on the way: it turns round where it is
    grid.clock.sleep_us(1)
    reached = 2 - math.exp(-3)
    assert grid.volts() == pytest.approx(1 + (reached - 1) * math.exp(-1), rel=1e-6)


def test_the_stage_ends_at_the_rails():
    for falls, rest_mv in ((0, 0), (1, 3300)):
        circuit = Circuit(1, drive_mv=1000, r_ohm=10_000, reference_mv=rest_mv, falls=falls)
        grid = Grid(Wiring(1, 1, Mux((1,)), Mux((2,))), circuit)
        grid.load(np.array([1e-2]))
        grid.clock.sleep_us(1000)
        assert grid.volts() == pytest.approx(0.0 if falls else 3.3, abs=1e-9)


def test_a_single_cell_is_a_divider_or_a_stage():
    circuit = Circuit(CELLS, drive_mv=3000, r_ohm=2000)
    divider = CellFront(2, circuit)
    divider.load(np.array([5e-4, 0.0]))
    assert divider.pin_volts(0) == pytest.approx(1.5)
    assert divider.pin_volts(1) == 0
    stage = CellFront(2, circuit, is_divider=False)
    stage.load(np.array([2e-4, 0.0]))
    assert stage.pin_volts(0) == pytest.approx(1.2)


def test_a_line_that_leads_nowhere_is_named():
    grid = Grid(grid_wiring(2, 2), grid_circuit())
    with pytest.raises(DataError, match="GPIO 17"):
        grid.make_pin(17, 0)


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_a_converter_without_noise_rounds_and_scales_as_micropython_does(bits):
    clock = SimTime()
    volts = [0.0]
    adc = Adc(clock, lambda: volts[0], bits=bits, inl_lsb=0, noise_lsb=0, convert_us=5)
    top = (1 << bits) - 1
    for code in (0, 1, top // 3, top - 1, top):
        volts[0] = 3.3 * (code + 0.4) / top
        assert adc.code() == min(code, top)
        u16 = adc.read_u16()
        assert u16 >> 16 - bits == min(code, top)
    volts[0] = 9.0
    assert adc.read_u16() == 65535
    volts[0] = -1.0
    assert adc.read_u16() == 0
    assert clock.now_us == 12 * 5


def test_inl_bends_the_curve_as_far_as_it_says_and_noise_is_as_large():
    volts = [0.0]
    adc = Adc(SimTime(), lambda: volts[0], inl_lsb=4.0, noise_lsb=0.0, seed=5)
    off = []
    for code in range(100, 4000):
        volts[0] = 3.3 * code / 4095
        off.append(adc.code() - code)
    assert 3 <= max(np.abs(off)) <= 5
    volts[0] = 1.0
    noisy = Adc(SimTime(), lambda: volts[0], inl_lsb=0, noise_lsb=3.0, seed=5)
    codes = [noisy.code() for _ in range(4000)]
    assert np.std(codes) == pytest.approx(3.0, rel=0.05)
    again = Adc(SimTime(), lambda: volts[0], inl_lsb=0, noise_lsb=3.0, seed=5)
    assert codes[:50] == [again.code() for _ in range(50)]


def test_ticks_wrap_as_those_of_the_foot():
    clock = SimTime((1 << 30) - 10.0)
    start = clock.ticks_us()
    clock.sleep_us(25.4)
    assert clock.ticks_us() == 15
    assert clock.ticks_diff(clock.ticks_us(), start) == 25
    assert array("H", [clock.ticks_us()])[0] == 15
