"""The ``bluetooth`` shim: MicroPython's documented behaviour and the traps of both stacks."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Device, DeviceConfiguration, Peer

from solekit_hil.firmware import compiled
from solekit_hil.radio.ether import Ether
from solekit_hil.radio.peripheral import Peripheral, Shape

from .conftest import FOOT, PATIENCE_S, settle

pytestmark = pytest.mark.mpy32

HEAD = """
import bluetooth, errno, json, time
ble = bluetooth.BLE()
events = []
conn = None
def irq(event, data):
    global conn
    events.append([event] + [bytes(x).hex() if isinstance(x, memoryview) else x for x in data])
    if event == 1: conn = data[0]
    if event == 2: conn = None
ble.irq(irq)
ble.active(True)
ble.config(mtu=100, gap_name="shim")
SERVICE = bluetooth.UUID(0x1815)
OUT, IN = bluetooth.UUID(0x2A56), bluetooth.UUID(0x2A58)
((out, taken),) = ble.gatts_register_services(
    ((SERVICE, ((OUT, bluetooth.FLAG_NOTIFY | bluetooth.FLAG_INDICATE | bluetooth.FLAG_READ),
                (IN, bluetooth.FLAG_WRITE | bluetooth.FLAG_WRITE_NO_RESPONSE))),))
def until(event):
    while not any(e[0] == event for e in events): bluetooth.poll(1000)
    while events.pop(0)[0] != event: pass
def flush():
    while ble._n_free < bluetooth.MBUFS: bluetooth.poll(20)
def say(**words): print(json.dumps(words))
ble.gap_advertise(50000, b"\\x02\\x01\\x06\\x05\\x09shim")
"""


class Far:
    """The central at the far end."""

    def __init__(self, device: Device, out: Any, taken: Any, heard: list[bytes]) -> None:
        self.connection = next(iter(device.connections.values()))
        self.out = out
        self.taken = taken
        self.heard = heard
        self.is_heard = asyncio.Condition()

    async def until_heard(self, n: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self.is_heard:
            await self.is_heard.wait_for(lambda: len(self.heard) >= n)


@pytest.fixture
def on_shim(tmp_path: Path, mpy32_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Return ``run(script, story, stack=..., shape=...) -> what the script said``."""

    async def connect(ether: Ether, mtu: int) -> tuple[Device, Far]:
        controller = Controller("central", link=ether)
        configuration = DeviceConfiguration(address=hci.Address("F0:F1:00:00:00:01"))
        device = Device.from_config_with_hci(configuration, controller, controller)
        await device.power_on()
        connection = await device.connect(hci.Address(FOOT), timeout=PATIENCE_S)
        peer = Peer(connection)
        if mtu > 23:
            await peer.request_mtu(mtu)
        await peer.discover_services()
        found = {}
        for service in peer.services:
            for one in await service.discover_characteristics():
                found[one.uuid] = one
        far = Far(device, found[UUID.from_16_bits(0x2A56)], found[UUID.from_16_bits(0x2A58)], [])

        async def note() -> None:
            async with far.is_heard:
                far.is_heard.notify_all()

        def take(value: bytes) -> None:
            far.heard.append(bytes(value))
            tasks.add(asyncio.ensure_future(note()))

        tasks: set[asyncio.Future[None]] = set()
        await far.out.subscribe(take)
        return device, far

    def run(
        script: str, story, *, stack: str = "nimble", shape: Shape | None = None, mtu: int = 517
    ) -> list[dict[str, Any]]:
        path = tmp_path / "shim.py"
        path.write_text(HEAD + script, encoding="utf-8")

        async def play() -> bytes:
            ether = Ether()
            async with Peripheral(ether, FOOT, shape=shape) as peripheral:
                process = await asyncio.create_subprocess_exec(
                    str(mpy32_path),
                    "-X",
                    "heapsize=100k",
                    str(path),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    env={
                        **os.environ,
                        "MICROPYPATH": str(compiled(32)),
                        "SOLEFOOT_RADIO": f"127.0.0.1:{peripheral.port}",
                        "SOLEFOOT_STACK": stack,
                    },
                )
                try:
                    _, far = await connect(ether, mtu)
                    await story(far)
                    async with asyncio.timeout(PATIENCE_S):
                        said, _ = await process.communicate()
                finally:
                    if process.returncode is None:
                        process.kill()
                        await process.wait()
            await settle()
            assert process.returncode == 0, said.decode()
            return said

        return [json.loads(line) for line in asyncio.run(play()).splitlines()]

    return run


def test_what_happens_on_the_air_arrives_as_the_documented_events(on_shim):
    async def story(far):
        await far.taken.write_value(b"hello", with_response=True)
        await far.connection.disconnect()

    (said,) = on_shim(
        "until(3)\nvalue = ble.gatts_read(taken)\nuntil(2)\nsay(value=value.decode(), conn=conn)",
        story,
    )
    assert said == {"value": "hello", "conn": None}


