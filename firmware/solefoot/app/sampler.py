"""The sampling path: scan, calibrate, detect, encode into the outbox. It allocates nothing."""

import struct
from array import array

from solecore._plain import N_SUMS, SUM_ACTIVE, SUM_F, SUM_FORE, SUM_HEEL, SUM_X, SUM_Y
from solecore.codec.encoder import FrameEncoder
from solecore.codec.forms import frame_size, frames_per_message, header_size
from solecore.gait import ticks as _ticks
from solecore.gait.contacts import STANCE, ContactDetector
from solecore.gait.stride import MAX_STRIDE_US, StrideAccumulator
from solecore.wire import messages as m
from solecore.wire.frame import CRC_SIZE
from solefoot.app.minutes import Minutes
from solefoot.app.outbox import Outbox

IMU_BYTES: int = 192  # words of one IMU message: one BLE notification with its header
IMU_SPAN_US: int = 200000  # and no sample waits longer than this
N_ALERTS: int = 24
MIN_FRAMES: int = 4  # messages of frames that the outbox holds at least
PIECE: int = 2048  # bytes of the outbox's room that lie together: three coded grids or two raw
_CODED = m.FRAME_CODED8.msg_id
_FORM_IDS = (0, m.FRAMES_RAW12.msg_id, m.FRAMES_RAW8.msg_id, _CODED)


