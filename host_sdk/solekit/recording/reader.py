"""Read a recording, also one that was cut off; put every sample on the host's clock."""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mcap.exceptions import McapError
from mcap.records import Channel, Chunk, Header, Message
from zstandard import ZstdError

from solecore.wire import messages as m
from solekit.data_columns import DataColumns
from solekit.errors import DataError, SealedError
from solekit.identity import InsoleInfo
from solekit.recording.foot import FootRecording
from solekit.recording.mcap_records import records, records_of
from solekit.recording.schema import PROFILE, entries
from solekit.recording.sealed import SealedReader, is_sealed
from solekit.timeline import between_s

# What the MCAP library raises where a file is cut or damaged.
_BROKEN = (McapError, ZstdError, ValueError, EOFError, struct.error, OverflowError)


def _require_profile(path: Path, found: Iterator[Any]) -> None:
    """Raise DataError unless the records ``found`` begin as those of a recording of ours do."""
    try:
        header = next(found, None)
    except _BROKEN as error:
        raise DataError(f"{path} is not a recording (MCAP): {error}") from error
    if not isinstance(header, Header):
        raise DataError(f"{path} is not a recording (MCAP): it has no header")
    if header.profile != PROFILE:
        raise DataError(f"{path} is an MCAP file, but not of Solekit (profile {header.profile!r})")


def require_ours(path: Path) -> None:
    """Raise DataError unless ``path`` begins as a recording of ours does, sealed or open."""
    if is_sealed(path):
        return
    try:
        with path.open("rb") as file:
            _require_profile(path, records(file))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _data_of(
    batches: list[tuple[float, bytes]], info: InsoleInfo, starts: list[int] | None
) -> DataColumns:
    """Return the data messages of an insole in ``batches``, each with its log time in s."""
    content = np.frombuffer(b"".join(data for _, data in batches), np.uint8)
    batch, dt_us, start, size = entries(content, [len(data) for _, data in batches])
    log_s = np.array([at_s for at_s, _ in batches], float)
    return DataColumns.parse(
        content,
        start,
        size,
        log_s[batch] + dt_us.astype(float) * 1e-6,
        boot=info.boot,
        first=starts or [0] * m.N_STREAMS,
        imu_axes=info.imu_axes,
    )


