"""``ble:`` without any radio: its URIs, and what it does with the pieces that come in."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solecore.wire import gatt
from solecore.wire.fragments import split
from solekit.errors import TransportError, TransportSpecError
from solekit.transports import open_transports
from solekit.transports.ble import BleTransport, discover, open_ble


@pytest.mark.parametrize(
    "target",
    [
        "F0:5E:12:34:56:78",
        "f0-5e-12-34-56-78",
        "01234567-89AB-CDEF-0123-456789ABCDEF",
        "Solekit L",
        "Anna's left insole",
    ],
)
def test_an_address_or_a_name_is_a_target(target):
    (transport,) = open_transports(f"ble:{target}").values()
    assert isinstance(transport, BleTransport)
    assert (transport.target, transport.uri) == (target, f"ble:{target}")
    assert transport.is_message_based
    assert not transport.clock.is_virtual
    assert transport.reconnect_s == 600


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("", "names no insole"),
        ("  ", "names no insole"),
        ("F0:5E:12:34:56", "is no address"),
        ("F0:5E:12:34:56:78:9A", "is no address"),
        ("F0:5E-12:34-56:78", "is no address"),
        ("a\nb", "no name"),
        ("x" * 249, "no name"),
        ("Solekit L?reconnect_s=never", "not 0 to 86400"),
        ("Solekit L?reconnect_s=-1", "not 0 to 86400"),
        ("Solekit L?reconnect_s=nan", "not 0 to 86400"),
        ("Solekit L?speed=2", "unknown argument 'speed'"),
    ],
)
def test_what_is_neither_says_what_is(rest, words):
    with pytest.raises(TransportSpecError, match=words):
        open_transports(f"ble:{rest}")


def test_the_time_to_look_for_a_lost_insole_can_be_set():
    assert open_ble("Solekit L?reconnect_s=2.5")[""].reconnect_s == 2.5


@given(st.text())
def test_any_text_is_a_target_or_refused(rest):
    try:
        (transport,) = open_ble(rest).values()
    except TransportSpecError:
        return
    assert transport.uri.startswith("ble:")


MESSAGES = st.lists(
    st.tuples(st.binary(min_size=1, max_size=1200), st.sampled_from((gatt.DATA, gatt.LOG))),
    max_size=12,
)


def taken(pieces: list[tuple[str, bytes]]) -> tuple[BleTransport, list[bytes]]:
    """Return what a transport makes of ``pieces``."""
    transport = BleTransport("Solekit L")
    transport.expect()
    for uuid, piece in pieces:
        transport.take(uuid, piece)
    queue = transport._queue
    return transport, [queue.get_nowait()[1] for _ in range(queue.qsize())]


@given(MESSAGES, st.integers(1, 4), st.sampled_from((23, 100, 247)))
def test_messages_come_out_once_however_often_each_piece_came(messages, copies, mtu):
    pieces = [
        (uuid, piece)
        for tag, (message, uuid) in enumerate(messages)
        if len(message) <= 64 * 18
        for piece in split(message, tag, mtu)
        for _ in range(copies)
    ]
    transport, out = taken(pieces)
    assert out == [message for message, _ in messages if len(message) <= 64 * 18]
    assert transport.n_dropped == 0
    assert transport.n_duplicates == len(pieces) - len(pieces) // copies


@given(st.lists(st.tuples(st.sampled_from((gatt.CTRL, gatt.DATA)), st.binary(max_size=260))))
def test_no_bytes_at_all_break_it(pieces):
    transport, out = taken(pieces)
    assert len(out) + transport.n_dropped <= len(pieces)


def test_a_computer_without_bluetooth_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/no-bus")

    async def search():
        with pytest.raises(TransportError, match=r"no Bluetooth|Bluetooth"):
            await discover(0.1)
        with pytest.raises(TransportError, match="ble:Solekit L"):
            await BleTransport("Solekit L").open()

    asyncio.run(search())
