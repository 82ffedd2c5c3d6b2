"""Read a recording, also one that was cut off; put every sample on the host's clock."""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader

from solekit.errors import DataError
from solekit.identity import InsoleInfo
from solekit.recording.foot import FootRecording
from solekit.recording.schema import PROFILE, entries

# What the MCAP library raises where a file is cut or damaged.
_BROKEN = (McapError, ValueError, EOFError, struct.error, OverflowError)


class Recording:
    """One recording file.

    ``feet`` maps side to what that insole recorded; ``session`` is the list of session entries;
    ``is_complete`` tells whether the file was closed; ``problems`` are plain sentences.
    DataError if ``path`` is not a recording of Solekit.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.session: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.is_complete = False
        self.feet: dict[str, FootRecording] = {}
        try:
            self._read()
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, DataError) and str(self.path) in str(error):
                raise
            raise DataError(f"{self.path} holds what no recording holds: {error!r}") from error
        if not self.feet:
            raise DataError(
                f"{self.path} holds no insole: it was cut off before its start, or is foreign"
            )

    def _read(self) -> None:
        wire: dict[str, list[tuple[float, bytes]]] = {}
        pings: dict[str, list[dict[str, float]]] = {}
        for topic, log_s, data in self._messages():
            side, _, kind = topic.strip("/").partition("/")
            if topic == "/session":
                self.session.append(json.loads(data))
            elif kind == "pings":
                pings.setdefault(side, []).append(json.loads(data))
            elif kind == "wire":
                wire.setdefault(side, []).extend(
                    (log_s + dt_us * 1e-6, message) for dt_us, message in entries(data)
                )
        losses = self._by_side("loss")
        for side, entry in self._by_side("insole").items():
            lost = losses.get(side, {}).get("streams", {})
            self.feet[side] = FootRecording(
                InsoleInfo.from_json(entry),
                wire.get(side, []),
                pings.get(side, []),
                starts=self._by_side("streams").get(side, {}).get("first"),
                ends=self._by_side("end").get(side, {}).get("seq"),
                duplicates={name: stream["duplicates"] for name, stream in lost.items()},
            )

    def _messages(self) -> Iterator[tuple[str, float, bytes]]:
        try:
            with self.path.open("rb") as file:
                # Mapped, a length wrong by gigabytes reads what there is and reserves no more.
                content: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise DataError(f"{self.path} is empty: it was cut off before its start") from None
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror}") from error
        with content:
            try:
                profile = NonSeekingReader(content, validate_crcs=True).get_header().profile
            except _BROKEN as error:
                raise DataError(f"{self.path} is not a recording (MCAP): {error}") from error
            if profile != PROFILE:
                raise DataError(
                    f"{self.path} is an MCAP file, but not of Solekit (profile {profile!r})"
                )
            content.seek(0)
            try:
                for _, channel, message in NonSeekingReader(
                    content, validate_crcs=True
                ).iter_messages(log_time_order=False):
                    yield channel.topic, message.log_time * 1e-9, message.data
            except _BROKEN as error:
                self.problems.append(
                    "the file ends in the middle of a record or is damaged "
                    f"({type(error).__name__}); everything before that has been read"
                )
                return
        self.is_complete = any(entry["kind"] == "closed" for entry in self.session)
        if not self.is_complete:
            self.problems.append("the recording was not closed; it ends where it was interrupted")

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
        return sum(foot.timeline.interval_s for foot in self.feet.values())
