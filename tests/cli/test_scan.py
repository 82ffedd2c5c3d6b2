"""``solekit scan``: what is there, each in one row of fixed columns."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from solekit import finding, known_pairs
from solekit.cli.scan import COLUMNS
from solekit.errors import TransportError
from solekit.finding import NOT_PAIRED, Found
from solekit.known_pairs import KnownPair

LEFT = "sim:walk?layout=cells-16&side=left"


@pytest.fixture(autouse=True)
def no_hardware(tmp_path, monkeypatch):
    """Let nothing be plugged in or heard, and nothing be remembered."""
    monkeypatch.setenv("SOLEKIT_HOME", str(tmp_path))
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    heard_are(monkeypatch)


def heard_are(monkeypatch, *found):
    async def heard(_):
        return list(found)

    monkeypatch.setattr(finding, "heard", heard)


def ports_are(monkeypatch, *ports):
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: list(ports))


def rows_of(solekit, *arguments):
    code, out, err = solekit("scan", "--json", *arguments)
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert all(tuple(row) == COLUMNS for row in rows)
    return rows


def test_an_insole_that_answers_tells_who_it_is(solekit, monkeypatch):
    heard_are(monkeypatch, Found(LEFT, name="Solekit L", signal_dbm=-61))
    (row,) = rows_of(solekit)
    assert row["name"] == "Solekit L"
    assert row["uri"] == LEFT
    assert (row["side"], row["layout"], row["signal_dbm"]) == ("left", "cells-16", -61)
    assert row["serial"]
    assert row["firmware"]
    assert row["self_test"] == "passed"
    assert row["note"] == ""
    assert row["battery_pct"] is None or 0 <= row["battery_pct"] <= 100


def test_a_port_without_an_insole_keeps_its_row_with_the_reason(solekit, monkeypatch):
    gone = SimpleNamespace(device="/dev/solekit-is-not-here", vid=0x303A, serial_number="AB12")
    other = SimpleNamespace(device="/dev/printer", vid=0x1234, serial_number=None)
    ports_are(monkeypatch, gone, other)
    (row,) = rows_of(solekit)
    assert (row["uri"], row["name"], row["serial"]) == (
        "serial:/dev/solekit-is-not-here",
        "ESP32-S3",
        "AB12",
    )
    assert "there is no such port" in row["note"]
    assert row["side"] == row["layout"] == row["self_test"] == ""
    assert len(rows_of(solekit, "--all")) == 2


def test_quick_asks_nobody(solekit, monkeypatch):
    ports_are(monkeypatch, SimpleNamespace(device="/dev/x", vid=0x2E8A, serial_number=None))
    heard_are(monkeypatch, Found(LEFT, side="left"))
    first, second = rows_of(solekit, "--quick")
    assert (first["name"], first["note"]) == ("RP2", "")
    assert (second["side"], second["firmware"], second["note"]) == ("left", "", "")


def test_looking_around_pairs_with_nobody(solekit, monkeypatch):
    stranger = Found(
        LEFT, side="left", serial="X-L", note="pairing window open", signal_dbm=-70, may_ask=False
    )
    heard_are(monkeypatch, stranger)
    (row,) = rows_of(solekit)
    assert row["note"] == f"pairing window open, {NOT_PAIRED}"
    assert (row["side"], row["serial"], row["firmware"]) == ("left", "X-L", "")


def test_what_is_remembered_is_named(solekit, monkeypatch):
    heard_are(monkeypatch, Found(LEFT))
    known_pairs.remember(KnownPair("desk", feet={"left": LEFT}))
    (row,) = rows_of(solekit)
    assert row["note"] == "remembered as desk"


def test_without_bluetooth_the_ports_are_listed_all_the_same(solekit, monkeypatch):
    async def fails(_):
        raise TransportError("ble: this computer has no Bluetooth that is switched on")

    monkeypatch.setattr(finding, "heard", fails)
    ports_are(monkeypatch, SimpleNamespace(device="/dev/x", vid=0x2E8A, serial_number=None))
    code, out, err = solekit("scan", "--quick", "--json")
    assert code == 0
    assert json.loads(out)["uri"] == "serial:/dev/x"
    assert "Bluetooth was not searched" in err
    assert "Bluetooth" not in solekit("scan", "--quick", "--usb")[2]


def test_a_damaged_list_of_pairs_does_not_hide_what_is_there(solekit, monkeypatch, tmp_path):
    (tmp_path / known_pairs.FILE).write_text("{")
    heard_are(monkeypatch, Found(LEFT))
    code, out, err = solekit("scan", "--quick", "--json")
    assert code == 0
    assert json.loads(out)["uri"] == LEFT
    assert "pairs.json" in err


def test_the_words_of_a_failed_self_test_name_what_failed():
    info = SimpleNamespace(hello={"self_test": 0b100010})
    assert finding.self_test_words(info) == "failed: cells, safe_mode"


def test_a_port_is_remembered_by_the_name_that_stays(tmp_path, monkeypatch):
    device, other = tmp_path / "ttyACM0", tmp_path / "ttyACM1"
    device.touch()
    other.touch()
    folder = tmp_path / "by-id"
    folder.mkdir()
    (folder / "usb-insole").symlink_to(device)
    monkeypatch.setattr(finding, "BY_ID", folder)
    assert finding.lasting_uri(f"serial:{device}@115200") == f"serial:{folder}/usb-insole@115200"
    again = finding.lasting_uri(f"serial:{device}?reconnect_s=5")
    assert again == f"serial:{folder}/usb-insole?reconnect_s=5"
    assert finding.lasting_uri(f"serial:{device}") == f"serial:{folder}/usb-insole"
    assert finding.lasting_uri(f"serial:{other}") == f"serial:{other}"
    assert finding.lasting_uri("ble:F0:5E:12:34:56:78") == "ble:F0:5E:12:34:56:78"
