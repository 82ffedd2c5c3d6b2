from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

import solekit
from solecore.wire import messages as m
from solekit.errors import (
    ConnectionLostError,
    DeviceError,
    ProtocolMismatchError,
    RequestTimeoutError,
)
from solekit.recording import Recording, RecordingWriter
from tests.sdk.insoles import LEFT, SMALL, changed, with_insole


def test_an_insole_says_what_it_is():
    async def look(insole):
        return await insole.info()

    info = with_insole("sim:walk?side=right&seed=12", look)
    assert (info.side, info.layout_name, info.n_cells) == ("right", "grid-30x22", 660)
    assert (info.serial, info.firmware) == ("VIRTUAL-0012-R", solekit.__version__)
    assert (info.form, info.imu_axes) == ("coded8", 6)
    assert info.imu_rate_hz == pytest.approx(4 * info.rate_hz, rel=1e-4)
    assert info.layout.n_cells == 660


def test_settings_are_read_and_set():
    async def change(insole):
        before = await insole.settings("dead_band")
        after = await insole.settings("dead_band", before + 4)
        return before, after, await insole.settings("dead_band"), await insole.settings("noise")

    before, after, again, noise = with_insole(SMALL, change)
    assert after == again == before + 4
    assert noise == 4


def test_a_setting_that_is_none_is_named_with_those_that_are():
    async def ask(insole):
        with pytest.raises(ValueError, match="body_weight"):
            await insole.settings("colour")
        with pytest.raises(ValueError, match="raw12"):
            await insole.start("raw16")

    with_insole(SMALL, ask)


@pytest.mark.parametrize(
    ("message", "values", "code"),
    [
        (m.SETTINGS, (m.DEAD_BAND, 1, 4000), m.BAD_VALUE),
        (m.SETTINGS, (99, 0, 0), m.BAD_VALUE),
        (m.START, (7, 32), m.NO_FIT),
        (m.TABLES, (5, 0), m.BAD_VALUE),
        (m.UPDATE, (1, 0), m.UNSUPPORTED),
        (m.POWER, (1, 0), m.UNSUPPORTED),
    ],
)
def test_a_refusal_carries_the_insoles_reason(message, values, code):
    async def ask(insole):
        with pytest.raises(DeviceError, match=message.name) as caught:
            await insole.request(message, *values)
        return caught.value

    error = with_insole(SMALL, ask)
    assert error.code == code
    assert len(error.text) > 5


def test_counters_tell_what_has_been_sampled():
    async def count(insole):
        await insole.start()
        await insole.clock.sleep(3.0)
        return await insole.stats()

    stats = with_insole(f"{SMALL}&log=0", count)
    assert stats["seq"][m.PRESSURE] == pytest.approx(90, abs=3)
    assert stats["n_dropped"] == (0,) * m.N_STREAMS
    assert stats["n_bad_frames"] == stats["n_overruns"] == 0


def test_half_of_all_messages_lost_still_succeeds_or_times_out():
    async def connect(seed):
        try:
            async with solekit.connect(f"{SMALL}&loss=0.5&seed={seed}") as insole:
                return await insole.settings("noise")
        except RequestTimeoutError as error:
            return error

    results = [asyncio.run(connect(seed)) for seed in range(12)]
    answered = [result for result in results if result == 4]
    timed_out = [result for result in results if isinstance(result, RequestTimeoutError)]
    assert len(answered) + len(timed_out) == len(results)
    assert answered
    assert timed_out


def test_no_answer_at_all_is_a_timeout_that_says_what_was_asked():
    async def connect():
        insole = solekit.connect(f"{SMALL}&loss=1")
        with pytest.raises(RequestTimeoutError, match="hello") as caught:
            await insole.__aenter__()
        return caught.value

    error = asyncio.run(connect())
    assert error.timeout_s == 4.0
    assert isinstance(error, TimeoutError)


def test_an_answer_that_comes_later_than_the_next_try_is_an_answer():
    async def ask(insole):
        return await insole.settings("noise"), insole.clock.now_s()

    noise, now_s = with_insole(f"{SMALL}&latency_ms=800&jitter_ms=0", ask)
    assert noise == 4
    assert now_s == pytest.approx(5 * 1.6, abs=0.5)  # hello, three tables, the setting


@pytest.mark.parametrize(("version", "who"), [(9, "this computer"), (0, "the firmware")])
def test_another_protocol_names_both_versions_and_who_must_update(version, who, tampered):
    def change(message):
        return [changed(message, 1, version) if message[0] == m.HELLO_REPLY.msg_id else message]

    async def connect():
        async with tampered(SMALL, change):
            pass

    with pytest.raises(ProtocolMismatchError, match=f"update .*{who}") as caught:
        asyncio.run(connect())
    assert (caught.value.device_version, caught.value.host_version) == (
        version,
        m.PROTOCOL_VERSION,
    )
    assert str(version) in str(caught.value)


