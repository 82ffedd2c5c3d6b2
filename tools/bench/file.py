"""One hour of two 660-cell insoles at 50 Hz: the size of its file, and how soon it has results.

Simulated: two minutes of walking, recorded by the SDK; the hour repeats their messages 30 times
with sequence numbers and times that go on, so that size and work are those of an hour but its walk
is the same two minutes, with a seam between. ``on-foot events`` takes the gait events that the
insoles found; ``decoded pressure`` finds them again in every frame and computes plantar pressure
as well. Processor time of one process, reading included.
"""

from __future__ import annotations

import asyncio
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

import solekit
from solecore.wire import messages as m
from solekit.analysis import analyse
from solekit.link import Data
from solekit.recording import Recording, RecordingWriter
from solekit.recording.foot import FootRecording

SECONDS, REPEATS = 120, 30
URI = "sim:walk?layout=grid-30x22&form=coded8&rate_hz=50&ppm=0"  # clocks of one rate: no drift
MOST_MB, MOST_EVENTS_S, MOST_PRESSURE_S = 60.0, 5.0, 30.0
_HEADER = struct.Struct(m.HEADER_FORMAT)
_FRAME = struct.Struct("<I")
_FRAME_AT = m.HEADER_SIZE + 5  # of an event: the frame that confirmed it


def measure() -> list[dict[str, Any]]:
    """Return one row per figure, with its target."""
    with tempfile.TemporaryDirectory() as folder:
        short, path = Path(folder) / "short.mcap", Path(folder) / "hour.mcap"
        asyncio.run(walk(short, SECONDS + 2.0))
        lengthen(Recording(short), path, seconds=SECONDS, repeats=REPEATS)
        return figures(path)


async def walk(path: Path, length_s: float) -> None:
    """Record a simulated walk."""
    async with solekit.connect_pair(URI) as pair:
        pair.record_to(path)
        await pair.start()
        await pair.clock.sleep(length_s)
        await pair.stop()


def lengthen(short: Recording, path: Path, *, seconds: int, repeats: int) -> None:
    """Write ``seconds`` of ``short`` to ``path``, ``repeats`` times one after the other."""
    writer = RecordingWriter(path)
    once: list[tuple[float, str, Data | dict[str, float]]] = []
    lengths: dict[str, list[int]] = {}
    for side, foot in short.feet.items():
        streams, pings = _cut(foot, seconds)
        first = [items[0].seq if items else 0 for items in streams]
        stop = [items[-1].seq + items[-1].n if items else 0 for items in streams]
        n = lengths[side] = [b - a for a, b in zip(first, stop, strict=True)]
        ends = [at + repeats * by for at, by in zip(first, n, strict=True)]
        writer.add_session(0.0, "insole", side=side, uri=URI, **foot.info.to_json())
        writer.add_session(0.0, "streams", side=side, first=first)
        writer.add_session(0.0, "end", side=side, seq=ends, dropped=[0] * m.N_STREAMS)
        once += [(item.t_s, side, item) for items in streams for item in items]
        once += [(ping["host_rx_s"], side, ping) for ping in pings]
    once.sort(key=lambda entry: entry[0])
    for k in range(repeats):
        for t_s, side, what in once:
            at_s = t_s + k * seconds
            if isinstance(what, Data):
                writer.add_wire(side, at_s, _later(what, k, lengths[side], seconds))
            else:
                by = {"host_tx_s": 1, "host_rx_s": 1, "rx_us": 1e6, "tx_us": 1e6}
                ping = {key: value + by[key] * k * seconds for key, value in what.items()}
                writer.add_ping(side, at_s, ping)
    writer.add_session(once[-1][0] + seconds * (repeats - 1), "closed")
    writer.close()


def _cut(foot: FootRecording, seconds: int) -> tuple[list[list[Data]], list[dict[str, float]]]:
    """Return messages by stream and pings of the first ``seconds`` by the foot's clock."""
    first_us = foot.messages(m.PRESSURE)[0].foot_us
    stop_us = first_us + seconds * 1_000_000
    streams = [
        [item for item in foot.messages(stream) if first_us <= item.foot_us < stop_us]
        for stream in range(m.N_STREAMS)
    ]
    return streams, [ping for ping in foot._pings if first_us <= ping["rx_us"] < stop_us]


def _later(item: Data, k: int, lengths: list[int], seconds: int) -> bytes:
    """Return the message ``item`` as it would be ``k`` repeats later."""
    message = bytearray(item.message)
    kind, boot, stream, seq, _, _ = _HEADER.unpack_from(message)
    foot_us = item.foot_us + k * seconds * 1_000_000
    ticks, wraps = foot_us & m.TICKS_MASK, foot_us >> 30
    _HEADER.pack_into(message, 0, kind, boot, stream, seq + k * lengths[stream], ticks, wraps)
    if stream == m.EVENTS:
        (frame,) = _FRAME.unpack_from(message, _FRAME_AT)
        _FRAME.pack_into(message, _FRAME_AT, frame + k * lengths[m.PRESSURE])
    return bytes(message)


def figures(path: Path) -> list[dict[str, Any]]:
    """Return size and times of the recording at ``path``."""
    size_mb = 1e-6 * path.stat().st_size
    began_s = time.process_time()
    found = analyse(Recording(path))
    events_s = time.process_time() - began_s
    hours = found.recording.duration_s / 3600
    n_frames = sum(foot.loss["pressure"].received for foot in found.recording.feet.values())
    began_s = time.process_time()
    again = analyse(Recording(path), contacts="host")
    strides_s = time.process_time() - began_s
    n_steps = len(again.pressure.table)
    pressure_s = time.process_time() - began_s
    return [
        {
            "what": "file",
            "hours": round(hours, 3),
            "frames": n_frames,
            "missing": sum(
                foot.loss["pressure"].missing for foot in found.recording.feet.values()
            ),
            "MB": round(size_mb, 1),
            "target_MB": MOST_MB,
            "meets_target": size_mb < MOST_MB,
        },
        {
            "what": "on-foot events",
            "strides": len(found.strides),
            "seconds": round(events_s, 1),
            "target_s": MOST_EVENTS_S,
            "meets_target": events_s <= MOST_EVENTS_S,
        },
        {
            "what": "decoded pressure",
            "strides": len(again.strides),
            "pressure_rows": n_steps,
            "strides_s": round(strides_s, 1),
            "seconds": round(pressure_s, 1),
            "target_s": MOST_PRESSURE_S,
            "meets_target": pressure_s <= MOST_PRESSURE_S,
        },
    ]
