"""One foot of a recording: decoded, unwrapped, on the host's clock."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solecore.wire import messages as m
from solekit.decode import Frames, PressureDecoder, motion
from solekit.identity import InsoleInfo
from solekit.link import Data, Link
from solekit.loss import StreamLoss, account
from solekit.recording.minutes import minute_table
from solekit.timeline import Bounds, PolygonTimeline

_LOG_DATA = bytes((m.LOG_DATA.msg_id,))
_EVENT = struct.Struct("<BII")
_PAIR = struct.Struct("<QIB")
_ONE_LINE_S = 1e9
_BLOCK = 4096  # frames
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


class FootRecording:
    """What one insole recorded.

    ``wire`` are ``(t_host_s, message)`` as received, from the log too; ``starts`` and ``ends``
    the sequence numbers of the streams at start and stop as the insole told them, None where it
    could not;
    ``duplicates`` the messages by stream that arrived again and were not recorded.
    """

    def __init__(
        self,
        info: InsoleInfo,
        wire: list[tuple[float, bytes]],
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
        link = Link()
        link.begin(info.boot, tuple(starts or [0] * m.N_STREAMS), info.imu_axes)
        self._by_stream: list[list[Data]] = [[] for _ in range(m.N_STREAMS)]
        for t_s, message in wire:
            is_logged = message[:1] == _LOG_DATA
            item = (link.parse_logged if is_logged else link.parse)(t_s, message)
            if item is not None:
                self._by_stream[item.stream].append(item)
        # Where a damaged file lost the start, what arrived first counts.
        self._starts = starts or [
            min((item.seq for item in items), default=0) for items in self._by_stream
        ]
        self._received = {
            i: sorted(items, key=lambda d: d.seq) for i, items in enumerate(self._by_stream)
        }

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
            max((item.seq + item.n for item in items), default=start)
            for items, start in zip(self._by_stream, self._starts, strict=True)
        ]

    def messages(self, stream: int) -> list[Data]:
        """Return the messages of ``stream`` by sequence number, without repeats."""
        items = self._received[stream]
        return [item for i, item in enumerate(items) if i == 0 or item.seq != items[i - 1].seq]

    def last_part(self, duration_s: float) -> FootRecording:
        """Return the frames of the last ``duration_s`` as a recording of their own.

        For what a long recording need not be read for; its clock is that of its arrivals alone.
        """
        frames = self.messages(m.PRESSURE)
        since_us = frames[-1].foot_us - duration_s * 1e6 if frames else 0
        wire = [(item.t_s, item.wire) for item in frames if item.foot_us >= since_us]
        return FootRecording(self.info, wire, [], starts=None, ends=None)

    @cached_property
    def loss(self) -> dict[str, StreamLoss]:
        """Account of every stream by name."""
        return {
            name: account(
                self._by_stream[i],
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
        items = [item for item in self.messages(m.PRESSURE) if item.block < 0]
        if not items:
            return self._timeline_of_log()
        newest = np.array(
            [item.foot_us + (item.n - 1) * self.info.period_us for item in items], float
        )
        arrival = np.array([item.t_s for item in items])
        table = pd.DataFrame(self._pings, columns=["host_tx_s", "rx_us", "tx_us", "host_rx_s"])
        return PolygonTimeline().fit(
            Bounds(
                up_foot_s=np.concatenate((newest * 1e-6, table["tx_us"].to_numpy(float) * 1e-6)),
                up_host_s=np.concatenate((arrival, table["host_rx_s"].to_numpy(float))),
                down_foot_s=table["rx_us"].to_numpy(float) * 1e-6,
                down_host_s=table["host_tx_s"].to_numpy(float),
            )
        )

    def _timeline_of_log(self) -> PolygonTimeline:
        items = [item for stream in range(m.N_STREAMS) for item in self.messages(stream)]
        pairs = [
            (item.foot_us * 1e-6, *_PAIR.unpack_from(item.message, m.HEADER_SIZE)[:2])
            for item in items
            if item.message[0] == m.TIME_PAIR.msg_id
        ]
        told = np.array([pair for pair in pairs if pair[2]], float).reshape(-1, 3)
        foot_s, unix_s, half_s = told[:, 0], told[:, 1] * 1e-6, told[:, 2] * 1e-6
        ping = pd.DataFrame(self._pings, columns=["host_tx_s", "rx_us", "tx_us", "host_rx_s"])
        newest = [item.foot_us * 1e-6 for item in items]
        arrival = [item.t_s for item in items]
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

    @cached_property
    def _frames(self) -> list[Frames]:
        return PressureDecoder(self.info.n_cells, self.info.period_us).decode(
            self.messages(m.PRESSURE)
        )

    @cached_property
    def form(self) -> str:
        """Name of the form that the frames travelled in ('mixed' if several)."""
        forms = {frames.form for frames in self._frames}
        return (
            m.FORM_NAMES[forms.pop()] if len(forms) == 1 else "mixed" if forms else self.info.form
        )

    @cached_property
    def seq(self) -> NDArray[np.int64]:
        """Sequence numbers of the frames, shape (n,)."""
        return (
            np.concatenate([frames.seq for frames in self._frames])
            if self._frames
            else np.zeros(0, int)
        )

    @cached_property
    def foot_us(self) -> NDArray[np.int64]:
        """Sampling times on the foot's own clock, unwrapped microseconds, shape (n,)."""
        if not self._frames:
            return np.zeros(0, np.int64)
        return np.concatenate([frames.foot_us for frames in self._frames])

    @cached_property
    def t_s(self) -> NDArray[np.float64]:
        """Sampling times of the frames on the host clock, shape (n,)."""
        return self._host_s(self.foot_us) if self._frames else np.zeros(0)

    @cached_property
    def counts(self) -> NDArray[np.integer]:
        """Counts as they travelled, shape (n, n_cells)."""
        if not self._frames:
            return np.zeros((0, self.info.n_cells), np.uint8)
        parts = [frames.values for frames in self._frames]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @cached_property
    def load(self) -> NDArray[np.float64]:
        """Load of the whole foot, shape (n,): newtons if the insole is calibrated, else counts.

        An hour of 660 cells in newtons is a gigabyte: this sums up some frames at a time.
        """
        sums = [
            (self.info.force_n(part, frames.form) if self.info.is_calibrated else part).sum(
                axis=1, dtype=float
            )
            for frames in self._frames
            for part in np.split(frames.values, range(_BLOCK, len(frames.values), _BLOCK))
        ]
        return np.concatenate(sums) if sums else np.zeros(0)

    @cached_property
    def force_n(self) -> NDArray[np.float64]:
        """Newtons per cell, shape (n, n_cells); DataError for an uncalibrated insole."""
        parts = [self.info.force_n(frames.values, frames.form) for frames in self._frames]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.zeros((0, self.info.n_cells))

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
        at = self._host_s([item.foot_us for item in items]) if items else np.zeros(0)
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
            items, self._host_s([item.foot_us for item in items]) if items else (), strict=True
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
