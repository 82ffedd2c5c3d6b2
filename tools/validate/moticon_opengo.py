"""Gait events against the step marks of Moticon's own detector, and its gait report (16 cells).

Two detectors are judged: the one on the foot, and ``PressureContacts`` on the file's own total
force. The reference is a detector, not a force plate; its toe off lies at about 12 % of body
weight, ours at 5 %: the bias is a definition and is printed, never tuned away.

A report ``gait_report_230927_10_21_14.xlsx`` belongs to the recording ``230927_102114.txt``. It
lists contacts on the recording's own clock, so strides are compared one by one. The vendor's
stance ends at the vendor's toe off: its bias is printed, its scatter is judged.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solekit.contacts.pressure import PressureContacts
from solekit.errors import DataError
from solekit.formats.source import SourceRecording
from solekit.layouts import SIDES, Side
from tools.validate.reference import MATCH_S, compare_events
from tools.validate.way import sources, walk_through
from tools.validate.xlsx import Cell, read_xlsx

FOLDER = "moticon_opengo"
PATTERNS = ("*.txt",)
MIN_STRIDES = 2  # of one foot; fewer have no scatter
COLUMNS = {
    "ic_s": "Initial contact (s)",
    "to_s": "Toe off (s)",
    "stance_s": "Stance (s)",
    "stride_s": "Stride time (s)",
    "cadence_min": "Stride cadence (1/min)",
}


def validate(folder: Path, rung: str) -> dict[str, Any]:
    """Return the comparison over every export in ``folder`` with step marks or a report."""
    pairs, offline, strides = [], [], []
    n_read = n_reports = 0
    for path, source in sources(folder, PATTERNS, "moticon"):
        report = report_of(path)
        has_marks = source.events is not None and len(source.events) > 0
        if not has_marks and report is None:
            continue
        n_read += 1
        events = offline_events(source)
        if has_marks:
            pairs.append((source.events, walk_through(path, rung=rung).events))
            offline.append((source.events, events))
        if report is not None:
            n_reports += 1
            strides.append(match_strides(read_report(report), events))
    found, alone = compare_events(pairs), compare_events(offline)
    targets = {**_event_targets("", found), **_event_targets("offline_", alone)}
    reported, report_targets = compare_strides(strides)
    return {
        "n_recordings": n_read,
        "n_people": None,  # the files do not name the person
        "reference": "Moticon's own step detector and gait report",
        **found,
        **{f"offline_{key}": value for key, value in alone.items()},
        "n_reports": n_reports,
        **reported,
        "targets": {**(targets if pairs else {}), **report_targets},
    }


def _event_targets(prefix: str, found: dict[str, Any]) -> dict[str, bool]:
    return {
        f"{prefix}every event found": found["n_missed"] == 0,
        f"{prefix}none invented": found["n_extra"] == 0,
        f"{prefix}ic_mae_ms <= 5": found.get("ic_mae_ms", 99) <= 5,
        f"{prefix}to_sd_ms <= 7": found.get("to_sd_ms", 99) <= 7,
    }


def offline_events(source: SourceRecording) -> pd.DataFrame:
    """Return the contacts of both feet from the total force of the file."""
    tables = []
    for side, foot in source.feet.items():
        events = PressureContacts().detect(foot.total_n, t_s=foot.t_s).events_
        tables.append(events.assign(side=side))
    return pd.concat(tables, ignore_index=True)


def report_of(path: Path) -> Path | None:
    """Return the gait report with the time of recording ``path`` in its name, if there is one."""
    digits = re.sub(r"\D", "", path.stem)
    for report in sorted(path.parent.glob("gait_report_*.xlsx")):
        if digits and re.sub(r"\D", "", report.stem) == digits:
            return report
    return None


def read_report(path: Path) -> pd.DataFrame:
    """Return the steps of a gait report: ``side`` and ``COLUMNS``; NaN where it gives nothing."""
    sheets = read_xlsx(path)
    tables = []
    for side in SIDES:
        rows = sheets.get(f"{side.capitalize()} Steps")
        if rows is None or not rows:
            raise DataError(
                f"{path.name} has no sheet '{side.capitalize()} Steps'; export the report again"
            )
        missing = [title for title in COLUMNS.values() if title not in rows[0]]
        if missing:
            raise DataError(f"{path.name}: no column {missing[0]!r} among the steps")
        places = {name: rows[0].index(title) for name, title in COLUMNS.items()}
        steps = [
            {name: _number(row, place) for name, place in places.items()}
            for row in rows[1:]
            if row
        ]
        tables.append(pd.DataFrame(steps, columns=list(places), dtype=float).assign(side=side))
    return pd.concat(tables, ignore_index=True)


def _number(row: list[Cell], place: int) -> float:
    value = row[place] if place < len(row) else None
    return value if isinstance(value, float) else math.nan  # the report writes 'NaN' as text


def match_strides(steps: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Return ``steps`` with our ``own_stance_s`` and ``own_stride_s``, NaN where unmatched.

    Our stride begins at the contact nearest to the report's and ends at our next contact.
    """
    rows = []
    for row in steps.to_dict("records"):
        ic_s, to_s = (_times(events, row["side"], kind) for kind in ("ic", "to"))
        own = {"own_stance_s": math.nan, "own_stride_s": math.nan}
        near = ic_s[np.abs(ic_s - row["ic_s"]) <= MATCH_S]
        if near.size:
            begin_s = float(near[np.abs(near - row["ic_s"]).argmin()])
            next_s = float(next(iter(ic_s[ic_s > begin_s]), math.nan))
            end_s = float(next(iter(to_s[to_s > begin_s]), math.nan))
            own["own_stride_s"] = next_s - begin_s
            own["own_stance_s"] = math.nan if end_s > next_s else end_s - begin_s
        rows.append({**row, **own})
    return pd.DataFrame(rows, columns=[*steps.columns, "own_stance_s", "own_stride_s"])


