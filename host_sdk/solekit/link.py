"""The host's end of the wire, without I/O: requests, streams, gaps, credits.

Bytes go in with their time of arrival, messages come out in order of each stream's sequence
numbers; duplicates are dropped, what stays away is counted as missing. Nothing here waits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from solecore.wire import messages as m
from solecore.wire.frame import FrameDecoder, encode_frame
from solecore.wire.schema import Message, WireError
from solekit import numpy_kernels

HOLD = 8  # messages held back while one before them may still come
HOLD_S = 0.2  # and no longer than this: the rare events must not wait for eight more
CREDIT_EVERY = 4  # messages between two credits, the lost ones counted; an outbox holds few
# Or so much time: after a cut the insole waits for credit and sends next to nothing.
CREDIT_S = 0.2
HOLD_CREDIT = 24  # messages: for so long a gap holds credit back, and the insole what fills it
_HEADER = struct.Struct(m.HEADER_FORMAT)
STREAM_OF = {
    m.FRAMES_RAW12.msg_id: m.PRESSURE,
    m.FRAMES_RAW8.msg_id: m.PRESSURE,
    m.FRAME_CODED8.msg_id: m.PRESSURE,
    m.IMU_SAMPLES.msg_id: m.IMU,
    m.EVENT.msg_id: m.EVENTS,
    m.STRIDE.msg_id: m.STRIDES,
    m.MINUTE.msg_id: m.MINUTES,
    m.TIME_PAIR.msg_id: m.MINUTES,
}
_CODED = m.FRAME_CODED8.msg_id
_LOG_DATA = m.LOG_DATA.msg_id
COUNTED = (m.FRAMES_RAW12.msg_id, m.FRAMES_RAW8.msg_id)
SIZES = {
    layout.msg_id: (layout.size, m.MAX_MESSAGE if layout.rest else layout.size)
    for layout in m.DATA
}
_ASK_FOR_KEY = m.KEY.pack(0)
MAX_SEQ_STEP = 1 << 24  # a jump larger than this is not loss but nonsense


class Data(NamedTuple):
    """A data message: ``n`` samples of ``stream`` from ``seq`` on, the first at ``foot_us``.

    ``block`` is where it lay in the insole's log if it came from there, else -1.
    """

    t_s: float  # arrival, host clock
    stream: int
    seq: int
    n: int
    foot_us: int  # unwrapped
    message: bytes
    block: int = -1

    @property
    def wire(self) -> bytes:
        """The message as it arrived."""
        return m.LOG_DATA.pack(self.block, rest=self.message) if self.block >= 0 else self.message


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to request ``ref``; ``fields`` as ``Message.unpack`` gives them."""

    t_s: float
    ref: int
    message: Message
    fields: dict


