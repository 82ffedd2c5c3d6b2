"""How much faster than real time one core receives two grid-30x22 insoles at 100 Hz.

``decoding``: bytes of the stream to frames of cells. ``whole path``: the same with gap detection,
credits, recording to disk, the account, the timeline and the host times of all frames.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from solecore.wire import messages as m
from solekit import connect_pair
from solekit.decode import PressureDecoder
from solekit.identity import InsoleInfo
from solekit.link import Data, Link
from solekit.recording import Recording, RecordingWriter

SECONDS = 60
CHUNK = 4096  # bytes that a USB or TCP read returns at this rate
URI = "sim:walk?seed=1&layout=grid-30x22&rate_hz=100&form=coded8&noise=1"


def measure() -> list[dict[str, Any]]:
    """Return one row per stage: seconds of walking of both insoles per second of computing."""
    streams, infos, firsts = asyncio.run(_capture())
    seconds = {"decoding": 0.0, "whole path": 0.0}
    n_frames = n_bytes = 0
    for side, stream in streams.items():
        chunks = [stream[i : i + CHUNK] for i in range(0, len(stream), CHUNK)]
        began_s = time.process_time()
        n_frames += _decode(chunks, infos[side], firsts[side])
        seconds["decoding"] += time.process_time() - began_s
        n_bytes += len(stream)
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.process_time()
        _whole_path(streams, infos, firsts, Path(folder) / "bench.mcap")
        seconds["whole path"] = time.process_time() - began_s
    return [
        {
            "stage": stage,
            "insoles": len(streams),
            "frames": n_frames,
            "bytes_per_frame": round(n_bytes / n_frames, 1),
            "times_real_time": round(SECONDS / spent, 1),
            "us_per_frame": round(1e6 * spent / n_frames, 1),
        }
        for stage, spent in seconds.items()
    ]


async def _capture() -> tuple[dict[str, bytes], dict[str, InsoleInfo], dict[str, tuple[int, ...]]]:
    """Return the bytes that each foot sends in ``SECONDS``, as a receiver would read them."""
    streams: dict[str, bytearray] = {"left": bytearray(), "right": bytearray()}
    firsts: dict[str, tuple[int, ...]] = {}
    async with connect_pair(URI) as pair:
        for side, insole in pair.feet.items():
            feed = insole._link.feed

            def tapped(t_s: float, data: bytes, *, side: str = side, feed: Any = feed) -> Any:
                streams[side] += data
                return feed(t_s, data)

            insole._link.feed = tapped  # type: ignore[method-assign]
        await pair.start()
        for side, insole in pair.feet.items():
            firsts[side] = tuple(stream.first for stream in insole._link.streams)
        await pair.clock.sleep(SECONDS)
        infos = {side: insole.known for side, insole in pair.feet.items()}
        await pair.stop()
    return {side: bytes(stream) for side, stream in streams.items()}, infos, firsts


def _decode(chunks: list[bytes], info: InsoleInfo, first: tuple[int, ...]) -> int:
    """Return the number of frames decoded."""
    link = Link()
    link.begin(info.boot, first, info.imu_axes)
    decoder = PressureDecoder(info.n_cells, info.period_us)
    n = 0
    for chunk in chunks:
        items = [
            item
            for item in link.feed(0.0, chunk)
            if isinstance(item, Data) and item.stream == m.PRESSURE
        ]
        if items:
            n += sum(frames.seq.size for frames in decoder.decode(items))
    return n


def _whole_path(
    streams: dict[str, bytes],
    infos: dict[str, InsoleInfo],
    firsts: dict[str, tuple[int, ...]],
    path: Path,
) -> None:
    writer = RecordingWriter(path)
    for side, stream in streams.items():
        info = infos[side]
        writer.add_session(0.0, "insole", side=side, uri=URI, **info.to_json())
        writer.add_session(0.0, "streams", side=side, first=list(firsts[side]))
        link = Link()
        link.begin(info.boot, firsts[side], info.imu_axes)
        n_chunks = -(-len(stream) // CHUNK)
        for k in range(n_chunks):
            t_s = SECONDS * k / n_chunks
            for item in link.feed(t_s, stream[k * CHUNK : (k + 1) * CHUNK]):
                if isinstance(item, Data):
                    writer.add_wire(side, t_s, item.message)
            link.outgoing()
        link.finish(None)
    writer.close()
    recording = Recording(path)
    for foot in recording.feet.values():
        assert foot.counts.shape[0] == foot.t_s.shape[0]
        _ = foot.loss, foot.events
