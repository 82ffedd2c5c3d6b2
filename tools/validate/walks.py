"""Real and virtual walks in one form: strides, stance curves, gait lines and peak pressures.

Everything is computed by the same lines for both. A walk is scaled by its own mean vertical force
over whole strides, which is the body weight of whoever walks (the momentum of the body is the same
at the end of a stride as at its start), so a sole that reads all forces a third too high still
shows the right shape. With one foot only, both feet are taken to carry the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from solekit.errors import DataError
from solekit.formats.source import FootSamples, SourceRecording, nominal_rate_hz, person_code
from solekit.formats.text import read_text
from solekit.layouts import SIDES, FloatArray, Layout, Side, cells
from solekit.pressure.regions import FOREFOOT, TOES, medial_share, region_masks
from solekit_hil.walker import Walker, build
from tools.validate.reference import threshold_contacts
from tools.validate.way import sources

G_M_S2 = 9.80665
SHARE_OF_WEIGHT = 0.05
USUAL = (0.75, 1.33)  # of the median; longer and shorter strides are standing, turning, starting
MAX_GAP_S = 0.06
N_CURVE, N_LINE = 50, 20  # points of a stance, in the middle of equal parts
RATE_HZ = 100.0
DENSE_CELLS = 200  # from here on the sole shows how long the foot is
PEDAR_CELLS = 99
REGIONS = {"heel": ("heel",), "midfoot": ("midfoot",), "forefoot": FOREFOOT, "toes": TOES}


@dataclass(frozen=True, eq=False)
class Walk:
    """One recording, cut into strides.

    ``weight_n`` is the mean force of both feet over the strides. ``contacts_s[side]`` (n, 2) are
    the whole contacts. ``strides_s`` (n, 6) are, for the first foot a and the other b: contact of
    a, toe off of b, contact of b, toe off of a, next contact of a, next toe off of b; the times of
    b are NaN with one foot only.
    """

    recording: SourceRecording
    is_real: bool
    weight_n: float
    contacts_s: dict[Side, FloatArray]
    strides_s: FloatArray

    @property
    def feet(self) -> dict[Side, FootSamples]:
        """Feet by side, the first one first."""
        return self.recording.feet

    @property
    def has_both(self) -> bool:
        """Whether both feet were recorded."""
        return len(self.feet) == len(SIDES)

    @property
    def has_places(self) -> bool:
        """Whether the places of the cells are known."""
        return all(np.ptp(foot.layout.y_mm) > 0 for foot in self.feet.values())


def virtual(
    seed: int, layouts: dict[Side, Layout], *, duration_s: float, motion: str = "walk"
) -> SourceRecording:
    """Return what a virtual person's soles of these layouts record."""
    walker: Walker = build(motion, seed=seed, layouts=layouts)
    t_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    words, _, _ = walker.sample(t_s)
    feet = {
        side: FootSamples(t_s, np.maximum(words[side].astype(float), 0.0), layouts[side])
        for side in layouts
    }
    return SourceRecording(
        name=f"virtual {seed}",
        source="virtual",
        rate_hz=RATE_HZ,
        left=feet.get("left"),
        right=feet.get("right"),
        body_mass_kg=walker.body_weight_n / G_M_S2,
        person=f"virtual {seed}",
    )


def real(data: Path, folder: str, patterns: tuple[str, ...], source: str) -> list[SourceRecording]:
    """Return the recordings of one format in ``folder`` of ``data``, none if it is not there."""
    return [recording for _, recording in sources(data / folder, patterns, source)]


def read_pedar(path: Path) -> SourceRecording:
    """Return a pedar text export (.asc): two soles of 99 pressures in kPa.

    The file gives neither areas nor places: every cell counts as 1 mm2 at one place, so that sums
    have the shape of the force as far as the cells are equal.
    """
    file = read_text(path)
    head = [i for i, line in enumerate(file.lines) if line.lower().startswith("time[secs]")]
    if not head or not any("kpa" in line.lower() for line in file.lines[: head[0]]):
        raise DataError(f"{file.name}: no line 'time[secs]' below 'pressure values in kPa'")
    columns = ["time", *(f"{side} {i + 1}" for side in SIDES for i in range(PEDAR_CELLS))]
    rows = []
    for line, text in enumerate(file.lines[head[0] + 1 :], head[0] + 2):
        fields = text.split()
        if fields and len(fields) != len(columns):
            raise file.error(line, f"{len(fields)} columns instead of {len(columns)}", "export it")
        if fields:
            rows.append(file.numbers(fields, line, columns))
    table = np.array(rows)
    one_place = np.zeros(PEDAR_CELLS)
    layout = cells("pedar-99", one_place, one_place, 1.0, length_mm=1.0, width_mm=1.0)
    feet = [
        FootSamples(table[:, 0], 1e-3 * kpa, layout)
        for kpa in (table[:, 1 : 1 + PEDAR_CELLS], table[:, 1 + PEDAR_CELLS :])
    ]
    rate_hz = nominal_rate_hz(table[:, 0])
    stem = re.sub(r"\W", "_", file.stem)
    return SourceRecording(stem, "pedar", rate_hz, feet[0], feet[1], None, person_code(stem))


