"""What a grid's circuit does to its counts, undone: from counts to the conductance of each cell.

Closed form for the zero-potential grid and for the divider whose other rows are grounded. Row
drivers and column switches have resistance: the zero-potential form allows for both (what is left
grows with their product), the divider form for the column switch only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solecore.wire.names import CIRCUITS, READOUT_WORDS
from solekit.errors import DataError
from solekit.layouts import FloatArray

MAX_COUNT = 4095
_ZERO_POTENTIAL = CIRCUITS.index("zero_potential")
_DIVIDER = CIRCUITS.index("divider_grounded")


def conductance_s(counts: ArrayLike, readout: ArrayLike) -> FloatArray:
    """Return siemens, shape (n, rows, cols), of raw 12-bit ``counts`` of that shape.

    ``readout`` is the insole's readout table (u16 words, ``InsoleInfo.readout``). A saturated cell
    is NaN, and so are those whose value rests on it: in a zero-potential grid the rest of its row
    if row drivers have resistance and of its column if switches have, in a divider its column.
    Noise may make the conductance of an unloaded cell negative. DataError for a circuit that is no
    grid, a table that makes no sense, counts outside 0 to 4095.
    """
    words = _words(readout)
    raw = np.asarray(counts)
    if raw.ndim != 3 or raw.dtype.kind not in "ui":
        raise DataError(f"counts must be integers (n, rows, cols), not {raw.dtype} {raw.shape}")
    if raw.size and (raw.min() < 0 or raw.max() > MAX_COUNT):
        raise DataError(
            f"counts from {raw.min()} to {raw.max()}; a readout gives 0 to {MAX_COUNT}"
        )
    is_saturated = raw >= MAX_COUNT
    volts = raw * (words["adc_full_mv"] / 1000 / MAX_COUNT)
    if words["circuit"] == _ZERO_POTENTIAL:
        return _zero_potential(volts, is_saturated, words)
    return _divider(volts, is_saturated, words)


def _zero_potential(
    volts: FloatArray, is_saturated: NDArray[np.bool_], words: dict[str, int]
) -> FloatArray:
    full_v, reference_v = words["adc_full_mv"] / 1000, words["reference_mv"] / 1000
    # With falling volts the count is the distance from full scale.
    rest_v = full_v - reference_v if words["falls_with_load"] else reference_v
    current_a = (volts - rest_v) / (words["r_reference_ohm_10"] * 10)
    r_row, r_col = words["r_row_ohm10"] / 10, words["r_column_ohm10"] / 10
    row_v = words["drive_mv"] / 1000 - r_row * current_a.sum(axis=2, keepdims=True)
    row_v[row_v <= 0] = np.nan
    # A column lies above the virtual ground by what its switch drops, so part of a cell's current
    # leaks into the undriven rows: by the share that switch and all cells of the column have.
    apparent_s = current_a / row_v
    share = 1 - r_col * np.nansum(apparent_s, axis=1, keepdims=True)
    share[share <= 0] = np.nan
    is_unknown = is_saturated
    if r_row:
        is_unknown = is_unknown | is_saturated.any(axis=2, keepdims=True)
    if r_col:
        is_unknown = is_unknown | is_saturated.any(axis=1, keepdims=True)
    return np.where(is_unknown, np.nan, apparent_s / share)


def _divider(
    volts: FloatArray, is_saturated: NDArray[np.bool_], words: dict[str, int]
) -> FloatArray:
    r_reference = words["r_reference_ohm_10"] * 10
    r_load = r_reference + words["r_column_ohm10"] / 10
    column_v = volts * (r_load / r_reference)
    row_v = words["drive_mv"] / 1000
    sum_v = column_v.sum(axis=1, keepdims=True)
    left_v = row_v - sum_v
    left_v[left_v <= 0] = np.nan
    column_s = sum_v / left_v / r_load
    found_s = column_v * (1 / r_load + column_s) / row_v
    return np.where(is_saturated.any(axis=1, keepdims=True), np.nan, found_s)


def _words(readout: ArrayLike) -> dict[str, int]:
    """Return the readout table by name, checked."""
    table = np.asarray(readout)
    if table.shape != (len(READOUT_WORDS),):
        raise DataError(f"a readout table has {len(READOUT_WORDS)} words, not {table.shape}")
    words = {name: int(word) for name, word in zip(READOUT_WORDS, table, strict=True)}
    circuit = words["circuit"]
    if circuit not in (_ZERO_POTENTIAL, _DIVIDER):
        what = CIRCUITS[circuit] if 0 <= circuit < len(CIRCUITS) else f"number {circuit}"
        raise DataError(f"circuit {what} has no crosstalk that could be corrected")
    for name in ("drive_mv", "adc_full_mv", "r_reference_ohm_10"):
        if words[name] <= 0:
            raise DataError(f"{name} of the readout table is {words[name]}; it must be positive")
    if words["falls_with_load"] not in (0, 1) or words["reference_mv"] > words["adc_full_mv"]:
        raise DataError(
            f"falls_with_load {words['falls_with_load']} and reference_mv "
            f"{words['reference_mv']} make no sense together with the ADC's full scale"
        )
    return words
