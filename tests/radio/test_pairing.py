"""Who may listen: pairing and bonds of the very firmware, bumble to bumble."""

from __future__ import annotations

import asyncio

import pytest
from bumble.core import BaseBumbleError

from solecore.wire import gatt
from solecore.wire import messages as m

pytestmark = pytest.mark.mpy32

HELLO = m.HELLO.pack(m.PROTOCOL_VERSION, 1)
START = m.START.pack(2, 0, 32)
STRANGER = "F0:F1:00:00:00:99"


async def bonded(bench, **options):
    """Return a central that has bonded with the foot in its window and is subscribed."""
    bench.press_button()
    central = await bench.central(**options)
    connection = await central.connect()
    await connection.pair()
    await central.subscribe()
    return central


def test_a_central_bonds_in_the_window_by_secure_connections_without_a_display(on_bench):
    async def story(bench):
        central = await bonded(bench)
        assert central.connection.is_encrypted
        assert central.connection.sc
        keys = dict(await central.keys.get_all())["F0:5E:00:00:00:01"]
        assert len(keys.ltk.value) == 16
        assert not keys.ltk.authenticated  # Just Works keeps nobody from listening in
        await central.write(HELLO)
        reply = m.HELLO_REPLY.unpack(await central.until(gatt.CTRL, m.HELLO_REPLY))
        assert bytes(reply["text"]).startswith(b"TEST-1\0cells-16")
        await central.leave()

    on_bench(story)


def test_outside_the_window_a_central_is_sent_away_and_heard_by_nobody(on_bench):
    async def story(bench):
        central = await bench.central()
        connection = await central.connect()
        await central.subscribe()
        try:  # the pairing may pass, the foot lets go right after it
            await connection.pair()
            await central.write(HELLO)
        except (BaseBumbleError, asyncio.CancelledError):
            pass
        await bench.until_alone()
        assert await central.hears_nothing()
        assert bench.peripheral.n_sent == 0
        # The foot kept no key: what the central kept is worth nothing.
        again = await central.connect()
        await central.subscribe()
        if await central.keys.get("F0:5E:00:00:00:01"):
            with pytest.raises((BaseBumbleError, asyncio.CancelledError)):
                await again.encrypt()
        with pytest.raises((BaseBumbleError, asyncio.CancelledError)):
            await central.write(HELLO)
        assert await central.hears_nothing()
        await bench.peripheral.drop()

    on_bench(story)


def test_a_client_without_a_bond_that_writes_the_cccd_gets_nothing(on_bench):
    async def story(bench):
        owner = await bonded(bench)
        await owner.write(START)
        await owner.until(gatt.DATA, m.FRAMES_RAW12)  # the foot streams
        await owner.leave()
        await bench.until_alone()
        stranger = await bench.central(STRANGER)
        await stranger.connect()
        n_before = bench.peripheral.n_sent
        await stranger.subscribe()
        with pytest.raises(BaseBumbleError):
            await stranger.write(HELLO)
        assert (await stranger.read(gatt.INFO))[0] == m.PROTOCOL_VERSION  # it is connected
        assert await stranger.hears_nothing(0.8)
        assert bench.peripheral.n_sent == n_before
        await stranger.leave()
        await bench.until_alone()
        # The same foot still speaks to the one it knows.
        connection = await owner.connect()
        await connection.encrypt()
        await owner.subscribe()
        await owner.write(START)
        await owner.until(gatt.DATA, m.FRAMES_RAW12)
        await owner.leave()

    on_bench(story)


def test_a_pairing_that_does_not_bond_opens_nothing(on_bench):
    async def story(bench):
        bench.press_button()
        central = await bench.central(bonding=False)
        connection = await central.connect()
        await connection.pair()
        assert connection.is_encrypted
        await central.subscribe()
        await central.write(HELLO)  # the link layer lets it through, the firmware does not listen
        assert await central.hears_nothing()
        await central.leave()

    on_bench(story)


def test_a_bond_outlives_the_connection_and_a_restart_of_the_foot(on_bench):
    async def story(bench):
        central = await bonded(bench)
        await central.write(HELLO)
        first = m.HELLO_REPLY.unpack(await central.until(gatt.CTRL, m.HELLO_REPLY))
        await central.leave()
        await bench.until_alone()
        for restarts in (False, True):
            if restarts:  # and with it the window is shut
                await bench.until_restarted()
            connection = await central.connect()
            assert not connection.is_encrypted
            await connection.encrypt()
            assert connection.is_encrypted
            await central.subscribe()
            await central.write(HELLO)
            again = m.HELLO_REPLY.unpack(await central.until(gatt.CTRL, m.HELLO_REPLY))
            assert again["boot"] == first["boot"] + restarts
            await central.leave()
            await bench.until_alone()

    on_bench(story)


def test_a_new_central_is_refused_after_a_restart_that_shut_the_window(on_bench):
    async def story(bench):
        owner = await bonded(bench)
        await owner.leave()
        await bench.until_alone()
        await bench.until_restarted()
        stranger = await bench.central(STRANGER)
        connection = await stranger.connect()
        await stranger.subscribe()
        try:
            await connection.pair()
            await stranger.write(HELLO)
        except (BaseBumbleError, asyncio.CancelledError):
            pass
        await bench.until_alone()
        assert await stranger.hears_nothing()

    on_bench(story)
