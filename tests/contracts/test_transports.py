"""What every transport keeps to, whatever is behind it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import solekit
from solecore.wire import messages as m
from solekit.errors import ConnectionLostError, DataError, TransportError, TransportSpecError
from solekit.insole import Insole
from solekit.link import Data, Link, Reply
from solekit.transports import FORMS, Transport, open_transports
from solekit_hil.serve import Server

WALK = "walk?layout=cells-16&side=left"
has_pty = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")


@dataclass
class Bench:
    """How to get a transport of one kind; ``arguments`` are added to the virtual insole's."""

    kind: str
    folder: Path

    @contextlib.asynccontextmanager
    async def transport(self, arguments: str = "") -> AsyncIterator[Transport]:
        """Give a fresh transport, not open; close it at the end."""
        async with contextlib.AsyncExitStack() as stack:
            if self.kind == "tcp":
                server = await stack.enter_async_context(Server(f"sim:{WALK}{arguments}"))
                uri = server.uris["left"]
            elif self.kind == "replay":
                uri = f"replay:{await self.recorded()}?side=left"
            else:
                scheme, _, pty = self.kind.partition("+")
                uri = f"{scheme}:{WALK}{arguments}" + ("&pty=1" if pty else "")
            (transport,) = open_transports(uri).values()
            stack.push_async_callback(transport.close)
            yield transport

    async def recorded(self) -> Path:
        path = self.folder / "walk.mcap"
        if not path.exists():
            async with solekit.connect_pair("sim:walk?layout=cells-16") as pair:
                pair.record_to(path)
                await pair.start()
                await pair.clock.sleep(4.0)
                await pair.stop()
        return path


KINDS = [
    "sim",
    pytest.param("sim+pty", marks=has_pty),
    pytest.param("mpy", marks=pytest.mark.mpy32),
    pytest.param("mpy+pty", marks=[pytest.mark.mpy32, has_pty]),
    "tcp",
    "replay",
]


@pytest.fixture(params=KINDS)
def bench(request, tmp_path) -> Bench:
    return Bench(request.param, tmp_path)


Step = Callable[[Transport], Awaitable[None]]


def use(bench: Bench, step: Step, arguments: str = "") -> None:
    async def run():
        async with bench.transport(arguments) as transport:
            await step(transport)

    asyncio.run(run())


async def follow(transport: Transport, until: Callable[[object], bool]) -> list[Data | Reply]:
    """Read messages until one is what is waited for."""
    link = Link()
    link.await_start(6)
    out: list[Data | Reply] = []
    async with contextlib.aclosing(aiter(transport)) as chunks:
        async for t_s, chunk in chunks:
            out += link.feed(t_s, chunk)
            for credits in link.outgoing():
                await transport.send(credits)
            if out and until(out[-1]):
                return out
    raise AssertionError(f"{transport.uri} ended first")


def replies(kind: m.Message) -> Callable[[object], bool]:
    return lambda item: isinstance(item, Reply) and item.message is kind


async def ask(transport: Transport, message, *values: int) -> None:
    await transport.send(Link().request(message, *values)[1])


class TestTransport:
    """The suite; ``bench`` names the transport."""

    def test_hello_is_answered(self, bench):
        async def step(transport):
            await transport.open()
            await ask(transport, m.HELLO)
            hello = (await follow(transport, replies(m.HELLO_REPLY)))[-1].fields
            assert hello["protocol"] == m.PROTOCOL_VERSION
            assert m.SIDES[hello["side"]] == "left"
            assert hello["n_cells"] == 16

        use(bench, step)

    def test_frames_arrive_stamped_by_its_clock(self, bench):
        async def step(transport):
            await transport.open()
            await ask(transport, m.START, 0, 32)
            got = await follow(
                transport,
                lambda item: isinstance(item, Data) and item.stream == 0 and item.seq > 20,
            )
            times = [item.t_s for item in got if isinstance(item, Data)]
            assert times == sorted(times)
            assert times[0] <= times[-1] <= transport.clock.now_s() + 0.02
            assert times[-1] - times[0] < 5.0
            foot_us = [item.foot_us for item in got if isinstance(item, Data) and item.stream == 0]
            assert foot_us == sorted(foot_us)

        use(bench, step)

    def test_closing_twice_is_allowed_and_ends_the_reading(self, bench):
        async def step(transport):
            await transport.open()
            reading = asyncio.create_task(read_all(transport))
            await asyncio.sleep(0)
            await transport.close()
            await transport.close()
            await asyncio.wait_for(reading, 5.0)
            assert await read_all(transport) == 0

        use(bench, step)

    def test_closing_without_opening_is_harmless(self, bench):
        async def step(transport):
            await transport.close()
            assert await read_all(transport) == 0

        use(bench, step)

    def test_sending_before_and_after_is_a_lost_connection(self, bench):
        async def step(transport):
            with pytest.raises(ConnectionLostError) as caught:
                await transport.send(b"too early")
            assert caught.value.uri == transport.uri
            await transport.open()
            await transport.close()
            with pytest.raises(ConnectionLostError, match="closed"):
                await transport.send(b"too late")

        use(bench, step)

    def test_opening_what_is_open_is_an_error(self, bench):
        async def step(transport):
            await transport.open()
            with pytest.raises(TransportError, match="close it first"):
                await transport.open()
            await ask(transport, m.HELLO)
            assert await follow(transport, replies(m.HELLO_REPLY))

        use(bench, step)

    def test_what_was_closed_can_be_opened_again(self, bench):
        async def step(transport):
            for _ in range(2):
                await transport.open()
                await ask(transport, m.HELLO)
                assert await follow(transport, replies(m.HELLO_REPLY))
                await transport.close()

        use(bench, step)

    def test_an_insole_behind_it_accounts_for_every_sample(self, bench):
        async def step(transport):
            async with Insole(transport) as insole:
                assert insole.side == "left"
                await insole.start()
                await insole.clock.sleep(1.0)
                losses = await insole.stop()
            assert losses["pressure"].received > 40
            for loss in losses.values():
                assert loss.holds
                assert loss.missing == 0

        use(bench, step)

    def test_a_broken_link_ends_the_reading_with_the_error(self, bench):
        if bench.kind == "replay":
            pytest.skip("a recording cannot break")

        async def step(transport):
            await transport.open()
            with pytest.raises(ConnectionLostError) as caught:
                await read_all(transport)
            assert caught.value.uri == transport.uri
            assert len(caught.value.reason) > 5

        use(bench, step, "&cut=0.1")

    def test_garbage_sent_to_it_does_not_end_it(self, bench):
        async def step(transport):
            await transport.open()
            await transport.send(bytes(range(1, 256)) * 20 + b"\0")
            await ask(transport, m.HELLO)
            assert await follow(transport, replies(m.HELLO_REPLY))

        use(bench, step)

    def test_it_names_itself_and_its_clock(self, bench):
        async def step(transport):
            assert transport.uri.partition(":")[0] == bench.kind.partition("+")[0]
            is_real = bench.kind == "tcp" or "pty" in bench.kind
            assert transport.clock.is_virtual == (not is_real)
            await transport.open()
            assert transport.duration_s > 0

        use(bench, step)