class Recording:
    """One recording file.

    ``feet`` maps side to what that insole recorded; ``session`` is the list of session entries;
    ``is_complete`` tells whether the file was closed; ``problems`` are plain sentences.
    A sealed file needs its ``passphrase``, or that of the environment (``SOLEKIT_PASSPHRASE``).
    DataError if ``path`` is not a recording of Solekit, SealedError if it does not open.
    """

    def __init__(self, path: Path, *, passphrase: str | None = None) -> None:
        self.path = Path(path)
        self._passphrase = passphrase
        self.session: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.is_complete = False
        self.feet: dict[str, FootRecording] = {}
        self.is_sealed = is_sealed(self.path)
        try:
            self._read()
        except SealedError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, DataError) and str(self.path) in str(error):
                raise
            raise DataError(f"{self.path} holds what no recording holds: {error!r}") from error
        if not self.feet:
            raise DataError(
                f"{self.path} holds no insole: it was cut off before its start, or is foreign"
            )

    def _read(self) -> None:
        wire: dict[str, list[tuple[float, bytes]]] = {}  # batches and their log time
        pings: dict[str, list[dict[str, float]]] = {}
        for topic, log_ns, data in self.messages(self.problems):
            log_s = log_ns * 1e-9
            side, _, kind = topic.strip("/").partition("/")
            if topic == "/session":
                self.session.append(json.loads(data))
            elif kind == "pings":
                pings.setdefault(side, []).append(json.loads(data))
            elif kind == "wire":
                wire.setdefault(side, []).append((log_s, data))
        self.is_complete = any(entry["kind"] == "closed" for entry in self.session)
        if not self.is_complete and not self.problems:
            self.problems.append("the recording was not closed; it ends where it was interrupted")
        self.is_complete = self.is_complete and not self.problems
        losses = self._by_side("loss")
        for side, entry in self._by_side("insole").items():
            lost = losses.get(side, {}).get("streams", {})
            info = InsoleInfo.from_json(entry)
            starts = self._by_side("streams").get(side, {}).get("first")
            self.feet[side] = FootRecording(
                info,
                _data_of(wire.pop(side, []), info, starts),
                pings.get(side, []),
                starts=starts,
                ends=self._by_side("end").get(side, {}).get("seq"),
                duplicates={name: stream["duplicates"] for name, stream in lost.items()},
            )

    def messages(self, problems: list[str]) -> Iterator[tuple[str, int, bytes]]:
        """Yield topic, time in ns and content of what can be read, in the order of the file.

        A chunk that fails its CRC is left out; what cannot be read is told in ``problems``.
        """
        topics: dict[int, str] = {}
        n_damaged = 0
        with self._opened() as content:
            found = records(content)
            _require_profile(self.path, found)
            try:
                for record in found:
                    try:
                        parts = records_of(record) if isinstance(record, Chunk) else [record]
                    except _BROKEN:
                        n_damaged += 1
                        continue
                    for part in parts:
                        if isinstance(part, Channel):
                            topics[part.id] = part.topic
                        elif isinstance(part, Message) and part.channel_id in topics:
                            yield topics[part.channel_id], part.log_time, part.data
            except _BROKEN as error:
                problems.append(
                    "the file ends in the middle of a record or is damaged "
                    f"({type(error).__name__}); everything before that has been read"
                )
            if isinstance(content, SealedReader):
                content.drain()
                problems += [content.problem] if content.problem else []
        if n_damaged:
            problems.append(
                f"{n_damaged} chunks of the file are damaged and left out; "
                "a chunk holds about a second"
            )

    def _opened(self) -> Any:
        """Return the text of the file, to be closed."""
        try:
            if self.is_sealed:
                return SealedReader(self.path, self._passphrase)
            with self.path.open("rb") as file:
                # Mapped, a length wrong by gigabytes reads what there is and reserves no more.
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{self.path} is empty: it was cut off before its start") from None

    def _by_side(self, kind: str) -> dict[str, dict[str, Any]]:
        return {entry["side"]: entry for entry in self.session if entry["kind"] == kind}

    @property
    def sides(self) -> list[str]:
        """Sides that were recorded."""
        return list(self.feet)

    def first(self, kind: str) -> dict[str, Any]:
        """Return the first session entry of ``kind``, or an empty one."""
        return next((entry for entry in self.session if entry["kind"] == kind), {})

    @property
    def protocol(self) -> str:
        """Protocol that was asked for."""
        return self.first("about").get("protocol", "free")

    @cached_property
    def marks(self) -> pd.DataFrame:
        """Marks of the session: columns name, t_s (host clock)."""
        rows = [entry for entry in self.session if entry["kind"] == "mark"]
        return pd.DataFrame(rows, columns=["name", "t_s"])

    @cached_property
    def span_s(self) -> tuple[float, float]:
        """Start and end on the host clock: the marked part if it was marked, else all."""
        marks = dict(zip(self.marks["name"], self.marks["t_s"], strict=True))
        spans = [foot.span_s for foot in self.feet.values() if foot.t_s.size]
        start = min((span[0] for span in spans), default=0.0)
        end = max((span[1] for span in spans), default=start)
        return marks.get("start", start), marks.get("stop", end)

    @property
    def duration_s(self) -> float:
        """Seconds between start and end."""
        return self.span_s[1] - self.span_s[0]

    @cached_property
    def events(self) -> pd.DataFrame:
        """Gait events of both feet in order of time (columns as ``FootRecording.events``)."""
        table = pd.concat([foot.events for foot in self.feet.values()])
        return table.sort_values("t_s", kind="stable").reset_index(drop=True)

    @cached_property
    def strides(self) -> pd.DataFrame:
        """Stride summaries of both feet as the insoles computed them."""
        table = pd.concat([foot.strides for foot in self.feet.values()])
        return table.sort_values("ic_s", kind="stable").reset_index(drop=True)

    @cached_property
    def minutes(self) -> pd.DataFrame:
        """Summaries of the minutes of both feet (columns as ``FootRecording.minutes``)."""
        table = pd.concat([foot.minutes for foot in self.feet.values()])
        return table.sort_values("t_s", kind="stable").reset_index(drop=True)

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Declared missing frames of both feet: columns side, start_s, end_s, n."""
        return pd.concat([foot.gaps for foot in self.feet.values()], ignore_index=True)

    @property
    def clock_interval_s(self) -> float:
        """Half-width of the interval that holds the difference of the two feet's clocks.

        Zero for one foot; infinite where a clock cannot be placed.
        """
        if len(self.feet) < 2:
            return 0.0
        if not all(foot.t_s.size for foot in self.feet.values()):
            return float("inf")
        return between_s(foot.timeline.interval_s for foot in self.feet.values())
