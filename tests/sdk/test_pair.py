from __future__ import annotations

import asyncio
import contextlib

import pytest

import solekit
from solekit.errors import TransportSpecError
from solekit.insole import Insole
from solekit.pair import Pair
from solekit.transports import open_transports
from solekit_hil.serve import Server

LEFT = "sim:walk?layout=cells-4&side=left"
RIGHT = "sim:walk?layout=cells-4&side=right"


def refused(pair: Pair) -> str:
    """Return the one error of connecting ``pair``."""

    async def connect():
        async with pair:
            pass

    with pytest.raises(TransportSpecError) as caught:
        asyncio.run(connect())
    assert not pair.feet
    return str(caught.value)


def test_a_pair_is_its_two_feet_by_side():
    async def connect():
        async with solekit.connect_pair("sim:walk?layout=cells-4") as pair:
            assert list(pair.feet) == ["left", "right"]
            assert {side: insole.side for side, insole in pair.feet.items()} == {
                "left": "left",
                "right": "right",
            }
            assert pair.duration_s == float("inf")
            assert not pair.is_broken
            await pair.start()
            await pair.clock.sleep(1.0)
            assert "left" in pair.status()

    asyncio.run(connect())


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_named_foot_is_a_pair_of_one(side):
    async def connect():
        uri = LEFT if side == "left" else RIGHT
        async with solekit.connect_pair(**{side: uri}) as pair:
            return list(pair.feet)

    assert asyncio.run(connect()) == [side]


def test_a_pair_named_for_one_side_gives_that_side():
    async def connect():
        async with solekit.connect_pair(right="sim:walk?layout=cells-4") as pair:
            return list(pair.feet)

    assert asyncio.run(connect()) == ["right"]


def test_a_foot_named_as_the_other_one_says_to_swap_them():
    text = refused(solekit.connect_pair(left=RIGHT))
    assert RIGHT in text
    assert "swap --left and --right" in text
    assert "swap" in refused(solekit.connect_pair(right=LEFT))


def test_both_feet_swapped_are_noticed_too():
    assert "swap" in refused(solekit.connect_pair(left=RIGHT, right=LEFT))


def test_two_insoles_of_the_same_side_are_one_clear_error():
    transports = [next(iter(open_transports(LEFT).values())) for _ in range(2)]
    text = refused(Pair([Insole(transport) for transport in transports]))
    assert "both say they are the left foot" in text


def test_two_virtual_insoles_of_two_worlds_are_no_pair():
    text = refused(solekit.connect_pair(left=LEFT, right=RIGHT))
    assert "one URI" in text


@pytest.mark.parametrize("named", [{}, {"uri": LEFT, "left": LEFT}, {"uri": LEFT, "right": RIGHT}])
def test_a_pair_is_named_by_one_uri_or_by_its_feet(named):
    with pytest.raises(TransportSpecError, match="not both"):
        solekit.connect_pair(**named)


def test_one_insole_is_not_to_be_a_pair():
    with pytest.raises(TransportSpecError, match="side=left"):
        solekit.connect("sim:walk")


def test_two_insoles_behind_two_sockets_are_a_pair(tmp_path):
    async def walk():
        async with Server("sim:walk?layout=cells-16&seed=8") as server:
            assert list(server.uris) == ["left", "right"]
            async with solekit.connect_pair(**server.uris) as pair:
                pair.record_to(tmp_path / "walk.mcap")
                await pair.start()
                await pair.clock.sleep(1.2)
                return await pair.stop()

    losses = asyncio.run(walk())
    recording = solekit.Recording(tmp_path / "walk.mcap")
    for side, streams in losses.items():
        assert all(loss.holds and not loss.missing for loss in streams.values())
        assert recording.feet[side].seq.size > 50
    assert 0 < recording.clock_interval_s < 1.0


def test_events_of_both_feet_come_together_and_end_with_the_stop():
    async def walk():
        events = []
        async with solekit.connect_pair("sim:walk?layout=cells-16") as pair:

            async def follow():
                async for event in pair.events():
                    events.append(event)

            following = asyncio.create_task(follow())
            await asyncio.sleep(0)
            await pair.start()
            await pair.clock.sleep(10.0)
            losses = await pair.stop()
            await following
        return events, losses

    events, losses = asyncio.run(walk())
    for side in ("left", "right"):
        found = [event for event in events if event.side == side]
        assert len(found) == losses[side]["events"].received
        assert {event.kind for event in found} >= {"ic", "to"}


def test_who_stops_following_events_leaves_nothing_running():
    def followers():
        names = [task.get_name() for task in asyncio.all_tasks()]
        return sum(name.startswith("solekit events") for name in names)

    async def walk():
        async with solekit.connect_pair("sim:walk?layout=cells-16") as pair:
            await pair.start()
            async with contextlib.aclosing(pair.events()) as live:
                async for _ in live:
                    during = followers()
                    break
            after = followers()
            await pair.clock.sleep(2.0)
            await pair.stop()
        return during, after

    assert asyncio.run(walk()) == (2, 0)


def test_connecting_fails_whole_if_one_foot_fails():
    async def connect():
        transports = open_transports("sim:walk?layout=cells-4")
        broken = Insole(transports["right"])

        async def fail():
            raise TransportSpecError("broken on purpose")

        broken.info = fail
        pair = Pair([Insole(transports["left"]), broken])
        with pytest.raises(TransportSpecError, match="on purpose"):
            await pair.__aenter__()
        assert not pair.feet

    asyncio.run(connect())
