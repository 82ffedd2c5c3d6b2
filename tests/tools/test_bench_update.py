"""What an update costs: measured by the benchmark, held against the boards."""

import re

import pytest

from solefoot.app.updating import SPARE
from tools.bench import update
from tools.compile import BOARDS
from tools.environment import ROOT

BLOCK = 4096
# File systems that MicroPython 1.25 makes on the boards, in kB; hardware.md, section 13.
FLASH_KB = {"xiao_esp32s3": 6144, "pico_w": 848, "pico2_w": 2560}


@pytest.mark.mpy
@pytest.mark.parametrize("board", FLASH_KB)
def test_two_applications_and_the_log_fit_the_flash_of_a_board(board, mpy_path):
    found = update.flash(board)
    assert found["kB_as_pack"] < found["kB_as_files"] / 2
    text = (ROOT / "firmware" / "solefoot" / "boards" / f"{board}.py").read_text()
    log = re.search(r"^LOG_BYTES = ([\d_]+)", text, re.MULTILINE)
    assert log
    needed = 2 * found["kB_as_pack"] + int(log[1]) / 1024 + (SPARE + 4) * BLOCK / 1024
    assert needed < FLASH_KB[board]


def test_every_board_with_a_radio_is_held_against_its_flash():
    assert set(FLASH_KB) == set(BOARDS) - {"virtual", "nrf52840"}