class Sampler:
    """One foot's frames and events, from ``board`` into the outboxes.

    Frames, IMU samples and alerts (events, strides) wait apart: a stalled link then costs frames
    before it costs events.
    """

    def __init__(self, board, clock, settings, kernels) -> None:
        geometry = settings.geometry
        n = geometry.n_cells
        self._board = board
        self._clock = clock
        self._settings = settings
        self._k = kernels
        self._calibrate = kernels.calibrate
        self._sum_up = kernels.sums
        self._copy16 = kernels.copy16
        self._boot = settings.boot
        self._n = n
        self._raw = array("H", bytes(2 * n))
        self._cells = bytearray(n)
        self._before = bytearray(n)
        self._zones = geometry.zones()
        self._unit = geometry.unit
        self._sums = array("I", bytes(4 * N_SUMS))
        self._table = settings.calibration.table
        self.restart()
        per_frame = settings.imu_per_frame
        # An IMU may run a few per cent fast: room for one sample more than is due.
        most = per_frame + 1 if per_frame else 0
        self._imu_words = array("h", bytes(2 * settings.imu_axes * most))
        self._imu_frames_max = 0
        self._imu_max = IMU_BYTES // (2 * settings.imu_axes) if per_frame else 0  # samples
        self._imu_parts = (self._imu_words,)
        if most > self._imu_max:  # at a low rate one frame brings several messages
            step = self._imu_max * settings.imu_axes
            view = memoryview(self._imu_words)
            self._imu_parts = [view[i : i + step] for i in range(0, len(view), step)]
        if per_frame:
            room = IMU_BYTES // (2 * settings.imu_axes * per_frame)
            self._imu_size = m.HEADER_SIZE + IMU_BYTES
            self._imu_frames_max = max(1, min(room, IMU_SPAN_US // settings.period_us))
        self._imu_per_frame = per_frame
        self._imu_period_us = settings.period_us // per_frame if per_frame else 0  # nominal
        self.minutes = Minutes()
        self.watchers = ()  # each sees every frame: ``frame(raw, cells, detector)``
        self.seq = array("I", bytes(4 * m.N_STREAMS))
        self.n_overruns = 0
        self.stride_us = 0  # of the last stride, 0: unknown
        largest = 0
        for form in m.FORM_NAMES:
            if settings.forms >> form & 1:
                largest = max(largest, self._message_size(form))
        piece = max(PIECE, largest + CRC_SIZE)
        fit = piece // (largest + CRC_SIZE)
        n_pieces = max(
            (settings.outbox_bytes + piece // 2) // piece, (MIN_FRAMES + fit - 1) // fit
        )
        self.frames = Outbox(0, largest, n_pieces, piece)
        self.imu = Outbox(1, 0)
        if per_frame:
            self.imu = Outbox(max(8, 2 * len(self._imu_parts)), m.HEADER_SIZE + IMU_BYTES)
        self.alerts = Outbox(N_ALERTS, m.STRIDE.size)
        self._n_frames_dropped = 0
        self._ticks = clock.ticks_us()
        self._wraps = 0
        self._frame_ticks = 0  # of the frame in work, until it comes of the one before
        self._frame_wraps = 0
        self._head_ticks = self._head_wraps = 0  # for the header in work
        self._hole = settings.period_us * 3 // 2
        self.set_form(settings.form)

    def restart(self) -> None:
        """Forget the contact in progress: between stop and start nothing was sampled."""
        s = self._settings
        self.detector = ContactDetector(s.period_us, s.body_weight, s.noise)
        self._stride = StrideAccumulator()

    def set_form(self, form) -> None:
        """Send frames in ``form`` from now on, beginning with a key frame."""
        rate = 1000000 // self._settings.period_us
        self._encoder = FrameEncoder(form, self._n, rate if rate > 1 else 1, self._k)
        self._frames_max = frames_per_message(form, self._n, self._settings.period_us)
        self._frame_at = header_size(form)
        self._form_id = _FORM_IDS[form]
        size = self._message_size(form)
        if size != self.frames.size:
            self.frames.reshape(size)
        self._open_frames = None  # the message being filled
        self._n_frames = 0
        self._end = 0
        self._open_imu = None
        self._n_imu = self._n_imu_frames = self._imu_at = 0

    def _message_size(self, form):
        """Return the bytes of the largest message of frames in ``form``."""
        n = frames_per_message(form, self._n, self._settings.period_us)
        return header_size(form) + n * frame_size(form, self._n)

    def key_frame(self) -> None:
        """Make the next frame one that stands alone."""
        self._encoder.force_key()

    def now(self):
        """Return the ticks and count their wraps; must be called at least every 17 minutes."""
        ticks = self._clock.ticks_us()
        if ticks < self._ticks:
            self._wraps += 1
        self._ticks = ticks
        return ticks

    @property
    def frames_per_message(self) -> int:
        """Frames in one message of the present form."""
        return self._frames_max

    @property
    def imu_per_message(self) -> int:
        """IMU samples in one message."""
        return min(self._imu_frames_max * self._settings.imu_per_frame, self._imu_max)

    @property
    def n_wraps(self) -> int:
        """Wraps of the ticks that ``now`` returned last."""
        return self._wraps

    # A call with more than 11 words of state takes them from the heap, after a slow search: what
    # runs in every frame has few locals, and the frame's time lies in attributes.

    def sample(self) -> None:
        """Take one frame and whatever follows from it."""
        before = self._cells
        self._cells = self._before
        self._before = before
        self._scan()
        self._calibrate(self._raw, self._table, self._cells, self._n)
        self._sum_up(self._cells, self._zones, self._sums, self._n)
        bits = self._detect()
        self._put_frame()
        if self._imu_frames_max:
            self._put_imu()
        if bits:
            self._put_events(bits)
        is_loaded = self.detector.state == STANCE
        self.minutes.add_frame(is_loaded, self._frame_ticks, self._frame_wraps)
        if self.watchers:
            self._show()
        if is_loaded:
            self._add_to_stride(self._stride, self._sums)
        elif self._stride.has_ended:
            if _ticks.diff(self._frame_ticks, self._stride.ic_ticks) > MAX_STRIDE_US:
                self._put_stride(0)

    def _scan(self):
        """Fill ``_raw``; a scan is stamped at its middle."""
        start = self.now()
        self._board.scan_into(self._raw)
        half = _ticks.diff(self.now(), start) >> 1
        ticks = self._ticks - half
        self._frame_wraps = self._wraps
        if ticks < 0:
            ticks = ticks + m.TICKS_MASK + 1  # in this order: 2**30 is no small integer
            self._frame_wraps -= 1
        if _ticks.diff(ticks, self._frame_ticks) > self._hole:
            self._close()  # within a message samples follow each other by one period
        self._frame_ticks = ticks

    def _detect(self):
        s = self._sums
        return self.detector.step(
            s[SUM_F], s[SUM_HEEL], s[SUM_FORE], self._frame_ticks, self._frame_wraps
        )

    def _show(self):
        i = 0
        while i < len(self.watchers):
            self.watchers[i].frame(self._raw, self._cells, self.detector)
            i += 1

    def _add_to_stride(self, stride, s):
        stride.add(s[SUM_F], s[SUM_X], s[SUM_Y], s[SUM_ACTIVE])

    def flush(self) -> None:
        """Queue what is open: the streams stop here."""
        self._close()
        if self._stride.has_ended:
            self._put_stride(0)

    def _close(self):
        if self._open_frames is not None:
            self._close_frames()
        if self._open_imu is not None:
            self._close_imu()

    def _header(self, buf, msg_id, stream, ticks, wraps):
        buf[0] = msg_id
        buf[1] = self._boot & 255
        buf[2] = self._boot >> 8
        buf[3] = stream
        self._head_ticks = ticks
        self._head_wraps = wraps
        self._end_header(buf, self.seq[stream])

    def _end_header(self, buf, seq):
        struct.pack_into("<IIH", buf, 4, seq, self._head_ticks, self._head_wraps)

    def _put_frame(self):
        if self._open_frames is None:
            self._open_frames_message()
        encoder = self._encoder
        if self._form_id == _CODED:
            encoder.before = self._before
            self._end = encoder.code_into(self._cells, self._open_frames, self._end)
        else:
            self._end = encoder.encode_into(
                self._raw, self._cells, self._before, self._open_frames, self._end
            )
        self._n_frames += 1
        self.seq[m.PRESSURE] += 1
        if self._n_frames >= self._frames_max:
            self._close_frames()

    def _open_frames_message(self):
        buf = self.frames.claim()
        self._open_frames = buf
        self._n_frames = 0
        self._end = self._frame_at
        if self._form_id == _CODED:
            self._end -= 2  # mode and number of tokens belong to the coded frame
            dropped = self.frames.n_dropped[m.PRESSURE]
            if dropped != self._n_frames_dropped:  # a difference would hang in the air
                self._n_frames_dropped = dropped
                self._encoder.force_key()
        self._header(buf, self._form_id, m.PRESSURE, self._frame_ticks, self._frame_wraps)

    def _close_frames(self):
        n = self._n_frames
        buf = self._open_frames
        if buf is not None and self._form_id != _CODED:
            buf[m.HEADER_SIZE] = n
        self.frames.put(self._end, m.PRESSURE, self.seq[m.PRESSURE] - n, n)
        self._open_frames = None

    def _put_imu(self):
        """Queue what the IMU has gathered: as its clock is its own, one more or less than due."""
        n = self._board.read_imu_into(self._imu_words)
        i = 0
        while n > 0:
            self._add_imu(self._imu_parts[i], min(n, self._imu_max), n)
            n -= self._imu_max
            i += 1
        if self._open_imu is not None:
            self._n_imu_frames += 1
            if self._n_imu_frames >= self._imu_frames_max:
                self._close_imu()

    def _add_imu(self, words, n, n_back):
        """Put ``n`` samples into the open message; the first is ``n_back`` - 1 before the last."""
        n_words = n * self._settings.imu_axes
        if self._open_imu is not None and self._imu_at + 2 * n_words > self._imu_size:
            self._close_imu()
        if self._open_imu is None:
            self._open_imu_message(n_back)
        self._imu_at = self._copy16(words, self._open_imu, n_words, self._imu_at)
        self._n_imu += n
        self.seq[m.IMU] += n

    def _open_imu_message(self, n):
        buf = self.imu.claim()
        self._open_imu = buf
        self._n_imu_frames = 0
        self._n_imu = 0
        self._imu_at = m.HEADER_SIZE
        period = self._board.imu_period_us or self._imu_period_us
        back = self._board.imu_age_us + period * (n - 1)
        ticks = self._frame_ticks
        wraps = self._frame_wraps
        if back > ticks and wraps == 0:  # before the clock began
            back = ticks
        wraps = wraps if back <= ticks else wraps - 1
        self._header(buf, m.IMU_SAMPLES.msg_id, m.IMU, _ticks.diff(ticks, back), wraps)

    def _close_imu(self):
        n = self._n_imu
        self.imu.put(self._imu_at, m.IMU, self.seq[m.IMU] - n, n)
        self._open_imu = None

    def _put_events(self, bits):
        detector = self.detector
        stride = self._stride
        if bits >> m.TO & 1:
            stride.end(detector.ticks_of[m.TO], detector.wraps_of[m.TO])
        if bits >> m.IC & 1:
            ticks = detector.ticks_of[m.IC]
            if stride.has_ended:
                since = _ticks.elapsed(
                    ticks, detector.wraps_of[m.IC], stride.ic_ticks, stride.ic_wraps
                )
                self._put_stride(since if since <= MAX_STRIDE_US else 0)
            stride.begin(ticks, detector.wraps_of[m.IC])
        if bits >> m.HEEL_ON & 1:
            stride.heel_down(detector.ticks_of[m.HEEL_ON])
        if bits >> m.FOREFOOT_ON & 1:
            stride.forefoot_down(detector.ticks_of[m.FOREFOOT_ON])
        kind = 1
        while kind < 6:
            if bits >> kind & 1:
                buf = self.alerts.claim()
                self._header(
                    buf, m.EVENT.msg_id, m.EVENTS, detector.ticks_of[kind], detector.wraps_of[kind]
                )
                struct.pack_into(
                    "<BII",
                    buf,
                    m.HEADER_SIZE,
                    kind,
                    detector.force_of[kind],
                    self.seq[m.PRESSURE] - 1,
                )
                self.alerts.put(m.EVENT.size, m.EVENTS, self.seq[m.EVENTS], 1)
                self.seq[m.EVENTS] += 1
            kind += 1

    def _put_stride(self, stride_us):
        self.stride_us = stride_us
        stride = self._stride
        self.minutes.add_contact(stride.stance_us, stride_us, stride.peak)
        cop = stride.cop
        i = 0
        while i < 6:
            cop[i] = cop[i] * self._unit >> 4
            i += 1
        buf = self.alerts.claim()
        self._header(buf, m.STRIDE.msg_id, m.STRIDES, stride.ic_ticks, stride.ic_wraps)
        struct.pack_into(
            "<IIII", buf, m.HEADER_SIZE, stride.stance_us, stride_us, stride.peak, stride.integral
        )
        struct.pack_into(
            "<HHHHHH", buf, m.HEADER_SIZE + 16, cop[0], cop[1], cop[2], cop[3], cop[4], cop[5]
        )
        struct.pack_into("<HB", buf, m.HEADER_SIZE + 28, stride.n_active, stride.strike)
        self.alerts.put(m.STRIDE.size, m.STRIDES, self.seq[m.STRIDES], 1)
        self.seq[m.STRIDES] += 1
        stride.has_ended = False
