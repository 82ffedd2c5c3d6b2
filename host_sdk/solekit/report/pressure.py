"""The table of plantar pressure: regions down, quantities across, both feet."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from solekit.layouts import SIDES
from solekit.report.tables import table

if TYPE_CHECKING:
    from solekit.soles import SolePressure

SHOWN = {  # quantity: head of its column, decimals
    "peak_kpa": ("Peak, kPa", 0),
    "pressure_time_kpa_s": ("Pressure-time, kPa s", 1),
    "contact_area_mm2": ("Contact area, cm²", 1),
    "load_pct": ("Share of load, %", 1),
    "arch_index": ("Arch index", 3),
    "loading_rate_n_s": ("Loading rate, N/s", 0),
}
PER_CM2 = 100.0  # mm2
_UNITS = ("kpa", "mm2", "n", "s", "bw", "pct")


def pressure_table(found: SolePressure) -> str:
    """Return mean ± SD over stances per region and foot, and in words what is not reported."""
    values = found.table.loc[found.table["reason"] == ""]
    names = [name for name in SHOWN if (values["quantity"] == name).any()]
    if not names:
        return "<p>No stance carries a pressure.</p>"
    rows = []
    for region in values.loc[values["quantity"].isin(SHOWN), "region"].unique():
        for side in SIDES:
            mine = values.loc[(values["region"] == region) & (values["side"] == side)]
            if len(mine):
                cells = "".join(f'<td class="number">{_cell(mine, name)}</td>' for name in names)
                head = f'<th scope="row">{escape(str(region).replace("_", " "))}</th>'
                rows.append(f'<tr>{head}<td class="{side}">{side}</td>{cells}</tr>')
    head = ("Region", "Foot", *(f"#{SHOWN[name][0]}" for name in names))
    refused = found.table.loc[found.table["reason"] != ""]
    by_reason: dict[str, set[str]] = {}
    for row in refused.itertuples():
        by_reason.setdefault(str(row.reason), set()).add(_words(row.quantity or row.region))
    sentences = [f"{', '.join(sorted(names))}: {why}" for why, names in sorted(by_reason.items())]
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    notes = f'<p class="soft">Not reported:</p><ul class="soft">{items}</ul>' if items else ""
    n = int(values["n"].max())
    return f'{table(head, rows)}<p class="soft">Mean ± SD over up to {n} stances.</p>{notes}'


def _words(name: object) -> str:
    """Return the name of a quantity or region without its unit."""
    words = [word for word in str(name).split("_") if word not in _UNITS]
    return " ".join(words)


def _cell(mine: pd.DataFrame, name: str) -> str:
    row = mine.loc[mine["quantity"] == name]
    if not len(row):
        return ""
    scale = 1.0 / PER_CM2 if name == "contact_area_mm2" else 1.0
    mean, sd = (scale * float(row[column].iloc[0]) for column in ("mean", "sd"))
    decimals = SHOWN[name][1]
    return f"{mean:.{decimals}f} ± {sd:.{decimals}f}"