@dataclass
class StreamIn:
    """What has come of one stream since start: expected number, holes, late messages."""

    first: int = 0
    expected: int = 0
    n_received: int = 0
    n_duplicates: int = 0
    holes: list[tuple[int, int]] = field(default_factory=list)  # [start, end) of missing samples
    held: dict[int, Data] = field(default_factory=dict)
    credited: int = 0  # sequence number of the last credit
    credited_s: float = 0.0  # and its time
    asked_to: int | None = None  # the log has been asked for all before this; None: no log

    def begin(self, seq: int, t_s: float) -> None:
        """Start counting at ``seq``."""
        self.first = self.expected = self.credited = seq
        self.asked_to = None
        self.credited_s = t_s
        self.n_received = self.n_duplicates = 0
        self.holes.clear()
        self.held.clear()

    def take(self, data: Data) -> list[Data]:
        """Return what ``data`` lets pass, in order."""
        if data.seq == self.expected and not self.held:  # nearly always
            self.n_received += data.n
            self.expected += data.n
            return [data]
        if data.seq < self.expected:
            return [data] if self._fill(data) else []
        if data.seq in self.held:
            self.n_duplicates += 1
            return []
        if data.seq > self.expected:
            self.held[data.seq] = data
            return self.release() if len(self.held) > HOLD else []
        return self._pass(data)

    def earns_credit(self, data: Data) -> int:
        """Return what ``data`` lets be credited, noted as given; 0 if it is not yet time."""
        seq = data.seq + data.n if self.asked_to is None else self._solid(data)
        n_new = seq - self.credited
        if n_new <= 0 or (n_new < CREDIT_EVERY * data.n and data.t_s - self.credited_s < CREDIT_S):
            return 0
        self.credited = seq
        self.credited_s = data.t_s
        return seq

    def _solid(self, data: Data) -> int:
        """Return the number up to which nothing is missing that the insole may still have.

        It keeps few messages: what went missing long before ``data`` is in the log or nowhere.
        """
        since = max(self.asked_to or 0, data.seq - HOLD_CREDIT * data.n)
        missing = [start for start, stop in self.holes if stop > since]
        if self.held:
            missing.append(self.expected)
        return min((start for start in missing if start >= since), default=data.seq + data.n)

    def release(self) -> list[Data]:
        """Give up on what is missing before the held messages and let those pass."""
        if not self.held:
            return []
        data = self.held.pop(min(self.held))
        if data.seq < self.expected:  # overlaps what has passed: no sane insole sends that
            self.n_duplicates += 1
            return []
        self.holes.append((self.expected, data.seq))
        return self._pass(data)

    def expire(self, before_s: float) -> list[Data]:
        """Give up on what messages held since before ``before_s`` have waited for."""
        out = []
        while self.held and next(iter(self.held.values())).t_s < before_s:
            out += self.release()
        return out

    def _pass(self, data: Data) -> list[Data]:
        out = []
        following: Data | None = data
        while following is not None:
            out.append(following)
            self.n_received += following.n
            self.expected = following.seq + following.n
            following = self.held.pop(self.expected, None)
        return out

    def _fill(self, data: Data) -> bool:
        """Return whether ``data`` belongs into a hole, and close that."""
        end = data.seq + data.n
        for i, (start, stop) in enumerate(self.holes):
            if start <= data.seq and end <= stop:
                self.holes[i : i + 1] = [
                    hole for hole in ((start, data.seq), (end, stop)) if hole[0] < hole[1]
                ]
                self.n_received += data.n
                return True
        self.n_duplicates += 1
        return False

    def finish(self, end: int | None) -> list[Data]:
        """Let everything held pass; what is missing up to ``end`` becomes a hole."""
        out = []
        while self.held:
            out += self.release()
        if end is not None and end > self.expected:
            self.holes.append((self.expected, end))
            self.expected = end
        return out


class _Whole:
    """Messages that arrive whole: a radio keeps its packets apart and checks them itself."""

    n_dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        return [data] if data else []


