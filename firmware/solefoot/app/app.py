"""The application of one insole: sampling on time, serving the link in between."""

from solecore import kernels as _kernels
from solecore.gait import ticks as _ticks
from solecore.wire import codes
from solecore.wire import messages as m
from solecore.wire.fragments import MIN_MTU_GRID
from solecore.wire.frame import CRC_SIZE
from solefoot.app.commands import Commands
from solefoot.app.sampler import Sampler
from solefoot.app.sender import Sender

LISTENS_US: int = 2500000  # without a word from the host for so long, nobody listens
MAX_WINDOW: int = 64
NARROW_CELLS: int = 16  # layouts with more cells are too much for a narrow radio
_ROOM_FOR_CRC: bytes = bytes(CRC_SIZE)


class App:
    """Stream ``board`` over ``link``; hardware-free, and nothing global is owned.

    ``board``: ``scan_into(u16 array)``, ``read_imu_into(i16 array) -> samples``, ``imu_age_us``,
    ``imu_period_us``, ``battery() -> (mV, percent)``; if it likes ``feed()`` (a watchdog) and
    ``unix_us()``. ``link``: ``send(buf, n) -> bool``, ``poll() -> messages``, ``n_bad_frames``,
    ``is_up``, ``mtu``. ``clock``: ``ticks_us()`` (modulo 2**30) and ``idle()``. An extra has
    ``handlers`` (request id to function) and ``turn(app)``. ``log``: a FlashLog; with one the
    insole samples always, and what nobody listens to is logged. ``sample`` allocates nothing;
    ``serve`` at most 200 bytes per data message.
    """

    def __init__(self, board, link, clock, settings, kernels=None, extras=(), log=None) -> None:
        if kernels is None:
            module, name, passed = _kernels.best()
        else:
            module, name, passed = kernels
        self.board = board
        self.kernels = module
        self.link = link
        self.log = log
        self.gc_pause_us = 0
        self.clock = clock
        self.settings = settings
        self.sampler = Sampler(board, clock, settings, module)
        self.sender = Sender(self.sampler, link, log)
        self.outboxes = self.sender.boxes
        self.is_streaming = False
        self.wants_restart = False  # either ends ``run``; what then is the caller's
        self.wants_sleep = False
        self.keeper = None
        if log is not None:
            from solefoot.app.logkeeper import LogKeeper

            self.keeper = LogKeeper(self, log)
            extras = tuple(extras) + (self.keeper.desk,)
            settings.features |= codes.FEATURE_LOG
        self.extras = extras
        self._commands = Commands(self, name, 0 if passed else codes.FAILED_KERNELS)
        self._replies = []
        self._heard_ticks = 0
        self._is_silent = True  # a host that has not spoken for a while has gone

    def run(self):
        """Sample and serve until a restart or sleep is wanted.

        On a board, that is; a virtual board steps the two itself.
        """
        from solefoot.app.upkeep import Upkeep

        upkeep = Upkeep(self)
        period = self.settings.period_us
        clock = self.clock
        due = clock.ticks_us()
        while not (self.wants_restart or self.wants_sleep):
            upkeep.turn()
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
        if self.keeper is not None:
            self.keeper.settle()

    def sample(self) -> None:
        """Take one frame, if somebody listens or there is a log."""
        if self.is_sampling:
            self.sampler.sample()

    @property
    def is_sampling(self) -> bool:
        """Whether frames go anywhere."""
        return self.is_streaming or (self.log is not None and self.log.is_open)

    @property
    def has_host(self) -> bool:
        """Whether a host has spoken in the last seconds."""
        return not self._is_silent and self.link.is_up

    @property
    def is_listening(self) -> bool:
        """Whether what is sampled goes to a host; without a log there is nowhere else to go."""
        return self.is_streaming and (self.log is None or self.has_host)

    def serve(self) -> None:
        """Answer what came in, send what waits, log what nobody listens to."""
        now = self.sampler.now()
        if not self._replies:  # a host that asks but does not read would fill the heap
            for message in self.link.poll():
                self._heard_ticks = now
                self._is_silent = False
                reply = self._commands.answer(message)
                if reply is not None:
                    self._replies.append(reply)
        # A central that has come back is encrypted before it listens: not before it has spoken.
        if not self.link.is_up or _ticks.diff(now, self._heard_ticks) > LISTENS_US:
            self._is_silent = True
        self.sampler.minutes.turn(self)
        mtu = self.link.mtu
        self.sender.is_narrow = (
            0 < mtu < MIN_MTU_GRID and self.settings.geometry.n_cells > NARROW_CELLS
        )
        is_listening = self.is_listening
        if self.keeper is not None:
            self.keeper.listen(is_listening)
        if self._send_replies():
            self._commands.send_pong(self.link)
            if is_listening or self.log is None:
                while self.send_one():
                    pass
        if self.keeper is not None:
            self.keeper.turn(is_listening)
        elif self.sender.is_narrow:
            for box in self.outboxes[1:]:
                box.drop_all()
        for extra in self.extras:
            extra.turn(self)

    @property
    def has_waiting(self) -> bool:
        """Whether anything live waits for the link."""
        for box in self.outboxes:
            if box.n_waiting:
                return True
        return False

    def reply(self, message) -> None:
        """Queue the answer to a request that took its time."""
        self._replies.append(message)

    def _send_replies(self):
        """Return whether all are gone."""
        while self._replies:
            reply = self._replies[0]
            if not self.link.send(bytearray(reply + _ROOM_FOR_CRC), len(reply)):
                return False
            self._replies.pop(0)
        return True

    def send_one(self) -> bool:
        """Send one data message; False if there is none, no credit, or no room on the link."""
        return self.sender.send_one()

    def power(self, is_low) -> None:
        """Take note that the battery has become low, or is no more."""
        if self.keeper is not None:
            self.keeper.power(is_low)

    def start(self, form, window) -> None:
        """Begin streaming in ``form``, at most ``window`` messages of a stream under way."""
        sampler = self.sampler
        if self.is_sampling:
            sampler.flush()
        sampler.restart()  # events follow from the frames since here, also for who runs them again
        if self.keeper is not None:
            self.keeper.take_all()  # a change of form forgets what waits
        sampler.set_form(form)
        self.sender.begin(min(window, MAX_WINDOW))
        self.is_streaming = True

    def stop(self) -> None:
        """End streaming; what is queued still goes out."""
        if self.is_streaming:
            self.sampler.flush()
        self.is_streaming = False
        self.sender.end()

    def credit(self, stream, seq) -> None:
        """Take the host's word: all of ``stream`` before ``seq`` has arrived or is given up."""
        self.sender.credit(stream, seq)

    def n_dropped(self):
        """Return the samples of each stream that found no room in outbox and log."""
        out = [0] * m.N_STREAMS
        for box in self.outboxes:
            for stream in range(m.N_STREAMS):
                out[stream] += box.n_dropped[stream]
        if self.log is not None:
            for stream in range(m.N_STREAMS):
                out[stream] += self.log.n_lost[stream]
        return out
