"""Wirings, circuits, plans and single cells: what is refused, and the words that come out."""

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solecore.wire.names import READOUT_WORDS
from solefoot.drivers.scan import _plain, kernels, pio, plan, register
from solefoot.drivers.scan.cells import CellList
from solefoot.drivers.scan.readout import CELLS, DIVIDER, ZERO_POTENTIAL, Circuit, Readout
from solefoot.drivers.scan.spi_adc import SpiAdcGrid
from solefoot.drivers.scan.viper import ViperGrid
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring
from solekit_hil.electronics.pressure import open_cells, open_grid
from solekit_hil.electronics.registers import viper_kernels

GRID = Wiring(6, 5, Shift(1, 2, 3), Mux((4, 5, 6)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": 0},
        {"kind": 4},
        {"kind": CELLS, "drive_mv": 0},
        {"kind": CELLS, "full_mv": 65536},
        {"kind": CELLS, "r_ohm": 9},
        {"kind": CELLS, "bits": 7},
        {"kind": CELLS, "falls": 2},
        {"kind": CELLS, "reference_mv": 3301},
        {"kind": DIVIDER, "falls": 1},
        {"kind": DIVIDER, "reference_mv": 100},
    ],
)
def test_a_circuit_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"not in|divider"):
        Circuit(**wrong)


@pytest.mark.parametrize(
    ("rows", "cols", "row_lines", "col_lines"),
    [
        (6, 9, Shift(1, 2, 3), Mux((4, 5, 6))),
        (9, 5, Mux((1, 2, 3)), Mux((4, 5, 6))),
        (6, 25, Shift(1, 2, 3), Mux((4, 5, 6), (7, 8, 9))),
        (0, 5, Shift(1, 2, 3), Mux((4, 5, 6))),
        (6, 5, Shift(1, 2, 3), Mux((3, 4, 5))),
        (6, 5, Shift(1, 2, 1), Mux((3, 4, 5))),
    ],
)
def test_lines_that_do_not_reach_every_cell_or_meet_are_refused(rows, cols, row_lines, col_lines):
    with pytest.raises(ValueError, match=r"do not fit|two jobs"):
        Wiring(rows, cols, row_lines, col_lines)


def test_a_walking_two_is_refused():
    with pytest.raises(ValueError, match="active 2"):
        Shift(1, 2, 3, active=2)


@given(
    n=st.integers(1, 64),
    bits=st.integers(0, 4),
    enables=st.integers(0, 4),
    gpios=st.permutations(range(32)),
)
def test_each_step_of_a_mux_writes_every_line_once_and_selects_one(n, bits, enables, gpios):
    mux = Mux(gpios[:bits], gpios[bits : bits + enables])
    if not mux.carries(n):
        assert n > max(enables, 1) << bits
        return
    steps = mux.steps(n)
    assert len(steps) == 2 * (n + 1)
    mine = sum(1 << gpio for gpio in mux.gpios)
    for line in range(n + 1):
        high, low = steps[2 * line], steps[2 * line + 1]
        assert high & low == 0
        assert high | low == mine
        on = [k for k, gpio in enumerate(mux.enable) if low >> gpio & 1]
        if line == n:
            assert on == []
            continue
        address = sum((high >> gpio & 1) << bit for bit, gpio in enumerate(mux.address))
        assert address == line % (1 << bits)
        assert on == ([line >> bits] if enables else [])


def test_a_gpio_of_the_second_bank_is_refused_where_registers_are_written():
    wiring = Wiring(6, 5, Shift(1, 2, 33), Mux((4, 5, 6)))
    with pytest.raises(ValueError, match="GPIO 33"):
        plan.plan_of(wiring, plan.esp32s3_gpio(), 0)


def test_without_kernels_the_message_says_what_to_take():
    with pytest.raises(ValueError, match="pin back-end"):
        ViperGrid(GRID, Circuit(DIVIDER), None, plan.esp32s3_gpio(), None, None, None)
    assert kernels.load() is None  # CPython


def test_the_viper_source_passes_the_self_test_as_python_too():
    module = viper_kernels()
    assert kernels.load(module) is module


@pytest.mark.parametrize("channel", [-1, 10])
def test_only_channels_of_adc_1(channel):
    with pytest.raises(ValueError, match="ADC 1"):
        register.RegisterGrid(
            GRID, Circuit(DIVIDER), None, plan.esp32s3_gpio(), 1, 0, channel, None, None
        )


def test_prepare_touches_only_the_bits_it_names():
    class Mem32(dict):
        def __missing__(self, address):
            return 0x8000_0001

    mem32 = Mem32()
    register.prepare(mem32)
    assert mem32 == {
        0x60008800: 0x9000_0001,
        0x60008810: 0x0000_0001,
        0x6000883C: 0xE000_0001,
    }


