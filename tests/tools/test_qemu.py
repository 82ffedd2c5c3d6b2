"""The emulated microcontroller: how it is found, what it is sent, how a missing one is told."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import qemu, runtime_build
from tools.runtime_build import BOARD, RuntimeUnavailable


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SOLEKIT_RUNTIME", str(tmp_path / "runtime"))
    monkeypatch.setattr(qemu.shutil, "which", lambda name: name)
    return tmp_path / "runtime" / "qemu"


def test_a_board_of_an_older_recipe_is_not_found(place):
    assert qemu.find() is None
    place.mkdir(parents=True)
    (place / BOARD).touch()
    (place / "KEY").write_text("of an older recipe")
    assert qemu.find() is None
    (place / "KEY").write_text(runtime_build.board_key())
    assert qemu.find() == place / BOARD


def test_a_board_without_an_emulator_is_none(place, monkeypatch):
    place.mkdir(parents=True)
    (place / BOARD).touch()
    monkeypatch.setattr(qemu.shutil, "which", lambda name: None)
    assert qemu.find() is None
    assert "no qemu-system-arm" in qemu.reason()


def test_missing_tools_are_told_with_their_packages(monkeypatch):
    monkeypatch.setattr(runtime_build.shutil, "which", lambda name: None)
    assert runtime_build.missing_tools(BOARD)[0] == "arm-none-eabi-gcc"
    with pytest.raises(RuntimeUnavailable, match=r"as root: apt-get install .*qemu-system-arm"):
        runtime_build.get_tools(BOARD, print)


def test_the_recipes_have_keys_of_their_own():
    assert runtime_build.key() != runtime_build.board_key()


@given(st.dictionaries(st.text("abc/._-", min_size=1, max_size=30), st.binary(max_size=40)))
def test_files_are_packed_where_the_board_looks_for_them(files):
    image = qemu.pack(files)
    (n,) = struct.unpack_from("<I", image)
    at, found = 4, {}
    for _ in range(n):
        name_size, size = struct.unpack_from("<II", image, at)
        at += 8
        name = image[at : at + name_size].decode()
        at += name_size + 3 & ~3
        found[name] = image[at : at + size]
        at += size + 3 & ~3
    assert found == files
    assert at == len(image)


@pytest.fixture(scope="module")
def board():
    path = qemu.find()
    if path is None:
        pytest.skip(qemu.reason())
    return path


def test_the_board_runs_what_it_is_sent_and_counts(board):
    text = "import lib.more\nprint(lib.more.x)\n"
    assert qemu.run({"main.py": text.encode(), "lib/more.py": b"x = 7\n"}, board) == "7\n"
    assert qemu.works(board)


def test_an_exception_on_the_board_is_told_with_its_traceback(board):
    with pytest.raises(qemu.BoardError, match="ZeroDivisionError"):
        qemu.run({"main.py": b"1 // 0\n"}, board)
