"""Virtual Bluetooth as one thing: private bus, BlueZ double and the radios of feet.

It runs in a thread with a loop of its own: the program whose bleak talks to it may be slow, or
stuck, and the air goes on as it does in life.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from solekit.errors import TransportError
from solekit_hil.radio.bluez import BluezDouble
from solekit_hil.radio.bluez_bus import PrivateBus
from solekit_hil.radio.bluez_device import Faults
from solekit_hil.radio.ether import Ether
from solekit_hil.radio.peripheral import Peripheral, Shape

_START_TIMEOUT_S = 20.0
_END_TIMEOUT_S = 3.0
T = TypeVar("T")


class Rig:
    """Radios for the feet at ``addresses``, and the BlueZ of this process while it runs.

    ``mtu`` is what the computer asks for, ``foot_mtu`` the most that a foot's radio grants.
    """

    def __init__(
        self,
        addresses: Iterable[str],
        *,
        mtu: int = 517,
        foot_mtu: int = 517,
        faults: Faults | None = None,
        shape: Shape | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.bus_address = ""
        self.ports: dict[str, int] = {}  # where the shim of each foot connects to
        self.peripherals: dict[str, Peripheral] = {}
        self.double: BluezDouble | None = None
        self._addresses = list(addresses)
        self._mtu = mtu
        self._foot_mtu = foot_mtu
        self._shape = shape
        self.loop: asyncio.AbstractEventLoop | None = None  # of the thread
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._is_up = threading.Event()
        self._error: BaseException | None = None
        self._level = logging.NOTSET

    async def __aenter__(self) -> Rig:
        self._is_up.clear()
        # A daemon: a program that fails without closing must not hang.
        self._thread = threading.Thread(target=self._run, name="solekit radio", daemon=True)
        self._thread.start()
        await asyncio.to_thread(self._is_up.wait, _START_TIMEOUT_S)
        if self._error is not None or not self._is_up.is_set():
            error = self._error
            await self.__aexit__()
            if isinstance(error, TransportError):
                raise error
            raise TransportError(f"the virtual radio did not start: {error!r}") from error
        # bleak warns that it finds no bluetoothctl, and when the bus goes at the end.
        self._level = logging.getLogger("bleak").level
        logging.getLogger("bleak").setLevel(logging.ERROR)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._thread is None:
            return
        await _leave_bus()
        if self.loop is not None and self._stop is not None and self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
        await asyncio.to_thread(self._thread.join)
        self._thread = None
        logging.getLogger("bleak").setLevel(self._level)

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of ``work``, run in the rig's own loop."""
        assert self.loop is not None, "start the rig first"
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    async def drop(self, address: str) -> None:
        """End the connection of one foot, as when it goes out of range."""
        await self.call(self.peripherals[address].drop())

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # the thread that waits is to know
            self._error = error
        finally:
            self._is_up.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        ether = Ether()
        async with AsyncExitStack() as stack:
            bus = await stack.enter_async_context(PrivateBus())
            self.bus_address = bus.address
            self.double = await stack.enter_async_context(
                BluezDouble(ether, bus.address, mtu=self._mtu, faults=self.faults)
            )
            for address in self._addresses:
                peripheral = Peripheral(ether, address, shape=self._shape, mtu=self._foot_mtu)
                self.peripherals[address] = await stack.enter_async_context(peripheral)
                self.ports[address] = peripheral.port
            self._is_up.set()
            await self._stop.wait()
        await _settle()


async def _settle() -> None:
    """Let what is on its way out end by itself; bumble starts tasks that nobody waits for."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, stuck = await asyncio.wait(others, timeout=_END_TIMEOUT_S)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


async def _leave_bus() -> None:
    """Let bleak let go of the bus: it keeps one connection for as long as the loop lives.

    There is no public way; without it the end of the bus is reported as an accident.
    """
    try:
        from bleak.backends.bluezdbus import manager
    except ImportError:  # not on Linux
        return
    managers: Any = getattr(manager, "_global_instances", {})
    one = managers.get(asyncio.get_running_loop())
    bus = getattr(one, "_bus", None)
    if bus is not None and bus.connected:
        bus.disconnect()
        await bus.wait_for_disconnect()
        watcher = getattr(one, "_bus_watcher_task", None)
        if watcher is not None:
            await asyncio.wait({watcher})
