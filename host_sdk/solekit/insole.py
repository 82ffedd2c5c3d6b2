"""One insole, asynchronously: connect, ask, stream, stop with an account of every sample."""

from __future__ import annotations

import asyncio
import contextlib
import random
import zlib
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from solecore.wire import codes
from solecore.wire import messages as m
from solecore.wire.schema import Message
from solekit.backfill import BackFill, Progress
from solekit.errors import (
    ConnectionLostError,
    DeviceError,
    ProtocolMismatchError,
    RequestTimeoutError,
    SolekitError,
)
from solekit.fetch import LogAccess
from solekit.identity import InsoleInfo
from solekit.link import Data, Link, Reply
from solekit.live_access import LiveAccess
from solekit.live_streams import LiveStreams
from solekit.live_timeline import LiveTimeline
from solekit.loss import StreamLoss, account
from solekit.pings import ping_on
from solekit.recording.writer import RecordingWriter
from solekit.transports import Transport

REQUEST_TIMEOUT_S = 1.0
TRIES = 4
WINDOW = 32  # messages of a stream that may be under way
_LATE_S = 0.2  # after the stop, for what is still in the air
_FORM_OF = {name: form for form, name in m.FORM_NAMES.items()}


class Insole(LogAccess, LiveAccess):
    """An insole behind ``transport``; use it as ``async with``.

    Every request raises RequestTimeoutError without an answer, DeviceError when refused and
    ConnectionLostError when the link has gone.
    """

    def __init__(self, transport: Transport, *, seed: int | None = None) -> None:
        self.transport = transport
        self.clock = transport.clock
        self.writer: RecordingWriter | None = None
        self.losses: dict[str, StreamLoss] = {}  # of the last stop
        self._link = Link()
        self._info: InsoleInfo | None = None
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._live = LiveStreams(self.clock)
        self.error: SolekitError | None = None  # why the link has gone
        if seed is None and self.clock.is_virtual:  # the same run twice is the same bytes twice
            seed = zlib.crc32(transport.uri.encode())
        self._random = random.Random(seed)
        self._timeline = LiveTimeline()
        self._received: list[list[Data]] = [[] for _ in range(m.N_STREAMS)]
        self._tasks: list[asyncio.Task[None]] = []  # beside the streams
        self._back_fill: BackFill | None = None
        self.is_streaming = False

    @property
    def n_overflowed(self) -> int:
        """Messages that a slow consumer never saw; the recording has them."""
        return self._live.n_overflowed

    @property
    def uri(self) -> str:
        """Where the insole is."""
        return self.transport.uri

    async def __aenter__(self) -> Self:
        await self.transport.open()
        self._link = Link(is_framed=not self.transport.is_message_based)
        self.reading = asyncio.create_task(self._read(), name=f"solekit read {self.uri}")
        try:
            await self.info()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.is_streaming and self.error is None:
            with contextlib.suppress(SolekitError):
                await self.stop()
        await self.close()

    async def _end_tasks(self) -> None:
        self.is_streaming = False
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Close the link; what has been recorded stays."""
        await self._end_tasks()
        self.reading.cancel()
        await asyncio.gather(self.reading, return_exceptions=True)
        self._live.end()
        await self.transport.close()

    async def _read(self) -> None:
        """Take what arrives until the link ends."""
        try:
            # Closed at once, so that a virtual world does not wait for a reader who has gone.
            async with contextlib.aclosing(aiter(self.transport)) as chunks:
                async for t_s, chunk in chunks:
                    for item in self._link.feed(t_s, chunk):
                        if isinstance(item, Data):
                            await self._take(item)
                        elif (future := self._waiting.pop(item.ref, None)) and not future.done():
                            future.set_result(item)
                    if self._link.n_foreign:
                        raise ConnectionLostError(self.uri, "the insole has restarted")
                    for data in self._link.outgoing():
                        await self.transport.send(data)
            self._fail(ConnectionLostError(self.uri, "it ended"))
        except SolekitError as error:
            self._fail(error)
        except Exception as error:  # nobody may wait for ever for a reader that has failed
            lost = ConnectionLostError(self.uri, str(error) or repr(error))
            lost.__cause__ = error
            self._fail(lost)

    def _fail(self, error: SolekitError) -> None:
        self.error = self._live.error = error
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()
        self._live.end()

    async def _take(self, item: Data) -> None:
        if self.writer is not None and self._info is not None:
            self.writer.add_wire(self.side, item.t_s, item.wire)
        head = item.message[: m.HEADER_SIZE + 1]  # enough for the account
        self._received[item.stream].append(
            Data(item.t_s, item.stream, item.seq, item.n, item.foot_us, head, item.block)
        )
        if item.block >= 0:  # too old for a live stream, and for the clock
            return
        if item.stream == m.PRESSURE and self._info is not None:
            newest = item.foot_us + (item.n - 1) * self._info.period_us
            self._timeline.add_arrival(newest * 1e-6, item.t_s)
        elif self._timeline.is_empty:  # loose, but an event may come before the first frame
            self._timeline.add_arrival(item.foot_us * 1e-6, item.t_s)
        await self._live.offer(item)

    async def request(
        self,
        message: Message,
        *values: int,
        rest: bytes = b"",
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> Reply:
        """Send a request and return its reply; asked again when none comes in ``timeout_s``."""
        # One future for all tries: a late answer to the first is an answer.
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        refs: list[int] = []
        try:
            for _ in range(TRIES):
                if self.error is not None:
                    raise self.error
                ref, data = self._link.request(message, *values, rest=rest)
                refs.append(ref)
                self._waiting[ref] = future
                await self.transport.send(data)
                await self._wait(future, timeout_s)
                if future.done():
                    reply = future.result()
                    if reply.message is m.REFUSED:
                        text = bytes(reply.fields["text"]).decode("utf-8", "replace")
                        raise DeviceError(message.name, reply.fields["code"], text)
                    return reply
        finally:
            for ref in refs:
                self._waiting.pop(ref, None)
            if future.done() and not future.cancelled():
                future.exception()  # seen, also where another error comes first
        raise RequestTimeoutError(message.name, TRIES * timeout_s)

    async def _wait(self, future: asyncio.Future[Reply], timeout_s: float) -> None:
        """Wait for ``future``, at most ``timeout_s`` of the transport's time."""
        timer = asyncio.create_task(self.clock.sleep(timeout_s))
        try:
            await asyncio.wait((future, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            (ended,) = await asyncio.gather(timer, return_exceptions=True)
        if isinstance(ended, SolekitError) and not future.done():
            raise ended  # the clock has stopped

    async def info(self) -> InsoleInfo:
        """Return what the insole says of itself (asked once)."""
        return await self.refresh() if self._info is None else self._info

    async def refresh(self) -> InsoleInfo:
        """Ask the insole anew: it has been calibrated, or has restarted."""
        hello = (await self.request(m.HELLO)).fields
        if hello["protocol"] != m.PROTOCOL_VERSION:
            raise ProtocolMismatchError(hello["protocol"], m.PROTOCOL_VERSION)
        tables = [
            await self._table(table)
            for table in (m.TABLE_GEOMETRY, m.TABLE_CALIBRATION, m.TABLE_READOUT)
        ]
        self._info = InsoleInfo(hello, *tables)
        return self._info

    @property
    def known(self) -> InsoleInfo:
        """What the insole said on connecting."""
        assert self._info is not None, "connect first"
        return self._info

    @property
    def has_log(self) -> bool:
        """Whether the insole keeps in flash what does not arrive."""
        return "log" in self.known.features

    @property
    def side(self) -> str:
        """Return ``left`` or ``right``."""
        return self.known.side

    async def _table(self, table: int) -> np.ndarray:
        content = b""
        while True:
            fields = (await self.request(m.TABLES, table, len(content))).fields
            content += fields["content"]
            if len(content) >= fields["total"] or not fields["content"]:
                return np.frombuffer(content, "<u2")

    async def settings(self, key: str, value: int | None = None) -> int:
        """Return setting ``key`` of ``m.SETTING_NAMES``, set to ``value`` if given."""
        keys = {name: number for number, name in m.SETTING_NAMES.items()}
        if key not in keys:
            raise ValueError(f"setting {key!r} is not one of {', '.join(keys)}")
        reply = await self.request(m.SETTINGS, keys[key], value is not None, value or 0)
        return reply.fields["value"]

    async def stats(self) -> dict[str, Any]:
        """Return the insole's counters."""
        return (await self.request(m.STATS)).fields

    async def start(self, form: str | None = None) -> None:
        """Begin streaming, in ``form`` or the insole's default one."""
        if form is not None and form not in _FORM_OF:
            raise ValueError(f"form {form!r} is not one of {', '.join(_FORM_OF)}")
        await self._end_tasks()
        for items in self._received:
            items.clear()
        self._timeline.clear()
        if await self._has_other_tables():
            await self.refresh()
        self._link.await_start(self.known.imu_axes)
        self._note_insole()
        reply = await self.request(m.START, _FORM_OF[form] if form else 0, WINDOW)
        if reply.fields["boot"] != self.known.boot:  # it has restarted since it was asked
            await self.refresh()
            self._note_insole()
        if self.writer is not None:
            first = [stream.first for stream in self._link.streams]
            self.writer.add_session(self.clock.now_s(), "streams", side=self.side, first=first)
        self.is_streaming = True
        pings = ping_on(self, self._timeline, self._random)
        self._tasks.append(asyncio.create_task(pings, name=f"solekit ping {self.uri}"))
        self._back_fill = BackFill(self, self._link) if self.has_log else None
        if self._back_fill is not None:
            fill = self._back_fill.run()
            self._tasks.append(asyncio.create_task(fill, name=f"solekit back-fill {self.uri}"))

    async def _has_other_tables(self) -> bool:
        """Return whether the base has moved, or was set, since the tables were read."""
        if "calibrate" not in self.known.features:
            return False
        try:
            state = await self.request(m.CALIBRATE, codes.CALIBRATE_STATE, 0)
        except DeviceError:  # the last calibration found nothing: the tables are as they were
            return False
        return state.fields["calibration"] != self.known.hello["calibration"]

    def _note_insole(self) -> None:
        if self.writer is not None:
            about = self.known.to_json()
            self.writer.add_session(
                self.clock.now_s(), "insole", side=self.side, uri=self.uri, **about
            )

    async def stop(self, progress: Progress | None = None) -> dict[str, StreamLoss]:
        """End streaming; return the account of every stream.

        What is missing is asked of the insole's log first: ``progress(done, missing)`` tells how
        far that is. What it does not get in time stays in the log.
        """
        await self._end_tasks()
        if self._link.boot is None:  # not started, or stopped before
            await self.request(m.STOP)
            return self.losses
        fields: dict[str, Any] | None = None
        error: SolekitError | None = None
        try:
            reply = await self.request(m.STOP)
            if reply.fields["boot"] != self._link.boot:
                raise ConnectionLostError(self.uri, "the insole has restarted")
            fields = reply.fields
            await self.clock.sleep(_LATE_S)
        except SolekitError as problem:
            error = problem
        ends = tuple(fields["seq"]) if fields else None
        for item in self._link.finish(ends):
            await self._take(item)
        if error is None and self._back_fill is not None:
            with contextlib.suppress(RequestTimeoutError, DeviceError):
                await self._back_fill.finish(progress)
                await self.erase_log()
        losses = self.losses = self._account(ends)
        if self.writer is not None:
            now = self.clock.now_s()
            if fields:
                dropped = list(fields["n_dropped"])
                self.writer.add_session(
                    now, "end", side=self.side, seq=list(ends or ()), dropped=dropped
                )
            account_json = {name: loss.to_json() for name, loss in losses.items()}
            self.writer.add_session(now, "loss", side=self.side, streams=account_json)
        self._live.end()
        if error is not None:
            raise error
        return losses

    @contextlib.contextmanager
    def log_data(self) -> Iterator[list[tuple[float, bytes]]]:
        """Collect what comes from the log, instead of filling the streams with it."""
        came: list[tuple[float, bytes]] = []
        self._link.on_log_data = lambda t_s, message: came.append((t_s, message))
        try:
            yield came
        finally:
            self._link.on_log_data = None

    def progress(self) -> tuple[int, int]:
        """Return frames received and frames missing so far."""
        stream = self._link.streams[m.PRESSURE]
        return stream.n_received, sum(end - start for start, end in stream.holes)

    def _account(self, ends: tuple[int, ...] | None) -> dict[str, StreamLoss]:
        return {
            name: account(
                self._received[i],
                self._link.streams[i].first,
                ends[i] if ends else None,
                self._link.streams[i].n_duplicates,
            )
            for i, name in enumerate(m.STREAM_NAMES)
        }
