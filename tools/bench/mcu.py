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

from solecore.wire.messages import CODED8
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


def run(board: Path, n_frames: int, form: int = CODED8) -> dict[str, Any]:
    """Return what the board prints: see ``mcu_board``."""
    counts, table = frames(n_frames)
    files = firmware() | {
        "spec": json.dumps({"n_frames": n_frames, "form": form}).encode(),
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


def frames(n_frames: int) -> tuple[np.ndarray, Any]:
    """Return raw counts (n, 660) of the walker's left foot, with noise, and the calibration."""
    pair: dict[layouts.Side, layouts.Layout] = {
        side: layouts.named(LAYOUT, side) for side in layouts.SIDES
    }
    person = walker.build("walk", seed=1, layouts=pair)
    loads_n = person.sample(1 + np.arange(n_frames) * PERIOD_S)[0]["left"].astype(float)
    lsb_un = round(1.15 * float(loads_n.max()) * 1e6 / 255)
    sensor = VirtualSensor(pair["left"], lsb_un, 1.0, seed=1)
    return sensor.counts(loads_n, np.arange(n_frames)), sensor.calibration(DEAD_BAND)


def report(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows to print."""
    values = np.array([row for row in found["rows"]][SETTLED:], dtype=float)
    loaded = values[:, 0] > 0
    sample, serve, collect = values[:, 1], values[:, 2], values[:, 3]
    stages = dict(zip(STAGES, values[:, 4:11].T, strict=True))
    parts = stages | {"sums + CoP": stages["sums"] + stages["CoP"]}
    rows = [
        _row(name, parts[name], loaded)
        for name in ("scan", "calibrate", "sums + CoP", "detector", "coder", "frame")
    ]
    listed = sum(stages[name] for name in STAGES[:-1])
    rows.append(_row("these, without frame", listed, loaded))
    rows.append(_row("App.sample", sample, loaded))
    rows.append(_row("App.serve", serve, loaded))
    total = sample + serve
    worst = int(total.max())
    rows.append(
        _row("everything", total, loaded)
        | {"under_210k": worst < TARGET, "under_150k": worst < STRETCH}
    )
    rows.append(_row("gc.collect", collect, loaded) | {"heap_used": found["used"]})
    rows.append({"coded_bytes_mean": round(float(values[:, 11].mean()), 1)})
    for name, (mhz, cpi) in BOARDS.items():
        rows.append(
            {
                "board": name,
                "cycles_per_instruction": cpi,
                "ms_mean [est]": round(float(total.mean()) * cpi / mhz / 1e3, 2),
                "ms_worst [est]": round(worst * cpi / mhz / 1e3, 2),
                "gc_ms_worst [est]": round(float(collect.max()) * cpi / mhz / 1e3, 2),
            }
        )
    rows.append(
        {
            "kernels": found["kernels"],
            "self_test_passes": found["agree"][0],
            "viper_equals_plain_on_random_frames": found["agree"][1],
        }
    )
    return rows


def _row(name: str, count: np.ndarray, loaded: np.ndarray) -> dict[str, Any]:
    return {
        "stage": name,
        "mean": round(float(count.mean())),
        "worst": int(count.max()),
        "stance_mean": round(float(count[loaded].mean())),
        "swing_mean": round(float(count[~loaded].mean())),
    }
