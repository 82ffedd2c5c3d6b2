"""What the radio link shows to everybody, and what it asks of the stack."""

import sys

import pytest

from solecore.wire import gatt
from solecore.wire import messages as m
from solefoot.links import ble

PING = m.PING.pack(9)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("fitness", [False, True])
def test_advertising_names_service_side_and_serial_and_nothing_else(make_desk, side, fitness):
    desk = make_desk(side=side, fitness=fitness, pairs=False)
    _, data, response = desk.radio.advertised
    assert len(data) <= 31
    assert len(response) <= 31
    fields = dict(_fields(data) + _fields(response))
    service = bytes.fromhex(gatt.SERVICE.replace("-", ""))[::-1]
    expected = {
        1: b"\x06",
        7: service,
        9: b"Solekit R" if side else b"Solekit L",
        0xFF: b"\xff\xff" + bytes((side, 0)) + b"SOLE-0001",
    }
    if fitness:
        expected[3] = b"\x14\x18"
    assert fields == expected


def _fields(data):
    out = []
    while data:
        n = data[0]
        out.append((data[1], data[2 : n + 1]))
        data = data[n + 1 :]
    return out


def test_a_low_battery_and_the_pairing_window_show_in_the_flags(make_desk):
    desk = make_desk(pairs=False)

    def flags():
        return dict(_fields(desk.radio.advertised[2]))[0xFF][3]

    desk.link.battery(80)
    desk.turn()
    assert flags() == 0
    desk.link.battery(9)
    desk.turn()
    assert flags() == gatt.FLAG_LOW_BATTERY
    desk.link.open_pairing(5_000_000)
    desk.turn()
    assert flags() == gatt.FLAG_LOW_BATTERY | gatt.FLAG_PAIRING
    desk.turn(5001)
    assert flags() == gatt.FLAG_LOW_BATTERY


def test_the_battery_service_tells_a_known_charge_only(make_desk):
    desk = make_desk()
    value = desk.radio.table[desk.radio.handle_of("2a19")]
    desk.link.battery(255)
    assert value.data == b"\xff"
    desk.link.battery(64)
    assert value.data == b"\x40"


def test_the_fitness_service_exists_only_where_it_is_asked_for(make_desk):
    closed = make_desk(pairs=False)
    assert not [one for one in closed.radio.table.values() if one.uuid == "2a53"]
    closed.central.connect()
    closed.link.fitness(110)
    closed.turn(100)
    assert closed.central.n_pieces == 0
    desk = make_desk(fitness=True, pairs=False)
    assert desk.central.connect()  # a running watch does not bond
    desk.link.fitness(110)
    desk.link.fitness(999)
    desk.turn(100)
    assert desk.central.n_pieces == 2
    assert not desk.link.is_up
    assert not desk.came()


def test_information_is_readable_and_holds_no_more_than_hello_tells(make_desk):
    desk = make_desk(pairs=False)
    values = {one.uuid: one.data for one in desk.radio.table.values()}
    info = values[gatt.INFO.replace("-", "")]
    assert info == bytes((2, 0, 5, 0, 0, 0)) + b"SOLE-0001\0grid\x001.0\0plain"
    assert values["2a25"] == b"SOLE-0001"
    assert values["2a26"] == b"1.0"


def test_a_port_without_radio_is_told_apart_and_why(monkeypatch):
    assert ble.why_not({"bluetooth": 1}) == ""
    assert "ubluepy" in ble.why_not({"ubluepy": 1})
    assert "MTU 23" in ble.why_not({"ubluepy": 1})
    assert "USB" in ble.why_not({})
    monkeypatch.setitem(sys.modules, "bluetooth", sys)
    assert ble.why_not(sys.modules) == ""


def test_the_stack_is_asked_for_secure_connections_and_bonds(make_desk):
    settings = make_desk().radio.settings
    assert settings["le_secure"] is True
    assert settings["bond"] is True
    assert settings["mitm"] is False  # Just Works: it has no display
    assert settings["io"] == 3
    assert settings["mtu"] == 247


@pytest.mark.mpy32
@pytest.mark.parametrize("mtu", [23, 100, 247])
def test_a_message_costs_little_of_a_boards_heap(run_board, script, mtu):
    lines = run_board(script("ble_alloc.py"), args=[mtu]).splitlines()
    size = 1000 if mtu >= 100 else 120
    for line in lines[:2]:  # data, then answers, whose part of the heap is not limited
        n_messages, n_pieces, _ = map(int, line.split())
        assert n_messages == 40
        assert n_pieces == 40 * -(-size // (min(mtu - 3, 244) - 2))
    assert int(lines[0].split()[2]) <= 200 * 40
    assert int(lines[2]) < 20_000  # what stays: code and buffers
