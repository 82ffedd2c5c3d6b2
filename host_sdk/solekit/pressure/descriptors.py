"""Plantar pressure per stance and region: peak, area, integrals, arch index, loading rate."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.layouts import FloatArray, Layout, Side
from solekit.pressure.cop import BLOCK_FRAMES, require_frames, stance_frames
from solekit.pressure.regions import TOES, absent_regions, region_masks

Unit = Literal["kPa", "n", "counts"]

KPA_MM2 = 1e-3  # N of 1 kPa on 1 mm2
FOOT = "foot"  # all regions together
RATIOS = ("contact_area_pct", "load_pct")
PRESSURES = ("peak_kpa", "mean_kpa", "pressure_time_kpa_s")
FORCES = ("force_time_n_s", "max_force_n")
WEIGHTS = ("force_time_bw_s", "max_force_bw")
QUANTITIES = (*PRESSURES, "contact_area_mm2", *FORCES, *WEIGHTS, *RATIOS)
FOOT_QUANTITIES = ("arch_index", "loading_rate_n_s", "loading_rate_bw_s")

UNCALIBRATED = "the cells are not calibrated: counts give ratios only; calibrate them first"
NO_WEIGHT = "body weight is not known; give body_weight_n"


class PlantarPressure(Algorithm):
    """Plantar pressure descriptors of one foot, per stance and region.

    Parameters
    ----------
    loaded_kpa, loaded_counts
        A cell that exceeds this is in contact.
    early_share
        Share of the stance in which the loading rate is sought.
    min_rate_hz
        Sampling rate below which the loading rate is refused.
    max_area_step
        Largest share of the sole without toes that one cell may cover, for the arch index. Its
        classes are 0.05 wide; one cell must not move it by more than a fifth of that.
    min_cover
        Least share of the sole's length times width that the cells must cover, for the arch index.

    Attributes
    ----------
    regions_
        One row per stance and region ('foot': all together): ``stance``, ``region``, ``peak_kpa``,
        ``mean_kpa`` (over loaded cells and time), ``pressure_time_kpa_s`` (integral of the
        region's highest pressure at each moment), ``contact_area_mm2`` (cells loaded at any time),
        ``force_time_n_s``, ``max_force_n``, both also in body weights (``force_time_bw_s``,
        ``max_force_bw``), ``contact_area_pct`` of the region's cells, ``load_pct`` (share of the
        foot's force-time integral).
    stances_
        One row per stance: ``stance``, ``ic_s``, ``to_s``, ``arch_index``, ``loading_rate_n_s``,
        ``loading_rate_bw_s``, ``n_frames``, ``reason`` ('' if it counts).
    means_
        ``region``, ``quantity``, ``mean``, ``sd``, ``n`` over the stances of this foot.
    maximum_picture_
        Highest value of each cell over the stances, shape (n_cells,), in kPa, or in counts.
    maximum_unit_
        'kPa' or 'counts'.
    rate_hz_
        Sampling rate that was judged.
    reasons_
        Why a quantity is NaN throughout, or a region is absent, by its name.
    side_
        The foot.

    Notes
    -----
    Quantities as usual for pressure insoles; arch index after Cavanagh and Rodgers 1987 with this
    project's regions (31 and 60 %, not thirds, so their classes do not hold to the digit). The
    refusals are Solekit (own definition). Counts are read as a measure of pressure.
    """

    regions_: pd.DataFrame
    stances_: pd.DataFrame
    means_: pd.DataFrame
    maximum_picture_: FloatArray
    maximum_unit_: str
    rate_hz_: float
    reasons_: dict[str, str]
    side_: Side

    def __init__(
        self,
        *,
        loaded_kpa: float = 10.0,
        loaded_counts: float = 3.0,
        early_share: float = 0.2,
        min_rate_hz: float = 50.0,
        max_area_step: float = 0.01,
        min_cover: float = 0.5,
    ) -> None:
        self.loaded_kpa = loaded_kpa
        self.loaded_counts = loaded_counts
        self.early_share = early_share
        self.min_rate_hz = min_rate_hz
        self.max_area_step = max_area_step
        self.min_cover = min_cover

    def describe(
        self,
        load: NDArray[np.number],
        *,
        t_s: FloatArray,
        layout: Layout,
        side: Side,
        contacts: pd.DataFrame,
        unit: Unit = "kPa",
        one: float = 1.0,
        body_weight_n: float | None = None,
        rate_hz: float | None = None,
    ) -> Self:
        """Describe frames ``load`` (n, n_cells) in ``unit``, taken at ``t_s`` (n,).

        A ``load`` of 1 is ``one`` of the unit: codes need not be multiplied out.
        ``contacts`` has ``ic_s`` and ``to_s`` of this foot (rows of the other foot are dropped if
        there is a column ``side``). ``rate_hz`` is the rate at which the cells were scanned, if
        ``t_s`` is a resampled clock. DataError on input that does not fit.
        """
        require_frames(load, layout)
        if t_s.shape != load.shape[:1]:
            raise DataError(f"{t_s.shape} times for {load.shape[0]} frames; give one per frame")
        if unit not in ("kPa", "n", "counts"):
            raise DataError(f"unit {unit!r} is not 'kPa', 'n' or 'counts'")
        if body_weight_n is not None and not body_weight_n > 0:
            raise DataError(f"body weight {body_weight_n} N: give a positive one or None")
        absent = sorted({"ic_s", "to_s"} - set(contacts.columns))
        if absent:
            raise DataError(f"contacts has no column {absent[0]!r}; it needs ic_s and to_s")
        own = contacts.loc[contacts["side"] == side] if "side" in contacts.columns else contacts
        ic_s, to_s = own["ic_s"].to_numpy(dtype=float), own["to_s"].to_numpy(dtype=float)
        starts, stops, reasons = stance_frames(t_s, ic_s, to_s)

        masks = {FOOT: np.ones(layout.n_cells, dtype=bool), **region_masks(layout, side)}
        scale = one * _to_pressure(unit, layout)
        threshold = self.loaded_counts if unit == "counts" else self.loaded_kpa
        series = _Series(load, scale, layout, masks, threshold)
        lost = np.concatenate([[0], np.cumsum(~np.isfinite(series.force[:, 0]))])
        reasons[(reasons == "") & (lost[stops] > lost[starts])] = "a frame with missing cells"
        n_frames = stops - starts
        reasons[(reasons == "") & (n_frames < 2)] = "fewer than 2 frames"

        self.side_ = side
        self.rate_hz_ = _rate(t_s) if rate_hz is None else float(rate_hz)
        self.reasons_ = absent_regions(layout, side)
        self.maximum_unit_ = "counts" if unit == "counts" else "kPa"
        good = reasons == ""
        pictures = _pictures(load, starts, stops, good) * scale
        self.maximum_picture_ = (
            pictures.max(axis=0) if len(pictures) else np.full(layout.n_cells, np.nan)
        )
        if not good.any():
            self.reasons_["stances"] = "no stance counts"
        sums = _StanceSums(series, t_s, ic_s[good], to_s[good], starts[good], stops[good])
        stance = np.flatnonzero(good)
        tables = []
        for k, (name, mask) in enumerate(masks.items()):
            loaded = pictures[:, mask] > threshold
            area = layout.area_mm2[mask]
            table = pd.DataFrame(sums.region(k))
            table["contact_area_mm2"] = loaded @ area
            table["contact_area_pct"] = 100 * table["contact_area_mm2"] / area.sum()
            table.insert(0, "stance", stance)
            table.insert(1, "region", name)
            tables.append(table)
        regions = pd.concat(tables).sort_values("stance", kind="stable", ignore_index=True)
        weight = np.nan if body_weight_n is None else body_weight_n
        regions["force_time_bw_s"] = regions["force_time_n_s"] / weight
        regions["max_force_bw"] = regions["max_force_n"] / weight

        whole = pd.DataFrame({"stance": np.arange(len(own)), "ic_s": ic_s, "to_s": to_s})
        for name in FOOT_QUANTITIES:
            whole[name] = np.nan
        whole.loc[good, "arch_index"] = self._arch_index(pictures > threshold, layout, masks)
        whole.loc[good, "loading_rate_n_s"] = self._loading_rate(
            series.force[:, 0], t_s, ic_s[good], to_s[good]
        )
        whole["loading_rate_bw_s"] = whole["loading_rate_n_s"] / weight
        whole["n_frames"], whole["reason"] = n_frames, reasons
        if body_weight_n is None:
            self._refuse((*WEIGHTS, "loading_rate_bw_s"), NO_WEIGHT, regions, whole)
        if unit == "counts":
            rates = ("loading_rate_n_s", "loading_rate_bw_s")
            names = (*PRESSURES, "contact_area_mm2", *FORCES, *WEIGHTS, *rates)
            self._refuse(names, UNCALIBRATED, regions, whole)
        self.regions_ = regions.loc[:, ["stance", "region", *QUANTITIES]]
        self.stances_ = whole
        self.means_ = _means(self.regions_, whole)
        return self

    def _refuse(
        self, names: tuple[str, ...], reason: str, regions: pd.DataFrame, whole: pd.DataFrame
    ) -> None:
        for name in names:
            self.reasons_[name] = reason
            table = regions if name in regions.columns else whole
            table[name] = np.nan

    def _arch_index(
        self, loaded: NDArray[np.bool_], layout: Layout, masks: dict[str, NDArray[np.bool_]]
    ) -> FloatArray:
        toes = np.logical_or.reduce([masks[name] for name in TOES if name in masks] or [[False]])
        area = np.where(toes, 0.0, layout.area_mm2)
        step = area.max() / area.sum() if area.sum() else 1.0
        cover = layout.area_mm2.sum() / (layout.length_mm * layout.width_mm)
        reason = ""
        if "midfoot" not in masks:
            reason = self.reasons_["midfoot"]
        elif step > self.max_area_step:
            reason = (
                f"one cell is {100 * step:.2g} % of the sole without toes; an arch index needs "
                f"cells of at most {100 * self.max_area_step:g} %"
            )
        elif cover < self.min_cover:
            reason = (
                f"the cells cover {100 * cover:.2g} % of the sole; an arch index needs at least "
                f"{100 * self.min_cover:g} %"
            )
        if reason:
            self.reasons_["arch_index"] = reason
            return np.full(len(loaded), np.nan)
        whole = loaded @ area
        middle = loaded @ np.where(masks["midfoot"], area, 0.0)
        return np.divide(middle, whole, out=np.full(len(loaded), np.nan), where=whole > 0)

    def _loading_rate(
        self, force_n: FloatArray, t_s: FloatArray, ic_s: FloatArray, to_s: FloatArray
    ) -> FloatArray:
        rate_n_s = np.full(ic_s.shape, np.nan)
        if not self.rate_hz_ >= 0.99 * self.min_rate_hz:  # clocks are off by far less than 1 %
            self.reasons_["loading_rate_n_s"] = self.reasons_["loading_rate_bw_s"] = (
                f"sampled at {self.rate_hz_:.3g} Hz; a loading rate needs {self.min_rate_hz:g} Hz"
            )
            return rate_n_s
        slope = np.diff(force_n) / np.diff(t_s)
        middle_s = (t_s[1:] + t_s[:-1]) / 2
        start = np.searchsorted(middle_s, ic_s)
        stop = np.searchsorted(middle_s, ic_s + self.early_share * (to_s - ic_s), side="right")
        given = stop > start
        rate_n_s[given] = _reduce(np.fmax, slope, start[given], stop[given])
        return rate_n_s


class _Series:
    """Sums over cells in every frame, (n, n_regions) each; the whole foot is the first column."""

    def __init__(
        self,
        load: NDArray[np.number],
        scale: FloatArray,
        layout: Layout,
        masks: dict[str, NDArray[np.bool_]],
        threshold: float,
    ) -> None:
        shape = (load.shape[0], len(masks))
        self.force, self.loaded_force, self.loaded_area, self.peak = np.empty((4, *shape))
        # The cells by region, each in one: what is of a region is then of a run of rows.
        regions = [np.flatnonzero(mask) for name, mask in masks.items() if name != FOOT]
        order = np.concatenate(regions)
        first = np.cumsum([0, *map(len, regions[:-1])])
        area, scale = layout.area_mm2[order, None], scale[order, None]
        for start in range(0, load.shape[0], BLOCK_FRAMES):
            part = slice(start, start + BLOCK_FRAMES)
            pressure = load[part].T[order] * scale
            force = pressure * (area * KPA_MM2)
            is_loaded = pressure > threshold  # NaN is no load
            self.peak[part, 1:] = np.maximum.reduceat(pressure, first, axis=0).T
            self.force[part, 1:] = np.add.reduceat(force, first, axis=0).T
            loaded = np.where(is_loaded, force, 0.0)
            self.loaded_force[part, 1:] = np.add.reduceat(loaded, first, axis=0).T
            loaded = np.where(is_loaded, area, 0.0)
            self.loaded_area[part, 1:] = np.add.reduceat(loaded, first, axis=0).T
        for sums in (self.force, self.loaded_force, self.loaded_area):
            sums[:, 0] = sums[:, 1:].sum(axis=1)
        self.peak[:, 0] = self.peak[:, 1:].max(axis=1)


class _StanceSums:
    """What a stance's frames add up to, per region."""

    def __init__(
        self,
        series: _Series,
        t_s: FloatArray,
        ic_s: FloatArray,
        to_s: FloatArray,
        starts: NDArray[np.intp],
        stops: NDArray[np.intp],
    ) -> None:
        def integral(values: FloatArray) -> FloatArray:
            return _integrals(values, t_s, ic_s, to_s)

        self.peak = _reduce(np.maximum, series.peak, starts, stops)
        self.max_force = _reduce(np.maximum, series.force, starts, stops)
        self.peak_time = integral(series.peak)
        self.force_time = integral(series.force)
        loaded_time = integral(series.loaded_area) * KPA_MM2
        self.mean = np.divide(
            integral(series.loaded_force),
            loaded_time,
            out=np.zeros_like(loaded_time),
            where=loaded_time > 0,
        )

    def region(self, k: int) -> dict[str, FloatArray]:
        whole = self.force_time[:, 0]
        share = np.full(whole.shape, np.nan)
        np.divide(100 * self.force_time[:, k], whole, out=share, where=whole > 0)
        return {
            "peak_kpa": self.peak[:, k],
            "mean_kpa": self.mean[:, k],
            "pressure_time_kpa_s": self.peak_time[:, k],
            "force_time_n_s": self.force_time[:, k],
            "max_force_n": self.max_force[:, k],
            "load_pct": share,
        }


def _to_pressure(unit: Unit, layout: Layout) -> FloatArray:
    if unit == "n":
        return 1 / (layout.area_mm2 * KPA_MM2)
    return np.ones(layout.n_cells)


def _rate(t_s: FloatArray) -> float:
    return float(1 / np.median(np.diff(t_s))) if t_s.size > 1 else np.nan


def _reduce(
    function: np.ufunc, values: NDArray, starts: NDArray[np.intp], stops: NDArray[np.intp]
) -> NDArray:
    """Return ``function`` over rows [start, stop) of each stance, none of them empty."""
    if starts.size == 0:
        return np.empty((0, *values.shape[1:]))
    # Even results are the stances, odd ones what lies between; an index must stay below the end.
    ends = np.column_stack([starts, np.minimum(stops, len(values) - 1)]).ravel()
    reduced = function.reduceat(values, ends, axis=0)[::2]
    at_end = stops == len(values)
    reduced[at_end] = function(reduced[at_end], values[-1])
    return reduced


def _pictures(
    load: NDArray[np.number],
    starts: NDArray[np.intp],
    stops: NDArray[np.intp],
    good: NDArray[np.bool_],
) -> NDArray:
    return _reduce(np.maximum, load, starts[good], stops[good]).reshape(-1, load.shape[1])


def _integrals(
    values: FloatArray, t_s: FloatArray, ic_s: FloatArray, to_s: FloatArray
) -> FloatArray:
    """Return integrals of ``values`` (n, k), linear between frames, over each stance (m, k)."""
    step_s = np.diff(t_s)[:, None]
    known = np.where(np.isfinite(values), values, 0.0)  # stances with missing frames are refused
    whole = np.concatenate(
        [np.zeros((1, known.shape[1])), np.cumsum(step_s * (known[1:] + known[:-1]) / 2, axis=0)]
    )

    def up_to(at_s: FloatArray) -> FloatArray:
        at_s = np.clip(at_s, t_s[0], t_s[-1]) if t_s.size else at_s
        i = np.clip(np.searchsorted(t_s, at_s, side="right") - 1, 0, max(t_s.size - 2, 0))
        into_s = (at_s - t_s[i])[:, None]
        slope = (known[i + 1] - known[i]) / step_s[i]
        return whole[i] + into_s * (known[i] + slope * into_s / 2)

    if ic_s.size == 0:
        return np.empty((0, values.shape[1]))
    return up_to(to_s) - up_to(ic_s)


def _means(regions: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    table = whole.loc[whole["reason"] == "", ["stance", *FOOT_QUANTITIES]].copy()
    table.insert(1, "region", FOOT)
    long = pd.concat(
        [
            regions.melt(["stance", "region"], list(QUANTITIES), "quantity"),
            table.melt(["stance", "region"], list(FOOT_QUANTITIES), "quantity"),
        ]
    )
    groups = long.groupby(["region", "quantity"], sort=False)["value"]
    means = groups.agg(mean="mean", sd="std", n="count").reset_index()
    return means.astype({"n": int})
