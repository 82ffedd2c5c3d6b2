"""A scan that is played gives the counts that the driver over its pins would have given."""

from array import array

import numpy as np
import pytest

from solefoot.drivers.scan.readout import Circuit
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring
from solekit.layouts import named
from solekit_hil.electronics.faults import Faults
from solekit_hil.electronics.pressure import PressureSide

LAYOUT = named("grid-30x22", "left")
FALLING = Circuit(1, drive_mv=1650, reference_mv=1650, r_ohm=1200, r_col_dohm=25, falls=1)
SLOW = Circuit(1, drive_mv=1000, r_ohm=200_000, r_row_dohm=300, r_col_dohm=25)  # 6.6 us
DIVIDER = Circuit(2, drive_mv=3300, r_ohm=1000, r_col_dohm=25)
COLS = Mux((4, 5, 6, 7), (8, 9))
CHAINS = Wiring(30, 22, Shift(1, 2, 3), COLS)
MUXES = Wiring(30, 22, Mux((1, 2, 3, 10, 11)), COLS)  # rows that are never switched off


FAULTS = (
    Faults(broken_rows=((5, 3),), broken_cols=((4, 9),), dead_cells=(77,)),
    Faults(stuck_row_bit=(1, 1), swapped_cols=((3, 7),)),
    Faults(stuck_col_bit=(0, 0), saturated_cells=(30,)),
)


class Both:
    """The same sole twice: played, and scanned by its driver each time."""

    def __init__(self, circuit=FALLING, wiring=CHAINS, faults=None) -> None:
        self.sides = [
            PressureSide(LAYOUT, seed=3, circuit=circuit, wiring=wiring, faults=faults)
            for _ in range(2)
        ]
        self.raws = [array("H", bytes(2 * LAYOUT.n_cells)) for _ in range(2)]
        self.rng = np.random.default_rng(8)
        self.t_s = 0.0

    def frame(self) -> list[int]:
        """Scan another load both ways, demand the same, and return the counts."""
        force_n = self.rng.uniform(0, 300, LAYOUT.n_cells) * LAYOUT.area_mm2 * 1e-3
        self.t_s += 0.01
        played, driven = self.sides
        for side in self.sides:
            side.load(force_n, self.t_s)
        played.scan_into(self.raws[0])
        driven.readout.scan_into(self.raws[1])
        assert self.raws[0] == self.raws[1]
        assert played.clock.now_us == driven.clock.now_us
        return self.raws[0].tolist()


@pytest.mark.parametrize("wiring", [CHAINS, MUXES], ids=["chains", "muxes"])
@pytest.mark.parametrize("circuit", [FALLING, SLOW, DIVIDER], ids=["falling", "slow", "divider"])
def test_counts_and_time_are_those_of_the_driver(circuit, wiring):
    both = Both(circuit, wiring)
    frames = [both.frame() for _ in range(8)]
    assert len(set(map(tuple, frames))) == 8


@pytest.mark.parametrize("faults", FAULTS)
def test_faults_are_those_of_the_driver(faults):
    both = Both(wiring=MUXES, faults=faults)
    for _ in range(4):
        both.frame()


def test_after_two_scans_the_driver_is_not_asked(monkeypatch):
    both = Both()
    side = both.sides[0]
    for _ in range(2):  # what the chains woke up with walks out in the first
        both.frame()

    def driven(_raw):
        raise AssertionError("the driver was asked")

    with monkeypatch.context() as patch:
        patch.setattr(side.readout, "_scan", driven)
        side.scan_into(both.raws[0])
        patch.setattr(side.readout, "settle_us", 9)
        with pytest.raises(AssertionError, match="was asked"):
            side.scan_into(both.raws[0])


def test_what_happens_between_two_scans_counts():
    both = Both(SLOW)
    for _ in range(3):
        both.frame()
    for side in both.sides:
        side.clock.sleep_us(4.5)
    both.frame()
    for side in both.sides:
        side.readout.set_settle(11)
    assert both.frame() != both.frame()
    for side in both.sides:  # a pin that somebody else has moved
        side.rig.front.pins[4].value(1 - side.rig.front.pins[4].level)
    both.frame()


@pytest.mark.parametrize("raw", [array("H", bytes(6)), array("B", bytes(LAYOUT.n_cells))])
def test_a_wrong_buffer_is_refused_as_by_the_driver(raw):
    both = Both()
    for _ in range(3):
        both.frame()
    with pytest.raises((ValueError, OverflowError)) as driven:
        both.sides[1].readout.scan_into(raw)
    with pytest.raises(driven.type, match=str(driven.value)):
        both.sides[0].scan_into(raw)
    both.frame()
