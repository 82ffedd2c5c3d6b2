"""Get what an insole logged while no host was there, as a recording like any other."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from solecore.wire import messages as m
from solekit.backfill import STOP_MESSAGES, Progress
from solekit.errors import DataError
from solekit.link import Data, Link
from solekit.loss import StreamLoss, account
from solekit.pings import exchanges, tell_time, uncertainty_s

if TYPE_CHECKING:
    from solekit.insole import Insole
    from solekit.recording.writer import RecordingWriter

_SPAN = struct.Struct("<HBII")
_TRIES = 3


@dataclass(frozen=True)
class LogRange:
    """Samples ``start`` to ``stop`` of a stream in the log of one boot; holes are possible."""

    boot: int
    stream: str
    start: int
    stop: int


class LogAccess:
    """What an insole offers of its log; a part of ``Insole``."""

    async def log_ranges(self) -> list[LogRange]:
        """Return what the insole's log holds, of former boots too."""
        return await log_ranges(cast("Insole", self))

    async def fetch_log(
        self,
        writer: RecordingWriter,
        *,
        boot: int | None = None,
        streams: Sequence[str] = m.STREAM_NAMES,
        progress: Progress | None = None,
    ) -> dict[str, StreamLoss]:
        """Write what was logged of ``streams`` in ``boot`` (default: the newest) to ``writer``."""
        return await fetch_log(
            cast("Insole", self), writer, boot=boot, streams=streams, progress=progress
        )

    async def erase_log(self, *, is_forced: bool = False) -> int:
        """Free what has been acknowledged, or all; return the number of 4 kB blocks freed."""
        reply = await cast("Insole", self).request(m.ERASE, int(is_forced))
        return reply.fields["n_blocks"]


async def log_ranges(insole: Insole) -> list[LogRange]:
    """Return what the insole's log holds, the oldest boot first; DataError without a log."""
    if not insole.has_log:
        raise DataError(f"the {insole.side} insole {insole.uri} has no log")
    content = b""
    while True:
        n_held = len(content) // _SPAN.size
        fields = (await insole.request(m.LOG_LIST, n_held)).fields
        content += fields["ranges"]
        if not fields["ranges"] or len(content) // _SPAN.size >= fields["n_ranges"]:
            break
    return [
        LogRange(boot, m.STREAM_NAMES[stream], start, stop)
        for boot, stream, start, stop in _SPAN.iter_unpack(content)
        if stream < m.N_STREAMS
    ]


async def fetch_log(
    insole: Insole,
    writer: RecordingWriter,
    *,
    boot: int | None = None,
    streams: Sequence[str] = m.STREAM_NAMES,
    progress: Progress | None = None,
) -> dict[str, StreamLoss]:
    """Write what the log holds of ``boot`` (the newest by default) to ``writer``.

    ``streams`` may leave some in the log: the summaries of a day ('minutes') come in moments, its
    frames do not. Return the account of every stream, from the first sample held to the last of
    those fetched. ValueError for a stream that does not exist. Calibration and
    settings are those of today: a log does not hold its own. What has been written is
    acknowledged, so that the insole may use its room again.
    """
    if unknown := set(streams) - set(m.STREAM_NAMES):
        known = ", ".join(m.STREAM_NAMES)
        raise ValueError(f"stream {unknown.pop()!r} is not one of {known}")
    if insole.is_streaming:
        raise DataError(f"the {insole.side} insole streams; stop it before its log is fetched")
    pings = await exchanges(insole)  # they place the log of the boot that still runs
    if insole.has_log:
        await tell_time(insole, min(pings, key=uncertainty_s))
    held = await log_ranges(insole)
    if not held:
        raise DataError(f"the log of the {insole.side} insole is empty")
    boot = held[-1].boot if boot is None else boot
    held = [span for span in held if span.boot == boot and span.stream in streams]
    if not held:
        what = "nothing" if set(streams) == set(m.STREAM_NAMES) else f"no {', '.join(streams)}"
        raise DataError(f"the log of the {insole.side} insole holds {what} of boot {boot}")
    spans = [[span for span in held if span.stream == name] for name in m.STREAM_NAMES]
    first = [min((span.start for span in of), default=0) for of in spans]
    ends = [max((span.stop for span in of), default=0) for of in spans]

    info = replace(insole.known, hello={**insole.known.hello, "boot": boot})
    now_s = insole.clock.now_s
    writer.add_session(now_s(), "insole", side=insole.side, uri=insole.uri, **info.to_json())
    writer.add_session(now_s(), "streams", side=insole.side, first=first)
    writer.add_session(now_s(), "fetched", side=insole.side, boot=boot)
    if boot == insole.known.boot:
        for ping in pings:
            writer.add_ping(insole.side, ping["host_rx_s"], ping)
    link = Link()
    link.begin(boot, tuple(first), info.imu_axes)
    received: list[list[Data]] = [[] for _ in m.STREAM_NAMES]
    n_all = sum(span.stop - span.start for span in held)
    n_done = 0

    def take(t_s: float, message: bytes) -> None:
        item = link.parse_logged(t_s, message)
        if item is not None:
            writer.add_wire(insole.side, t_s, message)
            received[item.stream].append(item)

    for i, of in enumerate(spans):
        for span in of:
            at = span.start
            while at < span.stop:
                following = await _piece(insole, take, boot, i, at, span.stop)
                n_done += following - at
                at = following
                if progress is not None:
                    progress(n_done, n_all)
    losses = {
        name: account(received[i], first[i], ends[i]) for i, name in enumerate(m.STREAM_NAMES)
    }
    writer.add_session(now_s(), "end", side=insole.side, seq=ends, dropped=[0] * m.N_STREAMS)
    account_json = {name: loss.to_json() for name, loss in losses.items()}
    writer.add_session(now_s(), "loss", side=insole.side, streams=account_json)
    writer.flush()
    for i, of in enumerate(spans):
        if of:
            await insole.request(m.LOG_ACK, boot, i, first[i], ends[i])
    return losses


async def _piece(insole: Insole, take, boot: int, stream: int, start: int, stop: int) -> int:
    """Fetch some messages; return where to go on."""
    following = stop
    for _ in range(_TRIES):
        with insole.log_data() as came:
            reply = await insole.request(m.LOG_RANGE, boot, stream, start, stop, STOP_MESSAGES)
        following = min(max(reply.fields["next"], start + 1), stop)
        if len(came) >= reply.fields["n_messages"]:
            break
    for t_s, message in came:
        take(t_s, message)
    return following
