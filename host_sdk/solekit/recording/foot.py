"""One foot of a recording: decoded, unwrapped, on the host's clock."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solecore.wire import messages as m
from solekit.data_columns import DataColumns
from solekit.decode import Frames, PressureDecoder, motion
from solekit.identity import InsoleInfo
from solekit.loss import StreamLoss, account
from solekit.recording.minutes import minute_table
from solekit.timeline import Bounds, PolygonTimeline

if TYPE_CHECKING:
    from solekit.calibration.model import Calibration

_EVENT = struct.Struct("<BII")
_PAIR = struct.Struct("<QIB")
_ONE_LINE_S = 1e9
_BLOCK = 2048  # messages: what is between lies in the processor's cache
LOG_WANDER_PPM = 5.0  # the rate of a crystal that warms up in a shoe, over hours
_STRIDE = struct.Struct("<IIII6HHB")
EVENT_COLUMNS = ["side", "kind", "t_s", "force_n", "confirmed_s"]
STRIDE_COLUMNS = [
    *("side", "ic_s", "stance_s", "stride_s", "peak_force_n", "force_time_n_s"),
    *(
        "cop_start_x_mm",
        "cop_start_y_mm",
        "cop_mid_x_mm",
        "cop_mid_y_mm",
        "cop_end_x_mm",
        "cop_end_y_mm",
    ),
    *("n_active", "strike"),
]


@dataclass(frozen=True, eq=False)
class _Heads:
    """What one pass over all frames leaves of them: all but their cells, (n,) each."""

    seq: NDArray[np.int64]
    foot_us: NDArray[np.int64]
    load: NDArray[np.float64]  # newtons if the insole is calibrated, else counts
    forms: frozenset[int]

    @classmethod
    def of(cls, blocks: Iterable[Frames], info: InsoleInfo) -> _Heads:
        seq, foot_us, load = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
        forms: set[int] = set()
        for frames in blocks:
            seq.append(frames.seq)
            foot_us.append(frames.foot_us)
            load.append(_load(frames, info))
            forms.add(frames.form)
        numbers, times = np.concatenate(seq), np.concatenate(foot_us)
        return cls(numbers, times, np.concatenate(load), frozenset(forms))


def _load(frames: Frames, info: InsoleInfo) -> NDArray[np.float64]:
    """Return the sum of the cells of each frame, (n,)."""
    if info.is_calibrated and frames.form == m.RAW12:
        return info.force_n(frames.values, frames.form).sum(axis=1)
    total = frames.values.sum(axis=1, dtype=np.uint32)  # whole numbers: the same in any order
    return total * (info.force_lsb_n if info.is_calibrated else 1.0)


class FootRecording:
    """What one insole recorded.

    ``data`` are its data messages as received, from the log too; ``starts`` and ``ends``
    the sequence numbers of the streams at start and stop as the insole told them, None where it
    could not;
    ``duplicates`` the messages by stream that arrived again and were not recorded. ``calibration``
    may be set before the load is asked for: newtons then come from it, not from the insole's own.
    """

    calibration: Calibration | None = None

    def __init__(
        self,
        info: InsoleInfo,
        data: DataColumns,
        pings: list[dict[str, float]],
        *,
        starts: list[int] | None,
        ends: list[int] | None,
        duplicates: dict[str, int] | None = None,
    ) -> None:
        self.info = info
        self.side = info.side
        self._pings = pings
        self._ends = ends
        self._duplicates = duplicates or {}
        self._data = data
        self._by_stream = [data[data.stream == i].in_order() for i in range(m.N_STREAMS)]
        # Where a damaged file lost the start, what arrived first counts.
        self._starts = starts or [
            int(items.seq[0]) if len(items) else 0 for items in self._by_stream
        ]

    @property
    def starts(self) -> list[int]:
        """Sequence numbers of the streams at start."""
        return self._starts

    @property
    def ends(self) -> list[int]:
        """Sequence numbers at stop: as the insole told, else after the last that arrived."""
        if self._ends is not None:
            return self._ends
        return [
            int((items.seq + items.n).max()) if len(items) else start
            for items, start in zip(self._by_stream, self._starts, strict=True)
        ]

    def messages(self, stream: int) -> DataColumns:
        """Return the messages of ``stream`` by sequence number, without repeats."""
        return self._by_stream[stream]

    def last_part(self, duration_s: float) -> FootRecording:
        """Return frames and motion of the last ``duration_s`` as a recording of their own.

        For what a long recording need not be read for; its clock is that of its arrivals alone.
        """
        frames = self.messages(m.PRESSURE)
        since_us = frames.foot_us[-1] - duration_s * 1e6 if len(frames) else 0
        kept = np.isin(self._data.stream, (m.PRESSURE, m.IMU)) & (self._data.foot_us >= since_us)
        part = FootRecording(self.info, self._data[kept], [], starts=None, ends=None)
        part.calibration = self.calibration
        return part

    @property
    def is_newtons(self) -> bool:
        """Whether load is newtons: by a calibration of this computer, or by the insole's own."""
        return self.calibration is not None or self.info.is_calibrated

    @cached_property
    def force_error_n(self) -> NDArray[np.float64]:
        """Half width of the 95 % interval of the foot's force, (n,); NaN: nobody has told."""
        if self.calibration is None:
            return np.full(len(self.t_s), np.nan)
        return self._newtons[1]

    @cached_property
    def _newtons(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        from solekit.calibration.recorded import of_foot

        assert self.calibration is not None
        return of_foot(self.calibration, self)

    @cached_property
    def loss(self) -> dict[str, StreamLoss]:
        """Account of every stream by name."""
        return {
            name: account(
                self._data[self._data.stream == i],
                self._starts[i],
                self._ends[i] if self._ends is not None else None,
                self._duplicates.get(name, 0),
            )
            for i, name in enumerate(m.STREAM_NAMES)
        }

    @cached_property
    def timeline(self) -> PolygonTimeline:
        """Foot time to host time.

        What was logged arrived any time later and says nothing, unless there is nothing else: then
        the time pairs of the log place it, as one line, with all that a clock may wander.
        """
        items = self.messages(m.PRESSURE)
        items = items[items.block < 0]
        if not len(items):
            return self._timeline_of_log()
        newest = (items.foot_us + (items.n - 1) * self.info.period_us).astype(float)
        table = pd.DataFrame(self._pings, columns=["host_tx_s", "rx_us", "tx_us", "host_rx_s"])
        return PolygonTimeline().fit(
            Bounds(
                up_foot_s=np.concatenate((newest * 1e-6, table["tx_us"].to_numpy(float) * 1e-6)),
                up_host_s=np.concatenate((items.t_s, table["host_rx_s"].to_numpy(float))),
                down_foot_s=table["rx_us"].to_numpy(float) * 1e-6,
                down_host_s=table["host_tx_s"].to_numpy(float),
            )
        )

    def _timeline_of_log(self) -> PolygonTimeline:
        pairs = [
            (item.foot_us * 1e-6, *_PAIR.unpack_from(item.message, m.HEADER_SIZE)[:2])
            for item in self.messages(m.MINUTES)
            if item.message[0] == m.TIME_PAIR.msg_id
        ]
        told = np.array([pair for pair in pairs if pair[2]], float).reshape(-1, 3)
        foot_s, unix_s, half_s = told[:, 0], told[:, 1] * 1e-6, told[:, 2] * 1e-6
        ping = pd.DataFrame(self._pings, columns=["host_tx_s", "rx_us", "tx_us", "host_rx_s"])
        newest = np.concatenate([items.foot_us for items in self._by_stream]) * 1e-6
        arrival = np.concatenate([items.t_s for items in self._by_stream])
        return PolygonTimeline(window_s=_ONE_LINE_S, wander_ppm=LOG_WANDER_PPM).fit(
            Bounds(
                up_foot_s=np.concatenate((newest, foot_s, ping["tx_us"].to_numpy(float) * 1e-6)),
                up_host_s=np.concatenate(
                    (arrival, unix_s + half_s, ping["host_rx_s"].to_numpy(float))
                ),
                down_foot_s=np.concatenate((foot_s, ping["rx_us"].to_numpy(float) * 1e-6)),
                down_host_s=np.concatenate((unix_s - half_s, ping["host_tx_s"].to_numpy(float))),
            )
        )

    def _host_s(self, foot_us: Any) -> NDArray[np.float64]:
        return self.timeline.to_host_s(np.asarray(foot_us, dtype=float) * 1e-6)

    def blocks(self) -> Iterator[Frames]:
        """Yield the frames in order, some thousands at a time, decoded as they are asked for.

        All at once they are large: an hour of 660 cells in newtons is a gigabyte.
        """
        decoder = PressureDecoder(self.info.n_cells, self.info.period_us)
        items = self.messages(m.PRESSURE)
        for start in range(0, len(items), _BLOCK):
            yield from decoder.decode(items[start : start + _BLOCK])

    @cached_property
    def _heads(self) -> _Heads:
        return _Heads.of(self.blocks(), self.info)

    @cached_property
    def form(self) -> str:
        """Name of the form that the frames travelled in ('mixed' if several)."""
        forms = set(self._heads.forms)
        return (
            m.FORM_NAMES[forms.pop()] if len(forms) == 1 else "mixed" if forms else self.info.form
        )

    @cached_property
    def seq(self) -> NDArray[np.int64]:
        """Sequence numbers of the frames, shape (n,)."""
        return self._heads.seq

    @cached_property
    def foot_us(self) -> NDArray[np.int64]:
        """Sampling times on the foot's own clock, unwrapped microseconds, shape (n,)."""
        return self._heads.foot_us

    @cached_property
    def t_s(self) -> NDArray[np.float64]:
        """Sampling times of the frames on the host clock, shape (n,)."""
        return self._host_s(self.foot_us) if self.foot_us.size else np.zeros(0)

    @cached_property
    def counts(self) -> NDArray[np.integer]:
        """Counts as they travelled, shape (n, n_cells)."""
        is_wide = m.RAW12 in self._heads.forms
        blocks = (frames.values for frames in self.blocks())
        return self._filled(blocks, np.dtype(np.uint16 if is_wide else np.uint8))

    def _filled(self, blocks: Iterable[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
        out = np.empty((self.seq.size, self.info.n_cells), dtype)
        at = 0
        for block in blocks:
            out[at : at + len(block)] = block
            at += len(block)
        return out

    @cached_property
    def load(self) -> NDArray[np.float64]:
        """Load of the whole foot, shape (n,): newtons if the insole is calibrated, else counts."""
        if self.calibration is not None:
            return self._newtons[0].sum(axis=1)
        return self._heads.load

    @cached_property
    def force_n(self) -> NDArray[np.float64]:
        """Newtons per cell, shape (n, n_cells); DataError for an uncalibrated insole."""
        if self.calibration is not None:
            return np.maximum(self._newtons[0], 0.0)  # as the insole's own: no cell pulls
        blocks = (self.info.force_n(frames.values, frames.form) for frames in self.blocks())
        return self._filled(blocks, np.dtype(np.float64))

    @cached_property
    def imu(self) -> pd.DataFrame:
        """IMU samples: t_s, accel_*_m_s2 and, with six axes, gyro_*_rad_s."""
        found = motion(self.messages(m.IMU) if self.info.imu_axes else [], self.info.hello)
        out = {"t_s": self._host_s(found.foot_us) if found.foot_us.size else np.zeros(0)}
        out |= {f"accel_{axis}_m_s2": found.accel_m_s2[:, i] for i, axis in enumerate("xyz")}
        if found.gyro_rad_s is not None:
            out |= {f"gyro_{axis}_rad_s": found.gyro_rad_s[:, i] for i, axis in enumerate("xyz")}
        return pd.DataFrame(out)

    @cached_property
    def events(self) -> pd.DataFrame:
        """Gait events found on the foot: columns EVENT_COLUMNS.

        ``confirmed_s`` is the sampling time of the frame that confirmed the event. Forces are NaN
        for an uncalibrated insole.
        """
        items = self.messages(m.EVENTS)
        fields = [_EVENT.unpack_from(item.message, m.HEADER_SIZE) for item in items]
        at = self._host_s(items.foot_us) if len(items) else np.zeros(0)
        lsb = self.info.force_lsb_n or np.nan
        confirmed = (
            np.interp([f[2] for f in fields], self.seq, self.t_s) if self.seq.size else at * np.nan
        )
        return pd.DataFrame(
            {
                "side": pd.Series([self.side] * len(items), dtype="str"),
                "kind": pd.Series(
                    [m.EVENT_NAMES.get(f[0], "unknown") for f in fields], dtype="str"
                ),
                "t_s": at,
                "force_n": [f[1] * lsb for f in fields],
                "confirmed_s": confirmed,
            },
            columns=EVENT_COLUMNS,
        )

    @cached_property
    def strides(self) -> pd.DataFrame:
        """Stride summaries from the foot (STRIDE_COLUMNS); stride_s NaN where none followed."""
        items = self.messages(m.STRIDES)
        lsb = self.info.force_lsb_n or np.nan
        rows = []
        for item, ic_s in zip(
            items, self._host_s(items.foot_us) if len(items) else (), strict=True
        ):
            stance, stride, peak, integral, *rest = _STRIDE.unpack_from(
                item.message, m.HEADER_SIZE
            )
            cop, n_active, strike = rest[:6], rest[6], rest[7]
            rows.append(
                (
                    self.side,
                    ic_s,
                    stance * 1e-6,
                    stride * 1e-6 if stride else np.nan,
                    peak * lsb,
                    integral * lsb * self.info.period_us * 1e-6,
                    *(value / 10 for value in cop),
                    n_active,
                    m.STRIKE_NAMES[strike] if strike < len(m.STRIKE_NAMES) else "unknown",
                )
            )
        return pd.DataFrame(rows, columns=STRIDE_COLUMNS)

    @cached_property
    def minutes(self) -> pd.DataFrame:
        """Summaries of the minutes (MINUTE_COLUMNS), as the foot made them."""
        return minute_table(self.messages(m.MINUTES), self.info, self._host_s)

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Declared missing frames: columns side, start_s, end_s, n."""
        rows = []
        for start, end in self.loss["pressure"].holes:
            if self.seq.size:
                edges = np.interp([start - 1, end], self.seq, self.t_s)
                # Beyond the last frame that arrived the nominal period counts.
                late = np.maximum([start - 1 - self.seq[-1], end - self.seq[-1]], 0)
                edges = edges + late * self.info.period_us * 1e-6
                rows.append((self.side, edges[0], edges[1], end - start))
        return pd.DataFrame(rows, columns=["side", "start_s", "end_s", "n"])

    @property
    def span_s(self) -> tuple[float, float]:
        """First and last sampling time on the host clock."""
        return (float(self.t_s[0]), float(self.t_s[-1])) if self.t_s.size else (0.0, 0.0)
