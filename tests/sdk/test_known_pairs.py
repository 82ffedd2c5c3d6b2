"""Pairs that the computer remembers by name."""

from __future__ import annotations

import asyncio
import stat
import sys

import pytest

import solekit
from solekit import known_pairs
from solekit.errors import DataError, TransportSpecError
from solekit.known_pairs import KnownPair

FEET = {"left": "ble:F0:5E:12:34:56:78", "right": "ble:F0:5E:12:34:56:79"}
SERIALS = {"left": "A-L", "right": "A-R"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SOLEKIT_HOME", str(tmp_path / "new"))
    return tmp_path / "new"


def test_what_is_remembered_is_found_again_until_it_is_forgotten():
    desk = KnownPair("desk", feet=FEET, serials=SERIALS)
    virtual = KnownPair("virtual", uri="sim:walk")
    assert known_pairs.known_pairs() == {}
    known_pairs.remember(desk)
    known_pairs.remember(virtual)
    assert known_pairs.find("desk") == desk
    assert known_pairs.known_pairs() == {"desk": desk, "virtual": virtual}
    known_pairs.forget("desk")
    assert list(known_pairs.known_pairs()) == ["virtual"]


def test_a_name_given_again_stands_for_the_new_pair():
    known_pairs.remember(KnownPair("desk", feet=FEET))
    known_pairs.remember(KnownPair("desk", uri="sim:walk"))
    assert known_pairs.find("desk").uri == "sim:walk"


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_only_the_owner_reads_the_file_and_no_other_file_stays(home):
    known_pairs.remember(KnownPair("desk", feet=FEET))
    (file,) = home.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "name", ["", "sim:walk", "ble:F0:5E", "Ann Smith", "a/b", "../x", "-x", "ä", "x" * 25]
)
def test_what_is_no_short_word_is_no_name(name):
    assert not known_pairs.is_name(name)
    with pytest.raises(DataError, match="cannot name a pair"):
        KnownPair(name, feet=FEET)


def test_an_unknown_name_tells_which_ones_there_are():
    known_pairs.remember(KnownPair("desk", feet=FEET))
    with pytest.raises(TransportSpecError, match=r"'desc' \(remembered: desk\).*sim:walk"):
        known_pairs.find("desc")
    with pytest.raises(TransportSpecError, match="remembered: desk"):
        known_pairs.forget("desc")


@pytest.mark.parametrize("text", ["", "[1]", '{"pairs": 3}', '{"pairs": {"a": {}}}', "\x00"])
def test_a_damaged_file_is_named_and_kept(home, text):
    home.mkdir()
    path = home / known_pairs.FILE
    path.write_text(text)
    with pytest.raises(DataError, match=r"pairs\.json .*remove it and pair again"):
        known_pairs.known_pairs()
    with pytest.raises(DataError):
        known_pairs.remember(KnownPair("desk", feet=FEET))
    assert path.read_text() == text


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SOLEKIT_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(DataError, match=r"SOLEKIT_HOME|cannot be read"):
        known_pairs.remember(KnownPair("desk", feet=FEET))


def test_exchanging_exchanges_serials_too_and_twice_is_as_before():
    desk = KnownPair("desk", feet=FEET, serials=SERIALS)
    swapped = desk.swapped()
    assert swapped.feet == {"left": FEET["right"], "right": FEET["left"]}
    assert swapped.serials == {"left": "A-R", "right": "A-L"}
    assert swapped.swapped() == desk


@pytest.mark.parametrize("about", [{"uri": "sim:walk"}, {"feet": {"left": "ble:x"}}])
def test_one_uri_or_one_foot_has_nothing_to_exchange(about):
    with pytest.raises(DataError, match="--left URI --right URI"):
        KnownPair("desk", **about).swapped()


def test_an_insole_is_known_by_its_uri_or_its_serial():
    known_pairs.remember(KnownPair("desk", feet=FEET, serials=SERIALS))
    known_pairs.remember(KnownPair("lab", feet={"left": FEET["left"]}))
    assert known_pairs.owners(FEET["left"]) == ["desk", "lab"]
    assert known_pairs.owners("serial:/dev/ttyACM7", "A-R") == ["desk"]
    assert known_pairs.owners("serial:/dev/ttyACM7") == []


def test_the_sdk_takes_a_name_where_it_takes_a_uri():
    async def sides(name):
        async with solekit.connect_pair(name) as pair:
            return {side: insole.uri for side, insole in pair.feet.items()}

    known_pairs.remember(KnownPair("virtual", uri="sim:walk?layout=cells-4"))
    assert list(asyncio.run(sides("virtual"))) == ["left", "right"]
    known_pairs.remember(KnownPair("one", feet={"left": "sim:walk?layout=cells-4&side=left"}))
    assert asyncio.run(sides("one")) == {"left": "sim:walk?layout=cells-4&side=left"}


def test_one_insole_is_not_a_pair_of_that_name():
    known_pairs.remember(KnownPair("desk", feet=FEET))
    with pytest.raises(TransportSpecError, match=f"desk is a pair.*{FEET['left']}"):
        solekit.connect("desk")


def test_a_remembered_side_that_the_insole_denies_names_the_way_out():
    feet = {
        "left": "sim:walk?layout=cells-4&pty=1&side=right",
        "right": "sim:walk?layout=cells-4&pty=1&side=left",
    }

    async def connect():
        async with solekit.connect_pair("desk") as pair:
            return list(pair.feet)

    known_pairs.remember(KnownPair("desk", feet=feet))
    with pytest.raises(TransportSpecError, match="solekit pair desk --swap"):
        asyncio.run(connect())
    known_pairs.remember(known_pairs.find("desk").swapped())
    assert asyncio.run(connect()) == ["left", "right"]
