"""The two grid circuits and single cells between film and converter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solefoot.drivers.scan.readout import DIVIDER, Circuit
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring
from solekit.errors import DataError
from solekit.layouts import FloatArray
from solekit_hil.electronics.clock import SimTime
from solekit_hil.electronics.faults import Faults
from solekit_hil.electronics.lines import Pin, open_lines
from solekit_hil.electronics.network import LEAK_S, Network, held_s

Settled = tuple[float, tuple[int, ...], int]  # microseconds, driven rows, selected column

TIA_PF = 33.0  # across the feedback resistor
LINE_PF = 150.0  # line and converter pin of a divider


@dataclass(frozen=True)
class Played:
    """What happened at the node of a grid in a scan.

    In each of ``us`` microseconds (n,) the node settled towards column ``col`` (n,) with the rows
    ``is_driven[row]`` driven (n_sets, rows); ``looked`` are the steps after which the converter
    looked at it.
    """

    us: FloatArray
    row: npt.NDArray[np.int64]
    col: npt.NDArray[np.int64]
    is_driven: npt.NDArray[np.bool_]
    looked: npt.NDArray[np.int64]
    total_us: float


class Front:
    """What pins, one settling node and time have in common.

    ``node_v`` is what the converter sees now. A subclass says where the node is heading:
    ``_heading() -> volts, time constant in us``.
    """

    def __init__(self, circuit: Circuit, clock: SimTime | None, capacitance_pf: float) -> None:
        self.circuit = circuit
        self.clock = clock or SimTime()
        self.pins: dict[int, Pin] = {}
        self._capacitance_pf = capacitance_pf
        self._full_v = circuit.full_mv / 1000
        self._sign = -1 if circuit.falls else 1
        self._node_v = circuit.reference_mv / 1000
        self._goal = (self._node_v, 0.0)
        self._since_us = self.clock.now_us
        self._is_stale = True
        self.trace: list[Settled | None] | None = None  # where one is kept: None where one looked

    def make_pin(self, gpio: int, level: int) -> Pin:
        """Return the output pin ``gpio`` at ``level``, as a board would make it."""
        pin = self.pins.get(gpio)
        if pin is None:
            raise DataError(f"GPIO {gpio} leads nowhere; there are {sorted(self.pins)}")
        pin(level)
        return pin

    def volts(self) -> float:
        """Return the volts at the converter now."""
        self._settle()
        if self.trace is not None:
            self.trace.append(None)
        return self._node_v

    def _tau_us(self, source_ohm: float) -> float:
        return source_ohm * self._capacitance_pf * 1e-6

    def _tia_v(self, current_a: FloatArray) -> FloatArray:
        v = self.circuit.reference_mv / 1000 + self._sign * self.circuit.r_ohm * current_a
        return np.clip(v, 0.0, self._full_v)

    def _settle(self) -> None:
        now_us = self.clock.now_us
        if now_us <= self._since_us:
            return
        if self.trace is not None:
            self.trace.append((now_us - self._since_us, *self.selected()))
        if self._is_stale:
            self._goal = self._heading()
            self._is_stale = False
        goal_v, tau_us = self._goal
        left = math.exp((self._since_us - now_us) / tau_us) if tau_us > 0 else 0.0
        self._node_v = goal_v + (self._node_v - goal_v) * left
        self._since_us = now_us

    def selected(self) -> tuple[tuple[int, ...], int]:
        """Return the driven rows and the selected column or cell, -1 for none."""
        raise NotImplementedError

    def _heading(self) -> tuple[float, float]:
        raise NotImplementedError


class Grid(Front):
    """A grid of film cells on the lines of ``wiring``; ``load`` before reading.

    ``wiring.cols`` may count groups of eight columns (``cols`` is then their true number): that is
    how the AD7606 model looks at it, through ``all_volts`` and ``group``.
    """

    def __init__(
        self,
        wiring: Wiring,
        circuit: Circuit,
        *,
        clock: SimTime | None = None,
        faults: Faults | None = None,
        capacitance_pf: float | None = None,
        cols: int | None = None,
    ) -> None:
        if capacitance_pf is None:
            capacitance_pf = LINE_PF if circuit.kind == DIVIDER else TIA_PF
        super().__init__(circuit, clock, capacitance_pf)
        self.rows, self.cols = wiring.rows, cols or wiring.cols
        self.faults = faults or Faults()
        for lines in (wiring.row_lines, wiring.col_lines):
            for gpio in lines.gpios:
                self.pins[gpio] = Pin()
        self._rows = open_lines(wiring.row_lines, self.rows, self.pins, self.faults.stuck_row_bit)
        self._cols = open_lines(
            wiring.col_lines, wiring.cols, self.pins, self.faults.stuck_col_bit
        )
        for lines, model, moves_rows in (
            (wiring.row_lines, self._rows, True),
            (wiring.col_lines, self._cols, False),
        ):
            for gpio in lines.gpios:
                self.pins[gpio].connect(self._settle, self._follower(model, moves_rows))
        self._drive_v = circuit.drive_mv / 1000
        self._row_v = np.zeros(self.rows)
        self._are_rows_stale = True
        self.load(np.zeros(self.rows * self.cols))

    def _follower(self, model, moves_rows):
        def follow(pin: Pin) -> None:
            if model.changed(pin):
                self._is_stale = True
                if moves_rows:
                    self._are_rows_stale = True

        return follow

    def load(self, conductance_s: FloatArray) -> None:
        """Let the cells have ``conductance_s`` (rows * cols,) from now on."""
        self._settle()
        c = self.circuit
        g = self.faults.cells(np.asarray(conductance_s).reshape(self.rows, self.cols))
        g, self._n_loose_rows = self.faults.lines(g)
        row_s = np.full(g.shape[0], held_s(c.r_row_dohm / 10))
        row_s[self.rows :] = LEAK_S
        is_divider = c.kind == DIVIDER
        col_s = np.full(g.shape[1], LEAK_S if is_divider else held_s(c.r_col_dohm / 10))
        col_s[self.cols :] = LEAK_S
        self._network = Network(g, row_s, col_s)
        self._col_s = col_s[: self.cols]
        if is_divider:
            # One column at a time bears the reference resistor: what that does to the voltage of
            # an open column follows from its own resistance, the diagonal of the inverse.
            z_ohm = np.diag(self._network.z_ohm)[: self.cols]
            load_ohm = c.r_ohm + c.r_col_dohm / 10
            self._to_node = c.r_ohm / (load_ohm + z_ohm)
            taus = self._tau_us(1.0) / (1 / c.r_ohm + 1 / (z_ohm + c.r_col_dohm / 10))
        else:
            taus = np.full(self.cols, self._tau_us(c.r_ohm))
        self._taus_us: list[float] = taus.tolist()
        self._is_stale = self._are_rows_stale = True

    def all_volts(self) -> FloatArray:
        """Return what the converter would see of each column in the end, (cols,)."""
        self._drive_rows()
        return self._volts

    def group(self) -> int:
        """Return the selected column line, or -1."""
        active = self._cols.active()
        return active[0] if active else -1

    def rows_driven(self) -> list[int]:
        """Return the rows that carry the drive voltage."""
        return self._rows.active()

    def selected(self) -> tuple[tuple[int, ...], int]:
        """Return the driven rows and the selected column line."""
        return tuple(self._rows.active()), self.group()

    def levels(self) -> list[list[int]]:
        """Return what pins and lines remember: a scan that leaves it as it was is repeatable."""
        pins = [pin.level for pin in self.pins.values()]
        return [pins, *self._rows.kept(), *self._cols.kept()]

    def play(self, played: Played) -> FloatArray:
        """Let a scan happen from now on; return the volts that were looked at, (n_looks,)."""
        self._settle()
        volts = self._volts_of(played.is_driven)
        open_v = np.full((len(volts), 1), self.circuit.reference_mv / 1000)
        goal_v = np.hstack((volts, open_v))[played.row, played.col]
        taus_us = np.append(self._taus_us, self._tau_us(self.circuit.r_ohm))[played.col]
        left = np.exp(-played.us / np.maximum(taus_us, 1e-12))
        v = self._node_v
        node_v = []
        for goal, share in zip(goal_v.tolist(), left.tolist(), strict=True):
            v = goal + (v - goal) * share
            node_v.append(v)
        self._node_v = v
        self._since_us = self.clock.now_us + float(played.us.sum())
        self.clock.now_us += played.total_us
        self._is_stale = True
        return np.array(node_v)[played.looked]

    def _drive_rows(self) -> None:
        if not self._are_rows_stale:
            return
        self._are_rows_stale = False
        is_driven = np.zeros(self.rows, bool)
        is_driven[self._rows.active()] = True
        self._volts = self._volts_of(is_driven)
        self._volts_list: list[float] = self._volts.tolist()

    def _volts_of(self, is_driven: npt.NDArray[np.bool_]) -> FloatArray:
        """Return what the converter would see, (..., cols), with rows driven, (..., rows)."""
        row_v = np.zeros((*is_driven.shape[:-1], self.rows + self._n_loose_rows))
        row_v[..., : self.rows][is_driven] = self._drive_v
        col_v = self._network.col_v(row_v)[..., : self.cols]
        if self.circuit.kind == DIVIDER:
            return np.clip(col_v * self._to_node, 0.0, self._full_v)
        return self._tia_v(col_v * self._col_s)

    def _heading(self) -> tuple[float, float]:
        self._drive_rows()
        col = self.group()
        if col < 0:
            return self.circuit.reference_mv / 1000, self._tau_us(self.circuit.r_ohm)
        if len(self._volts_list) <= col:
            raise DataError(f"column line {col} of a grid of {self.cols} columns")
        return self._volts_list[col], self._taus_us[col]


class CellFront(Front):
    """Single cells, each with a divider or a stage of its own, behind one mux or on own pins.

    ``is_divider``: a cell above the reference resistor; else a transimpedance stage.
    """

    def __init__(
        self,
        n: int,
        circuit: Circuit,
        *,
        lines: Mux | Shift | None = None,
        is_divider: bool = True,
        clock: SimTime | None = None,
        faults: Faults | None = None,
        capacitance_pf: float = LINE_PF,
    ) -> None:
        super().__init__(circuit, clock, capacitance_pf)
        self.n = n
        self.faults = faults or Faults()
        self._is_divider = is_divider
        self._lines = None
        if lines is not None:
            self.pins = {gpio: Pin() for gpio in lines.gpios}
            self._lines = open_lines(lines, n, self.pins, self.faults.stuck_col_bit)
            for pin in self.pins.values():
                pin.connect(self._settle, self._follow)
        self.load(np.zeros(n))

    def _follow(self, pin: Pin) -> None:
        if self._lines is not None and self._lines.changed(pin):
            self._is_stale = True

    def load(self, conductance_s: FloatArray) -> None:
        """Let the cells have ``conductance_s`` (n,) from now on."""
        self._settle()
        c = self.circuit
        g, _ = self.faults.lines(self.faults.cells(np.reshape(conductance_s, (1, self.n))))
        g = g[0, : self.n]
        if self._is_divider:
            # The switch carries no steady current: it only slows the node down.
            self._volts = np.clip(c.drive_mv / 1000 * g / (g + 1 / c.r_ohm), 0, self._full_v)
            source_ohm = 1 / (g + 1 / c.r_ohm) + c.r_col_dohm / 10
        else:
            self._volts = self._tia_v(c.drive_mv / 1000 * g)
            source_ohm = np.full(self.n, float(c.r_ohm))
        self._taus = self._tau_us(1.0) * source_ohm
        self._is_stale = True

    def pin_volts(self, cell: int) -> float:
        """Return the volts of a cell on a converter pin of its own: settled long ago."""
        return float(self._volts[cell])

    def selected(self) -> tuple[tuple[int, ...], int]:
        """Return no row, and the selected cell."""
        active = self._lines.active() if self._lines is not None else []
        return (), active[0] if active else -1

    def _heading(self) -> tuple[float, float]:
        active = self._lines.active() if self._lines is not None else []
        if not active:
            return 0.0, self._tau_us(self.circuit.r_ohm)
        return float(self._volts[active[0]]), float(self._taus[active[0]])
