"""Recordings of any length in bounded memory: foot contacts and stride geometry block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from solekit.contacts.inertial import InertialContacts, strides_of
from solekit.layouts import BoolArray, FloatArray
from solekit.trajectory.axes import FootAxes
from solekit.trajectory.path import FootPath
from solekit.trajectory.stride_geometry import StrideGeometry


@dataclass(frozen=True, eq=False)
class ImuBlock:
    """Samples of one foot: ``t_s`` (n,), ``accel_m_s2`` and ``gyro_rad_s`` (n, 3).

    ``is_loaded`` (n,) tells where the foot carries load, None where nobody knows.
    """

    t_s: FloatArray
    accel_m_s2: FloatArray
    gyro_rad_s: FloatArray
    is_loaded: BoolArray | None = None

    def after(self, t_s: float) -> ImuBlock:
        """Return the samples from ``t_s`` on."""
        rows = slice(int(np.searchsorted(self.t_s, t_s)), None)
        loaded = None if self.is_loaded is None else self.is_loaded[rows]
        return ImuBlock(self.t_s[rows], self.accel_m_s2[rows], self.gyro_rad_s[rows], loaded)

    def __add__(self, other: ImuBlock) -> ImuBlock:
        loaded = None
        if self.is_loaded is not None and other.is_loaded is not None:
            loaded = np.concatenate([self.is_loaded, other.is_loaded])
        return ImuBlock(
            np.concatenate([self.t_s, other.t_s]),
            np.concatenate([self.accel_m_s2, other.accel_m_s2]),
            np.concatenate([self.gyro_rad_s, other.gyro_rad_s]),
            loaded,
        )


def strides_of_blocks(
    blocks: Iterable[ImuBlock],
    *,
    overlap_s: float = 12.0,
    contacts: InertialContacts | None = None,
    path: FootPath | None = None,
    geometry: StrideGeometry | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield the strides of each of ``blocks``, which follow each other in time.

    A table has ``ic_s``, ``to_s``, ``next_ic_s`` and the columns of ``StrideGeometry``; every
    stride stands in one of them. ``overlap_s`` is kept of the block before, so that a stride (3 s)
    and the rests around it are whole. Where a block has too little walking to tell how the sensor
    sits, the axes of the last one hold. DataError as the algorithms raise it.
    """
    kept: ImuBlock | None = None
    axes: FootAxes | None = None
    reached_s = -np.inf
    for block in blocks:
        whole = block if kept is None else kept + block
        fitted = FootAxes().fit(whole.accel_m_s2, whole.gyro_rad_s, t_s=whole.t_s)
        axes = fitted if not fitted.reason_ or axes is None else axes
        table = _strides(whole, axes, contacts, path, geometry)
        # What begins in the last overlap may still change: the next block decides.
        limit_s = float(whole.t_s[-1]) - overlap_s / 2 if len(whole.t_s) else reached_s
        yield _between(table, reached_s, limit_s)
        reached_s = max(reached_s, limit_s)
        kept = whole.after(limit_s - overlap_s / 2)
    if kept is not None and axes is not None:
        yield _between(_strides(kept, axes, contacts, path, geometry), reached_s, np.inf)


def _between(strides: pd.DataFrame, from_s: float, to_s: float) -> pd.DataFrame:
    begins = strides["ic_s"]
    return strides.loc[(begins >= from_s) & (begins < to_s)].reset_index(drop=True)


def _strides(
    block: ImuBlock,
    axes: FootAxes,
    contacts: InertialContacts | None,
    path: FootPath | None,
    geometry: StrideGeometry | None,
) -> pd.DataFrame:
    samples = block.accel_m_s2, block.gyro_rad_s
    found = (contacts or InertialContacts()).clone().detect(*samples, t_s=block.t_s, axes=axes)
    swings = found.swings_
    strides = strides_of(swings)
    way = (path or FootPath()).clone()
    way.integrate(*samples, t_s=block.t_s, is_loaded=block.is_loaded)
    measured = (geometry or StrideGeometry()).clone().measure(strides, path=way, axes=axes)
    return pd.concat((strides, measured.strides_), axis=1)