def test_connect_and_mtu_carry_their_arguments(on_shim):
    async def story(far):
        await far.taken.write_value(b"x", with_response=True)

    (said,) = on_shim(
        "while not any(e[0] == 3 for e in events): bluetooth.poll(1000)\n"
        "say(events=events, conn=conn, taken=taken)",
        story,
    )
    by_kind = {event[0]: event[1:] for event in said["events"]}
    assert by_kind[1] == [said["conn"], 1, "f0f100000001"]  # random address, as it is read
    assert by_kind[21] == [said["conn"], 100]  # what the firmware granted
    assert by_kind[3] == [said["conn"], said["taken"]]


def test_a_notification_longer_than_the_mtu_is_cut_without_a_word(on_shim):
    async def story(far):
        await far.taken.write_value(b"go", with_response=True)
        await far.until_heard(2)
        assert [len(value) for value in far.heard] == [97, 97]

    on_shim(
        "until(3)\n"
        "ble.gatts_notify(conn, out, bytes(97))\nble.gatts_notify(conn, out, bytes(98))\n"
        "flush()",
        story,
    )


def test_without_an_exchange_the_mtu_is_23(on_shim):
    async def story(far):
        await far.taken.write_value(b"go", with_response=True)
        await far.until_heard(1)
        assert [len(value) for value in far.heard] == [20]

    on_shim("until(3)\nble.gatts_notify(conn, out, bytes(200))\nflush()", story, mtu=23)


SLOW = Shape(interval_s=0.02, n_packets=2)
FLOOD = """
until(3)
n = n_refused = 0
errors = set()
while n < 100:
    try:
        ble.gatts_notify(conn, out, bytes([n]) * 90)
        n += 1
    except OSError as error:
        n_refused += 1
        errors.add(error.errno)
        bluetooth.poll(20)
"""


def test_nimble_runs_out_of_buffers_and_says_so(on_shim):
    async def story(far):
        await far.taken.write_value(b"go", with_response=True)
        await far.until_heard(100)
        assert [value[0] for value in far.heard] == list(range(100))  # what it took has gone

    (said,) = on_shim(
        FLOOD + "say(n_refused=n_refused, errors=list(errors), nomem=errno.ENOMEM)\nflush()",
        story,
        shape=SLOW,
    )
    assert said["n_refused"] > 10
    assert said["errors"] == [said["nomem"]]


def test_btstack_takes_everything_and_the_heap_grows(on_shim):
    async def story(far):
        await far.taken.write_value(b"go", with_response=True)
        await far.until_heard(100)
        assert [value[0] for value in far.heard] == list(range(100))

    (said,) = on_shim(
        "import gc\ngc.collect()\nbefore = gc.mem_alloc()\n" + FLOOD + "gc.collect()\n"
        "say(n_refused=n_refused, grown=gc.mem_alloc() - before)\n"
        "flush()",
        story,
        stack="btstack",
        shape=SLOW,
    )
    assert said["n_refused"] == 0
    assert said["grown"] > 50 * 90


def test_what_is_written_is_cut_to_the_room_there_is(on_shim):
    async def story(far):
        await far.taken.write_value(b"a" * 60, with_response=True)
        await far.until_heard(1)  # a new buffer is an empty one
        await far.taken.write_value(b"b" * 60, with_response=True)

    script = (
        "until(3)\nshort = len(ble.gatts_read(taken))\nble.gatts_set_buffer(taken, 64)\n"
        "ble.gatts_notify(conn, out, b'wider')\n"
        "until(3)\nsay(short=short, long=len(ble.gatts_read(taken)))"
    )
    assert on_shim(script, story) == [{"short": 20, "long": 60}]


def test_a_value_that_appends_keeps_every_write_until_it_is_read(on_shim):
    async def story(far):
        for piece in (b"one", b"two", b"three"):
            await far.taken.write_value(piece, with_response=True)

    script = (
        "ble.gatts_set_buffer(taken, 100, True)\nfor _ in range(3): until(3)\n"
        "say(first=ble.gatts_read(taken).decode(), then=ble.gatts_read(taken).decode())"
    )
    assert on_shim(script, story) == [{"first": "onetwothree", "then": ""}]


def test_an_indication_is_reported_as_done(on_shim):
    async def story(far):
        await far.taken.write_value(b"go", with_response=True)

    script = (
        "until(3)\nble.gatts_indicate(conn, out, b'x')\n"
        "while not any(e[0] == 20 for e in events): bluetooth.poll(1000)\n"
        "say(done=[e for e in events if e[0] == 20], conn=conn, out=out)"
    )
    (said,) = on_shim(script, story)
    assert said["done"] == [[20, said["conn"], said["out"], 0]]


def test_errors_are_those_of_a_board(on_shim):
    async def story(far):
        await far.taken.write_value(b"go", with_response=False)

    script = """
until(3)
def error(f, *a, **k):
    try: f(*a, **k)
    except OSError as e: return errno.errorcode[e.errno]
    except ValueError: return "ValueError"
found = [
    error(ble.gatts_notify, 99, out, b"x"),
    error(ble.gatts_read, 999),
    error(ble.config, mtu=5000),
    error(ble.config, nonsense=1),
    error(ble.gap_advertise, 100000, bytes(32)),
]
ble.active(False)
found.append(error(ble.gap_advertise, 100000))
say(found=found)
"""
    (said,) = on_shim(script, story)
    assert said["found"] == ["ENOTCONN", "EINVAL", "EINVAL", "ValueError", "EINVAL", "ENODEV"]
