"""``sim:walk?air=ble``: the firmware's radio link in virtual time, with connections that end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

import solekit
from solekit.errors import ConnectionLostError, TransportSpecError
from solekit_hil.radio.ble_world import SUPERVISION_US

LEFT_AT_STOP = 20  # samples: what the stop finds waiting goes to the log, and comes from there


@dataclass
class Walk:
    """What a walk over the radio has left."""

    losses: dict[str, dict[str, Any]]
    feet: dict[str, Any]  # the virtual ones
    recording: solekit.Recording

    @property
    def all_losses(self) -> list[Any]:
        return [loss for losses in self.losses.values() for loss in losses.values()]


def walk(uri: str, duration_s: float, path, bytes_per_event: int | None = None) -> Walk:
    async def run() -> Walk:
        async with solekit.connect_pair(uri) as pair:
            transport: Any = next(iter(pair.feet.values())).transport
            assert transport.is_message_based
            feet = {name: side.foot for name, side in transport.world.sides.items()}
            pair.record_to(path)
            await pair.start()
            usual = {name: foot.radio.bytes_per_event for name, foot in feet.items()}
            for foot in feet.values() if bytes_per_event is not None else ():
                foot.radio.bytes_per_event = bytes_per_event
            await pair.clock.sleep(duration_s)
            for name, foot in feet.items():
                foot.radio.bytes_per_event = usual[name]
            losses = await pair.stop()
        return Walk(losses, feet, solekit.Recording(path))

    return asyncio.run(run())


@pytest.mark.parametrize("stack", ["nimble", "btstack"])
def test_two_feet_stream_over_the_radio_without_a_loss(tmp_path, stack):
    walked = walk(f"sim:walk?air=ble&stack={stack}", 10.0, tmp_path / "w.mcap")
    for loss in walked.all_losses:
        assert loss.holds
        assert loss.missing == 0
        assert loss.back_filled <= LEFT_AT_STOP
    assert {side: foot.loss for side, foot in walked.recording.feet.items()} == walked.losses
    assert walked.losses["left"]["pressure"].sampled > 300
    for foot in walked.feet.values():
        assert foot.link.mtu == 247
        assert foot.n_reconnects == 0


@pytest.mark.parametrize("stack", ["nimble", "btstack"])
def test_a_cut_is_a_lost_connection_and_a_new_one_and_the_log_fills_the_gap(tmp_path, stack):
    uri = f"sim:walk?air=ble&layout=cells-16&stack={stack}&cut=8-18"
    walked = walk(uri, 24.0, tmp_path / "w.mcap")
    for loss in walked.all_losses:
        assert loss.holds
        assert loss.missing == 0
    for side, foot in walked.feet.items():
        assert foot.n_reconnects == 1
        assert foot.link.is_up  # encrypted with the bond of the start
        frames = walked.losses[side]["pressure"]
        assert frames.back_filled > 400
        assert frames.received > 800
        numbers = walked.recording.feet[side].seq
        assert list(numbers) == list(range(int(numbers[0]), int(numbers[0]) + frames.sampled))


def test_a_short_cut_is_no_lost_connection(tmp_path):
    uri = f"sim:walk?air=ble&layout=cells-16&side=left&cut=8-{8 + SUPERVISION_US * 0.5e-6}"
    walked = walk(uri, 14.0, tmp_path / "w.mcap")
    assert walked.feet["left"].n_reconnects == 0
    assert all(loss.holds and loss.missing == 0 for loss in walked.all_losses)


@pytest.mark.parametrize("bytes_per_event", [100, 0])
def test_a_slow_reader_makes_btstack_queue_no_more_than_the_outboxes_hold(
    tmp_path, bytes_per_event
):
    uri = "sim:walk?air=ble&stack=btstack&side=left"
    walked = walk(uri, 15.0, tmp_path / "w.mcap", bytes_per_event)
    radio = walked.feet["left"].radio
    settings = walked.feet["left"].foot.app.settings
    assert radio.max_queue_bytes < 2 * settings.outbox_bytes
    assert radio.max_queue_bytes > 5_000
    assert all(loss.holds and loss.missing == 0 for loss in walked.all_losses)
    assert walked.losses["left"]["pressure"].back_filled > 100


def test_without_a_log_what_the_cut_took_is_declared_missing(tmp_path):
    uri = "sim:walk?air=ble&layout=cells-16&side=left&log=0&cut=8-14"
    walked = walk(uri, 20.0, tmp_path / "w.mcap")
    assert all(loss.holds for loss in walked.all_losses)
    assert walked.losses["left"]["pressure"].missing > 100
    assert walked.feet["left"].n_reconnects == 1


@pytest.mark.parametrize("mtu", [23, 100])
def test_a_narrow_radio_carries_a_small_insole(tmp_path, mtu):
    uri = f"sim:walk?air=ble&layout=cells-4&mtu={mtu}&interval_ms=15"
    walked = walk(uri, 8.0, tmp_path / "w.mcap")
    assert all(loss.holds and loss.missing == 0 for loss in walked.all_losses)
    assert all(foot.link.mtu == mtu for foot in walked.feet.values())


def test_under_an_mtu_of_100_the_grid_is_told_by_events_and_its_frames_by_the_log(tmp_path):
    walked = walk("sim:walk?air=ble&side=left&mtu=60&interval_ms=15", 10.0, tmp_path / "w.mcap")
    assert all(loss.holds and loss.missing == 0 for loss in walked.all_losses)
    assert walked.losses["left"]["events"].received > 20
    assert walked.losses["left"]["pressure"].received == 0
    assert walked.losses["left"]["pressure"].back_filled > 250


def test_the_same_walk_over_the_radio_is_the_same_file(tmp_path):
    paths = [tmp_path / "one.mcap", tmp_path / "two.mcap"]
    for path in paths:
        walk("sim:walk?air=ble&layout=cells-16&cut=8-13", 15.0, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_radio_that_stays_away_is_a_lost_connection(tmp_path):
    with pytest.raises(ConnectionLostError, match="cut at 8 s"):
        walk("sim:walk?air=ble&layout=cells-4&side=left&cut=8", 12.0, tmp_path / "w.mcap")


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("mpy:walk?air=ble", "for sim:"),
        ("sim:walk?air=ble&pty=1", "without pty"),
        ("sim:walk?air=ble&electronics=1", "electronics"),
        ("sim:walk?air=ble&loss=0.1", "cut only"),
        ("sim:walk?air=ble&interval_ms=2", "7.5 to 4000"),
        ("sim:walk?air=radio", "stream or ble"),
    ],
)
def test_what_the_radio_does_not_know_is_refused_with_the_reason(tmp_path, uri, reason):
    with pytest.raises(TransportSpecError, match=reason):
        walk(uri, 1.0, tmp_path / "w.mcap")
