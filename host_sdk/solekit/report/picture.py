"""The headline picture: both soles, a stretch of walking, the phases of the gait cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from solekit.layouts import SIDES, FloatArray, Side
from solekit.report.ink import (
    INK,
    LINE,
    PLAIN,
    SHADE,
    SIDE_COLOURS,
    SMALL,
    SOFT,
    quiet,
    say,
    title,
)
from solekit.report.soles import draw_soles
from solekit.report.stances import cell_load

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from solekit.analysis import Analysis

SIZE_IN = (12.0, 6.9)
DPI = 100  # 1200 px wide
WINDOW_S = 4.0
# Columns of the stride table, name, how strong the foot's colour is; in order of time.
FOUR_PHASES = (
    ("ds_initial_pct", "double\nsupport", 0.42),
    ("ss_pct", "single support", 1.0),
    ("ds_terminal_pct", "double\nsupport", 0.42),
    ("swing_pct", "swing", 0.14),
)
TWO_PHASES = (("stance_pct", "stance", 1.0), ("swing_pct", "swing", 0.14))


def headline(analysis: Analysis) -> Figure:
    """Return one figure that shows what there is of ``analysis`` and says what is not."""
    figure = Figure(figsize=SIZE_IN, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        2,
        2,
        width_ratios=(1.0, 1.72),
        height_ratios=(1.25, 1.0),
        left=0.02,
        right=0.985,
        top=0.9,
        bottom=0.085,
        wspace=0.14,
        hspace=0.55,
    )
    draw_soles(figure, grid[:, 0], analysis)
    _draw_load(figure.add_subplot(grid[0, 1]), analysis)
    _draw_phases(figure.add_subplot(grid[1, 1]), analysis)
    return figure


def _draw_load(axes: Axes, analysis: Analysis) -> None:
    """Draw the load of each foot over a few seconds, with its events."""
    start_s, end_s = _window(analysis)
    walking = "" if analysis.bouts.empty else " of walking"
    title(axes, f"Load under each foot, {end_s - start_s:.0f} s{walking}")
    quiet(axes, "bottom")
    handles: list[Any] = []
    for side in analysis.sides:
        handles += _draw_foot_load(axes, analysis, side, start_s, end_s)
    if not handles:
        axes.set(xticks=[], yticks=[])
        say(axes, "no frames in the recording")
        return
    axes.set(xlim=(0, end_s - start_s), ylim=(0, 1.06 * axes.dataLim.y1 or 1.0))
    axes.set_xlabel("seconds", fontsize=SMALL, color=SOFT, labelpad=1)
    unit = "N" if analysis.is_calibrated else "counts"
    axes.set_ylabel(unit, fontsize=SMALL, color=SOFT)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    if not analysis.strides.empty:
        handles += axes.plot([], [], "o", color=INK, markersize=5, label="initial contact")
        handles += axes.plot([], [], "^", color=INK, markersize=6, label="toe off")
    shades = _double_supports(analysis, start_s, end_s)
    for from_s, to_s in shades:
        axes.axvspan(from_s - start_s, to_s - start_s, color=SHADE, alpha=0.55, linewidth=0)
    if len(shades):
        handles.append(Patch(color=SHADE, alpha=0.55, label="double support"))
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=len(handles),
        frameon=False,
        fontsize=SMALL,
        labelcolor=SOFT,
        handlelength=1.2,
        columnspacing=1.4,
        borderpad=0.3,
        borderaxespad=0,
    )


def _draw_foot_load(
    axes: Axes, analysis: Analysis, side: Side, start_s: float, end_s: float
) -> list[Any]:
    foot = analysis.recording.feet[side]
    first, stop = np.searchsorted(foot.t_s, [start_s, end_s])
    rows = slice(max(int(first) - 1, 0), int(stop) + 1)
    t_s = foot.t_s[rows]
    if not len(t_s):
        return []
    total = cell_load(foot, rows, is_calibrated=analysis.is_calibrated).sum(axis=1)
    breaks = np.flatnonzero(np.diff(t_s) > 1.5 / foot.info.rate_hz) + 1  # missing frames
    colour = SIDE_COLOURS[side]
    broken = np.insert(total, breaks, np.nan)
    broken_s = np.insert(t_s, breaks, (t_s[breaks - 1] + t_s[breaks]) / 2)
    line = axes.plot(
        broken_s - start_s,
        broken,
        color=colour,
        linewidth=2,
        label=side,
        zorder=3,
    )
    events = analysis.events
    for kind, marker, size in (("ic", "o", 6), ("to", "^", 7)):
        is_mine = (events["side"] == side) & (events["kind"] == kind)
        at_s = events.loc[is_mine & events["t_s"].between(t_s[0], t_s[-1]), "t_s"].to_numpy()
        axes.plot(
            at_s - start_s,
            np.nan_to_num(np.interp(at_s, broken_s, broken)),  # in a hole on the axis
            marker,
            color=colour,
            markeredgecolor="white",
            markersize=size,
            zorder=4,
        )
    return line


def _window(analysis: Analysis) -> tuple[float, float]:
    """Return the few seconds with most valid strides and fewest gaps; else the middle."""
    start_s, end_s = analysis.span_s
    length_s = min(WINDOW_S, max(end_s - start_s, 1 / analysis.rate_hz))
    strides = analysis.strides.loc[analysis.strides["is_valid"]]
    latest_s = end_s - length_s
    if strides.empty:
        middle_s = (start_s + end_s - length_s) / 2
        return middle_s, middle_s + length_s
    ic_s, next_ic_s = strides["ic_s"].to_numpy(), strides["next_ic_s"].to_numpy()
    starts_s = np.minimum(ic_s - 0.1, latest_s)
    ends_s = starts_s + length_s
    within = (ic_s >= starts_s[:, None]) & (next_ic_s <= ends_s[:, None])
    gaps = analysis.recording.gaps[["start_s", "end_s"]].to_numpy(dtype=float)
    broken = (gaps[:, 1] > starts_s[:, None]) & (gaps[:, 0] < ends_s[:, None])
    best_s = float(starts_s[np.argmax(within.sum(axis=1) - broken.sum(axis=1))])
    return best_s, best_s + length_s


def _double_supports(analysis: Analysis, start_s: float, end_s: float) -> FloatArray:
    """Return the double supports that meet the window, shape (n, 2); none if clocks disagree."""
    if not analysis.feet_joined:
        return np.empty((0, 2))
    strides = analysis.strides.loc[analysis.strides["is_valid"]]
    columns = (["ic_s", "other_to_s"], ["other_ic_s", "to_s"])
    spans = np.concatenate([strides[pair].dropna().to_numpy(dtype=float) for pair in columns])
    meets = (spans[:, 1] > start_s) & (spans[:, 0] < end_s) & (spans[:, 1] > spans[:, 0])
    return np.unique(spans[meets], axis=0)  # the initial one of a foot is the other's terminal one


def _draw_phases(axes: Axes, analysis: Analysis) -> None:
    """Draw the phases of the gait cycle of each foot: their shares sum to 100 %."""
    title(axes, "Phases of the gait cycle, % of the stride")
    quiet(axes)
    axes.set(xlim=(0, 100), ylim=(1.5, -0.62), xticks=[], yticks=[])
    strides = analysis.strides.loc[analysis.strides["is_valid"]]
    if strides.empty:
        say(axes, "no stride to take phases from")
        return
    for row, side in enumerate(SIDES):
        mine = strides.loc[strides["side"] == side]
        reason = _refusal(analysis, "single_support", side)
        phases = TWO_PHASES if reason else FOUR_PHASES
        shares = mine[[column for column, _, _ in phases]].dropna()
        refused = _refusal(analysis, "stance_share", side)
        if refused or shares.empty:
            axes.text(0, row, f"{side}: {refused}", fontsize=PLAIN, color=SOFT, va="center")
            continue
        _draw_bar(axes, row, side, phases, shares.mean().to_numpy())
        note = f"{side}, {len(shares)} strides" + (f"; double support: {reason}" if reason else "")
        axes.text(0, row + 0.34, note, fontsize=SMALL, color=SOFT, va="top")


def _draw_bar(axes: Axes, row: int, side: Side, phases: Any, shares: FloatArray) -> None:
    start = 0.0
    for (_, name, strength), share in zip(phases, shares, strict=True):
        axes.barh(row, share, left=start, height=0.52, color=SIDE_COLOURS[side], alpha=strength)
        middle = start + share / 2
        colour = "white" if strength == 1.0 else INK
        style: dict[str, Any] = {"ha": "center", "fontsize": PLAIN}
        axes.text(middle, row, f"{share:.1f}", color=colour, va="center", weight="bold", **style)
        if row == 0:
            axes.text(middle, row - 0.32, name, color=SOFT, va="bottom", **style)
        start += share


def _refusal(analysis: Analysis, name: str, side: Side) -> str:
    """Return why the variable of ``side`` is not reported, '' if it is."""
    table = analysis.variables
    return str(table.loc[(table["name"] == name) & (table["side"] == side), "reason"].iloc[0])
