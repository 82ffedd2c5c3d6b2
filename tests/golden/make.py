"""Make ``frames.json``, the bytes and events that every version of protocol 1 must give.

A change of that file is a change of the protocol, or in "walks" of what an insole calls a contact:
raise ``solecore.wire.messages.PROTOCOL_VERSION``, say so in the changelog under "Protocol" (or
"Scientific changes"), and only then run ``python tests/golden/make.py``. The tests compare the
committed file with what this script makes, and check it on CPython and on both MicroPythons.
"""

import json
import struct
import sys
from array import array
from pathlib import Path

from solecore import _plain
from solecore.codec.encoder import FrameEncoder
from solecore.gait.contacts import STANCE, ContactDetector
from solecore.gait.stride import StrideAccumulator
from solecore.wire import messages as m
from solecore.wire.fragments import split
from solecore.wire.frame import encode_frame

PATH = Path(__file__).parent / "frames.json"
ABOUT = (
    "Golden vectors of the wire, the codec and the contact detector, made by tests/golden/make.py."
    " Changing them needs a new PROTOCOL_VERSION."
)


class Random:
    """The same small numbers on every Python."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def __call__(self, n: int) -> int:
        self.state = (self.state * 75 + 74) % 65537
        return self.state % n

    def bytes(self, n: int) -> bytes:
        return bytes(self(256) for _ in range(n))


def messages() -> list[dict]:
    """Return one message of every kind with distinct values."""
    out = []
    for message in m.ALL:
        values = []
        for field in message.fixed:
            size = struct.calcsize("<" + field.code)
            top = (0x8182838485868788 + 0x0101 * len(values)) & ((1 << 8 * size) - 1)
            if field.code.islower():  # signed
                top -= 1 << 8 * size
            values += [top - k for k in range(field.count)]
        rest = b"rest" if message.rest else b""
        packed = message.pack(*values, rest=rest)
        out.append(
            {"name": message.name, "values": values, "rest": rest.hex(), "packed": packed.hex()}
        )
    return out


def frames() -> list[dict]:
    """Return messages of awkward lengths and contents, framed for a byte stream."""
    rnd = Random(1)
    chosen = [b"\0", b"\1", b"\xff", b"\0" * 5, b"\1\0", b"\0\1", b"solekit", bytes(range(256))]
    chosen += [bytes(1 + i % 255 for i in range(n)) for n in (249, 250, 251, 253, 254, 255)]
    chosen += [b"\0" + b"\7" * 254, b"\7" * 254 + b"\0", bytes(300), rnd.bytes(m.MAX_MESSAGE)]
    return [{"message": x.hex(), "frame": encode_frame(x, _plain).hex()} for x in chosen]


def fragments() -> list[dict]:
    """Return messages cut into notifications."""
    rnd = Random(2)
    out = []
    for n, tag, mtu in ((1, 0, 23), (18, 255, 23), (19, 256, 23), (300, 7, 23), (300, 99, 517)):
        message = rnd.bytes(n)
        pieces = [piece.hex() for piece in split(message, tag, mtu)]
        out.append({"mtu": mtu, "tag": tag, "message": message.hex(), "pieces": pieces})
    return out


def coded() -> list[dict]:
    """Return sequences of frames with every mode, run and escape, and what the encoder writes."""
    rnd = Random(3)
    out = []
    for n, key_every in ((4, 3), (16, 4), (61, 30), (128, 5), (200, 3)):
        cells = bytearray(n)
        encoder = FrameEncoder(m.CODED8, n, key_every, _plain)
        steps = []
        for k in range(7):
            before = bytearray(cells)
            for _ in range((0, n // 8, 2, n // 3, 1, n, n // 40)[k]):
                at = rnd(n)
                cells[at] = (0, 255, rnd(256), (cells[at] + rnd(15) - 7) & 255)[rnd(4)]
            if k == 3:
                cells[n // 3 : n // 2] = bytes(n // 2 - n // 3)
            buf = bytearray(m.MAX_MESSAGE)
            end = encoder.encode_into(None, cells, before, buf, 0)
            steps.append({"cells": cells.hex(), "body": buf[:end].hex()})
        out.append({"n": n, "key_every": key_every, "frames": steps})
    return out


def raw12() -> list[dict]:
    """Return counts packed in twelve bits."""
    rnd = Random(4)
    out = []
    for n in (1, 2, 4, 15, 16):
        counts = [(0, 4095, rnd(4096), rnd(4096))[i & 3] for i in range(n)]
        buf = bytearray(2 * n)
        end = _plain.pack12(array("H", counts), buf, n, 0)
        out.append({"counts": counts, "body": buf[:end].hex()})
    return out


FORCE = (0, 500, 900, 1024, 960, 860, 780, 740, 740, 780, 860, 950, 1010, 1024, 800, 400, 0)
HEEL = (0, 500, 850, 900, 780, 600, 400, 230, 100, 30, 0, 0, 0, 0, 0, 0, 0)
FORE = (0, 0, 10, 30, 80, 160, 260, 380, 500, 640, 780, 920, 1010, 1024, 800, 400, 0)


def walk(period_us: int, n_frames: int, stand_s: int, rnd: Random) -> list[list[int]]:
    """Return force, heel and forefoot sums of walking, standing a while, and walking."""
    sums = []
    t = stance = 0
    stride = 300_000
    for i in range(n_frames):
        if n_frames // 3 <= i < n_frames // 3 + stand_s * 1_000_000 // period_us and stance:
            sums.append([60_000 + rnd(900), 30_000, 25_000])
            t = stance
            continue
        if t >= stride:
            t -= stride
            stride = 950_000 + rnd(300_000)
            stance = stride * (56 + rnd(10)) // 100
        if t < stance:
            x = t * 16 * 256 // stance
            k, part = x >> 8, x & 255
            peak = 100_000 + rnd(9_000)
            row = [c[k] + ((c[k + 1] - c[k]) * part >> 8) for c in (FORCE, HEEL, FORE)]
            sums.append([peak * y >> 10 for y in row])
        else:
            sums.append([rnd(5), 0, 0])
        t += period_us
    return sums


def walks() -> list[dict]:
    """Return sums, and the events and strides that they are."""
    out = []
    for period_us, n_frames, weight, stand_s in (
        (33_333, 400, 0, 5),
        (33_333, 200, 95_000, 0),
        (10_000, 700, 0, 0),
    ):
        sums = walk(period_us, n_frames, stand_s, Random(period_us % 1000 + stand_s + 5))
        detector = ContactDetector(period_us, weight, 4)
        stride = StrideAccumulator()
        events, strides = [], []
        start_us = (1 << 30) - 3_000_000
        for i, (force, heel, fore) in enumerate(sums):
            us = start_us + i * period_us
            bits = detector.step(force, heel, fore, us & m.TICKS_MASK, us >> 30)
            for kind in m.EVENT_NAMES:
                if bits >> kind & 1:
                    d = detector
                    events.append([kind, d.wraps_of[kind], d.ticks_of[kind], d.force_of[kind], i])
            if bits >> m.TO & 1:
                stride.end(detector.ticks_of[m.TO], detector.wraps_of[m.TO])
                if stride.has_ended:
                    strides.append(
                        [
                            stride.stance_us,
                            stride.peak,
                            stride.integral,
                            stride.n_active,
                            *stride.cop,
                        ]
                    )
            if bits >> m.IC & 1:
                stride.begin(detector.ticks_of[m.IC], detector.wraps_of[m.IC])
            if detector.state == STANCE:
                stride.add(force, (30 + i % 50) * force + 7, 3 * i % 256 * force, i % 660)
        flat = [value for row in sums for value in row]
        out.append({"period_us": period_us, "body_weight": weight,
                    "start_us": start_us, "sums": flat,
                    "events": events, "strides": strides})  # fmt: skip
    return out


def text() -> str:
    """Return the whole file, one vector a line."""
    parts = {
        "about": ABOUT,
        "protocol": m.PROTOCOL_VERSION,
        "messages": messages(),
        "frames": frames(),
        "fragments": fragments(),
        "coded": coded(),
        "raw12": raw12(),
        "walks": walks(),
    }
    lines = []
    for name, value in parts.items():
        if isinstance(value, list):
            rows = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in value)
            lines.append(f' "{name}": [\n{rows}\n ]')
        else:
            lines.append(f' "{name}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    sys.stderr.write(f"{PATH}: {PATH.stat().st_size} bytes\n")
