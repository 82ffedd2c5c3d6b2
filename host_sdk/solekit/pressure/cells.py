"""Cells that do not measure: found in walking, and filled from their neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.layouts import BoolArray, FloatArray, Layout
from solekit.pressure.cop import BLOCK_FRAMES, loaded_frames, require_frames
from solekit.pressure.neighbours import near_cells, spacing, support

Flags = NDArray[np.str_]

DEAD = "dead"  # constant at no load
STUCK = "stuck"  # constant at a load
LINE = "line"  # on a broken row or column
LOW = "low"
HIGH = "high"
SATURATED = "saturated"
# A saturated cell is a warning: its clipped value is nearer to the truth than its neighbours are.
FILLED = (DEAD, STUCK, LINE, LOW, HIGH)
MAX_FILLED_SHARE = 0.2  # of a frame's load, on filled cells; beyond it a CoP is marked
EMPTY_COUNTS = 3.0  # the dead-band: 3 SD of noise, at least 2


class CellCheck(Algorithm):
    """Dead, stuck, wrongly scaled and saturated cells and broken lines of one insole.

    Parameters
    ----------
    max_code
        Highest value a cell can have: 255, or 4095 for raw 12-bit counts.
    still_sd, moving_sd
        A cell that varies less than the first, in counts, while its neighbours vary more than the
        second, does not respond.
    min_gain, max_gain
        Limits of a cell's mean in stance, relative to the median of its neighbours.
    line_share
        A row or column below this share of both adjacent ones is broken.
    max_saturated_share
        Share of frames at ``max_code`` from which a cell is saturated.
    max_pitch_mm
        Cells further apart than this are not compared in gain: pressure itself changes as much.
    min_stances
        Fewer stances than this make the findings provisional.

    Attributes
    ----------
    flags_
        One code per cell, shape (n_cells,): '' (good), 'dead', 'stuck', 'line', 'low', 'high',
        'saturated'.
    lines_
        Broken lines as ('row' or 'column', index), rows counted from the heel.
    reasons_
        Sentences: what was found, with its consequence, and what could not be judged.
    is_heel_dead_
        Whether no cell of the heel responds.
    n_stances_
        Stances that were judged.

    Notes
    -----
    Solekit (own definition). Beside the median, three quarters of a cell's neighbours must agree
    that it differs: cells at the edge of the footprint differ from half of theirs. For the same
    reason a silent cell on the rim of a grid is not told from the outline of the foot, nor are
    more than two broken lines side by side from a region without load.
    """

    flags_: Flags
    lines_: list[tuple[str, int]]
    reasons_: list[str]
    is_heel_dead_: bool
    n_stances_: int

    def __init__(
        self,
        *,
        max_code: float = 255.0,
        still_sd: float = 0.5,
        moving_sd: float = 5.0,
        min_gain: float = 0.2,
        max_gain: float = 5.0,
        line_share: float = 0.1,
        max_saturated_share: float = 0.05,
        max_pitch_mm: float = 15.0,
        min_stances: int = 20,
    ) -> None:
        self.max_code = max_code
        self.still_sd = still_sd
        self.moving_sd = moving_sd
        self.min_gain = min_gain
        self.max_gain = max_gain
        self.line_share = line_share
        self.max_saturated_share = max_saturated_share
        self.max_pitch_mm = max_pitch_mm
        self.min_stances = min_stances

    def inspect(
        self, load: NDArray[np.number], *, layout: Layout, is_stance: BoolArray | None = None
    ) -> Self:
        """Judge the cells by frames ``load`` (n, n_cells) of walking, in counts.

        ``is_stance`` (n,) tells when the foot is on the ground; by default where the load exceeds
        5 % of its 98th percentile. Frames with NaN are left out. DataError without any frame in
        stance.
        """
        require_frames(load, layout)
        known, total = _known_frames(load)
        stance = loaded_frames(total) if is_stance is None else np.asarray(is_stance, dtype=bool)
        if stance.shape != known.shape:
            raise DataError(f"is_stance of shape {stance.shape} for {known.shape[0]} frames")
        stance = stance & known
        if not stance.any():
            raise DataError("no frame in stance: the sole carries no load; record some walking")
        mean, sd, mean_in_stance, saturated = _statistics(load, known, stance, self.max_code)
        self.n_stances_ = int(np.count_nonzero(np.diff(stance.astype(np.int8)) == 1) + stance[0])
        self.reasons_ = []
        if self.n_stances_ < self.min_stances:
            self.reasons_.append(
                f"judged on {self.n_stances_} stances; {self.min_stances} are needed to be sure"
            )
        flags = np.full(layout.n_cells, "", dtype="<U9")
        near = near_cells(layout)
        self._mark_gain(flags, mean_in_stance, near, layout)
        flags[saturated > self.max_saturated_share] = SATURATED
        self._mark_still(flags, mean, sd, near, layout)
        self.lines_ = self._find_lines(mean_in_stance, layout)
        flags[_on_lines(self.lines_, layout)] = LINE
        self.is_heel_dead_ = self._mark_heel(flags, sd, mean, layout)
        self.flags_ = flags
        self._tell(layout)
        return self

    def _mark_gain(
        self, flags: Flags, mean: FloatArray, near: NDArray[np.intp], layout: Layout
    ) -> None:
        pitch_mm = spacing(layout)
        if pitch_mm > self.max_pitch_mm:
            self.reasons_.append(
                f"gains are not compared: cells are {pitch_mm:.0f} mm apart, where pressure "
                f"itself may differ as much (limit {self.max_pitch_mm:g} mm)"
            )
            return
        low, middle, high = _quartiles(mean, near, beyond=0.0 if layout.rows else np.nan)
        flags[(middle > self.moving_sd) & (mean < self.min_gain * low)] = LOW
        flags[(mean > self.moving_sd) & (mean > self.max_gain * high)] = HIGH

    def _mark_still(
        self,
        flags: Flags,
        mean: FloatArray,
        sd: FloatArray,
        near: NDArray[np.intp],
        layout: Layout,
    ) -> None:
        low, _, _ = _quartiles(sd, near, beyond=0.0 if layout.rows else np.nan)
        alone = (near < 0).all(axis=1)  # a cell without neighbours is compared with all
        low[alone] = np.percentile(sd, 25)
        still = sd < self.still_sd
        flags[still & (low > self.moving_sd)] = DEAD
        flags[still & (mean > EMPTY_COUNTS)] = STUCK

    def _find_lines(self, mean: FloatArray, layout: Layout) -> list[tuple[str, int]]:
        if not layout.rows:
            return []
        picture = mean.reshape(layout.rows, layout.cols)
        found = []
        for kind, line in (("row", picture.mean(axis=1)), ("column", picture.mean(axis=0))):
            for width in (1, 2):
                for i in range(1, len(line) - width):
                    outer = min(line[i - 1], line[i + width])
                    # a line at the edge of the footprint has less beyond it, not on both sides
                    if outer > 1 and line[i : i + width].max() < self.line_share * outer:
                        found += [(kind, j) for j in range(i, i + width)]
        return sorted(set(found), key=lambda line: (line[0] != "row", line[1]))

    def _mark_heel(self, flags: Flags, sd: FloatArray, mean: FloatArray, layout: Layout) -> bool:
        heel = layout.heel
        silent = (sd < self.still_sd) | np.isin(flags, (DEAD, STUCK, LINE))
        if not heel.any() or not silent[heel].all() or not (sd[~heel] > self.moving_sd).any():
            return False
        rest = heel & (flags == "")
        flags[rest] = np.where(mean[rest] > EMPTY_COUNTS, STUCK, DEAD)
        self.reasons_.append(
            "no cell of the heel responds: initial contact is seen only when the forefoot lands, "
            "so contact and stance times are late and short, and the centre of pressure starts "
            "too far forward; do not use them from this foot"
        )
        return True

    def _tell(self, layout: Layout) -> None:
        for kind, i in self.lines_:
            self.reasons_.append(f"{kind} {i} is broken: check its thread and contact")
        for code, meaning in _MEANINGS.items():
            cells = np.flatnonzero(self.flags_ == code)
            if cells.size:
                some = ", ".join(map(str, cells[:8])) + (", ..." if cells.size > 8 else "")
                self.reasons_.append(f"{cells.size} of {layout.n_cells} cells {meaning}: {some}")


_MEANINGS = {
    DEAD: "do not respond",
    STUCK: "are stuck at a load",
    LOW: "read far less than their neighbours",
    HIGH: "read far more than their neighbours",
    SATURATED: "are often at their highest value, so peaks are cut; lower the gain",
}


@dataclass(frozen=True, eq=False)
class Interpolated:
    """Frames ``load`` (n, n_cells), and ``is_filled`` (n_cells,): which cells were filled.

    ``unfilled`` lists flagged cells without a valid neighbour, left at zero; ``reason`` says so.
    """

    load: NDArray[np.floating]
    is_filled: BoolArray
    unfilled: list[int]
    reason: str


def interpolate(
    load: NDArray[np.number], flags: Flags, layout: Layout, *, max_distance_mm: float = 40.0
) -> Interpolated:
    """Return frames (n, n_cells) with flagged cells filled from valid neighbours; a copy.

    Whole numbers of 8 bits become 32-bit floats: their resolution is far finer than a code.

    Grids: neighbours in row and column weigh 2, diagonal ones 1; on a broken line, linear between
    the next valid lines. Lists: up to 4 cells within ``max_distance_mm``, by inverse distance.
    Saturated cells keep their value. Frames with NaN stay NaN where they draw on it.
    """
    require_frames(load, layout)
    if flags.shape != (layout.n_cells,):
        raise DataError(f"flags of shape {flags.shape} for {layout.n_cells} cells")
    bad = np.isin(flags, FILLED)
    cells = np.flatnonzero(bad)
    weights = support(layout, cells, ~bad, flags == LINE, max_distance_mm)
    given = weights.sum(axis=0) > 0
    weights[:, given] /= weights[:, given].sum(axis=0)
    used = np.flatnonzero(weights.any(axis=1))  # cells that nobody draws on may hold anything
    filled = load.astype(np.float32 if load.dtype == np.uint8 else float)
    filled[:, cells] = filled[:, used] @ weights[used]
    is_filled = np.zeros(layout.n_cells, dtype=bool)
    is_filled[cells[given]] = True
    unfilled = cells[~given].tolist()
    reach = "adjacent to them" if layout.rows else f"within {max_distance_mm:g} mm"
    reason = (
        f"{len(unfilled)} cells have no valid cell {reach} and are left at zero: "
        f"{', '.join(map(str, unfilled[:8]))}"
        if unfilled
        else ""
    )
    return Interpolated(filled, is_filled, unfilled, reason)


def carried_by_interpolation(filled: Interpolated) -> FloatArray:
    """Return the share of each frame's load that lies on filled cells, (n,); NaN without load.

    A centre of pressure of a frame above ``MAX_FILLED_SHARE`` is to be marked.
    """
    total = filled.load.sum(axis=1)
    share = np.full(total.shape, np.nan)
    return np.divide(filled.load[:, filled.is_filled].sum(axis=1), total, out=share,
                     where=total > 0)  # fmt: skip


def _known_frames(load: NDArray[np.number]) -> tuple[BoolArray, FloatArray]:
    total = load.sum(axis=1, dtype=float)
    return np.isfinite(total), total


def _statistics(
    load: NDArray[np.number], known: BoolArray, stance: BoolArray, max_code: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return mean, SD, mean in stance, and share of frames at ``max_code``, (n_cells,) each."""
    n_cells = load.shape[1]
    shift = load[np.flatnonzero(known)[0]].astype(float)  # keeps the squares small
    sums = np.zeros((4, n_cells))
    for start in range(0, load.shape[0], BLOCK_FRAMES):
        part = slice(start, start + BLOCK_FRAMES)
        block = load[part][known[part]].astype(float)
        sums[3] += (block >= max_code).sum(axis=0)
        sums[2] += block[stance[part][known[part]]].sum(axis=0)
        block -= shift
        sums[0] += block.sum(axis=0)
        sums[1] += np.einsum("ij,ij->j", block, block)
    n = known.sum()
    sd = np.sqrt(np.maximum(sums[1] / n - (sums[0] / n) ** 2, 0))
    return sums[0] / n + shift, sd, sums[2] / stance.sum(), sums[3] / n


def _quartiles(
    values: FloatArray, near: NDArray[np.intp], *, beyond: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the quartiles of each cell's neighbours, (n_cells,) each; NaN without any.

    ``beyond`` is the value of what lies beyond the rim: 0 on a grid, which ends where the foot
    does; NaN (does not count) on a list of cells, where absent neighbours mean nothing.
    """
    out = np.full((3, near.shape[0]), np.nan)
    some = (near >= 0).any(axis=1)
    around = np.where(near < 0, beyond, values[near])[some]
    if some.any():
        out[:, some] = np.nanpercentile(around, [25, 50, 75], axis=1)
    return out[0], out[1], out[2]


def _on_lines(lines: list[tuple[str, int]], layout: Layout) -> BoolArray:
    on = np.zeros(layout.n_cells, dtype=bool)
    picture = on.reshape(layout.rows, layout.cols) if layout.rows else on
    for kind, i in lines:
        picture[(i,) if kind == "row" else (slice(None), i)] = True
    return on