class Link:
    """One insole's messages, framed in a byte stream or (``is_framed`` False) each by itself."""

    def __init__(self, *, is_framed: bool = True) -> None:
        self._is_framed = is_framed
        self._decoder = FrameDecoder(numpy_kernels) if is_framed else _Whole()
        self._ref = 0
        self._boot: int | None = None
        self._imu_axes = 6
        self._awaits_start = False
        self._outgoing: list[bytes] = []  # credits, and requests for a key frame
        self._log_boot: int | None = None  # of the streams that the log may still complete
        self.on_log_data: Callable[[float, bytes], None] | None = None  # takes them all, if set
        self.n_log_data = 0
        self.streams = [StreamIn() for _ in range(m.N_STREAMS)]
        self.n_invalid = 0  # messages with a good CRC that break the protocol
        self.n_foreign = 0  # data of another boot: the insole has restarted

    @property
    def boot(self) -> int | None:
        """Boot id of the insole that streams, None if none does."""
        return self._boot

    @property
    def n_bad_frames(self) -> int:
        """Frames that arrived broken."""
        return self._decoder.n_dropped + self.n_invalid

    def request(self, message: Message, *values: int, rest: bytes = b"") -> tuple[int, bytes]:
        """Return ``(ref, bytes to send)``; ``values`` follow the ref, ``rest`` follows them."""
        self._ref = self._ref % 255 + 1  # 0 is for requests whose answer nobody waits for
        lead = (m.PROTOCOL_VERSION,) if message is m.HELLO else ()
        return self._ref, self._encode(message.pack(*lead, self._ref, *values, rest=rest))

    def _encode(self, message: bytes) -> bytes:
        return encode_frame(message, numpy_kernels) if self._is_framed else message

    def await_start(self, imu_axes: int) -> None:
        """Let the next START reply begin the streams."""
        self._boot = self._log_boot = None
        self._imu_axes = max(1, imu_axes)
        self._awaits_start = True

    def begin(self, boot: int, seqs: tuple[int, ...], imu_axes: int, t_s: float = 0.0) -> None:
        """Expect the streams of ``boot`` from ``seqs`` on; ``t_s`` is now."""
        self._boot = self._log_boot = boot
        self._imu_axes = max(1, imu_axes)
        for stream, seq in zip(self.streams, seqs, strict=True):
            stream.begin(seq, t_s)

    def feed(self, t_s: float, data: bytes) -> list[Data | Reply]:
        """Take bytes that arrived at ``t_s``; return what they complete."""
        out: list[Data | Reply] = []
        for message in self._decoder.feed(data):
            kind = message[0]
            if kind == _LOG_DATA:
                self.n_log_data += 1
                if self.on_log_data is not None:
                    self.on_log_data(t_s, message)
                    continue
                item = self.parse_logged(t_s, message)
                if item is not None:
                    out += self.streams[item.stream].take(item)
            elif 0x20 <= kind < 0x40:
                item = self.parse(t_s, message)
                if item is not None:
                    stream = self.streams[item.stream]
                    was_whole = not stream.held
                    out += stream.take(item)
                    if kind == _CODED and was_whole and stream.held:
                        # What follows may hang on what is missing: do not wait to be sure.
                        self._outgoing.append(_ASK_FOR_KEY)
                    if seq := stream.earns_credit(item):
                        credit = m.CREDIT.pack(self._boot or 0, item.stream, seq)
                        self._outgoing.append(credit)
            elif kind == m.HELLO_REPLY.msg_id and message[1:2] != bytes((m.PROTOCOL_VERSION,)):
                # Of another version only this byte can be relied on.
                fields = {"protocol": message[1] if len(message) > 1 else 0, "ref": self._ref}
                out.append(Reply(t_s, self._ref, m.HELLO_REPLY, fields))
            elif kind & m.REPLY and kind in m.BY_ID:
                try:
                    fields = m.BY_ID[kind].unpack(message)
                except WireError:
                    self.n_invalid += 1
                    continue
                if kind == m.START_REPLY.msg_id and self._awaits_start:
                    # Data may follow in the same chunk, so the streams begin here.
                    self._awaits_start = False
                    self.begin(fields["boot"], fields["seq"], self._imu_axes, t_s)
                out.append(Reply(t_s, fields["ref"], m.BY_ID[kind], fields))
            else:
                self.n_invalid += 1
        for stream in self.streams:
            if stream.held:
                out += stream.expire(t_s - HOLD_S)
        return out

    def finish(self, ends: tuple[int, ...] | None) -> list[Data]:
        """Return what is held; ``ends`` are the insole's next sequence numbers if it told them.

        What comes now comes too late for the account, unless it comes from the log.
        """
        out = []
        for i, stream in enumerate(self.streams):
            out += stream.finish(ends[i] if ends else None)
        self._boot = None
        return out

    def outgoing(self) -> list[bytes]:
        """Return credits and key requests to send now: one piece of a byte stream, or each."""
        encoded, self._outgoing = [self._encode(message) for message in self._outgoing], []
        return [b"".join(encoded)] if self._is_framed and encoded else encoded

    def parse(self, t_s: float, message: bytes) -> Data | None:
        """Return the data message, or None if it is not one of this start."""
        return self._parse(t_s, message, self._boot)

    def parse_logged(self, t_s: float, message: bytes) -> Data | None:
        """Return the data message within a LOG_DATA, or None if it is not one of this start."""
        if len(message) < m.LOG_DATA.size + m.HEADER_SIZE:
            self.n_invalid += 1
            return None
        inner = message[m.LOG_DATA.size :]
        if int.from_bytes(inner[1:3], "little") != self._log_boot:
            return None  # asked for before a restart
        item = self._parse(t_s, inner, self._log_boot)
        block = int.from_bytes(message[1 : m.LOG_DATA.size], "little")
        return None if item is None else item._replace(block=block)

    def _parse(self, t_s: float, message: bytes, of_boot: int | None) -> Data | None:
        size = len(message)
        least, most = SIZES.get(message[0], (1, 0)) if message else (1, 0)
        if not least <= size <= most:
            self.n_invalid += 1
            return None
        kind, boot, stream, seq, ticks, n_wraps = _HEADER.unpack_from(message)
        if boot != of_boot:
            if of_boot is not None:  # else not started: a tail of what ran before
                self.n_foreign += 1
            return None
        n = 1
        if kind in COUNTED:
            n = message[m.HEADER_SIZE]
        elif kind == m.IMU_SAMPLES.msg_id:
            n = (size - m.HEADER_SIZE) // (2 * self._imu_axes)
        is_known = stream == STREAM_OF.get(kind) and n > 0
        if not is_known or seq > self.streams[stream].expected + MAX_SEQ_STEP:
            self.n_invalid += 1
            return None
        return Data(t_s, stream, seq, n, (n_wraps << 30) + ticks, message)
