"""The SDK over unmodified bleak, a virtual BlueZ and the very firmware in MicroPython: data."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

pytest.importorskip("dbus_fast", reason="the virtual BlueZ is for Linux")

from solecore.wire import gatt
from solekit.errors import ConnectionLostError
from solekit.insole import Insole
from solekit.pair import Pair, connect_pair
from solekit.transports import ble

from .virtual import LEFT, PATIENCE_S, play, transport, until, until_frames

pytestmark = [pytest.mark.mpy32, pytest.mark.bluez]


@pytest.mark.parametrize("mtu", [23, 100, 247])
def test_every_frame_arrives_at_any_mtu(mtu):
    async def story():
        one = transport(f"layout=cells-16&mtu={mtu}")
        async with Insole(one) as insole:
            await insole.start()
            await until_frames(insole, 60)
            losses = await insole.stop()
            double = one.pair.rig.double
            assert {device.connection.att_mtu for device in double.devices.values()} == {mtu}
        assert losses["pressure"].received >= 60
        for loss in losses.values():
            assert loss.holds
            assert loss.missing == 0

    play(story)


def test_the_grid_is_not_streamed_where_it_would_not_fit():
    async def story():
        one = transport("layout=grid-30x22&mtu=23")
        async with Insole(one) as insole:
            await insole.start()
            async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(insole.events()) as events:
                async for event in events:
                    if event.kind == "to":
                        break
            losses = await insole.stop()
        assert losses["events"].received > 0
        assert losses["events"].missing == 0
        assert losses["pressure"].received == 0
        assert losses["pressure"].holds

    play(story)


def test_two_insoles_at_once_lose_nothing():
    async def story():
        async with connect_pair("mpy:walk?ble=1&layout=grid-30x22&log=0") as pair:
            await pair.start()
            for insole in pair.feet.values():
                await until_frames(insole, 30)
            losses = await pair.stop()
        assert list(losses) == ["left", "right"]
        for side in losses.values():
            assert side["pressure"].received >= 30
            assert all(loss.holds and loss.missing == 0 for loss in side.values())

    play(story)


def test_a_slow_reader_neither_loses_nor_stalls():
    async def story():
        one = transport("layout=cells-16")
        async with Insole(one) as insole:
            await insole.start()
            async with contextlib.aclosing(insole.frames()) as slow:
                async for _ in slow:  # takes one while twenty come
                    await until_frames(insole, 20)
                    if insole.progress()[0] >= 100:
                        break
            losses = await insole.stop()
        assert losses["pressure"].received >= 100
        assert losses["pressure"].missing == 0
        assert one.n_overflowed == 0

    play(story)


def test_a_program_that_is_stuck_loses_only_what_was_acquired():
    """The reason for StartNotify: AcquireNotify is a socket, and a socket fills."""

    async def story():
        from bleak import BleakClient, BleakScanner

        n, value = 1000, bytes(244)
        pair = transport("layout=cells-4").pair
        await pair.open("left")
        double = pair.rig.double
        device = await BleakScanner.find_device_by_address(LEFT, PATIENCE_S)
        async with BleakClient(device, timeout=PATIENCE_S) as client:
            await client.pair()
            counts = {gatt.DATA: 0, gatt.LOG: 0}

            def count(characteristic, _):
                counts[characteristic.uuid] += 1

            for uuid, is_started in ((gatt.DATA, True), (gatt.LOG, False)):
                await client.start_notify(uuid, count, bluez={"use_start_notify": is_started})
            both = [
                one for one in double.devices[LEFT].characteristics() if str(one.UUID) in counts
            ]

            async def arrive():
                for _ in range(n):
                    for one in both:
                        one.on_value(value)

            # The result is waited for without the loop: this program does nothing else meanwhile.
            asyncio.run_coroutine_threadsafe(arrive(), pair.rig.loop).result(PATIENCE_S)
            await until(lambda: counts[gatt.DATA] + counts[gatt.LOG] + double.n_lost == 2 * n)
            assert counts[gatt.DATA] == n
            assert 0 < double.n_lost == n - counts[gatt.LOG]
        await pair.close("left")

    play(story)


def test_a_queue_that_is_full_drops_data_and_counts_them(monkeypatch):
    monkeypatch.setattr(ble, "MAX_WAITING", 4)

    async def story():
        one = transport("layout=cells-16")
        async with Insole(one) as insole:
            await insole.start()
            await until_frames(insole, 5)
            # The reader stands still, and with it the queue of the transport fills.
            insole.reading.cancel()
            await asyncio.gather(insole.reading, return_exceptions=True)
            await until(lambda: one.n_overflowed)
            assert one.is_connected
            insole.is_streaming = False  # nobody is left to take the answer to a stop

    play(story)


def test_a_drop_is_mended_and_shows_as_a_gap_at_most():
    async def story():
        one = transport("layout=cells-16")
        async with Insole(one) as insole:
            await insole.start()
            await until_frames(insole, 30)
            await one.pair.rig.drop(LEFT)
            await until(lambda: one.n_reconnects)
            await until_frames(insole, 30)
            losses = await insole.stop()
            device = one.pair.rig.double.devices[LEFT]
            assert device.connection.is_encrypted  # by the bond: nobody paired again
        assert losses["pressure"].received >= 60
        for loss in losses.values():
            assert loss.holds
            assert loss.duplicates == 0

    play(story)


@pytest.mark.parametrize("copies", [2, 3])
def test_copies_that_bluez_makes_after_a_drop_reach_nobody(copies):
    async def story():
        one = transport("layout=grid-30x22&mtu=100")  # a frame in several pieces
        one.pair.stale_notify = copies
        async with Insole(one) as insole:
            await insole.start()
            await until_frames(insole, 10)
            assert one.n_duplicates == 0
            await one.pair.rig.drop(LEFT)
            await until(lambda: one.n_reconnects)
            await until_frames(insole, 20)
            await insole.settings("noise")  # an answer comes once, too
            losses = await insole.stop()
        assert one.n_duplicates > 20 * (copies - 1)
        for loss in losses.values():
            assert loss.holds
            assert loss.duplicates == 0

    play(story)


def test_values_that_bluez_loses_are_declared_missing():
    async def story():
        one = transport("layout=cells-16&loss=0.15&duplicate=0.1")
        async with Insole(one) as insole:
            await insole.start()
            await until_frames(insole, 150)
            losses = await insole.stop()
        assert losses["pressure"].missing + losses["imu"].missing > 0
        assert one.n_duplicates > 0
        for loss in losses.values():
            assert loss.holds
            assert loss.duplicates == 0

    play(story)


def test_an_insole_out_of_range_is_taken_up_again_when_it_is_back():
    async def story():
        one = transport("layout=cells-16")
        async with Insole(one) as insole:
            await insole.start()
            await until_frames(insole, 10)
            peripheral = one.pair.rig.peripherals[LEFT]
            await one.pair.rig.call(peripheral.go_away())
            await until(lambda: not one.is_connected)
            await one.send(b"\x06\x01")  # dropped, and no error: who needs an answer asks again
            await one.pair.rig.call(peripheral.come_back())
            await until(lambda: one.n_reconnects)
            await until_frames(insole, 10)
            losses = await insole.stop()
        assert all(loss.holds for loss in losses.values())

    play(story)


def test_an_insole_that_stays_away_is_lost_in_the_end(monkeypatch):
    monkeypatch.setattr(ble, "SCAN_S", 0.2)

    async def story():
        one = transport("layout=cells-4", reconnect_s=1.0)
        async with Insole(one) as insole:
            await insole.start()
            await until_frames(insole, 5)
            await one.pair.rig.call(one.pair.rig.peripherals[LEFT].go_away())
            with pytest.raises(ConnectionLostError, match="no new link within 1 s") as caught:
                await until_frames(insole, 10_000)
            assert caught.value.uri == one.uri

    play(story)


def test_a_foot_whose_firmware_ends_is_lost_with_what_it_said():
    async def story():
        one = transport("layout=cells-4")
        async with Insole(one) as insole:
            await insole.start()
            await until_frames(insole, 5)
            one.pair.feet["left"].kill()
            with pytest.raises(ConnectionLostError, match="MicroPython ended"):
                await until_frames(insole, 10_000)

    play(story)


def test_a_recording_over_the_air_is_whole(tmp_path):
    async def story():
        async with connect_pair("mpy:walk?ble=1&layout=cells-16&side=right&log=0") as pair:
            assert isinstance(pair, Pair)
            pair.record_to(tmp_path / "walk.mcap")
            await pair.start()
            await until_frames(pair.feet["right"], 100)
            return await pair.stop()

    play(story)
    from solekit import Recording

    foot = Recording(tmp_path / "walk.mcap").feet["right"]
    assert foot.loss["pressure"].holds
    assert foot.loss["pressure"].missing == 0
    assert foot.seq.size >= 100
