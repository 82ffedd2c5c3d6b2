"""A calibration in MicroPython: the same tables as here, to the last bit."""

import numpy as np
import pytest

from solecore.layouts import GRID_30X22, geometry
from solecore.wire import codes
from solecore.wire import messages as m
from solecore.wire.frame import FrameDecoder, encode_frame
from solefoot.app.settings import flat_calibration
from solekit import numpy_kernels
from solekit_hil.board.foot import DOWNLINK, FRAME
from solekit_hil.feet import LocalFoot, MicroPythonFoot

ZERO, GAIN, STATE = codes.CALIBRATE_ZERO, codes.CALIBRATE_GAIN, codes.CALIBRATE_STATE
SPEC = {
    "rows": 30, "cols": 22, "length": 2400, "width": 880, "period_us": 33_333, "form": m.RAW12,
    "imu_axes": 0, "imu_per_frame": 0, "side": 0, "serial": "CAL", "boot": 3, "calibration_id": 0,
    "force_lsb_un": 0, "firmware": "0", "body_weight": 0, "noise": 4, "outbox_bytes": 8000,
    "ticks": 0, "layout": GRID_30X22, "log": 0,
}  # fmt: skip


@pytest.mark.mpy
@pytest.mark.mpy32
def test_micropython_finds_the_same_tables_to_the_last_bit():
    rng = np.random.default_rng(7)
    sensitivity = np.exp(0.15 * rng.standard_normal(660))
    us = 1_000_000
    steps = []

    def ask(message):
        steps.append((DOWNLINK, us, encode_frame(message, numpy_kernels)))

    def frames(load, n_frames):
        nonlocal us
        for _ in range(n_frames):
            us += 33_333
            raw = np.rint(40 + load * sensitivity + 3 * rng.standard_normal(660))
            steps.append((FRAME, us, raw.astype("<u2").tobytes()))

    ask(m.START.pack(1, 0, 0))
    ask(m.CALIBRATE.pack(2, ZERO, 0))
    frames(0.0, 95)
    for level in (300, 900):
        ask(m.CALIBRATE.pack(3, GAIN, 2_000 * level))
        frames(level, 32)
        ask(m.CALIBRATE.pack(4, STATE, 0))
    ask(m.CALIBRATE.pack(5, codes.CALIBRATE_KEEP, 0))
    ask(m.STOP.pack(6))
    for offset in range(0, 2642, 512):
        ask(m.TABLES.pack(7, m.TABLE_CALIBRATION, offset))
    g = geometry(GRID_30X22, False)
    tables = g.table, flat_calibration(g.n_cells).table
    here = LocalFoot(SPEC, *tables)
    board = MicroPythonFoot(SPEC, *tables, bits=32, heap_kb=160)
    try:
        expected = here.run(steps)
        assert board.run(steps) == expected
    finally:
        board.close()
        here.close()
    replies = [
        m.CALIBRATE_REPLY.unpack(message)
        for message in FrameDecoder(numpy_kernels).feed(b"".join(expected))
        if message[0] == m.CALIBRATE_REPLY.msg_id
    ]
    assert [reply["is_done"] for reply in replies if reply["op"] == STATE] == [1, 1]
    assert replies[-1]["calibration"] != 0
