"""What the host may ask of the flash log: ranges, messages, acknowledgement, erasure, time."""

import struct

from solecore.wire import messages as m
from solefoot.app.logread import LogReader

RANGES_IN_REPLY: int = 80
PER_TURN: int = 4  # messages that leave the log in one turn of the link


class LogDesk:
    """Answer on behalf of ``log``; an extra of its App.

    Messages from the log go out only while nothing live waits.
    """

    def __init__(self, app, log, keeper) -> None:
        self._app = app
        self._log = log
        self._keeper = keeper
        self._reader: LogReader | None = None  # made when first needed: it holds a message
        self._job = {}  # the LOG_RANGE that is being answered; its start moves on
        self._asked = ()  # and as it was asked
        self._n_sent = 0
        self._is_found = False  # a message of the job waits for the link
        self.handlers = {
            m.LOG_LIST.msg_id: self._list,
            m.LOG_RANGE.msg_id: self._range,
            m.LOG_ACK.msg_id: self._acknowledge,
            m.ERASE.msg_id: self._erase,
            m.TIME.msg_id: self._time,
        }

    def _time(self, fields):
        sampler = self._app.sampler
        self._keeper.set_time(
            fields["ticks"], fields["n_wraps"], fields["unix"], fields["interval"]
        )
        return m.TIME_REPLY.pack(fields["ref"], sampler.now(), sampler.n_wraps)

    def _list(self, fields):
        if not self._app.is_listening:
            self._keeper.take_all()
        self._log.flush()
        out = []
        n = 0
        first = fields["offset"]
        for span in self._log.ranges():
            if first <= n < first + RANGES_IN_REPLY:
                out.append(struct.pack("<HBII", *span))
            n += 1
        return m.LOG_LIST_REPLY.pack(fields["ref"], n, first, rest=b"".join(out))

    def _range(self, fields):
        """Begin to answer; ``turn`` does the rest."""
        stream = fields["stream"]
        if stream >= m.N_STREAMS:
            return m.LOG_RANGE_REPLY.pack(fields["ref"], fields["boot"], stream, 0, fields["stop"])
        asked = (fields["boot"], stream, fields["start"], fields["stop"])
        if self._job and asked == self._asked:  # again before the answer: go on
            self._job["ref"] = fields["ref"]
            return None
        self._asked = asked
        app = self._app
        log = self._log
        if fields["boot"] == app.settings.boot:
            if app.is_listening:
                self._keeper.take_kept(stream, fields["stop"])
            else:
                self._keeper.take_all()
            first, stop = log.ring_of(stream).open_range(log.slot_of(stream))
            if first < fields["stop"] and fields["start"] < stop:
                log.flush()
        if self._reader is None:
            self._reader = LogReader(log)
        self._reader.seek(*asked)
        self._job = fields
        self._n_sent = 0
        self._is_found = False
        return None

    def turn(self, app) -> None:
        """Send some of what was asked for, if nothing else wants to be sent."""
        job = self._job
        reader = self._reader
        if not job or reader is None:
            return
        for _ in range(PER_TURN):
            if app.is_listening and app.has_waiting:
                return
            if not self._is_found:
                self._is_found = self._n_sent < job["most"] and reader.next()
            if not self._is_found:
                break
            if not app.link.send(reader.buf, reader.length):
                return
            self._is_found = False
            self._n_sent += 1
            job["start"] = reader.seq + reader.n_samples
        else:
            return
        self._job = {}
        self._log.store.release()
        following = job["start"] if self._n_sent == job["most"] else job["stop"]
        app.reply(
            m.LOG_RANGE_REPLY.pack(job["ref"], job["boot"], job["stream"], self._n_sent, following)
        )

    def _acknowledge(self, fields):
        self._log.acknowledge(fields["boot"], fields["stream"], fields["start"], fields["stop"])
        return m.LOG_ACK_REPLY.pack(fields["ref"])

    def _erase(self, fields):
        if self._reader is not None:
            self._reader.forget()
        self._log.flush()
        return m.ERASE_REPLY.pack(fields["ref"], self._log.erase(fields["is_forced"]))
