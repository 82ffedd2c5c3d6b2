"""Feet that log, and what the tests beside this file do with them."""

from __future__ import annotations

import random
from array import array

from solecore.wire import messages as m


def walking(n_cells: int, i: int, rng: random.Random) -> array:
    """Return raw counts of frame ``i``: two thirds of 30 frames are stance."""
    loaded = i % 30 < 20
    return array(
        "H", [rng.randrange(4096) if loaded and rng.random() < 0.3 else 0 for _ in range(n_cells)]
    )


def walk(foot, n_frames: int, seed: int = 1, after=None) -> list[bytes]:
    """Let ``foot`` take frames; return what it sent. ``after(i, sent)`` may answer."""
    rng = random.Random(seed)
    out = []
    for i in range(n_frames):
        sent = foot.frame(walking(foot.settings.geometry.n_cells, i, rng))
        out += sent
        if after:
            out += after(i, sent)
    return out


def ranges(foot) -> list[tuple[int, int, int, int]]:
    """Return what the foot says it holds, ``(boot, stream, start, stop)``, asked in pieces."""
    out = []
    while True:
        (reply,) = replies(m.LOG_LIST_REPLY, foot.ask(m.LOG_LIST.pack(1, len(out))))
        part = reply["ranges"]
        for at in range(0, len(part), 11):
            out.append(
                (
                    int.from_bytes(part[at : at + 2], "little"),
                    part[at + 2],
                    int.from_bytes(part[at + 3 : at + 7], "little"),
                    int.from_bytes(part[at + 7 : at + 11], "little"),
                )
            )
        if len(out) >= reply["n_ranges"]:
            return out


def replies(message, sent) -> list[dict]:
    return [message.unpack(x) for x in sent if x[0] == message.msg_id]


def fetch(foot, boot, stream, start, stop, most=7) -> list[bytes]:
    """Return the messages that the log gives back for a range, as they once were."""
    out = []
    while start < stop:
        sent = foot.ask(m.LOG_RANGE.pack(9, boot, stream, start, stop, most))
        for _ in range(50):
            if replies(m.LOG_RANGE_REPLY, sent):
                break
            sent += foot.serve()
        (reply,) = replies(m.LOG_RANGE_REPLY, sent)
        got = [m.LOG_DATA.unpack(x)["message"] for x in sent if x[0] == m.LOG_DATA.msg_id]
        assert len(got) == reply["n_messages"] <= most
        assert reply["next"] > start
        out += got
        start = reply["next"]
    return out


def held(foot) -> dict[tuple[int, int], list[bytes]]:
    """Return everything that the log gives back by boot and stream."""
    out: dict[tuple[int, int], list[bytes]] = {}
    for boot, stream, start, stop in ranges(foot):
        out.setdefault((boot, stream), []).extend(fetch(foot, boot, stream, start, stop))
    return out


def samples_of(message: bytes, axes: int = 6) -> range:
    """Return the sequence numbers of the samples in a data message."""
    fields = m.BY_ID[message[0]].unpack(message)
    n = fields.get("n_frames", 1) if message[0] < m.FRAME_CODED8.msg_id else 1
    if message[0] == m.IMU_SAMPLES.msg_id:
        n = len(fields["words"]) // (2 * axes)
    return range(fields["seq"], fields["seq"] + n)


def seqs(messages, axes: int = 6) -> list[int]:
    return [seq for message in messages for seq in samples_of(message, axes)]


def data(sent) -> list[bytes]:
    return [x for x in sent if 0x20 <= x[0] < 0x30]


def by_stream(sent, stream: int) -> list[bytes]:
    return [x for x in data(sent) if x[3] == stream]
