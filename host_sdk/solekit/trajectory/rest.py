"""When the foot stands: the moments at which its velocity is known to be zero."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import ndimage, signal

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.evenly import runs
from solekit.layouts import BoolArray, FloatArray
from solekit.trajectory.axes import G_M_S2, imu_table

FLOOR = 1e-3  # of the statistic, so that its logarithm exists


class FootRest(Algorithm):
    """Zero-velocity moments of one foot from its IMU, and from its load where there is pressure.

    The statistic is the mean over a window of angular rate and of what acceleration differs from
    gravity along its mean direction, each squared and over the square of its noise. A run of
    samples below ``still`` is rest except its ends; one that does not come that far down (running,
    a fast turn) rests at the deepest point between two movements, if it is deep enough.

    Parameters
    ----------
    window_s
        Length of the window.
    gyro_noise_rad_s, accel_noise_m_s2
        What a standing foot in a shoe still moves, 1-sigma.
    still
        The foot rests below this value of the statistic.
    loose, rise
        A minimum below ``loose`` is rest if the statistic rises ``rise``-fold on both sides.
    edge_s
        Left out at both ends of a run: the foot is already rolling there.

    Attributes
    ----------
    is_rest_
        (n,) bool: the velocity is zero here.
    is_still_
        (n,) bool: the whole runs, ends included.
    statistic_
        (n,)

    Notes
    -----
    The statistic is SHOE (Skog et al. 2010, IEEE TBME 57:2657); the minima and edges are our own:
    ends of runs shorten a stride by 2 to 3 % (``tools.validate pyshoe``).
    """

    is_rest_: BoolArray
    is_still_: BoolArray
    statistic_: FloatArray

    def __init__(
        self,
        *,
        window_s: float = 0.1,
        gyro_noise_rad_s: float = 0.0873,
        accel_noise_m_s2: float = 0.3,
        still: float = 16.0,
        loose: float = 1000.0,
        rise: float = 20.0,
        edge_s: float = 0.1,
    ) -> None:
        self.window_s = window_s
        self.gyro_noise_rad_s = gyro_noise_rad_s
        self.accel_noise_m_s2 = accel_noise_m_s2
        self.still = still
        self.loose = loose
        self.rise = rise
        self.edge_s = edge_s

    def detect(
        self,
        accel_m_s2: FloatArray,
        gyro_rad_s: FloatArray,
        *,
        rate_hz: float,
        is_loaded: BoolArray | None = None,
    ) -> Self:
        """Find rest in ``accel_m_s2`` and ``gyro_rad_s``, both (n, 3) in any axes at ``rate_hz``.

        ``is_loaded`` (n,): the foot carries load (more than a fifth of body weight); where it does
        not, it does not rest. DataError if the shapes do not fit.
        """
        table = imu_table(accel_m_s2, gyro_rad_s)
        if is_loaded is not None and is_loaded.shape != (len(table),):
            raise DataError(f"is_loaded has shape {is_loaded.shape} for {len(table)} samples")
        accel, gyro = table[:, :3], table[:, 3:]
        window = max(3, round(self.window_s * rate_hz))
        mean = ndimage.uniform_filter1d(accel, window, axis=0, mode="nearest")
        length = np.sqrt(np.einsum("ij,ij->i", mean, mean))
        off = accel - mean * (G_M_S2 / np.maximum(length, FLOOR))[:, None]
        # A sensor that reads nothing does not rest: all of gravity is missing.
        apart = np.where(length > FLOOR, np.einsum("ij,ij->i", off, off), G_M_S2**2)
        turning = np.einsum("ij,ij->i", gyro, gyro)
        each = turning / self.gyro_noise_rad_s**2 + apart / self.accel_noise_m_s2**2
        self.statistic_ = ndimage.uniform_filter1d(each, window, mode="nearest")
        may_rest = np.ones(len(table), dtype=bool) if is_loaded is None else is_loaded
        self.is_still_ = (self.statistic_ < self.still) & may_rest
        self.is_rest_ = inner(self.is_still_, max(1, round(self.edge_s * rate_hz)))
        depth = -np.log(np.maximum(self.statistic_, FLOOR))
        deepest, _ = signal.find_peaks(depth, height=-np.log(self.loose))
        deepest = deepest[may_rest[deepest] & ~self.is_still_[deepest]]
        # Not of those that are still: to the next one as deep it may be all the recording.
        rise, _, _ = signal.peak_prominences(depth, deepest)
        self.is_rest_[deepest[rise >= np.log(self.rise)]] = True
        return self


def inner(mask: BoolArray, edge: int) -> BoolArray:
    """Return ``mask`` (n,) less ``edge`` samples at both ends of each run; one stays at least."""
    first, stop = runs(mask)
    middle = (first + stop) // 2
    short = stop - first <= 2 * edge
    first, stop = np.where(short, middle, first + edge), np.where(short, middle + 1, stop - edge)
    change = np.zeros(len(mask) + 1, dtype=np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, stop, -1)
    return np.cumsum(change[:-1]) > 0
