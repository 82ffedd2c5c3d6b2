"""What tests of the SDK over the virtual BlueZ share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from solekit.insole import Insole
from solekit.transports import WallClock, open_transports
from solekit_hil.radio.virtual import ADDRESSES, VirtualBleTransport

LEFT = ADDRESSES["left"]
PATIENCE_S = 15.0


def transport(arguments: str = "", *, reconnect_s: float = 60.0) -> VirtualBleTransport:
    """Return the left foot of a virtual pair, 16 cells unless ``arguments`` say otherwise."""
    (one,) = open_transports(f"mpy:walk?ble=1&side=left&log=0&{arguments}").values()
    assert isinstance(one, VirtualBleTransport)
    one.reconnect_s = reconnect_s
    return one


def play(story) -> None:
    """Run ``story`` and let the tasks of bleak and dbus-fast end."""

    async def all_of_it():
        await story()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=2.0)

    asyncio.run(all_of_it())


async def until_frames(insole: Insole, n: int) -> None:
    """Wait until ``n`` frames more have come."""
    wanted = insole.progress()[0] + n
    async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(insole.frames()) as frames:
        async for _ in frames:
            if insole.progress()[0] >= wanted:
                return


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so that nothing tells of."""
    clock = WallClock()
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await clock.sleep(0.02)
