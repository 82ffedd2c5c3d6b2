"""The flash log on LittleFS in MicroPython: power cuts, and what logging costs on the heap."""

import pytest

pytestmark = [pytest.mark.mpy, pytest.mark.mpy32]


@pytest.mark.parametrize(
    ("erase_bytes", "letter", "step", "least"),
    [
        (4096, "e", 1, 1000),  # every byte of a small block, the erase of its flash block included
        (512, "e", 1, 1000),
        (4096, "f", 5, 1500),  # a full block; ``step`` 1 takes five times as long
    ],
)
def test_a_power_cut_at_any_byte_loses_the_block_being_written_and_no_more(
    run_board, script, erase_bytes, letter, step, least
):
    out = run_board(script("log_power.py"), heap="4M", args=[erase_bytes, letter, step])
    n_cuts, cost, worst, in_block, n_missing, n_refused = map(int, out.split())
    assert n_cuts >= least
    assert cost > (4096 if letter == "f" else 512)  # a whole block and what LittleFS adds
    assert worst == in_block  # a cut does lose the block at hand
    assert (n_missing, n_refused) == (0, 0)


@pytest.mark.parametrize("layout", ["grid-30x22", "cells-16", "cells-4"])
def test_logging_and_fetching_cost_little_on_the_heap_and_sampling_nothing(
    run_board, script, layout, tmp_path
):
    names = ("sampled", "n_frames", "logged", "n_logged", "fetched", "n_fetched", "n_blocks")
    out = run_board(script("log_board.py"), heap="300k", args=[layout, tmp_path / "log"]).split()
    found = dict(zip(names, map(int, out), strict=True))
    assert found["sampled"] == 0
    assert found["n_frames"] >= 300
    assert found["n_blocks"] >= 3
    assert 100 <= found["n_logged"] == found["n_fetched"]
    assert found["logged"] <= 200 * found["n_logged"]
    assert found["fetched"] <= 200 * found["n_fetched"]