def cut(recording: SourceRecording, *, is_real: bool, is_run: bool = False) -> Walk:
    """Return a recording cut by the rule of 5 % of body weight; DataError without a stride.

    A run is cut into contacts only, its weight is the mean over the whole recording.
    """
    n_missing = len(SIDES) - len(recording.feet)
    weight_n = sum(float(foot.total_n.mean()) for foot in recording.feet.values())
    weight_n *= 1 + n_missing
    if is_run:
        contacts_s = _all_contacts(recording, weight_n)
        return Walk(recording, is_real, weight_n, contacts_s, np.zeros((0, 6)))
    walk = _cut(recording, is_real, weight_n)
    for _ in range(2):  # the level sets the strides and the strides set the level
        totals = stride_totals(walk)
        weight_n = walk.weight_n * float(totals.mean()) * (1 + n_missing)
        walk = _cut(recording, is_real, weight_n)
    return walk


def cut_all(recordings: Iterable[SourceRecording], *, is_real: bool) -> list[Walk]:
    """Return the walks among ``recordings``; what has no whole stride is named on stderr."""
    walks = []
    for recording in recordings:
        try:
            walks.append(cut(recording, is_real=is_real))
        except DataError as error:
            print(f"left out: {error}", file=sys.stderr)
    return walks


def _cut(recording: SourceRecording, is_real: bool, weight_n: float) -> Walk:
    contacts = _all_contacts(recording, weight_n)
    strides_s = _strides(list(contacts.values()))
    long_s = strides_s[:, 4] - strides_s[:, 0]
    usual = (long_s > USUAL[0] * np.median(long_s)) if long_s.size else np.zeros(0, dtype=bool)
    usual &= long_s < USUAL[1] * np.median(long_s) if long_s.size else False
    for foot in recording.feet.values():
        breaks_s = foot.t_s[1:][np.diff(foot.t_s) > MAX_GAP_S]
        last_s = np.nanmax(strides_s, axis=1) if len(strides_s) else long_s
        held = (breaks_s >= strides_s[:, :1]) & (breaks_s <= last_s[:, None])
        usual &= ~held.any(axis=1)
    if not usual.any():
        raise DataError(f"{recording.name}: no whole stride; give a longer walk")
    return Walk(recording, is_real, weight_n, contacts, strides_s[usual])


def _all_contacts(recording: SourceRecording, weight_n: float) -> dict[Side, FloatArray]:
    level_n = SHARE_OF_WEIGHT * weight_n
    return {side: _contacts(foot, level_n, side) for side, foot in recording.feet.items()}


def _contacts(foot: FootSamples, level_n: float, side: Side) -> FloatArray:
    """Return (n, 2) times of contact and toe off, without standing still."""
    events = threshold_contacts(foot.t_s, foot.total_n, level_n, side)
    kind, t_s = events["kind"].to_numpy(), np.asarray(events["t_s"], dtype=float)
    starts = np.flatnonzero((kind[:-1] == "ic") & (kind[1:] == "to")) if len(kind) > 1 else []
    spans = np.column_stack([t_s[starts], t_s[np.asarray(starts, dtype=int) + 1]])
    if not len(spans):
        return spans
    long_s = np.ptp(spans, axis=1)
    usual = (long_s > USUAL[0] * np.median(long_s)) & (long_s < USUAL[1] * np.median(long_s))
    return spans[usual]


def _strides(contacts: list[FloatArray]) -> FloatArray:
    a, b = contacts[0], contacts[1] if len(contacts) > 1 else None
    rows = []
    for (ic, to), (next_ic, _) in pairwise(a):
        if b is None:
            rows.append([ic, np.nan, np.nan, to, next_ic, np.nan])
            continue
        before = b[(b[:, 0] < ic) & (b[:, 1] > ic)]
        after = b[(b[:, 0] > ic) & (b[:, 0] < next_ic)]
        if len(before) == 1 and len(after) == 1:
            row = [ic, before[0, 1], after[0, 0], to, next_ic, after[0, 1]]
            if (np.diff(row) > 0).all():
                rows.append(row)
    return np.array(rows).reshape(-1, 6)


