"""The sealed file: what goes in comes out, and every change to it is noticed."""

from __future__ import annotations

import random
import sys

import pytest

from solekit.errors import DataError, MissingExtraError, SealedError
from solekit.recording import sealed
from solekit.recording.sealed import SealedReader, SealingFile

WORDS = "correct horse battery"
CHEAP = 4  # log2 of the cost: what is tested here is not how long a guess takes
HEAD = 28 + 16
PARTS = [b"first", b"second part" * 5, b"third", b"fourth" * 3]


def write(path, parts, *, is_closed=True):
    """Seal ``parts``, each flushed to a chunk of its own."""
    with path.open("wb") as file:
        sealing = SealingFile(file, WORDS, cost_log2=CHEAP)
        for part in parts:
            sealing.write(part)
            sealing.flush()
        if is_closed:
            sealing.close()
    return path.read_bytes()


def read(path, words=WORDS):
    with SealedReader(path, words) as reader:
        return reader.read(), reader.problem


def chunks(content):
    """Return the chunks of a sealed file with their lengths."""
    found, at = [], HEAD
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "little") & (2**31 - 1)
        found.append(content[at : at + 4 + length])
        at += 4 + length
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "walk.mcap"


def test_what_was_sealed_comes_out_again(path):
    content = write(path, PARTS)
    assert read(path) == (b"".join(PARTS), "")
    assert not any(part in content for part in PARTS)
    assert len(chunks(content)) == len(PARTS) + 1


def test_large_writes_are_cut_into_chunks_and_read_in_any_pieces(path):
    text = random.Random(1).randbytes(3 * sealed.CHUNK_BYTES + 17)
    write(path, [text])
    with SealedReader(path, WORDS) as reader:
        pieces = [reader.read(n) for n in (1, 7, sealed.CHUNK_BYTES, 0, 100_000)]
        pieces.append(reader.read())
        assert b"".join(pieces) == text
        reader.seek(0)
        assert reader.read(9) == text[:9]
        reader.drain()
        assert reader.problem == ""


def test_the_same_text_twice_gives_different_files(path):
    assert write(path, PARTS)[12:] != write(path, PARTS)[12:]


def test_a_killed_writer_loses_only_what_was_not_flushed(path):
    write(path, PARTS, is_closed=False)
    text, problem = read(path)
    assert text == b"".join(PARTS)
    assert "without its last chunk" in problem


def test_cut_off_anywhere_it_gives_whole_chunks_and_says_so(path):
    content = write(path, PARTS)
    whole = b"".join(PARTS)
    for n in range(HEAD, len(content)):
        path.write_bytes(content[:n])
        text, problem = read(path)
        assert whole.startswith(text)
        assert "without its last chunk" in problem


def test_a_bit_flipped_anywhere_is_noticed_and_no_false_text_comes_out(path):
    content = write(path, PARTS)
    whole = b"".join(PARTS)
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        path.write_bytes(changed)
        if at < len(sealed.MAGIC):
            assert not sealed.is_sealed(path)
            continue
        if at in (9, 10, 11):  # the cost: a large one is refused, another gives another key
            with pytest.raises(DataError):
                read(path)
            continue
        try:
            text, problem = read(path)
        except DataError:
            assert at < HEAD
            continue
        assert at >= HEAD
        assert whole.startswith(text)
        assert len(text) < len(whole) or at >= len(content) - 20
        assert problem


@pytest.mark.parametrize(
    "order", [[1, 0, 2, 3, 4], [0, 2, 3, 4], [0, 1, 1, 2, 3, 4], [4], [0, 1, 4], [3, 4]]
)
def test_chunks_elsewhere_left_out_or_repeated_are_noticed(path, order):
    content = write(path, PARTS)
    parts = chunks(content)
    path.write_bytes(content[:HEAD] + b"".join(parts[i] for i in order))
    text, problem = read(path)
    good = next((k for k, i in enumerate(order) if k != i), len(order))
    assert text == b"".join(PARTS[:good])
    assert "changed or damaged" in problem


def test_the_mark_of_the_last_chunk_cannot_be_moved(path):
    content = write(path, PARTS)
    parts = chunks(content)
    early = bytearray(parts[1])
    early[3] |= 0x80
    path.write_bytes(content[:HEAD] + parts[0] + bytes(early))
    text, problem = read(path)
    assert text == PARTS[0]
    assert "changed or damaged" in problem


def test_a_chunk_of_another_file_with_the_same_words_does_not_fit(path):
    other = chunks(write(path, PARTS))
    content = write(path, PARTS)
    path.write_bytes(content[:HEAD] + other[0])
    text, problem = read(path)
    assert text == b""
    assert "changed or damaged" in problem


def test_bytes_behind_the_end_are_told(path):
    content = write(path, PARTS)
    path.write_bytes(content + b"more")
    text, problem = read(path)
    assert text == b"".join(PARTS)
    assert "4 bytes lie behind the end" in problem


def test_a_wrong_or_absent_pass_phrase_is_one_clear_error(path, monkeypatch):
    write(path, PARTS)
    monkeypatch.delenv(sealed.PASSPHRASE, raising=False)
    with pytest.raises(SealedError, match="does not open with this pass-phrase"):
        read(path, "another horse")
    with pytest.raises(SealedError, match=sealed.PASSPHRASE):
        read(path, None)
    monkeypatch.setenv(sealed.PASSPHRASE, WORDS)
    assert read(path, None)[0] == b"".join(PARTS)


def test_a_short_pass_phrase_is_refused(path):
    with path.open("wb") as file, pytest.raises(DataError, match="at least 8"):
        SealingFile(file, "short", cost_log2=CHEAP)


def test_an_unknown_version_asks_for_an_update(path):
    content = bytearray(write(path, PARTS))
    content[8] = 2
    path.write_bytes(content)
    with pytest.raises(DataError, match="version 2; update"):
        read(path)


def test_a_file_that_asks_for_gigabytes_is_refused_before_they_are_taken(path):
    content = bytearray(write(path, PARTS))
    content[9] = 30
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged seal"):
        read(path)


def test_sealing_and_unsealing_a_file_gives_it_back(path, tmp_path):
    path.write_bytes(bytes(range(256)) * 1000)
    shut, again = tmp_path / "shut.mcap", tmp_path / "again.mcap"
    sealed.seal(path, shut, WORDS, cost_log2=CHEAP)
    assert sealed.unseal(shut, again, WORDS) == ""
    assert again.read_bytes() == path.read_bytes()
    with pytest.raises(DataError, match="sealed already"):
        sealed.seal(shut, tmp_path / "twice.mcap", WORDS)
    with pytest.raises(DataError, match="exists"):
        sealed.unseal(shut, again, WORDS)
    with pytest.raises(DataError, match="is not sealed"):
        sealed.unseal(path, tmp_path / "open.mcap", WORDS)


def test_without_cryptography_the_extra_is_named(path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with path.open("wb") as file, pytest.raises(MissingExtraError, match=r"solekit\[crypto\]"):
        SealingFile(file, "words of their own", cost_log2=CHEAP)