async def read_all(transport: Transport) -> int:
    n = 0
    async with contextlib.aclosing(aiter(transport)) as chunks:
        async for _ in chunks:
            n += 1
    return n


@pytest.mark.parametrize(
    "uri",
    ["", "walk", "/dev/ttyACM0", "usb:1", "SIM:walk", ":", "bluetooth:AA:BB:CC:DD:EE:FF"],
)
def test_what_is_no_device_uri_shows_the_forms_that_are(uri):
    with pytest.raises(TransportSpecError) as caught:
        open_transports(uri)
    text = str(caught.value)
    assert FORMS in text or "serial:" in text
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "uri",
    [
        "tcp:",
        "tcp:localhost",
        "tcp:localhost:",
        "tcp::5555",
        "tcp:localhost:port",
        "tcp:localhost:0",
        "tcp:localhost:65536",
        "tcp:localhost:-1",
        "tcp:localhost:²",
        "serial:",
        "serial:@9600",
        "serial:/dev/null@",
        "serial:/dev/null@fast",
        "serial:/dev/null@0",
        "serial:/dev/null@²",
        "replay:",
        "replay:walk.mcap?speed=2",
        "sim:fly",
        "mpy:walk?bits=16",
    ],
)
def test_what_a_scheme_cannot_understand_names_the_scheme(uri):
    if uri == "serial:/dev/null@":
        uri = "serial:@"
    with pytest.raises(TransportSpecError, match=uri.partition(":")[0]):
        open_transports(uri)


def fails_to_open(uri: str) -> str:
    async def connect():
        async with solekit.connect(uri):
            pass

    with pytest.raises(TransportError) as caught:
        asyncio.run(connect())
    assert uri.partition("@")[0] in str(caught.value)
    return str(caught.value)


def test_a_serial_port_that_is_absent_is_said_to_be():
    assert "no such port" in fails_to_open("serial:/dev/ttyNOTHERE")


@has_pty
def test_what_is_no_serial_port_is_an_error_and_no_crash():
    assert fails_to_open("serial:/dev/null")
    assert fails_to_open("serial:/dev")


def test_a_host_where_nothing_listens_is_said_so():
    assert "nothing listens" in fails_to_open("tcp:127.0.0.1:9")


def test_a_host_with_no_name_is_an_error_and_no_crash():
    assert "name" in fails_to_open("tcp:a..b:80").lower()


def test_a_recording_that_is_absent_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        open_transports(f"replay:{tmp_path}/nothing.mcap")


@has_pty
def test_a_port_in_use_by_another_program_is_said_to_be():
    async def connect():
        (first,) = open_transports(f"sim:{WALK}&pty=1").values()
        await first.open()
        try:
            (second,) = open_transports(f"serial:{first.port_name}").values()
            with pytest.raises(TransportError, match="in use by another program"):
                await second.open()
            await second.close()
        finally:
            await first.close()

    asyncio.run(connect())


@has_pty
def test_a_port_that_takes_nothing_is_a_lost_connection(monkeypatch):
    monkeypatch.setattr("solekit.transports.serial._WRITE_TIMEOUT_S", 0.2)

    async def connect():
        master, slave = os.openpty()
        try:
            (transport,) = open_transports(f"serial:{os.ttyname(slave)}").values()
            await transport.open()
            with pytest.raises(ConnectionLostError):
                await transport.send(bytes(1 << 20))
            await transport.close()
        finally:
            os.close(master)
            os.close(slave)

    asyncio.run(connect())


def test_a_socket_in_use_by_another_client_is_a_lost_connection():
    async def connect():
        async with Server(f"sim:{WALK}") as server, solekit.connect(server.uris["left"]) as first:
            (second,) = open_transports(server.uris["left"]).values()
            await second.open()
            with pytest.raises(ConnectionLostError):
                await read_all(second)
            await second.close()
            assert await first.settings("noise") == 4

    asyncio.run(connect())


def test_a_server_that_goes_away_is_a_lost_connection():
    async def connect():
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(Server(f"sim:{WALK}"))
            (transport,) = open_transports(server.uris["left"]).values()
            await transport.open()
            reading = asyncio.create_task(read_all(transport))
            await ask(transport, m.HELLO)
            await stack.aclose()
            with pytest.raises(ConnectionLostError):
                await reading
            await transport.close()

    asyncio.run(connect())
