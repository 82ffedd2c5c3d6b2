# ruff: noqa: T201, PTH, RUF005, C419, B905
# Twin script: a whole session of every kind of insole; prints length and CRC of the bytes it sent.
# argv: "numpy" for the host's kernels, else the best of this interpreter.
import binascii
import sys
from array import array

from solecore import kernels
from solecore.layouts import geometry
from solecore.wire import messages as m
from solecore.wire.frame import encode_frame
from solefoot.app.profiles import profile
from solefoot.app.settings import Settings
from solekit_hil.board.foot import DOWNLINK, FRAME, SERVE, VirtualFoot


class Random:
    def __init__(self, seed):
        self.state = seed & 0xFFFF

    def __call__(self, n):
        self.state = (self.state * 75 + 74) % 65537
        return self.state % n


def fill(raw, n, phase, rnd):
    """Roll over the sole in 22 of 36 frames; the heel comes first."""
    for i in range(n):
        front = i * 20 // n
        near = 6 - abs(front - phase)
        raw[i] = (near * 600 + rnd(300)) & 0xFFF if near > 0 and phase < 22 else rnd(4)


def session(name, module, is_right):
    g = geometry(name, is_right)
    p = profile(name)
    s = Settings(g, p, 1 if is_right else 0, "TWIN", 513, body_weight=0, outbox_bytes=8000)
    us = (1 << 30) - 700000
    foot = VirtualFoot(s, us, (module, "same", True))
    rnd = Random(len(name))
    raw = array("H", bytes(2 * g.n_cells))
    words = array("h", bytes(2 * p.imu_axes * p.imu_per_frame))
    crc = n_bytes = 0

    def step(kind, payload):
        nonlocal crc, n_bytes
        sent = foot.step(kind, us & m.TICKS_MASK, payload)
        crc = binascii.crc32(sent, crc)
        n_bytes += len(sent)

    def ask(message):
        step(DOWNLINK, encode_frame(message, module))

    ask(m.HELLO.pack(m.PROTOCOL_VERSION, 1))
    ask(m.TABLES.pack(2, 0, 0))
    ask(m.SETTINGS.pack(3, m.DEAD_BAND, 1, 5))
    ask(m.ERASE.pack(4, 0))
    for form in (m.CODED8, m.RAW12, m.RAW8):
        ask(m.START.pack(5, form, 8 if form == m.CODED8 else 0))
        for i in range(80):
            us += p.period_us
            fill(raw, g.n_cells, i % 36, rnd)
            for k in range(len(words)):
                words[k] = rnd(65536) - 32768
            step(FRAME, bytes(raw) + bytes(words))
            if form == m.CODED8 and i % 8 == 7 and not 30 < i < 60:
                ask(m.CREDIT.pack(513, m.PRESSURE, i + 1))
                ask(m.CREDIT.pack(513, m.IMU, (i + 1) * p.imu_per_frame))
            if i == 50:
                ask(m.KEY.pack(6))
                step(DOWNLINK, b"\x05noise\x00")
                us += 2 * p.period_us
            step(SERVE, b"")
        ask(m.PING.pack(7))
        ask(m.STOP.pack(8))
    print(name, n_bytes, crc, list(foot.app.sampler.seq), foot.app.n_dropped())


def main():
    if sys.argv[1] == "numpy":
        from solekit import numpy_kernels as module
    else:
        module = kernels.best()[0]
    for name in ("grid-30x22", "grid-29x21", "cells-16", "cells-4"):
        session(name, module, name != "cells-16")


if __name__ == "__main__":
    main()
