"""Poses as one picture: stick figures side by side, with the load under both feet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from solekit.errors import DataError, MissingExtraError
from solekit.inference.decode import KEYPOINTS
from solekit.layouts import SIDES, FloatArray, Side

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from solekit.inference.signals import FootSignal

N_FIGURES = 8
DPI = 100
_SPACING_M = 1.0
_INDEX = {name: i for i, name in enumerate(KEYPOINTS)}
_CHAINS = (
    ("shoulder", "elbow", "wrist"),
    ("hip", "knee", "ankle"),
    ("ankle", "heel", "small_toe", "big_toe", "ankle"),
)
_ROLL = 0.5  # how far the view is from the side: 0 is from the side, pi / 2 from the front


def pose_picture(
    t_s: FloatArray,
    keypoints_m: Any,
    *,
    feet: dict[Side, FootSignal] | None = None,
    title: str = "",
    n_figures: int = N_FIGURES,
) -> Figure:
    """Return a figure of ``n_figures`` poses, evenly spread over those that are whole.

    ``t_s`` (n,), ``keypoints_m`` (n, 19, 3); with ``feet`` the load of each foot at that moment
    stands below. MissingExtraError without matplotlib, DataError if no pose is whole.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a picture of poses", "report") from error
    from solekit.report.ink import INK, LARGE, LINE, SIDE_COLOURS, SMALL, SOFT, quiet

    points = np.asarray(keypoints_m, dtype=float)
    whole = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)))
    if not whole.size:
        raise DataError("no pose is whole: there is nothing to draw")
    rows = whole[np.unique(np.linspace(0, len(whole) - 1, n_figures).round().astype(int))]
    size_in = (1.5 * max(len(rows), 4), 4.6 if feet else 3.6)
    figure = Figure(figsize=size_in, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.01, 0.4 if feet else 0.12, 0.98, 0.5 if feet else 0.76))
    quiet(axes)
    axes.set(xticks=[], yticks=[])
    axes.axhline(0.0, color=LINE, linewidth=1)
    for i, row in enumerate(rows):
        across = points[row, :, 0] * np.sin(_ROLL) + points[row, :, 1] * np.cos(_ROLL)
        seen = np.stack((across + i * _SPACING_M, points[row, :, 2]), axis=1)
        for start, end in (("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")):
            _draw(axes, seen, (start, end), INK)
        middle = [
            (seen[_INDEX[f"left_{name}"]] + seen[_INDEX[f"right_{name}"]]) / 2
            for name in ("hip", "shoulder")
        ]
        spine = np.array([*middle, seen[_INDEX["head"]]])
        axes.plot(spine[:, 0], spine[:, 1], color=INK, linewidth=2, solid_capstyle="round")
        axes.plot(*seen[_INDEX["head"]], "o", color=INK, markersize=9)
        for side in SIDES:
            for chain in _CHAINS:
                names = tuple(f"{side}_{name}" for name in chain)
                _draw(axes, seen, names, SIDE_COLOURS[side])
        label = f"{t_s[row] - t_s[0]:.1f} s"
        axes.text(i * _SPACING_M, -0.06, label, ha="center", va="top", fontsize=SMALL, color=SOFT)
    axes.set(xlim=(-0.7, (len(rows) - 1) * _SPACING_M + 0.7), ylim=(-0.3, 2.05), aspect="equal")
    axes.set_title(title or "Poses", loc="left", fontsize=LARGE, fontweight="bold", color=INK)
    for side in SIDES:
        axes.plot([], [], color=SIDE_COLOURS[side], linewidth=2, label=side)
    axes.legend(loc="upper right", frameon=False, fontsize=SMALL, labelcolor=SOFT, ncols=2)
    if feet:
        _draw_load(figure, feet, t_s, rows)
    return figure


def save_picture(figure: Figure, path: Path) -> None:
    """Write ``figure`` as PNG into ``path``, which must not exist."""
    if path.exists():
        raise DataError(f"{path} exists; choose another name or delete it first")
    try:
        figure.savefig(path, format="png", metadata={"Software": "Solekit"})
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error


def _draw(axes: Any, seen: FloatArray, names: tuple[str, ...], colour: str) -> None:
    line = seen[[_INDEX[name] for name in names]]
    axes.plot(line[:, 0], line[:, 1], color=colour, linewidth=2, solid_capstyle="round")


def _draw_load(figure: Figure, feet: dict[Side, FootSignal], t_s: FloatArray, rows: Any) -> None:
    """Draw the load of each foot from the first to the last pose, and when the poses are."""
    from solekit.report.ink import LINE, SIDE_COLOURS, SMALL, SOFT, quiet

    axes = figure.add_axes((0.06, 0.11, 0.9, 0.2))
    quiet(axes, "bottom")
    for side, foot in feet.items():
        inside = (foot.t_s >= t_s[rows[0]]) & (foot.t_s <= t_s[rows[-1]])
        load = np.asarray(foot.load)[inside].sum(axis=1, dtype=float)
        axes.plot(foot.t_s[inside] - t_s[0], load, color=SIDE_COLOURS[side], linewidth=1)
    for row in rows:
        axes.axvline(t_s[row] - t_s[0], color=LINE, linewidth=1, zorder=0)
    axes.set_yticks([])
    axes.set_xlabel("seconds", fontsize=SMALL, color=SOFT, labelpad=1)
    axes.set_ylabel("load", fontsize=SMALL, color=SOFT)
