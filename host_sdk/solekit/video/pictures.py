"""A walk as a sheet of stick figures (SVG, no library), and its angles over time."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from solekit.errors import DataError, MissingExtraError
from solekit.layouts import SIDES, FloatArray
from solekit.report.ink import INK, LARGE, LINE, PALE, SIDE_COLOURS, SMALL, SOFT, quiet
from solekit.video.angles import SIDED
from solekit.video.landmarks import Landmarks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from solekit.video.variables import VideoVariables

N_FIGURES = 10
_HEIGHT, _MARGIN, _HEAD = 220.0, 14.0, 26.0
_CHAINS = (
    ("shoulder", "elbow", "wrist"),
    ("hip", "knee", "ankle", "heel", "foot_index", "ankle"),
)


def skeleton_sheet(found: Landmarks, *, title: str = "", n_figures: int = N_FIGURES) -> str:
    """Return an SVG of ``n_figures`` frames, evenly spread over those with a body.

    Both sides in their colours, the trunk dark; every figure has the scale of the picture. A
    point that was not found leaves out its lines. DataError where no frame has a body.
    """
    body = np.stack([found.middle(part) for part in ("shoulder", "hip", "ankle")], axis=1)
    whole = np.flatnonzero(np.isfinite(body).all(axis=(1, 2)))
    if not whole.size:
        raise DataError("no frame has a body: there is nothing to draw")
    rows = whole[np.unique(np.linspace(0, len(whole) - 1, n_figures).round().astype(int))]
    names = [name for name in found.names if not name.startswith(("mouth", "mid_"))]
    at = found.xy_px[:, [found.names.index(name) for name in names]]
    seen = at[rows].reshape(-1, 2)
    top = float(np.nanmin(seen[:, 1]))
    tall = float(np.nanmax(seen[:, 1])) - top
    centre = found.middle("hip")[rows, 0]
    wide = float(np.nanmax(np.abs(at[rows, :, 0] - centre[:, None])))
    scale = _HEIGHT / max(tall, 1.0)
    step = 2 * wide * scale + _MARGIN
    width, height = step * len(rows) + _MARGIN, _HEIGHT + _HEAD + 2 * _MARGIN + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="sans-serif" font-size="11">',
        f'<rect width="100%" height="100%" fill="{PALE}"/>',
        f'<text x="{_MARGIN}" y="18" fill="{INK}" font-size="13">{escape(title)}</text>',
    ]
    for i, row in enumerate(rows):
        middle = _MARGIN + step * (i + 0.5)
        offset = np.array([middle - centre[i] * scale, _HEAD + _MARGIN - top * scale])
        parts += _figure(found, int(row), scale, offset)
        parts.append(
            f'<text x="{middle:.1f}" y="{height - 6:.1f}" fill="{SOFT}" text-anchor="middle">'
            f"{found.t_s[row]:.2f} s</text>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _figure(found: Landmarks, row: int, scale: float, offset: FloatArray) -> list[str]:
    def place(name: str) -> FloatArray:
        return found.point(name)[row] * scale + offset

    far_first = sorted(SIDES, key=lambda side: float(found.score[row][_of(found, side)].sum()))
    hips, shoulders = (found.middle(part)[row] * scale + offset for part in ("hip", "shoulder"))
    out = []
    for side in far_first:
        for chain in _CHAINS:
            points = [place(f"{side}_{part}") for part in chain]
            for a, b in pairwise(points):
                out += _line(a, b, SIDE_COLOURS[side])
    out += _line(hips, shoulders, INK)
    for side in SIDES:
        out += _line(hips, place(f"{side}_hip"), INK) + _line(
            shoulders, place(f"{side}_shoulder"), INK
        )
    nose = place("nose")
    if np.isfinite(nose).all():
        out += _line(shoulders, nose, INK)
        out.append(f'<circle cx="{nose[0]:.1f}" cy="{nose[1]:.1f}" r="3.5" fill="{INK}"/>')
    return out


def _of(found: Landmarks, side: str) -> list[int]:
    return [i for i, name in enumerate(found.names) if name.startswith(side)]


def _line(a: FloatArray, b: FloatArray, colour: str) -> list[str]:
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return []
    return [
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
        f'stroke="{colour}" stroke-width="2.2" stroke-linecap="round"/>'
    ]


def angle_figure(measured: VideoVariables, *, title: str = "") -> Figure:
    """Return the angles over time of both sides; what was not measured is shaded.

    MissingExtraError without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a picture of angles", "report") from error
    curves = measured.curves_
    t_s = curves["t_s"].to_numpy(dtype=float)
    left_out = ~curves["is_measured"].to_numpy(dtype=bool)
    figure = Figure(figsize=(9.0, 10.0), dpi=100, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(SIDED) + 1, 1, sharex=True)
    names = [*SIDED.values(), "trunk_lean"]
    for axes, name in zip(panels, names, strict=True):
        quiet(axes, "left", "bottom")
        if name == "trunk_lean":
            axes.plot(t_s, curves[name], color=INK, linewidth=1.2)
        else:
            for side in SIDES:
                axes.plot(
                    t_s,
                    curves[f"{side}_{name}"],
                    color=SIDE_COLOURS[side],
                    linewidth=1.2,
                    label=side,
                )
        axes.fill_between(
            t_s,
            0,
            1,
            where=list(left_out),
            transform=axes.get_xaxis_transform(),
            color=LINE,
            alpha=0.5,
            linewidth=0,
        )
        axes.set_ylabel(f"{name.replace('_', ' ')}\n(deg)", fontsize=SMALL, color=SOFT)
    panels[0].legend(loc="upper right", frameon=False, fontsize=SMALL, labelcolor=SOFT, ncols=2)
    panels[0].set_title(title, loc="left", fontsize=LARGE, fontweight="bold", color=INK)
    panels[-1].set_xlabel("seconds; shaded: not measured", fontsize=SMALL, color=SOFT)
    return figure
