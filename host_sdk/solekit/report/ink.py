"""Colours and lettering that the parts of the picture share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, LINE, PALE = "#1d2733", "#56636f", "#d3d9df", "#f2f5f7"
SIDE_COLOURS: dict[str, str] = {"left": "#0b67a8", "right": "#c8500a"}  # all eyes tell them apart
SHADE = "#c9cfd6"
SMALL, PLAIN, LARGE = 9, 10, 12


def title(axes: Axes, text: str) -> None:
    """Write what ``axes`` shows above them."""
    axes.set_title(text, loc="left", fontsize=LARGE, fontweight="bold", color=INK, pad=24)


def say(axes: Axes, text: str) -> None:
    """Write what is missing where it would stand."""
    place = axes.transAxes
    axes.text(
        0.5, 0.5, text, transform=place, ha="center", va="center", fontsize=PLAIN, color=SOFT
    )


def quiet(axes: Axes, *spines: str) -> None:
    """Leave only ``spines``, thin and grey."""
    for name, spine in axes.spines.items():
        spine.set_visible(name in spines)
        spine.set_color(LINE)
    axes.tick_params(colors=SOFT, labelsize=SMALL, length=3, color=LINE)
