"""Instructions of one frame of 660 cells on a microcontroller: an emulated ARM Cortex-M3.

QEMU counts them (``-icount``). The firmware is compiled by mpy-cross as for a board and read into
the heap; its frames are the left foot of the virtual walker. Cycles are not counted: times are
estimates, instructions times the cycles per instruction that the row states.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solekit import layouts
from solekit.errors import TransportError
from solekit_hil import walker
from solekit_hil.firmware import compile_file, compiled_for, runtime_file
from solekit_hil.sensors import VirtualSensor
from tools import qemu
from tools.runtime_build import RuntimeUnavailable

LAYOUT = "grid-30x22"
DEAD_BAND = 3
PERIOD_S = 1 / 30
SETTLED = 36  # frames: the first stride, in which the detector finds its levels
N_FRAMES = 120
TARGET, STRETCH = 210_000, 150_000
STAGES = ("scan", "calibrate", "sums", "detector", "CoP", "coder", "frame")

# The step to time: clock in MHz, cycles per instruction as guessed.
BOARDS = {
    "ESP32-S3 240 MHz": (240, 1.3),
    "RP2040 125 MHz": (125, 1.9),
    "RP2350 150 MHz": (150, 1.4),
}


def measure() -> list[dict[str, Any]]:
    """Return one row per stage, mean and worst of the frames; then sums, estimates, agreement."""
    try:
        board = qemu.ensure(lambda text: print(text, file=sys.stderr))
    except RuntimeUnavailable as error:
        raise TransportError(f"no emulated microcontroller: {error}") from error
    found = run(board, N_FRAMES)
    return report(found)


def run(board: Path, n_frames: int) -> dict[str, Any]:
    """Return what the board prints: see ``mcu_board``."""
    counts, table = frames(n_frames)
    files = firmware() | {
        "spec": json.dumps({"n_frames": n_frames}).encode(),
        "frames": counts.astype("<u2").tobytes(),
        "table": table.tobytes(),
    }
    return json.loads(qemu.run(files, board, timeout_s=300).partition("\x04")[0])


def firmware() -> dict[str, bytes]:
    """Return the files of the board: the firmware, and the bench as its main."""
    folder = compiled_for(qemu.ARCHITECTURE)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.mpy")}
    with tempfile.TemporaryDirectory(prefix="solekit-mpy-") as work:
        main = Path(work, "main.mpy")
        source = Path(__file__).with_name("mcu_board.py")
        compile_file(source, main, qemu.ARCHITECTURE, runtime_file("mpy-cross"))
        return files | {"main.mpy": main.read_bytes()}


def frames(n_frames: int) -> tuple[NDArray[np.uint16], Any]:
    """Return raw counts (n, 660) of the walker's left foot, with noise, and the calibration."""
    pair: dict[layouts.Side, layouts.Layout] = {
        side: layouts.named(LAYOUT, side) for side in layouts.SIDES
    }
    person = walker.build("walk", seed=1, layouts=pair)
    t_s: NDArray[np.float64] = np.arange(n_frames, dtype=np.float64) * PERIOD_S + 1
    loads_n = person.sample(t_s)[0]["left"].astype(np.float64)
    lsb_un = round(1.15 * float(loads_n.max()) * 1e6 / 255)
    sensor = VirtualSensor(pair["left"], lsb_un, 1.0, seed=1)
    # Numbers far apart: the noise of neighbouring frames is the same, four cells further on.
    return sensor.counts(loads_n, 1000 * np.arange(n_frames)), sensor.calibration(DEAD_BAND)


def report(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows to print."""
    values = np.array(found["rows"][SETTLED:], dtype=float)
    loaded = values[:, 0] > 0
    taken, sample, serve, collect = values[:, 1:5].T
    stages = dict(zip(STAGES, values[:, 5:12].T, strict=True))
    parts = stages | {"sums + CoP": stages["sums"] + stages["CoP"]}
    named = ("scan", "calibrate", "sums + CoP", "detector", "coder")
    rows = [_row(name, parts[name], loaded) for name in named]
    all_named = np.sum([parts[name] for name in named], axis=0)
    rows.append(_row("these together", all_named, loaded) | _judged(all_named))
    rows.append(_row("frame (COBS, CRC)", stages["frame"], loaded))
    total = sample + serve
    # Calls with too many locals take their state from the heap and give it back: slow.
    share = {"frames_that_borrow_heap_pct": round(100 * float((taken > 0).mean()))}
    rows.append(_row("App.sample", sample, loaded) | share)
    rows.append(_row("App.serve", serve, loaded))
    rows.append(_row("App.sample + App.serve", total, loaded) | _judged(total))
    rows.append(_row("gc.collect", collect, loaded) | {"heap_used": found["used"]})
    for name, (mhz, cpi) in BOARDS.items():
        row: dict[str, Any] = {"board": name, "cycles_per_instruction": cpi}
        for what, count in (("stages", all_named), ("App", total), ("gc", collect)):
            ms = cpi / mhz / 1e3
            row[f"{what}_ms_mean [est]"] = round(float(count.mean()) * ms, 2)
            row[f"{what}_ms_worst [est]"] = round(float(count.max()) * ms, 2)
        rows.append(row)
    rows.append(
        {
            "kernels": found["kernels"],
            "self_test_passes": found["agree"][0],
            "viper_equals_plain_on_random_frames": found["agree"][1],
            "coded_bytes_mean": round(float(values[:, 12].mean()), 1),
        }
    )
    return rows


def _judged(count: NDArray[np.float64]) -> dict[str, str]:
    """Return what of a frame stays under target and stretch."""
    out = {}
    for name, limit in (("under_210k", TARGET), ("under_150k", STRETCH)):
        share = round(100 * float((count < limit).mean()))
        out[name] = f"mean {'yes' if count.mean() < limit else 'no'}, {share} % of frames"
    return out


def _row(name: str, count: NDArray[np.float64], loaded: NDArray[np.bool_]) -> dict[str, Any]:
    return {
        "stage": name,
        "mean": round(float(count.mean())),
        "worst": round(float(count.max())),
        "stance_mean": round(float(count[loaded].mean())),
        "swing_mean": round(float(count[~loaded].mean())),
    }
