"""Flashing by the real mpremote onto a real MicroPython: a raw REPL behind a pseudo-terminal."""

import json
import os
import pty
import subprocess
import tty
from pathlib import Path

import pytest

from tools import compile as compiling
from tools import flash
from tools.environment import Unavailable

RAW_REPL = Path(__file__).parent / "mpy" / "raw_repl.py"
pytestmark = [pytest.mark.mpy, pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")]


@pytest.fixture
def port(mpy_path):
    """Return the path of a serial port with a MicroPython and a file system at its far end."""
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    process = subprocess.Popen(
        [mpy_path, "-X", "heapsize=16m", RAW_REPL], stdin=master, stdout=master
    )
    yield os.ttyname(slave)
    process.kill()
    process.wait()
    os.close(master)
    os.close(slave)


@pytest.fixture
def small(monkeypatch):
    """Let the application be a few files: copying all of them takes mpremote half a minute."""
    every = compiling.sources

    def few(board):
        wanted = (
            "solecore/version",
            "solecore/layouts",
            "solefoot/app/slots",
            "solecore/__init__",
        )
        return [p for p in every(board) if p.with_suffix("").as_posix().endswith(wanted)]

    monkeypatch.setattr(compiling, "sources", few)


def run(port, *more):
    arguments = ["--board", "virtual", "--side", "left", "--layout", "cells-4", "--port", port]
    return flash.main([*arguments, "--root", "/flash", *more])


def test_a_board_is_flashed_verified_and_found_whole_by_its_boot_code(
    port, small, capsys, tmp_path
):
    key = tmp_path / "bundle.pub"
    key.write_bytes(bytes(range(32)))
    assert run(port, "--key", str(key), "--serial", "SOLE-7") == 0
    said = capsys.readouterr().out
    for step in (
        "MicroPython 1.25.0, x64",
        "compiling",
        "copying",
        "comparing every file by SHA-256",
    ):
        assert step in said
    board = flash.Board(port, "/flash")
    have = board.hashes("")
    assert {"/boot.py", "/main.py", "/pack.py", "/slots.py", "/config.json", "/key.pub"} < set(
        have
    )
    check = (
        "import sys, json; sys.path.insert(0, '/flash'); import slots; "
        "print(slots.Slots('/flash').boot(), json.load(open('/flash/config.json'))['serial'])"
    )
    assert board._mpremote("exec", check).split() == ["a", "SOLE-7"]
    # The application that was copied loads.
    code = (
        "import vfs, pack; vfs.mount(pack.Pack('/flash/a/app.pack'), '/app'); "
        "sys.path.insert(0, '/app'); from solecore import layouts; print(layouts.CELLS_4)"
    )
    assert board._mpremote("exec", code).strip() == "cells-4"


def test_flashing_again_copies_what_differs_and_removes_what_is_old(port, small, capsys):
    assert run(port) == 0
    capsys.readouterr()
    board = flash.Board(port, "/flash")
    for name in ("a/app.pack", "a/old.mpy", "slots.txt"):
        board._mpremote("exec", f"f = open('/flash/{name}', 'ab'); f.write(b'x'); f.close()")
    assert run(port) == 0
    said = capsys.readouterr().out
    assert "removing 1 files of an older application" in said
    assert "1 files were new" in said
    assert not {"/a/old.mpy", "/slots.txt"} & set(board.hashes(""))
    assert run(port) == 0
    assert "0 files were new" in capsys.readouterr().out


def test_what_arrives_broken_is_noticed(port, small, capsys, monkeypatch):
    monkeypatch.setattr(flash.Board, "copy", lambda self, source, path: None)
    assert run(port) == 1
    assert "files arrived broken" in capsys.readouterr().err


def test_a_board_of_another_kind_is_refused(port, capsys):
    arguments = ["--side", "left", "--layout", "cells-4", "--port", port, "--root", "/flash"]
    assert flash.main([*arguments, "--board", "pico_w"]) == 1
    assert "pico_w is armv6m, this is x64; name another --board" in capsys.readouterr().err


def test_a_port_that_is_not_there_is_one_clear_line(capsys):
    assert run("/dev/no-such-port") == 1
    err = capsys.readouterr().err
    assert err.startswith("flash: /dev/no-such-port")
    assert err.count("\n") == 1


def test_no_board_or_several_ask_for_the_port(monkeypatch):
    monkeypatch.setattr(flash.list_ports, "comports", list)
    with pytest.raises(Unavailable, match=r"0 boards are plugged in \(none\); name one by --port"):
        flash.find_port("pico_w")


@pytest.mark.parametrize("board", ["xiao_esp32s3", "pico_w", "pico2_w", "nrf52840"])
def test_the_application_compiles_for_every_board(board, tmp_path):
    names = compiling.compile_to(tmp_path, board, compiling.BOARDS[board][1])
    assert f"solefoot/boards/{board}.mpy" in names
    assert "solecore/wire/names.mpy" not in names
    others = {"xiao_esp32s3", "pico_w", "pico2_w", "nrf52840"} - {board}
    assert not {f"solefoot/boards/{other}.mpy" for other in others} & set(names)
    size = sum((tmp_path / name).stat().st_size for name in names)
    assert 50_000 < size < 160_000  # two fit the smallest board's file system, beside its log


def test_side_and_layout_are_what_the_start_reads(tmp_path):
    flash.stage(tmp_path, "virtual", "x64", None, {"board": "virtual", "side": "left"})
    assert json.loads((tmp_path / "config.json").read_text()) == {
        "board": "virtual",
        "side": "left",
    }
