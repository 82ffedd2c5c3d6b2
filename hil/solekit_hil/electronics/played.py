"""A scan that does to its pins what the one before did is not driven again, but played.

The driver's loop over pins takes a computer some twenty times as long as the electronics behind
them. What it does is the same in each frame: the first frames are scanned by the driver, with all
that happens at the converter's node kept, and later ones follow from that and their own load.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solefoot.drivers.scan.pin import PinGrid
from solefoot.drivers.scan.readout import MAX_COUNT
from solekit_hil.electronics.adc import Adc
from solekit_hil.electronics.grid import Grid, Played, Settled


@dataclass(frozen=True)
class _Kept:
    """A scan that began and ended at ``levels``."""

    settle_us: int
    levels: list[list[int]]
    played: Played


class PlayedScan:
    """``scan_into`` of ``readout``; ``front`` and ``adc`` are its grid and converter."""

    def __init__(self, readout: PinGrid, front: Grid, adc: Adc) -> None:
        self._readout = readout
        self._front = front
        self._adc = adc
        self._kept: _Kept | None = None

    def scan_into(self, raw: array) -> None:
        """Fill ``raw`` as the driver would."""
        readout, kept = self._readout, self._kept
        if (
            kept is None
            or kept.settle_us != readout.settle_us
            or kept.levels != self._front.levels()
            or len(raw) != readout.n_cells
            or raw.typecode != "H"
        ):
            self._kept = self._drive(raw)
            return
        codes = self._adc.codes(self._front.play(kept.played))
        counts = self._adc.as_u16(codes) >> 4
        if readout.circuit.falls:
            counts = MAX_COUNT - counts
        np.frombuffer(raw, np.uint16)[:] = counts

    def _drive(self, raw: array) -> _Kept | None:
        """Let the driver scan; return what is to be played, if it could be played again."""
        front, readout = self._front, self._readout
        front.volts()  # what happened before this scan is no part of it
        levels, start_us = front.levels(), front.clock.now_us
        trace: list[Settled | None] = []
        front.trace = trace
        try:
            readout.scan_into(raw)
        finally:
            front.trace = None
        if levels != front.levels():
            return None
        played = _as_played(trace, front.rows, front.clock.now_us - start_us)
        return _Kept(readout.settle_us, levels, played)


def _as_played(trace: list[Settled | None], n_rows: int, total_us: float) -> Played:
    steps = [one for one in trace if one is not None]
    is_look = np.array([one is None for one in trace])
    sets: dict[tuple[int, ...], int] = {}
    row = [sets.setdefault(rows, len(sets)) for _, rows, _ in steps]
    is_driven = np.zeros((len(sets), n_rows), bool)
    for rows, at in sets.items():
        is_driven[at, list(rows)] = True
    return Played(
        us=np.array([us for us, _, _ in steps]),
        row=np.array(row, int),
        col=np.array([col for _, _, col in steps], int),
        is_driven=is_driven,
        looked=_last_steps(is_look),
        total_us=total_us,
    )


def _last_steps(is_look: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the step that came before each look."""
    return np.cumsum(~is_look)[is_look] - 1
