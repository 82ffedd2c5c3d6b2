"""One contract for every readout of a grid, each on the models of its own parts.

The viper loops run here as Python over register models (``solekit_hil.electronics.registers``);
compiled by MicroPython they are tested in ``tests/firmware/drivers``.
"""

from array import array

import numpy as np
import pytest

from solecore.wire.names import BACK_ENDS as WORDS_OF_BACK_ENDS
from solecore.wire.names import READOUT_WORDS
from solefoot.drivers.scan.readout import CELLS, DIVIDER, ZERO_POTENTIAL, Circuit
from solefoot.drivers.scan.settle import settle_test
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring
from solekit_hil.electronics.pressure import BACK_ENDS, grid_wiring, open_grid

QUIET = {"noise_lsb": 0.0, "inl_lsb": 0.0}
QUIET_16 = {"noise_lsb": 0.0}
CIRCUITS = {
    "zero potential": Circuit(
        ZERO_POTENTIAL, drive_mv=1000, r_ohm=4000, r_row_dohm=300, r_col_dohm=25
    ),
    "falling": Circuit(
        ZERO_POTENTIAL, drive_mv=1000, reference_mv=3300, r_ohm=4000, r_row_dohm=300,
        r_col_dohm=25, falls=1,
    ),
    "divider": Circuit(DIVIDER, drive_mv=3300, r_ohm=2000, r_row_dohm=300, r_col_dohm=25),
}  # fmt: skip

every_back_end = pytest.mark.parametrize("back_end", BACK_ENDS)


def open_quiet(back_end, rows=6, cols=5, *, circuit="zero potential", **options):
    quiet = QUIET_16 if back_end == "spi_adc" else QUIET
    options.setdefault("settle_us", 20)
    return open_grid(
        rows, cols, back_end=back_end, circuit=CIRCUITS[circuit], adc=dict(quiet), **options
    )


def scan(rig):
    raw = array("H", bytes(2 * rig.readout.n_cells))
    rig.readout.scan_into(raw)
    return np.array(raw, int).reshape(rig.readout.rows, rig.readout.cols)


def foot(rows, cols, seed=0):
    return np.random.default_rng(seed).uniform(2e-6, 6e-4, rows * cols)


def expected(rig, g, circuit):
    """Return the counts of the exact network, all rows in turn, without lines or converter."""
    c = CIRCUITS[circuit]
    rows, cols = rig.readout.rows, rig.readout.cols
    g = g.reshape(rows, cols)
    col_s = np.full(cols, 1e-13 if circuit == "divider" else 10 / c.r_col_dohm)
    y = np.zeros((rows + cols, rows + cols))
    y[:rows, rows:] = -g
    y[rows:, :rows] = -g.T
    held = np.concatenate((np.full(rows, 10 / c.r_row_dohm), col_s))
    out = np.empty((rows, cols))
    for col in range(cols):
        if circuit == "divider":
            held[rows:] = col_s
            held[rows + col] = 1 / (c.r_ohm + c.r_col_dohm / 10)
        at = y + np.diag(held + np.concatenate((g.sum(axis=1), g.sum(axis=0))))
        for row in range(rows):
            source = np.zeros(rows + cols)
            source[row] = held[row] * c.drive_mv / 1000
            v = np.linalg.solve(at, source)[rows + col]
            current = v * held[rows + col]
            out[row, col] = current * c.r_ohm
    return np.clip(out / (c.full_mv / 1000) * 4095, 0, 4095)


@every_back_end
@pytest.mark.parametrize("circuit", CIRCUITS)
def test_counts_are_those_of_the_exact_network_within_one(back_end, circuit):
    rig = open_quiet(back_end, 7, 10, circuit=circuit)
    g = foot(7, 10)
    rig.front.load(g)
    found, exact = scan(rig), expected(rig, g, circuit)
    assert np.ptp(exact) > 300
    assert np.abs(found - exact).max() <= 1.0  # rounding, and what has not settled


