"""The firmware on an emulated Cortex-M3: kernels that are right, and what a frame costs."""

import pytest

from tools import qemu
from tools.bench import mcu


@pytest.fixture(scope="module")
def found():
    board = qemu.find()
    if board is None:
        pytest.skip(qemu.reason())
    return mcu.run(board, mcu.SETTLED + 33)


def test_viper_equals_plain_on_the_emulated_arm(found):
    assert found["kernels"] == "viper"
    assert found["agree"] == [True, True]


def test_a_person_walks_over_it(found):
    assert sum(row[0] for row in found["rows"]) > 20  # frames of stance
    assert found["seq"][0] == len(found["rows"])
    assert found["seq"][2] > 4  # events


def test_the_stages_of_a_frame_stay_under_210_k_instructions_on_average(found):
    rows = {row["stage"]: row for row in mcu.report(found) if "stage" in row}
    assert rows["these together"]["mean"] < mcu.TARGET
    assert rows["these together"]["under_210k"].startswith("mean yes")


def test_most_frames_borrow_nothing_from_the_heap(found):
    """A call with more than 11 words of state does, after a search that costs thousands."""
    borrowed = [row[1] for row in found["rows"][mcu.SETTLED :]]
    assert min(borrowed) == 0
    assert sum(n == 0 for n in borrowed) > len(borrowed) / 2