def _shares(n: int) -> FloatArray:
    return (np.arange(n) + 0.5) / n


def _at(spans_s: FloatArray, n: int) -> FloatArray:
    """Return times in the middle of ``n`` equal parts of spans (k, 2), (k, n)."""
    return spans_s[:, :1] + np.diff(spans_s, axis=1) * _shares(n)


def stance_spans(walk: Walk, side: Side) -> FloatArray:
    """Return the stance of a foot in each stride, (n, 2) in s."""
    return walk.strides_s[:, [0, 3] if side == next(iter(walk.feet)) else [2, 5]]


def stance_curves(walk: Walk, side: Side, *, n: int = N_CURVE) -> FloatArray:
    """Return the force of a foot over its stance in body weights, (n_strides, n)."""
    foot = walk.feet[side]
    return np.interp(_at(stance_spans(walk, side), n), foot.t_s, foot.total_n) / walk.weight_n


def stride_totals(walk: Walk, *, n: int = 2 * N_CURVE) -> FloatArray:
    """Return the force of all feet over the stride in body weights, (n_strides, n)."""
    at_s = _at(walk.strides_s[:, [0, 4]], n)
    feet = [np.interp(at_s, foot.t_s, foot.total_n) for foot in walk.feet.values()]
    return np.sum(feet, axis=0) / walk.weight_n


def gait_lines(walk: Walk, side: Side, *, n: int = N_LINE) -> FloatArray:
    """Return the CoP over the stance, (n_strides, n, 2): shares of the length and of the width.

    The width counts from the medial edge.
    """
    foot = walk.feet[side]
    loaded = foot.total_n > 0.01 * walk.weight_n
    places = np.column_stack(
        [foot.layout.y_mm / foot.layout.length_mm, medial_share(foot.layout, side)]
    )
    cop = foot.force_n[loaded] @ places / foot.total_n[loaded, None]
    at_s = _at(stance_spans(walk, side), n)
    return np.stack([np.interp(at_s, foot.t_s[loaded], line) for line in cop.T], axis=2)


def timing(walk: Walk) -> dict[str, float]:
    """Return cadence (steps/min), stance and double support (% of stride): medians of strides."""
    ic, b_to, b_ic, to, next_ic, b_next_to = walk.strides_s.T
    stride_s = next_ic - ic
    stance_s = (to - ic + b_next_to - b_ic) / 2 if walk.has_both else to - ic
    double_s = (b_to - ic) + (to - b_ic)
    found = {
        "cadence_per_min": 120.0 / stride_s,
        "stance_pct": 100 * stance_s / stride_s,
        "double_support_pct": 100 * double_s / stride_s,
    }
    return {name: float(np.median(values)) for name, values in found.items()}


def fitted(foot: FootSamples) -> Layout:
    """Return the layout with its length and width those of the cells ever loaded, if dense.

    A sole is as long as the shoe and a sensor that was not cut to it is longer.
    """
    at = foot.layout
    if at.n_cells < DENSE_CELLS:
        return at
    highest = foot.force_n.max(axis=0)
    used = highest > 0.05 * highest.max()
    half_mm = np.sqrt(at.area_mm2.mean()) / 2
    low_x, low_y = at.x_mm[used].min() - half_mm, at.y_mm[used].min() - half_mm
    return replace(
        at,
        x_mm=at.x_mm - low_x,
        y_mm=at.y_mm - low_y,
        width_mm=float(at.x_mm[used].max() + half_mm - low_x),
        length_mm=float(at.y_mm[used].max() + half_mm - low_y),
    )


def peaks_kpa(walk: Walk) -> dict[str, float]:
    """Return the peak pressure of a contact by region, mean over the contacts of all feet."""
    found: dict[str, list[float]] = {}
    for side, foot in walk.feet.items():
        kpa = 1e3 * foot.force_n / foot.layout.area_mm2
        at = fitted(foot) if len(walk.strides_s) else foot.layout  # a runner may spare the heel
        masks = region_masks(at, side) if walk.has_places else {}
        parts = {
            name: np.any([masks[one] for one in ones if one in masks], axis=0)
            for name, ones in REGIONS.items()
            if any(one in masks for one in ones)
        }
        for start_s, stop_s in walk.contacts_s[side]:
            contact = kpa[(foot.t_s >= start_s) & (foot.t_s <= stop_s)]
            found.setdefault("all", []).append(float(contact.max()))
            for name, mask in parts.items():
                found.setdefault(name, []).append(float(contact[:, mask].max()))
    return {name: float(np.mean(values)) for name, values in found.items()}