@every_back_end
@pytest.mark.parametrize(("rows", "cols"), [(30, 22), (29, 21), (1, 1), (16, 8)])
def test_a_loaded_cell_shows_up_where_it_lies(back_end, rows, cols):
    rig = open_quiet(back_end, rows, cols)
    for cell in {0, cols - 1, (rows - 1) * cols, rows * cols - 1, rows * cols // 3}:
        g = np.full(rows * cols, 2e-6)
        g[cell] = 4e-4
        rig.front.load(g)
        counts = scan(rig).reshape(-1)
        assert counts[cell] > 1000
        assert np.delete(counts, cell).max(initial=0) < 40


@every_back_end
@pytest.mark.parametrize("circuit", CIRCUITS)
def test_counts_rise_with_load(back_end, circuit):
    rig = open_quiet(back_end, circuit=circuit)
    found = []
    for siemens in (0.0, 1e-5, 1e-4, 3e-4):
        g = np.full(30, 1e-5)
        g[13] = siemens
        rig.front.load(g)
        found.append(scan(rig)[2, 3])
    assert found == sorted(set(found))


@every_back_end
def test_nothing_is_driven_between_two_frames(back_end):
    rig = open_quiet(back_end)
    for _ in range(2):
        scan(rig)
        assert rig.front.rows_driven() == []


@every_back_end
def test_a_glitch_of_the_chain_is_gone_after_a_frame(back_end):
    rig = open_quiet(back_end, 16, 3)
    rig.front.load(foot(16, 3))
    before = scan(rig)
    rig.front._rows._bits = [k & 1 for k in range(rig.front._rows.n_outputs)]
    glitched = scan(rig)
    assert not np.array_equal(glitched, before)
    assert np.array_equal(scan(rig), before)


@every_back_end
def test_a_frame_costs_one_clock_a_row(back_end):
    rig = open_quiet(back_end, 30, 4)
    scan(rig)
    before = rig.front._rows.n_clocks
    scan(rig)
    assert rig.front._rows.n_clocks - before == 31  # and one that switches the last row off


@every_back_end
@pytest.mark.parametrize("n", [0, 29, 31])
def test_a_buffer_of_the_wrong_size_is_refused(back_end, n):
    rig = open_quiet(back_end)
    with pytest.raises(ValueError, match=rf"{n} for 30 cells"):
        rig.readout.scan_into(array("H", bytes(2 * n)))


@every_back_end
def test_a_buffer_of_bytes_is_refused(back_end):
    rig = open_quiet(back_end)
    with pytest.raises(ValueError, match=r"array|range"):
        rig.readout.scan_into(bytearray(30))


@every_back_end
def test_single_cells_are_no_grid(back_end):
    with pytest.raises(ValueError, match="grid"):
        open_grid(6, 5, back_end=back_end, circuit=Circuit(CELLS))


@every_back_end
@pytest.mark.parametrize("settle_us", [-1, 1001])
def test_a_settle_time_out_of_range_is_refused(back_end, settle_us):
    with pytest.raises(ValueError, match="settle_us"):
        open_quiet(back_end, settle_us=settle_us)
    rig = open_quiet(back_end)
    with pytest.raises(ValueError, match="settle_us"):
        rig.readout.set_settle(settle_us)


@every_back_end
def test_it_describes_itself_with_measured_times(back_end):
    rig = open_quiet(back_end, 30, 22, settle_us=5)
    raw = array("H", bytes(2 * 660))
    start_us = rig.clock.now_us
    scan_us = rig.readout.measure(rig.clock.ticks_us, rig.clock.ticks_diff, raw, 2)
    assert 3 * scan_us == pytest.approx(rig.clock.now_us - start_us, rel=0.01)
    words = dict(zip(READOUT_WORDS, rig.readout.describe(), strict=True))
    assert words == {
        "circuit": 1, "back_end": WORDS_OF_BACK_ENDS.index(back_end), "settle_us10": 50,
        "scan_us": scan_us, "row_us10": scan_us * 10 // 30, "drive_mv": 1000, "reference_mv": 0,
        "r_reference_ohm_10": 400, "r_row_ohm10": 300, "r_column_ohm10": 25, "adc_full_mv": 3300,
        "adc_bits": 12, "falls_with_load": 0,
    }  # fmt: skip
    assert scan_us > 660 * 5 / (8 if back_end == "spi_adc" else 1)


@pytest.mark.parametrize("back_end", ["pin", "viper", "register", "pio"])
def test_the_settle_test_finds_what_the_node_needs(back_end):
    # 4 k and 400 pF: 1.6 us; a step of n counts is within 1 of its end after tau * ln(n).
    rig = open_quiet(back_end, 6, 5, capacitance_pf=400.0)
    g = np.full(30, 1e-6)
    g[14] = 5e-4
    rig.front.load(g)
    raw = array("H", bytes(60))
    chosen_us, curve = settle_test(rig.readout, raw)
    needed_us = 1.6 * np.log(curve[-1])
    assert needed_us - 3 < chosen_us <= np.ceil(needed_us)
    assert len(curve) == 20
    assert all(abs(count - curve[-1]) > 1 for count in curve[: chosen_us - 1])
    assert rig.readout.settle_us == 20
    rig.front.load(np.full(30, 1e-6))
    assert settle_test(rig.readout, raw)[0] == 0  # nothing stands on it


@pytest.mark.parametrize("back_end", ["pin", "viper", "register"])
@pytest.mark.parametrize("circuit", CIRCUITS)
def test_rows_by_decoder_and_columns_by_chain_or_muxes(back_end, circuit):
    g = foot(6, 5)
    found = []
    for wiring in (
        grid_wiring(6, 5),
        Wiring(6, 5, Mux((1, 2), (3, 10)), Shift(4, 5, 6)),
        Wiring(6, 5, Mux((1, 2, 3)), Mux((4, 5), (6, 7))),
        Wiring(6, 5, Shift(1, 2, 3, active=0), Shift(4, 5, 6)),
        Wiring(6, 5, Shift(1, 2, None), Mux((4, 5, 6))),
        Wiring(6, 5, Shift(1, 2, None, active=0), Shift(4, 5, None)),
    ):
        rig = open_quiet(back_end, circuit=circuit, wiring=wiring)
        rig.front.load(g)
        scan(rig)
        found.append(scan(rig))
    for other in found[1:]:
        assert np.array_equal(other, found[0])


def test_a_converter_that_never_ends_is_an_os_error():
    raw = array("H", bytes(60))
    rig = open_quiet("register")
    rig.parts["sar"]._channel = 7  # the node hangs elsewhere: reads as 0, but it converts
    rig.readout.scan_into(raw)
    assert max(raw) == 0
    rig.readout._plan[7] = 0  # as if prepare had not given the converter to software
    with pytest.raises(OSError, match="SAR ADC 1 did not convert cell 0"):
        rig.readout.scan_into(raw)
    rig = open_quiet("spi_adc")
    rig.parts["ad7606"].is_stuck = True
    with pytest.raises(OSError, match="AD7606"):
        rig.readout.scan_into(raw)
    rig = open_quiet("pio")
    rig.parts["rp2"].machine.active(0)
    with pytest.raises(OSError, match="RP2 ADC"):
        rig.readout.scan_into(raw)
    rig.parts["rp2"].machine.active(1)


def test_pio_loses_no_conversion():
    rig = open_quiet("pio", 30, 10, settle_us=1)
    assert rig.readout.settle_us == 3  # less would outrun the converter
    for _ in range(3):
        scan(rig)
    assert rig.parts["rp2"].n_lost == 0
    assert rig.parts["rp2"].fifo == []