@pytest.mark.parametrize(
    "wiring",
    [
        Wiring(6, 5, Shift(1, 2, 11), Mux((4, 5, 6))),
        Wiring(6, 5, Shift(20, 2, 3), Mux((4, 5, 6))),
    ],
)
def test_lines_of_pio_lie_within_ten_gpios(wiring):
    with pytest.raises(ValueError, match="within 10 GPIOs"):
        pio.cell_words(wiring, 1 if 11 in wiring.gpios else 2)


def test_pio_wants_a_latch_of_its_own():
    with pytest.raises(ValueError, match="latch of its own"):
        pio.cell_words(Wiring(6, 5, Shift(1, 2, None), Mux((4, 5, 6))), 1)


def test_channels_of_the_rp2_converter():
    with pytest.raises(ValueError, match="GPIO 26 to 29"):
        pio.PioGrid(GRID, Circuit(DIVIDER), *[None] * 6, 4, None, None, None)


def test_a_word_of_pio_clocks_the_chain_once_a_row():
    words = pio.cell_words(GRID, 1)
    assert len(words) == 31
    data, clock, latch = 1, 2, 4
    for cell, word in enumerate(words):
        phases = [word >> 10 * k & 1023 for k in range(3)]
        chain = [phase & 7 for phase in phases]
        one = data if cell == 0 else 0
        wanted = [one, one | clock, one | latch] if cell % 5 == 0 else [0, 0, 0]
        assert chain == wanted
        assert {phase >> 3 for phase in phases} == {cell % 5 if cell < 30 else 0}


def test_groups_of_eight_and_the_full_scale_of_a_bipolar_converter():
    groups = Wiring(6, 2, Shift(1, 2, 3), Mux((4,)))
    with pytest.raises(ValueError, match="3 groups of 8, not 2"):
        SpiAdcGrid(groups, 17, Circuit(DIVIDER), *[None] * 7)
    with pytest.raises(ValueError, match="reference_mv = full_mv"):
        SpiAdcGrid(groups, 16, Circuit(ZERO_POTENTIAL, falls=1), *[None] * 7)


@given(st.lists(st.integers(-32768, 32767), min_size=8, max_size=8), st.booleans())
def test_signed_words_become_counts_of_the_chosen_half(words, falls):
    raw = array("H", bytes(20))
    frame = np.array(words, ">i2").tobytes()
    _plain.signed16(frame, raw, 8 | 1 << 4, 4095 if falls else 0)
    wanted = [min(max((-w if falls else w) >> 3, 0), 4095) for w in words]
    assert list(raw) == [0, *wanted, 0]


def test_a_description_has_one_word_per_name_and_no_overflow():
    circuit = Circuit(CELLS, r_ohm=655_350)
    readout = Readout(30, 22, circuit, 1000)
    readout.scan_us = 70_000
    words = dict(zip(READOUT_WORDS, readout.describe(), strict=True))
    assert words["r_reference_ohm_10"] == 65535
    assert words["scan_us"] == 65535
    assert words["settle_us10"] == 10_000
    assert words["row_us10"] == 23_333


@pytest.mark.parametrize("n", [4, 16])
def test_single_cells_are_read_in_order(n):
    rig = open_cells(n, adc={"noise_lsb": 0, "inl_lsb": 0}, settle_us=20)
    raw = array("H", bytes(2 * n))
    for cell in range(n):
        g = np.full(n, 1e-6)
        g[cell] = 1e-3
        rig.front.load(g)
        rig.readout.scan_into(raw)
        assert raw[cell] == round(4095 / (1 + 1000 / 220))
        assert sorted(raw)[-2] < 10
    words = dict(zip(READOUT_WORDS, rig.readout.describe(), strict=True))
    assert (words["circuit"], words["back_end"]) == (CELLS, 1)
    with pytest.raises(ValueError, match="cells"):
        rig.readout.scan_into(array("H", [0]))


def test_single_cells_refuse_what_does_not_fit():
    read = [lambda: 0]
    with pytest.raises(ValueError, match="reads no single cells"):
        CellList(4, Circuit(DIVIDER), read * 4)
    with pytest.raises(ValueError, match="3 converter inputs for 4 cells"):
        CellList(4, Circuit(CELLS), read * 3)
    with pytest.raises(ValueError, match="do not fit"):
        CellList(17, Circuit(CELLS), read, lambda us: None, Mux((1, 2, 3, 4)), None)


def test_an_unknown_back_end_is_named():
    with pytest.raises(ValueError, match="'laser' is not one of pin, viper"):
        open_grid(3, 3, back_end="laser")
