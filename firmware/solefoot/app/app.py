"""The application of one insole: sampling on time, serving the link in between."""

from array import array

from solecore import kernels as _kernels
from solecore.gait import ticks as _ticks
from solecore.wire import codes
from solecore.wire import messages as m
from solecore.wire.frame import CRC_SIZE
from solefoot.app.commands import Commands
from solefoot.app.sampler import Sampler

STARVED_US: int = 250000  # without credit for so long, one message goes out to ask for it
MAX_WINDOW: int = 64
_ROOM_FOR_CRC: bytes = bytes(CRC_SIZE)


class App:
    """Stream ``board`` over ``link``; hardware-free, and nothing global is owned.

    ``board``: ``scan_into(u16 array)``, ``read_imu_into(i16 array) -> samples``, ``imu_age_us``,
    ``imu_period_us``, ``battery() -> (mV, percent)``. ``link``: ``send(buf, n) -> bool``,
    ``poll() -> messages``, ``n_bad_frames``, ``is_up``, ``mtu``. ``clock``: ``ticks_us()``
    (modulo 2**30) and ``idle()``. An extra has ``handlers`` (request id to function) and
    ``turn(app)``. ``sample`` allocates nothing; ``serve`` at most 200 bytes per data message.
    """

    def __init__(self, board, link, clock, settings, kernels=None, extras=(), log=None) -> None:
        if kernels is None:
            module, name, passed = _kernels.best()
        else:
            module, name, passed = kernels
        self.board = board
        self.link = link
        self.extras = extras
        self.log = log
        self.gc_pause_us = 0
        self.kernels = module
        self.clock = clock
        self.settings = settings
        self.sampler = Sampler(board, clock, settings, module)
        self.is_streaming = False
        self._commands = Commands(self, name, 0 if passed else codes.FAILED_KERNELS)
        self._replies = []
        self._window = array("I", [0] * m.N_STREAMS)  # samples that may be under way, 0 = no limit
        self._acked = array("I", [0] * m.N_STREAMS)
        self._starved = None  # the outbox that waits for credit
        self._starved_since = 0
        self._turn = 0
        self.outboxes = (self.sampler.alerts, self.sampler.frames, self.sampler.imu)

    def run(self):
        """Sample and serve for ever (on a board; a virtual board steps the two itself)."""
        period = self.settings.period_us
        clock = self.clock
        due = clock.ticks_us()
        while True:
            late = _ticks.diff(clock.ticks_us(), due)
            if late > m.TICKS_MASK // 2:  # not yet
                self.serve()
                clock.idle()
                continue
            if late > period:
                self.sampler.n_overruns += late // period
                due = _ticks.add(due, late // period * period)
            due = _ticks.add(due, period)
            self.sample()
            self.serve()

    def sample(self) -> None:
        """Take one frame, if somebody listens."""
        if self.is_streaming:
            self.sampler.sample()

    def serve(self) -> None:
        """Answer what came in, send what waits."""
        self.sampler.now()
        if not self._replies:  # a host that asks but does not read would fill the heap
            for message in self.link.poll():
                reply = self._commands.answer(message)
                if reply is not None:
                    self._replies.append(reply)
        while self._replies:
            reply = self._replies[0]
            if not self.link.send(bytearray(reply + _ROOM_FOR_CRC), len(reply)):
                return
            self._replies.pop(0)
        while self.send_one():
            pass
        for extra in self.extras:
            extra.turn(self)

    def send_one(self) -> bool:
        """Send one data message; False if there is none, no credit, or no room on the link."""
        alerts, frames, imu = self.outboxes
        box = alerts
        if not box.n_waiting:
            box = frames if self._turn else imu
            self._turn ^= 1
            if not self._may_send(box):
                box = imu if box is frames else frames
                if not self._may_send(box):
                    return self._probe()
        if not self.link.send(box.buffer(), box.length()):
            return False
        box.drop()
        if box is self._starved:
            self._starved = None
        return True

    def _may_send(self, box):
        if not box.n_waiting:
            return False
        stream = box.stream()
        window = self._window[stream]
        return window == 0 or box.seq() - self._acked[stream] < window

    def _probe(self):
        """Out of credit: after a while send one message, so that the host can give some."""
        _, frames, imu = self.outboxes
        box = self._starved
        if box is None or not box.n_waiting:
            box = frames if frames.n_waiting else imu
            self._starved = box if box.n_waiting else None
            self._starved_since = self.sampler.now()
        elif _ticks.diff(self.sampler.now(), self._starved_since) > STARVED_US:
            if self.link.send(box.buffer(), box.length()):
                box.drop()
            self._starved = imu if box is frames else frames  # the two take turns
            self._starved_since = self.sampler.now()
        return False

    def start(self, form, window) -> None:
        """Begin streaming in ``form``, at most ``window`` messages of a stream under way."""
        sampler = self.sampler
        if self.is_streaming:
            sampler.flush()
        else:
            sampler.restart()
        sampler.set_form(form)
        window = min(window, MAX_WINDOW)
        self._window[m.PRESSURE] = window * sampler.frames_per_message
        self._window[m.IMU] = window * sampler.imu_per_message
        for stream in range(m.N_STREAMS):
            self._acked[stream] = sampler.seq[stream]
        self.is_streaming = True

    def stop(self) -> None:
        """End streaming; what is queued still goes out."""
        if self.is_streaming:
            self.sampler.flush()
        self.is_streaming = False
        self._window[m.PRESSURE] = 0
        self._window[m.IMU] = 0

    def credit(self, stream, seq) -> None:
        """Take the host's word: all of ``stream`` before ``seq`` has arrived or is given up."""
        if seq > self._acked[stream]:
            self._acked[stream] = seq

    def n_dropped(self):
        """Return the samples of each stream that found no room in the outbox."""
        out = [0] * m.N_STREAMS
        for box in self.outboxes:
            for stream in range(m.N_STREAMS):
                out[stream] += box.n_dropped[stream]
        return out
