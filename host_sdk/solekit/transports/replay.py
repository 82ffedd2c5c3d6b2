"""A recording played back as if its insoles were there: same messages, same times."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np

from solecore.wire import codes
from solecore.wire import messages as m
from solecore.wire.frame import FrameDecoder, encode_frame
from solekit import numpy_kernels
from solekit.errors import DataError, TransportSpecError
from solekit.recording.foot import FootRecording
from solekit.recording.reader import Recording
from solekit.transports import Transport
from solekit.transports.virtual import Pump, VirtualTransport


def open_replay(rest: str) -> dict[str, Transport]:
    """Return the transports of ``replay:PATH`` or ``replay:PATH?side=left``."""
    name, _, query = rest.partition("?")
    values = dict(parse_qsl(query))
    side = values.pop("side", "")
    if values:
        raise TransportSpecError(f"replay: unknown argument {next(iter(values))!r}; known is side")
    if not name:
        raise TransportSpecError("replay: names no file; use replay:walk.mcap")
    recording = Recording(Path(name))
    sides = [side] if side else recording.sides
    if side and side not in recording.sides:
        raise TransportSpecError(
            f"replay:{rest}: the recording holds {', '.join(recording.sides)} only"
        )
    pump = Pump(lambda: ReplayWorld(recording))
    return {name: VirtualTransport(f"replay:{rest}", name, pump) for name in sides}


class ReplayWorld:
    """The insoles of a recording: they answer requests and send what was recorded, when it was."""

    def __init__(self, recording: Recording) -> None:
        self.is_message_based = False
        self.now_us = 0
        self._feet = recording.feet
        self._decoders = {side: FrameDecoder(numpy_kernels) for side in self._feet}
        self._answers: list[tuple[int, str, bytes]] = []
        self.lost: dict[str, str] = {}
        self._playing: dict[str, int] = {}  # since when
        self._next = {side: list(foot.starts) for side, foot in self._feet.items()}
        # One time for all sides, as what they recorded belongs together: the recording's
        # ``_origin_s`` is now ``_start_us``.
        self._start_us: int | None = None
        times = [item.t_s for foot in self._feet.values() for item in _all(foot)]
        if not times:
            raise DataError(f"{recording.path} holds no data to replay")
        self._origin_s = min(times)
        self.duration_s = max(times) - self._origin_s + 0.1
        self._queues = {
            side: deque(sorted(_all(foot), key=lambda item: item.t_s))
            for side, foot in self._feet.items()
        }

    def send(self, side: str, data: bytes) -> None:
        """Answer the requests in ``data``."""
        for message in self._decoders[side].feed(data):
            reply = self._answer(side, message)
            if reply:
                self._answers.append((self.now_us, side, encode_frame(reply, numpy_kernels)))

    def advance(self, to_us: int) -> list[tuple[int, str, bytes]]:
        """Return answers and recorded messages up to ``to_us``."""
        out, self._answers = self._answers, []
        for side, since_us in self._playing.items():
            queue = self._queues[side]
            while queue and (t_us := self._true_us(queue[0].t_s)) <= to_us:
                frame = encode_frame(queue.popleft().wire, numpy_kernels)
                out.append((max(t_us, since_us), side, frame))
        self.now_us = to_us
        out.sort(key=lambda item: item[0])
        return out

    def close(self) -> None:
        """Nothing to free."""

    def _answer(self, side: str, message: bytes) -> bytes | None:
        foot = self._feet[side]
        kind = message[0]
        ref = message[2] if kind == m.HELLO.msg_id else message[1]
        if kind == m.HELLO.msg_id:
            features = foot.info.hello["features"] & ~codes.FEATURE_LOG  # nothing more will come
            hello = {**foot.info.hello, "ref": ref, "features": features}
            values = [hello[field.name] for field in m.HELLO_REPLY.fixed]
            return m.HELLO_REPLY.pack(*values, rest=hello["text"])
        if kind == m.TABLES.msg_id:
            fields = m.TABLES.unpack(message)
            tables = (foot.info.geometry, foot.info.calibration, foot.info.readout)
            table = tables[fields["table"]].astype("<u2").tobytes()
            at = fields["offset"]
            return m.TABLES_REPLY.pack(
                ref, fields["table"], len(table), at, rest=table[at : at + 1024]
            )
        if kind == m.START.msg_id:
            self._start(side)
            return m.START_REPLY.pack(ref, foot.info.boot, *self._next[side])
        if kind == m.STOP.msg_id:
            self._stop(side)
            return m.STOP_REPLY.pack(ref, foot.info.boot, *self._next[side], *[0] * m.N_STREAMS)
        if kind == m.PING.msg_id:
            return self._pong(side, ref)
        if kind == m.CREDIT.msg_id:
            return None
        return m.REFUSED.pack(ref, kind, m.UNSUPPORTED, rest=b"a replayed insole only streams")

    def _start(self, side: str) -> None:
        """Play on from where the last stop was."""
        if self._start_us is None:
            self._start_us = self.now_us
        self._playing.setdefault(side, self.now_us)

    def _stop(self, side: str) -> None:
        """Pause; the streams end with what has been played."""
        self._playing.pop(side, None)
        if not self._playing and self._start_us is not None:
            self._origin_s += (self.now_us - self._start_us) * 1e-6
            self._start_us = None
        ends = list(self._feet[side].ends)
        for item in self._queues[side]:
            ends[item.stream] = min(ends[item.stream], item.seq)
        self._next[side] = ends

    def _true_us(self, recorded_s: float) -> int:
        """Return when what arrived at ``recorded_s`` arrives now."""
        return (self._start_us or 0) + round((recorded_s - self._origin_s) * 1e6)

    def _pong(self, side: str, ref: int) -> bytes | None:
        """Answer a ping by the recording's own timeline, as vague as that is.

        Received as late and sent as early as may have been: a copy of a recording must not claim
        to know the time better than the recording. No answer where the clock cannot be placed.
        """
        foot = self._feet[side]
        if not foot.messages(m.PRESSURE) or not np.isfinite(foot.timeline.interval_s):
            return None
        start_us = self.now_us if self._start_us is None else self._start_us
        host_s = self._origin_s + (self.now_us - start_us) * 1e-6
        line = foot.timeline
        foot_s = host_s - line.knot_offset_s_[0]
        for _ in range(3):  # the offset changes by parts per million only
            foot_s += host_s - float(line.to_host_s(np.array([foot_s]))[0])
        fields: list[int] = []
        for at_s in (foot_s + line.interval_s, foot_s - line.interval_s):
            at_us = max(0, round(at_s * 1e6))
            fields += at_us & m.TICKS_MASK, at_us >> 30
        return m.PING_REPLY.pack(ref, *fields)


def _all(foot: FootRecording):
    return [item for stream in range(m.N_STREAMS) for item in foot.messages(stream)]
