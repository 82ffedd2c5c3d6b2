"""The heap of a board: nothing per frame on the sampling path, little per message on the link.

A board has 100 kB of heap and single floats: the 32-bit MicroPython, and firmware compiled by
mpy-cross (as source its compiler alone would need more).
"""

import random
from array import array

import pytest

from solecore.layouts import CELLS_4, CELLS_16, GRID_29X21, GRID_30X22, geometry
from solecore.wire import messages as m
from solecore.wire.frame import encode_frame
from solefoot.app.settings import flat_calibration
from solekit import numpy_kernels
from solekit_hil.board.foot import DOWNLINK, FRAME
from solekit_hil.feet import LocalFoot, MicroPythonFoot

pytestmark = [pytest.mark.mpy, pytest.mark.mpy32]
LINK_BYTES = 200  # per data message
SPARE = 15_000  # bytes that drivers, links and commands still find


@pytest.fixture
def cost(run_board, script):
    """Return ``cost(layout, form, ...)``: what mpy/board.py prints, as a dict."""

    def run(layout, form=0, *kernels, **options):
        out = run_board(script("board.py"), args=[layout, form, *kernels], **options).split()
        names = (
            "kernels",
            "sampled",
            "n_frames",
            "n_events",
            "n_strides",
            "served",
            "n_sent",
            "locked",
            "free",
        )
        return dict(zip(names, out, strict=True))

    return run


def assert_frugal(found, kernels="viper"):
    assert found["kernels"] == kernels
    assert int(found["n_frames"]) >= 100
    assert int(found["n_events"]) >= 40  # there was walking on the way
    assert int(found["n_strides"]) >= 8
    assert found["sampled"] == "0"
    assert found["locked"] == "True"
    assert int(found["n_sent"]) >= 100
    assert int(found["served"]) <= LINK_BYTES * int(found["n_sent"])


@pytest.mark.parametrize("layout", [GRID_30X22, GRID_29X21, CELLS_16, CELLS_4])
def test_a_frame_allocates_nothing_and_a_message_little_in_100_kb(cost, layout):
    found = cost(layout)
    assert_frugal(found)
    assert int(found["free"]) > SPARE


@pytest.mark.parametrize("form", [m.RAW12, m.RAW8])
@pytest.mark.parametrize("layout", [GRID_30X22, CELLS_16])
def test_no_form_allocates(cost, layout, form):
    assert_frugal(cost(layout, form))


def test_the_plain_kernels_allocate_nothing_either(cost):
    assert_frugal(cost(GRID_30X22, 0, "plain"), "plain")


def test_nor_does_the_64_bit_interpreter_on_the_sampling_path(cost):
    found = cost(GRID_30X22, bits=64, heap="200k")
    assert (found["sampled"], found["locked"]) == ("0", "True")


SPEC = {
    "rows": 30, "cols": 22, "length": 2400, "width": 880, "period_us": 33_333, "form": m.CODED8,
    "imu_axes": 6, "imu_per_frame": 4, "side": 1, "serial": "HEAP", "boot": 3, "calibration_id": 0,
    "force_lsb_un": 0, "firmware": "0", "body_weight": 0, "noise": 4, "outbox_bytes": 8000,
    "ticks": 0,
}  # fmt: skip


def session(seed: int):
    """Return the steps of a session that asks for everything and changes forms again and again."""
    rng = random.Random(seed)
    us = 1_000_000
    steps = []

    def ask(message):
        steps.append((DOWNLINK, us, encode_frame(message, numpy_kernels)))

    for table, size in ((m.TABLE_GEOMETRY, 3960), (m.TABLE_CALIBRATION, 2642)):
        for offset in range(0, size, 512):
            ask(m.TABLES.pack(1, table, offset))
    for form in (m.CODED8, m.RAW12, m.RAW8, m.CODED8, m.RAW12):
        ask(m.START.pack(2, form, 8))
        for i in range(40):
            us += 33_333
            share = rng.random() if i % 36 < 22 else 0
            cells = array(
                "H", [rng.randrange(4096) if rng.random() < share else 0 for _ in range(660)]
            )
            steps.append((FRAME, us, cells.tobytes() + rng.randbytes(48)))
            if i % 3 == 0:
                ask(m.KEY.pack(3))
                ask(m.PING.pack(4))
                ask(m.SETTINGS.pack(5, m.DEAD_BAND, 1, rng.randrange(9)))
        ask(m.ERASE.pack(6, 0))
        ask(m.STOP.pack(7))
    return steps


@pytest.mark.parametrize("heap_kb", [96, 100])  # the smaller one shows that there is room left
def test_a_session_of_the_grid_in_100_kb_sends_the_same_bytes_as_here(heap_kb):
    g = geometry(GRID_30X22, True)
    tables = g.table, flat_calibration(g.n_cells).table
    spec = SPEC | {"layout": g.name}
    steps = session(1)
    here = LocalFoot(spec, *tables)
    board = MicroPythonFoot(spec, *tables, bits=32, heap_kb=heap_kb)
    try:
        assert board.run(steps) == here.run(steps)
    finally:
        board.close()
        here.close()
