"""Box plots of two groups, every person a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from solekit.errors import MissingExtraError
from solekit.statistics.names import unit_of
from solekit.statistics.study_tables import shown_p

N_COLUMNS = 6
_CELL_IN = (2.1, 2.3)
_DPI = 110


def box_plots(
    table: pd.DataFrame,
    labels: pd.Series,
    *,
    variables: Sequence[str],
    order: Sequence[str],
    p_adjusted: Sequence[float],
) -> bytes:
    """Return a PNG with one plot per variable; MissingExtraError without matplotlib.

    The box holds the middle half, its line is the median, whiskers reach 1.5 boxes at most.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        from solekit.report.ink import INK, SIDE_COLOURS, SMALL, SOFT, quiet
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise MissingExtraError("box plots", "report") from error
    n_columns = min(N_COLUMNS, len(variables))
    n_rows = math.ceil(len(variables) / n_columns)
    figure = Figure(
        figsize=(_CELL_IN[0] * n_columns, _CELL_IN[1] * n_rows), dpi=_DPI, layout="constrained"
    )
    FigureCanvasAgg(figure)
    colours = tuple(SIDE_COLOURS.values())
    random = np.random.default_rng(1)  # where a point stands sideways means nothing
    for i, (name, p) in enumerate(zip(variables, p_adjusted, strict=True)):
        axes = figure.add_subplot(n_rows, n_columns, i + 1)
        quiet(axes, "bottom", "left")
        values = table[name].to_numpy(dtype=float)
        for at, (group, colour) in enumerate(zip(order, colours, strict=True)):
            mine = values[(labels == group).to_numpy() & np.isfinite(values)]
            if not len(mine):
                continue
            line = {"color": colour}
            lines: dict[str, Any] = {
                f"{part}props": line for part in ("box", "whisker", "cap", "median")
            }
            axes.boxplot(
                [mine],
                positions=[at],
                widths=0.55,
                showfliers=False,
                **lines,
            )
            sideways = at + random.uniform(-0.16, 0.16, len(mine))
            axes.plot(sideways, mine, ".", color=colour, alpha=0.4, markersize=4)
        axes.set_xticks([0, 1], [_short(group, 14) for group in order], fontsize=SMALL)
        axes.set_xlim(-0.6, 1.6)
        unit = f" ({unit_of(name)})" if unit_of(name) else ""
        axes.set_title(_plain(_short(name, 22)) + _plain(unit), fontsize=SMALL, color=INK)
        if shown_p(p):
            axes.set_xlabel(f"adjusted p {shown_p(p)}", fontsize=SMALL - 1, color=SOFT)
    picture = BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _short(text: str, n: int) -> str:
    return _plain(text if len(text) <= n else f"{text[: n - 1]}…")


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # a name is no formula
