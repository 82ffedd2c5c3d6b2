"""Between the outboxes and the flash log: what goes there, when, and at what time of day."""

from solecore.gait.contacts import STANCE
from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.logdesk import LogDesk

_ROOM: int = 2  # messages: with so little room left in an outbox, swing is not waited for
_ROOM_FOR_ALERTS: int = 8  # one frame may bring five events and a stride


class LogKeeper:
    """Log on behalf of ``app`` what nobody listens to, and what waits for too long."""

    def __init__(self, app, log) -> None:
        self._app = app
        self._log = log
        self._was_listening = True
        self._pair = b""  # the last time pair, its sequence number still open
        self._owes_pair = False  # what was logged last has no time at its end
        self.desk = LogDesk(app, log, self)

    def listen(self, is_listening) -> None:
        """Open the log, or close it for a host that is there; either begins with a key frame."""
        if is_listening == self._was_listening:
            return
        self._was_listening = is_listening
        if is_listening:
            self._log.flush()
            self._app.sender.resume()
        else:
            self._owes_pair = True
            self._ask_the_board()
            self._put_pair()
        self._app.sampler.key_frame()

    def turn(self, is_listening) -> None:
        """Empty the outboxes into the log if nobody listens, else only when they are full."""
        log = self._log
        app = self._app
        may_write = app.sampler.detector.state != STANCE
        for box in app.outboxes:
            room = _ROOM_FOR_ALERTS if box is app.sampler.alerts else _ROOM
            if not is_listening or (app.sender.is_narrow and box is not app.sampler.alerts):
                box.take_back()
                while box.n_waiting and log.take(box, may_write or box.n_free <= room):
                    box.drop()
            else:
                while box.n_free < room < box.n_slots:
                    self._take_oldest(box)
        if log.wants_key:
            log.wants_key = False
            app.sampler.key_frame()

    def _take_oldest(self, box):
        kept = box.n_kept
        box.take_back()
        self._log.take(box, True)
        box.drop()
        kept = kept - 1 if kept else 0
        box.n_kept = kept
        box.n_waiting -= kept

    def take_kept(self, stream, stop) -> None:
        """Log what was sent of ``stream`` before ``stop``: it did not arrive."""
        for box in self._app.outboxes:
            while box.n_kept and box.has_kept(stream, stop):
                self._take_oldest(box)

    def take_all(self) -> None:
        """Log everything that waits, and what was sent without an answer."""
        for box in self._app.outboxes:
            box.take_back()
            while box.n_waiting:
                self._log.take(box, True)
                box.drop()

    def settle(self) -> None:
        """Put everything into flash: the board is about to stop."""
        self._app.sampler.flush()
        self._put_pair()
        self.take_all()
        self._log.flush()

    def power(self, is_low) -> None:
        """Close the log cleanly when the battery is low, open it again when it is not."""
        if is_low and self._log.is_open:
            self.settle()
            self._log.is_open = False
        elif not is_low and not self._log.is_open:
            self._log.open()
            if self._log.is_open and not self._app.is_streaming:
                self._app.sampler.restart()

    # -- the time of day -----------------------------------------------------------------------

    def set_time(self, ticks, wraps, unix_us, interval_us) -> None:
        """Keep the host's time; where logging has ended it goes to the log at once."""
        self._keep_pair(ticks, wraps, unix_us, interval_us, codes.TIME_HOST)
        if self._owes_pair:
            self._owes_pair = not self._app.is_listening
            self._put_pair()

    def _ask_the_board(self):
        """Take the board's own clock where no host has told the time; how good it is, is open."""
        unix_us = getattr(self._app.board, "unix_us", None)
        if unix_us is not None and not self._pair:
            sampler = self._app.sampler
            self._keep_pair(sampler.now(), sampler.n_wraps, unix_us(), 0, codes.TIME_RTC)

    def _keep_pair(self, ticks, wraps, unix_us, interval_us, source):
        boot = self._app.settings.boot
        self._pair = m.TIME_PAIR.pack(
            boot, m.MINUTES, 0, ticks, wraps, unix_us, interval_us, source
        )

    def _put_pair(self):
        """Queue the last time pair, if that has not been done."""
        n = len(self._pair)
        if n:
            sampler = self._app.sampler
            seq = sampler.seq[m.MINUTES]
            buf = sampler.alerts.claim()
            buf[:n] = self._pair
            buf[4:8] = seq.to_bytes(4, "little")
            sampler.alerts.put(n, m.MINUTES, seq, 1)
            sampler.seq[m.MINUTES] += 1
            self._pair = b""
