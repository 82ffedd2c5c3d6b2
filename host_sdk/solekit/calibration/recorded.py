"""A calibration of this computer on a recorded foot: does it belong, what does the form cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from solecore.wire import messages as m
from solecore.wire.names import CIRCUITS, READOUT_WORDS
from solekit import crosstalk
from solekit.calibration import store
from solekit.calibration.model import SATURATED, Calibration
from solekit.errors import DataError
from solekit.layouts import BoolArray, FloatArray, Layout

if TYPE_CHECKING:
    from solekit.recording import Recording
    from solekit.recording.foot import FootRecording

SAME_MM2 = 0.11  # areas travel in tenths of a square millimetre
MAX_BASE_MOVED = 60.0  # raw counts, median of the cells: more is another readout
FULL_CODE = 255
CIRCUIT_WORDS = slice(5, None)  # of the readout table: not how long a scan takes
GRID_CIRCUITS = tuple(CIRCUITS.index(name) for name in ("zero_potential", "divider_grounded"))
NEIGHBOURS = np.ones((1, 3, 3), bool)


def raw_counts(foot: FootRecording) -> FloatArray:
    """Return raw counts, (n, n_cells), of a recorded foot from the tables it was recorded with.

    What the insole had calibrated before it sent it is turned back, to the middle of what each
    code may have been: full scale stays full scale.
    """
    if foot.form == m.FORM_NAMES[m.RAW12]:
        return foot.counts.astype(float)
    if foot.form == "mixed":
        raise DataError("the recording changes its form halfway; record again in one form")
    middle = np.where(foot.counts > 0, foot.counts + 0.5, 0.0)
    raw = foot.info.base + middle * _per_code(foot)
    return np.where(foot.counts >= FULL_CODE, float(SATURATED), np.minimum(raw, SATURATED - 1))


def misfit(calibration: Calibration, foot: FootRecording) -> str:
    """Return why ``calibration`` is not of the insole that recorded ``foot``; '' if it is."""
    info = foot.info
    area_mm2 = info.layout.area_mm2
    if info.serial != calibration.serial:
        return f"it is of insole {calibration.serial}, the recording of {info.serial}"
    if len(area_mm2) != len(calibration.area_mm2) or not np.allclose(
        area_mm2, calibration.area_mm2, rtol=0, atol=SAME_MM2
    ):
        return "the cells lie otherwise than those it was made with"
    if calibration.readout and circuit_of(info.readout) != circuit_of(calibration.readout):
        return "the cells are read by another circuit than the one it was made with"
    if info.base.any():
        base = calibration.readable(info.base[None].astype(float))[0]
        moved = float(np.median(np.abs(base - calibration.base)))
        if moved > MAX_BASE_MOVED:
            return f"the counts without load have moved by {moved:.0f} since; calibrate again"
    return ""


def circuit_of(readout: Sequence[int] | NDArray[np.integer]) -> tuple[int, ...]:
    """Return what of a readout table makes the counts: not when they are read."""
    words = [int(word) for word in readout]
    return (words[0], *words[CIRCUIT_WORDS]) if words else ()


def of_foot(calibration: Calibration, foot: FootRecording) -> tuple[FloatArray, FloatArray]:
    """Return newtons per cell, (n, n_cells), and the half width, (n,), of the 95 % of their sum.

    DataError for a recording of another insole.
    """
    if why := misfit(calibration, foot):
        raise DataError(f"the calibration {calibration.name} does not fit: {why}")
    raw = raw_counts(foot)
    cells, half = calibration.newtons(raw, foot.t_s)
    if foot.form != m.FORM_NAMES[m.RAW12]:
        half = half + _hidden_n(calibration, foot)
    return cells, half


def _per_code(foot: FootRecording) -> FloatArray:
    return 65536.0 / np.maximum(foot.info.gain, 1)


def _hidden_n(calibration: Calibration, foot: FootRecording) -> FloatArray:
    """Return what 8 bits may hide, (n,): loads below the dead band, and parts of a code.

    A cell that reads nothing beside one that is loaded may carry all that the dead band holds;
    where cells do not touch, every cell of a loaded sole may.
    """
    info = foot.info
    is_loaded = foot.counts > 0
    band = float(info.calibration[2 * info.n_cells]) if len(info.calibration) else 0.0
    most = calibration.step_n(info.base + band * _per_code(foot))
    hidden = _beside(is_loaded, info.layout) & ~is_loaded
    # Parts of codes are as often too much as too little: their squares add up.
    part = calibration.step_n(info.base + _per_code(foot)) / np.sqrt(12)
    return hidden @ most + 1.96 * np.sqrt(is_loaded @ part**2)


def _beside(is_loaded: BoolArray, layout: Layout) -> BoolArray:
    if layout.rows:
        grid = is_loaded.reshape(-1, layout.rows, layout.cols)
        return np.asarray(binary_dilation(grid, NEIGHBOURS), dtype=bool).reshape(is_loaded.shape)
    return np.broadcast_to(is_loaded.any(axis=1, keepdims=True), is_loaded.shape)


def without_crosstalk(
    counts: FloatArray, readout: Sequence[int], grid: tuple[int, int]
) -> FloatArray:
    """Return ``counts`` (n, n_cells) as they would be if no cell of a grid disturbed another.

    They stay counts of the circuit's own scale. Where a saturated cell leaves others unknown, the
    counts stay as they are. Without a grid's readout table nothing changes.
    """
    words = dict(zip(READOUT_WORDS, readout, strict=False))
    kinds = (
        crosstalk.CIRCUITS.index("zero_potential"),
        crosstalk.CIRCUITS.index("divider_grounded"),
    )
    if not all(grid) or words.get("circuit") not in kinds:
        return counts
    whole = np.clip(np.rint(counts), 0, SATURATED).astype(int).reshape(-1, *grid)
    found = crosstalk.conductance_s(whole, np.asarray(readout))
    per_siemens = words["drive_mv"] * words["r_reference_ohm_10"] * 10 / words["adc_full_mv"]
    found = (found * (per_siemens * SATURATED)).reshape(counts.shape)
    return np.where(np.isfinite(found), found, counts)


def from_file(path: Path) -> Calibration:
    """Return the calibration kept in ``path``; DataError for anything else."""
    try:
        return Calibration.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DataError(f"there is no calibration {path}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} cannot be read ({error}); calibrate again") from None


def use(recording: Recording, files: Sequence[Path] | None = None) -> list[str]:
    """Let the feet of ``recording`` tell newtons by calibrations of this computer.

    ``files`` are calibrations to use, none of them: the insole's own; None takes what is kept
    under the serial numbers. Returns sentences about what was used, and what was not and why.
    DataError for a file that fits no foot.
    """
    given = None if files is None else [from_file(path) for path in files]
    said = []
    for side, foot in recording.feet.items():
        try:
            kept = store.load(foot.info.serial) if given is None else None
        except DataError as error:
            said.append(f"The kept calibration of the {side} insole is not used: {error}.")
            continue
        for one in given or []:
            kept = one if not misfit(one, foot) else kept
        if kept is None or not kept.is_newtons:
            continue
        if why := misfit(kept, foot):
            said.append(f"The kept calibration of the {side} insole is not used: {why}.")
            continue
        foot.calibration = kept
    used = [foot.calibration for foot in recording.feet.values()]
    for path, one in zip(files or (), given or (), strict=True):
        if not one.is_newtons:
            raise DataError(f"{path.name} knows no weight: its counts are not newtons")
        if not any(one is other for other in used):
            whys = "; ".join(misfit(one, foot) for foot in recording.feet.values())
            raise DataError(f"{path.name} fits no insole of the recording: {whys}")
    return said
