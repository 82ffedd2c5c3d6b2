"""Coded bytes per frame against raw8 and against zlib of the same frame.

zlib (level 6) compresses each frame alone, after the dead-band; the coder may also take the
difference to the frame before. Real frames are resampled to 30 x 22 with their force conserved.
"""

from __future__ import annotations

import zlib
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solecore.codec.encoder import FrameEncoder
from solecore.wire.messages import CODED8
from solekit import formats, layouts, numpy_kernels
from solekit.formats.iscas import load_iscas_counts
from solekit_hil import walker
from solekit_hil.filewalker import spread
from solekit_hil.sensors import VirtualSensor
from tools.validate.__main__ import data_dir

DEAD_BAND = 3
LAYOUT = "grid-30x22"
N_CELLS = 660
SECONDS = 60


def measure() -> list[dict[str, Any]]:
    """Return one row per source of frames; data sets that are absent are named as such."""
    rows = [
        _row(f"walker at {rate_hz} Hz, noise SD 1", _walker(rate_hz), rate_hz)
        for rate_hz in (30, 100)
    ]
    data = data_dir(None)
    for name, load, rate_hz in (
        ("F-Scan", _fscan, 31),
        ("XSENSOR", _xsensor, 75),
        ("iscas33x15", _iscas, 8),
    ):
        try:
            takes = load(data)
        except (OSError, StopIteration):
            rows.append({"frames": name, "n": 0, "note": f"no data in {data.name}"})
            continue
        rows.append(_row(f"{name} at {rate_hz} Hz", takes, rate_hz))
    return rows


def _row(name: str, takes: list[NDArray[np.uint8]], rate_hz: int) -> dict[str, Any]:
    coded, packed = [], []
    for frames in takes:
        encoder = FrameEncoder(CODED8, N_CELLS, rate_hz, numpy_kernels)
        out = bytearray(1200)
        before = bytearray(N_CELLS)
        raw = array("H", bytes(2 * N_CELLS))
        for frame in frames:
            cells = bytearray(frame.tobytes())
            coded.append(encoder.encode_into(raw, cells, before, out, 0))
            packed.append(len(zlib.compress(bytes(cells), 6)))
            before = cells
    mean, reference = float(np.mean(coded)), float(np.mean(packed))
    return {
        "frames": name,
        "n": len(coded),
        "coded_bytes": round(mean, 1),
        "largest": max(coded),
        "raw8_bytes": N_CELLS,
        "zlib6_bytes": round(reference, 1),
        "coded_to_raw8": round(mean / N_CELLS, 3),
        "coded_to_zlib6": round(mean / reference, 3),
    }


def _walker(rate_hz: int) -> list[NDArray[np.uint8]]:
    pair: dict[layouts.Side, layouts.Layout] = {
        side: layouts.named(LAYOUT, side) for side in layouts.SIDES
    }
    person = walker.build("walk", seed=1, layouts=pair)
    cells, _, _ = person.sample(np.arange(SECONDS * rate_hz) / rate_hz)
    takes = []
    for side, loads_n in cells.items():
        force_n = loads_n.astype(float)
        lsb_un = round(1.15 * float(force_n.max()) * 1e6 / 255)
        sensor = VirtualSensor(pair[side], lsb_un, 1.0, seed=1)
        counts = sensor.counts(force_n, np.arange(force_n.shape[0]))
        table = sensor.calibration(DEAD_BAND)
        frames = np.zeros(force_n.shape, np.uint8)
        for row, out in zip(counts, frames, strict=True):
            numpy_kernels.calibrate(row, table, out, N_CELLS)
        takes.append(frames)
    return takes


def _quantised(force: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return 8-bit frames on 30 x 22, full scale at the largest cell, dead-band applied."""
    frames = force @ weights
    counts = np.rint(frames * (255 / frames.max()))
    counts[counts < DEAD_BAND] = 0
    return counts.astype(np.uint8)


def _source(path: Path) -> list[NDArray[np.uint8]]:
    target = layouts.named(LAYOUT, "left")
    return [
        _quantised(foot.force_n, spread(foot.layout, target))
        for foot in formats.load_source(path).feet.values()
    ]


def _fscan(data: Path) -> list[NDArray[np.uint8]]:
    return _source(next((data / "vendor_formats").glob("*.asf")))


def _xsensor(data: Path) -> list[NDArray[np.uint8]]:
    return _source(next((data / "vendor_formats").glob("xsensor*.csv")))


def _iscas(data: Path) -> list[NDArray[np.uint8]]:
    target = layouts.named(LAYOUT, "left")
    takes = []
    paths = sorted((data / "iscas33x15").glob("S*.npz"))
    if not paths:
        raise StopIteration
    for path in paths:
        _, counts, layout = load_iscas_counts(path)
        for foot in counts.values():
            takes.append(_quantised(foot.astype(float), spread(layout, target)))
    return takes