def _times(events: pd.DataFrame, side: Side, kind: str) -> NDArray[np.float64]:
    chosen = events[(events["side"] == side) & (events["kind"] == kind)]
    return np.sort(np.asarray(chosen["t_s"], dtype=float))


def compare_strides(tables: list[pd.DataFrame]) -> tuple[dict[str, Any], dict[str, bool]]:
    """Return rows ``report_`` per foot over all reports, and the targets; both {} without any.

    Strides that the report leaves blank are not compared.
    """
    if not tables:
        return {}, {}
    steps = pd.concat(tables, ignore_index=True)
    n_matched = int(np.isfinite(_column(steps, "own_stance_s")).sum())
    out: dict[str, Any] = {"report_n_steps": len(steps), "report_n_matched": n_matched}
    targets = {"report: every step matched": n_matched == len(steps)}
    for side in SIDES:
        mine = steps.loc[steps["side"] == side]
        ours_s, theirs_s = _both(mine, "own_stride_s", "stride_s")
        ours_stance_s, stance_s = _both(mine, "own_stance_s", "stance_s")
        _, theirs_min = _both(mine, "own_stride_s", "cadence_min")
        names = ("stride time within 1 %", "cadence within 1 %", "stance_sd_ms <= 20")
        if min(len(ours_s), len(theirs_min), len(stance_s)) < MIN_STRIDES:
            if len(mine) >= MIN_STRIDES:  # there was something to match
                targets |= {f"report: {side} {name}": False for name in names}
            continue
        ours_min = 60.0 / ours_s
        stance_ms = 1e3 * (ours_stance_s - stance_s)
        stride_pct = 100 * float(ours_s.mean() / theirs_s.mean() - 1)
        cadence_pct = 100 * float(ours_min.mean() / theirs_min.mean() - 1)
        stance_sd_ms = float(stance_ms.std(ddof=1))
        stride_mae_ms = 1e3 * float(np.abs(ours_s - theirs_s).mean())
        rows = {
            "stride_n": len(ours_s),
            "stride_s": f"{ours_s.mean():.4f} (report {theirs_s.mean():.4f})",
            "stride_diff_pct": round(stride_pct, 3),
            "stride_mae_ms": round(stride_mae_ms, 2),
            "cadence_strides_min": f"{ours_min.mean():.3f} (report {theirs_min.mean():.3f})",
            "cadence_diff_pct": round(cadence_pct, 3),
            "stance_n": len(stance_s),
            "stance_s": f"{ours_stance_s.mean():.4f} (report {stance_s.mean():.4f})",
            "stance_bias_ms": round(float(stance_ms.mean()), 2),
            "stance_sd_ms": round(stance_sd_ms, 2),
        }
        met = (abs(stride_pct) <= 1, abs(cadence_pct) <= 1, stance_sd_ms <= 20)
        out |= {f"report_{side}_{name}": value for name, value in rows.items()}
        targets |= {f"report: {side} {name}": bool(m) for name, m in zip(names, met, strict=True)}
    return out, targets


def _column(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name], dtype=float)


def _both(table: pd.DataFrame, one: str, other: str) -> tuple[NDArray, NDArray]:
    """Return two columns where both have a value."""
    a, b = _column(table, one), _column(table, other)
    known = np.isfinite(a) & np.isfinite(b)
    return a[known], b[known]
