"""Readouts in MicroPython: nothing on the heap per scan, and the compiled viper loops."""

import pytest

pytestmark = [pytest.mark.mpy, pytest.mark.mpy32]
BACK_ENDS = ("pin", "viper", "register", "pio", "spi_adc")


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_a_scan_of_a_grid_allocates_nothing(run_board, script, back_end, bits):
    args = [back_end, 30, 22]
    used, n_scans, locked, _ = run_board(script("scan_alloc.py"), bits=bits, args=args).split()
    assert (used, n_scans, locked) == ("0", "3", "True")


@pytest.mark.parametrize(("kind", "cells"), [("cells-mux", 16), ("cells", 4)])
def test_a_scan_of_single_cells_allocates_nothing(run_board, script, kind, cells):
    used, _, locked, total = run_board(script("scan_alloc.py"), args=[kind, 1, cells]).split()
    assert (used, locked) == ("0", "True")
    # The converter counts up by 7 a reading: five scans were made, the last one remains.
    assert int(total) == sum(7 * (4 * cells + i + 1) for i in range(cells))


@pytest.mark.parametrize("bits", [32, 64])
def test_the_compiled_loops_do_what_the_wiring_says(run_mpy, script, bits):
    passed, seen, sweeps = run_mpy(script("scan_kernels.py"), bits=bits, heap="1m").split()
    assert passed == "True"
    assert int(seen) == int(sweeps) > 40


BROKEN = """
from solefoot.drivers.scan import _plain, _viper, kernels
good = _viper.NAME
def bad(*args):
    BODY
_viper.NAME = bad
print(kernels.load(), kernels.load(_viper))
_viper.NAME = good
print(kernels.load() is _viper)
"""


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", ["sweep", "sweep_sar", "clear", "counts12", "signed16"])
@pytest.mark.parametrize(
    "body", ["raise ValueError", "return 0", "good(*args)\n    args[0][1] ^= 1\n    return 30"]
)
def test_a_broken_loop_leaves_no_viper(run_mpy, bits, name, body):
    if name == "clear" and "good" in body:
        body = "good(*args)\n    args[1][3] ^= 1"
    if name == "signed16" and "good" in body:
        body = "good(*args)\n    args[1][2] ^= 1"
    text = BROKEN.replace("NAME", name).replace("BODY", body)
    assert run_mpy(text, bits=bits, heap="1m") == "None None\nTrue\n"
