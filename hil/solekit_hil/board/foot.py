"""One virtual insole, stepped from outside: the real App on a board whose cells are handed in."""

from array import array

from solecore.layouts import Geometry
from solefoot.app.app import App
from solefoot.app.profiles import Profile
from solefoot.app.settings import Calibration, Settings
from solefoot.links.stream import StreamLink

FRAME: int = 1  # payload: u16 counts of every cell, then i16 words of the IMU
DOWNLINK: int = 2  # payload: bytes from the host
SERVE: int = 3  # nothing new; give the link a turn


class StepClock:
    """Ticks that are whatever the last step said."""

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks

    def ticks_us(self) -> int:
        """Return microseconds modulo 2**30."""
        return self.ticks


class HandedBoard:
    """Cells and IMU words of the step in progress."""

    def __init__(self, n_cells: int) -> None:
        self._n_bytes = 2 * n_cells
        self.payload = b""

    def scan_into(self, raw) -> None:
        """Copy the counts of this frame."""
        memoryview(raw)[:] = array("H", self.payload[: self._n_bytes])

    def read_imu_into(self, words) -> None:
        """Copy the IMU words of this frame."""
        memoryview(words)[:] = array("h", self.payload[self._n_bytes :])


class MemoryPort:
    """A byte stream whose far end is the caller of ``VirtualFoot.step``."""

    def __init__(self) -> None:
        self.incoming = b""
        self.outgoing = bytearray()

    def write(self, view) -> int:
        """Take bytes from the link."""
        self.outgoing.extend(view)
        return len(view)

    def read(self, n: int):
        """Give at most ``n`` bytes to the link."""
        data = self.incoming[:n]
        self.incoming = self.incoming[n:]
        return data


def settings_from(spec: dict, geometry_table, calibration_table) -> Settings:
    """Build the settings of a virtual insole from ``spec`` and its two tables (u16 arrays)."""
    geometry = Geometry(
        spec["layout"], spec["rows"], spec["cols"], spec["length"], spec["width"], geometry_table
    )
    profile = Profile(
        spec["layout"], spec["period_us"], spec["form"], spec["imu_axes"], spec["imu_per_frame"]
    )
    return Settings(
        geometry,
        profile,
        side=spec["side"],
        serial=spec["serial"],
        boot=spec["boot"],
        calibration=Calibration(calibration_table, spec["calibration_id"], spec["force_lsb_un"]),
        firmware=spec["firmware"],
        body_weight=spec["body_weight"],
        noise=spec["noise"],
        outbox_bytes=spec["outbox_bytes"],
    )


class VirtualFoot:
    """The App, stepped: every step has a kind, the foot's ticks and a payload."""

    def __init__(self, settings: Settings, ticks: int, kernels: tuple) -> None:
        self._clock = StepClock(ticks)
        self._board = HandedBoard(settings.geometry.n_cells)
        self._port = MemoryPort()
        self.app = App(
            self._board, StreamLink(self._port, kernels[0]), self._clock, settings, kernels
        )

    def step(self, kind: int, ticks: int, payload: bytes) -> bytes:
        """Let one thing happen at ``ticks``; return the bytes that the foot sent."""
        self._clock.ticks = ticks
        port = self._port
        if kind == FRAME:
            self._board.payload = payload
            self.app.sample()
        elif kind == DOWNLINK:
            port.incoming = port.incoming + payload
        self.app.serve()
        while port.incoming:
            self.app.serve()
        sent = bytes(port.outgoing)
        port.outgoing = bytearray()
        return sent
