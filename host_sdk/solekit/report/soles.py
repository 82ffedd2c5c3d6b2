"""Both soles side by side: peak load of every cell, and the way of the centre of pressure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Circle
from matplotlib.patheffects import Normal, Stroke

from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit.report.ink import INK, LINE, PALE, PLAIN, SIDE_COLOURS, SMALL, SOFT, quiet, say, title
from solekit.report.stances import Stances, describe_stances

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from solekit.analysis import Analysis

UNLOADED = 0.015  # of the largest peak: cells below it show the sole
N_LINES = 40  # single gait lines that are drawn at most
HEAT = LinearSegmentedColormap.from_list(
    "solekit", ["#e3f0ea", "#a9dcc3", "#f6dd7f", "#f3983f", "#d7423a", "#82164d", "#34093a"]
)
# A sole for orientation, left foot: shares of width and length, from the heel. It carries no data.
_OUTLINE = np.array(
    [
        *((0.49, -0.01), (0.67, 0.01), (0.80, 0.08), (0.84, 0.18), (0.81, 0.30), (0.80, 0.42)),
        *((0.85, 0.54), (0.95, 0.65), (1.01, 0.75), (1.01, 0.86), (0.95, 0.95), (0.79, 1.01)),
        *((0.57, 1.02), (0.34, 0.985), (0.15, 0.92), (0.03, 0.83), (-0.02, 0.72), (-0.01, 0.59)),
        *((0.06, 0.45), (0.11, 0.31), (0.14, 0.18), (0.18, 0.08), (0.31, 0.01)),
    ]
)


def draw_soles(figure: Figure, place: Any, analysis: Analysis) -> None:
    """Draw both soles into ``place``, a cell of a grid, and the scale below them."""
    grid = place.subgridspec(2, 2, height_ratios=(1.0, 0.028), wspace=0.02, hspace=0.1)
    whole = figure.add_subplot(place)
    whole.set_axis_off()
    known = analysis.is_calibrated or not analysis.sides
    title(whole, "Peak pressure and mean gait line" if known else "Uncalibrated peak load")
    stances = {side: describe_stances(analysis, side) for side in analysis.sides}
    largest = max((float(found.peak.max()) for found in stances.values()), default=0.0)
    image = None
    for column, side in enumerate(SIDES):
        axes = figure.add_subplot(grid[0, column])
        axes.set_axis_off()
        if side not in stances:
            say(axes, f"no {side} foot\nin the recording")
            continue
        found = stances[side]
        layout = analysis.recording.feet[side].info.layout
        image = _draw_sole(axes, layout, side, found, largest or 1.0)
        _letter(axes, 1.0, side, va="bottom", size=PLAIN, color=SIDE_COLOURS[side], weight="bold")
        based_on = f"{found.n} stances" if found.n else "no stance: whole recording"
        _letter(axes, -0.01, based_on, va="top", size=SMALL, color=SOFT)
    if image is not None:
        _draw_scale(figure.add_subplot(grid[1, :]), image, analysis)


def _letter(axes: Axes, y: float, text: str, *, size: int, **style: Any) -> None:
    axes.text(0.5, y, text, transform=axes.transAxes, ha="center", fontsize=size, **style)


def _draw_scale(axes: Axes, image: Any, analysis: Analysis) -> None:
    bar = axes.figure.colorbar(image, cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    quiet(axes)
    unit = "kPa" if analysis.is_calibrated else "counts"
    axes.set_xlabel(f"{unit}, mean of the peaks of all stances", fontsize=SMALL, color=SOFT)


def _draw_sole(axes: Axes, layout: Layout, side: Side, stances: Stances, largest: float) -> Any:
    """Draw a sole as its wearer sees it from above; return what carries the colours."""
    outline = _smooth_outline(layout, side)
    axes.fill(*outline.T, facecolor=PALE, edgecolor=LINE, linewidth=1.2, zorder=0)
    draw = _draw_grid if layout.rows else _draw_cells
    image = draw(axes, layout, stances.peak, largest)
    lines = stances.gait_lines_mm
    if len(lines):
        for line in lines[:: -(-len(lines) // N_LINES)]:
            axes.plot(*line.T, color=INK, linewidth=0.6, alpha=0.16, zorder=2)
        mean = lines.mean(axis=0)
        halo = [Stroke(linewidth=4.6, foreground="white"), Normal()]
        axes.plot(*mean.T, color=INK, linewidth=2.2, zorder=3, path_effects=halo)
        axes.plot(*mean[0], "o", color=INK, markeredgecolor="white", markersize=8, zorder=4)
        axes.plot(*mean[-1], "^", color=INK, markeredgecolor="white", markersize=9, zorder=4)
    axes.set_aspect("equal")
    axes.set_xlim(-0.04 * layout.width_mm, 1.04 * layout.width_mm)
    axes.set_ylim(-0.03 * layout.length_mm, 1.03 * layout.length_mm)
    return image


def _draw_cells(axes: Axes, layout: Layout, peak: FloatArray, largest: float) -> Any:
    """Draw cells as circles of their area."""
    radius_mm = np.sqrt(layout.area_mm2 / np.pi)
    places = zip(layout.x_mm, layout.y_mm, radius_mm, strict=True)
    circles = PatchCollection([Circle((x, y), r) for x, y, r in places], cmap=HEAT, zorder=1)
    circles.set(array=peak, clim=(0, largest), edgecolor="white", linewidth=1.0)
    return axes.add_collection(circles)


def _draw_grid(axes: Axes, layout: Layout, peak: FloatArray, largest: float) -> Any:
    """Draw a grid as an image: every cell is seen, nothing is smoothed."""
    shape = (layout.rows, layout.cols)
    x_mm, y_mm, image = (a.reshape(shape) for a in (layout.x_mm, layout.y_mm, peak))
    if x_mm[0, 0] > x_mm[0, -1]:  # a mirrored sole counts its columns from the other edge
        x_mm, image = x_mm[:, ::-1], image[:, ::-1]
    if y_mm[0, 0] > y_mm[-1, 0]:
        y_mm, image = y_mm[::-1], image[::-1]
    half_x = (x_mm[0, -1] - x_mm[0, 0]) / max(layout.cols - 1, 1) / 2
    half_y = (y_mm[-1, 0] - y_mm[0, 0]) / max(layout.rows - 1, 1) / 2
    return axes.imshow(
        np.ma.masked_less(image, UNLOADED * largest),
        origin="lower",
        extent=(
            x_mm[0, 0] - half_x,
            x_mm[0, -1] + half_x,
            y_mm[0, 0] - half_y,
            y_mm[-1, 0] + half_y,
        ),
        cmap=HEAT,
        vmin=0,
        vmax=largest,
        interpolation="nearest",
        zorder=1,
    )


def _smooth_outline(layout: Layout, side: Side) -> FloatArray:
    """Return the outline of a sole of this size in mm, shape (n, 2): a closed cubic spline."""
    from scipy.interpolate import CubicSpline

    corners = np.concatenate((_OUTLINE, _OUTLINE[:1]))
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))))
    fine = CubicSpline(along, corners, bc_type="periodic")(np.linspace(0, along[-1], 300))
    x = fine[:, 0] if side == "left" else 1 - fine[:, 0]
    return np.stack((x * layout.width_mm, fine[:, 1] * layout.length_mm), axis=1)
