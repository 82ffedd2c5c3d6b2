"""How long each stage of a frame takes on this board; loaded only when somebody asks."""

import gc
from array import array

from solecore._plain import N_SUMS, SUM_F, SUM_FORE, SUM_HEEL
from solecore.codec.encoder import FrameEncoder
from solecore.gait import ticks as _ticks
from solecore.gait.contacts import ContactDetector
from solecore.wire import messages as m
from solecore.wire.frame import CRC_SIZE, MAX_FRAME, put_crc

MAX_FRAMES: int = 1000


def measure(app, n_frames: int) -> array:
    """Return the microseconds that ``n_frames`` frames spend in each of ``names.STAGES``."""
    s = app.settings
    k = app.kernels
    n = s.geometry.n_cells
    raw = array("H", bytes(2 * n))
    frames = (bytearray(n), bytearray(n))
    words = array("h", bytes(2 * s.imu_axes * (s.imu_per_frame + 1)))
    sums = array("I", bytes(4 * N_SUMS))
    zones = s.geometry.zones()
    detector = ContactDetector(s.period_us, s.body_weight, s.noise)
    encoder = FrameEncoder(s.form, n, 1000000 // s.period_us or 1, k)
    message = bytearray(m.MAX_MESSAGE + CRC_SIZE)
    view = memoryview(message)
    framed = bytearray(MAX_FRAME)
    out = array("I", bytes(32))
    now = app.clock.ticks_us
    for i in range(n_frames):
        cells, before = frames[i & 1], frames[~i & 1]
        marks = [now()]
        app.board.scan_into(raw)
        marks.append(now())
        if s.imu_per_frame:
            app.board.read_imu_into(words)
        marks.append(now())
        k.calibrate(raw, s.calibration.table, cells, n)
        marks.append(now())
        k.sums(cells, zones, sums, n)
        marks.append(now())
        detector.step(sums[SUM_F], sums[SUM_HEEL], sums[SUM_FORE], marks[0], 0)
        marks.append(now())
        end = encoder.encode_into(raw, cells, before, message, m.HEADER_SIZE)
        marks.append(now())
        k.cobs(message, framed, put_crc(message, end, view[:end]))
        marks.append(now())
        gc.collect()
        marks.append(now())
        for stage in range(8):
            out[stage] += _ticks.diff(marks[stage + 1], marks[stage])
    return out


def answer(app, fields) -> bytes:
    """Answer TIMING; ValueError while streaming or for a foolish number of frames."""
    n_frames = fields["n_frames"]
    if not 0 < n_frames <= MAX_FRAMES:
        raise ValueError("%d frames, from 1 to %d" % (n_frames, MAX_FRAMES))
    if app.is_streaming:
        raise ValueError("stop streaming first: the stages would be timed against each other")
    return m.TIMING_REPLY.pack(fields["ref"], n_frames, rest=bytes(measure(app, n_frames)))
