# ruff: noqa: T201, UP031, RUF005, PTH123
# Twin script: check the golden vectors on this interpreter. argv: the JSON file, then "numpy" for
# the host's kernels, "plain", or nothing for the best there are.
import binascii
import json
import sys
from array import array

from solecore import kernels
from solecore.codec.decoder import decode_coded8, unpack12
from solecore.codec.encoder import FrameEncoder
from solecore.gait.contacts import STANCE, ContactDetector
from solecore.gait.stride import StrideAccumulator
from solecore.wire import messages as m
from solecore.wire.fragments import Assembler, split
from solecore.wire.frame import FrameDecoder, encode_frame

unhex = binascii.unhexlify


def expect(what, got, wanted):
    if got != wanted:
        raise AssertionError("%s: got %r, the golden value is %r" % (what, got, wanted))


def check_messages(rows):
    by_name = {message.name: message for message in m.BY_ID.values()}
    expect("names", sorted(by_name), sorted(row["name"] for row in rows))
    for row in rows:
        message = by_name[row["name"]]
        packed = message.pack(*row["values"], rest=unhex(row["rest"]))
        expect(row["name"], packed, unhex(row["packed"]))
        fields = message.unpack(packed)
        flat = []
        for field in message.fixed:
            value = fields[field.name]
            flat += [value] if field.count == 1 else list(value)
        expect(row["name"] + " unpacked", flat, row["values"])


def check_frames(rows, k):
    decoder = FrameDecoder(k)
    for row in rows:
        message, frame = unhex(row["message"]), unhex(row["frame"])
        expect("frame", encode_frame(message, k), frame)
        expect("message", decoder.feed(frame), [message])
    expect("dropped", decoder.n_dropped, 0)


def check_fragments(rows):
    assembler = Assembler()
    for row in rows:
        message = unhex(row["message"])
        pieces = [unhex(piece) for piece in row["pieces"]]
        expect("pieces", split(message, row["tag"], row["mtu"]), pieces)
        whole = [assembler.feed(piece) for piece in pieces]
        expect("assembled", whole[-1], message)


def check_coded(rows, k):
    modes = set()
    for row in rows:
        n = row["n"]
        encoder = FrameEncoder(m.CODED8, n, row["key_every"], k)
        before = bytearray(n)
        for step in row["frames"]:
            cells, body = bytearray(unhex(step["cells"])), unhex(step["body"])
            out = bytearray(m.MAX_MESSAGE)
            end = encoder.encode_into(None, cells, before, out, 0)
            expect("coded frame of %d cells" % n, bytes(out[:end]), body)
            expect("cells", decode_coded8(body[0], body[1], body[2:], before, n), bytes(cells))
            before = cells
            modes.add(body[0])
    expect("modes", modes, {0, 1, 2})


def check_raw12(rows, k):
    for row in rows:
        n = len(row["counts"])
        out = bytearray(2 * n)
        end = k.pack12(array("H", row["counts"]), out, n, 0)
        expect("raw12", bytes(out[:end]), unhex(row["body"]))
        expect("counts", unpack12(out, n, 0), row["counts"])


def check_walk(row):
    period, start, sums = row["period_us"], row["start_us"], row["sums"]
    detector = ContactDetector(period, row["body_weight"], 4)
    stride = StrideAccumulator()
    events = []
    strides = []
    for i in range(len(sums) // 3):
        us = start + i * period
        force, heel, fore = sums[3 * i], sums[3 * i + 1], sums[3 * i + 2]
        bits = detector.step(force, heel, fore, us & m.TICKS_MASK, us >> 30)
        for kind in range(1, 6):
            if bits >> kind & 1:
                d = detector
                events.append([kind, d.wraps_of[kind], d.ticks_of[kind], d.force_of[kind], i])
        if bits >> m.TO & 1:
            stride.end(detector.ticks_of[m.TO], detector.wraps_of[m.TO])
            if stride.has_ended:
                s = stride
                strides.append([s.stance_us, s.peak, s.integral, s.n_active] + list(s.cop))
        if bits >> m.IC & 1:
            stride.begin(detector.ticks_of[m.IC], detector.wraps_of[m.IC])
        if detector.state == STANCE:
            stride.add(force, (30 + i % 50) * force + 7, 3 * i % 256 * force, i % 660)
    expect("events", events, row["events"])
    expect("strides", strides, row["strides"])
    return len(events)


def main():
    with open(sys.argv[1]) as file:
        golden = json.load(file)
    if sys.argv[2:] == ["numpy"]:
        from solekit import numpy_kernels as k
    elif sys.argv[2:] == ["plain"]:
        from solecore import _plain as k
    else:
        k = kernels.best()[0]
    expect("protocol", m.PROTOCOL_VERSION, golden["protocol"])
    check_messages(golden["messages"])
    check_frames(golden["frames"], k)
    check_fragments(golden["fragments"])
    check_coded(golden["coded"], k)
    check_raw12(golden["raw12"], k)
    n_events = sum([check_walk(row) for row in golden["walks"]])
    print("golden", m.PROTOCOL_VERSION, "events", n_events)


if __name__ == "__main__":
    main()
