"""Packs: what the tools write, the board reads."""

import errno
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import bundle

FIRMWARE = Path(__file__).parents[2] / "firmware"

names = st.text("abc_", min_size=1, max_size=5)
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".mpy")
contents = st.dictionaries(paths, st.binary(max_size=300), max_size=12)


@pytest.fixture(scope="module")
def pack():
    """Return the module of the board's root."""
    sys.path.insert(0, str(FIRMWARE))
    try:
        import pack
    finally:
        sys.path.remove(str(FIRMWARE))
    return pack


def read(file, size: int) -> bytes:
    """Read a file to its end in pieces of ``size``, as the interpreter does."""
    out = b""
    while n := file.readinto(piece := bytearray(size)):
        out += piece[:n]
    file.ioctl(4, 0)
    return out


@given(files=contents, size=st.integers(1, 400))
def test_every_file_comes_back_whole_and_nothing_else_is_there(
    pack, tmp_path_factory, files, size
):
    path = tmp_path_factory.mktemp("pack") / "x.pack"
    path.write_bytes(bundle.packed(files))
    mounted = pack.Pack(str(path))
    folders = {
        "/".join(name.split("/")[:i]) for name in files for i in range(1, name.count("/") + 1)
    }
    for name, data in files.items():
        assert mounted.stat("/" + name)[0] == 0x8000
        assert mounted.stat("/" + name)[6] == len(data)
        assert read(mounted.open("/" + name, "r"), size) == data
    for name in folders:
        assert mounted.stat("/" + name)[0] == 0x4000
        with pytest.raises(OSError, match=f"^{errno.EISDIR}$"):
            mounted.open("/" + name, "r")
    for name in ("nothing", "a/nothing.mpy", "a.py"):
        with pytest.raises(OSError, match=f"^{errno.ENOENT}$"):
            mounted.stat("/" + name)


def test_an_entry_is_not_found_across_two_others(pack, tmp_path):
    # The CRC of "x" lies where the offset of the first entry is.
    path = tmp_path / "x.pack"
    data = bytearray(bundle.packed({"y": b"", "x": b"found"}))
    crc = data[8 + 12 : 8 + 16]
    data[8 + 4 : 8 + 8] = crc
    path.write_bytes(data)
    assert read(pack.Pack(str(path)).open("/x", "r"), 8) == b"found"
    with pytest.raises(OSError, match=f"^{errno.ENOENT}$"):
        pack.Pack(str(path)).stat("/z")


@pytest.mark.parametrize("data", [b"", b"SOL", b"PACK\0\0\0\0"])
def test_what_is_no_pack_is_said_to_be_none(pack, tmp_path, data):
    path = tmp_path / "x.pack"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is no pack"):
        pack.Pack(str(path))


def test_two_paths_that_cannot_be_told_apart_are_refused(monkeypatch):
    monkeypatch.setattr(bundle.binascii, "crc32", lambda data: 7)
    with pytest.raises(ValueError, match="same CRC-32"):
        bundle.packed({"a": b"", "b": b""})
