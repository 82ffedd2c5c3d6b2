"""One calibration of one insole: from counts to newtons with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from solekit.calibration.closure import MAX_CORRECTION, Closure
from solekit.calibration.creep import NO_CREEP, Creep
from solekit.calibration.curves import Curves
from solekit.calibration.hysteresis import ASSUMED_LOOP, Hysteresis
from solekit.calibration.swing import left_in_swings
from solekit.errors import DataError
from solekit.layouts import FloatArray

if TYPE_CHECKING:
    from solekit.recording.foot import FootRecording

VERSION = 1
SATURATED = 4095  # raw counts
MIN_SHARE_SD = 0.01  # nothing here is known better: sizes of cells, tilt of the sole
SWING_UNSURE = 0.2  # of what creep may have added: swings tell its slow parts only
CREEP_SPREAD = 0.2  # of what creep adds: cells differ in it, and one creep is fitted for all
History = Literal["rested", "unknown"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """What turns the counts of the insole ``serial`` into newtons.

    ``base`` (n_cells,) raw counts without load, ``area_mm2`` (n_cells,), ``curves`` to pressure,
    ``creep`` and ``hysteresis`` (None: not measured; the interval says so), ``factor`` from
    pressure times area to newtons with its standard error ``factor_share_sd`` as a share.
    ``zero_sd_n`` is the SD of the unloaded sole, newtons before the factor.
    ``made`` is an ISO date, ``log`` what was done, one sentence each. ``readout`` are the words of
    the readout table it was made with and ``grid`` its rows and columns: then all counts here are
    those without crosstalk. ``closed_by`` is what all closures together have made of the factor.
    """

    serial: str
    side: str
    base: FloatArray
    area_mm2: FloatArray
    curves: Curves
    factor: float = 1.0
    factor_share_sd: float = math.nan
    zero_sd_n: float = 0.0
    creep: Creep | None = None
    hysteresis: Hysteresis | None = None
    body_mass_kg: float = math.nan
    made: str = ""
    log: tuple[str, ...] = field(default=())
    readout: tuple[int, ...] = ()
    grid: tuple[int, int] = (0, 0)
    closed_by: float = 1.0

    def __post_init__(self) -> None:
        if not len(self.base) == len(self.area_mm2) == self.curves.n_cells:
            raise DataError(
                f"calibration of {self.serial}: {len(self.base)} bases, {len(self.area_mm2)} "
                f"areas and {self.curves.n_cells} curves do not belong together"
            )

    @property
    def is_newtons(self) -> bool:
        """Whether a known weight has been put on it."""
        return math.isfinite(self.factor_share_sd)

    @property
    def name(self) -> str:
        """What tables and reports call it."""
        return f"of {self.serial}, {self.made or 'without a date'}"

    def readable(self, counts: ArrayLike) -> FloatArray:
        """Return raw ``counts`` (n, n_cells) without the crosstalk of a grid."""
        from solekit.calibration.recorded import without_crosstalk

        return without_crosstalk(np.asarray(counts, dtype=float), self.readout, self.grid)

    def load(
        self, counts: ArrayLike, t_s: ArrayLike, *, history: History = "rested"
    ) -> tuple[FloatArray, FloatArray]:
        """Return the pressure of each cell, (n, n_cells) kPa before the factor, and its errors.

        ``counts`` are raw (``raw12``), (n, n_cells), at ``t_s`` (n,). The errors, (n, 2), are
        newtons before the factor: a standard error, and what an unknown ``history`` may add.
        """
        raw = np.asarray(counts, dtype=float)
        if raw.ndim != 2 or raw.shape[1] != len(self.base):
            raise DataError(
                f"counts are {raw.shape}; the calibration of {self.serial} has "
                f"{len(self.base)} cells"
            )
        t = np.asarray(t_s, dtype=float)
        mm2 = self.area_mm2 * 1e-3  # times kPa: newtons
        apparent = self.curves.pressure(self.readable(raw) - self.base)
        creep = self.creep or NO_CREEP
        crept = 0.0 if history == "rested" else 0.5
        felt, followed = creep.compensate(apparent, t, weight=mm2, crept=crept)
        left, trust = left_in_swings(felt, t)
        felt -= left
        pressure = self.hysteresis.invert(felt) if self.hysteresis else felt
        force = pressure @ mm2
        loop_sd = ASSUMED_LOOP / math.sqrt(12)
        shares = (
            self.curves.shape_share_sd,
            self.hysteresis.share_sd if self.hysteresis else loop_sd,
            MIN_SHARE_SD,
        )
        own = np.sqrt(((pressure * mm2 * self.curves.cell_share_sd) ** 2).sum(axis=1))
        variance = (force**2) * sum(share**2 for share in shares) + own**2
        if creep is NO_CREEP:  # then what follows is counted from the load itself
            mean = np.cumsum(np.abs(force)) / np.arange(1, len(t) + 1)
            most = np.maximum(np.abs(force), mean) * np.log10(10 + t - t[0])
            followed = np.column_stack([0 * t, most])
        unsure = 1 - (1 - SWING_UNSURE) * trust
        spread = CREEP_SPREAD * (followed @ [creep.share, creep.per_decade])
        variance += unsure**2 * (creep.share_sd(followed) ** 2 + spread**2) + self.zero_sd_n**2
        before = np.zeros(len(t))
        if history != "rested":
            before = unsure * 0.5 * abs(float(force.mean())) * creep.forgotten(t - t[0])
        return pressure, np.column_stack([np.sqrt(variance), before])

    def newtons(
        self, counts: ArrayLike, t_s: ArrayLike, *, history: History = "unknown"
    ) -> tuple[FloatArray, FloatArray]:
        """Return newtons per cell, (n, n_cells), and half the 95 % interval of their sum, (n,).

        ``counts`` raw, (n, n_cells), at ``t_s`` (n,), one recording from its start. ``history``
        says whether the insole was unloaded for minutes before, or may have been walked on. Where
        a cell is saturated the half width is infinite. DataError without a known weight.
        """
        self._check_newtons()
        pressure, errors = self.load(counts, t_s, history=history)
        cells = self.factor * pressure * (self.area_mm2 * 1e-3)
        sd = np.hypot(self.factor * errors[:, 0], cells.sum(axis=1) * self.factor_share_sd)
        half = 1.96 * sd + self.factor * errors[:, 1]
        is_saturated = (np.asarray(counts) >= SATURATED).any(axis=1)
        return cells, np.where(is_saturated, np.inf, half)

    def force_n(
        self, counts: ArrayLike, t_s: ArrayLike, *, history: History = "unknown"
    ) -> tuple[FloatArray, FloatArray]:
        """Return the force of the sole, (n,), and its half width, (n,), as ``newtons`` says."""
        cells, half = self.newtons(counts, t_s, history=history)
        return cells.sum(axis=1), half

    def step_n(self, raw: ArrayLike) -> FloatArray:
        """Return the newtons, (n_cells,), that ``raw`` counts (n_cells,) of each cell mean."""
        self._check_newtons()
        kpa = self.curves.pressure(np.asarray(raw, dtype=float)[None] - self.base)[0]
        return self.factor * np.maximum(kpa, 0.0) * (self.area_mm2 * 1e-3)

    def of_recording(self, foot: FootRecording) -> tuple[FloatArray, FloatArray]:
        """Return force and half width, (n,), of a recorded foot, in whatever form it travelled."""
        from solekit.calibration.recorded import of_foot

        cells, half = of_foot(self, foot)
        return cells.sum(axis=1), half

    def closed(self, closure: Closure) -> Calibration:
        """Return the calibration with the factor that walking asks for, and a line in its log.

        Walking tells the sum of the feet, not one from the other: of the error before, that part
        stays. DataError where all closures together would correct by more than 20 %.
        """
        closed_by = self.closed_by * closure.ratio
        if not 1 - MAX_CORRECTION <= closed_by <= 1 + MAX_CORRECTION:
            raise DataError(
                f"all closures of insole {self.serial} together would correct by "
                f"{100 * abs(closed_by - 1):.0f} %, at most {100 * MAX_CORRECTION:.0f} % is "
                "allowed; stand for a new calibration"
            )
        of_sum = closure.ratio_sd / closure.ratio
        between = self.factor_share_sd / math.sqrt(2)
        return replace(
            self,
            factor=self.factor * closure.ratio,
            factor_share_sd=max(float(np.hypot(of_sum, between)), MIN_SHARE_SD),
            closed_by=closed_by,
            log=(*self.log, str(closure)),
        )

    def _check_newtons(self) -> None:
        if not self.is_newtons:
            raise DataError(
                f"insole {self.serial} is uncalibrated: its counts are not newtons; "
                "run 'solekit calibrate' with --body-mass-kg"
            )

    def to_json(self) -> dict[str, Any]:
        """Return what a file keeps."""
        parts = {"curves": self.curves, "creep": self.creep, "hysteresis": self.hysteresis}
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in parts}
        return {
            "format": "solekit calibration",
            "version": VERSION,
            **_plain(own),
            **{name: part and _plain(vars(part)) for name, part in parts.items()},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Calibration:
        """Return what ``to_json`` kept; DataError for anything else."""
        version = data.get("version") if isinstance(data, dict) else None
        if version != VERSION or data.get("format") != "solekit calibration":
            raise DataError(
                f"not a calibration that this Solekit reads (version {version}, not {VERSION}); "
                "calibrate again"
            )
        known = {key: value for key, value in data.items() if key not in ("format", "version")}
        try:
            for name, kind in (("curves", Curves), ("creep", Creep), ("hysteresis", Hysteresis)):
                if known[name] is not None:
                    known[name] = kind(**_rich(known[name]))
            texts = {"log": tuple(known["log"])}
            words = {name: tuple(map(int, known.get(name, ()))) for name in ("readout", "grid")}
            return cls(**{**_rich(known), **texts, **words})
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a damaged calibration ({error}); calibrate again") from None


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    out = {}
    for key, value in values.items():
        if isinstance(value, np.ndarray):
            out[key] = value.tolist()
        elif isinstance(value, float) and not math.isfinite(value):
            out[key] = None
        else:
            out[key] = list(value) if isinstance(value, tuple) else value
    return out


def _rich(values: dict[str, Any]) -> dict[str, Any]:
    lists = {key: np.array(value) for key, value in values.items() if isinstance(value, list)}
    absent = ("factor_share_sd", "body_mass_kg")
    unknown = {key: math.nan for key in absent if key in values and values[key] is None}
    return {**values, **lists, **unknown}
