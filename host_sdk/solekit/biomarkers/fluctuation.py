"""Long-range correlation of a series: detrended fluctuation analysis."""

from __future__ import annotations

from typing import Self

import numpy as np

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.layouts import FloatArray

N_STRETCHES = 5  # of the jackknife


class DetrendedFluctuation(Algorithm):
    """Scaling exponent alpha of a series: 0.5 without memory, 1.5 for a random walk.

    The summed series is cut into windows, from both ends, and a line is fitted in each; alpha is
    the slope of log(root mean square of the residual) over log(window length).

    Parameters
    ----------
    min_window
        Shortest window, in values; in shorter ones the line fit hides fluctuation and alpha rises.
    max_window_share
        Longest window, as a share of the series, at most 0.5.
    n_windows
        Window lengths tried, evenly spaced in their logarithm (equal ones once).

    Attributes
    ----------
    alpha_
        Scaling exponent.
    alpha_error_
        Standard error of alpha: jackknife over five stretches of the series (the residuals of the
        slope would understate it, because all window lengths see the same series).
    windows_
        Window lengths, shape (n,).
    fluctuation_
        Root mean square residual per window length, in the unit of the series, shape (n,).

    References
    ----------
    Peng et al. 1994, Phys Rev E 49:1685; Hausdorff et al. 1995, J Appl Physiol 78:349 (gait).
    """

    alpha_: float
    alpha_error_: float
    windows_: np.ndarray
    fluctuation_: FloatArray

    def __init__(
        self, *, min_window: int = 10, max_window_share: float = 0.25, n_windows: int = 20
    ) -> None:
        self.min_window = min_window
        self.max_window_share = max_window_share
        self.n_windows = n_windows

    def analyse(self, series: FloatArray) -> Self:
        """Estimate alpha of ``series``, shape (n_values,).

        DataError if it is constant, not finite, or too short for three window lengths.
        """
        values = np.asarray(series, dtype=float)
        longest = int(len(values) * self.max_window_share)
        if self.min_window < 3 or not 0.0 < self.max_window_share <= 0.5:
            raise ValueError("windows of at least 3 values and at most half of the series")
        if longest < self.min_window:
            raise DataError(f"{len(values)} values are too few for windows of {self.min_window}")
        if not np.all(np.isfinite(values)) or np.ptp(values) == 0.0:
            raise DataError("the series is constant or has values that are not finite")
        lengths = np.geomspace(self.min_window, longest, self.n_windows)
        self.windows_ = np.unique(np.round(lengths).astype(np.int64))
        if len(self.windows_) < 3:
            raise DataError(f"{len(values)} values allow only {len(self.windows_)} window lengths")
        profile = np.cumsum(values - values.mean())
        parts = [_residuals(profile, int(n)) for n in self.windows_]
        self.fluctuation_ = _rms(parts, left_out=None)
        if np.any(self.fluctuation_ == 0.0):
            raise DataError("the series does not fluctuate")
        self.alpha_ = _slope(self.windows_, self.fluctuation_)
        without = [_slope(self.windows_, _rms(parts, left_out=k)) for k in range(N_STRETCHES)]
        self.alpha_error_ = float(np.sqrt((N_STRETCHES - 1) * np.var(without)))
        return self


def _residuals(profile: FloatArray, window: int) -> tuple[FloatArray, np.ndarray]:
    """Return per window the mean square about a line, and the stretch its centre lies in."""
    n_whole, n_over = divmod(len(profile), window)
    pieces = np.concatenate([profile[: len(profile) - n_over], profile[n_over:]])
    pieces = pieces.reshape(-1, window)
    place = np.arange(window) - (window - 1) / 2
    slope = pieces @ place / (place @ place)
    rest = pieces - pieces.mean(axis=1, keepdims=True) - slope[:, None] * place
    starts = np.arange(n_whole) * window
    centre = np.concatenate([starts, starts + n_over]) + window / 2
    return np.mean(rest**2, axis=1), (centre * N_STRETCHES / len(profile)).astype(np.int64)


def _rms(parts: list[tuple[FloatArray, np.ndarray]], *, left_out: int | None) -> FloatArray:
    """Return the root mean square residual per window length, shape (n_windows,)."""
    return np.sqrt([np.mean(squares[stretch != left_out]) for squares, stretch in parts])


def _slope(windows: np.ndarray, fluctuation: FloatArray) -> float:
    """Return the slope of log(fluctuation) over log(window length)."""
    x = np.log(windows) - np.mean(np.log(windows))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(x @ np.log(fluctuation) / (x @ x))
