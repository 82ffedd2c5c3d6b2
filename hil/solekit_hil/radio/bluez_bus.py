"""A private D-Bus "system" bus, which bleak finds by DBUS_SYSTEM_BUS_ADDRESS."""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from solekit.errors import TransportError

VARIABLE = "DBUS_SYSTEM_BUS_ADDRESS"
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 5.0
_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def daemon() -> Path | None:
    """Return the program dbus-daemon, None if this machine has none."""
    found = shutil.which("dbus-daemon")
    return Path(found) if found else None


class PrivateBus:
    """A bus of its own, used as ``async with``; while it lasts this process's bleak is on it."""

    def __init__(self) -> None:
        self.address = ""
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._before: str | None = None

    async def __aenter__(self) -> PrivateBus:
        program = daemon()
        if program is None:
            raise TransportError(
                "a virtual BlueZ needs dbus-daemon (Linux); on Debian and Ubuntu: "
                "apt-get install dbus-daemon"
            )
        # A short path: a socket's ends at 107 bytes.
        self._folder = tempfile.TemporaryDirectory(prefix="solekit-bus-")
        folder = Path(self._folder.name)
        configuration = folder / "bus.conf"
        configuration.write_text(_CONFIGURATION.format(socket=folder / "bus"), encoding="utf-8")
        self._process = self._start(program, configuration)
        atexit.register(self._process.kill)  # for a program that ends without closing
        assert self._process.stdout
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                line = await asyncio.to_thread(self._process.stdout.readline)
        except BaseException:
            await self.__aexit__()
            raise
        if not line:
            assert self._process.stderr
            reason = self._process.stderr.read().decode(errors="replace").strip()
            await self.__aexit__()
            raise TransportError(f"dbus-daemon did not start: {reason or 'no message'}")
        self.address = line.decode().strip()
        self._before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = self.address
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.address and os.environ.get(VARIABLE) == self.address:
            if self._before is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = self._before
        self.address = ""
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._end)
            atexit.unregister(self._process.kill)
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @staticmethod
    def _start(program: Path, configuration: Path) -> subprocess.Popen[bytes]:
        options = ("--nofork", "--nopidfile", "--nosyslog", "--print-address=1")
        return subprocess.Popen(
            [program, f"--config-file={configuration}", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the program, which then ends the bus
        )

    def _end(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()
