"""Two insoles under one body: from what they read in a guided session to two calibrations."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solekit.calibration.body_weight import BodyWeightFit, fit_body_weight
from solekit.calibration.creep import Creep
from solekit.calibration.curves import Curves, assumed_curves
from solekit.calibration.film import fit_film
from solekit.calibration.hysteresis import Hysteresis
from solekit.calibration.model import Calibration
from solekit.calibration.recorded import without_crosstalk
from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray

# Where no press has measured: films have 0.7 to 1. The stances cannot tell it: creep and loops of
# the film move their sums as much.
ASSUMED_EXPONENT = 0.85


@dataclass(frozen=True, eq=False)
class Session:
    """What one insole read from its rest without load on: ``counts`` (n, n_cells) at ``t_s`` (n,).

    ``rest`` and ``stances`` are [start, end) in seconds of ``t_s``. ``curves``, ``creep`` and
    ``hysteresis`` are what a press and a long standing have shown before, None without.
    """

    serial: str
    side: str
    area_mm2: FloatArray
    counts: NDArray[np.integer]
    t_s: FloatArray
    rest: tuple[float, float]
    stances: Sequence[tuple[float, float]]
    curves: Curves | None = None
    kpa_per_count: FloatArray | float = 1.0
    creep: Creep | None = None
    hysteresis: Hysteresis | None = None
    readout: tuple[int, ...] = ()
    grid: tuple[int, int] = (0, 0)
    said: tuple[str, ...] = ()  # of that press

    def calibration(self) -> Calibration:
        """Return the calibration so far: pressure, but not yet a known weight."""
        frames = _within(self.t_s, self.rest)
        if not frames.any():
            raise DataError(f"insole {self.serial} has no frame without load; start again")
        rest = without_crosstalk(self.counts[frames].astype(float), self.readout, self.grid)
        base = rest.mean(axis=0)
        curves = self.curves or assumed_curves(
            len(base), kpa_per_count=self.kpa_per_count, exponent=ASSUMED_EXPONENT
        )
        quiet = curves.pressure(rest - base) @ (self.area_mm2 * 1e-3)
        return Calibration(
            self.serial,
            self.side,
            base,
            self.area_mm2,
            curves,
            zero_sd_n=float(np.std(quiet)),
            creep=self.creep,
            hysteresis=self.hysteresis,
            log=self.said,
            readout=self.readout,
            grid=self.grid,
        )

    def stance_loads(self, calibration: Calibration) -> FloatArray:
        """Return the mean load of each stance, newtons before the factor, (m,)."""
        pressure, _ = calibration.load(self.counts, self.t_s)
        load = pressure @ (self.area_mm2 * 1e-3)
        return np.array([load[_within(self.t_s, stance)].mean() for stance in self.stances])


def calibrate_pair(
    left: Session, right: Session, *, body_mass_kg: float, body_mass_sd_kg: float = 0.5
) -> tuple[dict[str, Calibration], BodyWeightFit]:
    """Return a calibration per side, and the fit to the body weight that both rest on."""
    sessions = (left, right)
    found = [one.calibration() for one in sessions]
    fit = fit_body_weight(
        *(one.stance_loads(c) for one, c in zip(sessions, found, strict=True)),
        body_mass_kg=body_mass_kg,
        body_mass_sd_kg=body_mass_sd_kg,
    )
    made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    out = {}
    for k, (side, calibration) in enumerate(zip(SIDES, found, strict=True)):
        log = [
            *calibration.log,
            f"body weight {fit.body_weight_n:.0f} N in {len(fit.residual_n)} stances",
        ]
        if not calibration.curves.is_measured and not calibration.log:
            log.append(f"no press: power laws with an assumed exponent of {ASSUMED_EXPONENT}")
        out[side] = replace(
            calibration,
            factor=float(fit.factors[k]),
            factor_share_sd=float(fit.share_sd[k]),
            body_mass_kg=body_mass_kg,
            made=made,
            log=tuple(log),
        )
    return out, fit


def with_film(left: Session, right: Session, *, body_mass_kg: float) -> list[Session]:
    """Return the sessions with the film that they tell themselves, where no press has told it."""
    film = fit_film(left, right, body_mass_kg=body_mass_kg)
    out = []
    told = f"no press: exponent {film.exponent:.2f}, loop and creep from slow shifts of the weight"
    for k, one in enumerate((left, right)):
        curves = assumed_curves(
            len(one.area_mm2), kpa_per_count=film.kpa_per_count[k], exponent=film.exponent
        )
        curves = replace(
            curves,
            cell_share_sd=film.cell_share_sd[k],
            shape_share_sd=film.shape_share_sd,
        )
        out.append(
            replace(one, curves=curves, creep=film.creep, hysteresis=film.hysteresis, said=(told,))
        )
    return out


def _within(t_s: FloatArray, span: tuple[float, float]) -> NDArray[np.bool_]:
    return (t_s >= span[0]) & (t_s < span[1])
