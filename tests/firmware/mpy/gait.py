# ruff: noqa: T201, SIM113, PTH, RUF005, C419, B905
# Twin script: a long walk in integers through the detector and the stride accumulator.
# argv: period in microseconds, strides, seed. Prints how many events there were and their CRC.
import binascii
import struct
import sys

from solecore.gait import ticks as tk
from solecore.gait.contacts import STANCE, ContactDetector
from solecore.gait.stride import StrideAccumulator
from solecore.wire.messages import IC, TICKS_MASK, TO

# Vertical force, heel and forefoot over a stance in 16 parts, of 1024.
FORCE = (0, 500, 900, 1024, 960, 860, 780, 740, 740, 780, 860, 950, 1010, 1024, 800, 400, 0)
HEEL = (0, 500, 850, 900, 780, 600, 400, 230, 100, 30, 0, 0, 0, 0, 0, 0, 0)
FORE = (0, 0, 10, 30, 80, 160, 260, 380, 500, 640, 780, 920, 1010, 1024, 800, 400, 0)


class Random:
    def __init__(self, seed):
        self.state = seed & 0xFFFF

    def __call__(self, n):
        self.state = (self.state * 75 + 74) % 65537
        return self.state % n


def at(curve, t, whole):
    """Return ``curve`` at ``t`` of ``whole``, linear between its points."""
    x = t * 256 // (whole >> 4)  # 1/256 of a sixteenth
    k = x >> 8
    if k > 15:
        return curve[16]
    return curve[k] + ((curve[k + 1] - curve[k]) * (x & 255) >> 8)


def frame(t, stance, amplitude):
    return (
        amplitude * at(FORCE, t, stance) >> 10,
        amplitude * at(HEEL, t, stance) >> 10,
        amplitude * at(FORE, t, stance) >> 10,
    )


def walk(period, n_strides, seed, amplitude=0, stand_after=-1, noise=3):
    """Yield the sums of every frame; a minute of standing after a stride if asked."""
    rnd = Random(seed)
    t = -300000
    stance = stride = 0
    k = -1
    peak = 0
    while True:
        if t >= stride:
            t -= stride
            k += 1
            if k == n_strides:
                return
            stride = 900000 + rnd(400000)
            stance = stride * (55 + rnd(12)) // 100
            peak = amplitude or 4000 + rnd(164301)
            if k == stand_after:
                i = 0
                while i < 60000000 // period:
                    yield 168300, 60000, 80000
                    i += 1
        if 0 <= t < stance:
            yield frame(t, stance, peak)
        else:
            yield rnd(noise + 1), 0, 0
        t += period


def run(detector, frames, emit, ticks=0, wraps=0, stride=None, on_stride=None):
    """Call ``emit(kind, wraps, ticks, force, frame)`` for every event."""
    i = 0
    for force, heel, fore in frames:
        bits = detector.step(force, heel, fore, ticks, wraps)
        kind = 1
        while bits and kind < 6:
            if bits >> kind & 1:
                emit(
                    kind,
                    detector.wraps_of[kind],
                    detector.ticks_of[kind],
                    detector.force_of[kind],
                    i,
                )
            kind += 1
        if stride:
            if bits >> TO & 1:
                stride.end(detector.ticks_of[TO], detector.wraps_of[TO])
                on_stride(stride)
            if bits >> IC & 1:
                stride.begin(detector.ticks_of[IC], detector.wraps_of[IC])
            if detector.state == STANCE:
                stride.add(force, force * (i % 200) + 55 * force, force * 255, i % 660)
        i += 1
        ticks = tk.add(ticks, detector.period_us)
        if ticks < detector.period_us:
            wraps += 1


class Tally:
    """A walk's events and strides in a few numbers: lists would overrun a small heap."""

    def __init__(self):
        self.counts = [0] * 6
        self.n_strides = 0
        self.crc = 0

    def event(self, *fields):
        self.counts[fields[0]] += 1
        self.crc = binascii.crc32(struct.pack("<BHIII", *fields), self.crc)

    def stride(self, s):
        self.n_strides += 1
        self.crc = binascii.crc32(
            struct.pack("<IIIH", s.stance_us, s.peak, s.integral, s.n_active), self.crc
        )
        self.crc = binascii.crc32(struct.pack("<6H", *s.cop), self.crc)


def main():
    period, n_strides, seed = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    detector = ContactDetector(period, 0, 4)
    tally = Tally()
    frames = walk(period, n_strides, seed, 0, n_strides // 2)
    run(detector, frames, tally.event, TICKS_MASK - 5000000, 0, StrideAccumulator(), tally.stride)
    print(tally.counts, tally.n_strides, detector.on, detector.off, "crc", tally.crc)


if __name__ == "__main__":
    main()
