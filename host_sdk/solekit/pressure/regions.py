"""Regions of the foot as masks of cells, for any layout; the limits are data (regions.json)."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from solekit.errors import DataError
from solekit.layouts import SIDES, BoolArray, FloatArray, Layout, Side

TOES = ("hallux", "lesser_toes")
FOREFOOT = ("mth1", "mth2_3", "mth4_5")


@cache
def _table() -> dict[str, Any]:
    text = resources.files("solekit.pressure").joinpath("regions.json").read_text("utf-8")
    return json.loads(text)


def region_names() -> tuple[str, ...]:
    """Return the names of all regions, heel to toes, medial first."""
    return tuple(_table()["regions"])


def medial_share(layout: Layout, side: Side) -> FloatArray:
    """Return how far each cell is from the medial edge, 0 to 1 of the sole's width, (n_cells,)."""
    if side not in SIDES:
        raise DataError(f"side {side!r} is not 'left' or 'right'")
    share = layout.x_mm / layout.width_mm
    return 1 - share if side == "left" else share


def region_masks(layout: Layout, side: Side) -> dict[str, BoolArray]:
    """Return the regions that have cells, each a mask of shape (n_cells,).

    Every cell is in exactly one region: limits are half-open, and what lies beyond the sole's
    outline belongs to the outermost region. A layout named in regions.json has its own map, by
    cell, because the shares would put cells of a sparse sole into the wrong region.
    """
    x_pct = 100 * medial_share(layout, side)
    own = _table()["layouts"].get(layout.name)
    if own is not None and sum(map(len, own.values())) == layout.n_cells:
        cell = np.arange(layout.n_cells)
        return {name: np.isin(cell, own[name]) for name in region_names() if own.get(name)}
    y_pct = 100 * layout.y_mm / layout.length_mm
    masks = {
        name: _within(y_pct, limits["length_pct"]) & _within(x_pct, limits["width_pct"])
        for name, limits in _table()["regions"].items()
    }
    return {name: mask for name, mask in masks.items() if mask.any()}


def region_mask(layout: Layout, side: Side, name: str) -> BoolArray:
    """Return one region's mask (n_cells,); DataError tells why the layout has none."""
    masks = region_masks(layout, side)
    if name not in masks:
        raise DataError(absent_regions(layout, side).get(name) or _unknown(name))
    return masks[name]


def absent_regions(layout: Layout, side: Side) -> dict[str, str]:
    """Return why regions are absent from the layout, by name."""
    masks = region_masks(layout, side)
    return {
        name: f"layout {layout.name!r} has no cell in region {name!r} of the {side} foot; "
        f"it has {', '.join(masks)}"
        for name in region_names()
        if name not in masks
    }


def _unknown(name: str) -> str:
    return f"region {name!r} is not one of {', '.join(region_names())}"


def _within(value_pct: FloatArray, limits_pct: list[float]) -> BoolArray:
    low, high = limits_pct
    above = value_pct >= low if low > 0 else np.ones(value_pct.shape, dtype=bool)
    return above & (value_pct < high) if high < 100 else above
