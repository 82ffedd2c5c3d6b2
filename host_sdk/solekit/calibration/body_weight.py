"""Newtons from standing: quiet stances with the weight shifted from foot to foot.

In each the two feet carry the body weight W together: S_L k_L + S_R k_R = W. Least squares over
the stances give both factors and their covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from solekit.errors import DataError
from solekit.layouts import FloatArray

G_M_S2 = 9.80665
MIN_STANCES = 5
MAX_CONDITION = 12.0  # of the two columns: above it the stances are too alike
MAX_SHARE_SD = 0.10  # of a factor: worse is no calibration
DEFAULT_MASS_SD_KG = 0.5  # bathroom scales, clothes


@dataclass(frozen=True, eq=False)
class BodyWeightFit:
    """``factors`` (2,) left, right and their ``covariance`` (2, 2), widened for few stances.

    Divided into 1.96 standard errors the 95 % interval of Student's t is kept. ``residual_n`` (m,)
    is by how much the sum of the feet missed the body weight in each stance.
    """

    factors: FloatArray
    covariance: FloatArray
    residual_n: FloatArray
    condition: float
    body_weight_n: float

    @property
    def share_sd(self) -> FloatArray:
        """Standard errors of the factors as shares of them, (2,)."""
        return np.sqrt(np.diag(self.covariance)) / self.factors


def fit_body_weight(
    left: ArrayLike,
    right: ArrayLike,
    *,
    body_mass_kg: float,
    body_mass_sd_kg: float = DEFAULT_MASS_SD_KG,
) -> BodyWeightFit:
    """Return the factors that make the loads ``left`` and ``right`` (m,) newtons.

    A load is the sum of pressure times area over the cells of a foot, its mean over one stance.
    DataError for fewer than five stances, stances that are too alike, or factors that remain
    uncertain by more than 10 %.
    """
    loads = np.column_stack([np.asarray(v, dtype=float) for v in (left, right)])
    if len(loads) < MIN_STANCES or not np.isfinite(loads).all():
        raise DataError(f"{len(loads)} stances are given; body weight needs {MIN_STANCES} or more")
    check_mass(body_mass_kg)
    weight_n = body_mass_kg * G_M_S2
    norms = np.linalg.norm(loads, axis=0)
    if (norms <= 0).any():
        raise DataError("a foot carried nothing in any stance; stand on both insoles")
    condition = float(np.linalg.cond(loads / norms))
    if condition > MAX_CONDITION:
        raise DataError(
            f"the stances are too alike to tell the feet apart (condition {condition:.0f}, at "
            f"most {MAX_CONDITION:g}); shift the weight to the left foot and to the right"
        )
    factors, *_ = np.linalg.lstsq(loads, np.full(len(loads), weight_n), rcond=None)
    residual = loads @ factors - weight_n
    dof = len(loads) - 2
    widen = float(student.ppf(0.975, dof)) / 1.96
    variance = float(residual @ residual) / dof * widen**2
    covariance = np.linalg.inv(loads.T @ loads) * variance
    covariance += np.outer(factors, factors) * (body_mass_sd_kg / body_mass_kg) ** 2
    share_sd = np.sqrt(np.diag(covariance)) / np.abs(factors)
    if (factors <= 0).any() or (share_sd > MAX_SHARE_SD).any():
        raise DataError(
            f"newtons remain uncertain by {100 * share_sd.max():.0f} % (at most "
            f"{100 * MAX_SHARE_SD:.0f} %): the feet did not carry the body weight in every stance;"
            " stand freely, touch nothing, and repeat"
        )
    return BodyWeightFit(factors, covariance, residual, condition, weight_n)


def check_mass(body_mass_kg: float) -> None:
    """Raise DataError for a mass that nobody has."""
    if not 10 <= body_mass_kg <= 300:
        raise DataError(f"a body mass of {body_mass_kg:g} kg is not from 10 to 300 kg")