class Noisy:
    """A line that carries garbage before and between the messages."""

    def __init__(self, inner, seed: int) -> None:
        self.inner = inner
        self.rng = random.Random(seed)

    def __getattr__(self, name):
        return getattr(self.inner, name)

    async def send(self, data):
        await self.inner.send(self.rng.randbytes(3000) + b"\0" + data)

    async def __aiter__(self):
        async with contextlib.aclosing(aiter(self.inner)) as chunks:
            yield 0.0, self.rng.randbytes(100_000)
            async for t_s, chunk in chunks:
                yield t_s, self.rng.randbytes(self.rng.choice([0, 10, 2000, 100_000])) + b"\0"
                at = self.rng.randrange(len(chunk) + 1)
                yield t_s, chunk[:at]
                yield t_s, chunk[at:]


def test_garbage_on_the_line_costs_no_message():
    async def walk():
        inner = solekit.connect(SMALL).transport
        async with solekit.Insole(Noisy(inner, 1)) as insole:
            await insole.start()
            await insole.clock.sleep(3.0)
            losses = await insole.stop()
            return losses, insole._link.n_bad_frames

    losses, n_bad = asyncio.run(walk())
    assert n_bad > 100
    for loss in losses.values():
        assert loss.holds
        assert loss.missing == 0


def test_an_insole_that_restarts_while_it_streams_is_lost(tampered):
    n_frames = 0

    def change(message):
        nonlocal n_frames
        n_frames += message[0] == m.FRAMES_RAW12.msg_id
        return [changed(message, 1, 0, 0) if n_frames > 20 and message[0] < 0x40 else message]

    async def walk():
        async with tampered(LEFT, change) as insole:
            await insole.start()
            await insole.clock.sleep(9.0)
            with pytest.raises(ConnectionLostError, match="restarted"):
                await insole.stop()
            return insole.losses

    losses = asyncio.run(walk())
    assert losses["pressure"].holds
    assert not losses["pressure"].end_known


def test_an_insole_that_restarted_in_silence_is_noticed_at_the_stop(tampered):
    def change(message):
        return [changed(message, 2, 0, 0) if message[0] == m.STOP_REPLY.msg_id else message]

    async def walk():
        async with tampered(LEFT, change) as insole:
            await insole.start()
            await insole.clock.sleep(2.0)
            with pytest.raises(ConnectionLostError, match="restarted"):
                await insole.stop()
            return insole.losses

    losses = asyncio.run(walk())
    assert losses["pressure"].holds
    assert not losses["pressure"].end_known
    assert losses["pressure"].missing == 0


def test_an_insole_that_restarts_between_connecting_and_starting_is_asked_again(
    tampered, tmp_path
):
    boot = (1, 1)

    def change(message):
        kind = message[0]
        if kind == m.HELLO_REPLY.msg_id:
            return [changed(message, 3, *boot)]
        if kind in (m.START_REPLY.msg_id, m.STOP_REPLY.msg_id):
            return [changed(message, 2, *boot)]
        return [changed(message, 1, *boot) if kind < 0x40 else message]

    async def walk():
        nonlocal boot
        async with tampered(LEFT, change) as insole:
            assert insole.known.boot == 0x0101
            boot = (2, 2)
            insole.writer = RecordingWriter(tmp_path / "walk.mcap")
            await insole.start()
            assert insole.known.boot == 0x0202
            await insole.clock.sleep(2.0)
            losses = await insole.stop()
            insole.writer.close()
        assert losses["pressure"].missing == 0

    asyncio.run(walk())
    (foot,) = Recording(tmp_path / "walk.mcap").feet.values()
    assert foot.info.boot == 0x0202
    assert foot.seq.size > 150


def test_starting_again_goes_on_and_stopping_twice_is_harmless():
    async def walk(insole):
        assert await insole.stop() == {}
        await insole.start()
        await insole.clock.sleep(1.0)
        await insole.start("raw8")
        await insole.clock.sleep(2.0)
        first = await insole.stop()
        return first, await insole.stop()

    first, second = with_insole(SMALL, walk)
    assert first == second
    assert first["pressure"].sampled == pytest.approx(60, abs=4)
    assert all(loss.holds and not loss.missing for loss in first.values())


def test_late_messages_after_the_stop_do_no_harm(tmp_path):
    async def walk():
        uri = "sim:walk?layout=cells-4&latency_ms=300&jitter_ms=600"
        async with solekit.connect_pair(uri) as pair:
            pair.record_to(tmp_path / "walk.mcap")
            await pair.start()
            await pair.clock.sleep(3.0)
            losses = await pair.stop()
            await pair.clock.sleep(3.0)
            assert not pair.is_broken
            return losses

    losses = asyncio.run(walk())
    assert all(loss.holds for streams in losses.values() for loss in streams.values())
