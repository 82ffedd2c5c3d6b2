"""``solekit pair``: found or named, shown, remembered, exchanged, forgotten."""

from __future__ import annotations

import json

import pytest

from solekit import finding, known_pairs
from solekit.cli.pair import chosen
from solekit.errors import TransportError
from solekit.finding import Found
from solekit.insole import Insole
from solekit.known_pairs import KnownPair

PTY = "sim:walk?layout=cells-4&pty=1&side="  # two programs of their own, on real serial ports
LEFT, RIGHT = PTY + "left", PTY + "right"


@pytest.fixture(autouse=True)
def nothing_known(tmp_path, monkeypatch):
    monkeypatch.setenv("SOLEKIT_HOME", str(tmp_path))
    monkeypatch.setattr("serial.tools.list_ports.comports", list)


def rows_of(solekit, *arguments):
    code, out, err = solekit(*arguments, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_a_named_left_and_right_are_shown_remembered_and_used_by_name(solekit):
    rows = rows_of(solekit, "pair", "desk", "--left", LEFT, "--right", RIGHT)
    assert [row["side"] for row in rows] == ["left", "right"]
    assert all(row["serial"] and row["firmware"] and row["layout"] == "cells-4" for row in rows)
    assert known_pairs.find("desk").feet == {"left": LEFT, "right": RIGHT}
    assert [row["side"] for row in rows_of(solekit, "info", "--device", "desk")] == [
        "left",
        "right",
    ]
    listed = rows_of(solekit, "pair")
    assert [(row["name"], row["side"], row["uri"]) for row in listed] == [
        ("desk", "left", LEFT),
        ("desk", "right", RIGHT),
    ]
    assert [row["serial"] for row in listed] == [row["serial"] for row in rows]


def test_one_uri_of_both_feet_is_remembered_as_one(solekit):
    rows_of(solekit, "pair", "virtual", "--device", "sim:walk?layout=cells-4")
    assert known_pairs.find("virtual").uri == "sim:walk?layout=cells-4"
    rows = rows_of(solekit, "settings", "--device", "virtual")
    assert {row["side"] for row in rows} == {"left", "right"}
    assert len(rows_of(solekit, "pair")) == 2


def test_one_insole_is_remembered_by_the_side_that_it_tells(solekit):
    rows_of(solekit, "pair", "one", "--device", "sim:walk?layout=cells-4&side=right")
    assert list(known_pairs.find("one").feet) == ["right"]


def test_without_uris_the_one_left_and_the_one_right_insole_are_taken(solekit, monkeypatch):
    async def heard(_):
        return [Found(RIGHT), Found(LEFT)]

    monkeypatch.setattr(finding, "heard", heard)
    rows_of(solekit, "pair", "desk")
    assert known_pairs.find("desk").feet == {"left": LEFT, "right": RIGHT}


def test_feet_named_the_wrong_way_round_are_not_remembered(solekit):
    code, _, err = solekit("pair", "desk", "--left", RIGHT, "--right", LEFT)
    assert code == 2
    assert "swap --left and --right" in err
    assert known_pairs.known_pairs() == {}


def test_swap_mends_a_pair_that_no_longer_connects(solekit):
    known_pairs.remember(KnownPair("desk", feet={"left": RIGHT, "right": LEFT}))
    code, _, err = solekit("info", "--device", "desk")
    assert code == 2
    assert "solekit pair desk --swap" in err
    rows_of(solekit, "pair", "desk", "--swap")
    assert len(rows_of(solekit, "info", "--device", "desk")) == 2


def test_swap_with_write_tells_the_insoles_themselves(solekit, monkeypatch):
    """Two insoles of which each was flashed as the other foot, as walking has shown."""
    told = {}
    ask = Insole.settings

    async def settings(insole, key, value=None):
        answer = await ask(insole, key, value)
        told[insole.uri] = key, value, answer
        return answer

    monkeypatch.setattr(Insole, "settings", settings)
    known_pairs.remember(KnownPair("desk", feet={"left": LEFT, "right": RIGHT}))
    code, _, err = solekit("pair", "desk", "--swap", "--write")
    assert code == 0, err
    assert told == {RIGHT: ("side", 0, 0), LEFT: ("side", 1, 1)}
    assert known_pairs.find("desk").feet == {"left": RIGHT, "right": LEFT}
    assert err.count("one from its next start on") == 2  # a virtual insole cannot restart


def test_write_without_swap_or_without_two_uris_changes_nothing(solekit):
    known_pairs.remember(KnownPair("virtual", uri="sim:walk"))
    assert solekit("pair", "virtual", "--write")[0] == 2
    code, _, err = solekit("pair", "virtual", "--swap", "--write")
    assert code == 1
    assert "no left and right to exchange" in err


def test_a_forgotten_pair_is_gone(solekit):
    known_pairs.remember(KnownPair("desk", uri="sim:walk"))
    code, _, err = solekit("pair", "--forget", "desk")
    assert code == 0
    assert "forgotten" in err
    assert rows_of(solekit, "pair") == []
    code, _, err = solekit("info", "--device", "desk")
    assert code == 2
    assert "no pair is remembered as 'desk'" in err


@pytest.mark.parametrize("name", ["sim:walk", "Ann Smith", "a/b"])
def test_a_name_that_is_no_short_word_is_refused(solekit, name):
    code, _, err = solekit("pair", name, "--device", "sim:walk")
    assert code == 1
    assert "cannot name a pair" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--swap"],
        ["--forget"],
        ["--device", "sim:walk"],
        ["x", "--swap", "--forget"],
        ["x", "--device", "sim:walk", "--left", "sim:walk"],
        ["x", "--swap", "--left", "sim:walk"],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(solekit, arguments):
    assert solekit("pair", *arguments)[0] == 2


def test_nothing_found_says_which_side_and_how_to_name_it(solekit, monkeypatch):
    async def heard(_):
        return [Found(LEFT, side="left", may_ask=False)]

    monkeypatch.setattr(finding, "heard", heard)
    code, _, err = solekit("pair", "desk")
    assert code == 1
    assert "no right insole was found" in err
    assert "--right URI" in err


def test_of_two_left_insoles_none_is_guessed():
    two = [Found("ble:A", side="left", serial="1"), Found("ble:B", side="left", serial="2")]
    with pytest.raises(TransportError, match=r"more than one left insole: ble:A \(1\), ble:B"):
        chosen([*two, Found("ble:C", side="right", serial="3")])


def test_an_insole_that_is_plugged_in_and_heard_is_one():
    found = [
        Found("serial:/dev/ttyACM0", side="left", serial="1"),
        Found("ble:A", side="left", serial="1"),
        Found("serial:/dev/ttyACM1", side="right", serial="2"),
    ]
    assert chosen(found) == ("ble:A", "serial:/dev/ttyACM1")


def test_a_silent_port_is_told_where_a_side_is_missing():
    with pytest.raises(TransportError, match=r"no left insole.*serial:/dev/x \(no answer\)"):
        chosen([Found("serial:/dev/x", note="no answer")])
