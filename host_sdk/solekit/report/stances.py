"""What the picture shows of one sole: load per cell, peak map, gait lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from solecore.wire import messages as m
from solekit.layouts import FloatArray

if TYPE_CHECKING:
    from solekit.analysis import Analysis
    from solekit.recording.foot import FootRecording

N_POINTS = 101  # of a gait line, initial contact to toe off
MIN_LOAD = 0.05  # of the largest load of the stance: below it the CoP is noise
NOISE_COUNTS = 3  # 8-bit counts: cells below it do not pull at the CoP
RAW_PER_CODE = 16  # 12 bits against 8
MIN_FRAMES_SHARE = 0.95  # a stance with fewer of its frames is left out
BLOCK = 2000  # frames that are looked at together
_FORM_OF = {name: form for form, name in m.FORM_NAMES.items()}


@dataclass(frozen=True, eq=False)
class Stances:
    """The stances of one foot.

    ``peak`` (n_cells,) is the largest pressure of each cell in kPa, or its counts if uncalibrated,
    the mean over ``n`` stances; over the whole recording if ``n`` is 0. ``gait_lines_mm`` has
    shape (n_lines, N_POINTS, 2); none if uncalibrated, since unequal cells have no centre.
    """

    peak: FloatArray
    gait_lines_mm: FloatArray
    n: int


def cell_load(foot: FootRecording, rows: slice, *, is_calibrated: bool) -> FloatArray:
    """Return newtons per cell of the frames ``rows``, or counts, shape (n, n_cells)."""
    if is_calibrated:
        if foot.calibration is None and foot.form in _FORM_OF:  # converts these frames only
            return foot.info.force_n(foot.counts[rows], _FORM_OF[foot.form])
        return foot.force_n[rows]
    base = foot.info.base if foot.form == "raw12" else 0
    return np.maximum(foot.counts[rows].astype(np.float64) - base, 0.0)


def describe_stances(analysis: Analysis, side: str) -> Stances:
    """Return the stances of the valid strides of ``side``."""
    foot = analysis.recording.feet[side]
    layout = foot.info.layout
    xy_mm = np.stack((layout.x_mm, layout.y_mm), axis=1)
    noise_n: float | FloatArray = NOISE_COUNTS * foot.info.force_lsb_n
    if foot.calibration is not None:
        noise_n = foot.calibration.step_n(foot.calibration.base + RAW_PER_CODE * NOISE_COUNTS)
    strides = analysis.strides
    mine = strides.loc[strides["is_valid"] & (strides["side"] == side), ["ic_s", "to_s"]]
    peaks, lines = [], []
    for ic_s, to_s in mine.to_numpy(dtype=float):
        rows = slice(*np.searchsorted(foot.t_s, [ic_s, to_s]))
        t_s = foot.t_s[rows]
        if len(t_s) < MIN_FRAMES_SHARE * ((to_s - ic_s) * foot.info.rate_hz - 1) or len(t_s) < 3:
            continue
        load = cell_load(foot, rows, is_calibrated=analysis.is_calibrated)
        peaks.append(load.max(axis=0))
        if not analysis.is_calibrated:
            continue
        pull = np.where(load < noise_n, 0.0, load)
        total = pull.sum(axis=1)
        firm = total > MIN_LOAD * total.max()
        if firm.sum() >= 3:
            cop_mm = pull[firm] @ xy_mm / total[firm, None]
            at = np.linspace(ic_s, to_s, N_POINTS)
            lines.append(np.stack([np.interp(at, t_s[firm], axis) for axis in cop_mm.T], axis=1))
    peak = np.mean(peaks, axis=0) if peaks else _largest(foot, analysis)
    if analysis.is_calibrated:
        peak = 1e3 * peak / layout.area_mm2
    return Stances(peak, np.array(lines).reshape(-1, N_POINTS, 2), len(peaks))


def _largest(foot: FootRecording, analysis: Analysis) -> FloatArray:
    """Return the largest load of each cell within the span."""
    first, stop = np.searchsorted(foot.t_s, analysis.span_s)
    largest = np.zeros(foot.info.n_cells)
    for at in range(first, stop, BLOCK):
        rows = slice(at, min(at + BLOCK, stop))
        load = cell_load(foot, rows, is_calibrated=analysis.is_calibrated)
        np.maximum(largest, load.max(axis=0), out=largest)
    return largest
