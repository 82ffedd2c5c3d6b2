"""What leaves the outboxes for the link: in turns, within the window that the host has given."""

from array import array

from solecore.gait import ticks as _ticks
from solecore.wire import messages as m

STARVED_US: int = 250000  # without credit for so long, one message goes out to ask for it


class Sender:
    """Alerts first, then frames and IMU samples in turns.

    With ``keeps`` a message that was sent stays in its outbox until the host has acknowledged it:
    if the link is lost, or its room is needed, it goes to the log. ``is_narrow``: only alerts go
    out.
    """

    def __init__(self, sampler, link, log) -> None:
        self._sampler = sampler
        self._link = link
        self._log = log
        self.boxes = (sampler.alerts, sampler.frames, sampler.imu)
        self._window = array("I", [0] * m.N_STREAMS)  # samples that may be under way, 0 = no limit
        self._acked = array("I", [0] * m.N_STREAMS)
        self._starved = None  # the outbox that waits for credit
        self._starved_since = 0
        self._turn = 0
        self.keeps = False
        self.is_narrow = False

    def begin(self, window) -> None:
        """Send from here on, at most ``window`` messages of a stream under way (0: no limit)."""
        sampler = self._sampler
        self.keeps = window > 0 and self._log is not None
        self._window[m.PRESSURE] = window * sampler.frames_per_message
        self._window[m.IMU] = window * sampler.imu_per_message
        for stream in range(m.N_STREAMS):
            self._acked[stream] = sampler.seq[stream]

    def resume(self) -> None:
        """Go on for a host that has come back: what it missed is in the log."""
        for box in self.boxes:
            box.take_back()
        self._acked[m.PRESSURE] = self._next(self.boxes[1], m.PRESSURE)
        self._acked[m.IMU] = self._next(self.boxes[2], m.IMU)

    def _next(self, box, stream):
        return box.seq() if box.n_waiting else self._sampler.seq[stream]

    def end(self) -> None:
        """Give up the window; what is queued still goes out."""
        self._window[m.PRESSURE] = self._window[m.IMU] = 0
        self.keeps = False
        if self._log is None:
            for box in self.boxes:
                box.n_kept = 0

    def credit(self, stream, seq) -> None:
        """Take the host's word: all of ``stream`` before ``seq`` has arrived or is given up."""
        if seq > self._acked[stream]:
            self._acked[stream] = seq
            for box in self.boxes:
                box.acknowledge(self._acked)

    def send_one(self) -> bool:
        """Send one data message; False if there is none, no credit, or no room on the link."""
        alerts, frames, imu = self.boxes
        box = alerts
        if not box.n_waiting:
            if self.is_narrow:
                return False
            box = frames if self._turn else imu
            self._turn ^= 1
            if not self._may_send(box):
                box = imu if box is frames else frames
                if not self._may_send(box):
                    return self._probe()
        if self._log is not None and box.stream() == m.MINUTES:
            self._log.take(box, True)  # these are kept in any case
        if not self._link.send(box.buffer(), box.length()):
            return False
        self._sent(box)
        if box is self._starved:
            self._starved = None
        return True

    def _sent(self, box):
        if self.keeps:
            box.keep()
        else:
            box.drop()

    def _may_send(self, box):
        if not box.n_waiting:
            return False
        stream = box.stream()
        window = self._window[stream]
        return window == 0 or box.seq() - self._acked[stream] < window

    def _probe(self):
        """Out of credit: after a while send one message, so that the host can give some."""
        _, frames, imu = self.boxes
        box = self._starved
        if box is None or not box.n_waiting:
            box = frames if frames.n_waiting else imu
            self._starved = box if box.n_waiting else None
            self._starved_since = self._sampler.now()
        elif _ticks.diff(self._sampler.now(), self._starved_since) > STARVED_US:
            if self._link.send(box.buffer(), box.length()):
                self._sent(box)
            self._starved = imu if box is frames else frames  # the two take turns
            self._starved_since = self._sampler.now()
        return False
