"""Centre of pressure of one foot, and the gait line of each stance."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.layouts import BoolArray, FloatArray, Layout

N_POINTS = 101  # of a gait line, 0 to 100 %
GAP_STEPS = 3  # a step between frames longer than this many usual steps is a gap
# So many frames as 64-bit floats lie in the processor's cache, and a product with few columns is
# made by one thread: several would wait for each other longer than they compute.
BLOCK_FRAMES = 128


class CentreOfPressure(Algorithm):
    """Centre of pressure of one foot, in the axes of its sole.

    Parameters
    ----------
    min_force_n
        Load below which there is no centre of pressure, in the unit of the load; None: from
        ``min_share``.
    min_share
        That load as share of body weight if it is known, else of the foot's 98th percentile.
    min_cell
        A cell must carry more than this to count, in the unit of the load (2 to 3 for counts).

    Attributes
    ----------
    cop_x_mm_, cop_y_mm_
        Centre of pressure, shape (n,); NaN where the foot carries less than the threshold.
    force_n_
        Load of all cells together, shape (n,), in the unit of the input.
    threshold_n_
        The load from which a centre of pressure is given.
    reason_
        Why there is no centre of pressure in the whole series; '' if there is one.

    Notes
    -----
    First moment of the cells' load over its sum. The unit of load cancels, so counts will do if
    the cells are of one area; otherwise multiply pressure by ``layout.area_mm2`` first.
    The thresholds are Solekit (own definition).
    """

    cop_x_mm_: FloatArray
    cop_y_mm_: FloatArray
    force_n_: FloatArray
    threshold_n_: float
    reason_: str

    def __init__(
        self, *, min_force_n: float | None = None, min_share: float = 0.05, min_cell: float = 0.0
    ) -> None:
        self.min_force_n = min_force_n
        self.min_share = min_share
        self.min_cell = min_cell

    def compute(
        self,
        force_n: NDArray[np.number],
        *,
        layout: Layout,
        body_weight_n: float | None = None,
    ) -> Self:
        """Find the centre of pressure of frames ``force_n`` (n, n_cells), N or counts.

        ``body_weight_n`` is in the unit of the load. A frame with NaN has no centre of pressure.
        """
        require_frames(force_n, layout)
        if body_weight_n is not None and not body_weight_n > 0:
            raise DataError(f"body weight {body_weight_n} N: give a positive one or None")
        columns = np.column_stack([np.ones(layout.n_cells), layout.x_mm, layout.y_mm])
        sums = weighted_sums(force_n, columns, min_cell=self.min_cell)
        total = sums[:, 0]
        if self.min_force_n is not None:
            threshold = float(self.min_force_n)
        elif body_weight_n is not None:
            threshold = self.min_share * body_weight_n
        else:
            known = total[np.isfinite(total)]
            threshold = self.min_share * float(np.percentile(known, 98)) if known.size else 0.0
        loaded = (total >= threshold) & (total > 0)
        cop = np.full((total.shape[0], 2), np.nan)
        np.divide(sums[:, 1:], total[:, None], out=cop, where=loaded[:, None])
        self.cop_x_mm_, self.cop_y_mm_ = cop[:, 0].copy(), cop[:, 1].copy()
        self.force_n_ = total.copy()
        self.threshold_n_ = threshold
        self.reason_ = "" if loaded.any() else f"no frame carries the {threshold:g} that it takes"
        return self


class GaitLine(Algorithm):
    """Path of the centre of pressure in each stance, on a common base of 0 to 100 %.

    Parameters
    ----------
    min_frames
        A stance with fewer frames that have a centre of pressure gives no line.

    Attributes
    ----------
    lines_mm_
        Lines, shape (n_stances, 101, 2): x and y; NaN for a stance without one.
    mean_line_mm_, sd_line_mm_
        Mean and standard deviation over the stances, shape (101, 2); the latter is NaN for fewer
        than two.
    stances_
        One row per stance: ``ic_s``, ``to_s``, ``start_pct`` and ``end_pct`` of the sole's length,
        ``length_mm`` (start to end), ``width_mm`` (range of the distances from the chord between
        them), ``lateral_area_mm2`` (between line and chord), ``path_mm``, ``velocity_mm_s`` (path
        over its duration), ``n_frames``, ``reason`` ('' for a line).

    Notes
    -----
    Solekit (own definition); linear in time between frames, from the first to the last frame of
    the stance that has a centre of pressure.
    """

    lines_mm_: FloatArray
    mean_line_mm_: FloatArray
    sd_line_mm_: FloatArray
    stances_: pd.DataFrame

    def __init__(self, *, min_frames: int = 8) -> None:
        self.min_frames = min_frames

    def resample(
        self,
        cop_x_mm: FloatArray,
        cop_y_mm: FloatArray,
        *,
        t_s: FloatArray,
        ic_s: FloatArray,
        to_s: FloatArray,
        layout: Layout,
    ) -> Self:
        """Cut the centre of pressure (n,) at times ``t_s`` (n,) into stances, (n_stances,)."""
        if not cop_x_mm.shape == cop_y_mm.shape == t_s.shape or t_s.ndim != 1:
            raise DataError(
                f"centre of pressure of shapes {cop_x_mm.shape} and {cop_y_mm.shape} for "
                f"{t_s.shape} times; give one value per time"
            )
        starts, stops, reasons = stance_frames(t_s, ic_s, to_s)
        xy = np.column_stack([cop_x_mm, cop_y_mm]).astype(float)
        self.lines_mm_ = np.full((len(starts), N_POINTS, 2), np.nan)
        duration_s = np.full(len(starts), np.nan)
        n_frames = np.zeros(len(starts), dtype=int)
        for k, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            valid = start + np.flatnonzero(np.isfinite(xy[start:stop]).all(axis=1))
            n_frames[k] = valid.size
            if not reasons[k]:
                reasons[k] = self._refusal(valid)
            if not reasons[k]:
                known_s = t_s[valid]
                at_s = np.linspace(known_s[0], known_s[-1], N_POINTS)
                duration_s[k] = known_s[-1] - known_s[0]
                for axis in (0, 1):
                    self.lines_mm_[k, :, axis] = np.interp(at_s, known_s, xy[valid, axis])
        given = self.lines_mm_[reasons == ""]
        blank = np.full((N_POINTS, 2), np.nan)
        self.mean_line_mm_ = given.mean(axis=0) if len(given) else blank
        self.sd_line_mm_ = given.std(axis=0, ddof=1) if len(given) > 1 else blank.copy()
        table = pd.DataFrame({"ic_s": np.array(ic_s, float), "to_s": np.array(to_s, float)})
        for name, values in describe_lines(self.lines_mm_, layout.length_mm).items():
            table[name] = values
        table["velocity_mm_s"] = table["path_mm"] / duration_s
        table["n_frames"], table["reason"] = n_frames, reasons
        self.stances_ = table
        return self

    def _refusal(self, valid: NDArray[np.intp]) -> str:
        if valid.size < self.min_frames:
            return f"{valid.size} frames with a centre of pressure; {self.min_frames} are needed"
        if np.diff(valid).max() > GAP_STEPS:
            return "the centre of pressure is missing within the stance"
        return ""


def describe_lines(lines_mm: FloatArray, length_mm: float) -> dict[str, FloatArray]:
    """Return the numbers of gait lines (n_lines, n_points, 2), each of shape (n_lines,)."""
    first, last = lines_mm[:, 0], lines_mm[:, -1]
    chord = last - first
    chord_mm = np.hypot(chord[:, 0], chord[:, 1])
    along_x, along_y = np.divide(chord.T, chord_mm, out=np.zeros((2, len(lines_mm))),
                                 where=chord_mm > 0)  # fmt: skip
    from_first = lines_mm - first[:, None]
    x, y = from_first[..., 0], from_first[..., 1]
    away = x * along_y[:, None] - y * along_x[:, None]
    along = x * along_x[:, None] + y * along_y[:, None]
    step = np.diff(lines_mm, axis=1)
    middle = np.abs(away[:, 1:] + away[:, :-1]) / 2
    return {
        "start_pct": 100 * first[:, 1] / length_mm,
        "end_pct": 100 * last[:, 1] / length_mm,
        "length_mm": chord_mm,
        "width_mm": away.max(axis=1) - away.min(axis=1),
        "lateral_area_mm2": (middle * np.abs(np.diff(along, axis=1))).sum(axis=1),
        "path_mm": np.hypot(step[..., 0], step[..., 1]).sum(axis=1),
    }


def stance_frames(
    t_s: FloatArray, ic_s: FloatArray, to_s: FloatArray
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.object_]]:
    """Return first frame, end frame (exclusive) and reason ('': whole) of every stance.

    A stance that is no span, that the recording does not cover, or that holds a gap says so.
    DataError for times that do not rise, or tables of different lengths.
    """
    t_s, ic_s, to_s = (np.asarray(values, dtype=float) for values in (t_s, ic_s, to_s))
    if ic_s.shape != to_s.shape or ic_s.ndim != 1:
        raise DataError(f"{ic_s.shape} contacts for {to_s.shape} toe offs; give pairs")
    if not np.isfinite(t_s).all() or (np.diff(t_s) <= 0).any():
        raise DataError("t_s must be finite and rise from frame to frame; sort or repair it")
    usual_s = float(np.median(np.diff(t_s))) if t_s.size > 1 else 0.0
    is_span = np.isfinite(ic_s) & np.isfinite(to_s) & (to_s > ic_s)
    starts = np.where(is_span, np.searchsorted(t_s, ic_s), 0)
    stops = np.where(is_span, np.searchsorted(t_s, to_s, side="right"), 0)
    reasons = np.full(ic_s.shape, "", dtype=object)
    reasons[~is_span] = "toe off is not after initial contact"
    if t_s.size == 0:
        reasons[is_span] = "no frames"
        return starts, stops, reasons
    slack_s = GAP_STEPS * usual_s
    covered = (ic_s >= t_s[0] - slack_s) & (to_s <= t_s[-1] + slack_s)
    reasons[is_span & ~covered] = "outside the recording"
    breaks_s = np.concatenate([[0], np.cumsum(np.diff(t_s) > slack_s)])
    inside = is_span & covered & (stops > starts)
    reasons[is_span & covered & ~inside] = "no frames"
    first = np.clip(starts - 1, 0, None)[inside]  # a gap at the edge of the stance counts too
    last = np.clip(stops, None, t_s.size - 1)[inside]
    held = np.zeros(ic_s.shape, dtype=bool)
    held[inside] = breaks_s[last] > breaks_s[first]
    reasons[held] = "a gap in the frames"
    return starts, stops, reasons


def weighted_sums(
    load: NDArray[np.number], columns: FloatArray, *, min_cell: float | None = None
) -> FloatArray:
    """Return ``load @ columns``, (n, n_columns), of the cells above ``min_cell``."""
    sums = np.empty((load.shape[0], columns.shape[1]))
    for start in range(0, load.shape[0], BLOCK_FRAMES):
        block = np.asarray(load[start : start + BLOCK_FRAMES], dtype=float)
        if min_cell is not None:
            block = np.where(block <= min_cell, 0.0, block)  # NaN stays
        sums[start : start + BLOCK_FRAMES] = block @ columns
    return sums


def require_frames(load: NDArray[np.number], layout: Layout) -> None:
    """Raise DataError unless ``load`` is (n, n_cells) of the layout."""
    if load.ndim != 2 or load.shape[1] != layout.n_cells:
        raise DataError(
            f"frames of shape {load.shape} for {layout.n_cells} cells of layout "
            f"{layout.name!r}; give (n, {layout.n_cells})"
        )


def loaded_frames(total: FloatArray, *, share: float = 0.05) -> BoolArray:
    """Return where a foot's load (n,) exceeds a share of its 98th percentile."""
    known = total[np.isfinite(total)]
    return total > (share * np.percentile(known, 98) if known.size else np.inf)
